//! Multi-head scaled dot-product attention over packed sequences: softmax(scale · Q·Kᵀ) · V.
//!
//! Source: Vaswani et al., "Attention Is All You Need", 2017, §3.2.

pub(crate) mod backward;
mod tiled;

use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis};

use crate::{
    Epilogue, MatmulPrecision, Real, buffer::written_by, gemm, real::NAIVE, rows::for_each_row,
    softmax_row, split::split, team::for_each, with_precision,
};

// ANCHOR: mask
/// Which keys a query sees within its own sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mask {
    /// All of them: BERT, and cross attention.
    #[default]
    Full,
    /// Query r sees keys 0..=r + (keys − queries): left to right, the last query sees all.
    Causal,
}
// ANCHOR_END: mask

impl Mask {
    /// How many keys, counted from the sequence's first, query `row` of `queries` sees. May be none.
    pub(crate) fn visible(self, row: usize, queries: usize, keys: usize) -> usize {
        match self {
            Mask::Full => keys,
            Mask::Causal => (row + 1 + keys).saturating_sub(queries),
        }
    }
}

/// Called with (head, query row counted in `q`, first key counted in its sequence, probabilities) between the softmax
/// and the product with V. It may change the probabilities: attention dropout does.
pub type OnProbabilities<'a> = &'a (dyn Fn(usize, usize, usize, &mut [Real]) + Sync);

// ANCHOR: args
/// What [`attention`] reads. Rows are tokens of all sequences laid end to end; the heads stand side by side in the columns.
#[derive(Clone, Copy)]
pub struct AttentionArgs<'a> {
    /// Queries [Tq, N·D].
    pub q: ArrayView2<'a, Real>,
    /// Keys [Tk, N·D].
    pub k: ArrayView2<'a, Real>,
    /// Values [Tk, N·D].
    pub v: ArrayView2<'a, Real>,
    /// B + 1 increasing row numbers of `q`: sequence i is rows `q_bounds[i]..q_bounds[i + 1]`.
    pub q_bounds: &'a [usize],
    /// The same for the rows of `k` and `v`. A query sees keys of its own sequence only.
    pub k_bounds: &'a [usize],
    /// N.
    pub heads: usize,
    /// Multiplies the scores; 1/√D in BERT.
    pub scale: Real,
    /// Which keys of its sequence a query sees.
    pub mask: Mask,
    /// Sees every probability exactly once, in pieces of rows, from several threads.
    pub on_probabilities: Option<OnProbabilities<'a>>,
}
// ANCHOR_END: args

/// The formula in plain loops.
pub(crate) mod naive {
    use super::{AttentionArgs, Mask};
    use crate::{Real, naive::softmax_row};
    use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

    // ANCHOR: naive_attention
    // ANCHOR: naive_heads
    /// Attention of every sequence and head into `output` [Tq, N·D], whose old contents do not matter.
    pub fn attention(args: AttentionArgs, mut output: ArrayViewMut2<Real>) {
        let head_size = super::check_shapes(&args, &output);
        for (q_rows, k_rows) in args.q_bounds.windows(2).zip(args.k_bounds.windows(2)) {
            let (q_rows, k_rows) = (q_rows[0]..q_rows[1], k_rows[0]..k_rows[1]);
            for head in 0..args.heads {
                let columns = head * head_size..(head + 1) * head_size;
                let q = args.q.slice(s![q_rows.clone(), columns.clone()]); // [Sq, D]
                let k = args.k.slice(s![k_rows.clone(), columns.clone()]); // [Sk, D]
                let v = args.v.slice(s![k_rows.clone(), columns.clone()]); // [Sk, D]
                let mut probabilities = attention_probabilities(q, k, args.scale, args.mask); // [Sq, Sk]
                for r in 0..q.nrows() {
                    let visible = args.mask.visible(r, q.nrows(), k.nrows());
                    let seen = &mut probabilities.as_slice_mut().expect("fresh")[r * k.nrows()..]
                        [..visible];
                    if let Some(on_probabilities) = args.on_probabilities
                        && visible > 0
                    {
                        on_probabilities(head, q_rows.start + r, 0, seen);
                    }
                    for d in 0..head_size {
                        let mut sum = 0.0;
                        for (key, probability) in seen.iter().enumerate() {
                            sum += probability * v[[key, d]];
                        }
                        output[[q_rows.start + r, columns.start + d]] = sum;
                    }
                }
            }
        }
    }
    // ANCHOR_END: naive_heads

    // ANCHOR: naive_probabilities
    /// The probabilities [Sq, Sk] of one head of one sequence: `q` [Sq, D], `k` [Sk, D]. A key that a query does not see
    /// has probability 0; a query that sees no key has a row of zeros.
    pub fn attention_probabilities(
        q: ArrayView2<Real>,
        k: ArrayView2<Real>,
        scale: Real,
        mask: Mask,
    ) -> Array2<Real> {
        assert!(
            q.ncols() == k.ncols(),
            "attention: the queries are {:?}, the keys {:?}",
            q.dim(),
            k.dim()
        );
        let mut probabilities = Array2::zeros((q.nrows(), k.nrows()));
        for (r, mut row) in probabilities.rows_mut().into_iter().enumerate() {
            let visible = mask.visible(r, q.nrows(), k.nrows());
            let seen = &mut row.as_slice_mut().expect("fresh")[..visible];
            for (key, score) in seen.iter_mut().enumerate() {
                let mut sum = 0.0;
                for d in 0..q.ncols() {
                    sum += q[[r, d]] * k[[key, d]];
                }
                *score = scale * sum;
            }
            softmax_row(seen);
        }
        probabilities
    }
    // ANCHOR_END: naive_probabilities
    // ANCHOR_END: naive_attention
}

