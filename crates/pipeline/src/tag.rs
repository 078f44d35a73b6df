//! Names and other entities, with their places in the text.
//!
//! The head gives each token a probability for each label; this file makes entities of them, step by
//! step as transformers' `TokenClassificationPipeline` does: tokens agree within words (if asked
//! to), then neighbours with the same label join, then what is no entity (label `O`) is left out.

use crate::{Error, Pipeline};
use bert_checkpoint::LoadOptions;
use bert_kernels::softmax_rows;
use bert_model::HeadKind;
use bert_nn::Real;
use bert_nn::view::rows;
use bert_tokenizer::Encoding;
use ndarray::{Array1, Array2, ArrayView2};
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::borrow::Borrow;
use std::path::Path;

/// How tokens become entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregation {
    /// Every token is an entity of its own.
    None,
    /// Neighbours with the same label are joined; pieces of one word may disagree.
    #[default]
    Simple,
    /// A word has the label of its first piece.
    First,
    /// A word has the best label of the mean over its pieces.
    Average,
    /// A word has the label of its surest piece.
    Max,
}

/// Finds entities. Needs a token-classification head.
pub struct Tagger<P = Pipeline> {
    pipeline: P,
    /// How tokens become entities.
    pub aggregation: Aggregation,
    labels: Vec<String>,
}

/// Something that was found in a text. As JSON it has the keys of transformers: the label is called
/// `entity` (beside the token's `index`) for a single token, `entity_group` otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Entity {
    /// The label; of a group without its `B-` or `I-`.
    pub label: String,
    /// Its probability; of a group the mean over its tokens or words.
    pub score: Real,
    /// The token's place among all tokens, `[CLS]` being 0; none for a group.
    pub index: Option<usize>,
    /// The tokens as text, in the tokenizer's spelling; what it does not know as in the text.
    pub word: String,
    /// Where it begins, in characters of the text.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
}

impl Serialize for Entity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(
            if self.index.is_some() { "entity" } else { "entity_group" },
            &self.label,
        )?;
        map.serialize_entry("score", &self.score)?;
        if let Some(index) = self.index {
            map.serialize_entry("index", &index)?;
        }
        map.serialize_entry("word", &self.word)?;
        map.serialize_entry("start", &self.start)?;
        map.serialize_entry("end", &self.end)?;
        map.end()
    }
}

/// A token, or the tokens of a word once they agree.
struct Piece {
    tokens: Vec<Token>,
    /// [C].
    scores: Array1<Real>,
    start: usize,
    end: usize,
    /// Of the first token.
    index: usize,
}

/// How a token is written.
#[derive(Clone)]
enum Token {
    Known(u32),
    /// `[UNK]`, and what stands for it in the text.
    Unknown(String),
}

impl Tagger {
    /// Reads a model directory.
    ///
    /// # Errors
    /// It cannot be read, or is no token classifier.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        Self::new(Pipeline::open(directory, &LoadOptions::default())?)
    }
}

impl<P: Borrow<Pipeline>> Tagger<P> {
    /// Joins simply. Refuses a model that does not label tokens.
    pub fn new(pipeline: P) -> Result<Self, Error> {
        let heads = [HeadKind::TokenClassification];
        pipeline.borrow().require("tag", "token_classification", &heads)?;
        let labels = pipeline.borrow().config.labels();
        Ok(Self { pipeline, aggregation: Aggregation::default(), labels })
    }

