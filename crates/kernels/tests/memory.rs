//! The memory that kernels take, in a program of its own, where nobody else allocates meanwhile.

#![cfg(not(feature = "f64"))] // the twins store the scores of a head

use std::sync::Mutex;

use bert_kernels::{
    AttentionArgs, Mask, Real, attention, attention_backward, layer_norm_backward_rows,
};
use ndarray::{Array1, Array2};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

const HEADS: usize = 4;

/// The most bytes that `call` takes at any moment, on a thread that has no memory left from before. On one: how many of several
/// find something to do is a matter of luck.
fn bytes(tokens: usize, call: impl Fn(AttentionArgs) + Sync) -> usize {
    let qkv = Array2::<Real>::ones((tokens, 64 * HEADS));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.broadcast(|_| ());
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    pool.install(|| {
        let args = AttentionArgs {
            q: qkv.view(),
            k: qkv.view(),
            v: qkv.view(),
            q_bounds: &[0, tokens],
            k_bounds: &[0, tokens],
            heads: HEADS,
            scale: 0.125,
            mask: Mask::Full,
            on_probabilities: None,
        };
        call(args);
    });
    ALLOCATOR.peak_usage() - before
}

/// Twice the tokens, at most twice the memory, and a little; `most` bytes for 4,096 tokens.
fn check_that_it_grows_with_the_tokens(most: usize, bytes: impl Fn(usize) -> usize) {
    let _alone = ALONE.lock(); // also after a test that failed
    let [short, middle, long] = [1024, 2048, 4096].map(bytes);
    assert!(middle < short * 22 / 10, "{short} bytes for 1,024 tokens, {middle} for 2,048");
    assert!(long < middle * 22 / 10, "{middle} bytes for 2,048 tokens, {long} for 4,096");
    assert!(long < most, "{long} bytes for 4,096 tokens");
}

#[test]
fn the_memory_of_attention_grows_with_the_tokens_and_not_with_their_square() {
    // One head's scores alone would be 64 MiB.
    check_that_it_grows_with_the_tokens(8 << 20, |tokens| {
        let output = Mutex::new(Array2::zeros((tokens, 64 * HEADS)));
        bytes(tokens, |args| attention(args, output.lock().unwrap().view_mut()))
    });
}

#[test]
fn so_does_that_of_its_backward_pass() {
    // Three matrices of 128 queries and all keys, 2 MiB each, and copies of k, v and their gradients.
    check_that_it_grows_with_the_tokens(16 << 20, |tokens| {
        let gradients = Mutex::new([(); 3].map(|()| Array2::zeros((tokens, 64 * HEADS))));
        let factors = |_: usize, _: usize, _: usize, p: &mut [Real]| p[0] *= 0.5;
        bytes(tokens, |args| {
            let args = AttentionArgs { on_probabilities: Some(&factors), ..args };
            let mut gradients = gradients.lock().unwrap();
            let [d_q, d_k, d_v] = gradients.each_mut().map(|d| d.view_mut());
            attention_backward(args, args.q, d_q, d_k, d_v);
        })
    });
}

/// Threads keep what they have used for the next time. What one of them takes and another keeps would grow for ever.
#[test]
fn what_layer_norm_s_backward_pass_keeps_does_not_grow_with_the_calls() {
    let _alone = ALONE.lock(); // also after a test that failed
    let x = Array2::<Real>::ones((1024, 256));
    let (mut d, mut d_weight, mut d_bias) = (x.clone(), Array1::zeros(256), Array1::zeros(256));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    // All calls come from the same thread of the pool, as those of a training run do.
    let mut kept_after = |calls: usize| {
        pool.install(|| {
            for _ in 0..calls {
                let sums = (d_weight.view_mut(), d_bias.view_mut());
                let d = d.view_mut();
                layer_norm_backward_rows(x.view(), x.row(0), 1e-5, d, sums.0, sums.1);
            }
        });
        ALLOCATOR.current_usage()
    };
    let (few, many) = (kept_after(50), kept_after(500));
    // A thread that has had no piece before may still get its first buffers, of a few KB.
    assert!(many < few + (64 << 10), "{few} bytes after 50 calls, {many} after 550");
}
