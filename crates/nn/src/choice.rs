//! The loss of a choice: of each group of rows, one is right. Where in a sequence an answer begins;
//! which of several texts fits a question best.
//!
//! ```text
//! for each group of scores x:
//!     p    = softmax(x)
//!     loss = −ln p[y]                     y the right one
//!
//!     d_xᵢ = (pᵢ − 1 if i is y, pᵢ otherwise)·d_loss
//! ```
//!
//! This is cross-entropy whose classes are rows. Groups have lengths of their own: an answer is
//! looked for among the real tokens of its sequence. (transformers and Google's program put padded
//! places into the softmax as well, so there the loss changes with the padding.)
//!
//! **Kept for the backward pass:** the probabilities, in the scores' memory: a number for each row.

use crate::Loss;
use bert_kernels::{Real, softmax_and_log_sum};
use ndarray::Array1;

/// What one forward pass leaves behind.
#[derive(Debug, Clone)]
pub struct ChoiceCache {
    /// \[R].
    pub probabilities: Array1<Real>,
}

// ANCHOR: forward
/// `scores` \[R]; group `i` is the rows `bounds[i]..bounds[i + 1]`, and `right[i]` its right row,
/// counted within the group, if there is one.
pub fn forward(
    scores: Array1<Real>,
    bounds: &[usize],
    right: &[Option<u32>],
) -> (Loss, ChoiceCache) {
    let (groups, labels) = (bounds.len() - 1, right.len());
    assert!(groups == labels, "{groups} groups of scores, {labels} labels");
    let mut probabilities = scores; // [R]
    let mut loss = Loss::default();
    for (ends, right) in bounds.windows(2).zip(right) {
        let all = probabilities.as_slice_mut().expect("an owned array of one axis");
        let group = &mut all[ends[0]..ends[1]];
        let score = right.map(|right| f64::from(group[right as usize]));
        let (largest, log_sum) = softmax_and_log_sum(group);
        if let Some(score) = score {
            loss.sum += f64::from(log_sum) + (f64::from(largest) - score); // −ln p[y]
            loss.count += 1.0;
        }
    }
    (loss, ChoiceCache { probabilities })
}

/// Gradient with respect to the scores \[R]; `d_loss` is the one with respect to the loss's sum.
pub fn backward(
    cache: ChoiceCache,
    bounds: &[usize],
    right: &[Option<u32>],
    d_loss: Real,
) -> Array1<Real> {
    let mut d_scores = cache.probabilities; // [R]
    for (ends, right) in bounds.windows(2).zip(right) {
        match right {
            Some(right) => {
                d_scores[ends[0] + *right as usize] -= 1.0;
                (ends[0]..ends[1]).for_each(|row| d_scores[row] *= d_loss);
            }
            None => (ends[0]..ends[1]).for_each(|row| d_scores[row] = 0.0),
        }
    }
    d_scores
}
// ANCHOR_END: forward

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::array;

    #[test]
    fn each_group_is_a_choice_of_its_own() {
        let (loss, cache) = forward(
            array![0.0, 0.0, 7.0, 1.0, 1.0, 1.0],
            &[0, 2, 3, 6],
            &[Some(1), Some(0), Some(2)],
        );
        assert!((loss.sum - (2.0_f64.ln() + 3.0_f64.ln())).abs() < 1e-6, "{loss:?}");
        assert_eq!(loss.count, 3.0);
        assert_eq!(cache.probabilities[2], 1.0);
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let cases = [
            (&[0, 1][..], &[Some(0)][..]),
            (&[0, 3, 4, 9], &[Some(2), None, Some(0)]),
            (&[0, 5], &[None]),
        ];
        for (bounds, right) in cases {
            let scores = |at: &Point<()>| at.inputs[0].row(0).to_owned();
            check_layer(
                &Point::new((), [random(1, *bounds.last().unwrap(), 1)]),
                |at| array![[forward(scores(at), bounds, right).0.sum as Real]],
                |at, d_output, grads| {
                    let (_, cache) = forward(scores(at), bounds, right);
                    let mut d = grads.inputs[0].row_mut(0);
                    d += &backward(cache, bounds, right, d_output[[0, 0]]);
                },
            )
            .assert_passed();
        }
    }
}
