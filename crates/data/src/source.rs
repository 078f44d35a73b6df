//! Where a training run's instances come from, block by block, and where in them it stands.
//!
//! A corpus is larger than the memory, and a run may be killed at any moment and must then go on as
//! if nothing had happened. So instances come in blocks, each of which can be made from its number
//! alone: going on means to make one block again, whatever came before it.

use crate::{Error, Instance};
use serde::{Deserialize, Serialize};

// ANCHOR: source
/// Makes the instances of a run.
pub trait Source: Sync {
    /// How many blocks one pass over the data has; none if it never ends. At least 1.
    fn blocks(&self, epoch: u64) -> Option<u64>;

    /// The instances of one block, in the order in which they are trained on. They depend on the
    /// source's settings (its seed among them), on `epoch` and `block`, and on nothing else: not on
    /// the number of threads, not on what was made before.
    ///
    /// # Errors
    /// The data cannot be read any more, or is no longer what it was.
    fn block(&self, epoch: u64, block: u64) -> Result<Vec<Instance>, Error>;
}

/// A place in the data. All counts begin at 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// How many passes over the data are complete.
    pub epoch: u64,
    /// How many blocks of this pass are complete.
    pub block: u64,
    /// How many instances of this block have been taken.
    pub instance: u64,
}
// ANCHOR_END: source
