//! A sequence classifier from the embeddings' output on: vectors in, logits out, and back again.
//!
//! ```text
//! hidden = encoder(embedded)                     [T, H]
//! logits = classifier(pooler(hidden))            [B, C]
//! ```
//!
//! In training the vectors come from a table, and what is wanted are the gradients of the
//! parameters. Whoever asks *why* a model says something wants another gradient: that of a logit
//! with respect to the vectors, which may then also be vectors that no table holds.
//!
//! **Kept for the backward pass:** what the encoder keeps, and of the last hidden states and the head
//! H numbers for each token and 2·H for each sequence.

use crate::encoder::{EncoderCache, EncoderGrads};
use crate::heads::SequenceClassification;
use crate::{Context, Encoder, Head, Keep, Model};
use bert_nn::{Real, Tensors};
use ndarray::{Array2, ArrayView2};

/// The part of a model that lies behind the embeddings.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedClassifier<'a> {
    encoder: &'a Encoder,
    head: &'a SequenceClassification,
}

/// Gradients of its parameters, which the backward pass gives along the way.
#[derive(Debug, Clone)]
pub struct EmbeddedClassifierGrads {
    /// Of the encoder.
    pub encoder: EncoderGrads,
    /// Of pooler and classifier.
    pub head: SequenceClassification,
}

/// What one forward pass leaves behind.
#[derive(Debug, Clone)]
pub struct EmbeddedClassifierCache {
    encoder: EncoderCache,
    /// [T, H].
    hidden: Array2<Real>,
    /// [B, H].
    pooled: Array2<Real>,
    /// What dropout left of `pooled` [B, H].
    dropped: Array2<Real>,
}

impl<'a> EmbeddedClassifier<'a> {
    /// Of a model with a sequence-classification head; none if it has another.
    pub fn of(model: &'a Model) -> Option<Self> {
        match &model.head {
            Head::SequenceClassification(head) => Some(Self { encoder: &model.bert.encoder, head }),
            _ => None,
        }
    }

    /// Gradients to begin with.
    pub fn zero_grads(&self) -> EmbeddedClassifierGrads {
        EmbeddedClassifierGrads { encoder: self.encoder.zeros_like(), head: self.head.zeros_like() }
    }

    // ANCHOR: forward
    /// `embedded` [T, H], sequences as `bounds` (B + 1 row numbers) says → the logits [B, C], and
    /// what the backward pass needs.
    pub fn forward(
        &self,
        embedded: Array2<Real>,
        bounds: &[usize],
        context: &Context,
        keep: Keep,
    ) -> (Array2<Real>, EmbeddedClassifierCache) {
        let (hidden, encoder) = self.encoder.forward(embedded, bounds, context, keep); // [T, H]
        let pooled = self.head.pooler.forward(hidden.view(), first_rows(bounds)); // [B, H]
        let (logits, dropped) = self.head.forward(pooled.clone(), context); // [B, C]
        (logits, EmbeddedClassifierCache { encoder, hidden, pooled, dropped })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient with respect to `embedded` [T, H], from the one with respect to the logits [B, C];
    /// adds the parameters' gradients to `grads`. No layer may be frozen: the backward pass would end
    /// above what is.
    pub fn backward(
        &self,
        cache: EmbeddedClassifierCache,
        d_logits: ArrayView2<Real>,
        bounds: &[usize],
        context: &Context,
        grads: &mut EmbeddedClassifierGrads,
    ) -> Array2<Real> {
        assert!(!context.freeze.layer(0), "a frozen layer gives no gradient");
        let EmbeddedClassifierCache { encoder, hidden, pooled, dropped } = cache;
        let d_pooled = self.head.backward(dropped.view(), d_logits, context, &mut grads.head); // [B, H]
        let mut d_hidden = Array2::zeros(hidden.raw_dim()); // [T, H]
        self.head.pooler.backward(
            hidden.view(),
            first_rows(bounds),
            pooled.view(),
            d_pooled.view(),
            &mut grads.head.pooler,
            &mut d_hidden,
        );
        let of_encoder = &mut grads.encoder;
        self.encoder.backward(encoder, d_hidden, bounds, context, of_encoder, |_, _| {}) // [T, H]
    }
    // ANCHOR_END: backward
}

/// Where the pooler looks.
fn first_rows(bounds: &[usize]) -> &[usize] {
    &bounds[..bounds.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Config, HeadKind};
    use bert_nn::gradient_check::{Point, check_layer, jitter, random};
    use bert_nn::init::{Initializer, initialize};

    fn small() -> (Config, Model) {
        let config = Config {
            vocab_size: 11,
            hidden_size: 8,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 12,
            max_position_embeddings: 7,
            num_labels: Some(3),
            ..Config::default()
        };
        let mut model = Model::zeros(HeadKind::SequenceClassification, &config, false);
        initialize(&mut model, Initializer::Normal { std: 0.2 }, 1);
        jitter(&mut model);
        (config, model)
    }

    #[test]
    fn the_gradient_of_the_vectors_is_what_finite_differences_say() {
        let (config, model) = small();
        let classifier = EmbeddedClassifier::of(&model).unwrap();
        let bounds = [0, 4, 5, 8];
        for keep in [Keep::All, Keep::InputOnly] {
            for context in [Context::eval(&config), Context::train(&config, 5, 0)] {
                let forward = |at: &Point<()>| {
                    classifier.forward(at.inputs[0].clone(), &bounds, &context, keep)
                };
                check_layer(
                    &Point::new((), [random(8, 8, 2)]),
                    |at| forward(at).0,
                    |at, d_logits, grads| {
                        let (_, cache) = forward(at);
                        let parameters = &mut classifier.zero_grads();
                        grads.inputs[0] += &classifier.backward(
                            cache,
                            d_logits.view(),
                            &bounds,
                            &context,
                            parameters,
                        );
                    },
                )
                .assert_passed();
            }
        }
    }

    #[test]
    fn the_embeddings_of_a_batch_give_the_models_own_logits() {
        let (config, model) = small();
        let context = Context::eval(&config);
        let mut batch = Batch::new();
        batch.push(&[3, 1, 3], &[0, 0, 1]);
        batch.push(&[2], &[0]);
        let (embedded, _) = model.bert.embeddings.forward(&batch, &context);
        let classifier = EmbeddedClassifier::of(&model).unwrap();
        let (logits, _) = classifier.forward(embedded, &batch.bounds, &context, Keep::All);
        assert_eq!(Some(logits), model.infer(&batch, &context).logits);
        let other = Model::zeros(HeadKind::TokenClassification, &config, false);
        assert!(EmbeddedClassifier::of(&other).is_none());
    }
}
