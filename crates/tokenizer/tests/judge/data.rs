//! Every line of every shared file, and every string of the shared JSON files.

use std::path::{Path, PathBuf};

use bert_tokenizer::Input;
use rayon::prelude::*;

use crate::judge::{pairs, shared};

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn strings(value: &serde_json::Value, out: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => out.push(text.clone()),
        serde_json::Value::Array(list) => list.iter().for_each(|value| strings(value, out)),
        serde_json::Value::Object(map) => map.values().for_each(|value| strings(value, out)),
        _ => {}
    }
}

/// Lines of the text files, strings of the JSON files; each once.
fn texts(shared: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for path in files(&shared.join("data")) {
        let bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "json") {
            strings(&serde_json::from_slice(&bytes).unwrap(), &mut texts);
        } else {
            texts.extend(String::from_utf8(bytes).unwrap().lines().map(str::to_owned));
        }
    }
    texts.sort();
    texts.dedup();
    texts
}

#[test]
fn every_line_of_real_text_has_the_judges_tokens_and_offsets() {
    let Some(shared) = shared() else { return };
    let texts = texts(&shared);
    assert!(texts.len() > 40_000, "only {} texts", texts.len());
    for pair in pairs() {
        texts.par_iter().for_each(|text| pair.check(text));
    }
}

#[test]
fn neighbouring_lines_as_pairs_and_ids_back_to_text() {
    let Some(shared) = shared() else { return };
    let texts = texts(&shared);
    for pair in pairs() {
        texts.par_windows(2).step_by(7).for_each(|window| {
            pair.check_pair(&window[0], &window[1]);
            pair.check_decode(&pair.ours.encode((&*window[0], &*window[1])).ids);
            let words: Vec<&str> = window[0].split(' ').collect();
            pair.check_words(&words);
        });
    }
}

#[test]
fn a_batch_is_its_texts_in_order() {
    let texts: Vec<String> =
        (0..500).map(|number| format!("text number {number}, größer")).collect();
    let inputs: Vec<Input> = texts.iter().map(Input::from).collect();
    let tokenizer = &pairs()[0].ours;
    let single: Vec<_> = inputs.iter().map(|input| tokenizer.encode(*input)).collect();
    assert_eq!(tokenizer.encode_batch(&inputs), single);
}
