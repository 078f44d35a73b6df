//! A file of tensors in any format, mapped into memory.
//!
//! A format's reader (`safetensors`, `pytorch`, `tensorflow`, `sharded`) only finds out what is where: an `Index`. What holds for all
//! formats is here: that every place lies in its file, that a checksum is right, and how numbers of any width and order become
//! `Real`. Nothing is copied until a tensor's numbers are asked for.

mod copy;
mod dtype;
mod index;
#[cfg(test)]
mod tests;

use crate::crc32c;
use crate::{Error, pytorch, safetensors, sharded, tensorflow};
use bert_nn::Real;
use copy::widen;
pub use dtype::Dtype;
use half::{bf16, f16};
pub(crate) use index::{Bytes, Entry, Index};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// An open file of tensors.
pub struct TensorFile {
    path: PathBuf,
    format: &'static str,
    index: Index,
}

/// How many numbers are copied at once, 1 MiB: so much of a table is in memory twice.
const PIECE: usize = 1 << 18;

const REALS: &str = "F32, F64, F16 or BF16";
const INTEGERS: &str = "integers";
const CODES: &str = "I8";

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

    /// Whether there is a file at this path, or what TensorFlow calls one.
    pub fn is_at(path: &Path) -> bool {
        path.is_file() || tensorflow::index_path(path).is_some_and(|index| index.is_file())
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

    /// How many bytes its files have together.
    pub(crate) fn size(&self) -> usize {
        self.index.files.iter().map(|file| file.len()).sum()
    }

    /// Whether a tensor's numbers are those of weights; if not, the error of reading them.
    pub(crate) fn expect_reals(&self, name: &str) -> Result<(), Error> {
        match self.entry(name, REALS)?.dtype {
            Dtype::F32 | Dtype::F64 | Dtype::F16 | Dtype::BF16 => Ok(()),
            _ => Err(self.wrong_dtype(name, &self.index.entries[name], REALS)),
        }
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
        self.expect_reals(name)?;
        let width = entry.dtype.width().expect("reals have one");
        if entry.strides.is_some() {
            widen_reals(entry, &entry.shape, self.bytes(name, entry)?, values);
            self.forget(entry, entry.place.clone());
            return Ok(());
        }
        // Piece by piece, so that of a large table only a part is in memory twice.
        let bytes = &self.index.files[entry.file][entry.place.clone()];
        let (mut checksum, mut at) = (0, entry.place.start);
        for (values, bytes) in values.chunks_mut(PIECE).zip(bytes.chunks(PIECE * width)) {
            if entry.checksum.is_some() {
                checksum = crc32c::continued(checksum, bytes);
            }
            widen_reals(entry, &[values.len()], bytes, values);
            self.forget(entry, at..at + bytes.len());
            at += bytes.len();
        }
        self.compare(name, entry, checksum)
    }

    /// A tensor's shape and numbers.
    pub fn reals(&self, name: &str) -> Result<(Vec<usize>, Vec<Real>), Error> {
        let shape = self.entry(name, REALS)?.shape.clone();
        let mut values = vec![0.0; shape.iter().product()];
        self.read_into(name, &shape, &mut values)?;
        Ok((shape, values))
    }

    /// The numbers of a tensor of 8-bit integers, whose shape must be `expected`.
    pub(crate) fn codes(&self, name: &str, expected: &[usize]) -> Result<Vec<i8>, Error> {
        self.expect_codes(name)?;
        let entry = self.entry(name, CODES)?;
        if entry.shape != expected {
            return Err(self.wrong_shape(name, entry, expected.to_vec()));
        }
        let mut values = vec![0; entry.numbers()];
        let (bytes, strides) = (self.bytes(name, entry)?, entry.strides.as_deref());
        widen(&entry.shape, strides, bytes, &mut values, i8::from_le_bytes);
        self.forget(entry, entry.place.clone());
        Ok(values)
    }

    /// Whether a tensor's numbers are codes; if not, the error of reading them.
    pub(crate) fn expect_codes(&self, name: &str) -> Result<(), Error> {
        let entry = self.entry(name, CODES)?;
        match entry.dtype {
            Dtype::I8 => Ok(()),
            _ => Err(self.wrong_dtype(name, entry, CODES)),
        }
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
        if entry.checksum.is_some() {
            self.compare(name, entry, crc32c::crc32c(bytes))?;
        }
        Ok(bytes)
    }
    // ANCHOR_END: bytes

    fn compare(&self, name: &str, entry: &Entry, found: u32) -> Result<(), Error> {
        let file = &self.index.files[entry.file];
        match entry.checksum {
            Some(expected) if expected != found => Err(Error::Checksum {
                path: file.path().unwrap_or(&self.path).to_owned(),
                tensor: name.to_owned(),
                found,
                expected,
            }),
            _ => Ok(()),
        }
    }

    /// Whether two tensors are the same in every byte; no if they are stored differently, whatever
    /// their numbers. Checksums are not looked at.
    pub(crate) fn are_same(&self, first: &str, second: &str) -> bool {
        let found = [first, second].map(|name| self.index.entries.get(name));
        let [Some(first), Some(second)] = found else { return false };
        let place = |entry: &Entry| (entry.file, entry.place.clone());
        let kind =
            |entry: &Entry| (entry.dtype.clone(), entry.shape.clone(), entry.strides.clone());
        if place(first) == place(second) {
            return kind(first) == kind(second);
        }
        let [bytes, others] =
            [first, second].map(|entry| &self.index.files[entry.file][entry.place.clone()]);
        let same = kind(first) == kind(second) && bytes == others;
        for entry in [first, second] {
            self.forget(entry, entry.place.clone());
        }
        same
    }

    /// Gives the memory back that these bytes of a tensor's file take, now that they are copied.
    fn forget(&self, entry: &Entry, place: Range<usize>) {
        if let Bytes::Mapped(_, file) = &self.index.files[entry.file] {
            file.forget(place);
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

/// A tensor's numbers of this shape, from `bytes` to `values`. They are reals.
fn widen_reals(entry: &Entry, shape: &[usize], bytes: &[u8], values: &mut [Real]) {
    let strides = entry.strides.as_deref();
    // ANCHOR: types
    match entry.dtype {
        Dtype::F32 => widen(shape, strides, bytes, values, |b| f32::from_le_bytes(b) as Real),
        Dtype::F64 => widen(shape, strides, bytes, values, |b| f64::from_le_bytes(b) as Real),
        Dtype::F16 => {
            widen(shape, strides, bytes, values, |b| f16::from_le_bytes(b).to_f32() as Real)
        }
        Dtype::BF16 => {
            widen(shape, strides, bytes, values, |b| bf16::from_le_bytes(b).to_f32() as Real)
        }
        _ => unreachable!("only reals are asked for"),
    }
    // ANCHOR_END: types
}

/// What Git LFS leaves in the place of a file that it did not fetch.
pub(crate) fn refuse_pointer(bytes: &[u8]) -> Result<(), String> {
    match bytes.starts_with(b"version https://git-lfs") {
        true => Err("it is a Git LFS pointer; fetch the file itself with git lfs pull".to_owned()),
        false => Ok(()),
    }
}
