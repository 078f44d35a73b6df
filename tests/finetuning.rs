//! `bert finetune`, `predict`, `evaluate` and `lr-find`: from a file of one's own to a model, and back to a file.

use crate::support::{Desk, bert, bert_reading, command};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Three kinds of titles of issues, each with words of its own; a comma, a quote and a line break among them.
fn titles() -> String {
    let mut rows = "id,title,kind\n".to_owned();
    let kinds = [
        ("bug", ["crash", "error", "fails", "broken"]),
        ("feature", ["add", "support", "allow", "please"]),
        ("question", ["how", "where", "why", "what"]),
    ];
    let objects = ["menu", "file", "table", "window", "\"save\" button", "log"];
    for (number, object) in objects.iter().enumerate() {
        for (kind, words) in kinds {
            for word in words {
                let id = format!("{kind}-{word}-{number}");
                let object = object.replace('"', "\"\"");
                rows += &format!("{id},\"{word}, the {object}\n{word}\",{kind}\n");
            }
        }
    }
    rows
}

/// Enough to learn them.
const TITLES: [&str; 6] = ["--epochs", "12", "--batch-size", "8", "--lr", "2e-3"];

#[test]
fn a_csv_becomes_a_model_that_labels_every_row_of_another() {
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let run = desk.finetune("classify", &train, "model", &TITLES);
    run.ok();
    assert!(run.stderr.contains("7 of 72 examples are set aside"), "{}", run.stderr);
    assert!(run.stderr.contains("labels bug, feature, question"), "{}", run.stderr);
    let config: Value = serde_json::from_str(&desk.read("model/config.json")).unwrap();
    assert_eq!(
        config["id2label"],
        serde_json::json!({"0": "bug", "1": "feature", "2": "question"})
    );
    assert_eq!(config["architectures"][0], "BertForSequenceClassification");
    assert!(desk.read("model/eval_results.txt").contains("eval_accuracy = 1.0\n"));
    assert!(desk.read("model/loss.svg").starts_with("<svg"));

    // One row for each row, in order, under its own name and with a column for each label.
    let model = desk.at("model");
    let output = desk.at("labels.csv");
    bert(&["predict", "--model", &model, "--input", &train, "--output", &output]).ok();
    let written = desk.read("labels.csv");
    let rows: Vec<Vec<&str>> = written.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["id", "label", "bug", "feature", "question"]);
    assert_eq!(rows.len(), 73);
    let mut right = 0;
    for row in &rows[1..] {
        let scores: Vec<f64> = row[2..].iter().map(|score| score.parse().unwrap()).collect();
        assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{row:?}");
        let best =
            ["bug", "feature", "question"][scores.iter().position(|s| *s > 0.5).unwrap_or(0)];
        right += usize::from(row[1] == best && row[0].starts_with(row[1]));
    }
    assert!(right > 65, "{right} of 72");
    let ids: Vec<_> = rows[1..].iter().map(|row| row[0]).collect();
    assert_eq!(ids, csv_ids(&titles()));

    // The page says how it went; another one is made of any file.
    let page = desk.read("model/report.html");
    for part in [
        "Report on model",
        "Settings",
        "Class balance",
        "Learning curves",
        "The worst errors",
        "Which words",
    ] {
        assert!(page.contains(part), "no {part:?} in the report");
    }
    let page = desk.at("again.html");
    bert(&["report", "--model", &model, "--input", &train, "--output", &page]).ok();
    assert!(desk.read("again.html").contains("The worst errors"));

    // Evaluation counts as we do, and a stream says the same as a file.
    let evaluated = bert(&["evaluate", "--model", &model, "--input", &train, "--json"]);
    let accuracy = evaluated.json()[0]["accuracy"].as_f64().unwrap();
    assert!((accuracy - right as f64 / 72.0).abs() < 1e-9, "{accuracy}, {right}");
    let streamed = bert_reading(
        &["predict", "--model", &model, "--input", "-", "--format", "csv"],
        titles().as_bytes(),
    );
    let labels: Vec<_> = streamed.json().iter().map(|row| row["label"].clone()).collect();
    assert_eq!(labels, rows[1..].iter().map(|row| Value::from(row[1])).collect::<Vec<_>>());
    // Google's form: numbers and tabs, no header, no names.
    let google = desk.at("test_results.tsv");
    bert(&["predict", "--model", &model, "--input", &train, "--output", &google, "--google"]).ok();
    let first: Vec<f64> = desk
        .read("test_results.tsv")
        .lines()
        .next()
        .unwrap()
        .split('\t')
        .map(|n| n.parse().unwrap())
        .collect();
    let expected: Vec<f64> = rows[1][2..].iter().map(|n| n.parse().unwrap()).collect();
    assert_eq!(first, expected);
}

