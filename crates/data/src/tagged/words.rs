//! Lines put together to sentences.

use super::columns::{Kind, Layout};
use super::{TaggedSentence, scheme::Tag};
use crate::Error;
use std::path::Path;

/// The sentences of a file, with the tags that stand there.
pub(super) struct Words {
    pub(super) sentences: Vec<TaggedSentence>,
    /// How many words have several tags.
    pub(super) several: usize,
}

/// Reads all lines.
pub(super) fn read(layout: &Layout, path: &Path) -> Result<Words, Error> {
    let mut words = Words { sentences: Vec::new(), several: 0 };
    let mut in_sentence = false;
    for (line, number) in layout.lines().zip(1..) {
        if line.kind() != Kind::Word {
            in_sentence = false;
            continue;
        }
        let columns = layout.columns(line, number, path)?;
        if !in_sentence {
            in_sentence = true;
            let tags = layout.tag.map(|_| Vec::new());
            words.sentences.push(TaggedSentence { line: number, words: Vec::new(), tags });
        }
        let cell = |column: usize, what: &str| match columns[column] {
            "" => {
                let expected = format!("a {what} in column {column}");
                Err(layout.error(path, number, expected, "nothing".to_owned()))
            }
            text => Ok(text),
        };
        let sentence = words.sentences.last_mut().expect("one was just begun");
        sentence.words.push(cell(layout.word, "word")?.to_owned());
        if let (Some(column), Some(tags)) = (layout.tag, &mut sentence.tags) {
            let (tag, is_one_of_several) = first(cell(column, "tag")?);
            words.several += usize::from(is_one_of_several);
            tags.push(tag.to_owned());
        }
    }
    Ok(words)
}

/// The first of several tags that are joined by commas, as in the test file of WNUT-17, where a word
/// may be in two entities at once. What is not all tags is one tag with commas in it.
fn first(text: &str) -> (&str, bool) {
    match text.split_once(',') {
        Some((first, _)) if text.split(',').all(|tag| Tag::parse(tag).is_some()) => (first, true),
        _ => (text, false),
    }
}

/// Whether every tag of a sentence is one.
pub(super) fn check(sentence: &TaggedSentence, path: &Path) -> Result<(), Error> {
    let mut numbered = sentence.tags.iter().flatten().zip(sentence.line..);
    match numbered.find(|(tag, _)| Tag::parse(tag).is_none()) {
        None => Ok(()),
        Some((tag, line)) => Err(Error::Line {
            path: path.to_owned(),
            line,
            expected: "a tag: O, or B-, I-, E- or S- and a type".to_owned(),
            found: tag.clone(),
        }),
    }
}

/// The tags of a sentence in their two parts, once they are checked.
pub(super) fn parsed(sentence: &TaggedSentence) -> Vec<Tag<'_>> {
    let tags = sentence.tags.iter().flatten();
    tags.map(|tag| Tag::parse(tag).expect("it has been checked")).collect()
}
