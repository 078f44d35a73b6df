//! One head of one sequence, in blocks of queries and keys.
//!
//! Softmax needs the largest score and the sum of a whole row. Over several blocks of keys both are kept as they are so far: when
//! a block brings a larger score, what was summed up before is scaled down by exp(old maximum − new maximum).
//!
//! Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022.

#![allow(clippy::unnecessary_cast)] // under the feature f64 the casts change nothing

use std::ops::Range;

use ndarray::{ArrayView2, ArrayViewMut1, ArrayViewMut2, s};

use super::AttentionArgs;
use crate::{
    Epilogue, PackedB, Real,
    buffer::Scratch,
    exp::exp_f32,
    fold::{LANES, Largest, fold},
    gemm_on_this_thread,
    isa::{Simd, Work, run},
    softmax::exp_minus,
    softmax_row,
};

/// Queries and keys of a block: its scores, 256 KB, stay in the L2 cache.
const QUERIES: usize = 128;
const KEYS: usize = 512;

/// A block of keys, packed once for all blocks of queries.
struct KeyBlock<'a> {
    first: usize,
    len: usize,
    /// Columns of the scores: the keys, and as many more as make whole registers for softmax.
    width: usize,
    /// Kᵀ [D, keys], and zeros up to whole registers.
    k: PackedB,
    /// V [keys, D].
    v: PackedB,
    /// V again, for the keys that only some queries of a block see.
    v_rows: ArrayView2<'a, Real>,
}

/// Attention of head `head` for the queries and keys of one sequence, on this thread: `output` [queries, D].
pub(super) fn attend(
    args: &AttentionArgs,
    queries: Range<usize>,
    keys: Range<usize>,
    head: usize,
    mut output: ArrayViewMut2<Real>,
) {
    let head_size = output.ncols();
    let columns = head * head_size..(head + 1) * head_size;
    let q = args.q.slice(s![queries.clone(), columns.clone()]); // [Sq, D]
    let k = args.k.slice(s![keys.clone(), columns.clone()]); // [Sk, D]
    let v = args.v.slice(s![keys, columns]); // [Sk, D]
    let blocks: Vec<_> = (0..k.nrows())
        .step_by(KEYS)
        .map(|first| {
            let rows = first..k.nrows().min(first + KEYS);
            let v_rows = v.slice(s![rows.clone(), ..]);
            KeyBlock {
                first,
                len: rows.len(),
                width: rows.len().next_multiple_of(LANES),
                k: PackedB::filled_on_this_thread(k.slice(s![rows, ..]).reversed_axes()),
                v: PackedB::new_on_this_thread(v_rows),
                v_rows,
            }
        })
        .collect();
    for start in (0..q.nrows()).step_by(QUERIES) {
        let rows = start..q.nrows().min(start + QUERIES);
        let block = QueryBlock {
            args,
            head,
            first: start,
            first_row: queries.start + start,
            q: q.slice(s![rows.clone(), ..]),
            queries: q.nrows(),
            keys: k.nrows(),
        };
        let output = output.slice_mut(s![rows, ..]);
        match &blocks[..] {
            [] => block.no_keys(output),
            [only] => block.one_block(only, output),
            several if args.on_probabilities.is_some() => block.probabilities(several, output),
            several => block.online(several, output),
        }
    }
    for block in blocks {
        block.k.recycle();
        block.v.recycle();
    }
}

struct QueryBlock<'a, 'b> {
    args: &'a AttentionArgs<'b>,
    head: usize,
    /// The block's first query, counted in its sequence, and in `q`.
    first: usize,
    first_row: usize,
    q: ArrayView2<'a, Real>,
    /// Of the whole sequence.
    queries: usize,
    keys: usize,
}

impl QueryBlock<'_, '_> {
    fn no_keys(&self, mut output: ArrayViewMut2<Real>) {
        output.fill(0.0);
    }

