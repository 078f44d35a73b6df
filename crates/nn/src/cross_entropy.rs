//! Cross-entropy: how surprised the model is by the right class.
//!
//! ```text
//! p    = softmax(x)
//! loss = Σ over the rows of −weight[y]·ln p[y]        y the row's label
//!
//! d_xᵢ = weight[y]·(pᵢ − 1 if i is y, pᵢ otherwise)·d_loss
//! ```
//!
//! With label smoothing (Szegedy et al., 2016, section 7) the label is not quite sure of itself: the part ε of it
//! is spread over all C classes. Each class then has a share q of the row:
//!
//! ```text
//! qᵢ   = (1 − ε)·weight[y] if i is y, plus ε/C·weight[i] for every i
//! loss = Σ over the rows of Σᵢ −qᵢ·ln pᵢ
//!
//! d_xᵢ = (pᵢ·Σq − qᵢ)·d_loss
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
use bert_kernels::{Real, for_each_row, softmax_and_log_sums};
use ndarray::{Array2, ArrayView1};

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

/// How much classes count, and how sure labels are.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weighting<'a> {
    /// C of them, or 1 for each.
    pub class_weights: Option<&'a [Real]>,
    /// ε, from 0 (the label is sure) to below 1.
    pub label_smoothing: Real,
}

// ANCHOR: forward
/// `logits` [R, C] and the class of each row, if it has one.
pub fn forward(
    logits: Array2<Real>,
    labels: &[Option<u32>],
    weighting: Weighting,
) -> (Loss, CrossEntropyCache) {
    check(&logits, labels, weighting.class_weights);
    let labelled = || labels.iter().enumerate().filter_map(|(row, label)| Some((row, (*label)?)));
    let right: Vec<_> = labelled().map(|(row, label)| logits[[row, label as usize]]).collect();
    let spread: Vec<_> = labelled().map(|(row, _)| weighting.spread(logits.row(row))).collect();
    let mut probabilities = logits; // [R, C]
    let log_sums = softmax_and_log_sums(probabilities.view_mut()); // [R]
    let mut loss = Loss { sum: 0.0, count: count(labels, weighting.class_weights) };
    let mut accuracy = Accuracy::default();
    for (((row, label), right), spread) in labelled().zip(right).zip(spread) {
        // −ln p[y] = ln Σ exp(x) − x[y]; the largest x comes out of the sum
        let (largest, log_sum) = log_sums[row];
        let of_label = f64::from(log_sum) + (f64::from(largest) - f64::from(right));
        let sure = 1.0 - f64::from(weighting.label_smoothing);
        loss.sum += sure * f64::from(weight(label, weighting.class_weights)) * of_label;
        if let Some(Spread { shares, logits }) = spread {
            loss.sum += shares * (f64::from(log_sum) + f64::from(largest)) - logits;
        }
        let likeliest = right == largest && is_first(probabilities.row(row), label as usize);
        accuracy += Accuracy { right: usize::from(likeliest), of: 1 };
    }
    (loss, CrossEntropyCache { probabilities, accuracy })
}

/// Gradient with respect to the logits [R, C]; `d_loss` is the one with respect to the loss's sum.
pub fn backward(
    cache: CrossEntropyCache,
    labels: &[Option<u32>],
    weighting: Weighting,
    d_loss: Real,
) -> Array2<Real> {
    let mut d_logits = cache.probabilities; // [R, C]
    let (class_weights, smoothing) = (weighting.class_weights, weighting.label_smoothing);
    for_each_row(d_logits.view_mut(), |r, mut row| {
        let Some(label) = labels[r] else {
            row.fill(0.0);
            return;
        };
        let of_label = weight(label, class_weights);
        if smoothing == 0.0 {
            row[label as usize] -= 1.0;
            row *= of_label * d_loss;
            return;
        }
        let share = |class: usize| {
            let sure = if class == label as usize { (1.0 - smoothing) * of_label } else { 0.0 };
            sure + weighting.share_of_all(class, row.len())
        };
        let shares: Vec<_> = (0..row.len()).map(share).collect(); // q
        let total: Real = shares.iter().sum();
        row.iter_mut().zip(shares).for_each(|(p, q)| *p = (*p * total - q) * d_loss);
    });
    d_logits
}
// ANCHOR_END: forward

/// The part of a row that is spread over all classes: Σ ε/C·weight, and the same of the logits.
struct Spread {
    shares: f64,
    logits: f64,
}

