//! What all commands that train have in common.

use crate::common::{say, warn};
use anyhow::Result;
use bert_model::{Freeze, Model};
use bert_optim::AdamWSettings;
use bert_train::{Beginning, Training};
use std::path::Path;

/// The training that a run begins or goes on with; says which.
pub fn begun(
    beginning: &Beginning,
    resume: bool,
    output: &Path,
    model: Model,
    settings: AdamWSettings,
    freeze: Freeze,
) -> Result<Training> {
    for damaged in &beginning.damaged {
        warn(&format!("passed over, now named {}: {}", damaged.path.display(), damaged.problem));
    }
    match &beginning.found {
        Some(found) => say(&format!("going on from {}", found.path.display())),
        None if resume => {
            let output = output.display();
            say(&format!("no checkpoint in {output} to go on from: beginning at step 0"));
        }
        None => {}
    }
    Ok(beginning.training(model, settings, freeze)?)
}

/// What a user hears who pressed Ctrl-C.
pub fn stopped(training: &Training, total: u64) -> anyhow::Error {
    anyhow::anyhow!(
        "stopped at step {} of {total} and saved; the same command with --resume goes on",
        training.step
    )
}

/// About two hundred lines, and means over not too many steps.
pub fn metrics_every(total: u64) -> u64 {
    (total / 200).clamp(1, 100)
}
