use crate::Name;
use std::path::PathBuf;

/// What can go wrong between a name and a directory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no place for a cache.
    #[error(
        "there is no home directory to keep models from the Hub in: say where with HF_HOME or HF_HUB_CACHE"
    )]
    NoHome,
    /// The model is not in the cache, and the network must not be asked.
    #[error(
        "{name} is not in {}, and HF_HUB_OFFLINE forbids to look on the Hub. {by_hand}",
        cache.display()
    )]
    Offline {
        /// The model.
        name: Name,
        /// Where it was looked for.
        cache: PathBuf,
        /// What to do.
        by_hand: String,
    },
    /// The Hub cannot be reached.
    #[error("{name}: the Hub cannot be reached ({problem}). {by_hand}")]
    NoNetwork {
        /// The model.
        name: Name,
        /// What the network says.
        problem: String,
        /// What to do.
        by_hand: String,
    },
    /// There is no such model, or it is private.
    #[error(
        "{name}: the Hub has no such model or revision, or it is private (a token in HF_TOKEN, or from `hf auth login`, opens private \
         ones)"
    )]
    NotFound {
        /// The model.
        name: Name,
    },
    /// The repository holds no model that is read here.
    #[error("{name}: the repository on the Hub lacks {missing}; it holds {there}")]
    NoModel {
        /// The model.
        name: Name,
        /// What is missing.
        missing: &'static str,
        /// What there is.
        there: String,
    },
    /// A file did not come.
    #[error("{name}: {file}: {problem}")]
    Download {
        /// The model.
        name: Name,
        /// The file.
        file: String,
        /// What went wrong.
        problem: String,
    },
}
