//! How instances are made: every choice, with the defaults of Google's `create_pretraining_data.py`.

use crate::masking::Masking;
use crate::next_sentence::SHORTEST;
use crate::{Error, Replacement};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// What a sequence is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Two texts, and the question whether the second follows the first, as BERT was trained.
    #[default]
    Pairs,
    /// One sentence after the other until the sequence is full, and no such question, as RoBERTa was.
    FullSentences,
}

// ANCHOR: settings
/// How instances are made from documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Pairs or full sentences.
    pub form: Form,
    /// The most tokens of a sequence, special tokens included.
    pub max_length: usize,
    /// Of pairs: how likely a document aims for shorter sequences.
    pub short_sequence_probability: f64,
    /// How many tokens are hidden, and how.
    pub masking: Masking,
    /// How many different passes there are. With `n`, pass `n` is pass 0 again, in another order.
    /// Without, each pass has masks and pairs of its own.
    pub dupe_factor: Option<NonZeroU64>,
    /// About how many bytes of text are read at a time, see [`crate::blocks`].
    pub block_bytes: NonZeroU64,
    /// What all random choices depend on.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            form: Form::Pairs,
            max_length: 128,
            short_sequence_probability: 0.1,
            masking: Masking::default(),
            dupe_factor: None,
            block_bytes: NonZeroU64::new(1 << 20).expect("not 0"),
            seed: 12345,
        }
    }
}
// ANCHOR_END: settings

impl Settings {
    /// # Errors
    /// The first setting with which nothing can be made.
    pub fn check(&self) -> Result<(), Error> {
        let Self { max_length, short_sequence_probability: short, masking, .. } = self;
        let Masking { rate, max_predictions, replacement, .. } = masking;
        let Replacement { mask, random } = *replacement;
        expect(*max_length >= SHORTEST, "max_length", max_length, || {
            format!("at least {SHORTEST}: [CLS], two [SEP], and a token of each text")
        })?;
        expect(is_share(*short), "short_sequence_probability", short, share)?;
        expect(is_share(*rate), "rate", rate, share)?;
        expect(*max_predictions > 0, "max_predictions", max_predictions, || "at least 1".into())?;
        expect(is_share(mask), "mask", &mask, share)?;
        expect(is_share(random), "random", &random, share)?;
        // Shares such as 0.9 and 0.1 may add up to a little more than 1.
        let sum = mask + random;
        expect(sum <= 1.0 + 1e-9, "mask + random", &sum, || "at most 1".into())
    }

    /// Which of the different passes this one is.
    pub fn pass(&self, epoch: u64) -> u64 {
        self.dupe_factor.map_or(epoch, |passes| epoch % passes)
    }
}

fn is_share(value: f64) -> bool {
    (0.0..=1.0).contains(&value)
}

fn share() -> String {
    "a number from 0 to 1".to_owned()
}

fn expect(
    condition: bool,
    name: &'static str,
    found: &impl ToString,
    expected: impl FnOnce() -> String,
) -> Result<(), Error> {
    if condition {
        return Ok(());
    }
    Err(Error::Setting { name, expected: expected(), found: found.to_string() })
}
