//! Inputs for both sides, and the comparison without which no figure is shown.

use anyhow::{Result, ensure};
use bert_kernels::Real;
use ndarray::{Array2, ArrayView2};

/// Numbers between −1 and 1 that look random; each seed has its own.
pub fn numbers(rows: usize, columns: usize, seed: u32) -> Array2<Real> {
    let mut state = seed.wrapping_mul(0x9e37_79b9);
    Array2::from_shape_simple_fn((rows, columns), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223); // Numerical Recipes' generator
        (state >> 8) as Real / (1 << 23) as Real - 1.0
    })
}

/// # Errors
/// Two numbers further apart than `limit`, with their place.
pub fn compare(
    what: &str,
    ours: ArrayView2<Real>,
    theirs: ArrayView2<Real>,
    limit: f64,
) -> Result<()> {
    ensure!(
        ours.dim() == theirs.dim(),
        "{what}: ours is {:?}, theirs {:?}",
        ours.dim(),
        theirs.dim()
    );
    for ((place, ours), theirs) in ours.indexed_iter().zip(theirs) {
        let difference = f64::from((ours - theirs).abs());
        // Written so that NaN does not pass.
        ensure!(
            difference <= limit,
            "{what} at {place:?}: ours {ours}, theirs {theirs}, limit {limit:e}"
        );
    }
    Ok(())
}
