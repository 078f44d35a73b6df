//! The memory of attention, in a program of its own, where nobody else allocates meanwhile.

use bert_kernels::{AttentionArgs, Mask, Real, attention};
use ndarray::Array2;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const HEADS: usize = 4;

/// The most bytes that one call takes at any moment, on threads that have no memory left from before.
fn bytes(tokens: usize) -> usize {
    let qkv = Array2::<Real>::ones((tokens, 64 * HEADS));
    let mut output = Array2::zeros(qkv.dim());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
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
        attention(args, output.view_mut());
    });
    ALLOCATOR.peak_usage() - before
}

#[test]
#[cfg(not(feature = "f64"))] // the twin stores the scores of a head
fn the_memory_of_attention_grows_with_the_tokens_and_not_with_their_square() {
    let [short, middle, long] = [1024, 2048, 4096].map(bytes);
    // Twice the tokens, at most twice the memory, and a little for the threads' luck.
    assert!(middle < short * 22 / 10, "{short} bytes for 1,024 tokens, {middle} for 2,048");
    assert!(long < middle * 22 / 10, "{middle} bytes for 2,048 tokens, {long} for 4,096");
    // One head's scores alone would be 64 MiB.
    assert!(long < 8 << 20, "{long} bytes for 4,096 tokens");
}
