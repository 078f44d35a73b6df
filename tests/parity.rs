//! Every tensor of a forward pass against transformers, computed in float64 from the same weights
//! by `tests/reference/make_fixtures.py`.

use bert_checkpoint::{LoadOptions, load};
use bert_model::{Context, HeadKind};
use bert_pipeline::reference::{Comparison, Reference};
use bert_testkit::fixture;
use std::fs;
use std::path::{Path, PathBuf};

/// What an f32 forward pass may differ from a float64 one. With the `f64` feature only the rounding
/// of the stored references to f32 is left.
const TOLERANCE: f64 = if size_of::<bert_nn::Real>() == 8 { 2e-7 } else { 2e-5 };

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixture("parity")).expect("the fixtures are committed");
    let mut cases: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn compare(directory: &Path) -> (HeadKind, Vec<Comparison>) {
    let name = directory.display();
    let loaded = load(directory, &LoadOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(loaded.unused.is_empty(), "{name}: unused {:?}", loaded.unused);
    let reference = Reference::open(&directory.join("reference.safetensors")).unwrap();
    let lines = reference.compare(&loaded.model, &loaded.config, TOLERANCE).unwrap();
    (loaded.model.head.kind(), lines)
}

#[test]
fn every_tensor_of_every_fixture_agrees_with_transformers() {
    let mut heads = Vec::new();
    for case in cases() {
        let (head, lines) = compare(&case);
        assert!(lines.len() >= 4, "{}: only {} tensors compared", case.display(), lines.len());
        for line in lines {
            assert!(line.passed(), "{}: {line:?}", case.display());
        }
        heads.push(head);
    }
    for head in HeadKind::ALL {
        assert!(heads.contains(&head), "no fixture has a {head} head");
    }
}

#[test]
fn dropout_works_in_training_and_is_off_in_evaluation() {
    let directory = fixture("parity/even-classify");
    let loaded = load(&directory, &LoadOptions::default()).unwrap();
    let batch = Reference::open(&directory.join("reference.safetensors")).unwrap().batch;
    let logits = |context: &Context| loaded.model.infer(&batch, context).logits.unwrap();
    let train = |seed, step| logits(&Context::train(&loaded.config, seed, step));
    let eval = logits(&Context::eval(&loaded.config));
    assert_eq!(eval, logits(&Context::eval(&loaded.config)));
    assert_ne!(eval, train(1, 0));
    assert_ne!(train(1, 0), train(1, 1));
    assert_ne!(train(1, 0), train(2, 0));
    // The same seed and step give the same bits, with any number of threads.
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| train(1, 0)), train(1, 0), "{threads} threads");
    }
}