/// The first cells of a CSV file whose quoted cells hold line breaks.
fn csv_ids(text: &str) -> Vec<&str> {
    let begins = |line: &&str| line.contains("-") && line.contains(",\"");
    text.lines().filter(begins).map(|line| line.split(',').next().unwrap()).collect()
}

#[test]
fn a_training_that_was_killed_ends_with_the_same_bits() {
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let more = ["--epochs", "auto", "--batch-size", "8", "--lr", "2e-3", "--save-every", "3"];
    desk.finetune("classify", &train, "whole", &more).ok();
    let output = desk.at("killed");
    let args =
        ["finetune", "classify", "--model", "tiny-world", "--train", &train, "--output", &output];
    let args = [&args[..], &more, &["--resume"]].concat();
    let mut kills = 0;
    // Later and later, so that each run gets further than the one before.
    for wait in (0..40).map(|number| Duration::from_millis(150 + 60 * number)) {
        let mut child = command(&args).spawn().unwrap();
        let began = Instant::now();
        let ended = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if began.elapsed() > wait {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        if ended.is_some() || kills == 6 {
            break;
        }
    }
    assert!(kills > 0, "it was never killed");
    bert(&args).ok();
    let weights = |name: &str| fs::read(desk.path(name).join("model.safetensors")).unwrap();
    assert!(weights("whole") == weights("killed"), "after {kills} kills");
    assert_eq!(desk.read("whole/eval_results.txt"), desk.read("killed/eval_results.txt"));
    // It is finished, and another training is another one.
    let again = bert(&args);
    again.ok();
    assert!(again.stderr.contains("the training is finished"), "{}", again.stderr);
    let other = [&args[..], &["--warmup", "0.2"]].concat();
    bert(&other).refuses(&["other settings"]);
    desk.finetune("classify", &train, "killed", &more).refuses(&["holds a run"]);
}

#[test]
fn recomputed_activations_give_the_same_bits() {
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let [whole, recomputed] =
        [("whole", None), ("recomputed", Some("--recompute"))].map(|(name, flag)| {
            let more = ["--epochs", "2", "--batch-size", "8", "--lr", "2e-3", "--dropout", "0.1"];
            let more: Vec<_> = more.into_iter().chain(flag).collect();
            desk.finetune("classify", &train, name, &more).ok();
            fs::read(desk.path(name).join("model.safetensors")).unwrap()
        });
    assert!(whole == recomputed);
}

#[test]
fn several_labels_and_numbers_are_learnt_too() {
    let desk = Desk::new();
    let mut several = "text\tlabels\n".to_owned();
    let mut numbers = "{\"text\": \"nothing\", \"score\": 0}\n".to_owned();
    for _ in 0..8 {
        several += "red\tcolour\nred dog\tcolour|animal\ndog\tanimal\nhouse\t\n";
        for (number, text) in ["a", "a a", "a a a", "a a a a"].iter().enumerate() {
            numbers += &format!("{{\"text\": \"{text}\", \"score\": {}}}\n", number + 1);
        }
    }
    let train = desk.file("several.tsv", &several);
    let labels = ["--multi-label", "--label-separator", "|"];
    let more = ["--epochs", "40", "--dev", &train, "--lr", "2e-3"];
    desk.finetune("classify", &train, "several", &[&labels[..], &more].concat()).ok();
    let results = desk.read("several/eval_results.txt");
    assert!(results.contains("eval_micro_f1 = 1.0\n"), "{results}");
    let model = desk.at("several");
    let rows = bert(&["predict", "--model", &model, "--input", &train]).json();
    let labels: Vec<_> = rows[..4].iter().map(|row| row["labels"].as_str().unwrap()).collect();
    assert_eq!(labels, ["colour", "animal,colour", "animal", ""]);

    let train = desk.file("numbers.jsonl", &numbers);
    let more = ["--regression", "--epochs", "40", "--dev", &train, "--lr", "2e-3"];
    desk.finetune("classify", &train, "numbers", &more).ok();
    let model = desk.at("numbers");
    let rows = bert(&["predict", "--model", &model, "--input", &train]).json();
    for (row, expected) in rows.iter().zip([0.0, 1.0, 2.0, 3.0, 4.0]) {
        assert!((row["score"].as_f64().unwrap() - expected).abs() < 0.5, "{row}");
    }
    let scores = bert(&["evaluate", "--model", &model, "--input", &train, "--json"]).json();
    assert!(scores[0]["pearson"].as_f64().unwrap() > 0.95, "{scores:?}");
}

#[test]
fn what_is_frozen_stays_and_what_is_not_learns() {
    use crate::support::read_tensors;
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let more = [
        "--epochs",
        "1",
        "--freeze",
        "1",
        "--class-weights",
        "balanced",
        "--label-smoothing",
        "0.1",
    ];
    desk.finetune("classify", &train, "model", &more).ok();
    let built_in =
        concat!(env!("CARGO_MANIFEST_DIR"), "/crates/checkpoint/tiny-world/model.safetensors");
    let before = read_tensors(Path::new(built_in));
    let after = read_tensors(&desk.path("model/model.safetensors"));
    let same = |name: &str| before[name] == after[name];
    assert!(same("bert.embeddings.word_embeddings.weight"));
    assert!(same("bert.encoder.layer.0.intermediate.dense.weight"));
    assert!(!same("bert.encoder.layer.1.intermediate.dense.weight"));
    assert!(!same("bert.pooler.dense.weight"));
}

#[test]
fn texts_are_cut_in_use_where_they_were_cut_in_training() {
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let run = desk.finetune("classify", &train, "model", &["--epochs", "1", "--max-length", "10"]);
    run.ok();
    assert!(run.stderr.contains("the limit is 10"), "{}", run.stderr);
    assert!(run.stderr.contains("training texts longer than 10 tokens"), "{}", run.stderr);
    let config: Value = serde_json::from_str(&desk.read("model/tokenizer_config.json")).unwrap();
    assert_eq!(config["model_max_length"], 10);
    let scores = bert(&["evaluate", "--model", &desk.at("model"), "--input", &train]);
    scores.warns(&["72 texts longer than 10 tokens"]);
}

#[test]
fn several_seeds_tell_their_mean_and_leave_the_best() {
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let run = desk.finetune("classify", &train, "model", &["--epochs", "1", "--seed", "1,2"]);
    run.ok();
    assert!(run.stderr.contains("accuracy of 2 seeds: mean 0."), "{}", run.stderr);
    let weights = |name: &str| fs::read(desk.path(name)).unwrap();
    let best = weights("model/model.safetensors");
    let own = ["1", "2"].map(|seed| weights(&format!("model/seed-{seed}/model.safetensors")));
    assert!(own[0] != own[1] && own.contains(&best));
    // They never take the place of another model.
    desk.finetune("classify", &train, "other", &["--epochs", "1"]).ok();
    let other = desk.finetune("classify", &train, "other", &["--epochs", "1", "--seed", "1,2"]);
    other.refuses(&["would be overwritten"]);
}

#[test]
fn a_learning_rate_is_suggested_and_drawn() {
    let desk = Desk::new();
    let train = desk.file("titles.csv", titles());
    let svg = desk.at("rates.svg");
    let args = ["lr-find", "classify", "--model", "tiny-world", "--train", &train];
    let found = bert(&[&args[..], &["--steps", "60", "--json", "--svg", &svg]].concat());
    let found = &found.json()[0];
    let rate = found["suggestions"]["valley"].as_f64().unwrap();
    assert!((1e-7..1.0).contains(&rate), "{rate}");
    assert!(desk.read("rates.svg").starts_with("<svg"));
    bert(&[&args[..], &["--from", "1", "--to", "0.1"]].concat()).refuses_usage(&["--from, --to"]);
}
