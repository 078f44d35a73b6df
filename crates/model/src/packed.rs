//! A model made ready for inference: the same numbers as [`Model::infer`], to the last bit, in less
//! time.
//!
//! What differs is where things lie. The weights are laid out for the matrix product once, instead
//! of in every product; query, key and value come from one product; bias and activation are applied
//! while the numbers are in the cache; and the activations of a layer are written over those of the
//! layer before. Where a head reads the first token alone, the last layer computes nothing for the
//! others that it can do without. The layers of `bert-nn` know nothing of this.
//!
//! The encoder's matrices may also be codes of 8 bits ([`crate::quantised`]): faster and smaller, and no longer the same
//! numbers.

use crate::{
    Ablation, AnyModel, Batch, Context, Embeddings, EncoderLayer, Head, Mode, Model, Outputs,
    QuantisedModel,
};
use bert_kernels::{
    Aligned, AttentionArgs, Epilogue, Mask, PackedB, PackedInt8, Quantised, add_layer_norm_rows,
    attention, gemm, linear_int8, team,
};
use bert_nn::dot_product_attention::scale;
use bert_nn::view::columns;
use bert_nn::{Activation, LayerNorm, Linear, Real};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, CowArray, concatenate};
use std::borrow::Cow;
use std::sync::Mutex;

/// A part of the forward pass, as [`PackedModel::infer_in_steps`] reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The three tables, their sum, LayerNorm.
    Embeddings,
    /// Query, key and value: one product, [T, H]·[H, 3H].
    QueryKeyValue,
    /// Scores, softmax, mix of values, for all heads.
    Attention,
    /// The product after attention, [T, H]·[H, H].
    AttentionOutput,
    /// Residual and LayerNorm after attention.
    AttentionNorm,
    /// The wide product and the activation, [T, H]·[H, F].
    Intermediate,
    /// The narrow product, [T, F]·[F, H].
    Output,
    /// Residual and LayerNorm after feed-forward.
    OutputNorm,
    /// Pooler and head.
    Head,
}

/// What has just been computed.
#[derive(Debug)]
pub enum Step<'a> {
    /// A part, and the layer it belongs to.
    Part(Part, usize),
    /// The output [T, H] of a layer.
    Layer(usize, ArrayView2<'a, Real>),
}

/// The rows of a layer's output that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    /// Of all T tokens.
    All,
    /// Of the first token of each of B sequences.
    First,
}

/// Body and head, the encoder's weights packed.
///
/// Packing takes the place of the plain weights: a model is as large as before. Packed within
/// [`bert_kernels::with_precision`], the encoder multiplies in bfloat16, and its matrices are half as large
/// where the processor multiplies pairs.
#[derive(Debug)]
pub struct PackedModel {
    /// Ids to vectors.
    pub embeddings: Embeddings,
    layers: Vec<PackedLayer>,
    /// What stands on top.
    pub head: Head,
    /// Activations of passes that are over, for the next ones: one for each pass that runs at the
    /// same time.
    spare: Mutex<Vec<Workspace>>,
}

/// One or more linear layers that read the same input, side by side.
#[derive(Debug)]
struct PackedLinear {
    weight: Weight,
    bias: Array1<Real>,
}

/// How a weight lies in memory.
#[derive(Debug)]
enum Weight {
    /// In full width.
    Reals(PackedB),
    /// In 8 bits. The input becomes 8 bits in every product.
    Codes(PackedInt8),
}

#[derive(Debug)]
struct PackedLayer {
    query_key_value: PackedLinear,
    attention_output: PackedLinear,
    attention_norm: LayerNorm,
    intermediate: PackedLinear,
    output: PackedLinear,
    output_norm: LayerNorm,
}

/// The activations of one layer, which the next one overwrites.
#[derive(Debug, Default)]
struct Workspace {
    query_key_value: Aligned,
    context: Aligned,
    projected: Aligned,
    attention_output: Aligned,
    activation: Aligned,
}

