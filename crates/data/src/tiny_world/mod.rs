//! Tiny world: a language of two hundred words whose probabilities are all known, and with them the
//! best possible loss of any model that learns it.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`words`]: the words, and what goes with what
//! - `lexicon`: these tables, read
//! - [`grammar`]: sentences as walks from state to state
//! - [`documents`]: how sentences follow each other, and pairs of them
//! - [`instances`]: masked pairs to train on
//! - `inside`: sums over all sentences that fit what one sees
//! - `posterior`: the best possible predictions, given a masked pair
//! - `less`: the best that one can say who does not see all of it
//! - `bags`: the best without the order of the words
//! - [`ladder`]: the best possible loss of each of them
//!
//! ```
//! use bert_data::{Replacement, tiny_world::TinyWorld};
//!
//! let world = TinyWorld::new();
//! let instance = world.instance(1, 0, Replacement::PLAIN);
//! let posterior = world.posterior(&instance, Replacement::PLAIN).unwrap();
//! for (id, probabilities) in instance.masked_ids.iter().zip(&posterior) {
//!     println!("{}: {:.2}", world.vocabulary()[*id as usize], probabilities[*id as usize]);
//! }
//! ```

mod bags;
pub mod documents;
pub mod grammar;
mod inside;
pub mod instances;
pub mod ladder;
mod less;
mod lexicon;
mod posterior;
pub mod words;

pub use documents::Pair;
pub use instances::TinyWorldSource;
pub use ladder::{Ladder, NextSentence};

use crate::Replacement;
use bert_nn::random::Draws;
use bert_tokenizer::{Options, Tokenizer, Vocab};
use documents::Documents;
use grammar::Grammar;
use lexicon::Lexicon;
use std::path::Path;

/// The grammar, and what is drawn from it.
#[derive(Debug, Clone)]
pub struct TinyWorld {
    vocabulary: Vec<String>,
    grammar: Grammar,
    documents: Documents,
    cls: u32,
    sep: u32,
    mask: u32,
}

impl Default for TinyWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl TinyWorld {
    /// Reads the tables of [`words`]; a matter of milliseconds.
    pub fn new() -> Self {
        let lexicon = Lexicon::new();
        let (grammar, documents) = (Grammar::new(&lexicon), Documents::new(&lexicon));
        let vocabulary = lexicon.vocabulary;
        let [cls, sep, mask] = lexicon::CLS_SEP_MASK;
        Self { vocabulary, grammar, documents, cls, sep, mask }
    }

    /// The tokens by id: `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]`, `[MASK]`, the words of the sentences,
    /// and then letters, digits (both also with `##`) and ASCII signs, so that any ASCII text has
    /// tokens.
    pub fn vocabulary(&self) -> &[String] {
        &self.vocabulary
    }

    /// The contents of a `vocab.txt`.
    pub fn vocab_txt(&self) -> String {
        self.vocabulary.iter().flat_map(|token| [token, "\n"]).collect()
    }

    /// Lower-casing, as BERT's uncased models.
    pub fn tokenizer(&self) -> Tokenizer {
        let vocab = Vocab::from_bytes(self.vocab_txt().as_bytes(), Path::new("tiny world"));
        vocab
            .and_then(|vocab| Tokenizer::new(vocab, Options::default()))
            .expect("no token is there twice, and no special one is missing")
    }

    /// A document: sentences of words and a full stop, with a space between any two of them.
    pub fn document(&self, draws: &mut Draws) -> Vec<String> {
        let starts = self.documents.beginnings(draws);
        let sentence = |start| documents::sentence(&self.grammar, start, draws);
        starts.into_iter().map(sentence).map(|words| self.text(&words)).collect()
    }

    /// Two sentences, the second of which follows the first with probability one half.
    pub fn pair(&self, draws: &mut Draws) -> Pair {
        self.documents.pair(&self.grammar, draws)
    }

    /// Words as text.
    pub fn text(&self, ids: &[u32]) -> String {
        ids.iter().map(|&id| &*self.vocabulary[id as usize]).collect::<Vec<_>>().join(" ")
    }
}
