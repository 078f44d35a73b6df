//! Google's format: a TensorFlow V2 checkpoint, the form in which BERT was published.
//!
//! A checkpoint `bert_model.ckpt` is several files, none of which has that name:
//!
//! ```text
//! bert_model.ckpt.index                  the names: type, shape, data file, offset, size and checksum of each tensor
//! bert_model.ckpt.data-00000-of-00001    the numbers, row by row, one tensor behind the other; perhaps several such files
//! bert_model.ckpt.meta                   the graph of the computation; not needed
//! ```
//!
//! Source: `tensorflow/core/util/tensor_bundle/tensor_bundle.h`. There is no code in index or data,
//! only names and numbers.
//!
//! # Layout
//!
//! - `table`: the index file is a sorted table in LevelDB's format, keys to values
//! - `bundle`: what its keys and values mean: names, and messages of protocol buffers
//! - here: where the numbers are

mod bundle;
mod table;
#[cfg(test)]
mod tests;

use crate::Error;
use crate::tensor_file::{Bytes, Entry, Index};
use bundle::Stored;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the format is called.
pub(crate) const FORMAT: &str = "TensorFlow checkpoint";

/// The index file of a checkpoint that is asked for by its index or by its name; none if `path` is
/// neither.
pub(crate) fn index_path(path: &Path) -> Option<PathBuf> {
    if path.extension().is_some_and(|extension| extension == "index") {
        return Some(path.to_owned());
    }
    let mut with_extension = path.as_os_str().to_owned();
    with_extension.push(".index");
    let index = PathBuf::from(with_extension);
    (!path.exists() && index.is_file()).then_some(index)
}

/// What is where in a checkpoint. Maps the data files that hold something.
// ANCHOR: index
pub(crate) fn index(path: &Path) -> Result<Index, Error> {
    let corrupt = |path: &Path, problem: String| {
        let path = path.to_owned();
        Error::Corrupt { path, format: FORMAT, problem }
    };
    let (shards, tensors) =
        bundle::read(&Bytes::open(path)?).map_err(|problem| corrupt(path, problem))?;
    let (mut files, mut entries) = (Vec::new(), BTreeMap::new());
    let mut opened = BTreeMap::new();
    for (name, stored) in tensors {
        // The name of a data file is computed from numbers, so it lies beside the index whatever
        // the index says.
        let data = path.with_extension(format!("data-{:05}-of-{shards:05}", stored.shard));
        let file = match opened.get(&stored.shard) {
            Some(&file) => file,
            None => {
                files.push(Bytes::open(&data)?);
                opened.insert(stored.shard, files.len() - 1);
                files.len() - 1
            }
        };
        let entry = entry(&name, stored, file, files[file].len());
        entries.insert(name, entry.map_err(|problem| corrupt(&data, problem))?);
    }
    Ok(Index { files, entries, notes: Vec::new() })
}
// ANCHOR_END: index

fn entry(name: &str, stored: Stored, file: usize, length: usize) -> Result<Entry, String> {
    let Stored { dtype, shape, offset, size, checksum, .. } = stored;
    let end = offset.checked_add(size).filter(|&end| end <= length).ok_or_else(|| {
        format!(
            "it has {length} bytes, and tensor {name} is said to lie at {offset} and to have {size} \
             (if it was downloaded, the download may have been cut off)"
        )
    })?;
    let place = offset..end;
    Ok(Entry { dtype, shape, strides: None, file, place, checksum: Some(checksum) })
}
