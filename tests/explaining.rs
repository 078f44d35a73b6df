//! Explanations: token by token against PyTorch's autograd, by what must hold for any text, and as the
//! command shows them. The numbers to compare with are made by `tests/reference/make_explain.py`.

use crate::support::{argument, at, bert, bert_reading, command, finish, keys};
use bert_checkpoint::LoadOptions;
use bert_model::Model;
use bert_nn::Real;
use bert_nn::random::Draws;
use bert_pipeline::explain::{Baseline, Explainer, Explanation};
use bert_pipeline::{Error, Pipeline};
use bert_testkit::{assert_close, fixture};
use bert_tokenizer::Input;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;

/// Of numbers up to 9, which went through two layers and back in single precision; 1e-6 of the
/// largest is what is left of them here.
const TOLERANCE: f64 = 2e-5;

const BASELINES: [(Baseline, &str); 3] =
    [(Baseline::Mask, "mask"), (Baseline::Pad, "pad"), (Baseline::Zero, "zero")];

fn open(name: &str) -> Pipeline<Model> {
    Pipeline::open_plain(&fixture(name), &LoadOptions::default())
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn cases() -> Vec<Value> {
    let file = fs::read(fixture("explain/explain.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let cases = file["cases"].as_array().unwrap().clone();
    assert!(cases.len() >= 10, "only {} cases", cases.len());
    cases
}

fn input(case: &Value) -> Input<'_> {
    let first = case["first"].as_str().unwrap();
    case["second"].as_str().map_or(first.into(), |second| (first, second).into())
}

fn reals(values: &Value) -> Vec<Real> {
    values.as_array().unwrap().iter().map(|value| value.as_f64().unwrap() as Real).collect()
}

fn real(value: &Value) -> Real {
    value.as_f64().unwrap() as Real
}

/// One number, with the tolerance of [`assert_close`].
#[track_caller]
fn close(name: &str, found: Real, expected: &Value) {
    assert_close(name, &[found], &[real(expected)], TOLERANCE);
}

/// Explains as the fixture does: the class and the number of steps are given.
fn explainer<'a>(pipeline: &'a Pipeline<Model>, case: &Value, baseline: Baseline) -> Explainer<'a> {
    let mut explainer = Explainer::new(pipeline).unwrap();
    explainer.class = Some(case["class"].as_u64().unwrap() as usize);
    explainer.baseline = baseline;
    let steps = case["steps"].as_u64().unwrap() as usize;
    (explainer.first_steps, explainer.max_steps) = (steps, steps);
    explainer
}

#[test]
fn integrated_gradients_are_those_of_autograd_token_by_token() {
    for case in &cases() {
        let pipeline = open(case["model"].as_str().unwrap());
        let encoding = pipeline.prepare(&[input(case)], true).unwrap().encodings.remove(0);
        assert_eq!(json!(encoding.tokens(&pipeline.tokenizer)), case["tokens"]);
        for (baseline, name) in BASELINES {
            let explainer = explainer(&pipeline, case, baseline);
            let class = explainer.class.unwrap();
            let found = explainer.integrated_gradients(&encoding, class).unwrap();
            let (expected, place) =
                (&case["baselines"][name], format!("{name}: {}", case["first"]));
            assert_close(&place, &found.attributions, &reals(&expected["attributions"]), TOLERANCE);
            close(&place, found.logit, &case["logit"]);
            close(&place, found.baseline_logit, &expected["logit"]);
            assert_eq!(found.steps as u64, case["steps"].as_u64().unwrap());
        }
    }
}

#[test]
fn words_have_the_sums_of_their_tokens_and_what_is_lost_without_them() {
    for case in &cases() {
        let pipeline = open(case["model"].as_str().unwrap());
        let inputs = [input(case)];
        let encodings = pipeline.prepare(&inputs, true).unwrap().encodings;
        let explainer = explainer(&pipeline, case, Baseline::Mask);
        let found = explainer.explain(&inputs, &encodings).unwrap().remove(0);
        close("score", found.score, &case["score"]);
        let mut sums: HashMap<(u64, u64), f64> = HashMap::new();
        let tokens = case["baselines"]["mask"]["attributions"].as_array().unwrap();
        for (index, attribution) in tokens.iter().enumerate() {
            let place = |name: &str| case[name][index].as_u64();
            if let (Some(sequence), Some(word)) = (place("sequence_ids"), place("word_ids")) {
                *sums.entry((sequence, word)).or_default() += attribution.as_f64().unwrap();
            }
        }
        let expected = case["words"].as_array().unwrap();
        assert_eq!(found.words.len(), expected.len(), "{}", case["first"]);
        for (word, expected) in found.words.iter().zip(expected) {
            let place = format!("{} in {}", word.word, case["first"]);
            let number = |name: &str| expected[name].as_u64().unwrap();
            assert_eq!(u64::from(word.sequence), number("sequence"), "{place}");
            let lost =
                |name: &str| json!(case[name].as_f64().unwrap() - expected[name].as_f64().unwrap());
            close(
                &place,
                word.integrated_gradient,
                &json!(sums[&(number("sequence"), number("word"))]),
            );
            close(&place, word.occlusion_logit, &lost("logit"));
            close(&place, word.occlusion_score, &lost("score"));
        }
    }
}

