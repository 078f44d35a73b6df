//! The commands' answers against those of transformers' pipelines, computed in float64 from the same
//! weights: of the toy models (`tests/reference/make_toy.py`), and of models that transformers has fine-tuned
//! and saved (`make_finetuned.py`).

use bert_checkpoint::LoadOptions;
use bert_model::Model;
use bert_nn::{Real, Tensors};
use bert_pipeline::answer::Answer;
use bert_pipeline::fill_mask::MaskFiller;
use bert_pipeline::tag::Aggregation;
use bert_pipeline::{Answerer, Chooser, Classifier, Error, Pipeline, Tagger};
use bert_testkit::fixture;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashSet;

/// What a score may differ from the float64 one. Everything else must be equal.
const TOLERANCE: f64 = 1e-5;

fn open(name: &str) -> Pipeline {
    Pipeline::open(&fixture(name), &LoadOptions::default())
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// A model and the cases that its `pipelines.json` holds.
fn cases(name: &str, task: &str) -> (Pipeline, Vec<Value>) {
    let path = fixture(name).join("pipelines.json");
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(file["task"], task);
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 4, "{name}: only {} cases", cases.len());
    (open(name), cases)
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {case}"))
}

fn number(case: &Value, key: &str) -> usize {
    case[key].as_u64().unwrap_or_else(|| panic!("{key} is no number in {case}")) as usize
}

#[track_caller]
fn assert_same(found: &impl Serialize, expected: &Value, place: &str) {
    let found = serde_json::to_value(found).unwrap();
    if let Some(difference) = difference(&found, expected) {
        panic!("{place}: {difference}\nfound {found}\nexpected {expected}");
    }
}

/// The first difference, if there is any.
fn difference(found: &Value, expected: &Value) -> Option<String> {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            let lengths = (found.len(), expected.len());
            let lengths = (lengths.0 != lengths.1).then(|| format!("{lengths:?} results"));
            lengths.or_else(|| found.iter().zip(expected).find_map(|(f, e)| difference(f, e)))
        }
        (Value::Object(found), Value::Object(expected)) => {
            let keys = found.keys().ne(expected.keys()).then(|| format!("keys of {found:?}"));
            keys.or_else(|| expected.iter().find_map(|(key, e)| field(key, &found[key], e)))
        }
        _ => (found != expected).then(|| format!("{found} is not {expected}")),
    }
}

fn field(key: &str, found: &Value, expected: &Value) -> Option<String> {
    if key != "score" {
        return difference(found, expected).map(|text| format!("{key}: {text}"));
    }
    let (found, expected) = (found.as_f64()?, expected.as_f64()?);
    let close = (found - expected).abs() <= TOLERANCE;
    (!close).then(|| format!("score {found} is not {expected}"))
}

#[test]
fn the_comparison_sees_every_kind_of_difference() {
    let one = json!([{"label": "a", "score": 0.5}]);
    assert_eq!(difference(&json!([{"label": "a", "score": 0.500_005}]), &one), None);
    for other in [
        json!([]),
        json!([{"label": "b", "score": 0.5}]),
        json!([{"score": 0.5, "label": "a"}]),
        json!([{"label": "a", "score": 0.500_02}]),
        json!([{"label": "a"}]),
    ] {
        assert!(difference(&other, &one).is_some(), "{other}");
    }
}

#[test]
fn masks_are_filled_as_by_transformers() {
    let (pipeline, cases) = cases("toy", "fill-mask");
    for case in &cases {
        let line = text(case, "text");
        let targets: Vec<String> = case["targets"]
            .as_array()
            .iter()
            .copied()
            .flatten()
            .map(|t| t.as_str().unwrap().to_owned())
            .collect();
        let filler = MaskFiller::new(&pipeline).unwrap().with_targets(&targets).unwrap();
        let prepared = pipeline.prepare(&[line.into()], true).unwrap();
        let found = filler.fill(&prepared.encodings).unwrap().remove(0);
        // transformers' list for a single mask has no list around it.
        let expected = &case["results"];
        if expected[0].is_array() {
            assert_same(&found, expected, line);
        } else {
            assert_same(&found, &json!([expected]), line);
        }
    }
}

