use crate::scheme::Scheme;
use crate::squad::Place;
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
    /// A pattern that cannot be understood.
    #[error("{pattern}: this is no pattern for file names")]
    Pattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it, and where.
        source: glob::PatternError,
    },
    /// A pattern that no file answers to.
    #[error("{pattern}: no file has such a name")]
    NoMatch {
        /// As it was given.
        pattern: String,
    },
    /// A directory in the place of a file.
    #[error(
        "{}: this is a directory; name the files in it, as in '{}'",
        path.display(),
        path.join("*.txt").display()
    )]
    IsDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A pipe or a device in the place of a file.
    #[error(
        "{}: this is no regular file; a corpus is read more than once, so write it to a file first",
        path.display()
    )]
    NotAFile {
        /// The pipe or device.
        path: PathBuf,
    },
    /// A line that is not UTF-8.
    #[error("{}: line {line} is not valid UTF-8 text", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
    },
    /// Files without any text.
    #[error("{files}: there is no text here, only blank lines or nothing")]
    EmptyCorpus {
        /// Names of some of the files.
        files: String,
    },
    /// A file that someone has written to since it was opened.
    #[error("{}: the file has changed while it was in use; begin again with the new one", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
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
    /// A line that is not as its format wants it.
    #[error("{}: line {line}: expected {expected}, found {found}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What may stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// A tag that cannot stand where it does.
    #[error(
        "{}: line {line}: {tag} {place} breaks the tagging scheme {scheme}; right would be {right}",
        path.display()
    )]
    Tag {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// The tag.
        tag: String,
        /// What stands before it, or that its sentence begins or ends there.
        place: String,
        /// How the file's tags are to be read.
        scheme: Scheme,
        /// What could stand there.
        right: String,
    },
    /// A text that is not JSON, or JSON in which something is missing or of another kind.
    #[error("{}: line {line}, column {column}: {}{problem}", path.display(), at(place))]
    Json {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// Counted from 1, in bytes.
        column: usize,
        /// The way to it from the outermost object, as in `data[3].paragraphs[0]`. Empty where the
        /// text is not JSON.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// Something in a file of questions that is not as it should be.
    #[error("{}: {place}: expected {expected}, found {found}", path.display())]
    Question {
        /// The file.
        path: PathBuf,
        /// The question's place in it.
        place: Place,
        /// What may stand there.
        expected: String,
        /// What does.
        found: String,
    },
    /// Two questions under one name.
    #[error("{}: the id {id} is given twice: at {first} and at {second}", path.display())]
    DuplicateId {
        /// The file.
        path: PathBuf,
        /// The name.
        id: String,
        /// Where it was given first.
        first: Place,
        /// Where it was given again.
        second: Place,
    },
    /// A file without anything to train on or to answer.
    #[error("{}: there is no {what} in it", path.display())]
    Nothing {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!("at {place}: ") }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
