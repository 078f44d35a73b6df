use super::*;
use crate::add_norm::tests::CHOICES;
use crate::gradient_check::{Point, check_layer, jitter, random};
use crate::init::{self, Initializer};
use ndarray::{array, concatenate};

const SETTINGS: AttentionSettings = AttentionSettings {
    heads: 2,
    scaled: true,
    mask: Mask::Full,
    add_norm: AddNorm::new(1e-12),
    probability_dropout: Dropout::OFF,
    output_dropout: Dropout::OFF,
};

fn block() -> Attention {
    let mut block = Attention::zeros(6);
    init::initialize(&mut block, Initializer::Normal { std: 0.5 }, 11);
    block
}

fn tokens(count: usize) -> Array2<Real> {
    Array2::from_shape_fn((count, 6), |(t, h)| ((t * 7 + h * 3) as Real).sin())
}

#[test]
fn a_sequence_gives_the_same_alone_as_packed_with_others() {
    let (block, input) = (block(), tokens(9));
    let (packed, _) = block.forward(input.view(), &[0, 4, 5, 9], &SETTINGS);
    let alone = |range: std::ops::Range<usize>| {
        let length = range.len();
        block.forward(rows(input.view(), range), &[0, length], &SETTINGS).0
    };
    let parts = [alone(0..4), alone(4..5), alone(5..9)];
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    assert_eq!(packed, concatenate(Axis(0), &views).unwrap());
}

#[test]
fn probabilities_sum_to_one_and_explain_the_context() {
    let (_, cache) = block().forward(tokens(5).view(), &[0, 2, 5], &SETTINGS);
    let probabilities = cache.probabilities(2, 5, &SETTINGS); // [2, 3, 3]
    for row in probabilities.rows() {
        assert!((row.sum() - 1.0).abs() < 1e-6);
    }
    let cut = |matrix| columns(rows(matrix, 2..5), 3..6); // head 1 of sequence 1
    let context = probabilities.index_axis(Axis(0), 1).dot(&cut(cache.value.view()));
    let difference = &context - &cut(cache.context.view());
    assert!(difference.iter().all(|x| x.abs() < 1e-6), "{difference}");
}

#[test]
fn a_causal_mask_hides_what_stands_to_the_right() {
    let (block, input) = (block(), tokens(4));
    let settings = AttentionSettings { mask: Mask::Causal, ..SETTINGS };
    let mut changed = input.clone();
    changed.row_mut(3).fill(9.0);
    let (before, _) = block.forward(input.view(), &[0, 4], &settings);
    let (after, _) = block.forward(changed.view(), &[0, 4], &settings);
    assert_eq!(rows(before.view(), 0..3), rows(after.view(), 0..3));
    assert_ne!(before.row(3), after.row(3));
}

#[test]
fn dropout_of_probabilities_reaches_the_context_and_depends_on_the_head() {
    let dropout = Dropout::new(0.5, 3, "test", 0, 0);
    let settings = AttentionSettings { probability_dropout: dropout, ..SETTINGS };
    let (_, plain) = block().forward(tokens(8).view(), &[0, 8], &SETTINGS);
    let (_, dropped) = block().forward(tokens(8).view(), &[0, 8], &settings);
    let mut probabilities = plain.probabilities(0, 8, &SETTINGS);
    for head in 0..2 {
        for row in 0..8 {
            for key in 0..8 {
                probabilities[[head, row, key]] *= dropout.of_head(head).factor(row, key);
            }
        }
        let own = head * 3..(head + 1) * 3;
        let value = columns(plain.value.view(), own.clone());
        let context = probabilities.index_axis(Axis(0), head).dot(&value);
        let difference = &context - &columns(dropped.context.view(), own);
        assert!(difference.iter().all(|x| x.abs() < 1e-6), "{difference}");
    }
}

