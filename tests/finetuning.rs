//! `bert finetune`, `predict`, `evaluate` and `lr-find`: from a file of one's own to a model, and back to a file.

use crate::support::{Run, argument, bert, bert_reading, command};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A folder with files in it.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        argument(&self.path(name))
    }

    /// Writes a file and returns its path as an argument.
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), text).unwrap();
        self.at(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// `bert finetune TASK` on the built-in model, into `output`.
    fn finetune(&self, task: &str, train: &str, output: &str, more: &[&str]) -> Run {
        let output = self.at(output);
        let model = ["--model", "tiny-world", "--train", train, "--output", &output];
        bert(&[&["finetune", task], &model[..], more].concat())
    }
}

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

/// Names stand after "mr", places after "in"; each sentence once as IOB1.
fn tagged() -> String {
    let mut text = String::new();
    for (name, place) in [("otto", "rome"), ("anna", "paris"), ("emil", "oslo"), ("nora", "bern")] {
        for verb in ["sings", "sleeps", "walks"] {
            text += &format!("mr O\n{name} I-PER\n{verb} O\nin O\n{place} I-LOC\n\n");
            text += &format!("in O\n{place} I-LOC\n{verb} O\nmr O\n{name} I-PER\n\n");
        }
    }
    text
}

#[test]
fn words_are_tagged_and_every_line_of_the_file_comes_back() {
    let desk = Desk::new();
    let train = desk.file("train.conll", tagged());
    let more = ["--dev", &train, "--epochs", "30", "--batch-size", "8", "--lr", "2e-3"];
    desk.finetune("tag", &train, "model", &more).ok();
    let results = desk.read("model/eval_results.txt");
    assert!(results.contains("eval_f1 = 1.0\n"), "{results}");
    let config: Value = serde_json::from_str(&desk.read("model/config.json")).unwrap();
    assert_eq!(config["id2label"]["1"], "B-LOC"); // IOB2, whatever the file has
    let (model, output) = (desk.at("model"), desk.at("tagged.conll"));
    bert(&["predict", "--model", &model, "--input", &train, "--output", &output]).ok();
    for (given, written) in tagged().lines().zip(desk.read("tagged.conll").lines()) {
        let expected = match given.split_once(' ') {
            Some((_, tag)) => format!("{given} {}", tag.replace("I-", "B-")),
            None => String::new(),
        };
        assert_eq!(written, expected);
    }
    assert!(desk.read("model/report.html").contains("PER"));
    let table = bert(&["evaluate", "--model", &model, "--input", &train]);
    assert!(table.ok().contains("f1 = 1.0000"), "{}", table.stdout);
    // A sentence that is longer than the model is read in windows: no word is without its tag.
    let long = desk.file("long.conll", tagged().replace("\n\n", "\n"));
    let lines = bert(&["predict", "--model", &model, "--input", &long]);
    assert!(lines.ok().lines().all(|line| line.is_empty() || line.split(' ').count() == 3));
    assert_eq!(lines.stdout.lines().count(), 24 * 5);
}

#[test]
fn tags_that_mark_no_entities_are_counted_word_by_word() {
    let desk = Desk::new();
    let text = "the DET\ndog NOUN\nsings VERB\n\na DET\ncat NOUN\nsleeps VERB\n\n".repeat(6);
    let train = desk.file("train.conll", text);
    let more = ["--dev", &train, "--epochs", "12", "--batch-size", "4", "--lr", "2e-3"];
    desk.finetune("tag", &train, "model", &more).ok();
    let evaluated = bert(&["evaluate", "--model", &desk.at("model"), "--input", &train]);
    let table = evaluated.ok();
    assert!(table.contains("        NOUN      1.000"), "{table}");
    assert!(table.contains("accuracy = 1.0000") && !table.contains("precision ="), "{table}");
}

fn questions() -> String {
    let mut all = Vec::new();
    for (number, (who, place)) in
        [("otto", "rome"), ("anna", "paris"), ("emil", "oslo"), ("nora", "bern")].iter().enumerate()
    {
        for (verb, name) in [("sings", "a"), ("sleeps", "b"), ("walks", "c")] {
            let context = format!("é mr {who} {verb} in {place} .");
            let at = |text: &str| {
                context.chars().count() - context[context.find(text).unwrap()..].chars().count()
            };
            for (ask, answer) in [("who ?", who), ("where ?", place)] {
                all.push(serde_json::json!({
                    "id": format!("{number}{name}-{ask}"), "question": ask, "context": context,
                    "answers": [{"text": answer, "answer_start": at(answer)}],
                }));
            }
        }
    }
    all.iter().map(|question| format!("{question}\n")).collect()
}