fn classified(name: &str) {
    let (pipeline, cases) = cases(name, "text-classification");
    let texts: Vec<_> = cases.iter().map(|case| text(case, "text").into()).collect();
    let prepared = pipeline.prepare(&texts, true).unwrap();
    let mut classifier = Classifier::new(&pipeline).unwrap();
    let all = classifier.classify(&prepared.encodings).unwrap();
    for (found, case) in all.iter().zip(&cases) {
        assert_same(found, &case["results"], text(case, "text"));
    }
    classifier.top_k = Some(1);
    let best = classifier.classify(&prepared.encodings).unwrap();
    assert!(best.iter().zip(&all).all(|(best, all)| best[..] == all[..1]));
}

#[test]
fn texts_are_classified_as_by_transformers() {
    classified("toy-classify");
}

fn tagged(name: &str) {
    let (pipeline, cases) = cases(name, "token-classification");
    let texts: Vec<_> = cases.iter().map(|case| text(case, "text")).collect();
    let inputs: Vec<_> = texts.iter().map(|&text| text.into()).collect();
    let encodings = pipeline.prepare(&inputs, true).unwrap().encodings;
    let mut tagger = Tagger::new(&pipeline).unwrap();
    for (aggregation, name) in [
        (Aggregation::None, "none"),
        (Aggregation::Simple, "simple"),
        (Aggregation::First, "first"),
        (Aggregation::Average, "average"),
        (Aggregation::Max, "max"),
    ] {
        tagger.aggregation = aggregation;
        let found = tagger.tag(&texts, &encodings).unwrap();
        for (found, case) in found.iter().zip(&cases) {
            assert_same(found, &case[name], &format!("{name}: {}", text(case, "text")));
        }
    }
}

#[test]
fn entities_are_found_as_by_transformers() {
    tagged("toy-tag");
}

/// The fixture lists a place once for each window that shows it, ours once in all: so ours may go on
/// where the fixture's `top_k` ended.
#[track_caller]
fn assert_answers(found: &[Answer], case: &Value, name: &str) {
    let mut seen = HashSet::new();
    let mut expected = case["answers_apart"].as_array().unwrap().clone();
    expected.retain(|answer| seen.insert((answer["start"].as_u64(), answer["end"].as_u64())));
    assert!(found.len() >= expected.len() && found.len() <= number(case, "top_k"), "{name}");
    assert_same(&found[..expected.len()].to_vec(), &Value::Array(expected), name);
}

fn answered(name: &str) {
    let (pipeline, cases) = cases(name, "question-answering");
    let mut windows = 0;
    for case in &cases {
        let mut answerer = Answerer::new(&pipeline).unwrap();
        answerer.top_k = number(case, "top_k");
        answerer.max_answer_length = number(case, "max_answer_len");
        answerer.max_length = number(case, "max_seq_len");
        answerer.doc_stride = Some(number(case, "doc_stride"));
        let (question, context) = (text(case, "question"), text(case, "context"));
        let found = answerer.answer(&[(question, context)]).unwrap().remove(0);
        assert_answers(&found, case, question);
        windows = windows.max(case["windows"].as_array().unwrap().len());
    }
    assert!(windows > 2, "no case needs several windows");
}

#[test]
fn questions_are_answered_as_by_transformers() {
    answered("toy-answer");
}

fn chosen(name: &str) {
    let (pipeline, cases) = cases(name, "multiple-choice");
    let chooser = Chooser::new(&pipeline).unwrap();
    for case in &cases {
        let strings = case["endings"].as_array().unwrap().iter();
        let endings: Vec<_> = strings.map(|ending| ending.as_str().unwrap().to_owned()).collect();
        let found = chooser.predict(&[(text(case, "text"), &endings)]).unwrap().remove(0);
        let expected = case["results"].as_array().unwrap();
        assert_eq!(found.len(), expected.len());
        for (&found, expected) in found.iter().zip(expected) {
            let apart = (f64::from(found) - expected.as_f64().unwrap()).abs();
            assert!(apart <= TOLERANCE, "{}: {found} is not {expected}", text(case, "text"));
        }
    }
}

/// Directories as transformers 5 leaves them: no vocab.txt, and no pooler where the task needs none.
#[test]
fn what_transformers_has_fine_tuned_and_saved_gives_the_same_answers_here() {
    classified("finetune/saved/classify");
    tagged("finetune/saved/tag");
    answered("finetune/saved/answer");
    chosen("finetune/saved/choose");
}

