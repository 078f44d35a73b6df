//! The commands that show BERT at work on tiny world: `tour` and `lab`. Short runs: what they show of
//! learning is proven elsewhere.

use crate::support::{argument, bert};
use bert_checkpoint::bundled::TINY_WORLD;
use bert_checkpoint::{LoadOptions, load};
use bert_data::{Replacement, TinyWorld};
use bert_model::Context;
use bert_train::evaluate;
use bert_train::feed::labelled;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

#[test]
fn the_tour_needs_no_file_and_ends_with_the_path_of_its_page() {
    let folder = tempfile::tempdir().unwrap();
    let page = argument(&folder.path().join("page.html"));
    let run = bert(&["tour", "--steps", "20", "--output", &page]);
    let told = run.ok();
    assert_eq!(told.lines().last(), Some(page.as_str()));
    for (number, title) in [
        (1, "A sentence becomes tokens"),
        (3, "Gradients, checked"),
        (4, "A model learns from nothing"),
        (6, "Dog bites man, man bites dog"),
        (7, "And is it right?"),
    ] {
        assert!(told.contains(&format!("\n{number}. {title}\n")), "{title}: {told}");
    }
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("layer 2, head 4") && html.contains("optimum"));
    // One page and nothing else: nothing is fetched, nothing lies beside it.
    for outside in ["http://", "https://", "src=", "href=", "@import", "url("] {
        let outside_svg = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!outside_svg.contains(outside), "{outside}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn without_positions_both_orders_get_the_same_answer_and_with_them_another() {
    let folder = tempfile::tempdir().unwrap();
    let page = argument(&folder.path().join("page.html"));
    let run = bert(&["tour", "--steps", "5", "--output", &page]);
    let lines: Vec<_> = run.ok().lines().collect();
    let answers = |setting: &str| -> Vec<Vec<&str>> {
        let of = lines.iter().filter(|line| line.trim().starts_with(setting));
        of.map(|line| line.split_whitespace().rev().take(4).collect()).collect()
    };
    let (with, without) = (answers("with positions"), answers("positions removed"));
    assert_eq!((with.len(), without.len()), (2, 2));
    assert_eq!(without[0], without[1]);
    assert_ne!(with[0], with[1]);
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_the_work() {
    bert(&["tour", "--output", "no/such/folder/page.html"]).refuses(&["no/such/folder/page.html"]);
    let lab = ["lab", "no-scale", "--json", "no/such/folder/losses.json"];
    bert(&lab).refuses(&["no/such/folder/losses.json"]);
    let folder = tempfile::tempdir().unwrap();
    bert(&["tour", "--output", &argument(folder.path())]).refuses(&["directory"]);
}

#[test]
fn the_model_that_is_built_in_speaks_the_language_of_tiny_world() {
    let files: Vec<_> = TINY_WORLD.files().collect();
    let (_, vocabulary) = files.iter().find(|(name, _)| *name == "vocab.txt").unwrap();
    assert_eq!(*vocabulary, TinyWorld::new().vocab_txt().as_bytes());
}

#[test]
fn the_model_that_is_built_in_works_where_a_directory_does() {
    let filled = bert(&["fill-mask", "--model", "tiny-world", "the dog [MASK] the postman ."]);
    assert_eq!(filled.ok().lines().count(), 1);
    // The README's example: only dogs bark.
    let pair = ["--pairs", "the [MASK] bites the man .", "it barks ."];
    let filled = bert(&[&["fill-mask", "--model", "tiny-world"], &pair[..]].concat());
    assert!(filled.ok().starts_with("dog 0.98"), "{}", filled.stdout);
    let tokens = bert(&["tokenize", "--model", "tiny-world", "the dog barks ."]);
    assert!(tokens.ok().contains("barks"), "{}", tokens.stdout);
    let reference =
        concat!(env!("CARGO_MANIFEST_DIR"), "/crates/checkpoint/tiny-world/reference.safetensors");
    bert(&["verify", "--model", "tiny-world", "--reference", reference]).ok();
    bert(&["fill-mask", "--model", "tinyworld", "a"]).refuses(&["tiny-world is built in"]);
}

/// Proof that BERT learns what can be learned: how the model was made is in `tests/reference/make_tiny_world.sh`, which the nightly
/// section `optimum` runs again.
#[test]
fn the_model_that_is_built_in_comes_within_a_fiftieth_of_a_nat_of_the_best_possible_loss() {
    let world = TinyWorld::new();
    let held_out = world.held_out(1, 4000, Replacement::PLAIN);
    let optimum = world.ladder(&held_out, Replacement::PLAIN).unwrap().optimum;
    let loaded = load(Path::new(TINY_WORLD.name), &LoadOptions::default()).unwrap();
    let batches: Vec<_> = held_out.chunks(64).map(labelled).collect();
    let parts = evaluate(&loaded.model, &batches, &Context::eval(&loaded.config)).unwrap();
    let loss = parts[0].loss.mean();
    // Both models and optimum may be lucky or unlucky, but on the same words.
    assert!((-0.005..0.02).contains(&(loss - optimum)), "{loss}, {optimum}");
    let results = include_str!("../crates/checkpoint/tiny-world/eval_results.txt");
    for (key, value) in [("masked_lm_loss", loss), ("masked_lm_optimum", optimum)] {
        let line = results.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        let told: f64 = line.unwrap().parse().unwrap();
        assert!((told - value).abs() < 1e-4, "{key}: {told}, {value}");
    }
}

#[test]
fn the_lab_lists_its_experiments_and_draws_one() {
    let listed = bert(&["lab"]);
    assert_eq!(listed.ok().lines().count(), 6);
    let folder = tempfile::tempdir().unwrap();
    let [svg, json] = ["curves.svg", "losses.json"].map(|name| argument(&folder.path().join(name)));
    let experiments = ["left-to-right", "no-positions,no-scale"];
    let files = ["--steps", "6", "--svg", &svg, "--json", &json];
    let run = bert(&[&["lab"], &experiments[..], &files[..]].concat());
    let told = run.ok();
    assert!(told.contains("Prediction: attention sees a bag of words"), "{told}");
    assert!(told.contains("Prediction: scores spread"), "{told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("With it ")).count(), 2, "{told}");
    let drawn = fs::read_to_string(svg).unwrap();
    let written: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    for (number, name) in
        ["the whole model", "left-to-right", "no-positions,no-scale"].iter().enumerate()
    {
        assert!(drawn.contains(name));
        let model = &written["models"][number];
        assert_eq!(model["name"], *name);
        let last = model["measured"].as_array().unwrap().last().unwrap();
        assert_eq!(*last, json!([6.0, model["masked_lm_loss"]]));
        // Something was taken out.
        let same = |other: &&Value| other["masked_lm_loss"] == model["masked_lm_loss"];
        assert_eq!(written["models"].as_array().unwrap().iter().filter(same).count(), 1);
    }
    assert!(written["rungs"]["order ignored"].as_f64() > written["rungs"]["optimum"].as_f64());
    let unknown = bert(&["lab", "no-dropout"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("left-to-right"), "{}", unknown.stderr);
}
