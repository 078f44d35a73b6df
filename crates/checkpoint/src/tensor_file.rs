//! A file of tensors in any format, mapped into memory.
//!
//! A format's reader (`safetensors`, `pytorch`) only finds out what is where: an `Index`. What holds for all formats is
//! here: that every place lies in its file, and how numbers of any width and order become `Real`. Nothing is copied until a
//! tensor's numbers are asked for.

use crate::{Error, pytorch, safetensors, sharded};
use bert_kernels::MappedFile;
use bert_nn::Real;
use half::{bf16, f16};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

/// An open file of tensors.
pub struct TensorFile {
    path: PathBuf,
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
    /// How many numbers lie from one to the next along each dimension; none: row by row, without gaps.
    pub strides: Option<Vec<usize>>,
    /// Which of the files.
    pub file: usize,
    /// Its bytes there, from its first number on. With strides, there may be more of them than it needs.
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

/// The bytes of a file.
pub(crate) enum Bytes {
    Mapped(MappedFile),
    /// Part of the program.
    Static(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(file) => file,
            Self::Static(bytes) => bytes,
        }
    }
}

impl Bytes {
    /// Maps a file.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self::Mapped(MappedFile::open(path).map_err(Error::io(path))?))
    }
}

impl Index {
    /// Checks that every tensor lies where its file has bytes, whatever the reader was told. `Err` says what is wrong.
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
                // As many bytes as numbers at least: a stride of 0 could make any number of numbers of one.
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

