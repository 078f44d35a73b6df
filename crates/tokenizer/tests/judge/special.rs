//! Special and added tokens in the text, and what transformers' decode gives (transformers 5.23).

use bert_tokenizer::Tokenizer;

use crate::judge::{Pair, assert_same, judge, ours, pairs, shared, small_vocab};
use bert_tokenizer::Options;

#[test]
fn special_tokens_in_the_text_stay_whole() {
    for pair in pairs() {
        for text in [
            "[CLS] a [MASK]b[SEP]",
            "[[MASK]]",
            "[MASK",
            "[mask]",
            "é[MASK]\u{301}中[PAD][UNK]",
            "[MASK][MASK] ",
        ] {
            pair.check(text);
        }
    }
}

/// Added tokens of every kind: stripping, single words, normalised, overlapping.
fn with_added_tokens() -> Pair {
    let vocab = small_vocab();
    let mut judge = judge(&vocab, &Options::default());
    let token = |content: &str, special| tokenizers::AddedToken::from(content, special);
    let tokens = [
        token("<x>", true).lstrip(true).rstrip(true),
        token("<x>y", false).normalized(false),
        token("Käse", false),
        token("dogman", false).single_word(true),
        token("bites", false).normalized(false).single_word(true),
        token("éz", false).normalized(false).lstrip(true),
    ];
    judge.add_tokens(tokens).unwrap();
    let json = judge.to_string(false).unwrap();
    let ours = Tokenizer::from_json(json.as_bytes(), "tokenizer.json".as_ref()).unwrap();
    Pair { ours, judge }
}

#[test]
fn added_tokens_are_found_as_the_judge_finds_them() {
    let pair = with_added_tokens();
    let words = [
        "<x>",
        "<x>y",
        "kÄSe",
        "kase",
        "Käse\u{301}",
        "DogMan",
        "dogman",
        "bites",
        "éz",
        " ",
        "  ",
        "a",
        "é",
        "!",
        "中",
        "[MASK]",
        "_",
        "\u{301}",
        "<x",
        "\u{1}",
    ];
    for a in words {
        for b in words {
            for c in words {
                let text = format!("{a}{b}{c}");
                pair.check(&text);
                pair.check_decode(&pair.ours.encode(&text).ids);
            }
        }
    }
    pair.check_words(&["Käse", "<x>", "dog [MASK] man"]);
    assert_same(
        &pair.ours.encode("<x>"),
        &pair.judge.encode_char_offsets("<x>", true).unwrap(),
        &"<x>",
    );
}

#[test]
fn decoding_gives_the_strings_of_transformers() {
    let Some(shared) = shared() else { return };
    let vocab = std::fs::read_to_string(shared.join("data/vocab/bert-uncased.txt")).unwrap();
    let tokenizer = ours(&vocab, &Options::default());
    let ids = tokenizer.encode("Hello, world. It's Peter 's dog; do not go! I 'm \" quoted \"").ids;
    let decode = |skip, clean_up| tokenizer.decode(&ids, skip, clean_up);
    let (plain, clean) = (
        "hello, world. it ' s peter ' s dog ; do not go! i ' m \" quoted \"",
        "hello, world. it's peter's dog ; do not go! i'm \" quoted \"",
    );
    assert_eq!(decode(true, false), plain);
    assert_eq!(decode(true, true), clean);
    assert_eq!(decode(false, false), format!("[CLS] {plain} [SEP]"));
    assert_eq!(tokenizer.decode(&[u32::MAX, 999_999], false, true), "");
}

#[test]
fn an_unknown_word_and_an_empty_text_have_their_tokens() {
    let tokenizer = ours(&small_vocab(), &Options::default());
    assert_eq!(tokenizer.encode("").tokens(&tokenizer), ["[CLS]", "[SEP]"]);
    let encoding = tokenizer.encode("the 😀😀 dogs");
    assert_eq!(encoding.tokens(&tokenizer), ["[CLS]", "the", "[UNK]", "dog", "##s", "[SEP]"]);
    assert_eq!(encoding.offsets, [(0, 0), (0, 3), (4, 6), (7, 10), (10, 11), (0, 0)]);
}
