//! `tests/reference/make_instances.py` says how the expected instances were made.

use crate::pieces;
use bert_data::next_sentence::Pairs;
use bert_data::{
    CorpusSource, Document, Form, Instance, Masking, Replacement, Settings, Source, full_sentences,
};
use bert_nn::random::Draws;
use bert_testkit::fixture;
use bert_tokenizer::{Options, Tokenizer};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs;

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture("instances").join(name)).unwrap()).unwrap()
}

fn value<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn instances(list: &Value) -> Vec<Instance> {
    let instance = |one: &Value| Instance {
        token_ids: value(&one[0]),
        token_types: value(&one[1]),
        masked_positions: value(&one[2]),
        masked_ids: value(&one[3]),
        is_random_next: value(&one[4]),
    };
    list.as_array().unwrap().iter().map(instance).collect()
}

/// The script's names for Google's flags.
fn settings(given: &Value) -> Settings {
    let defaults = Settings::default();
    let or_default = |name: &str, default: u64| given[name].as_u64().unwrap_or(default);
    Settings {
        form: value(&given["form"]),
        max_length: value(&given["max_length"]),
        short_sequence_probability: value(&given["short"]),
        masking: Masking {
            rate: value(&given["rate"]),
            max_predictions: value(&given["max_predictions"]),
            whole_words: value(&given["whole_words"]),
            replacement: Replacement {
                mask: value(&given["mask"]),
                random: value(&given["random"]),
            },
        },
        dupe_factor: value(&given["dupe_factor"]),
        block_bytes: or_default("block_bytes", defaults.block_bytes.get()).try_into().unwrap(),
        seed: or_default("seed", defaults.seed),
    }
}

#[track_caller]
fn assert_same(name: &str, found: &[Instance], expected: &[Instance]) {
    for (number, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "{name}, instance {number}");
    }
    assert_eq!(found.len(), expected.len(), "{name}");
}

#[test]
fn each_instance_is_that_of_the_published_procedure() {
    let file = read("instances.json");
    let vocabulary: Vec<String> = value(&file["vocabulary"]);
    let words = vocabulary.iter().filter(|token| token.starts_with('w')).count();
    let pieces = pieces(words, vocabulary.len() - 5 - words);
    let mut count = 0;
    for case in file["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let documents: Vec<Document> = value(&case["documents"]);
        let (seed, pass): (u64, u64) = (value(&case["seed"]), value(&case["pass"]));
        let Settings { form, max_length, short_sequence_probability: short, masking, .. } =
            settings(&case["settings"]);
        if form == Form::FullSentences {
            let mut draws = Draws::new(seed, "full sentences", pass, 0);
            let mut found = full_sentences::pack(&documents, max_length, &pieces);
            found.iter_mut().for_each(|instance| masking.mask(instance, &pieces, &mut draws));
            assert_same(name, &found, &instances(&case["instances"]));
            count += found.len();
            continue;
        }
        for (own, expected) in case["instances"].as_array().unwrap().iter().enumerate() {
            let mut draws = Draws::new(seed, "pairs", pass, own as u64);
            let mut pairs = Pairs::new(&documents, own, max_length, short, &mut draws);
            let mut found = Vec::new();
            while let Some(pair) = pairs.next_pair(&mut draws) {
                let mut instance = pair.instance(&pieces);
                masking.mask(&mut instance, &pieces, &mut draws);
                found.push(instance);
            }
            assert_same(&format!("{name}, document {own}"), &found, &instances(expected));
            count += found.len();
        }
    }
    assert!(count > 200, "{count} instances compared");
}

#[test]
fn whole_passes_over_texts_are_those_of_the_reference() {
    let file = read("passes.json");
    let texts: Vec<Vec<String>> = value(&file["texts"]);
    for run in file["runs"].as_array().unwrap() {
        let vocabulary = fixture("toy/vocab.txt");
        let tokenizer = Tokenizer::from_vocab_file(&vocabulary, Options::default()).unwrap();
        let source =
            CorpusSource::new(texts.clone(), tokenizer, settings(&run["settings"])).unwrap();
        for (epoch, expected) in (0..).zip(run["passes"].as_array().unwrap()) {
            let expected = expected.as_array().unwrap();
            assert_eq!(source.blocks(epoch), Some(expected.len() as u64), "epoch {epoch}");
            for (block, expected) in (0..).zip(expected) {
                let name = format!("{}, epoch {epoch}, block {block}", run["settings"]);
                assert_same(&name, &source.block(epoch, block).unwrap(), &instances(expected));
            }
        }
    }
}
