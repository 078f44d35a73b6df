//! How instances of pre-training are made, as arguments.

use crate::common::expect_usage;
use anyhow::Result;
use bert_data::{Form, Masking, Replacement, Settings};
use std::num::NonZeroU64;

/// Google's flags, and those of the modern form.
#[derive(clap::Args)]
pub struct InstanceArgs {
    /// The most tokens of a sequence, [CLS] and [SEP] included; at least 5 [default: 128, or as many as a
    /// smaller model takes]
    #[arg(long, value_name = "N", value_parser = length)]
    max_length: Option<usize>,
    /// The share of tokens that is to be guessed
    #[arg(long, value_name = "SHARE", default_value = "0.15", value_parser = share)]
    pub masked_lm_prob: f64,
    /// The most tokens of a sequence that are to be guessed
    #[arg(long, value_name = "N", default_value = "20", value_parser = at_least_one)]
    pub max_predictions: usize,
    /// The share of these that shows [MASK] [default: 0.8; of tiny world 1]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    mask_share: Option<f64>,
    /// The share of these that shows a random token; the rest shows what it is [default: 0.1; of tiny
    /// world 0]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    random_share: Option<f64>,
    /// Hide all pieces of a word together
    #[arg(long)]
    pub whole_word_masking: bool,
    /// How likely a document is cut into shorter sequences
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = share)]
    pub short_seq_prob: f64,
    /// Fill each sequence with one sentence after the other; no next-sentence prediction
    #[arg(long, conflicts_with = "short_seq_prob")]
    pub full_sentences: bool,
    /// Make masks and pairs this many times and then repeat them [default: new ones in every pass]
    #[arg(long, value_name = "N")]
    pub dupe_factor: Option<NonZeroU64>,
    /// What all random numbers depend on
    #[arg(long, value_name = "N", default_value = "12345")]
    pub seed: u64,
}

impl InstanceArgs {
    /// What masked places show; `default` where no flag says so.
    pub fn replacement(&self, default: Replacement) -> Result<Replacement> {
        let replacement = Replacement {
            mask: self.mask_share.unwrap_or(default.mask),
            random: self.random_share.unwrap_or(default.random),
        };
        // 0.9 and 0.1, say, may add up to a little more than 1.
        let sum = replacement.mask + replacement.random;
        expect_usage(sum <= 1.0 + 1e-9, || {
            format!("--mask-share and --random-share: together at most 1, not {sum}")
        })?;
        Ok(replacement)
    }

    /// What the flags say of instances from texts, for a model of so many `positions`, if it is known.
    pub fn settings(&self, positions: Option<usize>) -> Result<Settings> {
        let masking = Masking {
            rate: self.masked_lm_prob,
            max_predictions: self.max_predictions,
            whole_words: self.whole_word_masking,
            replacement: self.replacement(Replacement::BERT)?,
        };
        let form = if self.full_sentences { Form::FullSentences } else { Form::Pairs };
        Ok(Settings {
            form,
            max_length: self.max_length.unwrap_or(positions.unwrap_or(128).min(128)),
            short_sequence_probability: self.short_seq_prob,
            masking,
            dupe_factor: self.dupe_factor,
            seed: self.seed,
            ..Settings::default()
        })
    }
}

fn length(text: &str) -> Result<usize, String> {
    number(text, 5, "[CLS], two [SEP], and a token of each text")
}

fn at_least_one(text: &str) -> Result<usize, String> {
    number(text, 1, "a sequence without one teaches nothing")
}

fn number(text: &str, least: usize, reason: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("expected a whole number, at least {least} ({reason})")),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0 to 1".to_owned()),
    }
}
