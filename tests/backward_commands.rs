//! The subcommands that show gradients: `trace --backward` and `gradcheck`.

use crate::support::{Copy, argument, at, bert, integers, keys, read_tensors, reals};
use serde_json::json;
use std::fs;

const LABELLED: &str = "gradients.safetensors";

#[test]
fn trace_backward_writes_what_the_reference_holds() {
    let folder = tempfile::tempdir().unwrap();
    let output = argument(&folder.path().join("out.safetensors"));
    for name in ["parity/even-pretraining", "parity/odd-answer", "parity/even-choice"] {
        let (model, batch) = (at(name), at(&format!("{name}/{LABELLED}")));
        let args = ["trace", "--model", &model, "--backward", "--batch", &batch];
        bert(&[&args[..], &["--output", &output]].concat()).ok();
        let (ours, theirs) = (read_tensors(output.as_ref()), read_tensors(batch.as_ref()));
        let is_label = |name: &str| name.contains("label") || name.ends_with("_positions");
        for (name, theirs) in theirs.iter().filter(|(name, _)| !is_label(name)) {
            assert_eq!(ours[name].1, theirs.1, "{name}");
            if name.starts_with("grad.") {
                let (ours, theirs) = (reals(&ours[name]), reals(theirs));
                let largest = theirs.iter().fold(0.0_f32, |largest, g| largest.max(g.abs()));
                let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * largest.max(1e-2);
                assert!(ours.iter().zip(&theirs).all(close), "{name}");
            }
        }
        assert!(!ours.keys().any(|name| name.starts_with("dropout.")), "no --dropout was given");
    }
}

#[test]
fn trace_backward_shows_the_loss_and_a_line_for_each_gradient() {
    let (model, batch) = (at("parity/even-tag"), at(&format!("parity/even-tag/{LABELLED}")));
    let args = ["trace", "--model", &model, "--backward", "--batch", &batch];
    let run = bert(&args);
    let loss = reals(&read_tensors(batch.as_ref())["loss"])[0];
    assert_eq!(run.ok().lines().next().unwrap(), format!("loss {loss:.6}"));
    for name in ["bert.embeddings.word_embeddings.weight", "classifier.bias", "hidden_states.2"] {
        assert!(run.stdout.lines().any(|line| line.starts_with(name)), "{name}: {}", run.stdout);
    }
    let lines = bert(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(keys(&lines[0]), ["loss"]);
    assert_eq!(keys(&lines[1]), ["name", "shape", "norm", "largest"]);
    let line = lines.iter().find(|line| line["name"] == "classifier.weight").unwrap();
    assert_eq!(line["shape"], json!([5, 32]));
    assert!(line["norm"].as_f64().unwrap() >= line["largest"].as_f64().unwrap());

    // The seed alone decides what falls.
    let loss = |more: &[&str]| bert(&[&args[..], &["--json"], more].concat()).json()[0].clone();
    assert_eq!(loss(&["--dropout", "--seed", "4"]), loss(&["--dropout", "--seed", "4"]));
    assert_ne!(loss(&["--dropout", "--seed", "4"]), loss(&["--dropout", "--seed", "5"]));
    assert_ne!(loss(&["--dropout"]), loss(&[]));
}

/// Name, shape and values of an array of labels; none takes the array away.
type Replaced<'a> = (&'a str, Option<(&'a [usize], &'a [i64])>);

/// `trace --backward` on a fixture whose labels are `labels` instead of its own.
fn with_labels(name: &str, labels: &[Replaced]) -> crate::support::Run {
    let model = Copy::of(name).tensors(LABELLED, |tensors| {
        for (name, labels) in labels {
            tensors.remove(*name);
            if let Some((shape, values)) = labels {
                tensors.insert((*name).to_owned(), integers(shape, values));
            }
        }
    });
    let batch = argument(&model.file(LABELLED));
    let run = model.run("trace", &["--backward", "--batch", &batch]);
    if run.code == Some(1) {
        assert!(run.stderr.contains(&batch), "the file is not named: {}", run.stderr);
    }
    run
}

