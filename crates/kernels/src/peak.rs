//! How fast this processor can multiply and add at all: the ceiling that a matrix product is measured against.

use std::time::{Duration, Instant};

use crate::{
    Real,
    isa::{Simd, Work, run},
};

/// Independent sums, enough that none has to wait for the one before it: two units of four cycles need eight.
const SUMS: usize = 12;

/// Multiplies and adds in registers only, `rounds` times 12 of them on this thread, with the instructions that the kernels use, and
/// returns how many floating-point operations that were. A burst of some milliseconds or more, timed, gives the peak.
pub fn fma_burst(rounds: usize) -> usize {
    run(Burst { rounds })
}

/// Operations per second of all threads of the current rayon pool together, over a burst of `length`. The threads do not wake at
/// the same moment, so each is timed for itself; a short burst may still read low. Not to be called within [`team`](crate::team),
/// whose members would never come.
pub fn fma_peak(length: Duration) -> f64 {
    let rates = rayon::broadcast(|_| {
        let awake = Instant::now();
        while awake.elapsed() < Duration::from_millis(10) {
            fma_burst(10_000); // until all threads run and the clock has settled
        }
        let (start, mut operations) = (Instant::now(), 0);
        while start.elapsed() < length {
            operations += fma_burst(10_000);
        }
        operations as f64 / start.elapsed().as_secs_f64()
    });
    rates.into_iter().sum()
}

struct Burst {
    rounds: usize,
}

impl Work for Burst {
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self) -> usize {
        // SAFETY: `run` was entered for an instruction set that the processor has; `sums` is written within its bounds.
        unsafe {
            // The compiler must not know the numbers, or it would compute the result itself.
            let (factor, summand): (Real, Real) = std::hint::black_box((0.999, 0.001));
            let (factor, summand) = (S::splat(factor), S::splat(summand));
            let mut sums = [S::splat(1.0); SUMS];
            for _ in 0..self.rounds {
                for sum in &mut sums {
                    *sum = sum.mul_add(factor, summand);
                }
            }
            std::hint::black_box(&sums);
        }
        2 * self.rounds * SUMS * S::LANES
    }
}
