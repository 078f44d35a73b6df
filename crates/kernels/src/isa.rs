//! Which instructions the processor has, and one body of code for all of them.
//!
//! The program is compiled for the oldest 64-bit processor; wider registers are used only inside functions that say so
//! (`#[target_feature]`) and that are called only where [`isa`] has found them. A kernel is written once, as a [`Work`] over any
//! [`Simd`], and compiled once for each instruction set.

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
pub(crate) mod amx;
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
mod avx2;
#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
mod avx512;
mod portable;

#[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
pub(crate) use amx::Tiles;

use std::{fmt, sync::OnceLock};

use ndarray::NdFloat;

use crate::{
    Real,
    gemm::{Layout, MicroKernel},
};

/// An instruction set that the kernels can use. Each has all that the ones before it have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// What every processor has; 4 numbers at a time, multiplication and addition apart.
    Portable,
    /// AVX2 and FMA: 8 numbers at a time, a·b + c in one step.
    Avx2,
    /// AVX-512 F, VL, BW and DQ: 16 numbers at a time and twice the registers.
    Avx512,
    /// AMX besides: whole tiles of 8-bit numbers are multiplied at once.
    Amx,
}

impl Isa {
    /// From the slowest to the fastest.
    pub const ALL: [Self; 4] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx];

    /// The name that the environment variable `BERT_ISA` takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
        }
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
            }
            #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
            Self::Amx => {
                Self::Avx512.is_available()
                    && is_x86_feature_detected!("avx512vnni")
                    && amx::is_available()
            }
            #[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
            _ => false,
        }
    }

    fn best() -> Self {
        let available = Self::ALL.into_iter().rev().find(|isa| isa.is_available());
        available.expect("the portable one always is")
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

// ANCHOR: detect
/// What the environment variable `BERT_ISA` asks for, or else the fastest that this processor has.
///
/// # Errors
/// One sentence, where the variable names nothing that we know or something that the processor lacks.
pub fn detect() -> Result<Isa, String> {
    let Some(asked) = std::env::var_os("BERT_ISA").filter(|asked| !asked.is_empty()) else {
        return Ok(Isa::best());
    };
    let known = Isa::ALL.into_iter().find(|isa| asked == isa.name());
    known.filter(|isa| isa.is_available()).ok_or_else(|| {
        let available: Vec<_> =
            Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Isa::name).collect();
        format!("BERT_ISA is {asked:?}; this processor has {}", available.join(", "))
    })
}

/// The instruction set of every kernel, found once. A `BERT_ISA` that [`detect`] refuses is passed over; the programs ask
/// [`detect`] first and stop.
pub fn isa() -> Isa {
    static ISA: OnceLock<Isa> = OnceLock::new();
    *ISA.get_or_init(|| detect().unwrap_or(Isa::best()))
}
// ANCHOR_END: detect

/// Elsewhere there are no tiles.
#[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
pub(crate) enum Tiles {}

#[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
impl Tiles {
    /// # Safety
    /// Nobody calls it: [`Isa::Amx`] is not available.
    pub(crate) unsafe fn ready() -> Self {
        unreachable!("this processor has no tiles")
    }
}

/// Whether one instruction multiplies pairs of bfloat16: an addition to AVX-512 (BF16), which its first processors lack. (`BERT_ISA` cannot
/// ask for AVX-512 without it.)
pub(crate) fn has_pairs() -> bool {
    #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
    return isa() >= Isa::Avx512 && is_x86_feature_detected!("avx512bf16");
    #[cfg(not(all(target_arch = "x86_64", not(feature = "f64"))))]
    false
}

// ANCHOR: simd
/// One register or two, full of numbers. The methods of this and the next trait are unsafe because the processor must have the
/// instruction set: they are called only below [`run`], in code that was compiled for it.
pub(crate) trait Register: Copy {
    /// What it is full of.
    type Number: Copy;

    /// The same number in every lane.
    unsafe fn splat(x: Self::Number) -> Self;
    /// Writes all lanes to `to`.
    unsafe fn store(self, to: *mut Self::Number);
}