#[test]
fn without_the_scale_scores_are_those_of_queries_that_are_larger_by_its_inverse() {
    // One head of 4 columns: 1/√4 is a power of two, so that nothing is rounded.
    let mut block = Attention::zeros(4);
    init::initialize(&mut block, Initializer::Normal { std: 0.5 }, 11);
    let mut larger = block.clone();
    larger.query.weight *= 2.0;
    let (input, bounds) = (random(5, 4, 1), [0, 2, 5]);
    let scaled = AttentionSettings { heads: 1, ..SETTINGS };
    let settings = AttentionSettings { scaled: false, ..scaled };
    let (output, cache) = block.forward(input.view(), &bounds, &settings);
    let (expected, expected_cache) = larger.forward(input.view(), &bounds, &scaled);
    assert_eq!(output, expected);
    let probabilities = cache.probabilities(2, 5, &settings);
    assert_eq!(probabilities, expected_cache.probabilities(2, 5, &scaled));
    assert_ne!(probabilities, cache.probabilities(2, 5, &scaled));
}

#[test]
fn without_residual_and_layer_norm_the_output_is_the_projected_context() {
    let [_, without_residual, without_norm, neither] = CHOICES.map(|add_norm| {
        let settings = AttentionSettings { add_norm, ..SETTINGS };
        let (output, cache) = block().forward(tokens(3).view(), &[0, 3], &settings);
        (output, block().output.forward(cache.context.view()))
    });
    let layer_norm = block().layer_norm;
    assert_eq!(neither.0, neither.1);
    assert_eq!(without_norm.0, without_norm.1 + tokens(3));
    assert_eq!(without_residual.0, layer_norm.forward(without_residual.1.view(), 1e-12));
}

#[test]
fn the_output_computed_again_has_the_same_bits() {
    for add_norm in CHOICES {
        let settings = AttentionSettings { add_norm, ..SETTINGS };
        let (output, cache) = block().forward(tokens(5).view(), &[0, 2, 5], &settings);
        assert_eq!(block().output_again(&cache, &settings), output, "{add_norm:?}");
    }
}

#[test]
fn one_token_attends_to_itself_alone() {
    let (_, cache) = block().forward(tokens(1).view(), &[0, 1], &SETTINGS);
    assert_eq!(cache.probabilities(0, 1, &SETTINGS), array![[[1.0]], [[1.0]]]);
    assert_eq!(cache.context, cache.value);
}

#[test]
fn gradients_are_what_finite_differences_say() {
    let dropout = |purpose| Dropout::new(0.2, 7, purpose, 0, 0);
    let dropped = AttentionSettings {
        probability_dropout: dropout("probabilities"),
        output_dropout: dropout("output"),
        ..SETTINGS
    };
    let causal = AttentionSettings { mask: Mask::Causal, heads: 1, ..SETTINGS };
    for (bounds, settings) in [
        (&[0, 1][..], SETTINGS),
        (&[0, 3, 4, 9], SETTINGS),
        (&[0, 2, 6], dropped),
        (&[0, 4], causal),
        (&[0, 3, 5], AttentionSettings { scaled: false, ..dropped }),
        (&[0, 3, 5], AttentionSettings { add_norm: CHOICES[1], ..SETTINGS }),
        (&[0, 3, 5], AttentionSettings { add_norm: CHOICES[1], ..dropped }),
        (&[0, 3, 5], AttentionSettings { add_norm: CHOICES[2], ..SETTINGS }),
        (&[0, 3, 5], AttentionSettings { add_norm: CHOICES[2], ..dropped }),
        (&[0, 3, 5], AttentionSettings { add_norm: CHOICES[3], ..dropped }),
    ] {
        let mut block = block();
        jitter(&mut block);
        let input = random(*bounds.last().unwrap(), 6, 5);
        check_layer(
            &Point::new(block, [input]),
            |at| at.layer.forward(at.inputs[0].view(), bounds, &settings).0,
            |at, d_output, grads| {
                let input = at.inputs[0].view();
                let (_, cache) = at.layer.forward(input, bounds, &settings);
                grads.inputs[0] +=
                    &at.layer.backward(input, cache, d_output, bounds, &settings, &mut grads.layer);
            },
        )
        .assert_passed();
    }
}
