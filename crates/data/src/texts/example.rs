//! A text or two, and what is to be predicted of them.

use super::UsedColumns;
use crate::table::{Counted, Skipped};
use std::path::PathBuf;

// ANCHOR: example
/// One example: exactly one for each row.
#[derive(Debug, Clone, PartialEq)]
pub struct TextExample {
    /// Where its row begins, counted from 1.
    pub line: u64,
    /// What the file calls it.
    pub id: Option<String>,
    /// The text, or the first of two. As it stands in the file, possibly empty.
    pub first: String,
    /// The second text.
    pub second: Option<String>,
    /// What is to be predicted; none if the file does not say.
    pub target: Option<Target>,
}

/// What is to be predicted.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// One class of several.
    Class(String),
    /// Any number of labels, each once; possibly none.
    Labels(Vec<String>),
    /// A number; finite.
    Number(f64),
}

/// What kind of target there is. The names are those of `problem_type` in a configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Problem {
    /// `single_label_classification`
    #[default]
    SingleLabel,
    /// `multi_label_classification`
    MultiLabel,
    /// `regression`
    Regression,
}
// ANCHOR_END: example

/// The examples of a file, and what there is to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct TextFile {
    /// The file or folder.
    pub path: PathBuf,
    /// Its examples in order; at least one.
    pub examples: Vec<TextExample>,
    /// Where they were read from.
    pub columns: UsedColumns,
    /// The rows that were not read.
    pub skipped: Skipped,
    /// Examples of which a text has nothing but white space. They are read like the others.
    pub empty_texts: Counted,
    /// All that the user should know, the counts above among it.
    pub notes: Vec<String>,
}
