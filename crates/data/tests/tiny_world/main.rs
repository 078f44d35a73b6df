//! Tiny world, and every rung of its ladder, against plain enumeration: all sentences and all documents are written out and
//! held against what is seen. `sentences.rs` and `enumeration.rs` share nothing with the crate but the tables.

mod enumeration;
mod rungs;
mod sampling;
mod sentences;

use bert_data::Replacement;
use bert_data::tiny_world::TinyWorld;
use enumeration::{Enumeration, Parts};
use std::collections::HashSet;
use std::sync::LazyLock;

static WORLD: LazyLock<TinyWorld> = LazyLock::new(TinyWorld::new);
static ALL: LazyLock<Enumeration> = LazyLock::new(|| Enumeration::new(&WORLD));

#[test]
fn the_sentences_are_as_many_as_the_book_says_and_their_probabilities_add_up() {
    let different: HashSet<&[u16]> = ALL.sentences.iter().map(|it| &it.words[..]).collect();
    assert_eq!((different.len(), ALL.sentences.len()), (151_460, 163_456));
    let mut sums = vec![0.0; ALL.starts];
    ALL.sentences.iter().for_each(|it| sums[it.start] += it.probability);
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-12), "{sums:?}");
    let together: f64 = ALL.beginnings.iter().flatten().flatten().sum();
    assert!((together - 1.0).abs() < 1e-12, "{together}");
}

#[test]
fn dogs_bite_men_more_often_than_men_bite_dogs() {
    let ids = |text: &str| -> Vec<u16> {
        let encoding = WORLD.tokenizer().encode(text);
        encoding.ids[1..encoding.len() - 1].iter().map(|&id| id as u16).collect()
    };
    let probability = |text: &str| -> f64 {
        let words = ids(text);
        ALL.sentences.iter().filter(|it| it.words == words).map(|it| it.probability).sum()
    };
    let dogs = probability("The dog bites the man.");
    let men = probability("The man bites the dog.");
    assert!(dogs > 5.0 * men && men > 0.0, "{dogs} against {men}");
}

#[test]
fn every_subject_can_be_an_object() {
    let column = |place: usize| -> HashSet<u16> {
        let plain = |it: &&sentences::Sentence| it.start.is_multiple_of(2) && it.words.len() == 6;
        // the dog bites the man .
        ALL.sentences
            .iter()
            .filter(plain)
            .filter(|it| it.words[0] == it.words[3])
            .map(|it| it.words[place])
            .collect()
    };
    let (subjects, objects) = (column(1), column(4));
    let only_subjects: Vec<_> = subjects.difference(&objects).collect();
    assert!(subjects.len() == ALL.starts / 2 && only_subjects.is_empty(), "{only_subjects:?}");
}

/// The ladder of the book, whose figures [`rungs`] has checked one by one; and that it is one.
#[test]
fn the_ladder_descends_in_clear_steps_and_is_the_one_in_the_book() {
    let book = include_str!("../../../../docs/src/tiny_world.md");
    let contains = |line: &str| assert!(book.contains(line), "not in the book:\n{line}");
    let [plain, corrupted] = [Replacement::PLAIN, Replacement::BERT]
        .map(|with| WORLD.ladder(&WORLD.held_out(1, 4_000, with), with).unwrap());
    let order_ignored = plain.order_ignored.unwrap();
    let rungs = [
        ("uniform", plain.uniform, Some(corrupted.uniform)),
        ("unigram", plain.unigram, Some(corrupted.unigram)),
        ("position only", plain.position, Some(corrupted.position)),
        ("left context only", plain.left_context, Some(corrupted.left_context)),
        ("order ignored", order_ignored, corrupted.order_ignored),
        ("optimum", plain.optimum, Some(corrupted.optimum)),
    ];
    for (name, plain, corrupted) in rungs {
        let corrupted = corrupted.map_or("–".to_owned(), |loss| format!("{loss:.3}"));
        contains(&format!("{name:<18}{plain:>14.3}{corrupted:>11}\n"));
    }
    for (rung, next) in rungs.iter().zip(&rungs[1..]) {
        assert!(rung.1 > next.1 + 0.4, "{rung:?} {next:?}");
    }
    let unordered = plain.next_sentence_order_ignored.unwrap();
    for (name, it) in [("order ignored", unordered), ("optimum", plain.next_sentence)] {
        contains(&format!("{name:<18}{:>7.3}{:>11.4}\n", it.loss, it.accuracy));
    }
    contains(&format!(
        "With {},{} masked words",
        plain.masked_words / 1000,
        plain.masked_words % 1000
    ));
    contains(&format!("has {} tokens", WORLD.vocabulary().len()));
}

#[test]
fn the_pair_in_the_book_has_the_posterior_in_the_book() {
    let book = include_str!("../../../../docs/src/tiny_world.md");
    let instance = &WORLD.held_out(1, 43, Replacement::PLAIN)[42];
    let mut block = format!("{}\n\n", WORLD.text(&instance.token_ids));
    let (posterior, random) = ALL.optimum(&Parts::new(instance), Replacement::PLAIN);
    for p in posterior {
        let mut words: Vec<usize> = (0..p.len()).filter(|&word| p[word] > 0.0005).collect();
        words.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
        let word = |word: usize| format!("{} {:.3}", WORLD.vocabulary()[word], p[word]);
        let words: Vec<String> = words.into_iter().map(word).collect();
        block += &format!("[MASK]   {}\n", words.join(", "));
    }
    block += &format!("P(random) {random:.3}\n");
    assert!(book.contains(&block), "not in the book:\n{block}");
}
