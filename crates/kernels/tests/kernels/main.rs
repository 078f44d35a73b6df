//! The kernels against f64, against committed tables, against their twins, and against themselves on other numbers of threads.
//!
//! Everything is compiled for both number types; under the feature `f64` the tolerances shrink with `Real::EPSILON`.

#![allow(clippy::unnecessary_cast)] // casts between f64 and `Real`: one of the features makes each needless

mod activation;
mod adam;
mod attention;
mod attention_backward;
mod attention_case;
mod bf16;
mod cache;
mod dropout;
mod gemm;
#[cfg(unix)]
mod guard;
mod instruction_sets;
mod int8;
mod layer_norm;
mod layer_norm_backward;
mod mapped_file;
mod rows;
mod softmax;
mod steps;
mod support;
mod threads;
