//! The backward pass of attention.
//!
//! For one head of one sequence, with P̃ the probabilities after dropout and m its factors (all 1 without dropout):
//!
//! ```text
//! S = scale · Q·Kᵀ      P = softmax(S)      P̃ = m ∘ P      O = P̃·V
//!
//! d_V = P̃ᵀ·d_O
//! d_P = m ∘ (d_O·Vᵀ)
//! d_S = P ∘ (d_P − Σ over the row of P ∘ d_P)
//! d_Q = scale · d_S·K
//! d_K = scale · d_Sᵀ·Q
//! ```
//!
//! P is computed again from Q and K: that costs one product of five, and no S×S has to be kept for any layer.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use super::{AttentionArgs, check_shapes};
use crate::{
    Epilogue, Real,
    buffer::{Scratch, written_by},
    gemm_on_this_thread,
    real::NAIVE,
    softmax_backward_row, softmax_row,
    split::split,
    team::for_each,
};

/// The formulas in plain loops.
pub(crate) mod naive {
    use crate::{AttentionArgs, Real, naive};
    use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

    // ANCHOR: naive_attention_backward
    /// `d_output` [Tq, N·D] is the gradient with respect to attention's output; writes those with respect
    /// to `q`, `k` and `v`. What `on_probabilities` does must be a multiplication by factors of their own
    /// for each place.
    pub fn attention_backward(
        args: AttentionArgs,
        d_output: ArrayView2<Real>,
        mut d_q: ArrayViewMut2<Real>,
        mut d_k: ArrayViewMut2<Real>,
        mut d_v: ArrayViewMut2<Real>,
    ) {
        let head_size = super::check_backward_shapes(&args, d_output, &d_q, &d_k, &d_v);
        for (q_rows, k_rows) in args.q_bounds.windows(2).zip(args.k_bounds.windows(2)) {
            let (q_rows, k_rows) = (q_rows[0]..q_rows[1], k_rows[0]..k_rows[1]);
            for head in 0..args.heads {
                let columns = head * head_size..(head + 1) * head_size;
                let q = args.q.slice(s![q_rows.clone(), columns.clone()]); // [Sq, D]
                let k = args.k.slice(s![k_rows.clone(), columns.clone()]); // [Sk, D]
                let v = args.v.slice(s![k_rows.clone(), columns.clone()]); // [Sk, D]
                let d_o = d_output.slice(s![q_rows.clone(), columns.clone()]); // [Sq, D]
                let p = naive::attention_probabilities(q, k, args.scale, args.mask); // [Sq, Sk]
                let mut dropped = p.clone(); // P̃
                let mut d_s: Array2<Real> = naive::matmul(d_o, v.t()); // d_P̃, then d_P, then d_S
                for r in 0..q.nrows() {
                    let visible = args.mask.visible(r, q.nrows(), k.nrows());
                    let mut row = d_s.row_mut(r);
                    let (seen, hidden) = row.as_slice_mut().expect("fresh").split_at_mut(visible);
                    if let Some(on_probabilities) = args.on_probabilities
                        && visible > 0
                    {
                        let row = q_rows.start + r;
                        on_probabilities(head, row, 0, seen);
                        let mut dropped = dropped.row_mut(r);
                        let dropped = dropped.as_slice_mut().expect("fresh");
                        on_probabilities(head, row, 0, &mut dropped[..visible]);
                    }
                    let p = p.row(r);
                    naive::softmax_backward_row(&p.as_slice().expect("fresh")[..visible], seen);
                    hidden.fill(0.0);
                }
                let mut d_q = d_q.slice_mut(s![q_rows.clone(), columns.clone()]);
                let mut d_k = d_k.slice_mut(s![k_rows.clone(), columns.clone()]);
                let mut d_v = d_v.slice_mut(s![k_rows.clone(), columns]);
                d_v.assign(&naive::matmul(dropped.t(), d_o)); // [Sk, D]
                d_q.assign(&(naive::matmul(d_s.view(), k) * args.scale)); // [Sq, D]
                d_k.assign(&(naive::matmul(d_s.t(), q) * args.scale)); // [Sk, D]
            }
        }
    }
    // ANCHOR_END: naive_attention_backward
}

