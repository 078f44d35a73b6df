//! Layers, each a struct of parameters and nothing else.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`linear`]: `y = x·Wᵀ + b`, the pattern that every other layer repeats
//! - [`embedding`]: a table whose rows are looked up by id
//! - [`layer_norm`]: each row to mean 0 and variance 1, then a scale and a shift
//! - [`add_norm`]: the end of every block: residual and LayerNorm
//! - [`activation`]: GELU and its relatives, element by element
//! - [`dropout`]: random zeros in training, nothing at all in evaluation
//! - [`softmax`]: scores to probabilities
//! - [`dot_product_attention`]: scores, softmax, mixing, over packed sequences
//! - [`attention`]: the attention block: projections, scores, mixing, residual, LayerNorm
//! - [`feed_forward`]: the feed-forward block: widen, bend, narrow, residual, LayerNorm
//! - [`loss`]: a sum and a count, divided once per step
//! - [`cross_entropy`], [`choice`]: one class of several; one row of several
//! - [`binary_cross_entropy`], [`mean_squared_error`]: several labels at once; numbers
//! - [`tensors`](mod@tensors): one trait for all that walks over parameters (loading, saving, the optimizer)
//! - [`gradient_check`]: whether a backward pass is right, by finite differences
//! - [`view`]: rows and columns of a matrix, without copying
//! - [`random`]: random numbers by name instead of by order
//! - [`init`]: how a fresh layer gets its first weights
//!
//! Shapes: `T` tokens of the whole batch, `H` hidden size, `N` heads, `D = H / N`, `F` feed-forward
//! size, `V` vocabulary. A linear weight is `[out, in]`, as in the official files.
#![forbid(unsafe_code)]

pub mod activation;
pub mod add_norm;
pub mod attention;
pub mod binary_cross_entropy;
pub mod choice;
pub mod cross_entropy;
pub mod dot_product_attention;
pub mod dropout;
pub mod embedding;
pub mod feed_forward;
pub mod gradient_check;
pub mod init;
pub mod layer_norm;
pub mod linear;
pub mod loss;
pub mod mean_squared_error;
pub mod random;
pub mod softmax;
pub mod tensors;
pub mod view;

pub use add_norm::AddNorm;
pub use attention::{Attention, AttentionCache, AttentionSettings};
pub use bert_kernels::{Activation, Mask, Real};
pub use dropout::Dropout;
pub use embedding::Embedding;
pub use feed_forward::{FeedForward, FeedForwardCache, FeedForwardSettings};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use loss::{Accuracy, Loss};
pub use tensors::{TensorMut, TensorRef, Tensors};