#[test]
fn the_default_windows_are_those_of_transformers() {
    let (pipeline, cases) = cases("toy-answer", "question-answering");
    let defaults = |case: &&Value| {
        let limit = pipeline.max_length();
        (number(case, "max_seq_len"), number(case, "doc_stride")) == (limit, limit / 2)
            && case["windows"].as_array().unwrap().len() > 1
    };
    let case = cases.iter().find(defaults).expect("one case cuts by default");
    let pair = (text(case, "question"), text(case, "context"));
    let mut answerer = Answerer::new(&pipeline).unwrap();
    answerer.top_k = number(case, "top_k");
    // Several at once, one of them empty: each keeps its own answers.
    let found = answerer.answer(&[pair, (pair.0, " "), pair]).unwrap();
    assert_answers(&found[0], case, pair.0);
    assert!(found[1].is_empty());
    assert_eq!(found[0], found[2]);
}

#[test]
fn windows_that_cannot_be_are_refused() {
    let pipeline = open("toy-answer");
    let mut answerer = Answerer::new(&pipeline).unwrap();
    let long = "the dog bites the man . ".repeat(20);
    let message = |answerer: &Answerer<_>, question: &str| {
        answerer.answer(&[("who ?", "the dog"), (question, &long)]).unwrap_err().to_string()
    };
    let error = message(&answerer, &"who ".repeat(61));
    assert!(error.starts_with("text 2: the question alone has 61 tokens"), "{error}");
    assert!(!answerer.answer(&[("who ?", &long)]).unwrap()[0].is_empty());
    answerer.doc_stride = Some(59);
    let error = message(&answerer, "who ?");
    assert!(error.contains("room for 59 tokens") && error.contains("share 59"), "{error}");
    answerer.doc_stride = Some(58);
    assert_eq!(answerer.answer(&[("who ?", &long)]).unwrap()[0].len(), 1);
}

#[test]
fn a_model_with_another_head_is_refused() {
    let pipeline = open("parity/odd-next-sentence");
    let errors = [
        Classifier::new(&pipeline).err(),
        Tagger::new(&pipeline).err(),
        Answerer::new(&pipeline).err(),
    ];
    for error in errors {
        assert!(matches!(error, Some(Error::WrongHead { .. })), "{error:?}");
    }
}

#[test]
fn scores_that_are_no_numbers_are_no_answers() {
    for name in ["toy-classify", "toy-tag", "toy-answer", "finetune/saved/choose"] {
        let mut pipeline =
            Pipeline::<Model>::open_plain(&fixture(name), &LoadOptions::default()).unwrap();
        for tensor in pipeline.model.tensors_mut() {
            if ["classifier.weight", "qa_outputs.weight"].contains(&tensor.name.as_str()) {
                tensor.values.fill(Real::MAX);
            }
        }
        let pipeline = pipeline.packed();
        let error = match name {
            "toy-classify" => pipeline.classify("the dog").unwrap_err(),
            "toy-tag" => pipeline.tag("the dog").unwrap_err(),
            "toy-answer" => pipeline.answer("who ?", "the dog").unwrap_err(),
            _ => {
                let endings = ["sings".to_owned(), "runs".to_owned()];
                Chooser::new(&pipeline).unwrap().predict(&[("the dog", &endings)]).unwrap_err()
            }
        };
        assert!(matches!(error, Error::NotFinite { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn the_problem_type_decides_how_classes_are_scored() {
    let scores = |name: &str| {
        let pipeline = open(name);
        let classes = pipeline.classify("a b").unwrap();
        let prepared = pipeline.prepare(&["a b".into()], true).unwrap();
        let batch = pipeline.batch(&prepared.encodings).unwrap();
        let logits = pipeline.model.infer(&batch, &pipeline.context()).logits.unwrap();
        let mut logits: Vec<_> = logits.iter().map(|&logit| f64::from(logit)).collect();
        logits.sort_by(|a, b| b.total_cmp(a));
        (classes.iter().map(|class| f64::from(class.score)).collect::<Vec<_>>(), logits)
    };
    let (found, logits) = scores("parity/tiny-classify-regression");
    assert_eq!(found, logits);
    let (found, logits) = scores("parity/odd-classify-multi-label");
    for (found, logit) in found.iter().zip(logits) {
        let expected = 1.0 / (1.0 + f64::exp(-logit));
        assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
    }
    let (found, logits) = scores("parity/tiny-classify-two");
    assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{found:?}");
    assert!(((found[0] / found[1]).ln() - (logits[0] - logits[1])).abs() < 1e-5, "{found:?}");
}
