//! What making instances must know of a vocabulary.

use bert_tokenizer::{SpecialTokens, Tokenizer};

/// A vocabulary as masking sees it: how many tokens there are, which have a meaning of their own, and
/// which continue a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pieces {
    /// The tokens with a meaning of their own.
    pub special: SpecialTokens,
    /// For each id of the vocabulary, whether its token continues a word.
    continues: Vec<bool>,
}

impl Pieces {
    /// Those of a tokenizer: what begins with `##` continues a word.
    pub fn of(tokenizer: &Tokenizer) -> Self {
        let vocab = tokenizer.vocab();
        let continues = |id| vocab.token(id).is_some_and(|token| token.starts_with("##"));
        Self::new(*tokenizer.special(), (0..vocab.len() as u32).map(continues).collect())
    }

    /// `continues` says for each id of the vocabulary whether its token continues a word.
    pub fn new(special: SpecialTokens, continues: Vec<bool>) -> Self {
        Self { special, continues }
    }

    /// `V`, the number of ids.
    pub fn size(&self) -> usize {
        self.continues.len()
    }

    /// Whether this token continues the word of the token before it.
    pub fn continues_word(&self, id: u32) -> bool {
        self.continues[id as usize]
    }

    /// Whether this token is one of a text, so that it can be hidden. (`[UNK]` is one: it stands for
    /// a word.)
    pub fn is_text(&self, id: u32) -> bool {
        let SpecialTokens { cls, sep, pad, mask, .. } = self.special;
        ![cls, sep, pad, mask].contains(&id)
    }
}
