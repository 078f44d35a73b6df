//! What the system refuses: memory beyond a bound, a full disk. Linux has the means to test both.

use crate::support::{Copy, Run, argument, at, bert, command, finish};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::process::{Command, Stdio};

#[test]
fn a_configuration_that_claims_enormous_sizes_costs_no_memory() {
    let huge = json!(1 << 24);
    for fields in [
        vec!["hidden_size"],
        vec!["vocab_size"],
        vec!["intermediate_size"],
        vec!["max_position_embeddings"],
        vec!["type_vocab_size"],
        vec!["num_hidden_layers"],
        vec!["hidden_size", "vocab_size", "intermediate_size", "num_hidden_layers"],
    ] {
        let configure = |model: Copy, field: &&str| model.configured(field, huge.clone());
        let model = fields.iter().fold(Copy::of("toy"), configure);
        limited(&model).refuses(&["model.safetensors: "]);
    }
    // The last layer alone does not make the sixteen million others.
    let model = Copy::of("toy").configured("num_hidden_layers", huge);
    let model = model.tensors("model.safetensors", |all| {
        let name = "bert.encoder.layer.1.intermediate.dense.weight";
        let weight = all.remove(name).unwrap();
        all.insert(name.replace(".1.", ".16777215."), weight);
    });
    limited(&model).refuses(&["model.safetensors: ", "missing", "layer.1."]);
    // Neither do tables of one row make a square of their width.
    let sizes = ["vocab_size", "max_position_embeddings", "type_vocab_size", "intermediate_size"];
    let one = |model: Copy, field: &&str| model.configured(field, json!(1));
    let counts = ["num_hidden_layers", "num_attention_heads"];
    let model = sizes.iter().chain(&counts).fold(Copy::of("toy"), one);
    let width = 1 << 16;
    let model = model.configured("hidden_size", json!(width)).tensors("model.safetensors", |all| {
        for (name, tensor) in all.iter_mut() {
            if name.contains("_embeddings.weight") || name.ends_with("intermediate.dense.weight") {
                (tensor.1, tensor.2) = (vec![1, width], vec![0; width * 4]);
            }
        }
    });
    limited(&model).refuses(&["attention.self.query.weight", "[65536, 65536]"]);
    let model = Copy::of("toy-classify").configured("id2label", Value::Null);
    limited(&model.configured("num_labels", json!(1 << 20))).refuses(&["classifier.weight"]);
}

/// `bert encode` with at most 256 MiB for its data.
fn limited(model: &Copy) -> Run {
    let script = "ulimit -d 262144; exec \"$0\" encode --threads 1 --model \"$1\" a";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_bert"), &model.argument()]);
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(shell, b"")
}

#[test]
fn a_full_disk_is_told() {
    let full = "/dev/full";
    let model = at("toy");
    let reference = at("toy/reference.safetensors");
    for args in [
        &["tokenize", "a"][..],
        &["encode", "a"],
        &["fill-mask", "a [MASK]"],
        &["similar", "a", "b"],
        &["trace", "a"],
        &["verify", "--reference", &reference],
    ] {
        let mut command = command(&[&[args[0], "--model", &model], &args[1..]].concat());
        command.stdout(OpenOptions::new().write(true).open(full).unwrap());
        finish(command, b"").refuses(&["standard output", "No space left"]);
    }
    // A device is written to, not replaced by a file.
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(full, &link).unwrap();
    bert(&["encode", "--model", &model, "--output", &argument(&link), "a"])
        .refuses(&[&argument(&link), "No space left"]);
    assert!(link.is_symlink());
}
