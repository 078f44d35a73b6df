//! Entities, against seqeval and the rule of conlleval.

use super::{assert_close, assert_number, assert_scores, cases, count, text};
use bert_metrics::{Counts, EntityEvaluation, Scores, entities};
use serde_json::Value;

fn tags(sentence: &Value) -> Vec<&str> {
    text(sentence).split(' ').collect()
}

fn evaluate(case: &Value) -> EntityEvaluation {
    let mut evaluation = EntityEvaluation::default();
    let (gold, predicted) =
        (case["gold"].as_array().unwrap(), case["predicted"].as_array().unwrap());
    assert_eq!(gold.len(), predicted.len());
    for (gold, predicted) in gold.iter().zip(predicted) {
        evaluation.add(&tags(gold), &tags(predicted));
    }
    evaluation
}

#[test]
fn whatever_the_tags_the_entities_are_seqevals() {
    for case in cases("sentences") {
        let tags = tags(&case[0]);
        let found: Vec<_> = entities(&tags).iter().map(|e| (e.kind, e.start, e.end)).collect();
        let entity = |e: &Value| (text(&e[0]).to_owned(), count(&e[1]), count(&e[2]) + 1);
        let expected: Vec<_> = case[1].as_array().unwrap().iter().map(entity).collect();
        let expected: Vec<_> = expected.iter().map(|(k, s, e)| (k.as_str(), *s, *e)).collect();
        assert_eq!(found, expected, "{tags:?}");
    }
}

#[test]
fn taggings_are_judged_as_by_seqeval() {
    let (mut reports, mut without_entities) = (0, 0);
    for case in cases("tagging") {
        let found = evaluate(&case);
        let types: Vec<_> = found.types().collect();
        let expected = case["types"].as_array().unwrap();
        assert_eq!(types.len(), expected.len(), "{case}");
        for ((kind, counts), expected) in types.iter().zip(expected) {
            let expected = expected.as_array().unwrap();
            assert_eq!(*kind, text(&expected[0]));
            assert_scores(&case, kind, counts.scores(), &expected[1..4]);
            assert_eq!(counts.gold, count(&expected[4]), "{case}");
        }
        let averages = [
            ("micro", found.micro_average()),
            ("macro", found.macro_average()),
            ("weighted", found.weighted_average()),
        ];
        for (name, scores) in averages {
            if types.is_empty() && name == "macro" {
                // The one departure: its mean of no types is NaN.
                assert!(case["macro"][2].is_null() && scores == Scores::default());
                without_entities += 1;
            } else {
                assert_scores(&case, name, scores, case[name].as_array().unwrap());
            }
        }
        assert_number(&case, "accuracy", found.word_accuracy());
        if !case["report"].is_null() {
            assert_eq!(found.report(4).trim_end(), text(&case["report"]).trim_end());
            reports += 1;
        }
    }
    assert!(reports > 10 && without_entities > 0, "{reports}, {without_entities}");
}

#[test]
fn with_begin_inside_and_outside_the_counts_are_conllevals() {
    let with_counts = cases("tagging").into_iter().filter(|case| !case["conlleval"].is_null());
    let mut compared = 0;
    for case in with_counts {
        let evaluation = evaluate(&case);
        let expected: Vec<_> = case["conlleval"].as_array().unwrap().iter().collect();
        let found: Vec<(&str, Counts)> = evaluation.types().collect();
        assert_eq!(found.len(), expected.len(), "{case}");
        for ((kind, found), row) in found.into_iter().zip(expected) {
            let counts =
                Counts { right: count(&row[1]), predicted: count(&row[2]), gold: count(&row[3]) };
            assert_eq!((kind, found), (text(&row[0]), counts), "{case}");
        }
        compared += 1;
    }
    assert!(compared > 15, "{compared} cases");
}

#[test]
fn tags_compared_with_themselves_are_all_right() {
    for case in cases("tagging") {
        let mut evaluation = EntityEvaluation::default();
        for sentence in case["gold"].as_array().unwrap() {
            evaluation.add(&tags(sentence), &tags(sentence));
        }
        assert_close(&case, "word accuracy", evaluation.word_accuracy(), 1.0);
        for (kind, counts) in evaluation.types() {
            assert_eq!((counts.right, counts.predicted), (counts.gold, counts.gold), "{kind}");
        }
    }
}
