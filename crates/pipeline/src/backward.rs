//! Every gradient of one batch, by name: what `bert trace --backward` shows and writes.

use crate::Error;
use crate::reference::{Reference, in_file, stored};
use bert_checkpoint::{Stored, named};
use bert_model::encoder_layer::{attention_settings, feed_forward_settings};
use bert_model::heads::loss::{loss_gradients, total};
use bert_model::trace::Traced;
use bert_model::{Batch, Context, HeadKind, Keep, Mode, Model};
use bert_nn::tensors::not_finite;
use bert_nn::{Dropout, Real, Tensors};
use ndarray::{Array2, Array3};

/// The loss of one batch and all its gradients.
#[derive(Debug)]
pub struct Backward {
    /// The loss.
    pub loss: f64,
    /// A gradient for each parameter, under the parameter's name.
    pub grads: Model,
    /// The gradients of `hidden_states.0` to `hidden_states.L`, [T, H] each.
    pub d_hidden_states: Vec<Array2<Real>>,
}

/// Runs the batch of `reference` and its labels through `model`, forward and back.
///
/// # Errors
/// The labels are not those of the model's head, or all of them are ignored; the loss or a gradient
/// is not finite.
pub fn backward(
    model: &Model,
    reference: &Reference,
    context: &Context,
) -> Result<Backward, Error> {
    reference.check(context.config)?;
    let labels = reference.labels(model.head.kind(), context.config)?;
    let batch = &reference.batch;
    let (parts, cache) = model.forward(batch, &labels, context, Keep::All);
    let d_losses = loss_gradients(&parts).map_err(in_file(reference.path()))?;
    let mut grads = model.zeros_like();
    let mut d_hidden_states = Vec::new();
    model.backward(batch, &labels, cache, &d_losses, context, &mut grads, |_, d_hidden| {
        d_hidden_states.push(d_hidden.to_owned());
    });
    d_hidden_states.reverse();
    let loss = total(&parts);
    if !loss.is_finite() {
        return Err(Error::NotFinite { what: format!("the loss ({loss})") });
    }
    if let Some(tensor) = not_finite(&grads) {
        return Err(Error::NotFinite { what: format!("the gradient of {tensor}") });
    }
    Ok(Backward { loss, grads, d_hidden_states })
}

impl Backward {
    /// In the form of a reference file: `loss` \[1], `grad.NAME`, and `grad.hidden_states.l` [B, S,
    /// H], zero where there is no token.
    pub fn to_tensors(&self, batch: &Batch, width: usize) -> Vec<(String, Stored<'_>)> {
        let loss = vec![self.loss as Real];
        let mut tensors = vec![("loss".to_owned(), Stored::reals(vec![1], loss))];
        tensors.extend(named("grad.", &self.grads));
        for (layer, d_hidden) in self.d_hidden_states.iter().enumerate() {
            let name = format!("grad.hidden_states.{layer}");
            tensors.push(stored(name, &Traced::Tokens(d_hidden.clone()), batch, width));
        }
        tensors
    }
}

/// The factors of dropout, 0 or 1/(1 − rate), under the names of the places where they act:
/// `dropout.embeddings` and `dropout.layer.N.attention.output`, `dropout.layer.N.output` [B, S, H],
/// `dropout.layer.N.attention.probabilities` [B, N, S, S], `dropout.classifier` [B, H] or [B, S,
/// H]. Empty in evaluation.
pub fn dropout_masks(
    kind: HeadKind,
    batch: &Batch,
    width: usize,
    context: &Context,
) -> Vec<(String, Stored<'static>)> {
    if context.mode == Mode::Eval {
        return vec![];
    }
    let config = context.config;
    let rows = |dropout: Dropout, count: usize| {
        Array2::from_shape_fn((count, config.hidden_size), |(row, column)| {
            dropout.factor(row, column)
        })
    };
    let of_tokens = |dropout| Traced::Tokens(rows(dropout, batch.tokens()));
    let mut masks =
        vec![("embeddings".to_owned(), of_tokens(context.hidden_dropout("embeddings", 0)))];
    for layer in 0..config.num_hidden_layers {
        let attention = attention_settings(layer, context);
        let maps = batch.ranges().map(|tokens| {
            let shape = (attention.heads, tokens.len(), tokens.len());
            Array3::from_shape_fn(shape, |(head, query, key)| {
                attention.probability_dropout.of_head(head).factor(tokens.start + query, key)
            })
        });
        let name = |part| format!("layer.{layer}.{part}");
        masks.push((name("attention.probabilities"), Traced::Attention(maps.collect())));
        masks.push((name("attention.output"), of_tokens(attention.output_dropout)));
        let output = feed_forward_settings(layer, context).output_dropout;
        masks.push((name("output"), of_tokens(output)));
    }
    match kind {
        HeadKind::SequenceClassification | HeadKind::MultipleChoice => {
            let rows = rows(context.sequence_dropout(), batch.sequences());
            masks.push(("classifier".to_owned(), Traced::Sequences(rows)));
        }
        HeadKind::TokenClassification => {
            masks.push(("classifier".to_owned(), of_tokens(context.token_dropout())));
        }
        // Listed, so that a new head is not forgotten.
        HeadKind::None
        | HeadKind::MaskedLm
        | HeadKind::NextSentence
        | HeadKind::PreTraining
        | HeadKind::QuestionAnswering => {}
    }
    let named = masks.into_iter();
    named.map(|(name, mask)| stored(format!("dropout.{name}"), &mask, batch, width)).collect()
}
