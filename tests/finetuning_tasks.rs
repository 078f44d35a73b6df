//! Fine-tuning for tags, answers and choices: from a file of one's own to a model, and back to a file.

use crate::support::{Desk, bert};
use serde_json::Value;
use std::path::Path;

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
    let google = ["--output", &desk.at("test_results.tsv"), "--google"];
    let refused = [&["predict", "--model", &model, "--input", &train], &google[..]].concat();
    bert(&refused).refuses_usage(&["--google", "a tagger"]);
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
    let refused =
        ["predict", "--model", &model, "--input", &train, "--output", &folder, "--google"];
    bert(&refused).refuses_usage(&["--google", "answers questions"]);
    // The same answers by the other road.
    let pair = ["answer", "--model", &model, "--question", "who ?", "é mr otto sings in rome ."];
    assert!(bert(&pair).ok().contains("otto"));
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