impl PackedLinear {
    /// `weight` has the outputs of all `layers`, one below the other.
    fn new(weight: Weight, layers: &[&Linear]) -> Self {
        let biases: Vec<_> = layers.iter().map(|layer| layer.bias.view()).collect();
        Self { weight, bias: concatenate(Axis(0), &biases).expect("vectors") } // [out]
    }

    // ANCHOR: linear
    /// `input` [T, in] → `output` [T, out].
    fn forward(
        &self,
        input: ArrayView2<Real>,
        activation: Activation,
        output: ArrayViewMut2<Real>,
    ) {
        let bias = Some(self.bias.view());
        let epilogue = Epilogue { bias, activation, pre_activation: None };
        match &self.weight {
            Weight::Reals(weight) => gemm(1.0, input, weight, 0.0, output, epilogue),
            Weight::Codes(weight) => linear_int8(input, weight, epilogue, output),
        }
    }
    // ANCHOR_END: linear

    fn width(&self) -> usize {
        self.bias.len()
    }
}

impl Weight {
    fn of_reals(layers: &[&Linear]) -> Self {
        let weights: Vec<_> = layers.iter().map(|layer| layer.weight.view()).collect();
        let weight = concatenate(Axis(0), &weights).expect("all read the same input"); // [out, in]
        Self::Reals(PackedB::new(weight.t()))
    }

    fn of_codes(codes: &[&Quantised]) -> Self {
        Self::Codes(PackedInt8::new(&Quantised::stacked(codes)))
    }
}

impl PackedLayer {
    fn new(layer: EncoderLayer) -> Self {
        let (attention, feed_forward) = (&layer.attention, &layer.feed_forward);
        let weights = [
            Weight::of_reals(&[&attention.query, &attention.key, &attention.value]),
            Weight::of_reals(&[&attention.output]),
            Weight::of_reals(&[&feed_forward.intermediate]),
            Weight::of_reals(&[&feed_forward.output]),
        ];
        Self::with_weights(layer, weights)
    }

    /// `codes` of each of the layer's parts.
    fn quantised(layer: EncoderLayer, mut codes: impl FnMut(&str) -> Quantised) -> Self {
        let qkv = ["query", "key", "value"].map(|part| codes(&format!("attention.self.{part}")));
        let weights = [
            Weight::of_codes(&qkv.each_ref()),
            Weight::of_codes(&[&codes("attention.output.dense")]),
            Weight::of_codes(&[&codes("intermediate.dense")]),
            Weight::of_codes(&[&codes("output.dense")]),
        ];
        Self::with_weights(layer, weights)
    }

    /// `weights` in the order in which they are used.
    fn with_weights(layer: EncoderLayer, weights: [Weight; 4]) -> Self {
        let (attention, feed_forward) = (layer.attention, layer.feed_forward);
        let [query_key_value, attention_output, intermediate, output] = weights;
        let qkv = [&attention.query, &attention.key, &attention.value];
        Self {
            query_key_value: PackedLinear::new(query_key_value, &qkv),
            attention_output: PackedLinear::new(attention_output, &[&attention.output]),
            attention_norm: attention.layer_norm,
            intermediate: PackedLinear::new(intermediate, &[&feed_forward.intermediate]),
            output: PackedLinear::new(output, &[&feed_forward.output]),
            output_norm: feed_forward.layer_norm,
        }
    }

