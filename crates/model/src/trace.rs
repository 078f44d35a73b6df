//! Every intermediate tensor of a forward pass, by name.
//!
//! The names of results are those of the reference files (`hidden_states.0`, `attentions.0`,
//! `mlm_logits`, …); what lies between is named `layer.0.attention.query` and so on.

use crate::encoder_layer::{EncoderLayerCache, attention_settings};
use crate::{Batch, Context, EncoderLayer, Model, Outputs};
use bert_nn::{Real, activation};
use ndarray::{Array1, Array2, Array3};

/// One traced tensor, in packed form.
#[derive(Debug, Clone, PartialEq)]
pub enum Traced {
    /// A row for each token of the batch, [T, X].
    Tokens(Array2<Real>),
    /// A number for each token of the batch, `[T]`.
    TokenScores(Array1<Real>),
    /// A row for each sequence, [B, X].
    Sequences(Array2<Real>),
    /// Attention probabilities, for each sequence [N, S, S].
    Attention(Vec<Array3<Real>>),
}

impl Traced {
    /// The shape; of attention probabilities [B, N, S, S] with the longest sequence's S.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Tokens(array) | Self::Sequences(array) => array.shape().to_vec(),
            Self::TokenScores(array) => array.shape().to_vec(),
            Self::Attention(arrays) => {
                let heads = arrays.first().map_or(0, |array| array.dim().0);
                let longest = arrays.iter().map(|array| array.dim().1).max().unwrap_or(0);
                vec![arrays.len(), heads, longest, longest]
            }
        }
    }

    /// The numbers, in storage order.
    pub fn values(&self) -> Vec<Real> {
        match self {
            Self::Tokens(array) | Self::Sequences(array) => array.iter().copied().collect(),
            Self::TokenScores(array) => array.to_vec(),
            Self::Attention(arrays) => arrays.iter().flatten().copied().collect(),
        }
    }
}

/// Name and tensor.
pub type NamedTensor = (String, Traced);

/// Runs `batch` through `model` and hands every intermediate tensor to `seen`, in the order in
/// which they are computed. The batch must have passed [`Batch::check`].
pub fn trace(model: &Model, batch: &Batch, context: &Context, mut seen: impl FnMut(NamedTensor)) {
    let (hidden, cache) = model.bert.embeddings.forward(batch, context); // [T, H]
    seen(("embeddings.sum".to_owned(), Traced::Tokens(cache.sum)));
    seen(("hidden_states.0".to_owned(), Traced::Tokens(hidden.clone())));
    let hidden =
        model.bert.encoder.trace(hidden, &batch.bounds, context, |number, output, cache| {
            let layer = &model.bert.encoder.layer[number];
            layer_tensors(number, layer, cache, batch, context, &mut seen);
            let name = format!("hidden_states.{}", number + 1);
            seen((name, Traced::Tokens(output.clone())));
        });
    let words = &model.bert.embeddings.word_embeddings;
    output_tensors(model.head.apply(hidden, words, batch, context)).into_iter().for_each(seen);
}

fn layer_tensors(
    number: usize,
    layer: &EncoderLayer,
    cache: &EncoderLayerCache,
    batch: &Batch,
    context: &Context,
    seen: &mut impl FnMut(NamedTensor),
) {
    let mut tokens = |name: &str, array: &Array2<Real>| {
        seen((format!("layer.{number}.{name}"), Traced::Tokens(array.clone())));
    };
    tokens("attention.query", &cache.attention.query);
    tokens("attention.key", &cache.attention.key);
    tokens("attention.value", &cache.attention.value);
    let settings = attention_settings(number, context);
    let probabilities = batch
        .ranges()
        .map(|rows| cache.attention.probabilities(rows.start, rows.end, &settings))
        .collect();
    seen((format!("attentions.{number}"), Traced::Attention(probabilities)));
    let mut tokens = |name: &str, array: &Array2<Real>| {
        seen((format!("layer.{number}.{name}"), Traced::Tokens(array.clone())));
    };
    tokens("attention.context", &cache.attention.context);
    tokens("attention.sum", &cache.attention.sum);
    tokens("attention.output", &layer.attention.output_again(&cache.attention, &settings));
    if let Some(feed_forward) = &cache.feed_forward {
        tokens("intermediate", &feed_forward.intermediate);
        let before = feed_forward.intermediate.view();
        tokens("activation", &activation::forward(before, context.config.activation()));
        tokens("feed_forward.sum", &feed_forward.sum);
    }
}

/// The results of a model under the reference files' names, those that it has.
pub fn output_tensors(outputs: Outputs) -> Vec<NamedTensor> {
    // A classifier without a pooler works on tokens.
    let kind = if outputs.pooler_output.is_some() { Traced::Sequences } else { Traced::Tokens };
    let named = [
        ("pooler_output", outputs.pooler_output.map(Traced::Sequences)),
        ("mlm_logits", outputs.mlm_logits.map(Traced::Tokens)),
        ("nsp_logits", outputs.nsp_logits.map(Traced::Sequences)),
        ("logits", outputs.logits.map(kind)),
        ("start_logits", outputs.start_logits.map(Traced::TokenScores)),
        ("end_logits", outputs.end_logits.map(Traced::TokenScores)),
    ];
    let present = |(name, tensor): (&str, Option<Traced>)| Some((name.to_owned(), tensor?));
    named.into_iter().filter_map(present).collect()
}
