//! Whether a run begins anew or goes on.

use crate::checkpoints::{Checkpoints, Damaged, Found, Lock, differences};
use crate::metrics::METRICS;
use crate::{Error, Training};
use bert_model::{Freeze, Model};
use bert_optim::AdamWSettings;
use serde_json::{Map, Value};
use std::path::Path;

/// What an output directory holds for a run that is about to begin.
#[derive(Debug)]
pub struct Beginning {
    /// The checkpoint to go on from; none to begin at step 0.
    pub found: Option<Found>,
    /// Checkpoints that cannot be used, under their new names. A user should hear of them.
    pub damaged: Vec<Damaged>,
    /// To be held as long as the run goes on.
    pub lock: Lock,
}

// ANCHOR: begin
/// Looks into `output`, and makes it if it is not there. What is there is never overwritten: a new run (`resume` is false) wants no
/// run there; and a run that begins at step 0, in either case, none of the `files` that it is going to write. A run that goes on
/// wants its own settings; without any whole checkpoint it begins at step 0.
///
/// # Errors
/// The directory holds another run or other files, cannot be read or written to, or another process is at work there.
pub fn begin(
    output: &Path,
    files: &[&str],
    checkpoints: &Checkpoints,
    settings: &Map<String, Value>,
    resume: bool,
) -> Result<Beginning, Error> {
    let (found, mut damaged) = checkpoints.newest()?;
    let path = || output.to_owned();
    let file = files.iter().find(|file| output.join(file).exists());
    if let (None, Some(file)) = (&found, file) {
        return Err(Error::WouldOverwrite { path: path(), file: (*file).to_owned() });
    }
    let holds = match (&found, damaged.as_slice()) {
        (Some(found), _) => Some(format!("a run at step {}", found.state.step)),
        (None, [first, ..]) => Some(format!("a damaged checkpoint ({})", first.path.display())),
        (None, []) if output.join(METRICS).exists() => {
            Some("a run that has not saved anything yet".to_owned())
        }
        (None, []) => None,
    };
    if let (Some(holds), false) = (holds, resume) {
        return Err(Error::OutputInUse { path: path(), holds });
    }
    if let Some(found) = &found {
        let differences = differences(&found.state.settings, settings);
        if !differences.is_empty() {
            return Err(Error::OtherSettings { path: path(), differences });
        }
    }
    let lock = checkpoints.lock()?;
    for damaged in &mut damaged {
        damaged.path = checkpoints.set_aside(&damaged.path)?;
    }
    Ok(Beginning { found, damaged, lock })
}
// ANCHOR_END: begin

impl Beginning {
    /// The training to go on with, or one that begins with `model`.
    ///
    /// # Errors
    /// The checkpoint's files do not fit each other.
    pub fn training(
        &self,
        model: Model,
        settings: AdamWSettings,
        freeze: Freeze,
    ) -> Result<Training, Error> {
        match &self.found {
            Some(found) => found.training(model.head.kind(), settings, freeze),
            None => Ok(Training::new(model, settings, freeze)),
        }
    }
}
