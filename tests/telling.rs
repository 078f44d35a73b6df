//! What a user is told of data and results besides errors, and what a run depends on.

use crate::support::{Desk, bert, command};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Texts of two classes.
fn animals() -> String {
    let line = |number: usize| match number % 2 {
        0 => format!("the dog barks {number},dog\n"),
        _ => format!("the cat purrs {number},cat\n"),
    };
    format!("title,kind\n{}", (0..24).map(line).collect::<String>())
}

#[test]
fn the_columns_are_told_and_those_of_the_other_files_are_the_same() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    let other =
        desk.file("other.csv", "id,kind,text,title\n1,dog,x,the dog barks\n2,cat,y,a cat\n");
    let more = ["--epochs", "1", "--dev", &other];
    let run = desk.finetune("classify", &train, "model", &more);
    run.ok();
    for told in [
        "train.csv: columns: text \"title\", label \"kind\"",
        "other.csv: columns: text \"title\", label \"kind\", id \"id\"",
    ] {
        assert!(run.stderr.contains(told), "{told}: {}", run.stderr);
    }
    let without = desk.file("without.csv", "text,label\nthe dog barks,dog\n");
    for flag in ["--dev", "--test"] {
        let run = desk.finetune("classify", &train, "second", &["--epochs", "1", flag, &without]);
        run.refuses(&["without.csv", "no column \"title\"", "text, label"]);
    }
}

#[test]
fn what_is_refused_as_too_long_is_named_by_file_and_line() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    let long = format!("title,kind\nshort,dog\n\n{},cat\n", "long ".repeat(80));
    let long = desk.file("long.csv", long);
    let strict = ["--epochs", "1", "--dev-fraction", "0", "--strict"];
    let with_dev = ["--epochs", "1", "--dev", &long];
    desk.finetune("classify", &long, "model", &strict)
        .refuses(&["long.csv: line 4: ", "64 at most"]);
    let run = desk.finetune("classify", &train, "model", &[&with_dev[..], &["--strict"]].concat());
    run.refuses(&["long.csv: line 4: "]);
    let run = desk.finetune("classify", &train, "model", &with_dev);
    run.warns(&["long.csv: 1 text longer than 64 tokens"]);
    let model = desk.at("model");
    for command in ["evaluate", "predict"] {
        let run = bert(&[command, "--model", &model, "--input", &long, "--strict"]);
        run.refuses(&["long.csv: line 4: ", "64 at most"]);
    }
    let choices =
        |endings: &str| format!("{{\"context\": \"a\", \"endings\": {endings}, \"label\": 0}}\n");
    let short = choices("[\"b\", \"c\"]");
    let long = choices(&format!("[\"b\", \"c\", \"{}\"]", "long ".repeat(80)));
    let quiz = desk.file("quiz.jsonl", format!("{short}{short}{long}{short}"));
    desk.finetune("choose", &quiz, "quiz", &strict).refuses(&["quiz.jsonl: line 3: "]);
}

#[test]
fn a_header_in_the_middle_and_unknown_characters_are_noticed() {
    let desk = Desk::new();
    let twice =
        desk.file("twice.csv", animals() + "title,kind\nthe dog,dog\nthe cat,cat\ntitle,kind\n");
    let run = desk.finetune("classify", &twice, "model", &["--epochs", "1"]);
    run.warns(&["twice.csv: line 26 repeats the header, and \"kind\" counts as a label"]);
    let greek = desk.file("greek.csv", animals().replace("the", "ο σκύλος"));
    let run = desk.finetune("classify", &greek, "greek", &["--epochs", "1"]);
    run.warns(&["% of the tokens are [UNK]"]);
    let plain = desk.file("plain.csv", animals());
    let run = desk.finetune("classify", &plain, "plain", &["--epochs", "1"]);
    run.ok();
    assert!(!run.stderr.contains("[UNK]") && !run.stderr.contains("repeats"), "{}", run.stderr);
}

#[test]
fn another_dev_file_is_another_run() {
    let desk = Desk::new();
    let (train, dev) = (desk.file("train.csv", animals()), desk.file("dev.csv", animals()));
    let more = ["--epochs", "1", "--dev", &dev];
    desk.finetune("classify", &train, "model", &more).ok();
    let again = [&more[..], &["--resume"]].concat();
    desk.finetune("classify", &train, "model", &again).ok();
    desk.file("dev.csv", animals().replace("barks", "sleeps"));
    let run = desk.finetune("classify", &train, "model", &again);
    run.refuses(&["other settings"]);
    assert!(run.stderr.contains("dev data"), "{}", run.stderr);
}