#[test]
fn labels_that_do_not_fit_are_named() {
    let classify = |values: &[i64]| {
        with_labels("parity/even-classify", &[("labels", Some((&[values.len()], values)))])
    };
    classify(&[0, 1, 2, -100, 0, 1]).ok();
    classify(&[0, 1, 2, 3, 0, 1]).refuses(&["labels [3] is 3", "0 to 2, or -100"]);
    classify(&[0, 1, 2, -1, 0, 1]).refuses(&["labels [3] is -1", "from 0 on, or -100"]);
    classify(&[0, 1, 2]).refuses(&["labels has shape [3], expected [6]"]);
    classify(&[-100; 6]).refuses(&["labels: every label is ignored", "the loss is undefined"]);
    with_labels("parity/even-classify", &[("labels", None)])
        .refuses(&["a sequence_classification head is trained with labels, which is missing"]);
    with_labels("parity/odd-classify-multi-label", &[("labels", Some((&[6, 4], &[2; 24])))])
        .refuses(&["labels [0, 0] is 2", "1 (yes) or 0 (no)"]);
    with_labels("parity/tiny-classify-regression", &[("labels", Some((&[6, 2], &[2; 12])))])
        .refuses(&["labels has shape [6, 2], expected [6]"]);
    with_labels("parity/odd-answer", &[("start_positions", Some((&[6], &[1; 6])))])
        .refuses(&["start_positions [1] is 1", "attention_mask hides this column"]);
    // A column past the last is no answer; then none is left.
    with_labels("parity/odd-answer", &[("end_positions", Some((&[6], &[99; 6])))])
        .refuses(&["end_positions: every label is ignored"]);
    with_labels("parity/even-choice", &[("labels", Some((&[4], &[0; 4])))])
        .refuses(&["labels has shape [4]", "6 sequences are a multiple"]);
    with_labels("parity/even-choice", &[("labels", Some((&[2], &[0, 3])))])
        .refuses(&["labels [1] is 3", "0 to 2"]);
    let mut hidden = vec![-100; 6 * 9];
    (hidden[0], hidden[17]) = (5, 5); // the second sequence has one token
    with_labels("parity/even-masked-lm", &[("labels", Some((&[6, 9], &hidden)))])
        .refuses(&["labels [1, 8] is 5", "attention_mask hides this place"]);
    with_labels(
        "parity/even-pretraining",
        &[("next_sentence_label", Some((&[6], &[0, 1, 2, 0, 0, 0])))],
    )
    .refuses(&["next_sentence_label [2] is 2"]);
}

#[test]
fn what_has_no_gradient_is_told_so() {
    let (model, batch) = (at("parity/odd-base"), at("parity/odd-base/reference.safetensors"));
    bert(&["trace", "--model", &model, "--backward", "--batch", &batch])
        .refuses(&["no head", "no loss"]);
    bert(&["trace", "--model", &model, "--backward", "a text"]).refuses_usage(&["--batch"]);
    let broken = Copy::of("parity/even-tag").tensors("model.safetensors", |tensors| {
        // Finite, but its square is not.
        let weight = tensors.get_mut("bert.encoder.layer.1.attention.self.query.weight").unwrap();
        weight.2 =
            weight.2.as_chunks::<4>().0.iter().flat_map(|_| 3e38_f32.to_le_bytes()).collect();
    });
    let batch = argument(&broken.file(LABELLED));
    broken.run("trace", &["--backward", "--batch", &batch]).refuses(&["is not finite"]);
}

#[test]
fn gradcheck_says_ok_or_why_a_gradient_is_zero() {
    let run = bert(&["gradcheck", "--head", "multiple_choice"]);
    assert!(run.stderr.contains("41 gradients, all as finite differences say"), "{}", run.stderr);
    let line =
        |name: &str| run.ok().lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("bert.encoder.layer.1.attention.self.query.weight").ends_with("ok"));
    for zero in ["classifier.bias", "bert.encoder.layer.0.attention.self.key.bias"] {
        assert!(line(zero).contains("zero by mathematics: "), "{}", line(zero));
    }
    let lines = bert(&["gradcheck", "--head", "multiple_choice", "--dropout", "--json"]).json();
    assert_eq!(lines.len(), 41); // 5 of the embeddings, 16 of each layer, 2 of pooler and classifier each
    let fields = ["head", "tensor", "shape", "norm", "error", "passed", "zero"];
    assert_eq!(keys(&lines[0]), fields);
    assert!(lines.iter().all(|line| line["passed"] == true));
}

#[test]
fn gradcheck_of_a_tensor_shows_a_valley() {
    let folder = tempfile::tempdir().unwrap();
    let svg = argument(&folder.path().join("valley.svg"));
    let tensor = "bert.encoder.layer.0.output.LayerNorm.weight";
    let args = ["gradcheck", "--head", "next_sentence", "--tensor", tensor];
    bert(&[&args[..], &["--svg", &svg]].concat()).ok();
    let drawing = fs::read_to_string(&svg).unwrap();
    assert!(drawing.starts_with("<svg") && drawing.contains("size of the step"));
    let lines = bert(&[&args[..], &["--json"]].concat()).json();
    for formula in ["central", "four_points"] {
        let errors: Vec<_> = lines.iter().map(|line| line[formula].as_f64().unwrap()).collect();
        let best = errors.iter().copied().fold(f64::INFINITY, f64::min);
        // High on both sides: rounding on the left, curvature on the right.
        assert!(best < errors[0] / 100.0 && best < errors[errors.len() - 1] / 10.0, "{errors:?}");
    }
    bert(&["gradcheck", "--tensor", "no.such"]).refuses_usage(&["no.such", "bert gradcheck"]);
    bert(&["gradcheck", "--head", "none"]).refuses_usage(&["no loss"]);
    bert(&["gradcheck", "--svg", &svg]).refuses_usage(&["required arguments"]);
}
