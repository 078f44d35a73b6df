//! Where a vocabulary comes from: pieces that grow out of letters, the most frequent pair first.
//!
//! Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units", 2016, with `##` before
//! what continues a word. Each word is a list of pieces, at first its letters. The pair of neighbours that occurs most
//! often in the text becomes a new piece; that is done again and again, until the vocabulary is full.
//!
//! Google never published how the vocabulary of BERT was made. Schuster and Nakajima (2012) describe WordPiece as
//! joining the pair that makes the text most probable; what everybody uses is joining by count, as the trainer of
//! Hugging Face's `tokenizers` does. This one makes the same pieces in the same order, where that is defined: its
//! trainer numbers the `##` letters by chance, and the numbers decide between pairs that occur equally often. Here
//! letters are numbered in Unicode's order, so that one text has one vocabulary. In two more things it departs: words
//! that are always unknown because of their length are left out, and letters without room are an error, where the other
//! trainer makes the vocabulary larger than asked.

mod fast;
mod words;

use crate::Error;
use crate::vocab::CONTINUATION;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub use words::WordCounts;

/// In the order of their ids, which is that of the `tokenizers` trainer for BERT.
const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

// ANCHOR: trainer
/// How to make a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VocabTrainer {
    /// How many tokens it shall have. It has fewer if the text has no more pairs.
    pub size: usize,
    /// How often a pair must occur to become a piece.
    pub min_frequency: u64,
    /// How many different letters and signs it shall know: the most frequent ones. A word with another is unknown
    /// for ever.
    pub limit_alphabet: usize,
}
// ANCHOR_END: trainer

/// As `BertWordPieceTokenizer.train` has them.
impl Default for VocabTrainer {
    fn default() -> Self {
        VocabTrainer { size: 30_000, min_frequency: 2, limit_alphabet: 1000 }
    }
}

/// Two neighbours in a word.
type Pair = (u32, u32);

impl VocabTrainer {
    /// Makes a vocabulary of these words. The tokens stand in the order of their ids: `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`,
    /// `[MASK]`; the letters; the letters that continue a word; the pieces in the order in which they were made. The same
    /// words give the same vocabulary. `progress` is told from time to time how many tokens there are.
    ///
    /// # Errors
    /// If the letters alone are more than the vocabulary may hold.
    pub fn train(
        &self,
        words: &WordCounts,
        progress: impl FnMut(usize),
    ) -> Result<Vec<String>, Error> {
        let (mut tokens, mut words) = self.letters(words)?;
        fast::join_pairs(self, &mut words, &mut tokens, progress);
        Ok(tokens.list)
    }

    /// The same as the book tells it: slower by far, and made to be read.
    ///
    /// # Errors
    /// As [`VocabTrainer::train`].
    pub fn train_by_the_book(&self, words: &WordCounts) -> Result<Vec<String>, Error> {
        let (mut tokens, mut words) = self.letters(words)?;
        self.join_pairs(&mut words, &mut tokens);
        Ok(tokens.list)
    }

    // ANCHOR: join_pairs
    /// Joins the most frequent pair until the vocabulary is full. Counts all pairs anew each time.
    fn join_pairs(&self, words: &mut [Word], tokens: &mut Tokens) {
        while tokens.list.len() < self.size {
            let mut counts: HashMap<Pair, u64> = HashMap::new();
            for word in words.iter() {
                word.pairs().for_each(|pair| *counts.entry(pair).or_default() += word.count);
            }
            // Of pairs that occur equally often, the one of the oldest pieces.
            let best = counts.into_iter().max_by_key(|&(pair, count)| (count, Reverse(pair)));
            let Some((pair, count)) = best else { break };
            if count < self.min_frequency {
                break;
            }
            let piece = tokens.join(pair);
            words.iter_mut().for_each(|word| word.join(pair, piece));
        }
    }
    // ANCHOR_END: join_pairs

    /// The special tokens and the letters as tokens, and each word as a list of letters. What is not in the alphabet
    /// is left out of its word, as `tokenizers` does.
    fn letters(&self, counts: &WordCounts) -> Result<(Tokens, Vec<Word>), Error> {
        let mut tokens = Tokens::default();
        for token in SPECIAL_TOKENS {
            tokens.id(token.to_owned());
        }
        let alphabet = self.alphabet(counts);
        let later = counts.iter().flat_map(|(word, _)| word.chars().skip(1));
        let later: BTreeSet<char> = later.filter(|c| alphabet.contains(c)).collect();
        let mut letter = |prefix: &str, c: char| (c, tokens.id(format!("{prefix}{c}")));
        let first: HashMap<_, _> = alphabet.iter().map(|&c| letter("", c)).collect();
        let later: HashMap<_, _> = later.iter().map(|&c| letter(CONTINUATION, c)).collect();
        if tokens.list.len() > self.size {
            let (letters, needed) = (alphabet.len(), tokens.list.len());
            return Err(Error::VocabTooSmall { size: self.size, needed, letters });
        }
        let pieces = |word: &str| {
            let letters = word.chars().enumerate();
            letters
                .filter_map(|(place, c)| if place == 0 { first.get(&c) } else { later.get(&c) })
                .copied()
                .collect()
        };
        let words = counts.iter().map(|(word, count)| Word { pieces: pieces(word), count });
        Ok((tokens, words.collect()))
    }

    /// The most frequent letters; of those that occur equally often, the first in Unicode's order.
    fn alphabet(&self, counts: &WordCounts) -> BTreeSet<char> {
        let mut letters: BTreeMap<char, u64> = BTreeMap::new();
        for (word, count) in counts.iter() {
            word.chars().for_each(|c| *letters.entry(c).or_default() += count);
        }
        let mut letters: Vec<_> = letters.into_iter().collect();
        letters.sort_by_key(|&(_, count)| Reverse(count));
        letters.into_iter().take(self.limit_alphabet).map(|(c, _)| c).collect()
    }
}

// ANCHOR: word
/// A word as it is cut so far, and how often it occurs.
struct Word {
    pieces: Vec<u32>,
    count: u64,
}

impl Word {
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.pieces.windows(2).map(|pair| (pair[0], pair[1]))
    }

    /// Joins a pair wherever it stands, from left to right.
    fn join(&mut self, pair: Pair, piece: u32) {
        let (mut read, mut write) = (0, 0);
        while read < self.pieces.len() {
            if self.pieces[read..].starts_with(&[pair.0, pair.1]) {
                self.pieces[write] = piece;
                read += 2;
            } else {
                self.pieces[write] = self.pieces[read];
                read += 1;
            }
            write += 1;
        }
        self.pieces.truncate(write);
    }
}
// ANCHOR_END: word

/// Tokens in the order of their ids, and back.
#[derive(Default)]
struct Tokens {
    list: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Tokens {
    /// The id of a token, which may be new.
    fn id(&mut self, token: String) -> u32 {
        *self.ids.entry(token).or_insert_with_key(|token| {
            self.list.push(token.clone());
            self.list.len() as u32 - 1
        })
    }

    /// The id of what two neighbours are together: `un` and `##able` are `unable`, `##ab` and `##le` are `##able`.
    fn join(&mut self, (left, right): Pair) -> u32 {
        let [left, right] = [left, right].map(|id| &*self.list[id as usize]);
        self.id(format!("{left}{}", right.strip_prefix(CONTINUATION).unwrap_or(right)))
    }
}
