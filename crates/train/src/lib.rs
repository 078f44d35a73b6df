//! Training.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`step`]: one step of training as three functions: gradients, reduce, apply
//! - [`feed`]: from instances to the batches of a step
//! - [`examples`]: the examples of a task, and the steps that they are shuffled into
//! - [`judge`](mod@judge): how good a model in training is
//! - [`run`](mod@run): the loop around the steps
//! - [`watch`]: what evaluations change in a run: a lower rate, an early end, the best weights
//! - [`checkpoints`]: what a run leaves behind so that it can go on, whatever happens
//! - [`resume`]: whether a run begins anew or goes on
//! - [`metrics`]: what a run says of itself
//! - [`tasks`]: what each task makes of its data, and how it is measured
//! - [`lr_find`]: which learning rate?
//! - [`fine_tune`]: a pre-trained model learns a task: all of it in one call
//! - [`lesson`]: a small model learns tiny world: all of it in one call
//! - [`gradcheck`]: a small model of each head, and whether all its gradients are right
#![forbid(unsafe_code)]

pub mod checkpoints;
mod error;
pub mod examples;
pub mod feed;
pub mod fine_tune;
pub mod gradcheck;
pub mod judge;
pub mod lesson;
pub mod lr_find;
pub mod metrics;
pub mod resume;
pub mod run;
pub mod step;
pub mod tasks;
pub mod watch;

pub use checkpoints::Checkpoints;
pub use error::Error;
pub use examples::{Example, ExampleFeed, Sequence};
pub use feed::{BatchSize, Feed, InstanceFeed};
pub use fine_tune::{FineTune, FineTuned};
pub use judge::{HeldOut, Judge, Judged, evaluate};
pub use lesson::{Learned, Lesson};
pub use resume::{Beginning, begin};
pub use run::{Done, Ending, Evaluations, Event, Output, Plan, Run, Training};
pub use step::{LabelledBatch, apply, gradients, reduce};
pub use watch::{Patience, Watch};