#[test]
fn a_word_is_what_stands_in_its_text_from_start_to_end() {
    let pipeline = open("toy-classify");
    let (first, second) = ("Émma likes  the Söup, 漢!", "zebra 'Is' good");
    let found = pipeline.explain((first, second)).unwrap();
    let words: Vec<_> = found.words.iter().map(|word| word.word.as_str()).collect();
    let expected =
        ["Émma", "likes", "the", "Söup", ",", "漢", "!", "zebra", "'", "Is", "'", "good"];
    assert_eq!(words, expected);
    for word in &found.words {
        let text = [first, second][usize::from(word.sequence)];
        let part: String = text.chars().skip(word.start).take(word.end - word.start).collect();
        assert_eq!(part, word.word);
    }
    let pair = pipeline.explain(("good", "bad")).unwrap();
    let pair: Vec<_> = pair.words.iter().map(|word| (word.word.as_str(), word.sequence)).collect();
    assert_eq!(pair, [("good", 0), ("bad", 1)]);
    // A text in words keeps the words that were given.
    let words: &[&str] = &["soup-bread", "good"];
    let inputs = [Input::Words(words)];
    let encodings = pipeline.prepare(&inputs, true).unwrap().encodings;
    let found = Explainer::new(&pipeline).unwrap().explain(&inputs, &encodings).unwrap().remove(0);
    assert_eq!(found.words.iter().map(|word| word.word.as_str()).collect::<Vec<_>>(), words);
}

/// Words, signs, and what the vocabulary does not have, in no order that makes sense.
fn random_text(draws: &mut Draws, vocabulary: &[&str]) -> String {
    let count = 1 + draws.below(12);
    let word = |draws: &mut Draws| match draws.below(8) {
        0 => ["zebra", "Émile", "漢", "...", "[MASK]"][draws.below(5)],
        _ => vocabulary[draws.below(vocabulary.len())],
    };
    (0..count).map(|_| word(draws)).collect::<Vec<_>>().join(" ")
}

/// The logit of a text by the packed model, which has no backward pass.
fn logit(pipeline: &Pipeline, text: Input, class: usize) -> Real {
    let prepared = pipeline.prepare(&[text], true).unwrap();
    let batch = pipeline.batch(&prepared.encodings).unwrap();
    pipeline.model.infer(&batch, &pipeline.context()).logits.unwrap()[[0, class]]
}

#[test]
fn attributions_of_random_texts_add_up_to_the_change_of_the_logit() {
    let (plain, packed) = (
        open("toy-classify"),
        Pipeline::open(&fixture("toy-classify"), &LoadOptions::default()).unwrap(),
    );
    let vocabulary = fs::read_to_string(fixture("toy-classify/vocab.txt")).unwrap();
    // Words and single signs; pieces are not words.
    let vocabulary: Vec<_> =
        vocabulary.lines().filter(|word| !word.starts_with(['#', '['])).collect();
    let mut explainer = Explainer::new(&plain).unwrap();
    for number in 0..60 {
        let mut draws = Draws::new(1, "texts to explain", number, 0);
        let first = random_text(&mut draws, &vocabulary);
        let second = (number % 3 == 0).then(|| random_text(&mut draws, &vocabulary));
        let input = second
            .as_ref()
            .map_or(first.as_str().into(), |second| (first.as_str(), second.as_str()).into());
        let class = draws.below(3);
        explainer.class = Some(class);
        let encodings = plain.prepare(&[input], true).unwrap().encodings;
        let found = explainer.explain(&[input], &encodings).unwrap().remove(0);
        // The baseline, written as a text.
        let masks = |sequence| {
            let tokens = encodings[0].sequence_ids.iter().filter(|&&id| id == Some(sequence));
            vec!["[MASK]"; tokens.count()].join(" ")
        };
        let (first_masks, second_masks) = (masks(0), masks(1));
        let hidden = second.as_ref().map_or(first_masks.as_str().into(), |_| {
            Input::from((first_masks.as_str(), second_masks.as_str()))
        });
        let change = logit(&packed, input, class) - logit(&packed, hidden, class);
        let sum: Real = found.words.iter().map(|word| word.integrated_gradient).sum();
        let tokens = explainer.integrated_gradients(&encodings[0], class).unwrap();
        let sizes: Real = tokens.attributions.iter().map(|a| a.abs()).sum();
        let limit = 0.01 * change.abs().max(0.1 * sizes) + TOLERANCE as Real;
        assert!(
            found.complete && (sum - change).abs() <= limit,
            "{first:?} {second:?}: {sum}, the change is {change}, after {} steps",
            found.steps
        );
    }
}

