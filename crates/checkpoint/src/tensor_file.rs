//! A file of tensors in any format, mapped into memory.
//!
//! A format's reader (`safetensors`, `pytorch`, `tensorflow`, `sharded`) only finds out what is where: an `Index`. What holds for all
//! formats is here: that every place lies in its file, that a checksum is right, and how numbers of any width and order become
//! `Real`. Nothing is copied until a tensor's numbers are asked for.

mod copy;
#[cfg(test)]
mod tests;

use crate::crc32c::crc32c;
use crate::{Error, pytorch, safetensors, sharded, tensorflow};
use bert_kernels::MappedFile;
use bert_nn::Real;
use copy::widen;
use half::{bf16, f16};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

/// An open file of tensors.
pub struct TensorFile {
    path: PathBuf,
    format: &'static str,
    index: Index,
}

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

/// How a number is stored; all little-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE 754, 8 bytes.
    F64,
    /// IEEE 754, 4 bytes.
    F32,
    /// IEEE 754, 2 bytes.
    F16,
    /// The upper half of an `F32`.
    BF16,
    /// 8 bytes.
    I64,
    /// 4 bytes.
    I32,
    /// 2 bytes.
    I16,
    /// 1 byte.
    I8,
    /// 1 byte, no sign.
    U8,
    /// 1 byte, 0 or 1.
    Bool,
    /// One that weights do not have, by its format's name. It is listed, and not read.
    Other(String),
}

impl Dtype {
    /// Bytes of a number; none if that is not known.
    pub fn width(&self) -> Option<usize> {
        Some(match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other(_) => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Other(name) => f.write_str(name),
            known => write!(f, "{known:?}"),
        }
    }
}

