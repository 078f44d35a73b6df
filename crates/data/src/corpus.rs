//! Text to train on: files, cut into documents and sentences.
//!
//! A corpus is larger than the memory. So it is read once from end to end when it is opened, and
//! all that stays is where each document begins: 8 bytes for each. A document is read again when it
//! is asked for, from its place in its file. Files are read by offset and not mapped into memory:
//! it takes the same time, and a file that someone shortens meanwhile is an error then, where a
//! mapping would stop the process.
//!
//! Blank lines (white space and nothing else) and ends of files part the documents, as in Google's
//! `create_pretraining_data.py`.

mod files;
mod scan;
mod sentences;
#[cfg(test)]
mod tests;

use crate::Error;
use rayon::prelude::*;
use scan::scan_file;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

// ANCHOR: form
/// How sentences stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Each line is a sentence: what Google's programs read.
    SentencePerLine,
    /// A document's lines belong together, wherever they are broken. Its sentences end where
    /// Unicode's rules say (UAX #29). These know no words: "Mr. Smith" is cut after the full stop,
    /// since a capital follows; "e.g. this" is not.
    RunningText,
}
// ANCHOR_END: form

/// One file of a corpus, as a resumed run compares it with what it was begun with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusFile {
    /// As it was given, or as the pattern found it.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// A hash of its contents. It finds changes made by accident, not those made by an enemy.
    pub hash: u64,
}

// ANCHOR: corpus
/// Files of text, and where each document begins. Places are counted in bytes through all files, as
/// if they lay end to end.
#[derive(Debug)]
pub struct Corpus {
    form: Form,
    files: Vec<CorpusFile>,
    /// When each file was last written to, where the system knows.
    modified: Vec<Option<SystemTime>>,
    /// Where each file begins; at the end, where the last one ends.
    bounds: Vec<u64>,
    /// Where each document begins.
    starts: Vec<u64>,
    /// Where each piece begins: whole lines, a few megabytes, for whoever wants all the text.
    pieces: Vec<u64>,
    /// How many lines have text.
    lines: u64,
    notes: Vec<String>,
}
// ANCHOR_END: corpus

impl Corpus {
    /// Opens files and reads them once, on all threads. Each pattern is the name of a file or, where
    /// no file has that name, a pattern for names: `*`, `?`, `[a-z]`, and `**` for any directories
    /// between. Files come pattern by pattern, those of one pattern in the order of their names.
    ///
    /// # Errors
    /// A pattern without a file; what cannot be read or is no file; the first line that is not
    /// UTF-8; files without any text.
    pub fn open(patterns: &[impl AsRef<Path>], form: Form) -> Result<Self, Error> {
        let files::Found { paths, notes } = files::find(patterns)?;
        let scanned: Vec<_> = paths.par_iter().map(|path| scan_file(path)).collect();
        let mut corpus = Self {
            form,
            files: Vec::new(),
            modified: Vec::new(),
            bounds: vec![0],
            starts: Vec::new(),
            pieces: Vec::new(),
            lines: 0,
            notes,
        };
        // One after the other, so that of several errors it is always the first that is told.
        for scanned in scanned {
            corpus.push(scanned?);
        }
        if corpus.starts.is_empty() {
            let names = paths.iter().take(3).map(|path| path.display().to_string());
            let mut names: Vec<_> = names.collect();
            if paths.len() > 3 {
                names.push(format!("and {} more", paths.len() - 3));
            }
            return Err(Error::EmptyCorpus { files: names.join(", ") });
        }
        Ok(corpus)
    }

    fn push(&mut self, scanned: scan::Scanned) {
        let offset = self.bytes();
        if scanned.starts.is_empty() {
            self.notes.push(format!("{}: there is no text in it", scanned.file.path.display()));
        }
        self.lines += scanned.lines;
        self.starts.extend(scanned.starts.iter().map(|start| offset + start));
        self.pieces.extend(scanned.pieces.iter().map(|start| offset + start));
        self.bounds.push(offset + scanned.file.bytes);
        self.modified.push(scanned.modified);
        self.files.push(scanned.file);
    }

    /// How many documents there are; at least 1. Next-sentence prediction needs 2: its random
    /// sentences come from another document. A corpus of one has no blank line where it should.
    pub fn documents(&self) -> usize {
        self.starts.len()
    }

    /// How many lines have text.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// How many bytes a document takes in its file, line breaks and what blank lines follow it
    /// included.
    pub fn size_of(&self, document: usize) -> u64 {
        let range = self.range(&self.starts, document);
        range.end - range.start
    }

    /// The length of all files together.
    pub fn bytes(&self) -> u64 {
        self.bounds[self.bounds.len() - 1]
    }

    /// The files, in order.
    pub fn files(&self) -> &[CorpusFile] {
        &self.files
    }

    /// How sentences stand in the files.
    pub fn form(&self) -> Form {
        self.form
    }

    /// What the user should know: files that were named twice or hold no text.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    // ANCHOR: sentences
    /// The sentences of a document, without the white space around them; at least one.
    ///
    /// # Errors
    /// Its file cannot be read any more, or has changed since the corpus was opened.
    pub fn sentences(&self, document: usize) -> Result<Vec<String>, Error> {
        let text = self.read(self.range(&self.starts, document))?;
        Ok(match self.form {
            Form::SentencePerLine => sentences::lines(&text),
            Form::RunningText => sentences::of_running_text(&text),
        })
    }
    // ANCHOR_END: sentences

    /// How many pieces the text is cut into for reading all of it.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// A piece of the text, whole lines: about 4 MB, more only where a single line is longer.
    ///
    /// # Errors
    /// As [`Corpus::sentences`].
    pub fn piece(&self, piece: usize) -> Result<String, Error> {
        self.read(self.range(&self.pieces, piece))
    }

    /// From one start to the next, or to the end of its file.
    fn range(&self, starts: &[u64], index: usize) -> Range<u64> {
        let start = starts[index];
        let end_of_file = self.bounds[self.file_at(start) + 1];
        start..starts.get(index + 1).map_or(end_of_file, |&next| next.min(end_of_file))
    }

    /// The file that holds a place. Of those that begin there, all but the last are empty.
    fn file_at(&self, place: u64) -> usize {
        self.bounds.partition_point(|&bound| bound <= place) - 1
    }

    /// The text of a range, which lies in one file.
    fn read(&self, range: Range<u64>) -> Result<String, Error> {
        let number = self.file_at(range.start);
        let path = &self.files[number].path;
        let changed = || Error::Changed { path: path.clone() };
        let mut file = File::open(path).map_err(Error::io(path))?;
        let metadata = file.metadata().map_err(Error::io(path))?;
        if metadata.len() != self.files[number].bytes
            || metadata.modified().ok() != self.modified[number]
        {
            return Err(changed());
        }
        let mut bytes = vec![0; (range.end - range.start) as usize];
        file.seek(SeekFrom::Start(range.start - self.bounds[number])).map_err(Error::io(path))?;
        file.read_exact(&mut bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(),
            _ => Error::io(path)(error),
        })?;
        String::from_utf8(bytes).map_err(|_| changed())
    }
}