#[test]
fn what_the_baseline_leaves_as_it_is_has_no_part_in_the_change() {
    let pipeline = open("toy-classify");
    let input = Input::from(("the [MASK] is bad.", "it is good."));
    let encoding = pipeline.prepare(&[input], true).unwrap().encodings.remove(0);
    let mut explainer = Explainer::new(&pipeline).unwrap();
    for (baseline, name) in BASELINES {
        explainer.baseline = baseline;
        let found = explainer.integrated_gradients(&encoding, 0).unwrap();
        for (token, &attribution) in found.attributions.iter().enumerate() {
            let mask = encoding.ids[token] == pipeline.tokenizer.special().mask;
            let same = encoding.special_tokens_mask[token] || mask && baseline == Baseline::Mask;
            assert_eq!(attribution == 0.0, same, "{name}, token {token}: {attribution}");
        }
    }
}

#[test]
fn steps_double_until_the_sum_is_right_or_the_limit_is_reached() {
    let pipeline = open("toy-classify");
    let encoding =
        pipeline.prepare(&["she hates the city.".into()], true).unwrap().encodings.remove(0);
    let mut explainer = Explainer::new(&pipeline).unwrap();
    (explainer.first_steps, explainer.max_steps) = (1, 1024);
    let enough = explainer.integrated_gradients(&encoding, 1).unwrap();
    assert!(
        enough.is_complete() && enough.steps > 16 && enough.steps.is_power_of_two(),
        "{enough:?}"
    );
    for (limit, steps) in [(1, 1), (15, 8), (16, 16), (enough.steps - 1, enough.steps / 2)] {
        explainer.max_steps = limit;
        let found = explainer.integrated_gradients(&encoding, 1).unwrap();
        assert_eq!((found.steps, found.is_complete()), (steps, false), "limit {limit}");
    }
    explainer.max_steps = enough.steps;
    assert_eq!(explainer.integrated_gradients(&encoding, 1).unwrap(), enough);
}

#[test]
fn the_class_is_the_one_that_comes_first_or_the_one_asked_for() {
    let pipeline = open("toy-classify");
    let packed = Pipeline::open(&fixture("toy-classify"), &LoadOptions::default()).unwrap();
    for text in ["the bread is good.", "the bread is not good.", "good"] {
        let (found, classes) = (pipeline.explain(text).unwrap(), packed.classify(text).unwrap());
        assert_eq!(found.label, classes[0].label);
        assert_close(text, &[found.score], &[classes[0].score], TOLERANCE);
    }
    let explainer = Explainer::new(&pipeline).unwrap().with_label("neutral").unwrap();
    assert_eq!(explainer.class, Some(1));
    let error = Explainer::new(&pipeline).unwrap().with_label("Neutral").err().unwrap().to_string();
    assert_eq!(error, "the model has no class \"Neutral\"; it has: negative, neutral, positive");
    let other = open("parity/even-tag");
    assert!(matches!(Explainer::new(&other).err(), Some(Error::WrongHead { task: "explain", .. })));
}

#[test]
fn a_text_gets_the_same_explanation_alone_and_among_others() {
    let pipeline = open("toy-classify");
    let texts = ["the bread is good.", "", "she hates the city. ".repeat(3).leak(), "good"];
    let inputs: Vec<Input> = texts.iter().map(|&text| text.into()).collect();
    let encodings = pipeline.prepare(&inputs, true).unwrap().encodings;
    let all = Explainer::new(&pipeline).unwrap().explain(&inputs, &encodings).unwrap();
    for (together, text) in all.iter().zip(texts) {
        assert_eq!(*together, pipeline.explain(text).unwrap());
    }
    let Explanation { words, sum, error, complete, .. } = &all[1];
    assert_eq!((words.len(), *sum, *error, *complete), (0, 0.0, 0.0, true));
}

