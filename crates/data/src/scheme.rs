//! How tags mark entities: what each scheme allows, which one a file follows, and from one to another.
//!
//! A tag is `O`, outside every entity, or a letter and the entity's type, as `B-PER`. Ramshaw and
//! Marcus ("Text Chunking using Transformation-Based Learning", 1995) began it, for one type:
//!
//! | scheme | `I` and `B` | "Ann Lee met Bob , New York 's mayor" |
//! |---|---|---|
//! | IOB1 | `B` only where an entity of the same type goes before | `I I O I O I I O O` |
//! | IOB2 | every entity begins with `B` | `B I O B O B I O O` |
//! | IOBES | also: it ends with `E`, and `S` is one of a single word | `B E O S O B E O O` |
//!
//! Training here always sees IOB2, whatever the file has.

mod entity;
#[cfg(test)]
mod tests;

pub use entity::{Entity, convert, entities, tags_of};

use std::fmt;

/// The letter of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prefix {
    /// Outside.
    O,
    /// The beginning of an entity.
    B,
    /// Inside one.
    I,
    /// Its end.
    E,
    /// An entity of a single word.
    S,
}

/// A tag in its two parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag<'a> {
    /// The letter.
    pub prefix: Prefix,
    /// The type, which may hold hyphens itself (`creative-work`). Empty for `O`, and in files of one
    /// type, whose tags are bare letters.
    pub label: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads a tag; none if it is not of this form.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (letter, label) = match text.split_once('-') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let prefix = match letter {
            "O" if text == "O" => Prefix::O,
            "B" => Prefix::B,
            "I" => Prefix::I,
            "E" => Prefix::E,
            "S" => Prefix::S,
            _ => return None,
        };
        Some(Self { prefix, label })
    }

    /// Whether the word is in an entity of this type.
    fn is_in(self, label: &str) -> bool {
        self.prefix != Prefix::O && self.label == label
    }
}

impl fmt::Display for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?}", self.prefix)?;
        if self.label.is_empty() { Ok(()) } else { write!(f, "-{}", self.label) }
    }
}

// ANCHOR: scheme
/// A way to mark entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `B` only parts an entity from one of the same type right before it.
    Iob1,
    /// `B` begins every entity.
    Iob2,
    /// `B` begins, `E` ends, `S` does both.
    Iobes,
}

impl Scheme {
    /// All of them; where a file could be of several, the first is taken.
    pub const ALL: [Self; 3] = [Self::Iob2, Self::Iob1, Self::Iobes];

    /// Whether `tag` may follow `before`, the tag of the word before it in the sentence.
    fn allows(self, before: Option<Tag>, tag: Tag) -> bool {
        use Prefix::{B, E, I, O, S};
        let goes_on = before.is_some_and(|before| before.is_in(tag.label));
        match (self, tag.prefix) {
            (Self::Iob1 | Self::Iob2, E | S) => false,
            (Self::Iob1, B) | (Self::Iob2, I) => goes_on,
            (Self::Iob1, O | I) | (Self::Iob2, O | B) => true,
            (Self::Iobes, prefix) => match before.filter(Self::is_open) {
                Some(open) => matches!(prefix, I | E) && open.label == tag.label,
                None => matches!(prefix, O | B | S),
            },
        }
    }

    /// In IOBES: whether this entity must go on.
    fn is_open(tag: &Tag) -> bool {
        matches!(tag.prefix, Prefix::B | Prefix::I)
    }

    /// Whether a sentence may end with this tag.
    fn may_end(self, last: Tag) -> bool {
        self != Self::Iobes || !Self::is_open(&last)
    }
}
// ANCHOR_END: scheme

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Iob1 => "IOB1",
            Self::Iob2 => "IOB2",
            Self::Iobes => "IOBES",
        })
    }
}

/// A tag that breaks a scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The word's number in its sentence, from 0.
    pub word: usize,
    /// Its tag.
    pub tag: String,
    /// "after O", "at the beginning of a sentence" or "at the end of a sentence".
    pub place: String,
    /// What could stand there, "B-PER or S-PER".
    pub right: String,
}

/// Every tag of a sentence that breaks the scheme, in order. After such a tag reading goes on as if
/// it were right.
pub fn faults(scheme: Scheme, tags: &[Tag]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut before: Option<Tag> = None;
    for (word, &tag) in tags.iter().enumerate() {
        if !scheme.allows(before, tag) {
            let place = before.map_or("at the beginning of a sentence".to_owned(), |before| {
                format!("after {before}")
            });
            let right = alternatives(scheme, before, tag);
            faults.push(Fault { word, tag: tag.to_string(), place, right });
        }
        before = Some(tag);
    }
    if let Some(last) = before.filter(|&last| !scheme.may_end(last)) {
        let prefix = if last.prefix == Prefix::B { Prefix::S } else { Prefix::E };
        faults.push(Fault {
            word: tags.len() - 1,
            tag: last.to_string(),
            place: "at the end of a sentence".to_owned(),
            right: Tag { prefix, ..last }.to_string(),
        });
    }
    faults
}

/// The tags of an entity that could stand here: of the one that must go on, else of the one that is
/// meant.
fn alternatives(scheme: Scheme, before: Option<Tag>, tag: Tag) -> String {
    let open = before.filter(|before| scheme == Scheme::Iobes && Scheme::is_open(before));
    let label = open.map_or(tag.label, |open| open.label);
    let all = [Prefix::B, Prefix::I, Prefix::E, Prefix::S].map(|prefix| Tag { prefix, label });
    let right: Vec<_> = all.into_iter().filter(|&tag| scheme.allows(before, tag)).collect();
    right.iter().map(Tag::to_string).collect::<Vec<_>>().join(" or ")
}

/// The scheme of a file: the one that the fewest of its tags break. Where there is an entity at all,
/// one scheme at most is not broken: the first entity of a sentence begins with `B` in IOB2 and with
/// `I` in IOB1, and it ends with `E` or `S` in IOBES alone. A file without entities is taken for
/// IOB2.
pub fn detect<'a, S: AsRef<[Tag<'a>]>>(sentences: impl IntoIterator<Item = S>) -> Scheme {
    let mut broken = [0; Scheme::ALL.len()];
    for tags in sentences {
        for (broken, scheme) in broken.iter_mut().zip(Scheme::ALL) {
            *broken += faults(scheme, tags.as_ref()).len();
        }
    }
    let best = (0..broken.len()).min_by_key(|&place| broken[place]).expect("there are three");
    Scheme::ALL[best]
}
