//! A safetensors file, mapped into memory.
//!
//! The format is a length (8 bytes), a JSON header with each tensor's type, shape and place, and the
//! numbers themselves. The safetensors crate reads and checks the header; nothing is copied until
//! a tensor's numbers are asked for.

use crate::Error;
use bert_kernels::MappedFile;
use bert_nn::Real;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};

/// An open safetensors file.
pub struct TensorFile {
    path: PathBuf,
    bytes: Bytes,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    place: Range<usize>,
}

enum Bytes {
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

impl TensorFile {
    /// Maps the file and checks its header.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::new(Bytes::Mapped(MappedFile::open(path).map_err(Error::io(path))?), path)
    }

    /// The contents of a file that is part of the program. `path` is for error messages.
    pub fn of_bytes(bytes: &'static [u8], path: &Path) -> Result<Self, Error> {
        Self::new(Bytes::Static(bytes), path)
    }

    fn new(bytes: Bytes, path: &Path) -> Result<Self, Error> {
        let entries =
            entries(&bytes).map_err(|problem| Error::Corrupt { path: path.to_owned(), problem })?;
        Ok(Self { path: path.to_owned(), bytes, entries })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all tensors, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The shape of a tensor, if it is there.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|entry| entry.shape.as_slice())
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
        let bytes = &self.bytes[entry.place.clone()];
        // ANCHOR: types
        match entry.dtype {
            Dtype::F32 => widen(bytes, values, |b| f32::from_le_bytes(b) as Real),
            Dtype::F64 => widen(bytes, values, |b| f64::from_le_bytes(b) as Real),
            Dtype::F16 => widen(bytes, values, |b| f16::from_le_bytes(b).to_f32() as Real),
            Dtype::BF16 => widen(bytes, values, |b| bf16::from_le_bytes(b).to_f32() as Real),
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

    /// The shape and numbers of a tensor of 64-bit integers.
    pub fn integers(&self, name: &str) -> Result<(Vec<usize>, Vec<i64>), Error> {
        let entry = self.entry(name)?;
        if entry.dtype != Dtype::I64 {
            return Err(self.wrong_dtype(name, entry, "I64"));
        }
        let mut values = vec![0; entry.shape.iter().product()];
        widen(&self.bytes[entry.place.clone()], &mut values, i64::from_le_bytes);
        Ok((entry.shape.clone(), values))
    }

    fn entry(&self, name: &str) -> Result<&Entry, Error> {
        self.entries.get(name).ok_or_else(|| Error::NoTensor {
            path: self.path.clone(),
            tensor: name.to_owned(),
            present: self.entries.keys().cloned().collect(),
        })
    }

    fn wrong_dtype(&self, name: &str, entry: &Entry, expected: &'static str) -> Error {
        Error::Dtype {
            path: self.path.clone(),
            tensor: name.to_owned(),
            found: format!("{:?}", entry.dtype),
            expected,
        }
    }
}

/// The header's entries, their places counted from the beginning of the file.
// ANCHOR: header
fn entries(bytes: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    // `deserialize` checks that the tensors lie end to end and fill the file exactly.
    SafeTensors::deserialize(bytes).map_err(|error| {
        if bytes.starts_with(b"version https://git-lfs") {
            return "it is a Git LFS pointer; fetch the file itself with git lfs pull".to_owned();
        }
        format!("{error} (if it was downloaded, the download may have been cut off)")
    })?;
    let (header, metadata) =
        SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    for (name, info) in metadata.tensors() {
        // A size of 0 makes any other size fit the file; what is made of the numbers would overflow.
        let sizes = info.shape.iter().filter(|&&size| size > 0);
        let numbers = sizes.copied().try_fold(1_usize, usize::checked_mul);
        if numbers.is_none_or(|numbers| numbers > isize::MAX as usize / size_of::<f64>()) {
            return Err(format!("tensor {name} has the impossible shape {:?}", info.shape));
        }
    }
    let data = header + 8; // the header's own length takes 8 bytes
    let entry = |name: String, info: &safetensors::tensor::TensorInfo| {
        let place = data + info.data_offsets.0..data + info.data_offsets.1;
        (name, Entry { dtype: info.dtype, shape: info.shape.clone(), place })
    };
    Ok(metadata.tensors().into_iter().map(|(name, info)| entry(name, info)).collect())
}
// ANCHOR_END: header

/// Reads little-endian numbers of `N` bytes each.
fn widen<const N: usize, T>(bytes: &[u8], values: &mut [T], number: impl Fn([u8; N]) -> T) {
    let (chunks, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty() && chunks.len() == values.len(), "the header was checked");
    for (value, &chunk) in values.iter_mut().zip(chunks) {
        *value = number(chunk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use safetensors::tensor::TensorView;

    fn file(bytes: &[u8]) -> Result<TensorFile, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        std::fs::write(&path, bytes).unwrap();
        TensorFile::open(&path)
    }

    fn one(dtype: Dtype, shape: Vec<usize>, data: &[u8]) -> Vec<u8> {
        let view = TensorView::new(dtype, shape, data).unwrap();
        safetensors::serialize([("x", view)], None).unwrap()
    }

    #[test]
    fn every_width_of_number_is_widened() {
        // 1.5, −2.0 and the smallest subnormal or normal of each width, by their published bits.
        let f16s = [0x3E00_u16, 0xC000, 0x0001].map(u16::to_le_bytes).concat();
        let bf16s = [0x3FC0_u16, 0xC000, 0x0080].map(u16::to_le_bytes).concat();
        let f32s = [0x3FC0_0000_u32, 0xC000_0000, 0x0080_0000].map(u32::to_le_bytes).concat();
        for (dtype, data, smallest) in [
            (Dtype::F16, f16s, 2.0_f64.powi(-24)),
            (Dtype::BF16, bf16s, 2.0_f64.powi(-126)),
            (Dtype::F32, f32s, 2.0_f64.powi(-126)),
        ] {
            let (shape, values) = file(&one(dtype, vec![3, 1], &data)).unwrap().reals("x").unwrap();
            assert_eq!(shape, [3, 1]);
            assert_eq!(values, [1.5, -2.0, smallest as Real]);
        }
    }

    #[test]
    fn a_wrong_type_shape_or_name_is_said_with_file_and_tensor() {
        let integers = file(&one(Dtype::I64, vec![1], &7_i64.to_le_bytes())).unwrap();
        assert_eq!(integers.integers("x").unwrap(), (vec![1], vec![7]));
        let error = integers.reals("x").unwrap_err().to_string();
        assert!(error.contains("x.safetensors: tensor x is stored as I64"), "{error}");
        let reals = file(&one(Dtype::F32, vec![1], &[0; 4])).unwrap();
        assert!(matches!(reals.integers("x"), Err(Error::Dtype { .. })));
        let error = reals.read_into("x", &[1, 1], &mut [0.0]).unwrap_err().to_string();
        assert!(error.contains("shape [1], the configuration asks for [1, 1]"), "{error}");
        let error = reals.reals("y").unwrap_err().to_string();
        assert!(error.contains("no tensor y; there are x"), "{error}");
    }

    #[test]
    fn a_file_cut_anywhere_is_refused() {
        let whole = one(Dtype::F32, vec![4], &[1; 16]);
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
            let mut bytes = one(Dtype::F32, vec![2, 2], &[1; 16]);
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