    /// What it reads texts with.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline.borrow()
    }

    /// The names of the labels, in the order of the configuration.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The logits [S, C] of each encoding.
    pub fn logits(&self, encodings: &[Encoding]) -> Result<Vec<Array2<Real>>, Error> {
        self.pipeline().map_batches(encodings, |_, batch| {
            let logits =
                self.pipeline().infer(batch)?.logits.expect("checked when the tagger was made"); // [T, C]
            Ok(batch.ranges().map(|range| rows(logits.view(), range).to_owned()).collect())
        })
    }

    /// The entities of each text, in order. `encodings` are those of `texts`, one for each.
    pub fn tag(&self, texts: &[&str], encodings: &[Encoding]) -> Result<Vec<Vec<Entity>>, Error> {
        assert_eq!(texts.len(), encodings.len(), "each text has its encoding");
        let all = texts.iter().zip(encodings).zip(self.logits(encodings)?);
        let entities = all.map(|((text, encoding), mut scores)| {
            softmax_rows(scores.view_mut());
            self.entities(text, encoding, scores.view())
        });
        Ok(entities.collect())
    }

    /// `scores` [S, C].
    fn entities(&self, text: &str, encoding: &Encoding, scores: ArrayView2<Real>) -> Vec<Entity> {
        let text: Vec<char> = text.chars().collect();
        let pieces = (0..encoding.len()).filter(|&index| !encoding.special_tokens_mask[index]);
        let pieces = pieces.map(|index| {
            let piece = self.piece(&text, encoding, scores, index);
            (self.continues(encoding, index), piece)
        });
        let entities = match self.aggregation {
            Aggregation::None => pieces.map(|(_, piece)| self.token_entity(&piece)).collect(),
            Aggregation::Simple => self.groups(pieces.map(|(_, piece)| piece)),
            Aggregation::First | Aggregation::Average | Aggregation::Max => {
                self.groups(self.words(pieces).into_iter())
            }
        };
        entities.into_iter().filter(|entity| entity.label != "O").collect()
    }

    fn piece(
        &self,
        text: &[char],
        encoding: &Encoding,
        scores: ArrayView2<Real>,
        index: usize,
    ) -> Piece {
        let (id, (start, end)) = (encoding.ids[index], encoding.offsets[index]);
        let token = if id == self.pipeline().tokenizer.special().unk {
            Token::Unknown(text[start..end].iter().collect())
        } else {
            Token::Known(id)
        };
        Piece { tokens: vec![token], scores: scores.row(index).to_owned(), start, end, index }
    }

    /// Whether a token goes on with the word before it. The judge sees that by the `##`, which makes
    /// the token longer than its part of the text, and so takes any token for a continuation whose
    /// normalisation changed its length.
    fn continues(&self, encoding: &Encoding, index: usize) -> bool {
        let (id, (start, end)) = (encoding.ids[index], encoding.offsets[index]);
        let tokenizer = &self.pipeline().tokenizer;
        let token = tokenizer.vocab().token(id).unwrap_or_default();
        id != tokenizer.special().unk && token.chars().count() != end - start
    }

    /// Joins each piece that continues a word with the pieces before it.
    fn words(&self, pieces: impl Iterator<Item = (bool, Piece)>) -> Vec<Piece> {
        let mut words: Vec<Vec<Piece>> = Vec::new();
        for (continues, piece) in pieces {
            match words.last_mut() {
                Some(word) if continues => word.push(piece),
                _ => words.push(vec![piece]),
            }
        }
        words.into_iter().map(|word| self.agree(word)).collect()
    }

    /// One piece of the pieces of a word, by the strategy.
    fn agree(&self, pieces: Vec<Piece>) -> Piece {
        let scores = match self.aggregation {
            Aggregation::Average => {
                let sum =
                    pieces.iter().skip(1).fold(pieces[0].scores.clone(), |sum, p| sum + &p.scores);
                sum / pieces.len() as Real
            }
            Aggregation::Max => {
                let surest: Vec<_> = pieces.iter().map(|piece| best(&piece.scores).1).collect();
                pieces[best(&Array1::from(surest)).0].scores.clone()
            }
            _ => pieces[0].scores.clone(),
        };
        let (start, index) = (pieces[0].start, pieces[0].index);
        let end = pieces[pieces.len() - 1].end;
        let tokens = pieces.into_iter().flat_map(|piece| piece.tokens).collect();
        Piece { tokens, scores, start, end, index }
    }

    fn token_entity(&self, piece: &Piece) -> Entity {
        let (label, score) = best(&piece.scores);
        let word = match &piece.tokens[0] {
            Token::Unknown(word) => word,
            Token::Known(id) => self.pipeline().tokenizer.vocab().token(*id).unwrap_or_default(),
        };
        let word = word.to_owned();
        let (label, index) = (self.labels[label].clone(), Some(piece.index));
        Entity { label, score, index, word, start: piece.start, end: piece.end }
    }

    /// Joins neighbours with the same label, `O` included. `B-` begins anew.
    fn groups(&self, pieces: impl Iterator<Item = Piece>) -> Vec<Entity> {
        let mut groups: Vec<(&str, Vec<Piece>)> = Vec::new();
        for piece in pieces {
            let label = self.labels[best(&piece.scores).0].as_str();
            match groups.last_mut() {
                Some((last, group)) if joins(last, label) => group.push(piece),
                _ => groups.push((label, vec![piece])),
            }
        }
        groups.into_iter().map(|(label, pieces)| self.group(label, &pieces)).collect()
    }

    fn group(&self, label: &str, pieces: &[Piece]) -> Entity {
        let total: Real = pieces.iter().map(|piece| best(&piece.scores).1).sum();
        Entity {
            // Cut at the first hyphen, whatever stands before it: so the judge does.
            label: label.split_once('-').map_or(label, |(_, kind)| kind).to_owned(),
            score: total / pieces.len() as Real,
            index: None,
            word: self.spelled(pieces.iter().flat_map(|piece| &piece.tokens)),
            start: pieces[0].start,
            end: pieces[pieces.len() - 1].end,
        }
    }

    /// Tokens as text: `##` removed, a space before every other token but where the tokenizer's
    /// clean-up takes it away.
    fn spelled<'t>(&self, tokens: impl Iterator<Item = &'t Token>) -> String {
        let tokenizer = &self.pipeline().tokenizer;
        let decode = |ids: &[u32]| tokenizer.decode(ids, false, false);
        // Decoding cleans up each token by itself, so a token after another one is what follows the
        // other one's text.
        let other = tokenizer.special().unk;
        let before = decode(&[other]).len();
        let mut text = String::new();
        for (place, token) in tokens.enumerate() {
            match token {
                Token::Known(id) if place == 0 => text.push_str(&decode(&[*id])),
                Token::Known(id) => text.push_str(&decode(&[other, *id])[before..]),
                Token::Unknown(word) if place == 0 => text.push_str(word),
                Token::Unknown(word) => text.extend([" ", word]),
            }
        }
        text
    }
}

