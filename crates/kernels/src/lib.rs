//! Numeric functions over slices and views. Each has a naive twin in [`naive`].
//!
//! The naive form is the textbook: plain loops, what the book quotes, and the judge of the other. The form
//! that runs uses the widest registers of the processor and all cores. It gives the same bits for any number
//! of threads: a sum is never divided between threads, and its order depends on nothing but the shapes.
//!
//! # Layout
//! - `real`: the number type
//! - `exp`: exp and tanh
//! - `erf`: the error function
//! - `activation`: GELU and the other `hidden_act`s
//! - `softmax`: softmax over rows
//! - `layer_norm`: LayerNorm over rows
//! - `rows`, `fold`: what the kernels over rows share: rows on all threads, sums in a fixed order; sums of columns
//! - `precision`: bfloat16, and who says that products are to be of it
//! - `gemm`: the matrix product and what may follow it (bias, activation)
//! - `gemm/blocked`: its five loops; `gemm/micro_kernel`: the innermost, `gemm/tiles`: the same for AMX; `gemm/pack`, `gemm/pairs`,
//!   `gemm/packed_b`: copies in the order in which that one reads; `gemm/grid`: who computes what
//! - `gemm/steps`: the way there from three loops, a step at a time
//! - `int8`: a linear layer in 8 bits; `int8/kernel`: its sums for each instruction set; `int8/product`: its loops
//! - `cache`: counts what a loop would miss in a cache
//! - `attention`: multi-head attention over packed sequences; `attention/tiled`: block by block;
//!   `attention/backward`: its backward pass
//! - `dropout`: which elements of a row fall
//! - `adam`: the updates of Adam and SGD, one pass over memory each; the sum of squares that clipping needs
//! - `isa`: which instructions the processor has, and one body of code for all of them; `isa/amx`: tiles
//! - `team`: threads that stand ready between one parallel step and the next
//! - `split`, `buffer`: views cut into disjoint pieces; memory that is used again
//! - `peak`: how fast this processor can multiply and add at all
//! - `mapped_file`: files as slices of bytes
//! - `huge_pages`: an allocator that lays what is large on huge pages; `huge_pages/arena`: which of its places are free;
//!   `huge_pages/ranges`: lists of places; `huge_pages/system`: memory from Linux
// With numbers of f64 only the portable forms are compiled, and what serves the others has no reader.
#![cfg_attr(feature = "f64", allow(dead_code, unused_imports))]

mod activation;
mod adam;
mod attention;
mod buffer;
pub mod cache;
mod dropout;
mod erf;
mod exp;
mod fold;
mod gemm;
mod huge_pages;
mod int8;
mod isa;
mod layer_norm;
mod mapped_file;
mod peak;
mod precision;
mod real;
mod rows;
mod softmax;
mod split;
mod team;

pub use activation::{Activation, activate_backward_rows, activate_rows};
pub use adam::{AdamStep, SgdStep, adam_update, sgd_update, sum_of_squares};
pub use attention::backward::{attention_backward, attention_gradients};
pub use attention::{
    AttentionArgs, Mask, OnProbabilities, attention, attention_context, attention_probabilities,
};
pub use buffer::{Aligned, zeros};
pub use dropout::{dropout_row, dropout_rows, mix};
pub use erf::erf;
pub use exp::{exp, tanh};
pub use gemm::{
    Epilogue, PackedB, Right, add_matmul, gemm, gemm_on_this_thread, linear, linear_activation,
    matmul, steps,
};
pub use huge_pages::{HugePages, keep_dropped};
pub use int8::{PackedInt8, Quantised, QuantisedInput, linear_int8, quantise_input, quantise_rows};
pub use isa::{Isa, detect, isa};
pub use layer_norm::{add_layer_norm_rows, layer_norm, layer_norm_backward_rows, layer_norm_rows};
pub use mapped_file::MappedFile;
pub use peak::{fma_burst, fma_peak};
pub use precision::{MatmulPrecision, precision, round_to_bf16, with_precision};
pub use real::Real;
pub use rows::{add_column_sums, for_each_row};
pub use softmax::{
    softmax_and_log_sum, softmax_and_log_sums, softmax_backward_row, softmax_backward_rows,
    softmax_row, softmax_rows,
};
pub use team::team;

/// The textbook twins: the same names and signatures, plain loops.
pub mod naive {
    pub use crate::activation::naive::{
        activate, activate_backward_rows, activate_slice, derivative,
    };
    pub use crate::adam::naive::{adam_update, sgd_update, sum_of_squares};
    pub use crate::attention::backward::naive::attention_backward;
    pub use crate::attention::naive::{attention, attention_probabilities};
    pub use crate::dropout::naive::{dropout_factor, dropout_row};
    pub use crate::erf::naive::erf;
    pub use crate::exp::naive::{exp, tanh};
    pub use crate::gemm::naive::{add_matmul, gemm, linear, matmul};
    pub use crate::int8::naive::{linear_int8, quantise_input};
    pub use crate::layer_norm::naive::{
        add_layer_norm_rows, layer_norm_backward_rows, layer_norm_rows,
    };
    pub use crate::rows::naive::add_column_sums;
    pub use crate::softmax::naive::{
        softmax_and_log_sum, softmax_backward_row, softmax_row, softmax_rows,
    };
}
