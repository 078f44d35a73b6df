//! A packed model against the plain one.

use super::*;
use crate::{Config, HeadKind};
use bert_kernels::{MatmulPrecision, with_precision};
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
fn a_model_packed_in_bfloat16_gives_the_bits_of_the_plain_one_in_bfloat16() {
    let config = config("gelu");
    let model = model(HeadKind::None, &config);
    let (batch, context) = (batch(&[5, 1, 130, 64], &config), Context::eval(&config));
    let full = model.infer(&batch, &context).last_hidden_state;
    let (plain, packed) = with_precision(MatmulPrecision::Bf16, || {
        (model.infer(&batch, &context).last_hidden_state, PackedModel::new(model.clone()))
    });
    assert_eq!(packed.hidden(&batch, &context), plain);
    assert_ne!(plain, full);
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

#[test]
fn what_is_read_from_first_tokens_alone_has_the_same_bits() {
    for (kind, ablation) in [
        (HeadKind::SequenceClassification, "none"),
        (HeadKind::SequenceClassification, "left-to-right"),
        (HeadKind::MultipleChoice, "none"),
        (HeadKind::NextSentence, "no-positions"),
    ] {
        let config = config("gelu");
        let packed = PackedModel::new(model(kind, &config));
        let ablation = ablation.parse().unwrap();
        let context = Context { ablation, ..Context::eval(&config) };
        for lengths in [&[5, 1, 130, 64][..], &[3], &[150, 2]] {
            let batch = batch(lengths, &config);
            let (all, first) =
                (packed.infer(&batch, &context), packed.infer_first(&batch, &context));
            let rows = all.last_hidden_state.select(Axis(0), batch.first_rows());
            assert_eq!(first.last_hidden_state, rows, "{kind:?} {lengths:?}");
            assert_eq!(first.pooler_output, all.pooler_output);
            assert_eq!(first.nsp_logits, all.nsp_logits);
            assert_eq!(first.logits, all.logits);
        }
    }
}

#[test]
fn a_head_that_reads_all_tokens_is_not_given_the_first_alone() {
    let config = config("gelu");
    let batch = batch(&[3], &config);
    for kind in [HeadKind::MaskedLm, HeadKind::PreTraining, HeadKind::TokenClassification] {
        let packed = PackedModel::new(model(kind, &config));
        let run =
            std::panic::AssertUnwindSafe(|| packed.infer_first(&batch, &Context::eval(&config)));
        assert!(std::panic::catch_unwind(run).is_err(), "{kind:?}");
    }
}

#[test]
fn only_and_all_matrices_of_the_encoder_have_codes() {
    let model = model(HeadKind::PreTraining, &config("gelu"));
    let names = |model: &Model| -> Vec<_> {
        let matrices = model.tensors().into_iter().filter(|x| QuantisedModel::is_matrix(&x.name));
        matrices.map(|x| (x.name, x.shape)).collect()
    };
    let mut seen = Vec::new();
    let quantised = QuantisedModel::new(model.clone(), |name, weight, codes| {
        assert_eq!(weight.dim(), codes.codes.dim());
        seen.push((name.to_owned(), weight.shape().to_vec()));
    });
    assert_eq!(seen.len(), 3 * 6);
    assert_eq!(seen, names(&model));
    // All else is as it was, and the matrices are not kept twice.
    let pairs = model.tensors().into_iter().zip(quantised.rest().tensors());
    for (before, after) in pairs.map(|(before, after)| (before.clone(), after.clone())) {
        match QuantisedModel::is_matrix(&before.name) {
            true => assert!(after.values.iter().all(|&x| x == 0.0), "{}", before.name),
            false => assert_eq!(before.values, after.values, "{}", before.name),
        }
    }
    for name in [
        "bert.encoder.layer.0.attention.output.LayerNorm.weight",
        "bert.encoder.layer.0.output.dense.bias",
        "bert.encoder.layer.x.output.dense.weight",
        "bert.pooler.dense.weight",
        "cls.predictions.transform.dense.weight",
    ] {
        assert!(!QuantisedModel::is_matrix(name), "{name}");
    }
}

/// The weights' rounding is undone exactly, so what is left is that of the activations: half a step of 127 in each product.
#[test]
fn a_quantised_model_is_near_the_plain_one_of_its_weights() {
    for kind in [HeadKind::PreTraining, HeadKind::SequenceClassification] {
        let config = config("gelu");
        let samples = [batch(&[20, 7], &config)];
        let context = Context::eval(&config);
        let model = model(kind, &config);
        let quantised = QuantisedModel::balanced(model, &samples, &context, |_, _, _| {});
        let plain = quantised.clone().dequantised();
        let packed = PackedModel::quantised(quantised);
        for lengths in [&[5, 1, 130, 64][..], &[3]] {
            let batch = batch(lengths, &config);
            let (plain, fast) = (plain.infer(&batch, &context), packed.infer(&batch, &context));
            let difference = (&fast.last_hidden_state - &plain.last_hidden_state).mapv(Real::abs);
            let largest = difference.iter().copied().fold(0.0, Real::max);
            assert!(difference.mean().unwrap() < 0.01 && largest < 0.1, "{largest}");
            assert!(largest > 0.0, "nothing was quantised");
        }
    }
}

/// Each product of a layer in plain steps, with the twin of the 8-bit layer: the same bits as the packed model.
#[test]
fn a_quantised_model_has_the_bits_of_the_textbook() {
    let config = config("gelu");
    let context = Context::eval(&config);
    let batch = batch(&[5, 1, 30], &config);
    let model = model(HeadKind::None, &config);
    let quantised =
        QuantisedModel::balanced(model, std::slice::from_ref(&batch), &context, |_, _, codes| {
            assert!(codes.balance.iter().any(|&factor| factor != 1.0));
        });
    let (mut hidden, _) = quantised.rest().bert.embeddings.forward(&batch, &context);
    for (number, layer) in quantised.rest().bert.encoder.layer.iter().enumerate() {
        let product = |part: &str, input: ArrayView2<Real>, bias: &Array1<Real>, activation| {
            let name = format!("bert.encoder.layer.{number}.{part}.weight");
            let codes = &quantised.matrices()[&name];
            let mut output = Array2::zeros((input.nrows(), codes.codes.nrows()));
            let epilogue = Epilogue { bias: Some(bias.view()), ..Epilogue::default() };
            bert_kernels::naive::linear_int8(input, codes, epilogue, output.view_mut());
            output.mapv_into(|x| Activation::apply(activation, x))
        };
        let (attention, feed_forward) = (&layer.attention, &layer.feed_forward);
        let linear = Activation::Linear;
        let q = product("attention.self.query", hidden.view(), &attention.query.bias, linear);
        let k = product("attention.self.key", hidden.view(), &attention.key.bias, linear);
        let v = product("attention.self.value", hidden.view(), &attention.value.bias, linear);
        let args = AttentionArgs {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            q_bounds: &batch.bounds,
            k_bounds: &batch.bounds,
            heads: config.num_attention_heads,
            scale: scale(config.hidden_size / config.num_attention_heads),
            mask: context.mask(),
            on_probabilities: None,
        };
        let mut mixed = Array2::zeros(hidden.dim());
        bert_kernels::attention(args, mixed.view_mut());
        let output = &attention.output.bias;
        let projected = product("attention.output.dense", mixed.view(), output, linear);
        let mut attended = Array2::zeros(hidden.dim());
        let norm = &attention.layer_norm;
        add_norm(projected.view(), hidden.view(), norm, &context, attended.view_mut());
        let bias = &feed_forward.intermediate.bias;
        let wide = product("intermediate.dense", attended.view(), bias, config.activation());
        let narrow = product("output.dense", wide.view(), &feed_forward.output.bias, linear);
        let norm = &feed_forward.layer_norm;
        add_norm(narrow.view(), attended.view(), norm, &context, hidden.view_mut());
    }
    assert_eq!(PackedModel::quantised(quantised).hidden(&batch, &context), hidden);
}

#[test]
fn the_first_tokens_alone_have_the_same_bits_in_8_bits() {
    let config = config("gelu");
    let model = model(HeadKind::SequenceClassification, &config);
    let packed = PackedModel::quantised(QuantisedModel::new(model, |_, _, _| {}));
    let (batch, context) = (batch(&[5, 1, 130, 64], &config), Context::eval(&config));
    let (all, first) = (packed.infer(&batch, &context), packed.infer_first(&batch, &context));
    assert_eq!(first.logits, all.logits);
}