const REALS: &str = "F32, F64, F16 or BF16";
const INTEGERS: &str = "integers";

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
    fn path(&self) -> Option<&Path> {
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
    fn check(&self) -> Result<(), String> {
        for (name, entry) in &self.entries {
            let bytes = self.files.get(entry.file).and_then(|file| file.get(entry.place.clone()));
            let Some(bytes) = bytes else {
                return Err(format!("tensor {name} lies outside of its file"));
            };
            let Some(width) = entry.dtype.width() else { continue };
            // A size of 0 makes any other size fit the file; what is made of the numbers would overflow.
            let sizes = entry.shape.iter().filter(|&&size| size > 0);
            let largest = sizes.copied().try_fold(1_usize, usize::checked_mul);
            if largest.is_none_or(|numbers| numbers > isize::MAX as usize / size_of::<f64>()) {
                return Err(format!("tensor {name} has the impossible shape {:?}", entry.shape));
            }
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
    fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// A matrix the other way round: strides exchanged, nothing moved.
    // ANCHOR: transposed
    fn transposed(&self) -> Self {
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

impl TensorFile {
    /// Maps the file, reads what is where in it, and checks that. A JSON file is an index of several such files, which are opened as
    /// one. A TensorFlow checkpoint `x.ckpt` is asked for by the name of its index, `x.ckpt.index`, or by `x.ckpt`.
    ///
    /// # Errors
    /// It cannot be read, or is not what it says.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(path) = tensorflow::index_path(path) {
            return Self::new(&path, tensorflow::FORMAT, Ok(tensorflow::index(&path)?));
        }
        if path.extension().is_some_and(|extension| extension == "json") {
            return Self::new(path, sharded::FORMAT, Ok(sharded::index(path)?));
        }
        let bytes = Bytes::open(path)?;
        if pytorch::recognises(&bytes, path) {
            return Self::new(path, pytorch::FORMAT, pytorch::index(bytes));
        }
        Self::new(path, safetensors::FORMAT, safetensors::index(bytes))
    }

    /// The contents of a safetensors file that is part of the program. `path` is for error
    /// messages.
    pub fn of_bytes(bytes: &'static [u8], path: &Path) -> Result<Self, Error> {
        Self::new(path, safetensors::FORMAT, safetensors::index(Bytes::Static(bytes)))
    }

    fn new(path: &Path, format: &'static str, index: Result<Index, String>) -> Result<Self, Error> {
        let path = path.to_owned();
        match index.and_then(|index| index.check().map(|()| index)) {
            Ok(index) => Ok(Self { path, format, index }),
            Err(problem) => Err(Error::Corrupt { path, format, problem }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What its format is called.
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// What was passed over in the file, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.index.notes
    }

    /// What is where.
    pub(crate) fn into_index(self) -> Index {
        self.index
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.index.entries.keys().map(String::as_str)
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.index.entries.get(name).map(|entry| entry.shape.as_slice())
    }

    /// How the numbers of a tensor are stored, if it is there.
    pub fn dtype(&self, name: &str) -> Option<&Dtype> {
        self.index.entries.get(name).map(|entry| &entry.dtype)
    }

    /// Copies a tensor's numbers into `values`, widening f16 and bf16. Its shape must be
    /// `expected`.
    pub fn read_into(
        &self,
        name: &str,
        expected: &[usize],
        values: &mut [Real],
    ) -> Result<(), Error> {
        let entry = self.entry(name, REALS)?;
        if entry.shape != expected {
            return Err(self.wrong_shape(name, entry, expected.to_vec()));
        }
        self.copy(name, entry, values)
    }

    /// Copies a matrix's numbers into `values` column by column: what is [in, out] in the file is
    /// [out, in] there. `expected` is the shape of `values`.
    pub fn read_transposed_into(
        &self,
        name: &str,
        expected: [usize; 2],
        values: &mut [Real],
    ) -> Result<(), Error> {
        let entry = self.entry(name, REALS)?;
        let [rows, columns] = expected;
        if entry.shape != [columns, rows] {
            return Err(self.wrong_shape(name, entry, vec![columns, rows]));
        }
        self.copy(name, &entry.transposed(), values)
    }

    fn copy(&self, name: &str, entry: &Entry, values: &mut [Real]) -> Result<(), Error> {
        let (bytes, shape) = (self.bytes(name, entry)?, &entry.shape);
        let strides = entry.strides.as_deref();
        // ANCHOR: types
        match entry.dtype {
            Dtype::F32 => widen(shape, strides, bytes, values, |b| f32::from_le_bytes(b) as Real),
            Dtype::F64 => widen(shape, strides, bytes, values, |b| f64::from_le_bytes(b) as Real),
            Dtype::F16 => {
                widen(shape, strides, bytes, values, |b| f16::from_le_bytes(b).to_f32() as Real);
            }
            Dtype::BF16 => {
                widen(shape, strides, bytes, values, |b| bf16::from_le_bytes(b).to_f32() as Real);
            }
            _ => return Err(self.wrong_dtype(name, entry, REALS)),
        }
        // ANCHOR_END: types
        self.forget(entry);
        Ok(())
    }

    /// A tensor's shape and numbers.
    pub fn reals(&self, name: &str) -> Result<(Vec<usize>, Vec<Real>), Error> {
        let shape = self.entry(name, REALS)?.shape.clone();
        let mut values = vec![0.0; shape.iter().product()];
        self.read_into(name, &shape, &mut values)?;
        Ok((shape, values))
    }

    /// The shape and numbers of a tensor of integers.
    pub fn integers(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>), Error> {
        let entry = self.entry(name, INTEGERS)?;
        let (bytes, shape) = (self.bytes(name, entry)?, &entry.shape);
        let mut values = vec![0; entry.numbers()];
        let (strides, all) = (entry.strides.as_deref(), &mut values);
        match entry.dtype {
            Dtype::I64 => widen(shape, strides, bytes, all, i64::from_le_bytes),
            Dtype::I32 => widen(shape, strides, bytes, all, |b| i32::from_le_bytes(b).into()),
            Dtype::I16 => widen(shape, strides, bytes, all, |b| i16::from_le_bytes(b).into()),
            Dtype::I8 => widen(shape, strides, bytes, all, |b| i8::from_le_bytes(b).into()),
            Dtype::U8 | Dtype::Bool => {
                widen(shape, strides, bytes, all, |b| u8::from_le_bytes(b).into());
            }
            _ => return Err(self.wrong_dtype(name, entry, INTEGERS)),
        }
        Ok((shape.clone(), values))
    }

    // ANCHOR: bytes
    /// The bytes of a tensor, if they are still those that its checksum was made of.
    fn bytes(&self, name: &str, entry: &Entry) -> Result<&[u8], Error> {
        let file = &self.index.files[entry.file];
        let bytes = &file[entry.place.clone()];
        match (entry.checksum, entry.checksum.map(|_| crc32c(bytes))) {
            (Some(expected), Some(found)) if expected != found => Err(Error::Checksum {
                path: file.path().unwrap_or(&self.path).to_owned(),
                tensor: name.to_owned(),
                found,
                expected,
            }),
            _ => Ok(bytes),
        }
    }
    // ANCHOR_END: bytes

    /// Whether two tensors are the same in every byte; no if they are stored differently, whatever
    /// their numbers. Checksums are not looked at.
    pub(crate) fn are_same(&self, first: &str, second: &str) -> bool {
        let found = [first, second].map(|name| self.index.entries.get(name));
        let [Some(first), Some(second)] = found else { return false };
        let kind =
            |entry: &Entry| (entry.dtype.clone(), entry.shape.clone(), entry.strides.clone());
        let [bytes, others] =
            [first, second].map(|entry| &self.index.files[entry.file][entry.place.clone()]);
        let same = kind(first) == kind(second) && bytes == others;
        self.forget(first);
        self.forget(second);
        same
    }

    /// Gives the memory back that the file's bytes of a tensor take, now that they are copied.
    fn forget(&self, entry: &Entry) {
        if let Bytes::Mapped(_, file) = &self.index.files[entry.file] {
            file.forget(entry.place.clone());
        }
    }

    /// A tensor's numbers as they are stored, row by row.
    #[cfg(test)]
    pub(crate) fn stored(&self, name: &str) -> Vec<u8> {
        let entry = &self.index.entries[name];
        let bytes = &self.index.files[entry.file][entry.place.clone()];
        macro_rules! copy {
            ($number:ty) => {{
                let mut values = vec![<$number>::default(); entry.numbers()];
                let strides = entry.strides.as_deref();
                widen(&entry.shape, strides, bytes, &mut values, <$number>::from_le_bytes);
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }};
        }
        match entry.dtype.width() {
            Some(8) => copy!(u64),
            Some(4) => copy!(u32),
            Some(2) => copy!(u16),
            _ => copy!(u8),
        }
    }

    /// A tensor that can be read; of any other, nothing but its name was checked.
    fn entry(&self, name: &str, expected: &'static str) -> Result<&Entry, Error> {
        let entry = self.index.entries.get(name).ok_or_else(|| Error::NoTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
            present: self.index.entries.keys().cloned().collect(),
        })?;
        match entry.dtype {
            Dtype::Other(_) => Err(self.wrong_dtype(name, entry, expected)),
            _ => Ok(entry),
        }
    }

    fn wrong_shape(&self, name: &str, entry: &Entry, expected: Vec<usize>) -> Error {
        let (path, tensor) = (self.path.clone(), name.to_owned());
        Error::Shape { path, tensor, found: entry.shape.clone(), expected }
    }

    fn wrong_dtype(&self, name: &str, entry: &Entry, expected: &'static str) -> Error {
        Error::Dtype {
            path: self.path.clone(),
            tensor: name.to_owned(),
            found: entry.dtype.to_string(),
            expected,
        }
    }
}

/// What Git LFS leaves in the place of a file that it did not fetch.
pub(crate) fn refuse_pointer(bytes: &[u8]) -> Result<(), String> {
    match bytes.starts_with(b"version https://git-lfs") {
        true => Err("it is a Git LFS pointer; fetch the file itself with git lfs pull".to_owned()),
        false => Ok(()),
    }
}