/// [`attention_backward`] into new matrices: the gradients with respect to `q`, `k` and `v`.
pub fn attention_gradients(args: AttentionArgs, d_output: ArrayView2<Real>) -> [Array2<Real>; 3] {
    // SAFETY: nothing of the three is read before it was written, and all is written: each row is in one sequence, each column in one
    // head.
    unsafe {
        written_by([args.q.dim(), args.k.dim(), args.v.dim()], |[d_q, d_k, d_v]| {
            attention_backward(args, d_output, d_q, d_k, d_v);
        })
    }
}

/// `d_output` [Tq, N·D] is the gradient with respect to attention's output; writes those with respect to `q` (into `d_q`), `k` and
/// `v`, whose old contents do not matter.
///
/// What [`AttentionArgs::on_probabilities`] does must be a multiplication by factors that depend on the place alone: it is asked
/// for them twice, once for the probabilities and once for their gradients.
///
/// A key that a query does not see takes part with the factor 0, so an infinity or NaN in it reaches the gradients of its whole
/// sequence and head. Other sequences and heads never see it.
///
/// Threads share out the (sequence, head)s. Each takes blocks of queries against all keys of the sequence, so memory grows with
/// the length of a sequence, not with its square.
///
/// # Panics
/// Where the shapes or the bounds do not fit.
pub fn attention_backward(
    args: AttentionArgs,
    d_output: ArrayView2<Real>,
    d_q: ArrayViewMut2<Real>,
    d_k: ArrayViewMut2<Real>,
    d_v: ArrayViewMut2<Real>,
) {
    if NAIVE {
        return naive::attention_backward(args, d_output, d_q, d_k, d_v);
    }
    let head_size = check_backward_shapes(&args, d_output, &d_q, &d_k, &d_v);
    let heads_of = |rows| split(rows, Axis(1), (1..=args.heads).map(|head| head * head_size));
    let sequences_of = |all, bounds: &[usize]| split(all, Axis(0), bounds[1..].iter().copied());
    let gradients = sequences_of(d_q, args.q_bounds)
        .into_iter()
        .zip(sequences_of(d_k, args.k_bounds))
        .zip(sequences_of(d_v, args.k_bounds));
    let mut work = 0;
    let mut tasks = Vec::new();
    for (number, ((d_q, d_k), d_v)) in gradients.enumerate() {
        let [queries, keys] =
            [args.q_bounds, args.k_bounds].map(|bounds| bounds[number]..bounds[number + 1]);
        work += queries.len() * keys.len() * args.q.ncols();
        let heads = heads_of(d_q).into_iter().zip(heads_of(d_k)).zip(heads_of(d_v));
        for (head, ((d_q, d_k), d_v)) in heads.enumerate() {
            let gradients = Gradients { d_q, d_k, d_v };
            tasks.push((queries.clone(), keys.clone(), head, gradients));
        }
    }
    for_each(work >= super::PARALLEL_FROM, tasks, |(queries, keys, head, gradients)| {
        one_head(&args, d_output, queries, keys, head, gradients);
    });
}

/// Of one head of one sequence.
struct Gradients<'a> {
    /// [Sq, D].
    d_q: ArrayViewMut2<'a, Real>,
    /// [Sk, D].
    d_k: ArrayViewMut2<'a, Real>,
    /// [Sk, D].
    d_v: ArrayViewMut2<'a, Real>,
}

/// So many queries at a time: up to 512 keys, their probabilities and gradients stay in the L2 cache.
const QUERIES: usize = 128;

