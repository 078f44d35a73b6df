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
