//! Cross-entropy: how surprised the model is by the right class.
//!
//! ```text
//! p    = softmax(x)
//! loss = Σ over the rows of −weight[y]·ln p[y]        y the row's label
//!
//! d_xᵢ = weight[y]·(pᵢ − 1 if i is y, pᵢ otherwise)·d_loss
//! ```
//!
//! The loss is taken as ln Σ exp(x) − `x[y]`: a probability that is too small for an `f32` would have
//! an infinite logarithm. A row without a label counts for nothing (PyTorch's `ignore_index`), and
//! the mean is divided by the sum of the weights, as in PyTorch's `CrossEntropyLoss`.
//!
//! **Kept for the backward pass:** the probabilities, in the logits' memory: C numbers for each
//! row. With a vocabulary as the classes that is the widest matrix of all, 122 KB for each masked
//! word of BERT-base.

use crate::{Accuracy, Loss};
use bert_kernels::{Real, softmax_and_log_sums};
use ndarray::{Array2, ArrayView1, Axis};

/// What one forward pass leaves behind.
#[derive(Debug, Clone)]
pub struct CrossEntropyCache {
    /// [R, C].
    pub probabilities: Array2<Real>,
    /// How many labels were the likeliest class. The backward pass does not need it; training wants to
    /// tell it, and here it costs next to nothing.
    pub accuracy: Accuracy,
}

/// Σ over the labels of their weights: what the sum of the losses is divided by.
pub fn count(labels: &[Option<u32>], class_weights: Option<&[Real]>) -> f64 {
    labels.iter().flatten().map(|&label| f64::from(weight(label, class_weights))).sum()
}

// ANCHOR: forward
/// `logits` [R, C] and the class of each row, if it has one. `class_weights`: C of them, or 1 for
/// each.
pub fn forward(
    logits: Array2<Real>,
    labels: &[Option<u32>],
    class_weights: Option<&[Real]>,
) -> (Loss, CrossEntropyCache) {
    check(&logits, labels, class_weights);
    let labelled = || labels.iter().enumerate().filter_map(|(row, label)| Some((row, (*label)?)));
    let right: Vec<_> = labelled().map(|(row, label)| logits[[row, label as usize]]).collect();
    let mut probabilities = logits; // [R, C]
    let log_sums = softmax_and_log_sums(probabilities.view_mut()); // [R]
    let mut loss = Loss { sum: 0.0, count: count(labels, class_weights) };
    let mut accuracy = Accuracy::default();
    for ((row, label), right) in labelled().zip(right) {
        // −ln p[y] = ln Σ exp(x) − x[y]; the largest x comes out of the sum
        let (largest, log_sum) = log_sums[row];
        let of_row = f64::from(log_sum) + (f64::from(largest) - f64::from(right));
        loss.sum += f64::from(weight(label, class_weights)) * of_row;
        let likeliest = right == largest && is_first(probabilities.row(row), label as usize);
        accuracy += Accuracy { right: usize::from(likeliest), of: 1 };
    }
    (loss, CrossEntropyCache { probabilities, accuracy })
}

/// Gradient with respect to the logits [R, C]; `d_loss` is the one with respect to the loss's sum.
pub fn backward(
    cache: CrossEntropyCache,
    labels: &[Option<u32>],
    class_weights: Option<&[Real]>,
    d_loss: Real,
) -> Array2<Real> {
    let mut d_logits = cache.probabilities; // [R, C]
    for (mut row, label) in d_logits.axis_iter_mut(Axis(0)).zip(labels) {
        match *label {
            Some(label) => {
                row[label as usize] -= 1.0;
                row *= weight(label, class_weights) * d_loss;
            }
            None => row.fill(0.0),
        }
    }
    d_logits
}
// ANCHOR_END: forward

/// Whether no class before `label` is as likely.
fn is_first(probabilities: ArrayView1<Real>, label: usize) -> bool {
    let own = probabilities[label];
    probabilities.iter().position(|&p| p == own) == Some(label)
}

fn weight(label: u32, class_weights: Option<&[Real]>) -> Real {
    class_weights.map_or(1.0, |weights| weights[label as usize])
}

