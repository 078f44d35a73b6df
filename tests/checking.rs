//! The subcommands that prove the numbers: `trace` and `verify`.

use crate::support::{Copy, argument, at, bert, command, finish, keys, read_tensors};
use bert_testkit::fixture;
use serde_json::{Value, json};
use std::fs;

#[test]
fn trace_shows_or_writes_every_tensor() {
    let model = at("toy");
    let run = bert(&["trace", "--model", &model, "the dog bites"]);
    assert!(run.stderr.contains("[CLS] the dog bites [SEP]"));
    let names = ["hidden_states.0", "attentions.0", "hidden_states.2", "mlm_logits", "nsp_logits"];
    for name in names {
        assert!(run.ok().lines().any(|line| line.starts_with(name)), "{name}: {}", run.stdout);
    }
    let lines = bert(&["trace", "--model", &model, "--json", "the dog bites"]).json();
    let line = |name: &str| lines.iter().find(|line| line["name"] == name).unwrap();
    assert_eq!(keys(line("nsp_logits")), ["name", "shape", "mean", "spread", "values"]);
    assert_eq!(line("nsp_logits")["shape"], json!([1, 2]));
    let logits = &line("nsp_logits")["values"];
    let (a, b) = (logits[0].as_f64().unwrap(), logits[1].as_f64().unwrap());
    assert!((line("nsp_logits")["mean"].as_f64().unwrap() - (a + b) / 2.0).abs() < 1e-6);
    assert!((line("nsp_logits")["spread"].as_f64().unwrap() - (a - b).abs() / 2.0).abs() < 1e-6);

    let folder = tempfile::tempdir().unwrap();
    let output = argument(&folder.path().join("all.safetensors"));
    for name in ["toy", "parity/even-pretraining", "parity/odd-answer", "parity/even-choice"] {
        let (model, batch) = (at(name), at(&format!("{name}/reference.safetensors")));
        bert(&["trace", "--model", &model, "--batch", &batch, "--output", &output]).ok();
        bert(&["verify", "--model", &model, "--reference", &output]).ok();
        let (ours, theirs) = (read_tensors(output.as_ref()), read_tensors(batch.as_ref()));
        for (name, theirs) in theirs.iter().filter(|(name, _)| *name != "pooled_valid") {
            assert_eq!(ours[name].1, theirs.1, "{name}");
        }
        assert_eq!(ours["attention_mask"], theirs["attention_mask"]);
    }
}

#[test]
fn trace_time_accounts_for_all_of_a_pass() {
    let folder = tempfile::tempdir().unwrap();
    let svg = argument(&folder.path().join("time.svg"));
    let (model, text) = (at("toy"), "the dog bites the man .");
    let plain = ["trace", "--model", &model, "--time", "--runs", "3", text];
    let run = bert(&[&plain[..], &["--svg", &svg]].concat());
    for part in ["embeddings", "2 × query, key, value", "2 × attention output", "together"] {
        assert!(run.ok().lines().any(|line| line.starts_with(part)), "{part}: {}", run.stdout);
    }
    let drawing = fs::read_to_string(&svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.contains("intermediate, activation"));

    let report = bert(&[&plain[..], &["--json"]].concat()).json().remove(0);
    let parts = report["parts"].as_array().unwrap();
    let sum = |field: &str| parts.iter().map(|part| part[field].as_f64().unwrap()).sum::<f64>();
    for field in ["gflop", "megabytes"] {
        let together = report["together"][field].as_f64().unwrap();
        assert!((sum(field) - together).abs() < 1e-9 * together, "{field}");
    }
    // By hand, from the toy's configuration: 8 tokens, and per layer 2·8·(4·H² + 2·H·F) for the weights.
    let config: Value =
        serde_json::from_slice(&fs::read(fixture("toy/config.json")).unwrap()).unwrap();
    let size = |name: &str| config[name].as_f64().unwrap();
    let (h, f, layers) =
        (size("hidden_size"), size("intermediate_size"), size("num_hidden_layers"));
    let weights = layers * 16.0 * (4.0 * h * h + 2.0 * h * f) / 1e9;
    let products = |names: &[&str]| -> f64 {
        let wanted = parts.iter().filter(|part| names.contains(&part["part"].as_str().unwrap()));
        wanted.map(|part| part["gflop"].as_f64().unwrap()).sum()
    };
    let found =
        products(&["query, key, value", "attention output", "intermediate, activation", "output"]);
    // Biases and the activation are a little more.
    assert!(found > weights && found < 1.1 * weights, "{found} {weights}");

    bert(&["trace", "--model", &model, "--svg", &svg, text]).refuses_usage(&["required arguments"]);
    let missing = argument(&folder.path().join("missing/time.svg"));
    bert(&[&plain[..], &["--svg", &missing]].concat()).refuses(&["missing/time.svg"]);
}

#[test]
fn an_instruction_set_that_is_not_there_is_refused() {
    let mut command = command(&["tokenize", "--model", &at("toy"), "a"]);
    command.env("BERT_ISA", "mmx");
    finish(command, b"").refuses_usage(&["mmx", "portable"]);
}