#[test]
fn explain_prints_a_line_about_the_whole_and_a_table_of_words() {
    let model = at("toy-classify");
    let run = bert(&["explain", "--model", &model, "the bread is not good.", ""]);
    let lines: Vec<_> = run.ok().lines().collect();
    assert!(lines[0].starts_with("negative 0.995: logit +4.218, with all words hidden -3.027;"));
    assert_eq!(
        lines[1].split_whitespace().collect::<Vec<_>>(),
        ["word", "integrated", "occlusion", "score"]
    );
    let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(columns(lines[5])[0], "not");
    assert!(
        columns(lines[5])[1].starts_with("+6.06") && columns(lines[6])[1].starts_with('-'),
        "{lines:?}"
    );
    assert_eq!(lines.last(), Some(&"  (there is no word to explain)"));
    run.warns(&["1 text without a word"]);
    let second = bert(&["explain", "--model", &model, "--pairs", "it is bad", "it is good"]);
    assert!(second.ok().contains("\n  second text:\n"), "{}", second.stdout);
}

#[test]
fn explain_paints_words_where_there_are_colours() {
    let mut coloured =
        command(&["explain", "--model", &at("toy-classify"), "the bread is not good."]);
    coloured.env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
    let run = finish(coloured, b"");
    let painted = run.ok();
    assert!(painted.starts_with("blue speaks for the class"), "{painted}");
    // Dark blue behind "not", red and underlined "good" (4: underline; 48: background; 38: letters).
    assert!(painted.contains("\u{1b}[48;5;25mnot\u{1b}[0m"), "{painted:?}");
    assert!(
        painted.contains("\u{1b}[4m\u{1b}[38;5;16m\u{1b}[48;5;224mgood\u{1b}[0m"),
        "{painted:?}"
    );
    let plain: String = anstream::adapter::strip_str(painted).to_string();
    assert_eq!(plain.matches("the bread is not good.").count(), 2, "{plain}");
}

#[test]
fn explain_writes_json_for_each_line_of_standard_input() {
    let model = at("toy-classify");
    let args = ["explain", "--model", &model, "--json", "--label", "positive", "--baseline", "pad"];
    let run = bert_reading(&args, "the bread is bad.\nÉmma likes it\n".as_bytes());
    let [first, second] = &run.json()[..] else { panic!("not two lines: {}", run.stdout) };
    assert_eq!(
        keys(first),
        [
            "label",
            "score",
            "logit",
            "baseline",
            "baseline_logit",
            "steps",
            "sum",
            "error",
            "complete",
            "words"
        ]
    );
    assert_eq!(
        keys(&first["words"][0]),
        [
            "word",
            "sequence",
            "start",
            "end",
            "integrated_gradient",
            "occlusion_logit",
            "occlusion_score"
        ]
    );
    assert_eq!((&first["label"], &first["baseline"]), (&json!("positive"), &json!("pad")));
    let word = &second["words"][1];
    assert_eq!(
        (&word["word"], &word["start"], &word["end"]),
        (&json!("likes"), &json!(5), &json!(10))
    );
}

#[test]
fn explain_writes_a_page_on_which_texts_are_no_markup() {
    let folder = tempfile::tempdir().unwrap();
    let path = argument(&folder.path().join("page.html"));
    let texts = ["the <b>bread</b> & soup is not good.", ""];
    let model = at("toy-classify");
    let run = bert(
        &[&["explain", "--model", &model, "--html", &path, "--label", "negative"][..], &texts]
            .concat(),
    );
    run.ok();
    assert!(run.stderr.contains(&format!("the page: {path}")), "{}", run.stderr);
    let page = fs::read_to_string(&path).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    assert!(page.contains("<h2>1. negative 0.") && page.contains("There is no word to explain."));
    assert!(!page.contains("<b>") && page.contains("&lt;</span>"), "{page}");
    // Twice in the text, once in the table.
    assert_eq!(page.matches(">not<").count(), 3);
    assert!(!page.contains("http"), "self-contained");
}

#[test]
fn explain_refuses_what_it_cannot_do() {
    let model = at("toy-classify");
    let explain = |args: &[&str]| bert(&[&["explain", "--model", &model], args].concat());
    explain(&["--label", "happy", "a"])
        .refuses(&["no class \"happy\"", "negative, neutral, positive"]);
    explain(&["--html", "/nowhere/page.html", "a"]).refuses(&["/nowhere"]);
    assert_eq!(explain(&["--baseline", "black", "a"]).code, Some(2));
    assert_eq!(explain(&["--max-steps", "0", "a"]).code, Some(2));
    let tagger = at("toy-tag");
    bert(&["explain", "--model", &tagger, "a"]).refuses(&[
        &tagger,
        "explain needs a model with a sequence_classification head",
        "token_classification",
    ]);
    let long = "the bread is good. ".repeat(30);
    explain(&["--strict", "good", &long]).refuses(&["text 2", "64 at most"]);
    explain(&[&long]).warns(&["1 text longer than 64 tokens"]);
    explain(&["--max-steps", "2", "she hates the city."])
        .warns(&["text 1: after 2 steps", "--max-steps"]);
}
