//! Whether a run begins anew or goes on.

use crate::Error;
use crate::checkpoints::{Checkpoints, Damaged, Found, differences};
use serde_json::{Map, Value};
use std::path::Path;

/// What an output directory holds for a run that is about to begin.
#[derive(Debug)]
pub struct Beginning {
    /// The checkpoint to go on from; none to begin at step 0.
    pub found: Option<Found>,
    /// Checkpoints that cannot be used. A user should hear of them.
    pub damaged: Vec<Damaged>,
}

// ANCHOR: begin
/// Looks into `output`. A new run (`resume` is false) wants no run and no model there: neither is ever
/// overwritten. A run that goes on wants its own settings; without any whole checkpoint it begins at
/// step 0.
///
/// # Errors
/// The directory holds another run, or cannot be read.
pub fn begin(
    output: &Path,
    checkpoints: &Checkpoints,
    settings: &Map<String, Value>,
    resume: bool,
) -> Result<Beginning, Error> {
    let (found, damaged) = checkpoints.newest()?;
    let path = || output.to_owned();
    if !resume {
        let holds = match (&found, damaged.as_slice()) {
            (Some(found), _) => Some(format!("a run at step {}", found.state.step)),
            (None, [first, ..]) => Some(format!("a damaged checkpoint ({})", first.path.display())),
            (None, []) if output.join("model.safetensors").exists() => Some("a model".to_owned()),
            (None, []) => None,
        };
        if let Some(holds) = holds {
            return Err(Error::OutputInUse { path: path(), holds });
        }
    }
    if let Some(found) = &found {
        let differences = differences(&found.state.settings, settings);
        if !differences.is_empty() {
            return Err(Error::OtherSettings { path: path(), differences });
        }
    }
    Ok(Beginning { found, damaged })
}
// ANCHOR_END: begin
