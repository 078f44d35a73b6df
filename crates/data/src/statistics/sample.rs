//! What is looked at of an example: its texts, its labels, where it stands.

use crate::squad::Question;
use crate::texts::{Target, TextExample};
use crate::{ChoiceQuestion, TaggedSentence};
use std::borrow::Cow;

/// An example of any task.
pub trait Sample {
    /// All that a model reads of it, in order.
    fn pieces(&self) -> Vec<Cow<'_, str>>;

    /// What is right for it, in an order of its own: two samples that have the same answer have the
    /// same list. `None` where the file does not say.
    fn labels(&self) -> Option<Vec<Cow<'_, str>>>;

    /// Where it stands in its file.
    fn place(&self) -> String;
}

// ANCHOR: normal
/// The characters of a text by which it is compared: no white space at its ends, single spaces inside,
/// small letters (one by one, so that Σ does not depend on where it stands).
pub fn normal(text: &str) -> impl Iterator<Item = char> {
    let words = text.split_whitespace().enumerate();
    let spaced = words.flat_map(|(number, word)| {
        let space = (number > 0).then_some(' ');
        space.into_iter().chain(word.chars())
    });
    spaced.flat_map(char::to_lowercase)
}
// ANCHOR_END: normal

fn line(line: u64, id: Option<&String>) -> String {
    match id {
        Some(id) => format!("line {line} ({id})"),
        None => format!("line {line}"),
    }
}

impl Sample for TextExample {
    fn pieces(&self) -> Vec<Cow<'_, str>> {
        [Some(&self.first), self.second.as_ref()].into_iter().flatten().map(borrowed).collect()
    }

    fn labels(&self) -> Option<Vec<Cow<'_, str>>> {
        match self.target.as_ref()? {
            Target::Class(label) => Some(vec![borrowed(label)]),
            Target::Labels(labels) => {
                let mut labels: Vec<_> = labels.iter().map(borrowed).collect();
                labels.sort_unstable();
                Some(labels)
            }
            Target::Number(number) => Some(vec![Cow::Owned(number.to_string())]),
        }
    }

    fn place(&self) -> String {
        line(self.line, self.id.as_ref())
    }
}

impl Sample for TaggedSentence {
    fn pieces(&self) -> Vec<Cow<'_, str>> {
        self.words.iter().map(borrowed).collect()
    }

    fn labels(&self) -> Option<Vec<Cow<'_, str>>> {
        Some(self.tags.as_ref()?.iter().map(borrowed).collect())
    }

    fn place(&self) -> String {
        line(self.line, None)
    }
}

impl Sample for Question {
    fn pieces(&self) -> Vec<Cow<'_, str>> {
        vec![borrowed(&self.question), Cow::Borrowed(&self.context)]
    }

    fn labels(&self) -> Option<Vec<Cow<'_, str>>> {
        let mut answers: Vec<_> =
            self.answers.iter().map(|answer| borrowed(&answer.text)).collect();
        answers.sort_unstable();
        answers.dedup();
        Some(answers)
    }

    fn place(&self) -> String {
        self.id.clone()
    }
}

impl Sample for ChoiceQuestion {
    fn pieces(&self) -> Vec<Cow<'_, str>> {
        [&self.first].into_iter().chain(&self.seconds).map(borrowed).collect()
    }

    fn labels(&self) -> Option<Vec<Cow<'_, str>>> {
        Some(vec![Cow::Owned((self.label? + 1).to_string())])
    }

    fn place(&self) -> String {
        line(self.line, self.id.as_ref())
    }
}

fn borrowed<T: AsRef<str>>(text: &T) -> Cow<'_, str> {
    Cow::Borrowed(text.as_ref())
}
