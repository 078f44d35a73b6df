//! Schemes against a slow definition, over every short sequence of tags; against seqeval; on longer
//! sentences at random.

use super::*;
use bert_testkit::fixture;
use proptest::prelude::*;
use std::collections::HashMap;
use std::fs;

const TYPES: [&str; 2] = ["X", "Y"];

/// Every way to put entities into `words` words, as (type, length) one after the other; no type is a
/// word outside.
fn segmentations(words: usize) -> Vec<Vec<(Option<&'static str>, usize)>> {
    if words == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for rest in segmentations(words - 1) {
        all.push([vec![(None, 1)], rest].concat());
    }
    for length in 1..=words {
        for rest in segmentations(words - length) {
            all.extend(TYPES.map(|label| [vec![(Some(label), length)], rest.clone()].concat()));
        }
    }
    all
}

/// Its tags, letter by letter, by what the schemes are called.
fn spelt(pieces: &[(Option<&str>, usize)], scheme: Scheme) -> String {
    let mut tags = Vec::new();
    for (number, &(label, length)) in pieces.iter().enumerate() {
        let Some(label) = label else {
            tags.push("O".to_owned());
            continue;
        };
        let letters = match scheme {
            Scheme::Iob2 => format!("B{}", "I".repeat(length - 1)),
            Scheme::Iob1 if number > 0 && pieces[number - 1].0 == Some(label) => {
                format!("B{}", "I".repeat(length - 1))
            }
            Scheme::Iob1 => "I".repeat(length),
            Scheme::Iobes if length == 1 => "S".to_owned(),
            Scheme::Iobes => format!("B{}E", "I".repeat(length - 2)),
        };
        tags.extend(letters.chars().map(|letter| format!("{letter}-{label}")));
    }
    tags.join(" ")
}

fn as_entities<'a>(pieces: &[(Option<&'a str>, usize)]) -> Vec<Entity<'a>> {
    let (mut entities, mut start) = (Vec::new(), 0);
    for &(label, length) in pieces {
        entities.extend(label.map(|label| Entity { start, end: start + length, label }));
        start += length;
    }
    entities
}

/// Every sequence of so many tags.
fn sequences(words: usize) -> Vec<String> {
    if words == 0 {
        return vec![String::new()];
    }
    let letters = ["O", "B-X", "I-X", "E-X", "S-X", "B-Y", "I-Y", "E-Y", "S-Y"];
    let longer = |rest: String| letters.map(|tag| format!("{tag} {rest}").trim_end().to_owned());
    sequences(words - 1).into_iter().flat_map(longer).collect()
}

fn parse(text: &str) -> Vec<Tag<'_>> {
    text.split_whitespace().map(|tag| Tag::parse(tag).unwrap()).collect()
}

