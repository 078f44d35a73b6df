//! What each ablation does, by mathematics. That its gradients are right is checked by finite
//! differences, in `bert-nn` for each block and in `bert-train` for whole models.

use bert_model::heads::loss::{loss_gradients, total};
use bert_model::zero_gradients::zero_by_mathematics;
use bert_model::{Ablation, Batch, Config, Context, HeadKind, Keep, Labels, Model};
use bert_nn::gradient_check::jitter;
use bert_nn::init::{Initializer, initialize};
use bert_nn::view::rows;
use bert_nn::{Real, Tensors};
use ndarray::Array2;

/// Sums over the same numbers in another order differ by this at most.
const ROUNDING: Real = if size_of::<Real>() == 8 { 1e-13 } else { 1e-5 };

/// Two heads of 4 columns: 1/√4 is a power of two.
fn config() -> Config {
    Config {
        vocab_size: 30,
        hidden_size: 8,
        num_hidden_layers: 3,
        num_attention_heads: 2,
        intermediate_size: 12,
        max_position_embeddings: 10,
        ..Config::default()
    }
}

fn model(config: &Config) -> Model {
    let mut model = Model::zeros(HeadKind::PreTraining, config, true);
    initialize(&mut model, Initializer::Normal { std: 0.3 }, 1);
    jitter(&mut model);
    model
}

/// Two sequences of two segments each, every token another.
fn batch() -> Batch {
    let mut batch = Batch::new();
    batch.push(&[1, 11, 12, 13, 2, 14, 15, 3], &[0, 0, 0, 0, 0, 1, 1, 1]);
    batch.push(&[4, 21, 5, 22, 6], &[0, 0, 0, 1, 1]);
    batch
}

fn labels() -> Labels {
    let tokens = (0..13).map(|t| (t % 3 == 1).then_some(t)).collect();
    Labels::PreTraining { tokens, sequences: vec![Some(0), Some(1)] }
}

fn without<'a>(config: &'a Config, name: &str) -> Context<'a> {
    Context { ablation: name.parse().unwrap(), ..Context::eval(config) }
}

/// The last hidden states [T, H].
fn hidden(model: &Model, batch: &Batch, context: &Context) -> Array2<Real> {
    model.bert.infer(batch, context)
}

fn largest_difference(a: &Array2<Real>, b: &Array2<Real>) -> Real {
    (a - b).iter().fold(0.0, |largest, x| x.abs().max(largest))
}

/// Spoils every tensor that the model goes without; how many there are.
fn spoil_what_is_left_out(model: &mut Model, context: &Context) -> usize {
    let mut spoiled = 0;
    for tensor in model.tensors_mut() {
        let zero = zero_by_mathematics(HeadKind::PreTraining, context, &tensor.name);
        if zero.is_some_and(|reason| reason.starts_with("left out")) {
            tensor.values.fill(Real::NAN);
            spoiled += 1;
        }
    }
    spoiled
}

#[test]
fn what_is_left_out_is_never_read() {
    let config = config();
    // Tensors: the position table; in each of 3 layers, 2 LayerNorms of 2, and a block of 6.
    let expected = [1, 0, 3 * 4, 0, 3 * 6, 0];
    for (part, expected) in Ablation::ALL.into_iter().zip(expected) {
        let context = without(&config, part.name);
        let (plain, mut spoiled) = (model(&config), model(&config));
        assert_eq!(spoil_what_is_left_out(&mut spoiled, &context), expected, "{}", part.name);
        let (a, b) = (plain.infer(&batch(), &context), spoiled.infer(&batch(), &context));
        assert_eq!(a.mlm_logits, b.mlm_logits, "{}", part.name);
        assert_eq!(a.nsp_logits, b.nsp_logits, "{}", part.name);
    }
}

#[test]
fn what_is_left_out_has_a_gradient_of_exactly_zero_and_nothing_else_has() {
    let config = config();
    for part in Ablation::ALL {
        let context = without(&config, part.name);
        let model = model(&config);
        let (batch, labels) = (batch(), labels());
        let (parts, cache) = model.forward(&batch, &labels, &context, Keep::All);
        assert!(total(&parts).is_finite());
        let mut grads = model.zeros_like();
        let d_losses = loss_gradients(&parts).unwrap();
        model.backward(&batch, &labels, cache, &d_losses, &context, &mut grads, |_, _| {});
        for tensor in grads.tensors() {
            let zero = zero_by_mathematics(HeadKind::PreTraining, &context, &tensor.name);
            let out = zero.is_some_and(|reason| reason.starts_with("left out"));
            if zero.is_some() && !out {
                continue; // softmax ignores it: rounding is left
            }
            let none = tensor.values.iter().all(|&gradient| gradient == 0.0);
            assert_eq!(none, out, "{}: {}", part.name, tensor.name);
        }
    }
}

