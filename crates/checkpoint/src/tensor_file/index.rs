//! What is where in the files of a model, whatever their format.

use super::Dtype;
use crate::Error;
use bert_kernels::MappedFile;
use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

// ANCHOR: index
/// What a format's reader finds out.
pub(crate) struct Index {
    /// The files that hold the numbers.
    pub files: Vec<Bytes>,
    /// The tensors by name.
    pub entries: BTreeMap<String, Entry>,
    /// What was passed over, one sentence each.
    pub notes: Vec<String>,
}

/// A tensor, and where its numbers are.
pub(crate) struct Entry {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// How many numbers lie from one to the next along each dimension; none: row by row, without
    /// gaps.
    pub strides: Option<Vec<usize>>,
    /// Which of the files.
    pub file: usize,
    /// Its bytes there, from its first number on. With strides, there may be more of them than it
    /// needs.
    pub place: Range<usize>,
    /// crc32c of these bytes, where the format has one.
    pub checksum: Option<u32>,
}
// ANCHOR_END: index

/// The bytes of a file.
pub(crate) enum Bytes {
    /// From here.
    Mapped(PathBuf, MappedFile),
    /// Part of the program.
    Static(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(_, file) => file,
            Self::Static(bytes) => bytes,
        }
    }
}

impl Bytes {
    /// Maps a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let file = MappedFile::open(path).map_err(Error::io(path))?;
        Ok(Self::Mapped(path.to_owned(), file))
    }

    /// The file's name; none if it is part of the program.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Mapped(path, _) => Some(path),
            Self::Static(_) => None,
        }
    }
}

impl Index {
    /// Checks that every tensor lies where its file has bytes, whatever the reader was told. `Err`
    /// says what is wrong.
    // ANCHOR: check
    pub fn check(&self) -> Result<(), String> {
        for (name, entry) in &self.entries {
            let bytes = self.files.get(entry.file).and_then(|file| file.get(entry.place.clone()));
            let Some(bytes) = bytes else {
                return Err(format!("tensor {name} lies outside of its file"));
            };
            // A size of 0 makes any other size fit the file; what is made of the numbers would overflow.
            let sizes = entry.shape.iter().filter(|&&size| size > 0);
            let largest = sizes.copied().try_fold(1_usize, usize::checked_mul);
            if largest.is_none_or(|numbers| numbers > isize::MAX as usize / size_of::<f64>()) {
                return Err(format!("tensor {name} has the impossible shape {:?}", entry.shape));
            }
            let Some(width) = entry.dtype.width() else { continue };
            let numbers = entry.numbers();
            let fits = match &entry.strides {
                None => numbers * width == bytes.len(),
                // As many bytes as numbers at least: a stride of 0 could make any number of numbers
                // of one.
                Some(_) => {
                    numbers * width <= bytes.len()
                        && entry.reach().is_some_and(|reach| reach <= bytes.len() / width)
                }
            };
            if !fits {
                let (shape, length) = (&entry.shape, bytes.len());
                return Err(format!(
                    "tensor {name} of shape {shape:?} does not fit its {length} bytes"
                ));
            }
        }
        Ok(())
    }
    // ANCHOR_END: check
}

impl Entry {
    /// How many numbers it has.
    pub fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// A matrix the other way round: strides exchanged, nothing moved.
    // ANCHOR: transposed
    pub fn transposed(&self) -> Self {
        let mut shape = self.shape.clone();
        let row_by_row = || vec![shape.get(1).copied().unwrap_or(1), 1];
        let mut strides = self.strides.clone().unwrap_or_else(row_by_row);
        shape.reverse();
        strides.reverse();
        let (dtype, place) = (self.dtype.clone(), self.place.clone());
        let (file, checksum) = (self.file, self.checksum);
        Self { dtype, shape, strides: Some(strides), file, place, checksum }
    }
    // ANCHOR_END: transposed

    /// How many numbers lie from its first to its last, both included; none if that is beyond
    /// counting, or if there are not as many strides as sizes.
    fn reach(&self) -> Option<usize> {
        let strides = self.strides.as_deref()?;
        if self.numbers() == 0 {
            return Some(0);
        }
        if strides.len() != self.shape.len() {
            return None;
        }
        let steps = self.shape.iter().zip(strides);
        steps
            .map(|(size, stride)| (size - 1).checked_mul(*stride))
            .try_fold(1_usize, |reach, step| reach.checked_add(step?))
    }
}
