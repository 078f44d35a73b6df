//! A packed model against the plain one.

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
