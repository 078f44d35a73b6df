//! Classes, several labels, numbers; and the order of labels.

use crate::{message, texts};
use bert_data::Error;
use bert_data::table::{Column, Format};
use bert_data::texts::{Columns, Labels, Need, Problem, Target, TextFile, TextOptions};
use std::path::Path;

fn file(text: &str, problem: Problem, target: Need) -> Result<TextFile, Error> {
    let format = if text.starts_with('{') { Format::Jsonl } else { Format::Csv };
    texts(format, text, &TextOptions { problem, target, ..TextOptions::default() })
}

fn targets(text: &str, problem: Problem, target: Need) -> Vec<Option<Target>> {
    file(text, problem, target).unwrap().examples.into_iter().map(|e| e.target).collect()
}

fn class(name: &str) -> Option<Target> {
    Some(Target::Class(name.to_owned()))
}

fn several(names: &[&str]) -> Option<Target> {
    Some(Target::Labels(names.iter().map(|&name| name.to_owned()).collect()))
}

#[test]
fn a_class_is_any_one_text_number_or_truth() {
    let text = "{\"text\":\"a\",\"label\":\" x \"}\n{\"text\":\"b\",\"label\":3}\n\
                {\"text\":\"c\",\"label\":true}\n{\"text\":\"d\",\"label\":[\"y\"]}\n";
    let expected = [class("x"), class("3"), class("true"), class("y")];
    assert_eq!(targets(text, Problem::SingleLabel, Need::Always), expected);
}

#[test]
fn an_example_without_a_label_is_an_error_where_one_is_needed() {
    for (text, found) in [
        ("text,label\na,b\nc,\n", "an empty cell"),
        ("{\"text\":\"a\",\"label\":\"b\"}\n{\"text\":\"c\"}\n", "nothing"),
        (
            "{\"text\":\"a\",\"label\":\"b\"}\n{\"text\":\"c\",\"label\":[\"d\",\"e\"]}\n",
            "a list of 2",
        ),
        ("{\"text\":\"a\",\"label\":\"b\"}\n{\"text\":\"c\",\"label\":{}}\n", "an object"),
    ] {
        let line = if text.starts_with('{') { 2 } else { 3 };
        let expected =
            format!("table: line {line}, column label: expected one label, found {found}");
        assert_eq!(message(file(text, Problem::SingleLabel, Need::Always)), expected);
    }
    let text = "text,label\na,b\nc, \n";
    assert_eq!(targets(text, Problem::SingleLabel, Need::IfThere), [class("b"), None]);
}

#[test]
fn a_missing_text_is_an_error_and_other_columns_may_hold_anything() {
    let text = "{\"text\":\"a\",\"label\":1,\"x\":{}}\n{\"label\":2}\n";
    let expected = "table: line 2, column text: expected a text, found nothing";
    assert_eq!(message(file(text, Problem::SingleLabel, Need::Always)), expected);
}

#[test]
fn several_labels_stand_in_one_cell() {
    let text = "text,labels\na,\"x, y ,x\"\nb,\nc,y\n";
    let expected = [several(&["x", "y"]), several(&[]), several(&["y"])];
    assert_eq!(targets(text, Problem::MultiLabel, Need::Always), expected);
    let text = "{\"text\":\"a\",\"labels\":[\"x,1\",\"y\"]}\n{\"text\":\"b\",\"labels\":[]}\n";
    let expected = [several(&["x,1", "y"]), several(&[])];
    assert_eq!(targets(text, Problem::MultiLabel, Need::Always), expected);
    let null = "{\"text\":\"a\",\"labels\":[]}\n{\"text\":\"b\",\"labels\":null}\n";
    assert!(
        message(file(null, Problem::MultiLabel, Need::Always)).contains("line 2, column labels")
    );

    let options = TextOptions {
        problem: Problem::MultiLabel,
        separator: "||".to_owned(),
        ..TextOptions::default()
    };
    let found = texts(Format::Csv, "text,label\na,\"x,1||y\"\n", &options).unwrap();
    assert_eq!(found.examples[0].target, several(&["x,1", "y"]));
    let none = TextOptions { separator: String::new(), ..options };
    assert!(message(texts(Format::Csv, "text,label\na,x\n", &none)).contains("separator"));
}