    /// How many keys of a block of keys the block's query `r` sees.
    fn visible(&self, keys: &KeyBlock, r: usize) -> usize {
        let seen = self.args.mask.visible(self.first + r, self.queries, self.keys);
        seen.saturating_sub(keys.first).min(keys.len)
    }

    /// The scores of the block's queries and `keys`, [queries, width]. Behind the last key that a query sees stands −∞ up to whole
    /// registers, so that softmax has no rest to do one by one; what is behind that does not matter.
    fn scores<'s>(&self, keys: &KeyBlock, memory: &'s mut Scratch) -> ArrayViewMut2<'s, Real> {
        let shape = (self.q.nrows(), keys.width);
        let mut scores = ArrayViewMut2::from_shape(shape, memory).expect("as long as the shape");
        let (scale, columns) = (self.args.scale, keys.k.dim().1);
        let c = scores.slice_mut(s![.., ..columns]);
        gemm_on_this_thread(scale, self.q, &keys.k, 0.0, c, Epilogue::default());
        for (r, mut row) in scores.rows_mut().into_iter().enumerate() {
            let visible = self.visible(keys, r);
            let row = row.as_slice_mut().expect("contiguous");
            row[visible..visible.next_multiple_of(LANES)].fill(Real::NEG_INFINITY);
        }
        scores
    }

    fn memory(&self, keys: &KeyBlock) -> Scratch {
        Scratch::new(self.q.nrows() * keys.width)
    }

    /// All keys in one block: softmax is that of the textbook.
    fn one_block(&self, keys: &KeyBlock, mut output: ArrayViewMut2<Real>) {
        let mut memory = self.memory(keys);
        let mut scores = self.scores(keys, &mut memory);
        for (r, mut row) in scores.rows_mut().into_iter().enumerate() {
            let filled = self.visible(keys, r).next_multiple_of(LANES);
            if filled > 0 {
                softmax_row(&mut row.as_slice_mut().expect("contiguous")[..filled]);
                self.show(r, keys, self.seen(&mut row, keys, r));
            }
        }
        self.add_values(0.0, keys, scores.view(), &mut output);
    }

    /// Several blocks of keys, one pass.
    fn online(&self, blocks: &[KeyBlock], mut output: ArrayViewMut2<Real>) {
        let mut rows = vec![Row::default(); self.q.nrows()];
        output.fill(0.0);
        for keys in blocks {
            let mut memory = self.memory(keys);
            let mut scores = self.scores(keys, &mut memory);
            for (r, (mut row, state)) in scores.rows_mut().into_iter().zip(&mut rows).enumerate() {
                let old_scale = state.take_in(self.seen(&mut row, keys, r));
                if old_scale != 1.0 {
                    output.row_mut(r).map_inplace(|y| *y *= old_scale);
                }
            }
            self.add_values(1.0, keys, scores.view(), &mut output);
        }
        for (mut row, (r, state)) in output.rows_mut().into_iter().zip(rows.iter().enumerate()) {
            if self.args.mask.visible(self.first + r, self.queries, self.keys) > 0 {
                row.map_inplace(|y| *y /= state.sum);
            }
        }
    }

    /// Several blocks of keys, where someone wants to see (and may change) the probabilities: the sums first, then all scores once
    /// more.
    fn probabilities(&self, blocks: &[KeyBlock], mut output: ArrayViewMut2<Real>) {
        let mut rows = vec![Row::default(); self.q.nrows()];
        for keys in blocks {
            let mut memory = self.memory(keys);
            let mut scores = self.scores(keys, &mut memory);
            for (r, (mut row, state)) in scores.rows_mut().into_iter().zip(&mut rows).enumerate() {
                state.take_in(self.seen(&mut row, keys, r));
            }
        }
        output.fill(0.0);
        for keys in blocks {
            let mut memory = self.memory(keys);
            let mut scores = self.scores(keys, &mut memory);
            for (r, (mut row, state)) in scores.rows_mut().into_iter().zip(&rows).enumerate() {
                let seen = self.seen(&mut row, keys, r);
                run(Exponentials { x: seen, shift: state.shift() });
                seen.iter_mut().for_each(|p| *p /= state.sum);
                self.show(r, keys, seen);
            }
            self.add_values(1.0, keys, scores.view(), &mut output);
        }
    }

    fn seen<'r>(
        &self,
        row: &'r mut ArrayViewMut1<Real>,
        keys: &KeyBlock,
        r: usize,
    ) -> &'r mut [Real] {
        &mut row.as_slice_mut().expect("contiguous")[..self.visible(keys, r)]
    }

    fn show(&self, r: usize, keys: &KeyBlock, seen: &mut [Real]) {
        if let Some(on_probabilities) = self.args.on_probabilities
            && !seen.is_empty()
        {
            on_probabilities(self.head, self.first_row + r, keys.first, seen);
        }
    }

    /// `output` = `beta` · `output` + P·V over the keys of a block that each query sees.
    fn add_values(
        &self,
        beta: Real,
        keys: &KeyBlock,
        probabilities: ArrayView2<Real>,
        output: &mut ArrayViewMut2<Real>,
    ) {
        let probabilities = probabilities.slice(s![.., ..keys.len]);
        // No query of the block sees more keys than its last; all see as many as its first.
        let all_see = self.visible(keys, 0);
        let nothing = Epilogue::default;
        if all_see == keys.len {
            gemm_on_this_thread(1.0, probabilities, &keys.v, beta, output.view_mut(), nothing());
            return;
        }
        let shared = probabilities.slice(s![.., ..all_see]);
        let v = keys.v_rows.slice(s![..all_see, ..]);
        gemm_on_this_thread(1.0, shared, v, beta, output.view_mut(), nothing());
        // The causal mask's diagonal: keys that only some of the block see. Probabilities of 0 in their place would not do,
        // for 0 times an infinite or NaN value is NaN.
        for (r, mut output_row) in output.rows_mut().into_iter().enumerate() {
            for key in all_see..self.visible(keys, r) {
                output_row.scaled_add(probabilities[[r, key]], &keys.v_rows.row(key));
            }
        }
    }
}

