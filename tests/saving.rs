//! What is saved here is what was loaded, in files that other programs read.

use bert_checkpoint::{LoadOptions, TokenizerFiles, load, save};
use bert_model::HeadKind;
use bert_nn::Tensors;
use bert_testkit::fixture;

fn options() -> LoadOptions {
    LoadOptions::default()
}

#[test]
fn saving_and_loading_gives_back_every_number_under_every_spelling() {
    for name in ["even-pretraining", "odd-masked-lm-legacy", "odd-base", "even-tag", "even-choice"]
    {
        let from = fixture("parity").join(name);
        let loaded = load(&from, &options()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &loaded.config, &loaded.model, &TokenizerFiles::read(&from).unwrap())
            .unwrap();
        let again = load(folder.path(), &options()).unwrap();
        assert_eq!(again.model, loaded.model, "{name}");
        assert!(again.unused.is_empty(), "{name}: {:?}", again.unused);
        let leftovers = std::fs::read_dir(folder.path()).unwrap().flatten();
        assert!(leftovers.into_iter().all(|e| !e.file_name().to_string_lossy().ends_with(".tmp")));
    }
}

#[test]
fn a_new_head_is_made_only_when_asked_for_and_everything_fresh_is_listed() {
    let directory = fixture("parity/even-masked-lm");
    let head = Some(HeadKind::SequenceClassification);
    let refused = load(&directory, &LoadOptions { head, ..options() }).unwrap_err().to_string();
    assert!(refused.contains("no sequence_classification head"), "{refused}");
    assert!(refused.contains("--head masked_lm"), "{refused}");
    let fresh = LoadOptions { head, new_head: Some(5), ..options() };
    let loaded = load(&directory, &fresh).unwrap();
    let names = [
        "bert.pooler.dense.weight",
        "bert.pooler.dense.bias",
        "classifier.weight",
        "classifier.bias",
    ];
    assert_eq!(loaded.fresh, names);
    // The masked-LM head of the file is not needed any more, and that is said.
    assert_eq!(loaded.unused.len(), 5, "{:?}", loaded.unused);
    assert!(loaded.unused.iter().all(|name| name.starts_with("cls.predictions.")));
    let classifier = loaded.model.tensors().into_iter().find(|t| t.name == "classifier.weight");
    assert!(classifier.unwrap().values.iter().any(|&weight| weight != 0.0));
}
