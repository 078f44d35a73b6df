//! Questions with several answers of which one is to be chosen.
//!
//! Two forms are read. The CSV of SWAG (Zellers et al., "SWAG: A Large-Scale Adversarial Dataset for
//! Grounded Commonsense Inference", 2018): `sent1` is the first text, and `sent2`, a space and each of
//! `ending0`, `ending1`, … the second ones, as transformers' example pairs them; `label` is the number
//! of the right ending. And one JSON object a line,
//!
//! ```text
//! {"id": "1", "context": "Ann was tired.", "choices": ["She slept.", "She ran."], "label": 0}
//! ```
//!
//! where `question` may stand for `context`; a line with both has the context for its first text, and
//! the question goes before each choice as `sent2` does. `endings` may stand for `choices`. The label
//! may be a number or the text of the choice. Other columns and keys are passed over.

mod csv;
mod jsonl;
#[cfg(test)]
mod tests;

use crate::{Error, text};
use std::path::{Path, PathBuf};

// ANCHOR: question
/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChoiceQuestion {
    /// The line on which it begins, counted from 1.
    pub line: u64,
    /// Its name, if it has one.
    pub id: Option<String>,
    /// The text that all pairs begin with.
    pub first: String,
    /// The text that each choice adds to it; at least two.
    pub seconds: Vec<String>,
    /// Which of them is right, counted from 0; none where the file does not say.
    pub label: Option<usize>,
}
// ANCHOR_END: question

/// A file of such questions.
#[derive(Debug)]
pub struct ChoiceFile {
    /// Its name.
    pub path: PathBuf,
    /// Its questions in order, at least one.
    pub questions: Vec<ChoiceQuestion>,
}

impl ChoiceFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What [`ChoiceFile::parse`] says, and what the system does.
    pub fn read(path: &Path) -> Result<Self, Error> {
        Self::parse(&text::read(path)?, path)
    }

    /// Reads the bytes of a file; `path` only names it. It is read as JSON where its name ends with
    /// `.json`, `.jsonl` or `.ndjson`, or its first character is `{`; else as CSV.
    ///
    /// # Errors
    /// Text that is not UTF-8; a line that is not JSON, or a row with other columns than the header
    /// has; a column or key that is missing; fewer than two choices; an empty text; a label that is
    /// none of the choices; no question at all.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let text = text::utf8(bytes, path)?;
        let by_name = path.extension().is_some_and(|end| {
            ["json", "jsonl", "ndjson"].iter().any(|json| end.eq_ignore_ascii_case(json))
        });
        let is_json = by_name || text.trim_start().starts_with('{');
        let questions = if is_json { jsonl::read(text, path)? } else { csv::read(text, path)? };
        if questions.is_empty() {
            return Err(Error::Nothing { path: path.to_owned(), what: "question" });
        }
        Ok(Self { path: path.to_owned(), questions })
    }
}

/// The choices of a question, if they can be told apart from nothing.
fn check_choices(choices: &[String], path: &Path, line: u64) -> Result<(), Error> {
    if choices.len() < 2 {
        return Err(error(path, line, "at least 2 choices", choices.len().to_string()));
    }
    match choices.iter().position(|choice| choice.trim().is_empty()) {
        Some(place) => Err(error(path, line, "a text", format!("choice {place} empty"))),
        None => Ok(()),
    }
}

/// The number of the right choice.
fn check_label(number: usize, choices: &[String], path: &Path, line: u64) -> Result<usize, Error> {
    if number < choices.len() {
        return Ok(number);
    }
    Err(label_error(&number.to_string(), choices, path, line))
}

fn label_error(found: &str, choices: &[String], path: &Path, line: u64) -> Error {
    let last = choices.len() - 1;
    let expected = format!("a label from 0 to {last}, the text of a choice, or none");
    error(path, line, &expected, format!("{found:?}"))
}

/// The choice that is exactly this text, if there is one and only one.
fn by_text(text: &str, choices: &[String]) -> Option<usize> {
    let mut places = (0..choices.len()).filter(|&place| choices[place] == text);
    places.next().filter(|_| places.next().is_none())
}

/// The second texts: what all choices begin with, a space, and each choice.
fn seconds(start: Option<&str>, choices: Vec<String>) -> Vec<String> {
    match start.map(str::trim).filter(|start| !start.is_empty()) {
        Some(start) => choices.iter().map(|choice| format!("{start} {choice}")).collect(),
        None => choices,
    }
}

fn error(path: &Path, line: u64, expected: &str, found: String) -> Error {
    Error::Line { path: path.to_owned(), line, expected: expected.to_owned(), found }
}
