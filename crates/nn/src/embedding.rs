//! The embedding: a table `[V, H]` whose row `i` stands for id `i`.
//!
//! ```text
//! y[t] = table[id[t]]
//!
//! d_table[id[t]] += d_y[t]    for every t: an id that occurs twice receives two gradients
//! ```
//!
//! Looking up a row is the same as multiplying a one-hot row vector by the table, without the work.
//!
//! **Kept for the backward pass:** the ids, 4 bytes for each token; they are the batch's own.

use crate::tensors::or_zeros;
use bert_kernels::Real;
use ndarray::{Array2, ArrayView2, Axis};

/// The parameters of an embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `[V, H]`: one row for each id.
    pub weight: Array2<Real>,
}

crate::tensors!(Embedding { weight => "weight" });

/// The gradients of an embedding have its shape.
pub type EmbeddingGrads = Embedding;

impl Embedding {
    /// All zeros: a table to be filled from a file or by [`crate::init`].
    pub fn zeros(rows: usize, width: usize) -> Self {
        Self { weight: Array2::zeros((rows, width)) }
    }

    /// How many ids the table knows.
    pub fn rows(&self) -> usize {
        self.weight.nrows()
    }

    // ANCHOR: forward
    /// `ids` (T of them, each below V) → [T, H]: the row of each id, in order.
    pub fn forward(&self, ids: &[u32]) -> Array2<Real> {
        let mut output = Array2::zeros((ids.len(), self.weight.ncols())); // [T, H]
        for (mut row, &id) in output.axis_iter_mut(Axis(0)).zip(ids) {
            assert!((id as usize) < self.rows(), "id {id} in a table of {} rows", self.rows());
            row.assign(&self.weight.row(id as usize));
        }
        output
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Adds each row of `d_output` [T, H] to the gradient of the row that was looked up
    /// ("scatter-add"). Ids are no numbers to be moved a little: there is no gradient with respect
    /// to them.
    ///
    /// transformers leaves out the row of the padding token. A packed batch has no padding; one
    /// that really contains a `[PAD]`, not hidden by a mask, trains that row here and not there.
    pub fn backward(&self, ids: &[u32], d_output: ArrayView2<Real>, grads: &mut EmbeddingGrads) {
        let (tokens, rows) = (ids.len(), d_output.nrows());
        assert!(tokens == rows, "{tokens} ids, {rows} rows of gradients");
        let mut d_weight = or_zeros(&mut grads.weight, &self.weight); // [V, H]
        for (d_row, &id) in d_output.axis_iter(Axis(0)).zip(ids) {
            let mut row = d_weight.row_mut(id as usize);
            row += &d_row; // row.assign(table.row(id))
        }
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient_check::{Point, check_layer, random};
    use ndarray::array;

    #[test]
    fn each_id_gets_its_own_row_in_order_and_repeats_are_allowed() {
        let table = Embedding { weight: array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] };
        assert_eq!(table.forward(&[2, 0, 2]), array![[4.0, 5.0], [0.0, 1.0], [4.0, 5.0]]);
    }

    #[test]
    fn gradients_are_what_finite_differences_say() {
        for ids in [&[2, 0, 2, 2][..], &[1], &[]] {
            check_layer(
                &Point::new(Embedding { weight: random(4, 3, 1) }, []),
                |at| at.layer.forward(ids),
                |at, d_output, grads| at.layer.backward(ids, d_output.view(), &mut grads.layer),
            )
            .assert_passed();
        }
    }

    #[test]
    #[should_panic(expected = "id 3 in a table of 3 rows")]
    fn an_id_outside_the_table_is_a_bug_of_the_caller() {
        Embedding::zeros(3, 2).forward(&[3]);
    }
}
