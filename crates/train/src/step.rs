//! One step of training, as three functions.
//!
//! ```text
//! gradients   forward and backward through each batch of the step; adds up the gradients
//! reduce      adds up the gradients of several machines; on one machine, nothing
//! apply       clips, and lets the optimizer change the parameters
//! ```
//!
//! A step may be too large for the memory. Then it comes in several batches, and their gradients
//! add up ("gradient accumulation"). The loss of the step is the mean over *all* its labels: the
//! labels are counted before anything is computed, and each batch's sum is divided by the count of
//! the step. The mean of the batches' means would be another number.

use crate::Error;
use bert_kernels::{keep_dropped, team};
use bert_model::heads::Part;
use bert_model::heads::loss::loss_gradients;
use bert_model::model::ModelGrads;
use bert_model::{Batch, Context, Keep, Labels, Mode, Model};
use bert_nn::Real;
use bert_optim::{Optimizer, Update, clip_factor, forget, global_norm, not_finite};

/// A batch and what is right in it.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledBatch {
    /// The sequences.
    pub batch: Batch,
    /// Their labels.
    pub labels: Labels,
}

// ANCHOR: gradients
/// Adds the gradients of a step's loss to `grads` and returns the parts of the loss. `context` is
/// that of the first batch. Gradients that are absent are made, but for what no batch reaches.
///
/// # Errors
/// There is no batch; a batch, its labels or the class weights do not fit the model; a part of the
/// loss has no label in the whole step; the loss is not finite. In the last case `grads` are absent
/// afterwards: training may go on with the next step.
pub fn gradients(
    model: &Model,
    step: &[LabelledBatch],
    context: &Context,
    keep: Keep,
    grads: &mut ModelGrads,
) -> Result<Vec<Part>, Error> {
    check(model, step, context)?;
    let weights = context.weighting_of(model.head.kind()).class_weights;
    let d_losses = loss_gradients(&counts(step, weights))?;
    let mut sums = Vec::new();
    let mut context = *context;
    for batch in step {
        // A pass is hundreds of small steps: the team keeps the threads awake between them.
        let parts = team(|| one_batch(model, batch, &d_losses, &context, keep, grads));
        add(&mut sums, &parts);
        context = context.after(&batch.batch);
    }
    if let Err(error) = all_finite(&sums, &context) {
        forget(grads);
        return Err(error);
    }
    Ok(sums)
}

fn one_batch(
    model: &Model,
    LabelledBatch { batch, labels }: &LabelledBatch,
    d_losses: &[Real],
    context: &Context,
    keep: Keep,
    grads: &mut ModelGrads,
) -> Vec<Part> {
    // Memory goes from the last step's gradients to the activations, and from those to this step's gradients.
    keep_dropped(|| {
        let (parts, cache) = model.forward(batch, labels, context, keep);
        model.backward(batch, labels, cache, d_losses, context, grads, |_, _| {});
        parts
    })
}

/// How many labels each part of the step's loss has.
fn counts(step: &[LabelledBatch], class_weights: Option<&[Real]>) -> Vec<Part> {
    let mut sums = Vec::new();
    step.iter().for_each(|batch| add(&mut sums, &batch.labels.parts(class_weights)));
    sums
}

pub(crate) fn add(sums: &mut Vec<Part>, parts: &[Part]) {
    if sums.is_empty() {
        *sums = parts.to_vec();
    } else {
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += *part);
    }
}
// ANCHOR_END: gradients

// ANCHOR: reduce
/// Adds up what several machines found for their shares of a step. On one machine there is nothing
/// to add: this is the place for it. (Before that, they would have to agree on the counts of
/// labels, since `gradients` has divided by them.)
pub fn reduce(_grads: &mut ModelGrads, _parts: &mut [Part]) {}
// ANCHOR_END: reduce

// ANCHOR: apply
/// Shortens the gradients to `max_norm`, if there is one, and lets the optimizer change the
/// parameters; the gradients are absent afterwards. Returns their norm before clipping. `update`'s
/// `gradient_scale` is replaced by what clipping asks for.
///
/// # Errors
/// A gradient is not finite. Parameters and optimizer are then as before, and the gradients are
/// absent: training may go on with the next step.
pub fn apply(
    model: &mut Model,
    grads: &mut ModelGrads,
    optimizer: &mut impl Optimizer<Model>,
    update: Update,
    max_norm: Option<f64>,
    step: u64,
) -> Result<f64, Error> {
    let norm = global_norm(grads);
    if !norm.is_finite() {
        let tensor = not_finite(grads).unwrap_or_else(|| "all tensors together".to_owned());
        forget(grads);
        return Err(Error::Gradient { step, tensor });
    }
    let gradient_scale = max_norm.map_or(1.0, |max_norm| clip_factor(norm, max_norm));
    optimizer.step(model, grads, &Update { gradient_scale, ..update });
    Ok(norm)
}

// ANCHOR_END: apply

fn check(model: &Model, step: &[LabelledBatch], context: &Context) -> Result<(), Error> {
    if step.is_empty() {
        return Err(Error::NoBatch);
    }
    context.check_weighting(model.head.kind())?;
    for LabelledBatch { batch, labels } in step {
        batch.check(context.config)?;
        labels.check(model.head.kind(), batch, context.config)?;
    }
    Ok(())
}

fn all_finite(parts: &[Part], context: &Context) -> Result<(), Error> {
    match parts.iter().find(|part| !part.loss.sum.is_finite()) {
        None => Ok(()),
        Some(part) => {
            Err(Error::Loss { step: number(context), name: part.name, value: part.loss.sum })
        }
    }
}

/// Evaluation, without dropout, has no step.
fn number(context: &Context) -> Option<u64> {
    match context.mode {
        Mode::Train(draw) => Some(draw.step),
        Mode::Eval => None,
    }
}
