//! Body and head as one value: what a checkpoint holds.

use crate::{Batch, Config, Context, Embeddings, Encoder, Head, HeadKind};
use bert_nn::Real;
use ndarray::{Array1, Array2};

/// The body: embeddings and encoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Bert {
    /// Ids to vectors.
    pub embeddings: Embeddings,
    /// `L` layers.
    pub encoder: Encoder,
}

bert_nn::tensors!(Bert { embeddings => "embeddings", encoder => "encoder" });

// ANCHOR: parameters
/// Body and head.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Embeddings and encoder.
    pub bert: Bert,
    /// What stands on top, with the pooler where the head uses one.
    pub head: Head,
}
// ANCHOR_END: parameters

bert_nn::tensors!(Model { bert => "bert", head => "" });

/// What comes out of a model: what its head gives, and the last hidden states. Rows are packed: one
/// for each token or each sequence of the batch.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// [T, H].
    pub last_hidden_state: Array2<Real>,
    /// [B, H].
    pub pooler_output: Option<Array2<Real>>,
    /// [T, V].
    pub mlm_logits: Option<Array2<Real>>,
    /// [B, 2]: follows, random.
    pub nsp_logits: Option<Array2<Real>>,
    /// [B, C] of a sequence classifier, [T, C] of a token classifier, [B, 1] of multiple choice.
    pub logits: Option<Array2<Real>>,
    /// `[T]`.
    pub start_logits: Option<Array1<Real>>,
    /// `[T]`.
    pub end_logits: Option<Array1<Real>>,
}

impl Bert {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self { embeddings: Embeddings::zeros(config), encoder: Encoder::zeros(config) }
    }

    // ANCHOR: infer
    /// `batch` of T tokens → the last hidden states [T, H].
    ///
    /// The batch must have passed [`Batch::check`].
    pub fn infer(&self, batch: &Batch, context: &Context) -> Array2<Real> {
        let (hidden, _) = self.embeddings.forward(batch, context); // [T, H]
        self.encoder.infer(hidden, &batch.bounds, context) // [T, H]
    }
    // ANCHOR_END: infer
}

impl Model {
    /// All zeros, in the configuration's sizes. `pooler`: whether a model without a head has one.
    pub fn zeros(kind: HeadKind, config: &Config, pooler: bool) -> Self {
        Self { bert: Bert::zeros(config), head: Head::zeros(kind, config, pooler) }
    }

    /// `batch` of T tokens → all that the head gives. The batch must have passed [`Batch::check`].
    pub fn infer(&self, batch: &Batch, context: &Context) -> Outputs {
        let hidden = self.bert.infer(batch, context); // [T, H]
        self.head.apply(hidden, &self.bert.embeddings.word_embeddings, batch, context)
    }
}