#[test]
fn without_positions_tokens_of_a_segment_may_change_places_and_take_their_results_along() {
    let (config, batch) = (config(), batch());
    // Within each segment of each sequence.
    let order = [4, 2, 0, 3, 1, 7, 5, 6, 9, 10, 8, 12, 11];
    let mut shuffled = batch.clone();
    shuffled.token_ids = order.map(|t| batch.token_ids[t]).into();
    assert_eq!(shuffled.token_types, order.map(|t| batch.token_types[t]));
    let apart = |context: &Context| {
        let model = model(&config);
        let moved = hidden(&model, &batch, context).select(ndarray::Axis(0), &order);
        largest_difference(&moved, &hidden(&model, &shuffled, context))
    };
    assert!(apart(&without(&config, "no-positions")) <= ROUNDING);
    assert!(apart(&without(&config, "none")) > 0.1);
    // Looking to the left only is a way to tell places apart.
    assert!(apart(&without(&config, "no-positions,left-to-right")) > 0.1);
}

#[test]
fn left_to_right_never_sees_the_right() {
    let (config, batch) = (config(), batch());
    let model = model(&config);
    for changed in 0..batch.tokens() {
        let mut other = batch.clone();
        other.token_ids[changed] = 29;
        let end = batch.bounds[1 + usize::from(changed >= batch.bounds[1])];
        let difference = |name| {
            let context = without(&config, name);
            let both = [&batch, &other].map(|batch| hidden(&model, batch, &context));
            let changes = |row: usize| both[0].row(row) != both[1].row(row);
            (0..batch.tokens()).filter(|&row| changes(row)).collect::<Vec<_>>()
        };
        assert_eq!(difference("left-to-right"), Vec::from_iter(changed..end));
        let begin = if end == 8 { 0 } else { 8 };
        assert_eq!(difference("none"), Vec::from_iter(begin..end));
    }
}

#[test]
fn without_residual_tokens_that_look_everywhere_alike_become_alike() {
    let (config, batch) = (config(), batch());
    let mut model = model(&config);
    for layer in &mut model.bert.encoder.layer {
        // All scores are 0, all probabilities equal.
        layer.attention.query.weight.fill(0.0);
        layer.attention.query.bias.fill(0.0);
    }
    let spread = |name| {
        let hidden = hidden(&model, &batch, &without(&config, name));
        let sequences = batch.ranges().map(|sequence| rows(hidden.view(), sequence));
        let spreads = sequences.map(|rows| {
            largest_difference(&rows.to_owned(), &{
                rows.select(ndarray::Axis(0), &vec![0; rows.nrows()])
            })
        });
        spreads.fold(0.0, Real::max)
    };
    assert!(spread("no-residual") <= ROUNDING);
    assert!(spread("none") > 0.1);
}

#[test]
fn without_layer_norm_layers_that_add_nothing_hand_on_their_input() {
    let (config, batch) = (config(), batch());
    let mut model = model(&config);
    for layer in &mut model.bert.encoder.layer {
        for linear in [&mut layer.attention.output, &mut layer.feed_forward.output] {
            linear.weight.fill(0.0);
            linear.bias.fill(0.0);
        }
    }
    let context = without(&config, "no-layer-norm");
    let (embedded, _) = model.bert.embeddings.forward(&batch, &context);
    assert_eq!(hidden(&model, &batch, &context), embedded);
    let mean = embedded.row(3).mean().unwrap();
    assert!(mean.abs() > 1e-3, "the LayerNorm of the embeddings is not seen to shift");
    assert_ne!(hidden(&model, &batch, &Context::eval(&config)), embedded);
}

#[test]
fn without_the_scale_a_model_is_one_with_larger_queries() {
    let (config, batch) = (config(), batch());
    let (plain, mut larger) = (model(&config), model(&config));
    for layer in &mut larger.bert.encoder.layer {
        // Doubling is exact.
        layer.attention.query.weight *= 2.0;
        layer.attention.query.bias *= 2.0;
    }
    let found = hidden(&plain, &batch, &without(&config, "no-scale"));
    assert_eq!(found, hidden(&larger, &batch, &Context::eval(&config)));
    assert!(largest_difference(&found, &hidden(&plain, &batch, &Context::eval(&config))) > 1e-2);
}

#[test]
fn without_feed_forward_a_layer_is_its_attention_block() {
    let (config, batch) = (config(), batch());
    let model = model(&config);
    let context = without(&config, "no-feed-forward");
    let (mut expected, _) = model.bert.embeddings.forward(&batch, &context);
    for (number, layer) in model.bert.encoder.layer.iter().enumerate() {
        let settings = bert_model::encoder_layer::attention_settings(number, &context);
        expected = layer.attention.forward(expected.view(), &batch.bounds, &settings).0;
    }
    assert_eq!(hidden(&model, &batch, &context), expected);
}
