//! Body and head as one value: what a checkpoint holds.

use crate::embeddings::EmbeddingsCache;
use crate::encoder::EncoderCache;
use crate::heads::{HeadCache, Labels, Part};
use crate::{Batch, Config, Context, Embeddings, Encoder, Head, HeadKind, Keep};
use bert_nn::Real;
use ndarray::{Array1, Array2, ArrayView2};

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

/// The gradients of a model have its shapes and its checkpoint's names.
pub type ModelGrads = Model;

/// What a training pass leaves behind.
#[derive(Debug, Clone)]
pub struct ModelCache {
    embeddings: EmbeddingsCache,
    encoder: EncoderCache,
    /// [T, H]: the last hidden states.
    hidden: Array2<Real>,
    head: HeadCache,
}

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

    // ANCHOR: forward
    /// A training pass: `batch` of T tokens and its labels → the parts of the loss, and what the
    /// backward pass needs. The batch must have passed [`Batch::check`], the labels
    /// [`Labels::check`].
    pub fn forward(
        &self,
        batch: &Batch,
        labels: &Labels,
        context: &Context,
        keep: Keep,
    ) -> (Vec<Part>, ModelCache) {
        let (hidden, embeddings) = self.bert.embeddings.forward(batch, context); // [T, H]
        let (hidden, encoder) = self.bert.encoder.forward(hidden, &batch.bounds, context, keep); // [T, H]
        let words = &self.bert.embeddings.word_embeddings;
        let (parts, head) = self.head.loss(hidden.view(), words, batch, labels, context);
        (parts, ModelCache { embeddings, encoder, hidden, head })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Adds the gradient of the loss with respect to every parameter to `grads`. `d_losses`: see
    /// [`crate::heads::loss::loss_gradients`]. `seen` is called with the gradient of each
    /// `hidden_states.l` and l, from L to 0. Nothing is computed for what `context` freezes.
    pub fn backward(
        &self,
        batch: &Batch,
        labels: &Labels,
        cache: ModelCache,
        d_losses: &[Real],
        context: &Context,
        grads: &mut ModelGrads,
        mut seen: impl FnMut(usize, ArrayView2<Real>),
    ) {
        let ModelCache { embeddings, encoder, hidden, head } = cache;
        let of_embeddings = &mut grads.bert.embeddings;
        let d_hidden = self.head.backward(
            hidden.view(),
            &self.bert.embeddings.word_embeddings,
            batch,
            labels,
            head,
            d_losses,
            context,
            &mut grads.head,
            &mut of_embeddings.word_embeddings,
        ); // [T, H]
        drop(hidden);
        let d_embedded = self.bert.encoder.backward(
            encoder,
            d_hidden,
            &batch.bounds,
            context,
            &mut grads.bert.encoder,
            |layer, d_output| seen(layer + 1, d_output),
        ); // [T, H]
        if context.freeze.embeddings() {
            return;
        }
        seen(0, d_embedded.view());
        self.bert.embeddings.backward(batch, embeddings, d_embedded, context, of_embeddings);
    }
    // ANCHOR_END: backward
}
