//! From gradients to better parameters.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`update`]: what every optimizer is told for one step
//! - [`sgd`]: gradient descent with momentum, the one to read first
//! - [`adamw`]: AdamW as PyTorch has it, and Adam as Google trained BERT with it
//! - [`clip`]: the length of the whole gradient, and when to shorten it
//! - [`schedule`]: how the learning rate rises and falls over a training
//!
//! An optimizer is a value beside the model. Its state has the model's own type, so that
//! checkpoints name the moments as they name the parameters. It knows no schedule and no clipping;
//! both come in with each step:
//!
//! ```
//! use bert_nn::{Linear, Tensors};
//! use bert_optim::{AdamW, AdamWSettings, Optimizer, Schedule, Update, clip_factor, global_norm};
//! use ndarray::array;
//!
//! let mut model = Linear::zeros(3, 2);
//! let mut gradients = model.absent_like();
//! let mut optimizer = AdamW::new(&model, AdamWSettings::pytorch());
//! let schedule = Schedule::Linear { warm_up: 10, total: 100 };
//! for step in 0..100 {
//!     gradients.bias = array![1.0, 1.0]; // in place of a backward pass
//!     let rate = schedule.at(step);
//!     let update = Update {
//!         learning_rate: 0.01 * rate.factor,
//!         momentum: rate.momentum,
//!         gradient_scale: clip_factor(global_norm(&gradients), 1.0),
//!     };
//!     optimizer.step(&mut model, &mut gradients, &update); // takes the gradients away again
//! }
//! assert!(model.bias.iter().all(|&x| x < -0.4));
//! ```
#![forbid(unsafe_code)]

pub mod adamw;
pub mod clip;
pub mod schedule;
pub mod sgd;
pub mod update;

pub use adamw::{AdamW, AdamWSettings, decays};
pub use clip::{clip_factor, global_norm, not_finite};
pub use schedule::{Rate, Schedule};
pub use sgd::Sgd;
pub use update::{Optimizer, Update, forget};
