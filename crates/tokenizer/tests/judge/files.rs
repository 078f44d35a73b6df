//! The files of a model directory, good and bad.

use bert_tokenizer::{Error, Options, Tokenizer};
use proptest::prelude::*;

use crate::judge::{all_options, assert_same, judge, small_vocab};

fn dir(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, contents) in files {
        std::fs::write(dir.path().join(name), contents).unwrap();
    }
    dir
}

fn open(files: &[(&str, &str)]) -> Result<Tokenizer, Error> {
    Tokenizer::from_dir(dir(files).path())
}

fn message(files: &[(&str, &str)]) -> String {
    let dir = dir(files);
    let error = Tokenizer::from_dir(dir.path()).unwrap_err().to_string();
    error.replace(&format!("{}", dir.path().display()), "DIR")
}

fn json() -> String {
    judge(&small_vocab(), &Options::default()).to_string(true).unwrap()
}

#[test]
fn a_tokenizer_json_that_the_judge_wrote_gives_the_judges_tokens() {
    for options in all_options() {
        let judge = judge(&small_vocab(), &options);
        let file = judge.to_string(true).unwrap();
        let ours = open(&[("tokenizer.json", &file)]).unwrap();
        assert_eq!(ours.options(), &options);
        for text in ["The dog bites Ünaffable [MASK] men, hello!", "中a\u{1}b", "ÄÖÜ"] {
            assert_same(&ours.encode(text), &judge.encode_char_offsets(text, true).unwrap(), &text);
        }
    }
}

#[test]
fn truncation_and_padding_sections_are_ignored() {
    let cut = r#"{"direction":"Right","max_length":4,"strategy":"LongestFirst","stride":0}"#;
    let file = json().replace("\"truncation\": null", &format!("\"truncation\": {cut}"));
    assert!(file.contains("max_length"));
    let ours = open(&[("tokenizer.json", &file)]).unwrap();
    assert_eq!(ours.encode("the dog bites the man").len(), 7);
}

#[test]
fn the_config_wins_over_the_tokenizer_file() {
    let config = r#"{"do_lower_case": false, "strip_accents": true, "tokenize_chinese_chars": false, "model_max_length": 512}"#;
    for source in [("tokenizer.json", json()), ("vocab.txt", small_vocab())] {
        let ours = open(&[(source.0, &source.1), ("tokenizer_config.json", config)]).unwrap();
        let expected = Options {
            lower_case: false,
            strip_accents: Some(true),
            chinese_characters: false,
            clean_text: true,
        };
        assert_eq!(ours.options(), &expected);
        assert_eq!(ours.model_max_length(), Some(512));
    }
}

#[test]
fn an_absurd_length_means_no_limit() {
    for length in ["1e30", "1000000000000000019884624838656"] {
        let config = format!("{{\"model_max_length\": {length}}}");
        let ours =
            open(&[("vocab.txt", &small_vocab()), ("tokenizer_config.json", &config)]).unwrap();
        assert_eq!(ours.model_max_length(), None);
    }
}

#[test]
fn special_tokens_may_have_other_names() {
    let vocab = small_vocab().replace("[MASK]", "<mask>").replace("[CLS]", "<s>");
    let config = r#"{"mask_token": {"content": "<mask>", "lstrip": false}, "cls_token": "<s>", "sep_token": null}"#;
    let ours = open(&[("vocab.txt", &vocab), ("tokenizer_config.json", config)]).unwrap();
    assert_eq!(ours.encode("a<mask>").tokens(&ours), ["<s>", "a", "<mask>", "[SEP]"]);
    assert_eq!(ours.special().mask, 4);
}

#[test]
fn what_is_wrong_is_said_with_its_file_and_place() {
    assert_eq!(message(&[]), "DIR: no tokenizer here; looked for tokenizer.json and vocab.txt");
    assert_eq!(
        message(&[("vocab.txt", "a\nb\nb\n")]),
        "DIR/vocab.txt: line 3 repeats the token \"b\" of line 2"
    );
    let missing = "DIR/vocab.txt: the mask_token \"[MASK]\" is missing in 4 tokens; one line (or entry) must hold it";
    assert_eq!(message(&[("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[PAD]\n")]), missing);
    let bpe = json().replace("\"WordPiece\"", "\"BPE\"");
    let refused =
        "DIR/tokenizer.json: this is a BPE tokenizer; only WordPiece (BERT's) is supported";
    assert_eq!(message(&[("tokenizer.json", &bpe)]), refused);
    let prefix = json()
        .replace("\"continuing_subword_prefix\": \"##\"", "\"continuing_subword_prefix\": \"@\"");
    let refused =
        "DIR/tokenizer.json: `model.continuing_subword_prefix`: expected \"##\", found \"@\"";
    assert_eq!(message(&[("tokenizer.json", &prefix)]), refused);
    let id = json().replace("\"the\": 5", "\"the\": -5");
    let refused =
        "DIR/tokenizer.json: `model.vocab[\"the\"]`: expected an id, a whole number, found -5";
    assert_eq!(message(&[("tokenizer.json", &id)]), refused);
    assert!(message(&[("tokenizer.json", "{")]).contains("not valid JSON"));
    let template = json().replacen("\"ids\": [\n          2\n", "\"ids\": [\n          3\n", 1);
    let refused = "`post_processor.special_tokens.[CLS].ids[0]`: expected 2, the vocabulary's id of [CLS], found 3";
    assert!(message(&[("tokenizer.json", &template)]).ends_with(refused));
    let huge = json().replace("\"the\": 5", "\"the\": 4000000000");
    assert!(message(&[("tokenizer.json", &huge)]).contains("found 4000000000"));
    let twice = json().replace("\"the\": 5", "\"the\": 6");
    assert!(message(&[("tokenizer.json", &twice)]).contains("one token per id"));
    let config =
        [("vocab.txt", &*small_vocab()), ("tokenizer_config.json", r#"{"do_lower_case": "yes"}"#)];
    assert!(message(&config).ends_with("`do_lower_case`: expected true or false, found \"yes\""));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, at in 0.0..1.0, byte: u8) {
        let path = "file".as_ref();
        let _ = bert_tokenizer::Vocab::from_bytes(&bytes, path);
        let _ = Tokenizer::from_json(&bytes, path);
        let mut json = r###"{"model": {"type": "WordPiece", "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "[PAD]": 3, "[MASK]": 4, "a": 5}},
            "added_tokens": [{"id": 6, "content": "x", "normalized": true}], "normalizer": null}"###.as_bytes().to_vec();
        let place = (json.len() as f64 * at) as usize;
        json[place] = byte;
        if let Ok(tokenizer) = Tokenizer::from_json(&json, path) {
            tokenizer.encode("a x é [MASK]");
        }
    }
}
