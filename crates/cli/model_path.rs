//! A model's directory, or its name on the Hub.

use crate::common::say;
use crate::progress::Download;
use anyhow::{Context as _, Result};
use bert_hub::{Hub, Name};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Which model: a directory, tiny-world, or a name on the Hub.
#[derive(Debug, Clone)]
pub struct ModelPath(PathBuf);

impl From<OsString> for ModelPath {
    fn from(path: OsString) -> Self {
        Self(path.into())
    }
}

impl ModelPath {
    /// As the user said it.
    pub fn given(&self) -> &Path {
        &self.0
    }

    /// The directory: of a name on the Hub, that in the cache, into which the files are fetched first if they are not there.
    pub fn directory(&self) -> Result<PathBuf> {
        let Some(name) = Name::of_path(&self.0) else { return Ok(self.0.clone()) };
        let hub = Hub::from_env()?;
        if let Some(directory) = hub.cached(&name) {
            return Ok(directory);
        }
        say(&format!("{name}: there is no such directory here; looking for it on the Hub"));
        hub.download(&name, &mut Download::default())
            .with_context(|| format!("there is no directory {name} here, nor a model of that name"))
    }
}
