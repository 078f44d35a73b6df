//! The innermost loop of the matrix product.

use crate::Real;

/// Rows and columns of C that the micro-kernel computes at once. 4 × 8 sums are eight SSE registers of f32, which leaves
/// the other eight for the operands.
pub(super) const MR: usize = 4;
pub(super) const NR: usize = 8;

// ANCHOR: micro_kernel
/// `sums[i][j]` = Σₖ `a[k][i] · b[k][j]` over two packed panels. All sums stay in registers, and each number that is read
/// is used `MR` or `NR` times. The compiler makes vector instructions of the inner loops, since their lengths are constants.
#[inline]
pub(super) fn micro_kernel(a: &[Real], b: &[Real]) -> [[Real; NR]; MR] {
    let mut sums = [[0.0; NR]; MR];
    let (a, b) = (a.as_chunks::<MR>().0, b.as_chunks::<NR>().0);
    for (a, b) in a.iter().zip(b) {
        for i in 0..MR {
            for j in 0..NR {
                // Not `mul_add`: without the FMA instruction that is a slow function call.
                sums[i][j] += a[i] * b[j];
            }
        }
    }
    sums
}
// ANCHOR_END: micro_kernel