    /// How many numbers lie from its first to its last, both included; none if that is beyond counting, or if there are not as many
    /// strides as sizes.
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
    /// Maps the file, reads what is where in it, and checks that. A JSON file is an index of several such files, which are
    /// opened as one.
    ///
    /// # Errors
    /// It cannot be read, or is not what it says.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if path.extension().is_some_and(|extension| extension == "json") {
            return Self::new(path, sharded::FORMAT, Ok(sharded::index(path)?));
        }
        let bytes = Bytes::open(path)?;
        if pytorch::recognises(&bytes, path) {
            return Self::new(path, pytorch::FORMAT, pytorch::index(bytes));
        }
        Self::new(path, safetensors::FORMAT, safetensors::index(bytes))
    }

    /// The contents of a safetensors file that is part of the program. `path` is for error messages.
    pub fn of_bytes(bytes: &'static [u8], path: &Path) -> Result<Self, Error> {
        Self::new(path, safetensors::FORMAT, safetensors::index(Bytes::Static(bytes)))
    }

    fn new(path: &Path, format: &'static str, index: Result<Index, String>) -> Result<Self, Error> {
        let path = path.to_owned();
        match index.and_then(|index| index.check().map(|()| index)) {
            Ok(index) => Ok(Self { path, index }),
            Err(problem) => Err(Error::Corrupt { path, format, problem }),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
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

    /// Copies a tensor's numbers into `values`, widening f16 and bf16. Its shape must be `expected`.
    pub fn read_into(
        &self,
        name: &str,
        expected: &[usize],
        values: &mut [Real],
    ) -> Result<(), Error> {
        let entry = self.entry(name)?;
        if entry.shape != expected {
            return Err(Error::Shape {
                path: self.path.clone(),
                tensor: name.to_owned(),
                found: entry.shape.clone(),
                expected: expected.to_vec(),
            });
        }
        let bytes = &self.index.files[entry.file][entry.place.clone()];
        // ANCHOR: types
        match entry.dtype {
            Dtype::F32 => widen(entry, bytes, values, |b| f32::from_le_bytes(b) as Real),
            Dtype::F64 => widen(entry, bytes, values, |b| f64::from_le_bytes(b) as Real),
            Dtype::F16 => widen(entry, bytes, values, |b| f16::from_le_bytes(b).to_f32() as Real),
            Dtype::BF16 => widen(entry, bytes, values, |b| bf16::from_le_bytes(b).to_f32() as Real),
            _ => return Err(self.wrong_dtype(name, entry, "F32, F64, F16 or BF16")),
        }
        // ANCHOR_END: types
        Ok(())
    }

    /// A tensor's shape and numbers.
    pub fn reals(&self, name: &str) -> Result<(Vec<usize>, Vec<Real>), Error> {
        let shape = self.entry(name)?.shape.clone();
        let mut values = vec![0.0; shape.iter().product()];
        self.read_into(name, &shape, &mut values)?;
        Ok((shape, values))
    }

    /// The shape and numbers of a tensor of integers.
    pub fn integers(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>), Error> {
        let entry = self.entry(name)?;
        let mut values = vec![0; entry.numbers()];
        let bytes = &self.index.files[entry.file][entry.place.clone()];
        match entry.dtype {
            Dtype::I64 => widen(entry, bytes, &mut values, i64::from_le_bytes),
            Dtype::I32 => widen(entry, bytes, &mut values, |b| i32::from_le_bytes(b).into()),
            _ => return Err(self.wrong_dtype(name, entry, "I64 or I32")),
        }
        Ok((entry.shape.clone(), values))
    }

    /// A tensor's numbers as they are stored, row by row.
    #[cfg(test)]
    pub(crate) fn stored(&self, name: &str) -> Vec<u8> {
        fn copy<const N: usize>(entry: &Entry, bytes: &[u8]) -> Vec<u8> {
            let mut values = vec![[0; N]; entry.numbers()];
            widen(entry, bytes, &mut values, |number| number);
            values.concat()
        }
        let entry = self.entry(name).unwrap();
        let bytes = &self.index.files[entry.file][entry.place.clone()];
        match entry.dtype.width() {
            Some(8) => copy::<8>(entry, bytes),
            Some(4) => copy::<4>(entry, bytes),
            Some(2) => copy::<2>(entry, bytes),
            _ => copy::<1>(entry, bytes),
        }
    }

    fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.index.entries.get(name).ok_or_else(|| Error::NoTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
            present: self.index.entries.keys().cloned().collect(),
        })
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

/// Reads little-endian numbers of `N` bytes each, row by row.
fn widen<const N: usize, T>(
    entry: &Entry,
    bytes: &[u8],
    values: &mut [T],
    number: impl Fn([u8; N]) -> T,
) {
    let (chunks, _) = bytes.as_chunks::<N>();
    assert!(values.len() == entry.numbers(), "one place for each number");
    let Some(strides) = &entry.strides else {
        assert!(chunks.len() == values.len(), "the index was checked");
        values.iter_mut().zip(chunks).for_each(|(value, &chunk)| *value = number(chunk));
        return;
    };
    // An odometer: the last place turns fastest.
    let mut place = vec![0; entry.shape.len()];
    let mut at = 0;
    for value in values {
        *value = number(chunks[at]);
        for dimension in (0..place.len()).rev() {
            place[dimension] += 1;
            at += strides[dimension];
            if place[dimension] < entry.shape[dimension] {
                break;
            }
            at -= strides[dimension] * entry.shape[dimension];
            place[dimension] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::safetensors::tensor::{Dtype as Stored, TensorView};
    use proptest::prelude::*;

    fn file(bytes: &[u8]) -> Result<TensorFile, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        std::fs::write(&path, bytes).unwrap();
        TensorFile::open(&path)
    }

    fn one(dtype: Stored, shape: Vec<usize>, data: &[u8]) -> Vec<u8> {
        let view = TensorView::new(dtype, shape, data).unwrap();
        ::safetensors::serialize([("x", view)], None).unwrap()
    }

    #[test]
    fn every_width_of_number_is_widened() {
        // 1.5, −2.0 and the smallest subnormal or normal of each width, by their published bits.
        let f16s = [0x3E00_u16, 0xC000, 0x0001].map(u16::to_le_bytes).concat();
        let bf16s = [0x3FC0_u16, 0xC000, 0x0080].map(u16::to_le_bytes).concat();
        let f32s = [0x3FC0_0000_u32, 0xC000_0000, 0x0080_0000].map(u32::to_le_bytes).concat();
        for (dtype, data, smallest) in [
            (Stored::F16, f16s, 2.0_f64.powi(-24)),
            (Stored::BF16, bf16s, 2.0_f64.powi(-126)),
            (Stored::F32, f32s, 2.0_f64.powi(-126)),
        ] {
            let (shape, values) = file(&one(dtype, vec![3, 1], &data)).unwrap().reals("x").unwrap();
            assert_eq!(shape, [3, 1]);
            assert_eq!(values, [1.5, -2.0, smallest as Real]);
        }
    }

    #[test]
    fn a_wrong_type_shape_or_name_is_said_with_file_and_tensor() {
        let integers = file(&one(Stored::I64, vec![1], &7_i64.to_le_bytes())).unwrap();
        assert_eq!(integers.integers("x").unwrap(), (vec![1], vec![7]));
        let error = integers.reals("x").unwrap_err().to_string();
        assert!(error.contains("x.safetensors: tensor x is stored as I64"), "{error}");
        let reals = file(&one(Stored::F32, vec![1], &[0; 4])).unwrap();
        assert!(matches!(reals.integers("x"), Err(Error::Dtype { .. })));
        let error = reals.read_into("x", &[1, 1], &mut [0.0]).unwrap_err().to_string();
        assert!(error.contains("shape [1], the configuration asks for [1, 1]"), "{error}");
        let error = reals.reals("y").unwrap_err().to_string();
        assert!(error.contains("no tensor y; there are x"), "{error}");
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = one(Stored::F32, vec![4], &[1; 16]);
        for length in 0..whole.len() {
            let refused = file(&whole[..length]);
            assert!(matches!(refused, Err(Error::Corrupt { .. })), "cut after {length} bytes");
        }
        assert!(file(&whole).is_ok());
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = TensorFile::open(Path::new("no/such.safetensors")).err().unwrap();
        assert!(error.to_string().starts_with("no/such.safetensors: "), "{error}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn damaged_files_never_panic(place in 0_usize..100, byte in any::<u8>()) {
            let mut bytes = one(Stored::F32, vec![2, 2], &[1; 16]);
            let place = place % bytes.len();
            bytes[place] = byte;
            if let Ok(file) = file(&bytes) {
                let names: Vec<_> = file.names().map(str::to_owned).collect();
                for name in names {
                    let _ = file.reals(&name);
                    let _ = file.integers(&name);
                }
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = file(&bytes);
        }
    }
}