#[test]
fn several_columns_say_yes_or_no_to_one_label_each() {
    let labels = ["x", "z"].map(Column::from).to_vec();
    let columns = Columns { labels, ..Columns::default() };
    let options = TextOptions { columns, problem: Problem::MultiLabel, ..TextOptions::default() };
    let text = "text,x,y,z\na,1,0,0\nb,0,1,0\nc,True,0,1.0\n";
    let found = texts(Format::Csv, text, &options).unwrap();
    let found: Vec<_> = found.examples.into_iter().map(|e| e.target).collect();
    assert_eq!(found, [several(&["x"]), several(&[]), several(&["x", "z"])]);

    let error = message(texts(Format::Csv, "text,x,z\na,1,0\nb,2,0\n", &options));
    assert_eq!(error, "table: line 3, column x: expected 0 or 1, found \"2\"");
    let single = TextOptions { problem: Problem::SingleLabel, ..options.clone() };
    assert!(message(texts(Format::Csv, text, &single)).starts_with("label columns: expected one"));
    let predict = TextOptions { target: Need::IfThere, ..options };
    let found = texts(Format::Csv, "text,x,z\na,,\nb,0,1\n", &predict).unwrap();
    assert_eq!(found.examples[0].target, None);
    assert_eq!(found.examples[1].target, several(&["z"]));
}

#[test]
fn a_number_must_be_finite() {
    let text = "{\"text\":\"a\",\"score\":1e3}\n{\"text\":\"b\",\"score\":\" -0.25 \"}\n";
    let expected = [1000.0, -0.25].map(|number| Some(Target::Number(number)));
    assert_eq!(targets(text, Problem::Regression, Need::Always), expected);
    for wrong in ["NaN", "nan", "inf", "-Infinity", "1e999", "one", "1,5"] {
        let text = format!("text,score\na,1\nb,\"{wrong}\"\n");
        let error = message(file(&text, Problem::Regression, Need::Always));
        let expected = "table: line 3, column score: expected a finite number, found";
        assert!(error.starts_with(expected), "{error}");
    }
    let text = "text,score\na,\nb,2\n";
    assert_eq!(
        targets(text, Problem::Regression, Need::IfThere),
        [None, Some(Target::Number(2.0))]
    );
    assert!(
        message(file(text, Problem::Regression, Need::Always)).contains("line 2, column score")
    );
}

#[test]
fn labels_are_sorted_whole_numbers_by_value() {
    let of = |text: &str, problem| Labels::found_in(&file(text, problem, Need::Always).unwrap());
    let names = |text, problem| of(text, problem).unwrap().names().to_vec();
    let single = Problem::SingleLabel;
    assert_eq!(names("text,label\na,10\nb,9\nc,-1\nd,10\n", single), ["-1", "9", "10"]);
    assert_eq!(names("text,label\na,10\nb,9\nc,x\n", single), ["10", "9", "x"]);
    assert_eq!(names("text,label\na,b\nb,é\nc,B\n", single), ["B", "b", "é"]);
    assert_eq!(names("text,label\na,\"x,y\"\nb,\n", Problem::MultiLabel), ["x", "y"]);
    let only = message(of("text,label\na,x\nb,x\n", single));
    assert_eq!(only, "table: expected at least two different labels, found only \"x\"");
    assert!(message(of("text,label\na,\nb,\n", Problem::MultiLabel)).ends_with("found none"));
}

#[test]
fn a_label_that_is_not_known_is_an_error_with_its_line() {
    let labels = Labels::given(["no", "yes"]).unwrap();
    assert_eq!((labels.index("yes"), labels.index("maybe")), (Some(1), None));
    let file = file("text,label\na,yes\nb,maybe\n", Problem::SingleLabel, Need::Always).unwrap();
    assert_eq!(labels.indices(&file.examples[0], Path::new("dev")).unwrap(), [1]);
    let expected = "line 3: expected one of the labels no, yes, found \"maybe\"";
    let error = message(labels.indices(&file.examples[1], Path::new("dev")));
    assert_eq!(error, format!("dev: {expected}"));
    assert_eq!(message(labels.counts(&file)), format!("table: {expected}"));
    let labels = Labels::given(["maybe", "no", "yes"]).unwrap();
    assert_eq!(labels.counts(&file).unwrap(), [1, 0, 1]);
    for wrong in [&["a", "b", "a"][..], &[], &["a", ""]] {
        assert!(
            message(Labels::given(wrong.iter().copied())).starts_with("labels: expected names")
        );
    }
}
