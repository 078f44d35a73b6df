//! Which files a corpus consists of.

use crate::Error;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files in reading order, each once, and what was left out.
pub(super) struct Found {
    pub(super) paths: Vec<PathBuf>,
    pub(super) notes: Vec<String>,
}

/// Finds the files of all patterns.
pub(super) fn find(patterns: &[impl AsRef<Path>]) -> Result<Found, Error> {
    let mut found = Found { paths: Vec::new(), notes: Vec::new() };
    // Under the names that the system gives them: two spellings may mean one file.
    let mut seen = HashSet::new();
    for pattern in patterns {
        for path in matches(pattern.as_ref(), &mut found.notes)? {
            if seen.insert(fs::canonicalize(&path).map_err(Error::io(&path))?) {
                found.paths.push(path);
            } else {
                found.notes.push(format!("{}: named twice, read once", path.display()));
            }
        }
    }
    Ok(found)
}

/// The files of one pattern. A file that exists may have any name, also one that looks like a
/// pattern.
fn matches(pattern: &Path, notes: &mut Vec<String>) -> Result<Vec<PathBuf>, Error> {
    match (fs::metadata(pattern), pattern.to_str()) {
        (Ok(there), _) if there.is_dir() => Err(Error::IsDirectory { path: pattern.to_owned() }),
        (Ok(there), _) if !there.is_file() => Err(Error::NotAFile { path: pattern.to_owned() }),
        (Ok(_), _) => Ok(vec![pattern.to_owned()]),
        (Err(error), Some(text))
            if error.kind() == io::ErrorKind::NotFound && text.contains(['*', '?', '[']) =>
        {
            expand(text, notes)
        }
        (Err(error), _) => Err(Error::io(pattern)(error)),
    }
}

/// The regular files among those that answer to a pattern, in the order of their names.
fn expand(pattern: &str, notes: &mut Vec<String>) -> Result<Vec<PathBuf>, Error> {
    let entries = glob::glob(pattern)
        .map_err(|source| Error::Pattern { pattern: pattern.to_owned(), source })?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| {
            let path = error.path().to_owned();
            Error::Io { path, source: error.into() }
        })?;
        if path.is_file() {
            paths.push(path);
        } else {
            notes.push(format!("{}: passed over, it is no file", path.display()));
        }
    }
    if paths.is_empty() {
        return Err(Error::NoMatch { pattern: pattern.to_owned() });
    }
    paths.sort();
    Ok(paths)
}