    // ANCHOR: layer
    /// `hidden` [T, H] becomes the layer's output [R, H]: R is T, or B if only the rows of first tokens
    /// are wanted. The lines are those of `EncoderLayer::forward`.
    fn forward(
        &self,
        hidden: &mut Array2<Real>,
        bounds: &[usize],
        wanted: Rows,
        context: &Context,
        workspace: &mut Workspace,
        done: &mut dyn FnMut(Part),
    ) {
        let (tokens, width) = hidden.dim();
        let mut qkv = workspace.query_key_value.matrix(tokens, self.query_key_value.width());
        self.query_key_value.forward(hidden.view(), Activation::Linear, qkv.view_mut()); // [T, 3H]
        done(Part::QueryKeyValue);
        let third = |n: usize| columns(qkv.view(), n * width..(n + 1) * width); // [T, H]
        let (query, q_bounds) = match wanted {
            Rows::All => (CowArray::from(third(0)), Cow::Borrowed(bounds)), // [T, H]
            Rows::First => {
                // Every token is a key and a value. From here on each row goes its own way.
                let first = &bounds[..bounds.len() - 1];
                *hidden = hidden.select(Axis(0), first); // [B, H]
                let own: Vec<_> = (0..bounds.len()).collect();
                (CowArray::from(third(0).select(Axis(0), first)), Cow::Owned(own)) // [B, H]
            }
        };
        let (input, rows) = (hidden.view(), hidden.nrows()); // [R, H]
        let heads = context.config.num_attention_heads;
        let args = AttentionArgs {
            q: query.view(),
            k: third(1),
            v: third(2),
            q_bounds: &q_bounds,
            k_bounds: bounds,
            heads,
            scale: scale(width / heads),
            mask: context.mask(),
            on_probabilities: None,
        };
        let mut mixed = workspace.context.matrix(rows, width); // [R, H]
        attention(args, mixed.view_mut());
        done(Part::Attention);
        let mut projected = workspace.projected.matrix(rows, width); // [R, H]
        self.attention_output.forward(mixed.view(), Activation::Linear, projected.view_mut());
        done(Part::AttentionOutput);
        let mut attended = workspace.attention_output.matrix(rows, width); // [R, H]
        add_norm(projected.view(), input, &self.attention_norm, context, attended.view_mut());
        done(Part::AttentionNorm);

        let mut activation = workspace.activation.matrix(rows, self.intermediate.width());
        let bend = context.config.activation();
        self.intermediate.forward(attended.view(), bend, activation.view_mut()); // [R, F]
        done(Part::Intermediate);
        self.output.forward(activation.view(), Activation::Linear, projected.view_mut()); // [R, H]
        done(Part::Output);
        add_norm(projected.view(), attended.view(), &self.output_norm, context, hidden.view_mut());
        done(Part::OutputNorm);
    }
    // ANCHOR_END: layer
}

/// LayerNorm(`branch` + `residual`) → `output`, all [T, H].
fn add_norm(
    branch: ArrayView2<Real>,
    residual: ArrayView2<Real>,
    norm: &LayerNorm,
    context: &Context,
    output: ArrayViewMut2<Real>,
) {
    let (weight, bias): (ArrayView1<Real>, _) = (norm.weight.view(), norm.bias.view());
    add_layer_norm_rows(branch, residual, weight, bias, context.eps(), output);
}

impl PackedModel {
    /// Packs layer by layer, so that only one at a time takes more memory than before.
    pub fn new(model: Model) -> Self {
        let layers = model.bert.encoder.layer.into_iter().map(PackedLayer::new).collect();
        Self::with_layers(model.bert.embeddings, layers, model.head)
    }

    /// A model whose encoder computes with 8 bits.
    pub fn quantised(model: QuantisedModel) -> Self {
        let (model, mut codes) = model.into_parts();
        let layers = model.bert.encoder.layer.into_iter().enumerate();
        let layers =
            layers.map(|(number, layer)| PackedLayer::quantised(layer, |part| codes(number, part)));
        Self::with_layers(model.bert.embeddings, layers.collect(), model.head)
    }

    /// Whether the encoder computes with 8 bits.
    pub fn is_quantised(&self) -> bool {
        self.layers.iter().any(|layer| matches!(layer.output.weight, Weight::Codes(_)))
    }

    fn with_layers(embeddings: Embeddings, layers: Vec<PackedLayer>, head: Head) -> Self {
        Self { embeddings, layers, head, spare: Mutex::new(Vec::new()) }
    }

    /// `batch` of T tokens → all that the head gives; see [`Model::infer`].
    pub fn infer(&self, batch: &Batch, context: &Context) -> Outputs {
        self.infer_in_steps(batch, context, |_| {})
    }

