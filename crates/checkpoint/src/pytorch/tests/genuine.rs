//! What PyTorch itself wrote, against safetensors twins that it wrote, too.

use super::*;
use crate::Dtype;
use bert_nn::{Real, Tensors};

/// Names, shapes, types, and every bit of every number.
fn assert_same(file: &TensorFile, twin: &TensorFile) {
    let name = file.path().display();
    assert_eq!(file.names().collect::<Vec<_>>(), twin.names().collect::<Vec<_>>(), "{name}");
    for tensor in twin.names() {
        assert_eq!(file.shape(tensor), twin.shape(tensor), "{tensor} in {name}");
        if matches!(file.dtype(tensor), Some(Dtype::Other(_))) {
            assert!(file.reals(tensor).is_err(), "{tensor} in {name}");
            continue;
        }
        assert_eq!(file.dtype(tensor), twin.dtype(tensor), "{tensor} in {name}");
        assert_eq!(file.stored(tensor), twin.stored(tensor), "{tensor} in {name}");
        let bits = |file: &TensorFile| {
            file.reals(tensor).ok().map(|(_, values)| {
                values.into_iter().map(|value| value.to_bits()).collect::<Vec<_>>()
            })
        };
        assert_eq!(bits(file), bits(twin), "{tensor} in {name}");
        assert_eq!(file.integers(tensor).ok(), twin.integers(tensor).ok(), "{tensor} in {name}");
    }
}

fn compare(start: &str, twin: &str) -> usize {
    let twin = TensorFile::open(&fixtures().join(twin)).unwrap();
    let files: Vec<_> = GENUINE.iter().filter(|(name, _)| name.starts_with(start)).collect();
    for (name, _) in files.iter().copied() {
        assert_same(&TensorFile::open(&fixtures().join(name)).unwrap(), &twin);
    }
    files.len()
}

#[test]
fn every_tensor_of_two_versions_both_forms_and_two_protocols_equals_its_twin_bit_for_bit() {
    assert_eq!(compare("everything-", "everything.safetensors"), 8);
    let twin = TensorFile::open(&fixtures().join("everything.safetensors")).unwrap();
    // The twin has all that the issue names: every type, and shapes that are not plain.
    for dtype in [
        Dtype::F64,
        Dtype::F32,
        Dtype::F16,
        Dtype::BF16,
        Dtype::I64,
        Dtype::I32,
        Dtype::I16,
        Dtype::I8,
        Dtype::U8,
        Dtype::Bool,
    ] {
        assert!(twin.names().any(|name| twin.dtype(name) == Some(&dtype)), "{dtype}");
    }
    assert_eq!(twin.shape("norm.num_batches_tracked"), Some(&[][..]));
    assert_eq!(twin.shape("shape.no_rows"), Some(&[3, 0, 2][..]));
}

#[test]
fn views_are_read_along_their_strides() {
    let file = TensorFile::open(&fixtures().join("everything-1.13.1-old-4.bin")).unwrap();
    // The grid is n / 4 − 3 for n from 0 to 23, in rows of 6.
    let grid = |numbers: &[u8]| -> Vec<Real> {
        numbers.iter().map(|&number| Real::from(number) / 4.0 - 3.0).collect()
    };
    let values = |name: &str| file.reals(name).unwrap().1;
    assert_eq!(values("view.rows"), grid(&(6..18).collect::<Vec<_>>()));
    assert_eq!(values("view.columns"), grid(&[2, 3, 4, 8, 9, 10, 14, 15, 16, 20, 21, 22]));
    assert_eq!(values("view.steps"), grid(&[1, 4, 13, 16]));
    assert_eq!(values("view.one_row"), grid(&[18, 19, 20, 21, 22, 23]));
    assert_eq!(values("view.expanded"), grid(&[0, 0, 0, 0, 1, 1, 1, 1]));
    assert_eq!(values("view.transposed")[..5], grid(&[0, 6, 12, 18, 1]));
}

#[test]
fn a_tied_tensor_is_the_same_under_both_names() {
    let file = TensorFile::open(&fixtures().join("everything-2.15.0-zip-2.bin")).unwrap();
    assert_eq!(file.stored("words.weight"), file.stored("decoder.weight"));
}

#[test]
fn files_of_python_2_are_read() {
    assert_eq!(compare("python2-1", "python2.safetensors"), 1);
    assert_eq!(compare("python2-nested", "python2-nested.safetensors"), 1);
}

