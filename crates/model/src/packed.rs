//! A model made ready for inference: the same numbers as [`Model::infer`], to the last bit, in less
//! time.
//!
//! What differs is where things lie. The weights are laid out for the matrix product once, instead
//! of in every product; query, key and value come from one product; bias and activation are applied
//! while the numbers are in the cache; and the activations of a layer are written over those of the
//! layer before. The layers of `bert-nn` know nothing of this.

use crate::{Ablation, Batch, Context, Embeddings, EncoderLayer, Head, Mode, Model, Outputs};
use bert_kernels::{
    Aligned, AttentionArgs, Epilogue, PackedB, add_layer_norm_rows, attention, gemm, team,
};
use bert_nn::dot_product_attention::scale;
use bert_nn::view::columns;
use bert_nn::{Activation, LayerNorm, Linear, Real};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis, concatenate};
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

/// Body and head, the encoder's weights packed.
///
/// Packing takes the place of the plain weights: a model is as large as before.
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
    weight: PackedB,
    bias: Array1<Real>,
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
    fn new(layers: &[&Linear]) -> Self {
        let weights: Vec<_> = layers.iter().map(|layer| layer.weight.view()).collect();
        let biases: Vec<_> = layers.iter().map(|layer| layer.bias.view()).collect();
        let weight = concatenate(Axis(0), &weights).expect("all read the same input"); // [out, in]
        let bias = concatenate(Axis(0), &biases).expect("vectors"); // [out]
        Self { weight: PackedB::new(weight.t()), bias }
    }

    /// `input` [T, in] → `output` [T, out].
    fn forward(
        &self,
        input: ArrayView2<Real>,
        activation: Activation,
        output: ArrayViewMut2<Real>,
    ) {
        let bias = Some(self.bias.view());
        let epilogue = Epilogue { bias, activation, pre_activation: None };
        gemm(1.0, input, &self.weight, 0.0, output, epilogue);
    }

    fn width(&self) -> usize {
        self.bias.len()
    }
}

impl PackedLayer {
    fn new(layer: EncoderLayer) -> Self {
        let (attention, feed_forward) = (layer.attention, layer.feed_forward);
        let qkv = [&attention.query, &attention.key, &attention.value];
        Self {
            query_key_value: PackedLinear::new(&qkv),
            attention_output: PackedLinear::new(&[&attention.output]),
            attention_norm: attention.layer_norm,
            intermediate: PackedLinear::new(&[&feed_forward.intermediate]),
            output: PackedLinear::new(&[&feed_forward.output]),
            output_norm: feed_forward.layer_norm,
        }
    }