#[test]
fn verify_names_the_first_tensor_that_is_off() {
    let (model, reference) = (at("toy"), at("toy/reference.safetensors"));
    let run = bert(&["verify", "--model", &model, "--reference", &reference]);
    assert_eq!(run.ok().lines().filter(|line| line.ends_with("  ok")).count(), 8);
    let spoilt = Copy::of("toy").tensors("reference.safetensors", |all| {
        for name in ["attentions.1", "mlm_logits"] {
            let bytes = &mut all.get_mut(name).unwrap().2;
            let value = f32::from_le_bytes(bytes[..4].try_into().unwrap()) + 0.01;
            bytes[..4].copy_from_slice(&value.to_le_bytes());
        }
    });
    let file = argument(&spoilt.file("reference.safetensors"));
    let run = spoilt.run("verify", &["--reference", &file]);
    run.refuses(&["attentions.1 is the first tensor that is off", "[0, 0, 0, 0]"]);
    assert_eq!(run.stdout.lines().filter(|line| line.ends_with("OFF")).count(), 2);
    assert_eq!(run.stdout.lines().filter(|line| line.ends_with("ok")).count(), 6);
    spoilt.run("verify", &["--reference", &file, "--tolerance", "0.1"]).ok();
    let run = spoilt.run("verify", &["--json", "--reference", &file]);
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let off: Vec<_> = lines.filter(|line| line["passed"] == false).collect();
    assert_eq!(off.len(), 2);
    assert_eq!(keys(&off[0]), ["name", "shape", "difference", "limit", "passed"]);
}

#[test]
fn published_figures_are_checked_for_every_kind_of_model() {
    let list = at("published/published-values.json");
    let cases: Value = serde_json::from_slice(&fs::read(&list).unwrap()).unwrap();
    let check = |list: &str, case: &Value, more: &[&str]| {
        let model = at(case["folder"].as_str().unwrap());
        let args = ["verify", "--model", &model, "--published-values", list, "--published"];
        bert(&[&args[..], &[case["model"].as_str().unwrap()], more].concat())
    };
    for case in cases["cases"].as_array().unwrap() {
        let run = check(&list, case, &[]);
        let output = case["output"].as_str().unwrap();
        let line = run.ok().lines().find(|line| line.starts_with(output));
        assert!(line.is_some_and(|line| line.contains("  ok  ")), "{}", run.stdout);
        let by_name = at(case["folder"].as_str().unwrap());
        bert(&["verify", "--model", &by_name, "--published-values", &list, "--published"]).ok();
    }
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.json");
    for case in cases["cases"].as_array().unwrap() {
        let mut spoilt = case.clone();
        match case["output"].as_str().unwrap() {
            "fill_mask" => spoilt["expected_top"][0][1] = json!(0.92),
            _ => {
                spoilt["expected"][0][1] = json!(spoilt["expected"][0][1].as_f64().unwrap() + 3e-4)
            }
        }
        fs::write(&wrong, json!({ "cases": [spoilt] }).to_string()).unwrap();
        let run = check(&argument(&wrong), case, &[]);
        run.refuses(&[case["output"].as_str().unwrap(), case["model"].as_str().unwrap(), "off"]);
    }
    fs::write(
        &wrong,
        json!({"cases": [{"model": "m", "head": "none", "source": "s",
        "output": "last_hidden_state", "input_ids": [], "expected": [[1.0]]}]})
        .to_string(),
    )
    .unwrap();
    check(&argument(&wrong), &json!({"folder": "toy", "model": "m"}), &[])
        .refuses(&[&argument(&wrong), "input_ids"]);
}

#[test]
fn googles_layout_is_read_and_its_doubtful_gelu_is_told() {
    let (model, list) = (at("published/google-gelu"), at("published/google-gelu.json"));
    let verify = ["verify", "--model", &model, "--published-values", &list, "--published"];
    bert(&verify).warns(&["read as erf"]);
    bert(&[&verify[..], &["--activation", "gelu"]].concat()).ok();
    bert(&[&["--threads", "1"], &verify[..], &["--activation", "gelu_new"]].concat())
        .refuses(&["mlm_logits", "off"]);
    let encode = ["encode", "--model", &model, "a b"];
    let plain = bert(&encode);
    plain.warns(&["gelu", "--activation"]);
    let exact = bert(&[&encode[..], &["--activation", "gelu"]].concat());
    let tanh = bert(&[&encode[..], &["--activation", "gelu_new"]].concat());
    assert_eq!(plain.ok(), tanh.ok());
    assert_ne!(plain.ok(), exact.ok());
    assert!(exact.stderr.is_empty(), "{}", exact.stderr);
}

/// bert-base-uncased says `BertForMaskedLM`, and its file holds the next-sentence head as well.
#[test]
fn a_head_that_architectures_does_not_name_is_checked_too() {
    let list = at("published/published-values.json");
    let model = Copy::of("toy").configured("architectures", json!(["BertForMaskedLM"]));
    let args = ["verify", "--model", &model.argument(), "--published-values", &list];
    let run = bert(&[&args[..], &["--published", "fixture/toy"]].concat());
    assert!(run.ok().lines().any(|line| line.starts_with("nsp_logits") && line.contains("  ok  ")));
    assert!(!run.stdout.contains("no such head"), "{}", run.stdout);
    let reference = at("toy/reference.safetensors");
    let run = model.run("verify", &["--reference", &reference]);
    assert!(run.ok().contains("nsp_logits"), "{}", run.stdout);
}

#[test]
fn a_tensor_that_nobody_computes_is_told_and_a_shape_of_equal_size_is_refused() {
    let model = Copy::of("parity/even-classify").tensors("reference.safetensors", |all| {
        let copy = all["hidden_states.1"].clone();
        all.insert("hidden_state.1".to_owned(), copy);
    });
    let reference = argument(&model.path.join("reference.safetensors"));
    model.run("verify", &["--reference", &reference]).warns(&["not compared", "hidden_state.1"]);
    let model = model.tensors("reference.safetensors", |all| {
        all.get_mut("logits").unwrap().1.reverse();
    });
    model.run("verify", &["--reference", &reference]).refuses(&["tensor logits has shape"]);
}