fn one_head(
    args: &AttentionArgs,
    d_output: ArrayView2<Real>,
    queries: Range<usize>,
    keys: Range<usize>,
    head: usize,
    gradients: Gradients,
) {
    let Gradients { mut d_q, mut d_k, mut d_v } = gradients;
    if queries.is_empty() {
        d_k.fill(0.0);
        d_v.fill(0.0);
    }
    let columns = head * d_q.ncols()..(head + 1) * d_q.ncols();
    let k = args.k.slice(s![keys.clone(), columns.clone()]); // [Sk, D]
    let v = args.v.slice(s![keys, columns.clone()]); // [Sk, D]
    for first in (0..queries.len()).step_by(QUERIES) {
        let block = first..queries.len().min(first + QUERIES);
        let rows = queries.start + block.start..queries.start + block.end;
        let q = args.q.slice(s![rows.clone(), columns.clone()]); // [Qb, D]
        let d_o = d_output.slice(s![rows.clone(), columns.clone()]); // [Qb, D]
        let visible = |r| args.mask.visible(first + r, queries.len(), k.nrows());
        let shape = (block.len(), k.nrows());
        let matrix = || Matrix::new(shape);

        let mut p = matrix(); // [Qb, Sk]
        product(args.scale, q, k.t(), 0.0, p.view_mut());
        p.for_each_row(|r, row| {
            let (seen, hidden) = row.split_at_mut(visible(r));
            softmax_row(seen);
            hidden.fill(0.0);
        });
        let mut d_s = matrix(); // d_P̃, then d_P, then d_S
        product(1.0, d_o, v.t(), 0.0, d_s.view_mut());

        // The first block overwrites what the memory held, the others add.
        let beta = if first == 0 { 0.0 } else { 1.0 };
        if let Some(on_probabilities) = args.on_probabilities {
            let multiply = |r: usize, row: &mut [Real]| {
                if visible(r) > 0 {
                    on_probabilities(head, rows.start + r, 0, &mut row[..visible(r)]);
                }
            };
            let mut dropped = matrix(); // P̃
            dropped.memory.copy_from_slice(&p.memory);
            dropped.for_each_row(multiply);
            product(1.0, dropped.view().reversed_axes(), d_o, beta, d_v.view_mut()); // P̃ᵀ·d_O
            d_s.for_each_row(multiply);
        } else {
            product(1.0, p.view().reversed_axes(), d_o, beta, d_v.view_mut()); // Pᵀ·d_O
        }
        d_s.for_each_row(|r, row| {
            let (seen, hidden) = row.split_at_mut(visible(r));
            softmax_backward_row(&p.row(r)[..seen.len()], seen);
            hidden.fill(0.0);
        });
        product(args.scale, d_s.view(), k, 0.0, d_q.slice_mut(s![block, ..])); // d_S·K
        product(args.scale, d_s.view().reversed_axes(), q, beta, d_k.view_mut()); // d_Sᵀ·Q
    }
}

/// `c` = `scale` · `a`·`b` + `beta` · `c`.
fn product(
    scale: Real,
    a: ArrayView2<Real>,
    b: ArrayView2<Real>,
    beta: Real,
    c: ArrayViewMut2<Real>,
) {
    gemm_on_this_thread(scale, a, b, beta, c, Epilogue::default());
}

/// A matrix in memory that is used again.
struct Matrix {
    memory: Scratch,
    shape: (usize, usize),
}

impl Matrix {
    fn new(shape: (usize, usize)) -> Self {
        Self { memory: Scratch::new(shape.0 * shape.1), shape }
    }

    fn view(&self) -> ArrayView2<'_, Real> {
        ArrayView2::from_shape(self.shape, &self.memory).expect("as long as the shape")
    }

    fn view_mut(&mut self) -> ArrayViewMut2<'_, Real> {
        ArrayViewMut2::from_shape(self.shape, &mut self.memory).expect("as long as the shape")
    }

    fn row(&self, r: usize) -> &[Real] {
        &self.memory[r * self.shape.1..(r + 1) * self.shape.1]
    }

    fn for_each_row(&mut self, function: impl Fn(usize, &mut [Real])) {
        let columns = self.shape.1.max(1);
        self.memory.chunks_mut(columns).enumerate().for_each(|(r, row)| function(r, row));
    }
}

/// Returns D, the size of one head.
fn check_backward_shapes(
    args: &AttentionArgs,
    d_output: ArrayView2<Real>,
    d_q: &ArrayViewMut2<Real>,
    d_k: &ArrayViewMut2<Real>,
    d_v: &ArrayViewMut2<Real>,
) -> usize {
    let (k, d_k, d_v) = (args.k.dim(), d_k.dim(), d_v.dim());
    assert!(
        k == d_k && k == d_v,
        "attention: the keys are {k:?}, the gradients {d_k:?} and {d_v:?}"
    );
    let (q, d_o) = (args.q.dim(), d_output.dim());
    assert!(q == d_o, "attention: the queries are {q:?}, the output's gradient {d_o:?}");
    check_shapes(args, d_q)
}