    /// As [`PackedModel::infer`], of a head that reads the first tokens alone ([`Head::reads_first`]): the same
    /// `pooler_output`, `nsp_logits` and `logits`, sooner. `last_hidden_state` is that of the first tokens, [B, H].
    pub fn infer_first(&self, batch: &Batch, context: &Context) -> Outputs {
        assert!(self.head.reads_first(), "a {} head reads all tokens", self.head.kind());
        team(|| {
            // To the kernel, the only query of a sequence is its last, which sees all that stands to its left.
            let alone = context.mask() == Mask::Full && !self.layers.is_empty();
            let hidden = if alone {
                self.rows_in_steps(batch, Rows::First, context, |_| {}) // [B, H]
            } else {
                self.hidden(batch, context).select(Axis(0), batch.first_rows()) // [B, H]
            };
            let words = &self.embeddings.word_embeddings;
            self.head.apply(hidden, words, &batch.first_tokens(), context)
        })
    }

    /// `batch` of T tokens → the last hidden states [T, H]; see [`crate::Bert::infer`].
    pub fn hidden(&self, batch: &Batch, context: &Context) -> Array2<Real> {
        self.hidden_in_steps(batch, context, |_| {})
    }

    /// As [`PackedModel::infer`]; `seen` is called after every part. It must not call rayon: the
    /// threads of the pool stand ready for the next part (see [`team`]).
    pub fn infer_in_steps(
        &self,
        batch: &Batch,
        context: &Context,
        mut seen: impl FnMut(Step),
    ) -> Outputs {
        team(|| {
            let hidden = self.hidden_in_steps(batch, context, &mut seen); // [T, H]
            let words = &self.embeddings.word_embeddings;
            let outputs = self.head.apply(hidden, words, batch, context);
            seen(Step::Part(Part::Head, self.layers.len()));
            outputs
        })
    }

    // ANCHOR: infer
    /// As [`PackedModel::hidden`]; `seen` is called after every part and every layer.
    pub fn hidden_in_steps(
        &self,
        batch: &Batch,
        context: &Context,
        seen: impl FnMut(Step),
    ) -> Array2<Real> {
        self.rows_in_steps(batch, Rows::All, context, seen)
    }

    /// The rows of the last layer that are wanted.
    fn rows_in_steps(
        &self,
        batch: &Batch,
        wanted: Rows,
        context: &Context,
        mut seen: impl FnMut(Step),
    ) -> Array2<Real> {
        assert!(context.mode == Mode::Eval, "a packed model does not train: it knows no dropout");
        let Ablation { no_positions, left_to_right, .. } = context.ablation;
        let known = Ablation { no_positions, left_to_right, ..Ablation::NONE };
        assert_eq!(context.ablation, known, "a packed model's layers are whole: Model::infer");
        let spare = self.spare.lock().expect("nothing panics while it is locked").pop();
        let mut workspace = spare.unwrap_or_default();
        let hidden = team(|| {
            let (mut hidden, _) = self.embeddings.forward(batch, context); // [T, H]
            seen(Step::Part(Part::Embeddings, 0));
            for (number, layer) in self.layers.iter().enumerate() {
                let done = &mut |part| seen(Step::Part(part, number));
                let rows = if number + 1 == self.layers.len() { wanted } else { Rows::All };
                layer.forward(&mut hidden, &batch.bounds, rows, context, &mut workspace, done);
                seen(Step::Layer(number, hidden.view()));
            }
            hidden
        });
        self.spare.lock().expect("as above").push(workspace);
        hidden
    }
    // ANCHOR_END: infer
}

impl From<AnyModel> for PackedModel {
    fn from(model: AnyModel) -> Self {
        match model {
            AnyModel::Plain(model) => Self::new(*model),
            AnyModel::Quantised(model) => Self::quantised(*model),
        }
    }
}

#[cfg(test)]
mod tests;
