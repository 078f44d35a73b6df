//! How good is a model in training? Whoever can say so is a judge.

use crate::metrics::summary;
use crate::{Error, LabelledBatch};
use bert_model::heads::Part;
use bert_model::{Batch, Context, HeadKind, Keep, Model};
use serde_json::{Map, Value, json};

// ANCHOR: evaluate
/// The loss of batches that are not trained on, without dropout.
///
/// # Errors
/// A batch does not fit the model.
pub fn evaluate(
    model: &Model,
    batches: &[LabelledBatch],
    context: &Context,
) -> Result<Vec<Part>, Error> {
    let mut sums: Vec<Part> = Vec::new();
    for LabelledBatch { batch, labels } in batches {
        Batch::check(batch, context.config)?;
        labels.check(model.head.kind(), batch, context.config)?;
        let (parts, _) = model.forward(batch, labels, context, Keep::InputOnly);
        if sums.is_empty() {
            sums = parts;
        } else {
            sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
        }
    }
    Ok(sums)
}
// ANCHOR_END: evaluate

/// Measures a model on data that it is not trained on.
pub trait Judge {
    /// `context` is that of the plan: no dropout.
    ///
    /// # Errors
    /// The data does not fit the model.
    fn judge(&mut self, model: &Model, context: &Context) -> Result<Judged, Error>;
}

/// What a [`Judge`] found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judged {
    /// The parts of the loss.
    pub parts: Vec<Part>,
    /// Other scores, by name.
    pub scores: Vec<(String, f64)>,
}

impl Judged {
    /// The losses, accuracies and scores by name. `kind`: of the model's head.
    pub fn summary(&self, kind: HeadKind) -> Map<String, Value> {
        let mut all = summary(kind, &self.parts);
        all.extend(self.scores.iter().map(|(name, score)| (name.clone(), json!(score))));
        all
    }
}

/// Judges by the loss alone.
#[derive(Debug, Clone)]
pub struct HeldOut(
    /// Sequences that are not trained on.
    pub Vec<LabelledBatch>,
);

impl Judge for HeldOut {
    fn judge(&mut self, model: &Model, context: &Context) -> Result<Judged, Error> {
        Ok(Judged { parts: evaluate(model, &self.0, context)?, scores: Vec::new() })
    }
}
