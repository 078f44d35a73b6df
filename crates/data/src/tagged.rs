//! Sentences whose words have tags, in the columns of CoNLL's shared tasks.
//!
//! A line is a word and what is known of it, a blank line ends a sentence:
//!
//! ```text
//! -DOCSTART- -X- O O
//!
//! Ann   NNP B-NP B-PER
//! slept VBD B-VP O
//! ```
//!
//! Columns are parted by a TAB where the line has one (a word may then hold spaces), else by any
//! number of spaces; every line of a file has as many. Lines of white space only are blank, as many
//! of WNUT-17's are. A line that begins with `-DOCSTART-` begins a document and is no word. There are
//! no comments: `#` is a word, in tweets above all.

mod columns;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub use columns::Layout;
pub use write::{Predicted, write_conll};

use crate::scheme::{self, Scheme, Tag};
use crate::{Error, text};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

// ANCHOR: options
/// How a file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaggedOptions {
    /// The column of the words, from 0; the first if not given.
    pub word_column: Option<usize>,
    /// The column of the tags, from 0; the last if not given. A file of one column has no tags then.
    pub tag_column: Option<usize>,
    /// Take the words only, and look at no tag: for a file that is to be predicted.
    pub words_only: bool,
    /// The scheme of the tags; found by [`scheme::detect`] if not given.
    pub scheme: Option<Scheme>,
    /// Tags that break the scheme are read as conlleval reads them and counted in a note. If not, the
    /// first of them is an error.
    pub mend: bool,
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedSentence {
    /// The line of its first word, counted from 1. Its other words follow line by line.
    pub line: u64,
    /// Its words, at least one.
    pub words: Vec<String>,
    /// A tag for each word, none where the file has none. Entities are in IOB2, whatever the file
    /// has.
    pub tags: Option<Vec<String>>,
}

/// A file of sentences.
#[derive(Debug)]
pub struct TaggedFile {
    /// Its name.
    pub path: PathBuf,
    /// Its sentences, at least one.
    pub sentences: Vec<TaggedSentence>,
    /// The scheme in which the file marks entities; none where its tags mark each word by itself (as
    /// parts of speech do), and where it has none.
    pub scheme: Option<Scheme>,
    /// What was not taken as it stands, and how often.
    pub notes: Vec<String>,
    /// How the file looks, so that predictions can be written beside its lines.
    pub layout: Layout,
}
// ANCHOR_END: options

impl TaggedFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What [`TaggedFile::parse`] says, and what the system does.
    pub fn read(path: &Path, options: &TaggedOptions) -> Result<Self, Error> {
        Self::parse(&text::read(path)?, path, options)
    }

    /// Reads the bytes of a file; `path` only names it.
    ///
    /// # Errors
    /// Text that is not UTF-8; columns that a line lacks, or has too many; a word or a tag that is
    /// empty; a tag that cannot be read or breaks the scheme; no word at all.
    pub fn parse(bytes: &[u8], path: &Path, options: &TaggedOptions) -> Result<Self, Error> {
        let layout = Layout::new(text::utf8(bytes, path)?, path, options)?;
        let words::Words { sentences, several } = words::read(&layout, path)?;
        let mut file =
            Self { path: path.to_owned(), sentences, scheme: None, notes: Vec::new(), layout };
        if several > 0 {
            let words = text::count(several, "word");
            let note = format!("{words} with several tags, joined by commas: the first is taken");
            file.notes.push(note);
        }
        if file.marks_entities() {
            file.rewrite_in_iob2(options)?;
        }
        Ok(file)
    }

    /// Whether tags are letters with types. It is not so if none is, and one is neither `O` nor a
    /// bare letter: `NN` is a part of speech, and then so is `I`.
    fn marks_entities(&self) -> bool {
        let of_a_word = |tag: &str| Tag::parse(tag).is_none();
        let of_an_entity = |tag: &str| Tag::parse(tag).is_some_and(|tag| !tag.label.is_empty());
        self.tags().next().is_some()
            && (self.tags().any(of_an_entity) || !self.tags().any(of_a_word))
    }

    /// Checks all tags against the scheme and rewrites them, sentence by sentence.
    fn rewrite_in_iob2(&mut self, options: &TaggedOptions) -> Result<(), Error> {
        let Self { path, sentences, .. } = self;
        sentences.iter().try_for_each(|sentence| words::check(sentence, path))?;
        let scheme =
            options.scheme.unwrap_or_else(|| scheme::detect(sentences.iter().map(words::parsed)));
        let mut broken = 0;
        let mut first = None;
        for sentence in sentences {
            let tags = words::parsed(sentence);
            let faults = scheme::faults(scheme, &tags);
            broken += faults.len();
            let rewritten =
                scheme::convert(&tags, Scheme::Iob2).iter().map(Tag::to_string).collect();
            first = first.or(faults.into_iter().next().map(|fault| (sentence.line, fault)));
            sentence.tags = Some(rewritten);
        }
        self.scheme = Some(scheme);
        let Some((line, fault)) = first else { return Ok(()) };
        let line = line + fault.word as u64;
        let scheme::Fault { tag, place, right, .. } = fault;
        let error = Error::Tag { path: self.path.clone(), line, tag, place, scheme, right };
        if !options.mend {
            return Err(error);
        }
        let tags = text::count(broken, "tag");
        let path = format!("{}: ", self.path.display());
        let fault = error.to_string().replacen(&path, "", 1);
        self.notes.push(format!("{fault}. {tags} of this kind: read as conlleval does"));
        Ok(())
    }

    fn tags(&self) -> impl Iterator<Item = &str> {
        self.sentences
            .iter()
            .flat_map(|sentence| sentence.tags.iter().flatten())
            .map(String::as_str)
    }

    /// The classes of a tagger for this file: `O` and then, in the order of the alphabet, `B` and `I`
    /// of each type, whether both occur or not. Where tags mark words by themselves: all of them, in
    /// the order of the alphabet.
    pub fn labels(&self) -> Vec<String> {
        if self.scheme.is_none() {
            let tags: BTreeSet<_> = self.tags().collect();
            return tags.into_iter().map(str::to_owned).collect();
        }
        let tags = self.tags().filter_map(Tag::parse).filter(|tag| tag.prefix != scheme::Prefix::O);
        let types: BTreeSet<_> = tags.map(|tag| tag.label).collect();
        let both = [scheme::Prefix::B, scheme::Prefix::I];
        let tags =
            types.iter().flat_map(|label| both.map(|prefix| Tag { prefix, label }.to_string()));
        std::iter::once("O".to_owned()).chain(tags).collect()
    }

    /// Tags of a sentence, which are in IOB2, as this file would write them.
    ///
    /// Tags that break IOB2, as a model's may, are read as conlleval reads them.
    pub fn in_its_scheme(&self, tags: &[String]) -> Vec<String> {
        let parsed: Option<Vec<_>> = tags.iter().map(|tag| Tag::parse(tag)).collect();
        match (self.scheme, parsed) {
            (Some(scheme), Some(parsed)) => {
                scheme::convert(&parsed, scheme).iter().map(Tag::to_string).collect()
            }
            _ => tags.to_vec(),
        }
    }
}
