use super::repeats::repeats_by;
use super::*;
use crate::squad::{GoldAnswer, Place, Question};
use crate::texts::{Target, TextExample};
use crate::{ChoiceQuestion, TaggedSentence};
use proptest::prelude::*;
use std::collections::HashMap;

fn text(first: &str, label: Option<&str>) -> TextExample {
    TextExample {
        line: 1,
        id: None,
        first: first.to_owned(),
        second: None,
        target: label.map(|label| Target::Class(label.to_owned())),
    }
}

fn pair(first: &str, second: &str) -> TextExample {
    TextExample { second: Some(second.to_owned()), ..text(first, None) }
}

fn texts(texts: &[(&str, &str)]) -> Vec<TextExample> {
    texts.iter().map(|&(first, label)| text(first, Some(label))).collect()
}

#[test]
fn white_space_and_capitals_make_no_other_text_and_letters_do() {
    let normal = |text| normal(text).collect::<String>();
    assert_eq!(normal("\u{a0} The\t\nDog  BITES\u{2003}"), "the dog bites");
    assert_eq!(normal("İΣ ς"), "i̇σ ς");
    assert_eq!(normal(" \n"), "");
    let train = [text("The dog", None), text("  the   DOG ", None), text("thedog", None)];
    assert_eq!(repeats(&train, &[]).texts.len(), 1);
    assert_eq!(repeats(&train, &[]).texts[0].train, [0, 1]);
}

#[test]
fn a_pair_is_a_pair() {
    let train =
        [pair("a", "b"), pair("b", "a"), pair("a b", ""), text("a b", None), pair("A", "B ")];
    let found = repeats(&train, &[]).texts;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].train, [0, 4]);
    // Also where the hash does not tell them apart.
    assert_eq!(repeats_by(&[pair("a", "b"), text("a", None)], &[], |_| 0).texts, []);
}

#[test]
fn surplus_shared_and_conflicting_texts_are_counted_apart() {
    let train = texts(&[("x", "bug"), ("y", "bug"), ("X", "wish"), ("x ", "bug"), ("z", "bug")]);
    let dev = texts(&[("y", "bug"), ("new", "bug"), ("Y", "bug"), ("z", "wish")]);
    let found = repeats(&train, &dev);
    let places: Vec<_> = found.texts.iter().map(|t| (&t.train[..], &t.dev[..])).collect();
    let expected: [(&[usize], &[usize]); 3] = [(&[0, 2, 3], &[]), (&[1], &[0, 2]), (&[4], &[3])];
    assert_eq!(places, expected);
    assert_eq!((found.surplus_in_train(), found.surplus_in_dev(), found.dev_in_train()), (2, 1, 3));
    assert_eq!(found.shared().count(), 2);
    let conflicts: Vec<_> = found.conflicts().map(|text| text.train[0]).collect();
    assert_eq!(conflicts, [0, 4]);
    assert_eq!(found.texts[0].count(), 3);
}

#[test]
fn a_text_without_a_label_contradicts_nobody() {
    let train = [text("x", None), text("x", Some("bug")), text("x", None), text("x", Some("bug"))];
    assert!(!repeats(&train, &[]).texts[0].conflicting);
    let labelled = [text("x", None), text("x", Some("bug")), text("x", Some("wish"))];
    assert!(repeats(&labelled, &[]).texts[0].conflicting);
}

#[test]
fn the_order_of_several_labels_is_no_contradiction_and_another_number_is() {
    let labels = |labels: &[&str]| TextExample {
        target: Some(Target::Labels(labels.iter().map(|&l| l.to_owned()).collect())),
        ..text("x", None)
    };
    assert!(!repeats(&[labels(&["a", "b"])], &[labels(&["b", "a"])]).texts[0].conflicting);
    // Joined by a comma these would be the same.
    assert!(repeats(&[labels(&["a", "b"])], &[labels(&["a, b"])]).texts[0].conflicting);
    let number = |number| TextExample { target: Some(Target::Number(number)), ..text("x", None) };
    assert!(!repeats(&[number(2.0)], &[number(2.0)]).texts[0].conflicting);
    assert!(repeats(&[number(2.0)], &[number(2.5)]).texts[0].conflicting);
}