#[test]
fn a_state_dict_among_other_things_is_found_and_the_rest_is_told() {
    assert_eq!(compare("trainer-", "trainer.safetensors"), 2);
    let file = TensorFile::open(&fixtures().join("trainer-2.15.0-zip-2.bin")).unwrap();
    assert_eq!(
        file.notes(),
        [
            "passed over, beside the weights under state_dict: epoch, global_step, optimizer_states",
            "passed over: 1 value of the file that is no tensor"
        ]
    );
    let file = TensorFile::open(&fixtures().join("everything-2.15.0-zip-2.bin")).unwrap();
    assert_eq!(file.notes(), [""; 0]);
}

#[test]
fn nested_names_are_joined_by_dots() {
    assert_eq!(compare("nested-", "nested.safetensors"), 1);
    let file = TensorFile::open(&fixtures().join("nested-2.15.0-zip-2.bin")).unwrap();
    assert_eq!(file.names().collect::<Vec<_>>(), ["encoder.layer.0", "head.weight"]);
    assert_eq!(file.notes(), ["passed over: 1 value of the file that is no tensor"]);
}

#[test]
fn an_empty_state_dict_holds_nothing() {
    for form in ["zip", "old"] {
        let file =
            TensorFile::open(&fixtures().join(format!("empty-2.15.0-{form}-2.bin"))).unwrap();
        assert_eq!((file.names().count(), file.notes().len()), (0, 0));
    }
}

#[test]
fn types_that_weights_do_not_have_are_listed_and_not_read() {
    assert_eq!(compare("other-", "other.safetensors"), 1);
    let file = TensorFile::open(&fixtures().join("other-2.15.0-zip-2.bin")).unwrap();
    assert_eq!(file.reals("with_state").unwrap().1, [3.0]);
    let message = file.reals("uint16").unwrap_err().to_string();
    assert!(
        message.contains("tensor uint16 is stored as uint16, expected F32, F64, F16 or BF16"),
        "{message}"
    );
    assert_eq!(file.dtype("float8"), Some(&Dtype::Other("float8_e4m3fn".to_owned())));
    assert_eq!(file.notes(), ["passed over: 3 values of the file that are no tensors"]);
}

#[test]
fn what_is_no_state_dict_is_refused_by_name() {
    for (name, expected) in [
        (
            "refused-expanded",
            "tensor x: its 400 bytes are made of 4 (expanded, or overlapping): save a copy of it (.contiguous())",
        ),
        ("refused-negated", "stored as a negated or conjugated view"),
        (
            "refused-module",
            "refuses torch.nn.modules.linear.Linear: a file of weights needs no such thing",
        ),
        ("refused-tensor", "it holds something else than a dictionary of names and tensors"),
        ("refused-quantized", "refuses torch._utils._rebuild_qtensor"),
        ("refused-numpy", "refuses numpy"),
        (
            "refused-script",
            "is compressed (method 8), which torch.save never does (torch.jit.save does; its programs are not read)",
        ),
    ] {
        let (_, bytes) = GENUINE.iter().find(|(file, _)| file.starts_with(name)).unwrap();
        let message = message(bytes);
        assert!(message.contains(expected), "{name}: {message}");
    }
}

#[test]
fn files_that_huggingface_hub_split_are_read_as_one() {
    let whole = TensorFile::open(&fixtures().join("sharded/whole.safetensors")).unwrap();
    for index in ["model.safetensors.index.json", "pytorch_model.bin.index.json"] {
        let file = TensorFile::open(&fixtures().join("sharded").join(index)).unwrap();
        assert_same(&file, &whole);
        assert!(file.notes().is_empty());
    }
}

#[test]
fn a_directory_with_pytorch_model_bin_is_the_same_model() {
    let parity = fixtures().join("../../parity/act-relu");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(parity.join("config.json"), folder.path().join("config.json")).unwrap();
    let weights = fixtures().join("model/pytorch_model.bin");
    fs::copy(weights, folder.path().join("pytorch_model.bin")).unwrap();
    let load = |path: &Path| crate::load(path, &crate::LoadOptions::default()).unwrap();
    let (model, twin) = (load(folder.path()), load(&parity));
    assert_eq!(model.notes(), twin.notes());
    let tensors = |loaded: &crate::Loaded| -> Vec<(String, Vec<Real>)> {
        loaded
            .model
            .tensors()
            .into_iter()
            .map(|tensor| (tensor.name, tensor.values.to_vec()))
            .collect()
    };
    assert_eq!(tensors(&model), tensors(&twin));
}
