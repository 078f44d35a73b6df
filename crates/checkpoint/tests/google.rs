//! Models as Google publishes them, from files that TensorFlow wrote, against Google's arithmetic:
//! `tests/reference/make_tensorflow.py` and `google_bert.py` say how the expected values were made.

use bert_checkpoint::{Error, LoadOptions, Loaded, TensorFile, load};
use bert_model::trace::trace;
use bert_model::{Batch, Context, HeadKind};
use bert_nn::Real;
use bert_testkit::fixture;
use ndarray::{Array2, ArrayD};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What an f32 forward pass may differ from a float64 one, as in the parity tests; times the
/// largest value if that is above 1.
const TOLERANCE: f64 = 2e-5;

fn folder(name: &str) -> PathBuf {
    fixture("weights/tensorflow").join(name)
}

fn loaded(name: &str, options: &LoadOptions) -> Loaded {
    load(&folder(name), options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn integers(file: &TensorFile, name: &str) -> Array2<i64> {
    let (shape, values) = file.integers(name).unwrap();
    Array2::from_shape_vec((shape[0], shape[1]), values).unwrap()
}

/// Compares everything that the reference file holds; returns the names.
fn compare(loaded: &Loaded, reference: &Path) -> BTreeSet<String> {
    let file = TensorFile::open(reference).unwrap();
    let [ids, types, mask] =
        ["input_ids", "token_type_ids", "attention_mask"].map(|name| integers(&file, name));
    let batch = Batch::from_padded(ids.view(), types.view(), mask.view()).unwrap();
    let mut compared = BTreeSet::new();
    trace(&loaded.model, &batch, &Context::eval(&loaded.config), |(name, ours)| {
        if file.shape(&name).is_none() {
            return;
        }
        let (shape, values) = file.reals(&name).unwrap();
        let theirs = ArrayD::from_shape_vec(shape, values).unwrap();
        // A row for each token, or for each sequence; ours are without padding.
        let per_token = theirs.ndim() == 3 || name.ends_with("_logits") && theirs.shape()[1] == 9;
        let width = theirs.len() / if per_token { mask.len() } else { mask.nrows() };
        let kept: Vec<bool> = match per_token {
            true => mask.iter().map(|&kept| kept == 1).collect(),
            false => vec![true; mask.nrows()],
        };
        let theirs = theirs.as_slice().unwrap().chunks(width).zip(kept);
        let theirs: Vec<Real> =
            theirs.filter(|(_, kept)| *kept).flat_map(|(row, _)| row.to_vec()).collect();
        let ours = ours.values();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        let largest = theirs.iter().fold(1.0, |largest: f64, x| largest.max(f64::from(*x).abs()));
        for (place, (a, b)) in ours.iter().zip(&theirs).enumerate() {
            let difference = (f64::from(*a) - f64::from(*b)).abs();
            assert!(difference <= TOLERANCE * largest, "{name}[{place}]: ours {a}, Google's {b}");
        }
        compared.insert(name);
    });
    compared
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn googles_zip_unpacked_is_a_model_and_computes_what_googles_code_does() {
    let all = set(&[
        "hidden_states.0",
        "hidden_states.1",
        "hidden_states.2",
        "pooler_output",
        "mlm_logits",
        "nsp_logits",
    ]);
    // By tanh, as bert_config.json is read; by erf, as the models of 2018 were trained.
    let tanh = loaded("pretrain", &LoadOptions::default());
    assert_eq!(tanh.model.head.kind(), HeadKind::PreTraining);
    assert!(tanh.unused.is_empty(), "{:?}", tanh.unused);
    assert_eq!(compare(&tanh, &folder("pretrain/reference.safetensors")), all);
    let activation = Some("gelu".to_owned());
    let erf = loaded("pretrain", &LoadOptions { activation, ..LoadOptions::default() });
    assert_eq!(compare(&erf, &folder("pretrain/reference_erf.safetensors")), all);
    assert_eq!(erf.model, tanh.model);
}

#[test]
#[should_panic(expected = "hidden_states.1")]
fn the_other_gelu_would_be_noticed() {
    let loaded = loaded("pretrain", &LoadOptions::default());
    compare(&loaded, &folder("pretrain/reference_erf.safetensors"));
}

#[test]
fn fine_tuned_models_are_read_with_their_heads() {
    let head = Some(HeadKind::SequenceClassification);
    let classifier = loaded("classify", &LoadOptions { head, ..LoadOptions::default() });
    assert_eq!(classifier.config.labels(), ["LABEL_0", "LABEL_1", "LABEL_2"]);
    let compared = compare(&classifier, &folder("classify/reference.safetensors"));
    assert!(compared.contains("logits"), "{compared:?}");
    let answerer = loaded("squad", &LoadOptions::default());
    assert_eq!(answerer.model.head.kind(), HeadKind::QuestionAnswering);
    assert_eq!(answerer.unused, ["bert/pooler/dense/bias", "bert/pooler/dense/kernel"]);
    assert_eq!(
        compare(&answerer, &folder("squad/reference.safetensors")),
        set(&["hidden_states.0", "hidden_states.1", "start_logits", "end_logits"])
    );
}

#[test]
fn what_the_optimizer_left_is_passed_over_and_counted() {
    let with = loaded("pretrain", &LoadOptions::default());
    let index = TensorFile::open(&folder("pretrain/bert_model.ckpt")).unwrap();
    let weights = index.names().filter(|name| !name.contains("adam_")).count() - 1;
    assert_eq!(with.of_optimizer, 2 * weights + 1); // two moments each, and global_step
    let notes = with.notes();
    let expected = format!("{} tensors of the optimizer passed over", with.of_optimizer);
    assert!(notes.contains(&expected), "{notes:?}");
    assert_eq!(loaded("squad", &LoadOptions::default()).of_optimizer, 0);
}

/// A copy of a model that can be broken.
fn copy(name: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

const DATA: &str = "bert_model.ckpt.data-00000-of-00001";

#[test]
fn a_changed_byte_of_the_weights_is_an_error_that_names_file_and_tensor() {
    let copy = copy("pretrain");
    let path = copy.path().join(DATA);
    let whole = fs::read(&path).unwrap();
    let mut noticed = BTreeSet::new();
    for place in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1; // the lowest bit of a fraction, or near it: no result would show it
        fs::write(&path, bytes).unwrap();
        match load(copy.path(), &LoadOptions::default()) {
            // It was a moment of the optimizer, which is not read.
            Ok(_) => continue,
            Err(Error::Checksum { path, tensor, .. }) => {
                assert!(path.ends_with(DATA), "{path:?}");
                noticed.insert(tensor);
            }
            Err(other) => panic!("byte {place}: {other}"),
        }
    }
    assert!(noticed.contains("bert/embeddings/word_embeddings"), "{noticed:?}");
    assert!(noticed.len() > 20, "{noticed:?}");
}

#[test]
fn a_data_file_that_is_missing_or_cut_is_named() {
    let copy = copy("pretrain");
    let path = copy.path().join(DATA);
    let bytes = fs::read(&path).unwrap();
    let message = || load(copy.path(), &LoadOptions::default()).unwrap_err().to_string();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(message().contains(&format!("{DATA}: not a whole TensorFlow checkpoint")));
    fs::remove_file(&path).unwrap();
    assert!(message().contains(&format!("{DATA}: ")), "{}", message());
}

#[test]
fn a_kernel_of_the_wrong_shape_is_said_as_it_is_in_the_file() {
    let copy = copy("pretrain");
    let path = copy.path().join("bert_config.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"intermediate_size\": 12", "\"intermediate_size\": 13"))
        .unwrap();
    let message = load(copy.path(), &LoadOptions::default()).unwrap_err().to_string();
    let expected = "tensor bert/encoder/layer_0/intermediate/dense/kernel has shape [8, 12], the \
                    configuration asks for [8, 13]";
    assert!(message.contains(expected), "{message}");
}