impl Weighting<'_> {
    /// ε/C·weight[class].
    fn share_of_all(&self, class: usize, classes: usize) -> Real {
        self.label_smoothing / classes as Real * weight(class as u32, self.class_weights)
    }

    /// None without smoothing: nothing is spread. `logits` [C].
    fn spread(&self, logits: ArrayView1<Real>) -> Option<Spread> {
        let share = |class| f64::from(self.share_of_all(class, logits.len()));
        (self.label_smoothing > 0.0).then(|| Spread {
            shares: (0..logits.len()).map(share).sum(),
            logits: logits.iter().enumerate().map(|(class, &x)| share(class) * f64::from(x)).sum(),
        })
    }
}

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
    use ndarray::Axis;
    use ndarray::array;

    const EVEN: Weighting = Weighting { class_weights: None, label_smoothing: 0.0 };

    fn weighted(weights: &[Real]) -> Weighting<'_> {
        Weighting { class_weights: Some(weights), ..EVEN }
    }

    #[test]
    fn smoothing_asks_a_little_of_every_class() {
        // p = 1/4 and 3/4; the label is class 1.
        let logits = array![[0.0, (3.0 as Real).ln()]];
        let [low, high] = [4.0_f64.ln(), (4.0_f64 / 3.0).ln()];
        let smooth = |weighting| {
            forward(logits.clone(), &[Some(1)], Weighting { label_smoothing: 0.2, ..weighting }).0
        };
        let even = smooth(EVEN);
        assert!(
            (even.sum - (0.9 * high + 0.1 * low)).abs() < 1e-6 && even.count == 1.0,
            "{even:?}"
        );
        // Each class by its own weight; the count is that of the label.
        let uneven = smooth(weighted(&[5.0, 2.0]));
        let expected = 0.8 * 2.0 * high + 0.1 * (2.0 * high + 5.0 * low);
        assert!((uneven.sum - expected).abs() < 1e-6 && uneven.count == 2.0, "{uneven:?}");
    }

    #[test]
    fn even_odds_cost_the_logarithm_of_the_number_of_classes() {
        let (loss, _) = forward(Array2::zeros((2, 4)), &[Some(3), Some(0)], EVEN);
        assert!((loss.mean() - 4.0_f64.ln()).abs() < 1e-6, "{loss:?}");
    }

    #[test]
    fn a_label_is_right_where_it_is_the_first_of_the_likeliest_classes() {
        let logits = array![[1.0, 3.0, 2.0], [1.0, 3.0, 3.0], [1.0, 3.0, 3.0], [0.0, 0.0, 0.0]];
        let right = |labels: &[Option<u32>]| {
            let (_, cache) = forward(logits.clone(), labels, weighted(&[0.0, 2.0, 1.0]));
            (cache.accuracy.right, cache.accuracy.of)
        };
        assert_eq!(right(&[Some(1), Some(1), Some(2), None]), (2, 3));
        assert_eq!(right(&[Some(2), Some(0), None, Some(0)]), (1, 3));
        assert_eq!(right(&[None; 4]), (0, 0));
    }

    #[test]
    fn a_hopeless_label_costs_a_finite_amount() {
        let (loss, _) = forward(array![[0.0, 500.0]], &[Some(0)], EVEN);
        assert_eq!(loss, Loss { sum: 500.0, count: 1.0 });
    }

    #[test]
    fn a_small_loss_beside_large_logits_keeps_its_digits() {
        // −ln p[0] = ln(1 + 10·exp(−12))
        let expected = (10.0 * (-12.0_f64).exp()).ln_1p();
        for shift in [0.0, 1000.0] {
            let mut logits = Array2::from_elem((1, 11), 13.0 + shift);
            logits[[0, 0]] = 25.0 + shift;
            let (loss, _) = forward(logits, &[Some(0)], EVEN);
            // The sum is near 1, where neighbouring f32s are EPSILON apart, and is rounded a few times.
            let limit = 2.0 * f64::from(f32::EPSILON);
            assert!((loss.sum - expected).abs() < limit, "{} against {expected}", loss.sum);
        }
    }

    #[test]
    fn rows_without_a_label_count_for_nothing_and_weights_count_in_the_division() {
        let logits = random(3, 2, 1);
        let only = |row| forward(logits.select(Axis(0), &[row]), &[Some(1)], EVEN).0.sum;
        let (loss, _) = forward(logits.clone(), &[Some(1), None, Some(1)], weighted(&[5.0, 3.0]));
        assert!((loss.mean() - (only(0) + only(2)) / 2.0).abs() < 1e-6);
        assert_eq!(loss.count, 6.0);
        let (none, cache) = forward(logits, &[None; 3], EVEN);
        assert_eq!(none, Loss::default());
        assert_eq!(backward(cache, &[None; 3], EVEN, 1.0), Array2::<Real>::zeros((3, 2)));
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let labels = [Some(2), None, Some(0), Some(2)];
        // One class is no choice: its loss is 0, and so is its gradient.
        let (loss, cache) = forward(random(2, 1, 1), &[Some(0), None], EVEN);
        assert_eq!(loss, Loss { sum: 0.0, count: 1.0 });
        assert_eq!(backward(cache, &[Some(0), None], EVEN, 1.0), Array2::<Real>::zeros((2, 1)));
        let uneven = weighted(&[0.5, 2.0, 1.5]);
        let smooth = |weighting| Weighting { label_smoothing: 0.2, ..weighting };
        for (rows, weights) in
            [(1, EVEN), (4, EVEN), (4, uneven), (4, smooth(EVEN)), (4, smooth(uneven))]
        {
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