/// [`attention`] into a new matrix [Tq, N·D].
pub fn attention_context(args: AttentionArgs) -> Array2<Real> {
    // SAFETY: nothing of the output is read and all of it is written: each query is in one sequence, each column in one head.
    let [context] = unsafe { written_by([args.q.dim()], |[context]| attention(args, context)) };
    context
}

/// Attention of every sequence and head into `output` [Tq, N·D], whose old contents do not matter. A query that sees no
/// key (its sequence has none, or all are masked) gets zeros.
///
/// Threads share out the (sequence, head)s. Each takes blocks of queries against blocks of keys, so that no row of scores is
/// longer than a block of keys (see `attention/tiled.rs`): memory grows with the tokens, not with their square.
///
/// # Panics
/// Where the shapes or the bounds do not fit.
pub fn attention(args: AttentionArgs, output: ArrayViewMut2<Real>) {
    if NAIVE {
        return naive::attention(args, output);
    }
    let head_size = check_shapes(&args, &output);
    let mut work = 0;
    let mut tasks = Vec::new();
    let sequences = split(output, Axis(0), args.q_bounds[1..].iter().copied());
    for (number, rows) in sequences.into_iter().enumerate() {
        let [queries, keys] =
            [args.q_bounds, args.k_bounds].map(|bounds| bounds[number]..bounds[number + 1]);
        work += queries.len() * keys.len() * args.q.ncols();
        let heads = split(rows, Axis(1), (1..=args.heads).map(|head| head * head_size));
        for (head, output) in heads.into_iter().enumerate() {
            tasks.push((queries.clone(), keys.clone(), head, output));
        }
    }
    for_each(work >= PARALLEL_FROM, tasks, |(queries, keys, head, output)| {
        tiled::attend(&args, queries, keys, head, output)
    });
}

/// From this many multiplications on (for the scores), several threads are worth waking.
const PARALLEL_FROM: usize = 1 << 18;

/// The probabilities [Sq, Sk] of one head of one sequence: `q` [Sq, D], `k` [Sk, D]. A key that a query does not see has
/// probability 0; a query that sees no key has a row of zeros. The scores are one [`gemm`](crate::gemm), on all threads.
pub fn attention_probabilities(
    q: ArrayView2<Real>,
    k: ArrayView2<Real>,
    scale: Real,
    mask: Mask,
) -> Array2<Real> {
    if NAIVE {
        return naive::attention_probabilities(q, k, scale, mask);
    }
    assert!(
        q.ncols() == k.ncols(),
        "attention: the queries are {:?}, the keys {:?}",
        q.dim(),
        k.dim()
    );
    let mut probabilities = Array2::zeros((q.nrows(), k.nrows()));
    with_precision(MatmulPrecision::F32, || {
        gemm(scale, q, k.t(), 0.0, probabilities.view_mut(), Epilogue::default());
    });
    for_each_row(probabilities.view_mut(), |r, mut row| {
        let visible = mask.visible(r, q.nrows(), k.nrows());
        let (seen, hidden) = row.as_slice_mut().expect("fresh").split_at_mut(visible);
        softmax_row(seen);
        hidden.fill(0.0);
    });
    probabilities
}

/// Returns D, the size of one head.
fn check_shapes(args: &AttentionArgs, output: &ArrayViewMut2<Real>) -> usize {
    let (q, k, v) = (args.q.dim(), args.k.dim(), args.v.dim());
    assert!(k == v, "attention: the keys are {k:?}, the values {v:?}");
    assert!(
        q.1 == k.1,
        "attention: the queries {q:?} have {} columns, the keys {k:?} have {}",
        q.1,
        k.1
    );
    assert!(output.dim() == q, "attention: the queries are {q:?}, the output {:?}", output.dim());
    assert!(
        args.heads > 0 && q.1 % args.heads == 0,
        "attention: {} columns do not divide into {} heads",
        q.1,
        args.heads
    );
    check_bounds("queries", args.q_bounds, q.0);
    check_bounds("keys", args.k_bounds, k.0);
    let (q_bounds, k_bounds) = (args.q_bounds.len(), args.k_bounds.len());
    assert!(
        q_bounds == k_bounds,
        "attention: {q_bounds} bounds for the queries, {k_bounds} for the keys"
    );
    q.1 / args.heads
}

fn check_bounds(name: &str, bounds: &[usize], rows: usize) {
    assert!(
        bounds.first() == Some(&0) && bounds.last() == Some(&rows) && bounds.is_sorted(),
        "attention: the bounds of the {name} must rise from 0 to their {rows} rows, found {bounds:?}"
    );
}
