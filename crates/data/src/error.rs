use std::io;
use std::path::{Path, PathBuf};

/// What can be wrong with the data that a training is given. Each names the file, and the line where
/// there is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A setting with which no instance can be made.
    #[error("{name}: expected {expected}, found {found}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// What it may be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// There is nothing to make instances from.
    #[error("there is no document to make instances from")]
    NoDocument,
    /// Next-sentence prediction needs a second document to take random texts from.
    #[error(
        "pairs for next-sentence prediction need at least two documents, found 1: put a blank line \
         between documents, or make full sentences without next-sentence prediction (--full-sentences)"
    )]
    OneDocument,
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
