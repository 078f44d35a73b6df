//! What the tests of attention and of its backward pass share.

use bert_kernels::{AttentionArgs, Mask, Real};
use ndarray::{Array2, ArrayView2};

use crate::support::*;

/// Arrays of one case; heads of `size` columns.
pub(crate) struct Case {
    pub(crate) q: Array2<Real>,
    pub(crate) k: Array2<Real>,
    pub(crate) v: Array2<Real>,
    pub(crate) q_bounds: Vec<usize>,
    pub(crate) k_bounds: Vec<usize>,
    pub(crate) heads: usize,
}

impl Case {
    pub(crate) fn random(
        random: &mut Random,
        q_lens: &[usize],
        k_lens: &[usize],
        heads: usize,
        size: usize,
    ) -> Self {
        let bounds = |lens: &[usize]| {
            let ends = lens.iter().scan(0, |end, len| {
                *end += len;
                Some(*end)
            });
            std::iter::once(0).chain(ends).collect::<Vec<_>>()
        };
        let (q_bounds, k_bounds) = (bounds(q_lens), bounds(k_lens));
        let mut matrix = |rows: usize| random.matrix(rows, heads * size) * 2.0;
        let (tq, tk) = (*q_bounds.last().unwrap(), *k_bounds.last().unwrap());
        Self { q: matrix(tq), k: matrix(tk), v: matrix(tk), q_bounds, k_bounds, heads }
    }

    /// A case of rows.txt.
    pub(crate) fn of_tables(tables: &Tables, case: usize) -> Self {
        let name = |name: &str| format!("attention.{case}.{name}");
        let numbers =
            |key: &str| tables.f64(&name(key)).iter().map(|&x| x as usize).collect::<Vec<_>>();
        Self {
            q: tables.real(&name("q")),
            k: tables.real(&name("k")),
            v: tables.real(&name("v")),
            q_bounds: numbers("q_bounds"),
            k_bounds: numbers("k_bounds"),
            heads: numbers("heads")[0],
        }
    }

    pub(crate) fn args(&self, mask: Mask) -> AttentionArgs<'_> {
        AttentionArgs {
            q: self.q.view(),
            k: self.k.view(),
            v: self.v.view(),
            q_bounds: &self.q_bounds,
            k_bounds: &self.k_bounds,
            heads: self.heads,
            scale: 0.5,
            mask,
            on_probabilities: None,
        }
    }
}

/// One head of one sequence in f64: probabilities [Sq, Sk], written down here a second time, with the mask as an addition of −∞.
pub(crate) fn reference_probabilities(
    q: ArrayView2<Real>,
    k: ArrayView2<Real>,
    scale: Real,
    mask: Mask,
) -> Array2<f64> {
    let (sq, sk) = (q.nrows() as isize, k.nrows() as isize);
    let scores = q.mapv(|x| x as f64).dot(&k.mapv(|x| x as f64).t()) * scale as f64;
    let mut p = scores;
    for ((r, key), p) in p.indexed_iter_mut() {
        if mask == Mask::Causal && key as isize > r as isize + sk - sq {
            *p = f64::NEG_INFINITY;
        }
    }
    for mut row in p.rows_mut() {
        let max = row.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        row.mapv_inplace(|x| if max == f64::NEG_INFINITY { 0.0 } else { (x - max).exp() });
        let sum = row.sum();
        row.mapv_inplace(|x| if sum == 0.0 { 0.0 } else { x / sum });
    }
    p
}
