//! The JSON of a file of questions, key by key. Keys that mean nothing here are passed over.

use crate::json::Text;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::path::Path;

/// SQuAD's own form.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) version: Option<Text>,
    pub(super) data: Vec<Article>,
}

#[derive(Deserialize)]
pub(super) struct Article {
    #[serde(default)]
    pub(super) title: String,
    pub(super) paragraphs: Vec<Paragraph>,
}

#[derive(Deserialize)]
pub(super) struct Paragraph {
    pub(super) context: String,
    pub(super) qas: Vec<Asked>,
}

/// A question of either form.
#[derive(Deserialize)]
pub(super) struct Asked {
    pub(super) id: Text,
    pub(super) question: String,
    pub(super) answers: Option<Answers>,
    #[serde(default)]
    pub(super) is_impossible: bool,
}

/// A line of its own.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) id: Option<Text>,
    #[serde(default)]
    pub(super) title: String,
    pub(super) question: String,
    pub(super) context: String,
    pub(super) answers: Option<Answers>,
    #[serde(default)]
    pub(super) is_impossible: bool,
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a list of answers, each with a text and an answer_start of 0 or more"
)]
pub(super) enum Answers {
    /// SQuAD's.
    List(Vec<Answer>),
    /// Those of Hugging Face's `datasets`.
    Columns { text: Vec<String>, answer_start: Vec<usize> },
}

#[derive(Deserialize)]
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) answer_start: usize,
}

/// Whether each line is a question.
pub(super) fn is_lines(text: &str, path: &Path) -> bool {
    #[derive(Deserialize)]
    struct Probe {
        #[serde(rename = "question")]
        _question: IgnoredAny,
    }
    let by_name = path
        .extension()
        .is_some_and(|end| ["jsonl", "ndjson"].iter().any(|lines| end.eq_ignore_ascii_case(lines)));
    let first = || text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    by_name || serde_json::from_str::<Probe>(first()).is_ok()
}