fn written(tags: &[Tag]) -> String {
    tags.iter().map(Tag::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_sequence_up_to_five_words_is_right_or_wrong_as_the_definition_says() {
    for words in 0..=5 {
        let ways = segmentations(words);
        let right = Scheme::ALL.map(|scheme| {
            let spelt = ways.iter().map(|pieces| (spelt(pieces, scheme), as_entities(pieces)));
            spelt.collect::<HashMap<_, _>>()
        });
        for text in sequences(words) {
            let tags = parse(&text);
            for (right, scheme) in right.iter().zip(Scheme::ALL) {
                let faults = faults(scheme, &tags);
                assert_eq!(faults.is_empty(), right.contains_key(&text), "{scheme}: {text}");
                let Some(expected) = right.get(&text) else { continue };
                assert_eq!(&entities(&tags), expected, "{scheme}: {text}");
                assert_eq!(written(&tags_of(expected, words, scheme)), text, "{scheme}");
                if !expected.is_empty() {
                    assert_eq!(detect([&tags[..]]), scheme, "{text}");
                }
            }
        }
        for pieces in &ways {
            for (from, to) in Scheme::ALL.iter().flat_map(|a| Scheme::ALL.map(|b| (*a, b))) {
                let text = spelt(pieces, from);
                assert_eq!(
                    written(&convert(&parse(&text), to)),
                    spelt(pieces, to),
                    "{from} {text}"
                );
            }
        }
    }
}

#[test]
fn what_is_said_to_be_right_is_right_there() {
    for text in sequences(3) {
        let tags = parse(&text);
        for scheme in Scheme::ALL {
            for fault in faults(scheme, &tags) {
                for right in fault.right.split(" or ") {
                    let mut mended = tags[..=fault.word].to_vec();
                    mended[fault.word] = Tag::parse(right).unwrap();
                    let ends = fault.place.contains("end");
                    let left = faults(scheme, &mended);
                    let still = left
                        .iter()
                        .any(|left| left.word == fault.word && left.place.contains("end") == ends);
                    assert!(!still, "{scheme}: {text}: {fault:?}, and then {left:?}");
                }
            }
        }
    }
}

#[test]
fn broken_tags_are_read_as_seqeval_reads_them() {
    let text = fs::read_to_string(fixture("task_files/entities.txt")).unwrap();
    let mut lines = 0;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (tags, expected) = line.split_once('|').unwrap();
        let found = entities(&parse(tags));
        let found: Vec<_> =
            found.iter().map(|e| format!("{}-{}-{}", e.start, e.end, e.label)).collect();
        assert_eq!(found.join(" "), expected.trim(), "{tags}");
        lines += 1;
    }
    assert_eq!(lines, 9 + 81 + 729, "every sequence up to three words");
}

#[test]
fn a_fault_says_what_stands_before_and_what_would_be_right() {
    let said = |scheme, tags| {
        let faults = faults(scheme, &parse(tags));
        faults
            .iter()
            .map(|f| format!("{} {} {}: {}", f.word, f.tag, f.place, f.right))
            .collect::<Vec<_>>()
    };
    assert_eq!(said(Scheme::Iob2, "O I-PER"), ["1 I-PER after O: B-PER"]);
    assert_eq!(
        said(Scheme::Iob2, "I-PER I-PER"),
        ["0 I-PER at the beginning of a sentence: B-PER"]
    );
    assert_eq!(said(Scheme::Iob1, "O B-PER"), ["1 B-PER after O: I-PER"]);
    assert_eq!(said(Scheme::Iob2, "B-PER E-PER"), ["1 E-PER after B-PER: B-PER or I-PER"]);
    assert_eq!(said(Scheme::Iobes, "B-PER O"), ["1 O after B-PER: I-PER or E-PER"]);
    assert_eq!(said(Scheme::Iobes, "O I-PER E-PER"), ["1 I-PER after O: B-PER or S-PER"]);
    assert_eq!(said(Scheme::Iobes, "O B-PER"), ["1 B-PER at the end of a sentence: S-PER"]);
    assert_eq!(said(Scheme::Iobes, "B-PER I-PER"), ["1 I-PER at the end of a sentence: E-PER"]);
}

#[test]
fn a_tag_is_a_letter_and_a_type_that_may_hold_hyphens() {
    let parts = |text| Tag::parse(text).map(|tag| (tag.prefix, tag.label));
    assert_eq!(parts("B-creative-work"), Some((Prefix::B, "creative-work")));
    assert_eq!(parts("O"), Some((Prefix::O, "")));
    assert_eq!(parts("I"), Some((Prefix::I, "")));
    for text in ["", "B-", "O-PER", "O-", "L-PER", "b-PER", "-LRB-", "PER", "BB-PER", "B_PER"] {
        assert_eq!(parts(text), None, "{text:?}");
    }
}

#[test]
fn a_file_is_taken_for_the_scheme_that_it_breaks_least() {
    let of = |sentences: &[&str]| {
        let tags: Vec<_> = sentences.iter().map(|text| parse(text)).collect();
        detect(tags.iter().map(|tags| &tags[..]))
    };
    assert_eq!(of(&["O O", ""]), Scheme::Iob2);
    assert_eq!(of(&["I-X I-X O", "I-X B-X"]), Scheme::Iob1);
    assert_eq!(of(&["B-X I-X O", "O I-Y", "B-X"]), Scheme::Iob2);
    assert_eq!(of(&["I-X I-X O", "I-Y", "B-X"]), Scheme::Iob1);
    assert_eq!(of(&["B-X E-X O", "S-Y", "O I-X"]), Scheme::Iobes);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_entity_is_lost_on_the_way_through_all_schemes(
        pieces in prop::collection::vec((prop::option::of(prop::sample::select(vec!["X", "Y", "Z-1"])), 1..9_usize), 0..30)
    ) {
        let expected = as_entities(&pieces);
        let words = pieces.iter().map(|piece| piece.1).sum();
        let mut tags = tags_of(&expected, words, Scheme::Iob1);
        for scheme in [Scheme::Iob2, Scheme::Iobes, Scheme::Iob1, Scheme::Iobes, Scheme::Iob2] {
            tags = convert(&tags, scheme);
            prop_assert_eq!(faults(scheme, &tags), []);
            prop_assert_eq!(&entities(&tags), &expected);
        }
    }
}