#[test]
fn questions_are_answered_in_the_forms_that_the_squad_evaluation_reads() {
    let desk = Desk::new();
    let train = desk.file("questions.jsonl", questions());
    let more = ["--dev", &train, "--epochs", "60", "--batch-size", "8", "--lr", "2e-3"];
    desk.finetune("answer", &train, "model", &more).ok();
    let results = desk.read("model/eval_results.txt");
    assert!(results.contains("eval_exact_match = 100.0\n"), "{results}");
    let (model, folder) = (desk.at("model"), desk.at("answers/"));
    bert(&["predict", "--model", &model, "--input", &train, "--output", &folder]).ok();
    let predictions: Value = serde_json::from_str(&desk.read("answers/predictions.json")).unwrap();
    assert_eq!(predictions["0a-who ?"], "otto");
    assert_eq!(predictions["3c-where ?"], "bern");
    let best: Value = serde_json::from_str(&desk.read("answers/nbest_predictions.json")).unwrap();
    assert_eq!(best["0a-who ?"][0]["text"], "otto");
    assert!(!Path::new(&folder).join("null_odds.json").exists());
    let rows = bert(&["predict", "--model", &model, "--input", &train]).json();
    assert_eq!((rows[0]["answer"].as_str(), rows[0]["start"].as_u64()), (Some("otto"), Some(5)));
    // The same answers by the other road.
    let pair = ["answer", "--model", &model, "--question", "who ?", "é mr otto sings in rome ."];
    assert!(bert(&pair).ok().contains("otto"));
}

#[test]
fn the_right_ending_is_chosen() {
    let desk = Desk::new();
    let mut text = String::new();
    for (first, right, wrong) in
        [("a dog", "barks", "reads"), ("a man", "reads", "barks"), ("a cat", "sleeps", "drives")]
    {
        for order in 0..2 {
            let endings =
                if order == 0 { [right, wrong, "flies"] } else { [wrong, right, "flies"] };
            let line = serde_json::json!({"context": first, "endings": endings, "label": order});
            text += &format!("{line}\n").repeat(4);
        }
    }
    let train = desk.file("quiz.jsonl", text);
    let more = ["--dev", &train, "--epochs", "40", "--batch-size", "8", "--lr", "2e-3"];
    desk.finetune("choose", &train, "model", &more).ok();
    assert!(desk.read("model/eval_results.txt").contains("eval_accuracy = 1.0\n"));
    let (model, output) = (desk.at("model"), desk.at("choices.tsv"));
    bert(&["predict", "--model", &model, "--input", &train, "--output", &output]).ok();
    let written = desk.read("choices.tsv");
    assert!(written.starts_with("id\tchoice\tprobability_0\tprobability_1\tprobability_2\n1\t0\t"));
    assert_eq!(written.lines().count(), 25);
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
fn without_an_answer_there_is_none() {
    let desk = Desk::new();
    let mut text = questions();
    for (number, context) in ["the dog sleeps .", "the cat sings ."].iter().enumerate() {
        for ask in ["who ?", "where ?"] {
            let question = serde_json::json!({
                "id": format!("none-{number}-{ask}"), "question": ask, "context": context, "answers": [],
            });
            text += &format!("{question}\n");
        }
    }
    let train = desk.file("questions.jsonl", &text);
    let more = ["--dev", &train, "--epochs", "60", "--batch-size", "8", "--lr", "2e-3"];
    desk.finetune("answer", &train, "model", &more).ok();
    let results = desk.read("model/eval_results.txt");
    assert!(results.contains("eval_NoAns_exact = 100.0\n"), "{results}");
    assert!(results.contains("eval_HasAns_exact = 100.0\n"), "{results}");
    // A file that does not say so is answered all the same, if asked to.
    let asked = "{\"question\": \"who ?\", \"context\": \"the dog sleeps .\"}\n";
    let (asked, model) = (desk.file("asked.jsonl", asked), desk.at("model"));
    let folder = desk.at("answers/");
    let args = ["predict", "--model", &model, "--input", &asked, "--output", &folder];
    bert(&args).ok();
    assert!(!desk.path("answers/null_odds.json").exists());
    bert(&[&args[..], &["--version-2"]].concat()).ok();
    let answers: Value = serde_json::from_str(&desk.read("answers/predictions.json")).unwrap();
    let odds: Value = serde_json::from_str(&desk.read("answers/null_odds.json")).unwrap();
    assert!(answers.as_object().unwrap().values().all(|answer| answer == ""), "{answers}");
    assert!(odds.as_object().unwrap().values().all(|odds| odds.as_f64().unwrap() > 0.0), "{odds}");
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
