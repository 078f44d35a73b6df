//! A row and its cells.

use std::borrow::Cow;

// ANCHOR: row
/// A row of a table: as many cells as the table has columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where it begins in its file, counted from 1.
    pub line: u64,
    /// What stands in each column.
    pub cells: Vec<Cell>,
}

/// What stands in a column. CSV and TSV know only texts.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// JSON's null, or a name that an object lacks.
    Missing,
    /// A text, possibly empty.
    Text(String),
    /// A number, as JSON writes it.
    Number(String),
    /// True or false.
    Bool(bool),
    /// Several texts (or numbers, as texts), such as all labels of an example.
    List(Vec<String>),
    /// What no column of texts or labels can hold: "an object", say. No error while nobody asks for
    /// the column.
    Other(&'static str),
}
// ANCHOR_END: row

impl Cell {
    /// A text, number, true or false as text; else none.
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(Cow::Borrowed(text)),
            Self::Bool(value) => Some(Cow::Owned(value.to_string())),
            Self::Missing | Self::List(_) | Self::Other(_) => None,
        }
    }

    /// What a message says was found.
    pub(crate) fn description(&self) -> String {
        match self {
            Self::Missing => "nothing".to_owned(),
            Self::Text(text) if text.trim().is_empty() => "an empty cell".to_owned(),
            Self::Text(text) => format!("{:?}", shortened(text)),
            Self::Number(number) => number.clone(),
            Self::Bool(value) => value.to_string(),
            Self::List(texts) => format!("a list of {}", texts.len()),
            Self::Other(what) => (*what).to_owned(),
        }
    }
}

/// At most 60 characters of a text.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}