/// A register of an instruction set.
pub(crate) trait Simd: Register<Number = Real> {
    /// `LANES` numbers in double precision.
    type Wide: Wide;
    /// How many numbers a register holds.
    const LANES: usize;
    /// Whether a·b + c is one instruction with one rounding. Asked for where it is none, it is a slow function call.
    const FMA: bool;
    /// Rows of the micro-tile of the matrix product.
    const MR: usize;
    /// Registers in a row of the micro-tile. `MR` · `NV` sums stay in registers and leave room for the operands.
    const NV: usize;
    /// Columns of the micro-tile.
    const NR: usize = Self::NV * Self::LANES;

    /// The `LANES` numbers at `from`.
    unsafe fn load(from: *const Real) -> Self;
    /// Asks for the cache line at `at`, any address, to be fetched into the L1 cache.
    unsafe fn prefetch(at: *const Real);
    /// The same into the L2 cache.
    unsafe fn prefetch_far(at: *const Real);
    /// self · b + c.
    unsafe fn mul_add(self, b: Self, c: Self) -> Self;
    /// self · b.
    unsafe fn mul(self, b: Self) -> Self;
    /// self + b.
    unsafe fn add(self, b: Self) -> Self;
    /// The larger of each two; `self` where one of them is NaN.
    unsafe fn max(self, b: Self) -> Self;
    /// The same numbers in double precision.
    unsafe fn widen(self) -> Self::Wide;
    /// `to[k · to_stride + r]` = `from[r · from_stride + k]` for `r` below `size.0` and `k` below `size.1`, both 1 to `LANES`.
    unsafe fn transpose(
        from: *const Real,
        from_stride: isize,
        size: (usize, usize),
        to: *mut Real,
        to_stride: usize,
    );
    /// The micro-kernel for this many rows (1 to `MR`) and registers (1 to `NV`), or for tiles, of panels that are laid out so.
    fn micro_kernel(rows: usize, registers: usize, layout: Layout) -> MicroKernel;
}
// ANCHOR_END: simd

/// As many numbers as a register holds, in double precision: two registers.
pub(crate) trait Wide: Register<Number = f64> {
    unsafe fn add(self, b: Self) -> Self;
    unsafe fn sub(self, b: Self) -> Self;
    unsafe fn mul(self, b: Self) -> Self;
}

/// a · b + c: with one rounding where the processor does it in one step, with two where it does not.
#[inline(always)]
pub(crate) fn mul_add<S: Simd, T: NdFloat>(a: T, b: T, c: T) -> T {
    if S::FMA { a.mul_add(b, c) } else { a * b + c }
}

/// One number through a function of `f32` that is generic over the instruction set, with the bits that a slice would get.
macro_rules! run_on_number {
    ($x:expr, $function:ident) => {{
        struct Number(f32);
        impl crate::isa::Work for Number {
            type Output = f32;

            #[inline(always)]
            fn run<S: Simd>(self) -> f32 {
                $function::<S>(self.0)
            }
        }
        crate::isa::run(Number($x as f32)) as Real
    }};
}
pub(crate) use run_on_number;

/// Something to compute, written once for every instruction set. `run` must be `#[inline(always)]`, and so must what it calls
/// in its loops: only what is inlined is compiled with the wide registers.
pub(crate) trait Work {
    type Output;
    fn run<S: Simd>(self) -> Self::Output;
}

// ANCHOR: run
/// Does `work` with the instructions that [`isa`] found.
#[inline]
pub(crate) fn run<W: Work>(work: W) -> W::Output {
    match isa() {
        // SAFETY: `isa` returns an instruction set only where the processor has it.
        #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
        Isa::Amx | Isa::Avx512 => unsafe { avx512::run(work) },
        // SAFETY: as above.
        #[cfg(all(target_arch = "x86_64", not(feature = "f64")))]
        Isa::Avx2 => unsafe { avx2::run(work) },
        _ => work.run::<portable::Lanes>(),
    }
}
// ANCHOR_END: run
