//! What a user is told of data and results besides errors, and what a run depends on.

use crate::support::{Desk, bert, bert_reading, command};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
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
    // What the user says by number holds for every file.
    let numbers = ["--text-column", "0", "--label-column", "1", "--dev"];
    let bare = desk.file("bare.csv", "the dog barks,dog\na cat,cat\n");
    let run = desk.finetune(
        "classify",
        &train,
        "numbers",
        &[&["--epochs", "1"], &numbers[..], &[&bare]].concat(),
    );
    run.ok();
    // A second text that was not learnt from is not read.
    let pairs =
        desk.file("pairs.csv", "sentence1,sentence2,label\nthe dog,barks,dog\na cat,purrs,cat\n");
    let single = desk.file("single.csv", animals().replace("title,kind", "sentence1,label"));
    let run = desk.finetune("classify", &single, "single", &["--epochs", "1", "--dev", &pairs]);
    run.ok();
    assert!(
        run.stderr.contains("pairs.csv: columns: text \"sentence1\", label \"label\"\n"),
        "{}",
        run.stderr
    );
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
    let alone = report(&[]);
    assert!(alone.contains("this page does not know"));
    assert!(
        !alone.contains("training data: the model cannot")
            && !alone.contains("in the training data</td>")
    );
    assert!(report(&["--train", &train]).contains("Of their texts 1 are in the training data"));
}

#[test]
fn what_is_there_is_not_overwritten_by_other_seeds() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    let run = |seeds: &str, more: &[&str]| {
        desk.finetune(
            "classify",
            &train,
            "model",
            &[&["--epochs", "1", "--seed", seeds], more].concat(),
        )
    };
    run("1,2", &[]).ok();
    let before = desk.read("model/seeds.json");
    run("7,8", &[]).refuses(&["would be overwritten"]);
    assert_eq!(desk.read("model/seeds.json"), before);
    // The order of the seeds is no setting, and one more is welcome.
    run("2,1,3", &["--resume"]).ok();
    assert!(desk.read("model/seeds.json").contains("\"seed\": 3"));
}

#[test]
fn a_later_page_knows_which_weights_were_kept() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    let more = ["--epochs", "3", "--best", "--lr", "0.05", "--dev", &train, "--eval-every", "1"];
    desk.finetune("classify", &train, "model", &more).ok();
    let output = desk.at("page.html");
    let args = ["report", "--model", &desk.at("model"), "--input", &train, "--output", &output];
    bert(&args).ok();
    let kept = |page: &str| {
        let at = page.find("The weights of step ").expect("kept weights");
        page[at..].split_whitespace().nth(4).unwrap().to_owned()
    };
    assert_eq!(kept(&desk.read("page.html")), kept(&desk.read("model/report.html")));
}

#[test]
fn rows_before_one_that_is_refused_have_their_answers() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    desk.finetune("classify", &train, "model", &["--epochs", "1"]).ok();
    let rows = format!("title\n{}{}\nshort\n", "short\n".repeat(5), "long ".repeat(80));
    let input = desk.file("rows.csv", rows);
    let model = desk.at("model");
    let run = bert(&["predict", "--model", &model, "--input", &input, "--strict"]);
    run.refuses(&["rows.csv: line 7: "]);
    assert_eq!(run.stdout.lines().count(), 5);
    let output = desk.at("out.csv");
    let run =
        bert(&["predict", "--model", &model, "--input", &input, "--strict", "--output", &output]);
    run.refuses(&["out.csv was not written", "line 7"]);
    assert!(!desk.path("out.csv").exists());
}

#[cfg(unix)]
#[test]
fn a_pipe_is_read_whole_by_any_name() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    desk.finetune("classify", &train, "model", &["--epochs", "1"]).ok();
    // More than what a look at the first row could take.
    let rows = format!("title\n{}", "the dog barks at the cat\n".repeat(400));
    let args =
        ["predict", "--model", &desk.at("model"), "--input", "/dev/stdin", "--format", "csv"];
    assert_eq!(bert_reading(&args, rows.as_bytes()).ok().lines().count(), 400);
}

#[cfg(unix)]
#[test]
fn after_ctrl_c_the_rows_at_hand_have_their_answers_and_no_file_is_left() {
    let desk = Desk::new();
    let train = desk.file("train.csv", animals());
    desk.finetune("classify", &train, "model", &["--epochs", "1"]).ok();
    let output = desk.at("out.csv");
    let args = [
        "predict",
        "--model",
        &desk.at("model"),
        "--input",
        "-",
        "--format",
        "jsonl",
        "--output",
        &output,
    ];
    let mut child = command(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{{\"title\": \"the dog barks\"}}").unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(told.next().unwrap().unwrap().contains("columns"), "it is at work");
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    // It ends although the input does not.
    let ended = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(100));
        child.try_wait().unwrap().is_some()
    });
    drop(input);
    assert!(ended, "it waits for the next row");
    let told: Vec<_> = told.map_while(Result::ok).collect();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(
        told.iter().any(|line| line.contains("out.csv was not written: stopped by Ctrl-C")),
        "{told:?}"
    );
    let left = fs::read_dir(desk.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name.to_string_lossy().starts_with("out.csv")).collect();
    assert!(left.is_empty(), "{left:?}");
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
    let end = answers.recv_timeout(Duration::from_secs(60));
    assert_eq!(end, Err(RecvTimeoutError::Disconnected));
    assert!(child.wait().unwrap().success());
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