#[test]
fn the_page_has_the_test_scores_and_says_what_it_knows() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    let test = desk.file("test.csv", "title,kind\nthe dog barks 0,dog\na cat sits,cat\n");
    let more = ["--epochs", "1", "--test", &test, "--seed", "3,4"];
    let run = desk.finetune("classify", &train, "model", &more);
    run.ok();
    assert!(run.stderr.contains("test accuracy of 2 seeds: mean "), "{}", run.stderr);
    let page = desk.read("model/report.html");
    for part in [
        "Report on model",
        "On the test data",
        "With other seeds",
        "None of their texts is in the training data",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let seeds: Value = serde_json::from_str(&desk.read("model/seeds.json")).unwrap();
    let dev: Vec<f64> =
        seeds["seeds"].as_array().unwrap().iter().map(|s| s["dev"].as_f64().unwrap()).collect();
    assert_eq!(seeds["dev"]["mean"], (dev[0] + dev[1]) / 2.0);
    let best = fs::read(desk.path("model/model.safetensors")).unwrap();
    let kept = format!("model/seed-{}/model.safetensors", seeds["best"]);
    assert_eq!(best, fs::read(desk.path(&kept)).unwrap());
    // Of a finished model, nobody says what it was trained on.
    let model = desk.at("model");
    let report = |more: &[&str]| {
        let output = desk.at("page.html");
        let args = ["report", "--model", &model, "--input", &test, "--output", &output];
        bert(&[&args[..], more].concat()).ok();
        desk.read("page.html")
    };
    assert!(report(&[]).contains("this page does not know"));
    assert!(report(&["--train", &train]).contains("Of their texts 1 are in the training data"));
}

#[test]
fn of_standard_input_each_row_has_its_answer_at_once() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    desk.finetune("classify", &train, "model", &["--epochs", "1"]).ok();
    let args = ["predict", "--model", &desk.at("model"), "--input", "-", "--format", "jsonl"];
    let mut child = command(&args).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    for number in 1..4 {
        writeln!(input, "{{\"title\": \"the dog barks\"}}").unwrap();
        // The next row is not there yet. Whoever waits for it waits for ever.
        let line = answers.recv_timeout(Duration::from_secs(60)).expect("an answer");
        assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["id"], number.to_string());
    }
    drop(input);
    assert!(answers.recv().is_err() && child.wait().unwrap().success());
}

#[test]
fn there_is_an_evaluation_at_the_end_of_each_epoch_however_many_steps_it_has() {
    let desk = Desk::new();
    // Texts of very different lengths: the epochs' batches of tokens are not equally many.
    let text = animals().replace("purrs", &"purrs and ".repeat(9));
    let train = desk.file("train.csv", text);
    let more = ["--epochs", "5", "--batch-tokens", "70", "--dev", &train];
    let run = desk.finetune("classify", &train, "model", &more);
    run.ok();
    let lines = desk.read("model/metrics.jsonl");
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let evaluated = lines.filter(|line| line.get("eval_loss").is_some());
    let steps: Vec<u64> = evaluated.map(|line| line["step"].as_u64().unwrap()).collect();
    assert_eq!(steps.len(), 5, "{steps:?}");
    let told = format!("an epoch has {} steps; steps 1 to {}\n", steps[0], steps[4]);
    assert!(run.stderr.contains(&told), "{steps:?}: {}", run.stderr);
    let lengths: Vec<u64> = steps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        lengths.iter().any(|length| *length != lengths[0]),
        "not the case it is about: {steps:?}"
    );
}

#[test]
fn tags_can_be_a_table_too() {
    let desk = Desk::new();
    let text = "otto B-PER\nsings O\n\nin O\nrome B-LOC\n\n".repeat(8);
    let train = desk.file("train.conll", text);
    desk.finetune("tag", &train, "model", &["--epochs", "1"]).ok();
    let output = desk.at("tags.csv");
    bert(&["predict", "--model", &desk.at("model"), "--input", &train, "--output", &output]).ok();
    let table = desk.read("tags.csv");
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], ["line", "word", "tag", "probability"]);
    assert_eq!((rows.len(), rows[4][0], rows[4][1]), (33, "5", "rome"));
    let sure: f64 = rows[4][3].parse().unwrap();
    assert!((1.0 / 5.0..=1.0).contains(&sure), "{sure}");
}
