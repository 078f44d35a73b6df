//! The embedding: a table `[V, H]` whose row `i` stands for id `i`.
//!
//! Looking up a row is the same as multiplying a one-hot row vector by the table, without the work.

use bert_kernels::Real;
use ndarray::{Array2, Axis};

/// The parameters of an embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `[V, H]`: one row for each id.
    pub weight: Array2<Real>,
}

crate::tensors!(Embedding { weight => "weight" });

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn each_id_gets_its_own_row_in_order_and_repeats_are_allowed() {
        let table = Embedding { weight: array![[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]] };
        assert_eq!(table.forward(&[2, 0, 2]), array![[4.0, 5.0], [0.0, 1.0], [4.0, 5.0]]);
    }

    #[test]
    #[should_panic(expected = "id 3 in a table of 3 rows")]
    fn an_id_outside_the_table_is_a_bug_of_the_caller() {
        Embedding::zeros(3, 2).forward(&[3]);
    }
}
