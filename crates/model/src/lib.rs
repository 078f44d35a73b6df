//! BERT put together from the layers of `bert-nn`.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`config`]: the sizes and rates of a model, read from Hugging Face's or Google's JSON
//! - [`batch`]: sequences laid end to end, and how a padded batch becomes one
//! - [`freeze`]: what stays as it was before training
//! - [`ablation`]: parts that can be left out, to see what they are good for
//! - [`context`]: what is not a parameter and still reaches every layer
//! - [`embeddings`]: word + position + token type → LayerNorm → dropout
//! - [`encoder_layer`]: attention, then feed-forward
//! - [`encoder`]: the layers, one after the other
//! - [`pooler`]: a summary of each sequence from its first token
//! - [`heads`]: what is put on top: one file for each
//! - [`model`]: body and head as one value, as in a checkpoint
//! - [`embedded_classifier`]: a classifier from the embeddings' output on, for asking what its answer
//!   depends on
//! - [`zero_gradients`]: gradients that are zero by mathematics
//! - [`quantised`]: a model whose encoder's matrices have 8 bits for each number
//! - `balance`: how their inputs and they are balanced
//! - [`packed`]: a model made ready for inference
//! - [`cost`]: what its parts cost at least
//! - [`trace`]: every intermediate tensor of a forward pass, by name
//!
//! Shapes: `B` sequences and `T` tokens in the batch, `S` tokens of one sequence, `H` hidden size,
//! `N` heads, `F` feed-forward size, `V` vocabulary, `L` layers, `C` classes.
#![forbid(unsafe_code)]

pub mod ablation;
mod balance;
pub mod batch;
pub mod config;
pub mod context;
pub mod cost;
pub mod embedded_classifier;
pub mod embeddings;
pub mod encoder;
pub mod encoder_layer;
mod error;
pub mod freeze;
pub mod heads;
pub mod model;
pub mod packed;
pub mod pooler;
pub mod quantised;
pub mod trace;
pub mod zero_gradients;

pub use ablation::{Ablation, Switch};
pub use batch::Batch;
pub use config::sizes::Size;
pub use config::{Config, Flavour, Problem};
pub use context::{Context, Draw, Mode};
pub use embedded_classifier::EmbeddedClassifier;
pub use embeddings::Embeddings;
pub use encoder::{Encoder, Keep};
pub use encoder_layer::EncoderLayer;
pub use error::Error;
pub use freeze::Freeze;
pub use heads::{Head, HeadKind, Labels};
pub use model::{Bert, Model, ModelCache, Outputs};
pub use packed::PackedModel;
pub use pooler::Pooler;
pub use quantised::{AnyModel, QuantisedModel};