/// What is known of a row of scores after some blocks.
#[derive(Clone, Copy)]
struct Row {
    /// The largest so far.
    max: Real,
    /// Σ exp(score − max) so far.
    sum: Real,
}

impl Default for Row {
    fn default() -> Self {
        Self { max: Real::NEG_INFINITY, sum: 0.0 }
    }
}

impl Row {
    /// Takes the scores of one more block in and turns them into exp(score − maximum). Returns what everything summed up before
    /// must be multiplied by.
    fn take_in(&mut self, scores: &mut [Real]) -> Real {
        run(TakeIn { row: self, scores })
    }

    /// What is subtracted from the scores. While all are −∞, nothing: −∞ − (−∞) would be NaN, though a finite score may follow.
    fn shift(&self) -> Real {
        if self.max == Real::NEG_INFINITY { 0.0 } else { self.max }
    }
}

struct TakeIn<'a> {
    row: &'a mut Row,
    scores: &'a mut [Real],
}

impl Work for TakeIn<'_> {
    type Output = Real;

    #[inline(always)]
    fn run<S: Simd>(self) -> Real {
        let old = self.row.max;
        let larger = fold::<S, _>(self.scores, &Largest);
        if larger > old {
            self.row.max = larger;
        }
        let shift = self.row.shift();
        let sum = exp_minus::<S>(self.scores, shift);
        let old_scale =
            if old == self.row.max { 1.0 } else { exp_f32::<S>((old - shift) as f32) as Real };
        self.row.sum = self.row.sum * old_scale + sum;
        old_scale
    }
}

struct Exponentials<'a> {
    x: &'a mut [Real],
    shift: Real,
}

impl Work for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self) {
        exp_minus::<S>(self.x, self.shift);
    }
}
