//! Any Unicode text whatever, against the judge.

use proptest::prelude::*;
use rayon::prelude::*;

use crate::judge::{Pair, pairs};

/// Characters of one kind of trouble.
fn trouble() -> impl Strategy<Value = String> {
    let chars = |set: &'static [char]| prop::sample::select(set).prop_map(String::from);
    let range = |first: char, last: char| prop::char::range(first, last).prop_map(String::from);
    prop_oneof![
        4 => "[a-zA-Z0-9]{1,6}",
        2 => "[ \t\r\n]{1,2}",
        2 => "[!-/:-@\\[-`{-~]",
        2 => range('\u{300}', '\u{36f}'),
        2 => range('\u{c0}', '\u{24f}'),
        1 => range('\u{1e00}', '\u{1fff}'),
        1 => range('\u{4e00}', '\u{9fff}'),
        1 => range('\u{f900}', '\u{faff}'),
        1 => range('\u{2a700}', '\u{2cff0}'),
        1 => range('\u{ac00}', '\u{d7a3}'),
        1 => range('\u{1100}', '\u{11ff}'),
        1 => range('\u{e00}', '\u{e7f}'),
        1 => range('\u{600}', '\u{6ff}'),
        1 => range('\u{900}', '\u{dff}'),
        1 => range('\u{f00}', '\u{fff}'),
        1 => range('\u{3040}', '\u{30ff}'),
        1 => range('\u{0}', '\u{1f}'),
        1 => range('\u{7f}', '\u{a0}'),
        1 => range('\u{e000}', '\u{f8ff}'),
        1 => range('\u{2000}', '\u{206f}'),
        1 => range('\u{1f300}', '\u{1faff}'),
        1 => range('\u{1d100}', '\u{1d1ff}'),
        1 => range('\u{10d00}', '\u{11fff}'),
        1 => range('\u{16000}', '\u{16fff}'),
        1 => range('\u{1df0}', '\u{1dff}'),
        1 => range('\u{1ab0}', '\u{1aff}'),
        2 => chars(&['İ', 'ı', 'Σ', 'ς', 'ß', 'ẞ', 'ﬁ', 'Å', '≯', 'が', '\u{344}', '\u{f73}', '\u{f75}', '\u{f81}']),
        2 => chars(&['\u{200d}', '\u{fe0f}', '\u{feff}', '\u{fffd}', '\u{85}', '\u{2028}', '\u{3000}', '\u{302e}', '\u{1d165}']),
        1 => prop::sample::select(&["👩\u{200d}👩\u{200d}👧", "ΟΔΟΣ", "[MASK]", "[SEP]", "[mask]", "[CLS", "\r\n", "##s"][..])
            .prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
        1 => (90_usize..110, prop::sample::select(&['a', 'é', '한', 'İ'][..])).prop_map(|(n, c)| c.to_string().repeat(n)),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(trouble(), 0..14).prop_map(|parts| parts.concat())
}

fn check(cases: u32, test: impl Fn(&Pair, &str, &str)) {
    let pairs = pairs();
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&(text(), text()), |(first, second)| {
            pairs.iter().for_each(|pair| test(pair, &first, &second));
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_text_has_the_judges_tokens_and_offsets() {
    check(20_000, |pair, text, _| pair.check(text));
}

#[test]
fn any_pair_any_words_and_back_to_text() {
    check(3_000, |pair, first, second| {
        pair.check_pair(first, second);
        pair.check_words(&[first, second, "", "x"]);
        pair.check_decode(&pair.ours.encode((first, second)).ids);
    });
}

#[test]
fn every_character_alone_and_between_letters_and_among_marks() {
    let all: Vec<char> = (0..=0x10ffff).filter_map(char::from_u32).collect();
    for (pair, is_first) in
        pairs().iter().zip(std::iter::once(true).chain(std::iter::repeat(false)))
    {
        all.par_iter().for_each(|c| {
            same_tokens(pair, &format!("a{c}b"));
            if is_first {
                same_tokens(pair, &c.to_string());
                // Marks around it show that it is ordered among them as the judge does.
                same_tokens(pair, &format!("e\u{301}{c}\u{323}\u{1d165}\u{334}x"));
            }
        });
    }
}

fn same_tokens(pair: &Pair, text: &str) {
    let judge = pair.judge.encode_char_offsets(text, true).unwrap();
    let ours = pair.ours.encode(text);
    assert_eq!(ours.ids, judge.get_ids(), "{text:?}");
    assert_eq!(ours.offsets, judge.get_offsets(), "{text:?}");
}
