//! A JSON object on each line.

use super::{ChoiceQuestion, by_text, check_choices, check_label, error, label_error};
use crate::Error;
use crate::json::{self, Text};
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Line {
    id: Option<Text>,
    context: Option<String>,
    question: Option<String>,
    #[serde(alias = "endings")]
    choices: Vec<String>,
    label: Option<Label>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected the number of a choice, from 0, or its text")]
enum Label {
    Number(i64),
    Text(String),
}

/// Reads all lines that are not blank.
pub(super) fn read(text: &str, path: &Path) -> Result<Vec<ChoiceQuestion>, Error> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    lines.map(|(line, number)| question(json::parse(line, number, path)?, path, number)).collect()
}

fn question(asked: Line, path: &Path, line: u64) -> Result<ChoiceQuestion, Error> {
    let Line { id, context, question, choices, label } = asked;
    let (first, start) = match (context, question) {
        (Some(context), start) => (context, start),
        (None, Some(question)) => (question, None),
        (None, None) => {
            let expected = "the key `context` or `question`";
            return Err(error(path, line, expected, "neither".to_owned()));
        }
    };
    if first.trim().is_empty() {
        return Err(error(path, line, "a text to begin with", "an empty one".to_owned()));
    }
    check_choices(&choices, path, line)?;
    let wrong = |found: &str| label_error(found, &choices, path, line);
    let label = match label {
        None => None,
        Some(Label::Text(text)) if text.is_empty() => None,
        Some(Label::Number(number)) => {
            let found = usize::try_from(number).map_err(|_| wrong(&number.to_string()))?;
            Some(check_label(found, &choices, path, line)?)
        }
        // A text that is a choice is this choice, also if it looks like a number.
        Some(Label::Text(text)) => match (by_text(&text, &choices), text.parse()) {
            (Some(place), _) => Some(place),
            (None, Ok(number)) => Some(check_label(number, &choices, path, line)?),
            (None, Err(_)) => return Err(wrong(&text)),
        },
    };
    let seconds = super::seconds(start.as_deref(), choices);
    Ok(ChoiceQuestion { line, id: id.map(String::from), first, seconds, label })
}
