//! Classes and labels, against scikit-learn.

use super::{assert_number, assert_scores, cases, count, digits, flags, text};
use bert_metrics::{Confusion, MultiLabel, Scores};
use serde_json::Value;

const NAMES: [&str; 7] =
    ["no", "yes", "perhaps", "a rather long label", "größer als überhaupt möglich", "x", "日本語"];

/// `expected` has rows of class, precision, recall, F1, support.
#[track_caller]
fn assert_classes(case: &Value, scores: impl Fn(usize) -> Scores) {
    for row in case["classes"].as_array().unwrap() {
        let row = row.as_array().unwrap();
        let found = scores(count(&row[0]));
        assert_scores(case, "a class", found, &row[1..4]);
        assert_eq!(found.support, count(&row[4]), "{case}");
    }
}

#[track_caller]
fn assert_averages(case: &Value, found: &[(&str, Scores)]) {
    for &(name, scores) in found {
        assert_scores(case, name, scores, case[name].as_array().unwrap());
    }
}

#[test]
fn one_class_for_each_example_is_judged_as_by_scikit_learn() {
    let mut reports = 0;
    for case in cases("classes") {
        let (gold, predicted) = (digits(&case["gold"]), digits(&case["predicted"]));
        let found = Confusion::of(&gold, &predicted, count(&case["count"]));
        let occurring = case["classes"].as_array().unwrap().iter().map(|row| count(&row[0]));
        assert_eq!(found.occurring(), occurring.collect::<Vec<_>>(), "{case}");
        assert_classes(&case, |class| found.class_scores(class));
        let averages = [
            ("micro", found.micro_average()),
            ("macro", found.macro_average()),
            ("weighted", found.weighted_average()),
        ];
        assert_averages(&case, &averages);
        assert_number(&case, "accuracy", found.accuracy());
        assert_number(&case, "balanced", found.balanced_accuracy());
        assert_number(&case, "matthews", found.matthews());
        if !case["report"].is_null() {
            assert_eq!(found.report(&NAMES[..found.classes()], 3), text(&case["report"]));
            reports += 1;
        }
    }
    assert!(reports >= 15, "{reports}");
}

#[test]
fn any_number_of_labels_is_judged_as_by_scikit_learn() {
    let mut reports = 0;
    for case in cases("multi_label") {
        let labels = count(&case["labels"]);
        let found = MultiLabel::of(&flags(&case["gold"]), &flags(&case["predicted"]), labels);
        assert_classes(&case, |label| found.label_scores(label));
        let averages = [
            ("micro", found.micro_average()),
            ("macro", found.macro_average()),
            ("weighted", found.weighted_average()),
            ("examples", found.example_average()),
        ];
        assert_averages(&case, &averages);
        assert_number(&case, "subset", found.subset_accuracy());
        assert_number(&case, "hamming", found.hamming_loss());
        if !case["report"].is_null() {
            let names: Vec<String> = (0..labels).map(|label| format!("label {label}")).collect();
            assert_eq!(found.report(&names, 2), text(&case["report"]));
            reports += 1;
        }
    }
    assert_eq!(reports, 5);
}