#[test]
fn every_task_has_texts_and_labels() {
    let sentence = |words: &str, tags: &str| TaggedSentence {
        line: 3,
        words: words.split(' ').map(str::to_owned).collect(),
        tags: Some(tags.split(' ').map(str::to_owned).collect()),
    };
    let sentences = [sentence("Ann slept", "B-PER O"), sentence("ann slept", "O O")];
    assert!(repeats(&sentences, &[]).texts[0].conflicting);
    assert_eq!(entity_counts(&sentences), [("PER".to_owned(), 1)].into());
    assert_eq!(label_counts(&sentences), [("B-PER".to_owned(), 1), ("O".to_owned(), 3)].into());

    let question = |context: &str, answers: &[&str]| Question {
        id: "q".to_owned(),
        title: "".into(),
        question: "Who?".to_owned(),
        context: context.into(),
        answers: answers
            .iter()
            .map(|a| GoldAnswer { text: (*a).to_owned(), start: None })
            .collect(),
        is_impossible: answers.is_empty(),
        place: Place::Line(1),
    };
    let train = [question("Ann.", &["Ann", "Ann."]), question("Bob.", &["Bob"])];
    let dev = [question("ann.", &["Ann.", "Ann", "Ann"]), question("Bob.", &[])];
    let conflicting: Vec<_> = repeats(&train, &dev).texts.iter().map(|t| t.conflicting).collect();
    assert_eq!(conflicting, [false, true]);

    let choice = |label| ChoiceQuestion {
        line: 2,
        id: Some("7".to_owned()),
        first: "Ann".to_owned(),
        seconds: vec!["slept".to_owned(), "ran".to_owned()],
        label,
    };
    assert!(repeats(&[choice(Some(0))], &[choice(Some(1))]).texts[0].conflicting);
    assert_eq!(label_counts(&[choice(Some(0)), choice(None)]), [("1".to_owned(), 1)].into());
    assert_eq!(
        (choice(None).place(), sentences[0].place()),
        ("line 2 (7)".into(), "line 3".into())
    );
}

#[test]
fn a_text_of_marks_or_of_one_letter_says_nearly_nothing() {
    let samples = ["", " \n", "...?!", "😀😀", "a", "-5-"].map(|first| text(first, None));
    assert_eq!(near_empty(&samples), 6);
    let samples = [text("ok", None), text("42", None), pair("a", "b"), text("まあ", None)];
    assert_eq!(near_empty(&samples), 0);
}

proptest! {
    /// Also where all hashes agree, or half of them do: nothing rests on the hash but the speed.
    #[test]
    fn repeats_are_those_that_counting_the_texts_themselves_finds(
        train in prop::collection::vec("[aAb ]{0,3}", 0..30),
        dev in prop::collection::vec("[aAb ]{0,3}", 0..30),
        bits in 0..3_u64,
    ) {
        let make = |all: &[String]| -> Vec<_> { all.iter().map(|t| text(t, None)).collect() };
        let (train, dev) = (make(&train), make(&dev));
        let mut counted: HashMap<String, (Vec<usize>, Vec<usize>)> = HashMap::new();
        let key = |t: &TextExample| t.first.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        for (place, t) in train.iter().enumerate() {
            counted.entry(key(t)).or_default().0.push(place);
        }
        for (place, t) in dev.iter().enumerate() {
            counted.entry(key(t)).or_default().1.push(place);
        }
        let mut expected: Vec<_> = counted
            .into_values()
            .filter(|(train, dev)| train.len() + dev.len() > 1)
            .map(|(train, dev)| Repeated { train, dev, conflicting: false })
            .collect();
        let first = |r: &Repeated| r.train.first().copied().unwrap_or_else(|| 1_000 + r.dev[0]);
        expected.sort_by_key(first);
        prop_assert_eq!(&repeats(&train, &dev).texts, &expected);
        prop_assert_eq!(&repeats_by(&train, &dev, |_| 0).texts, &expected);
        let of_normal = |t: &TextExample| key(t).len() as u64 & ((1 << bits) - 1);
        prop_assert_eq!(&repeats_by(&train, &dev, of_normal).texts, &expected);
    }
}