    /// `hidden` [T, H] becomes the layer's output. The lines are those of `EncoderLayer::forward`.
    fn forward(
        &self,
        hidden: &mut Array2<Real>,
        bounds: &[usize],
        context: &Context,
        workspace: &mut Workspace,
        done: &mut dyn FnMut(Part),
    ) {
        let (tokens, width) = hidden.dim();
        let input = hidden.view(); // [T, H]

        let mut qkv = workspace.query_key_value.matrix(tokens, self.query_key_value.width());
        self.query_key_value.forward(input, Activation::Linear, qkv.view_mut()); // [T, 3H]
        done(Part::QueryKeyValue);
        let third = |n: usize| columns(qkv.view(), n * width..(n + 1) * width); // [T, H]
        let heads = context.config.num_attention_heads;
        let args = AttentionArgs {
            q: third(0),
            k: third(1),
            v: third(2),
            q_bounds: bounds,
            k_bounds: bounds,
            heads,
            scale: scale(width / heads),
            mask: context.mask(),
            on_probabilities: None,
        };
        let mut mixed = workspace.context.matrix(tokens, width); // [T, H]
        attention(args, mixed.view_mut());
        done(Part::Attention);
        let mut projected = workspace.projected.matrix(tokens, width); // [T, H]
        self.attention_output.forward(mixed.view(), Activation::Linear, projected.view_mut());
        done(Part::AttentionOutput);
        let mut attended = workspace.attention_output.matrix(tokens, width); // [T, H]
        add_norm(projected.view(), input, &self.attention_norm, context, attended.view_mut());
        done(Part::AttentionNorm);

        let mut activation = workspace.activation.matrix(tokens, self.intermediate.width());
        let bend = context.config.activation();
        self.intermediate.forward(attended.view(), bend, activation.view_mut()); // [T, F]
        done(Part::Intermediate);
        self.output.forward(activation.view(), Activation::Linear, projected.view_mut()); // [T, H]
        done(Part::Output);
        add_norm(projected.view(), attended.view(), &self.output_norm, context, hidden.view_mut());
        done(Part::OutputNorm);
    }
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
        Self {
            embeddings: model.bert.embeddings,
            layers,
            head: model.head,
            spare: Mutex::new(Vec::new()),
        }
    }

    /// `batch` of T tokens → all that the head gives; see [`Model::infer`].
    pub fn infer(&self, batch: &Batch, context: &Context) -> Outputs {
        self.infer_in_steps(batch, context, |_| {})
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
                layer.forward(&mut hidden, &batch.bounds, context, &mut workspace, done); // [T, H]
                seen(Step::Layer(number, hidden.view()));
            }
            hidden
        });
        self.spare.lock().expect("as above").push(workspace);
        hidden
    }
    // ANCHOR_END: infer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, HeadKind};
    use bert_nn::Tensors;
    use bert_nn::init::{self, Initializer};

    /// Sequences of these lengths, one after the other.
    fn batch(lengths: &[usize], config: &Config) -> Batch {
        let mut batch = Batch::new();
        for (number, &length) in lengths.iter().enumerate() {
            let ids: Vec<_> =
                (0..length).map(|i| ((i * 7 + number) % config.vocab_size) as u32).collect();
            let types: Vec<_> = (0..length).map(|i| u32::from(i > length / 2)).collect();
            batch.push(&ids, &types);
        }
        batch
    }

    fn config(hidden_act: &str) -> Config {
        let mut config = Config {
            vocab_size: 40,
            hidden_size: 24,
            num_hidden_layers: 3,
            num_attention_heads: 3,
            intermediate_size: 52,
            max_position_embeddings: 150,
            ..Config::default()
        };
        assert!(config.set_activation(hidden_act));
        config
    }

    fn model(kind: HeadKind, config: &Config) -> Model {
        let mut model = Model::zeros(kind, config, true);
        init::initialize(&mut model, Initializer::Normal { std: 0.2 }, 3);
        // Biases and LayerNorms of their own, so that none can be forgotten unseen.
        for (number, tensor) in model.tensors_mut().into_iter().enumerate() {
            let jitter = tensor.values.iter_mut().enumerate();
            jitter.for_each(|(i, x)| *x += ((number * 31 + i * 17) % 13) as Real / 50.0);
        }
        model
    }

    #[test]
    fn a_packed_model_gives_the_bits_of_the_plain_one() {
        for (kind, act, ablation) in [
            (HeadKind::PreTraining, "gelu", "none"),
            (HeadKind::SequenceClassification, "gelu_new", "none"),
            (HeadKind::TokenClassification, "relu", "no-positions"),
            (HeadKind::QuestionAnswering, "silu", "left-to-right"),
            (HeadKind::None, "gelu", "left-to-right,no-positions"),
        ] {
            let config = config(act);
            let model = model(kind, &config);
            let packed = PackedModel::new(model.clone());
            let ablation = ablation.parse().unwrap();
            let context = Context { ablation, ..Context::eval(&config) };
            // Twice, and the larger batch first: leftovers in the workspace must not show.
            for lengths in [&[5, 1, 130, 64][..], &[3], &[150, 2]] {
                let batch = batch(lengths, &config);
                let (plain, fast) = (model.infer(&batch, &context), packed.infer(&batch, &context));
                assert_eq!(fast.last_hidden_state, plain.last_hidden_state, "{kind:?} {lengths:?}");
                assert_eq!(fast.pooler_output, plain.pooler_output);
                assert_eq!(fast.mlm_logits, plain.mlm_logits);
                assert_eq!(fast.nsp_logits, plain.nsp_logits);
                assert_eq!(fast.logits, plain.logits);
                assert_eq!(fast.start_logits, plain.start_logits);
                assert_eq!(fast.end_logits, plain.end_logits);
            }
        }
    }

    #[test]
    fn a_packed_model_refuses_to_pass_over_a_part_that_is_left_out() {
        let config = config("gelu");
        let packed = PackedModel::new(model(HeadKind::None, &config));
        let batch = batch(&[3], &config);
        for name in ["no-residual", "no-layer-norm", "no-scale", "no-feed-forward"] {
            let ablation = name.parse().unwrap();
            let context = Context { ablation, ..Context::eval(&config) };
            let run = std::panic::AssertUnwindSafe(|| packed.infer(&batch, &context));
            assert!(std::panic::catch_unwind(run).is_err(), "{name}");
        }
    }

    #[test]
    fn every_layer_and_every_part_is_seen_in_order() {
        let config = config("gelu");
        let model = model(HeadKind::None, &config);
        let context = Context::eval(&config);
        let batch = batch(&[7, 9], &config);
        let mut expected = Vec::new();
        let (hidden, _) = model.bert.embeddings.forward(&batch, &context);
        model.bert.encoder.trace(hidden, &batch.bounds, &context, |_, output, _| {
            expected.push(output.clone());
        });
        let (mut parts, mut layers) = (Vec::new(), Vec::new());
        PackedModel::new(model).infer_in_steps(&batch, &context, |step| match step {
            Step::Part(part, layer) => parts.push((part, layer)),
            Step::Layer(number, output) => {
                assert_eq!(number, layers.len());
                layers.push(output.to_owned());
            }
        });
        assert_eq!(layers, expected);
        assert_eq!(parts.len(), 1 + 3 * 7 + 1);
        assert_eq!(parts[0], (Part::Embeddings, 0));
        assert_eq!(parts[8], (Part::QueryKeyValue, 1));
        assert_eq!(parts[22], (Part::Head, 3));
    }
}