/// The largest score and its place; the first of equal ones.
fn best(scores: &Array1<Real>) -> (usize, Real) {
    let larger = |best: (usize, Real), (place, &score): (usize, &Real)| {
        if score > best.1 { (place, score) } else { best }
    };
    scores.iter().enumerate().skip(1).fold((0, scores[0]), larger)
}

/// Whether a token labelled `next` belongs to the group whose first label is `group`. `B-` begins
/// anew; a label with neither `B-` nor `I-` goes on.
fn joins(group: &str, next: &str) -> bool {
    !next.starts_with("B-") && kind(group) == kind(next)
}

/// A label without its `B-` or `I-`.
fn kind(label: &str) -> &str {
    label.strip_prefix("B-").or_else(|| label.strip_prefix("I-")).unwrap_or(label)
}

impl Pipeline {
    /// The entities of one text, joined simply: the short way.
    pub fn tag(&self, text: &str) -> Result<Vec<Entity>, Error> {
        let prepared = self.prepare(&[text.into()], true)?;
        Ok(Tagger::new(self)?.tag(&[text], &prepared.encodings)?.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn only_what_begins_no_entity_joins_its_own_kind() {
        assert!(joins("B-PER", "I-PER") && joins("I-PER", "I-PER"));
        assert!(joins("O", "O") && joins("NOUN", "NOUN") && joins("B-NOUN", "NOUN"));
        assert!(!joins("B-PER", "B-PER") && !joins("I-PER", "B-PER"));
        assert!(!joins("B-PER", "I-LOC") && !joins("O", "I-PER"));
    }

    #[test]
    fn the_first_of_equal_scores_is_the_best() {
        assert_eq!(best(&array![0.2, 0.4, 0.4]), (1, 0.4));
    }

    #[test]
    fn single_tokens_and_groups_have_the_keys_of_transformers() {
        let mut entity = Entity {
            label: "PER".to_owned(),
            score: 0.5,
            index: Some(3),
            word: "tom".to_owned(),
            start: 4,
            end: 7,
        };
        let json = |entity: &Entity| serde_json::to_string(entity).unwrap();
        let rest = r#""word":"tom","start":4,"end":7}"#;
        assert_eq!(json(&entity), format!(r#"{{"entity":"PER","score":0.5,"index":3,{rest}"#));
        entity.index = None;
        assert_eq!(json(&entity), format!(r#"{{"entity_group":"PER","score":0.5,{rest}"#));
    }
}
