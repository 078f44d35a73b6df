//! Commands with `--bf16`.

use crate::support::{Desk, at, bert};
use serde_json::Value;

/// Twelve texts of two classes.
fn texts() -> String {
    let mut text = "text,label\n".to_owned();
    for animal in ["dog", "wolf", "cat", "horse", "bear", "fox"] {
        text += &format!("the {animal} bites the man .,loud\nthe {animal} sleeps .,quiet\n");
    }
    text
}

/// The column `loud` of a file of predictions.
fn probabilities(text: &str) -> Vec<f64> {
    let place = text.lines().next().unwrap().split(',').position(|name| name == "loud").unwrap();
    text.lines().skip(1).map(|row| row.split(',').nth(place).unwrap().parse().unwrap()).collect()
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// A bfloat16 is off by at most a part in 256; a probability moves by no more than a quarter of what its logit does.
#[test]
fn predictions_in_bfloat16_are_near_those_in_full_width_and_not_the_same() {
    let desk = Desk::new();
    let input = desk.file("texts.csv", texts());
    let trained = ["--epochs", "3", "--batch-size", "4", "--lr", "1e-3"];
    desk.finetune("classify", &input, "model", &trained).ok();
    let model = desk.at("model");
    let predict = |name: &str, more: &[&str]| {
        let output = desk.at(name);
        let args = ["predict", "--model", &model, "--input", &input, "--output", &output];
        bert(&[&args[..], more].concat()).ok();
        probabilities(&desk.read(name))
    };
    let full = predict("full.csv", &[]);
    let half = predict("half.csv", &["--bf16"]);
    assert_eq!(full.len(), 12);
    let apart = largest_difference(&full, &half);
    assert!(0.0 < apart && apart < 0.02, "{apart}: {full:?}, {half:?}");

    let vectors = |more: &[&str]| {
        let args = ["encode", "--model", &model, "the dog sleeps ."];
        let line = bert(&[&args[..], more].concat()).json().remove(0);
        let numbers = line["embedding"].as_array().unwrap().iter();
        numbers.map(|x| x.as_f64().unwrap()).collect::<Vec<_>>()
    };
    let (full, half) = (vectors(&[]), vectors(&["--bf16"]));
    let length = full.iter().map(|x| x * x).sum::<f64>().sqrt();
    let apart = largest_difference(&full, &half);
    assert!(0.0 < apart && apart < 0.02 * length, "{apart} of {length}");
}

#[test]
fn a_training_in_bfloat16_learns_saves_full_width_and_is_not_resumed_in_another() {
    let desk = Desk::new();
    let train = desk.file("texts.csv", texts());
    let more = ["--epochs", "6", "--batch-size", "4", "--lr", "1e-3", "--bf16"];
    let run = desk.finetune("classify", &train, "half", &more);
    run.ok();
    desk.finetune("classify", &train, "full", &more[..6]).ok();
    let losses = |name: &str| {
        let text = desk.read(&format!("{name}/metrics.jsonl"));
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter_map(|line| line["loss"].as_f64()).collect::<Vec<_>>()
    };
    let (half, full) = (losses("half"), losses("full"));
    assert!(half.last().unwrap() < &(0.7 * half[0]), "{half:?}");
    let apart = largest_difference(&half, &full);
    assert!(0.0 < apart && apart < 0.05, "{apart}: {half:?}, {full:?}");
    let inspected = bert(&["inspect", &desk.at("half")]);
    assert!(inspected.ok().contains("F32") && !inspected.ok().contains("BF16"));

    let resumed = desk.finetune("classify", &train, "half", &[&more[..6], &["--resume"]].concat());
    resumed.refuses(&["other settings"]);
    assert!(resumed.stderr.contains("--bf16"), "{}", resumed.stderr);
    let resumed = desk.finetune("classify", &train, "full", &[&more[..], &["--resume"]].concat());
    resumed.refuses(&["other settings"]);
    assert!(resumed.stderr.contains("--bf16"), "{}", resumed.stderr);
}

#[test]
fn pre_training_in_bfloat16_learns() {
    let desk = Desk::new();
    let output = desk.at("model");
    let args = ["pretrain", "--tiny-world", "--steps", "60", "--batch-size", "8", "--bf16"];
    bert(&[&args[..], &["--output", &output]].concat()).ok();
    let text = desk.read("model/metrics.jsonl");
    let losses: Vec<f64> = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["loss"].as_f64())
        .collect();
    assert!(losses.last().unwrap() < &(0.95 * losses[0]), "{losses:?}");
    // What it has saved is a model like any other.
    bert(&["encode", "--model", &output, "the dog sleeps ."]).ok();
    let resumed = bert(&[&args[..6], &["--output", &output, "--resume"]].concat());
    resumed.refuses(&["other settings"]);
    assert!(resumed.stderr.contains("--bf16"), "{}", resumed.stderr);
}

#[test]
fn a_model_of_8_bits_does_not_multiply_in_bfloat16() {
    let desk = Desk::new();
    let output = desk.at("int8");
    bert(&["quantize", "--model", &at("toy"), "--output", &output]).ok();
    bert(&["encode", "--model", &output, "--bf16", "the dog is good"])
        .refuses_usage(&["--bf16", "8 bits"]);
}
