//! Entities as stretches of words, read from tags and written as tags.

use super::{Prefix, Scheme, Tag};

/// Words that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Entity<'a> {
    /// Its first word's number in the sentence, from 0.
    pub start: usize,
    /// The number of the first word after it.
    pub end: usize,
    /// Its type.
    pub label: &'a str,
}

// ANCHOR: entities
/// The entities of a sentence, in order. This is conlleval's reading (the evaluation of the CoNLL-2000
/// shared task), which need not be told the scheme: an entity begins at every `B` and `S`, after
/// every `E` and `S`, and wherever the type is another than that of the word before. Tags that keep
/// to a scheme mean the same under it; others have a meaning too, the likeliest.
pub fn entities<'a>(tags: &[Tag<'a>]) -> Vec<Entity<'a>> {
    use Prefix::{B, E, O, S};
    let mut entities: Vec<Entity> = Vec::new();
    let mut before: Option<Tag> = None;
    for (word, &tag) in tags.iter().enumerate() {
        let goes_on = before.is_some_and(|before| {
            before.is_in(tag.label)
                && !matches!(before.prefix, E | S)
                && !matches!(tag.prefix, B | S)
        });
        match entities.last_mut().filter(|_| goes_on) {
            _ if tag.prefix == O => {}
            Some(entity) => entity.end = word + 1,
            None => entities.push(Entity { start: word, end: word + 1, label: tag.label }),
        }
        before = Some(tag);
    }
    entities
}
// ANCHOR_END: entities

/// The tags of a sentence of `words` words. The entities come in order and do not overlap.
pub fn tags_of<'a>(entities: &[Entity<'a>], words: usize, scheme: Scheme) -> Vec<Tag<'a>> {
    let mut tags = vec![Tag { prefix: Prefix::O, label: "" }; words];
    let mut before: Option<&Entity> = None;
    for entity in entities {
        let &Entity { start, end, label } = entity;
        assert!(start < end && end <= words, "{entity:?} in a sentence of {words} words");
        assert!(before.is_none_or(|before| before.end <= start), "{before:?}, then {entity:?}");
        let touches = before.is_some_and(|before| before.end == start && before.label == label);
        for (word, tag) in tags.iter_mut().enumerate().take(end).skip(start) {
            let prefix = prefix(scheme, word == start, word + 1 == end, touches);
            *tag = Tag { prefix, label };
        }
        before = Some(entity);
    }
    tags
}

/// The letter of an entity's word: whether it is its first, its last, and whether the entity touches
/// one of the same type before it.
fn prefix(scheme: Scheme, first: bool, last: bool, touches: bool) -> Prefix {
    match (scheme, first, last) {
        (Scheme::Iob1, true, _) if touches => Prefix::B,
        (Scheme::Iob1, ..) => Prefix::I,
        (Scheme::Iob2, true, _) | (Scheme::Iobes, true, false) => Prefix::B,
        (Scheme::Iob2, false, _) | (Scheme::Iobes, false, false) => Prefix::I,
        (Scheme::Iobes, false, true) => Prefix::E,
        (Scheme::Iobes, true, true) => Prefix::S,
    }
}

/// The same entities in another scheme.
pub fn convert<'a>(tags: &[Tag<'a>], to: Scheme) -> Vec<Tag<'a>> {
    tags_of(&entities(tags), tags.len(), to)
}