fn check(logits: &Array2<Real>, labels: &[Option<u32>], class_weights: Option<&[Real]>) {
    let ((rows, classes), labelled) = (logits.dim(), labels.len());
    assert!(rows == labelled, "{rows} rows of logits, {labelled} labels");
    if let Some(weights) = class_weights {
        let weights = weights.len();
        assert!(weights == classes, "{classes} classes, {weights} weights");
    }
    for label in labels.iter().flatten() {
        assert!((*label as usize) < classes, "label {label} of {classes} classes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::array;

    #[test]
    fn even_odds_cost_the_logarithm_of_the_number_of_classes() {
        let (loss, _) = forward(Array2::zeros((2, 4)), &[Some(3), Some(0)], None);
        assert!((loss.mean() - 4.0_f64.ln()).abs() < 1e-6, "{loss:?}");
    }

    #[test]
    fn a_label_is_right_where_it_is_the_first_of_the_likeliest_classes() {
        let logits = array![[1.0, 3.0, 2.0], [1.0, 3.0, 3.0], [1.0, 3.0, 3.0], [0.0, 0.0, 0.0]];
        let right = |labels: &[Option<u32>]| {
            let (_, cache) = forward(logits.clone(), labels, Some(&[0.0, 2.0, 1.0]));
            (cache.accuracy.right, cache.accuracy.of)
        };
        assert_eq!(right(&[Some(1), Some(1), Some(2), None]), (2, 3));
        assert_eq!(right(&[Some(2), Some(0), None, Some(0)]), (1, 3));
        assert_eq!(right(&[None; 4]), (0, 0));
    }

    #[test]
    fn a_hopeless_label_costs_a_finite_amount() {
        let (loss, _) = forward(array![[0.0, 500.0]], &[Some(0)], None);
        assert_eq!(loss, Loss { sum: 500.0, count: 1.0 });
    }

    #[test]
    fn a_small_loss_beside_large_logits_keeps_its_digits() {
        // −ln p[0] = ln(1 + 10·exp(−12))
        let expected = (10.0 * (-12.0_f64).exp()).ln_1p();
        for shift in [0.0, 1000.0] {
            let mut logits = Array2::from_elem((1, 11), 13.0 + shift);
            logits[[0, 0]] = 25.0 + shift;
            let (loss, _) = forward(logits, &[Some(0)], None);
            // The sum is near 1, where neighbouring f32s are EPSILON apart, and is rounded a few times.
            let limit = 2.0 * f64::from(f32::EPSILON);
            assert!((loss.sum - expected).abs() < limit, "{} against {expected}", loss.sum);
        }
    }

    #[test]
    fn rows_without_a_label_count_for_nothing_and_weights_count_in_the_division() {
        let logits = random(3, 2, 1);
        let only = |row| forward(logits.select(Axis(0), &[row]), &[Some(1)], None).0.sum;
        let (loss, _) = forward(logits.clone(), &[Some(1), None, Some(1)], Some(&[5.0, 3.0]));
        assert!((loss.mean() - (only(0) + only(2)) / 2.0).abs() < 1e-6);
        assert_eq!(loss.count, 6.0);
        let (none, cache) = forward(logits, &[None; 3], None);
        assert_eq!(none, Loss::default());
        assert_eq!(backward(cache, &[None; 3], None, 1.0), Array2::<Real>::zeros((3, 2)));
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let labels = [Some(2), None, Some(0), Some(2)];
        // One class is no choice: its loss is 0, and so is its gradient.
        let (loss, cache) = forward(random(2, 1, 1), &[Some(0), None], None);
        assert_eq!(loss, Loss { sum: 0.0, count: 1.0 });
        assert_eq!(backward(cache, &[Some(0), None], None, 1.0), Array2::<Real>::zeros((2, 1)));
        for (rows, weights) in [(1, None), (4, None), (4, Some(&[0.5, 2.0, 1.5][..]))] {
            let labels = &labels[..rows];
            check_layer(
                &Point::new((), [random(rows, 3, 1)]),
                |at| array![[forward(at.inputs[0].clone(), labels, weights).0.sum as Real]],
                |at, d_output, grads| {
                    let (_, cache) = forward(at.inputs[0].clone(), labels, weights);
                    grads.inputs[0] += &backward(cache, labels, weights, d_output[[0, 0]]);
                },
            )
            .assert_passed();
        }
    }
}
