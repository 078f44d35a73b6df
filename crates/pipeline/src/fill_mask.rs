//! The likeliest words for each `[MASK]`.
//!
//! The hidden state of each masked place goes through the masked-LM head; the softmax over the
//! vocabulary gives each token's probability there. Several masks of one text are judged one by one,
//! each with the others still masked.

use crate::{Error, Pipeline, TextProblem};
use bert_kernels::softmax_row;
use bert_model::HeadKind;
use bert_nn::Real;
use bert_tokenizer::{Encoding, Input};
use ndarray::{ArrayView1, Axis};

/// Fills masks. Needs a masked-LM or pre-training head.
pub struct MaskFiller<'a> {
    pipeline: &'a Pipeline,
    /// How many words for each mask.
    pub top_k: usize,
    /// Only these tokens are looked at, if there are any. Their scores stay what they are among all
    /// tokens.
    targets: Vec<u32>,
}

/// One suggestion for one mask.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Suggestion {
    /// Its probability.
    pub score: Real,
    /// The token's id.
    pub token: u32,
    /// The token as text.
    pub token_str: String,
    /// The whole text with the token put in.
    pub sequence: String,
}

/// The suggestions for one mask, best first.
pub type Suggestions = Vec<Suggestion>;

impl<'a> MaskFiller<'a> {
    /// The five likeliest of all tokens. Refuses a model that cannot predict words.
    pub fn new(pipeline: &'a Pipeline) -> Result<Self, Error> {
        pipeline.require(
            "fill-mask",
            "masked_lm or pre_training",
            &[HeadKind::MaskedLm, HeadKind::PreTraining],
        )?;
        Ok(Self { pipeline, top_k: 5, targets: Vec::new() })
    }

    /// Looks only at these words; each must be one token.
    pub fn with_targets(mut self, words: &[String]) -> Result<Self, Error> {
        let tokenizer = &self.pipeline.tokenizer;
        let token = |word: &String| {
            let encoding = tokenizer.encode(word.as_str());
            match encoding.ids[..] {
                // [CLS] token [SEP]
                [_, id, _] if id != tokenizer.special().unk => Ok(id),
                _ => {
                    let pieces = encoding.tokens(tokenizer);
                    let pieces = pieces[1..pieces.len() - 1].join(" ");
                    Err(Error::Target { word: word.clone(), pieces })
                }
            }
        };
        for word in words {
            let id = token(word)?;
            if !self.targets.contains(&id) {
                self.targets.push(id);
            }
        }
        Ok(self)
    }

    /// For each encoding, and each `[MASK]` in it, the likeliest words.
    pub fn fill(&self, encodings: &[Encoding]) -> Result<Vec<Vec<Suggestions>>, Error> {
        let mask = self.pipeline.tokenizer.special().mask;
        if let Some(index) = encodings.iter().position(|one| !one.ids.contains(&mask)) {
            // It may have stood where a long text was cut.
            let cut = encodings[index].len() == self.pipeline.max_length();
            let limit = cut.then(|| self.pipeline.max_length());
            return Err(TextProblem::NoMask { limit }.of(index));
        }
        let model = &self.pipeline.model;
        let context = self.pipeline.context();
        self.pipeline.map_batches(encodings, |piece, batch| {
            let hidden = model.hidden(batch, &context); // [T, H]
            let masked: Vec<_> =
                (0..batch.tokens()).filter(|&t| batch.token_ids[t] == mask).collect();
            let masked_hidden = hidden.select(Axis(0), &masked); // [M, H]
            let words = &model.embeddings.word_embeddings;
            let head = model.head.masked_lm().expect("checked when the filler was made");
            let (logits, _) = head.forward(masked_hidden.view(), words, &context); // [M, V]
            let mut rows = logits.outer_iter();
            let of_text = |encoding: &Encoding| {
                let places = (0..encoding.len()).filter(|&place| encoding.ids[place] == mask);
                let places: Vec<_> = places.collect();
                let alone = places.len() == 1;
                let each = places.into_iter().zip(&mut rows);
                each.map(|(place, row)| self.suggest(encoding, place, alone, row)).collect()
            };
            Ok(piece.iter().map(of_text).collect())
        })
    }

    fn suggest(
        &self,
        encoding: &Encoding,
        place: usize,
        alone: bool,
        logits: ArrayView1<Real>,
    ) -> Suggestions {
        let tokenizer = &self.pipeline.tokenizer;
        let mut probabilities = logits.to_vec();
        softmax_row(&mut probabilities);
        // A row of the table that no token names (the vocabulary may have gaps) cannot be shown.
        let vocab = tokenizer.vocab();
        let known = (0..vocab.len() as u32).filter(|&id| vocab.token(id).is_some());
        let mut ids: Vec<u32> =
            if self.targets.is_empty() { known.collect() } else { self.targets.clone() };
        let score = |id: u32| probabilities[id as usize];
        ids.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
        ids.truncate(self.top_k);
        let mut filled = encoding.ids.clone();
        let suggestion = |token: u32| {
            filled[place] = token;
            Suggestion {
                score: score(token),
                token,
                token_str: tokenizer.decode(&[token], false, true),
                // With other masks left, the special tokens stay, or those masks would vanish.
                sequence: tokenizer.decode(&filled, alone, true),
            }
        };
        ids.into_iter().map(suggestion).collect()
    }
}

impl Pipeline {
    /// The five likeliest words for each `[MASK]` of one text: the short way.
    pub fn fill_mask<'t>(&self, text: impl Into<Input<'t>>) -> Result<Vec<Suggestions>, Error> {
        let prepared = self.prepare(&[text.into()], true)?;
        let mut filled = MaskFiller::new(self)?.fill(&prepared.encodings)?;
        Ok(filled.remove(0))
    }
}
