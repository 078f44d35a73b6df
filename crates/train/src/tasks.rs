//! The tasks that a model is fine-tuned for: what each makes of its data, and how it is measured.
//!
//! What is measured is what a user gets: the evaluation runs the pipeline that `bert predict` runs.
//!
//! # Layout
//!
//! - [`texts`]: one label, several labels, or a number for each text or pair
//! - [`tags`]: a tag for each word
//! - [`answers`]: the piece of a context that answers a question
//! - [`choices`]: the right one of several endings

pub mod answers;
pub mod choices;
pub mod tags;
pub mod texts;

use crate::judge::{Judge, Judged};
use crate::{Error, Sequence};
use bert_model::{Context, Model, PackedModel};
use bert_nn::Real;
use bert_pipeline::Pipeline;
use bert_tokenizer::Encoding;

/// Scores by name; the loss is called `loss`.
pub type NamedScores = Vec<(String, f64)>;

// ANCHOR: judge
/// Data with what is right for it.
pub trait EvaluationSet {
    /// How well a model does.
    ///
    /// # Errors
    /// The data does not fit the model.
    fn scores(&self, pipeline: &Pipeline) -> Result<NamedScores, Error>;
}

/// Judges a model in training by what a user would get from it.
pub struct PipelineJudge<'a> {
    /// Its model is replaced for each evaluation.
    pub pipeline: Pipeline,
    /// What it is judged by; without any, there are no scores.
    pub set: Option<&'a dyn EvaluationSet>,
}

impl Judge for PipelineJudge<'_> {
    fn judge(&mut self, model: &Model, _: &Context) -> Result<Judged, Error> {
        let Some(set) = self.set else { return Ok(Judged::default()) };
        self.pipeline.model = PackedModel::new(model.clone());
        Ok(Judged { parts: Vec::new(), scores: set.scores(&self.pipeline)? })
    }
}
// ANCHOR_END: judge

impl From<&Encoding> for Sequence {
    fn from(encoding: &Encoding) -> Self {
        Self { token_ids: encoding.ids.clone(), token_types: encoding.token_types.clone() }
    }
}

/// −ln softmax(logits)\[right\].
fn surprise(logits: &[Real], right: usize) -> f64 {
    let wide = |&logit: &Real| f64::from(logit);
    let largest = logits.iter().map(wide).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (wide(logit) - largest).exp()).sum();
    sum.ln() + largest - wide(&logits[right])
}

/// The place of the largest number, the first of equals.
pub fn largest(numbers: &[Real]) -> usize {
    (1..numbers.len())
        .fold(0, |best, place| if numbers[place] > numbers[best] { place } else { best })
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
