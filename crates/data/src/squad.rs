//! Questions about paragraphs, answered by a piece of the paragraph: SQuAD.
//!
//! Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (2016), and "Know
//! What You Don't Know" (2018) for version 2.0, in which some questions have no answer. Two forms are
//! read: SQuAD's own, one JSON object for a whole file, and one object a line,
//!
//! ```text
//! {"id": "1", "question": "Who slept?", "context": "Ann slept.", "answers": [{"text": "Ann", "answer_start": 0}]}
//! ```
//!
//! where `id` (else the line's number) and `answers` may be left out, and `answers` may also be
//! `{"text": […], "answer_start": […]}`, as Hugging Face's `datasets` writes it.
//!
//! **Offsets count characters** (Unicode scalar values), not bytes. An answer that does not stand at
//! its offset is listed in [`SquadFile::misplaced`] and has no [`GoldAnswer::start`]: nothing is
//! trained on it, and its text still counts when predictions are judged.

mod format;
mod predictions;
mod read;
#[cfg(test)]
mod tests;

pub use predictions::{NBest, write_nbest, write_null_odds, write_predictions};

use crate::{Error, json, text};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is asked of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SquadOptions {
    /// Questions may come without the key `answers`: in a file that is to be answered, not learnt
    /// from.
    pub without_answers: bool,
    /// An answer that does not stand at its offset is an error.
    pub strict: bool,
}

// ANCHOR: question
/// An answer that people gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoldAnswer {
    /// Its text.
    pub text: String,
    /// Where it stands in the context, in characters; none if it is not where the file says.
    pub start: Option<usize>,
}

/// A question about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its name, one of its own in the file.
    pub id: String,
    /// The title of the article that the text is from; empty if none is given.
    pub title: Arc<str>,
    /// The question.
    pub question: String,
    /// The text; questions about one paragraph share it.
    pub context: Arc<str>,
    /// The answers; none if there is no answer, and none where the file gives none.
    pub answers: Vec<GoldAnswer>,
    /// Whether the text does not answer the question: the file says so, or its list of answers is
    /// empty (which is how the official evaluation decides).
    pub is_impossible: bool,
    /// Where it stands in its file.
    pub place: Place,
}
// ANCHOR_END: question

/// The place of a question in its file. All numbers of JSON's lists count from 0, lines from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In SQuAD's own form.
    Json {
        /// The place in `data`.
        article: usize,
        /// The place in its `paragraphs`.
        paragraph: usize,
        /// The place in its `qas`.
        question: usize,
    },
    /// Where each line is a question.
    Line(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Json { article, paragraph, question } => {
                write!(f, "data[{article}].paragraphs[{paragraph}].qas[{question}]")
            }
            Self::Line(line) => write!(f, "line {line}"),
        }
    }
}

/// An answer that is not where its file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misplaced {
    /// The question's name.
    pub id: String,
    /// The question's place in the file.
    pub place: Place,
    /// The question's number in [`SquadFile::questions`].
    pub question: usize,
    /// The answer's number among the question's.
    pub answer: usize,
    /// Where it should stand, in characters.
    pub start: usize,
    /// What stands there, as long as the answer; less where the text ends.
    pub found: String,
    /// Where the answer stands, in characters, if the text holds it exactly once.
    pub elsewhere: Option<usize>,
}

/// A file of questions.
#[derive(Debug)]
pub struct SquadFile {
    /// Its name.
    pub path: PathBuf,
    /// What it calls its version.
    pub version: Option<String>,
    /// Its questions in order, at least one.
    pub questions: Vec<Question>,
    /// Answers that are not at their offsets.
    pub misplaced: Vec<Misplaced>,
    /// What was not taken as it stands, and how often.
    pub notes: Vec<String>,
}

impl SquadFile {
    /// Reads a file.
    ///
    /// # Errors
    /// What [`SquadFile::parse`] says, and what the system does.
    pub fn read(path: &Path, options: &SquadOptions) -> Result<Self, Error> {
        Self::parse(&text::read(path)?, path, options)
    }

    /// Reads the bytes of a file; `path` only names it. One question a line is read where the name
    /// ends with `.jsonl` or `.ndjson`, or the first line is an object with a question.
    ///
    /// # Errors
    /// Text that is not UTF-8 or not JSON; a key that is missing, or of another kind; an id that
    /// comes twice; a text that is empty; no question at all; an answer that is not at its offset, if
    /// `options` want it so.
    pub fn parse(bytes: &[u8], path: &Path, options: &SquadOptions) -> Result<Self, Error> {
        let text = text::utf8(bytes, path)?;
        let mut reader = read::Reader::new(path, options);
        if format::is_lines(text, path) {
            for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty())
            {
                reader.line(json::parse(line, number, path)?, number)?;
            }
        } else {
            reader.file(json::parse(text, 1, path)?)?;
        }
        reader.finish()
    }

    /// Gives those misplaced answers that the text holds exactly once the start that they have there,
    /// and takes them off the list. Says how many.
    pub fn repair(&mut self) -> usize {
        let before = self.misplaced.len();
        self.misplaced.retain(|misplaced| {
            let answer = &mut self.questions[misplaced.question].answers[misplaced.answer];
            answer.start = misplaced.elsewhere;
            answer.start.is_none()
        });
        before - self.misplaced.len()
    }
}
