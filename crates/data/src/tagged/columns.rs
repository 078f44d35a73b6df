//! The lines of a file, their columns, and which of these are asked for.

use super::TaggedOptions;
use crate::Error;
use crate::text::count;
use std::path::Path;

/// What begins a line between documents.
const DOCUMENT: &str = "-DOCSTART-";

/// How a file looks: its text, and which columns of it were read.
#[derive(Debug)]
pub struct Layout {
    pub(super) text: String,
    /// The column of the words.
    pub(super) word: usize,
    /// The column of the tags, if they are read.
    pub(super) tag: Option<usize>,
    /// How many columns each line has.
    pub(super) columns: usize,
    /// The line that says so, counted from 1.
    pub(super) first: u64,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The end of a sentence.
    Blank,
    /// The beginning of a document.
    Document,
    /// A word.
    Word,
}

/// A line: its contents, and the line break after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// Without white space at its end.
    pub(super) text: &'a str,
    /// As it stands in the file; empty after the last line, perhaps.
    pub(super) ending: &'a str,
}

impl<'a> Line<'a> {
    fn new(whole: &'a str) -> Self {
        let text = whole.trim_end_matches(['\r', '\n']);
        Self { text: text.trim_end_matches(is_space), ending: &whole[text.len()..] }
    }

    pub(super) fn kind(self) -> Kind {
        match self.text {
            text if text.trim().is_empty() => Kind::Blank,
            text if text.trim_start_matches(is_space).starts_with(DOCUMENT) => Kind::Document,
            _ => Kind::Word,
        }
    }

    /// What parts columns in this line.
    pub(super) fn separator(self) -> char {
        if self.text.contains('\t') { '\t' } else { ' ' }
    }

    /// Its columns.
    pub(super) fn columns(self) -> Vec<&'a str> {
        if self.separator() == '\t' {
            self.text.split('\t').map(|column| column.trim_matches(is_space)).collect()
        } else {
            self.text.split(is_space).filter(|column| !column.is_empty()).collect()
        }
    }
}

/// ASCII's spaces only: others, such as U+00A0, occur within words.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0B'
}

impl Layout {
    /// Finds the columns by the first word's line.
    pub(super) fn new(text: &str, path: &Path, options: &TaggedOptions) -> Result<Self, Error> {
        let mut layout = Self { text: text.to_owned(), word: 0, tag: None, columns: 0, first: 0 };
        let first = layout.lines().zip(1..).find(|(line, _)| line.kind() == Kind::Word);
        let (columns, number) = first
            .map(|(line, number)| (line.columns().len(), number))
            .ok_or_else(|| Error::Nothing { path: path.to_owned(), what: "word" })?;
        (layout.columns, layout.first) = (columns, number);
        let check = |column: usize| {
            if column < columns {
                return Ok(column);
            }
            let expected = format!("a column {column} (they are counted from 0)");
            Err(layout.error(path, number, expected, count(columns, "column")))
        };
        let word = check(options.word_column.unwrap_or(0))?;
        let tag = match options.tag_column {
            _ if options.words_only => None,
            Some(column) => Some(check(column)?),
            None => Some(columns - 1).filter(|&last| last != word),
        };
        if tag == Some(word) {
            return Err(Error::Setting {
                name: "tag_column",
                expected: "another column than that of the words".to_owned(),
                found: word.to_string(),
            });
        }
        (layout.word, layout.tag) = (word, tag);
        Ok(layout)
    }

    /// All lines, the first being line 1. A file without any line feed is taken for one of the old
    /// Macintosh, whose lines end with a carriage return.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        let ending = if self.text.contains('\n') { '\n' } else { '\r' };
        self.text.split_inclusive(ending).map(Line::new)
    }

    /// The columns of a word's line: as many as the first has.
    pub(super) fn columns<'a>(
        &self,
        line: Line<'a>,
        number: u64,
        path: &Path,
    ) -> Result<Vec<&'a str>, Error> {
        let columns = line.columns();
        if columns.len() == self.columns {
            return Ok(columns);
        }
        let expected = format!("{} as in line {}", count(self.columns, "column"), self.first);
        Err(self.error(path, number, expected, count(columns.len(), "column")))
    }

    pub(super) fn error(&self, path: &Path, line: u64, expected: String, found: String) -> Error {
        Error::Line { path: path.to_owned(), line, expected, found }
    }
}
