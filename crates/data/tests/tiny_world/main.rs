//! Tiny world, and every rung of its ladder, against plain enumeration: all sentences and all documents are written out and
//! held against what is seen. `sentences.rs` and `enumeration.rs` share nothing with the crate but the tables.

mod enumeration;
mod rungs;
mod sampling;
mod sentences;

use bert_data::tiny_world::TinyWorld;
use enumeration::Enumeration;
use std::collections::HashSet;
use std::sync::LazyLock;

static WORLD: LazyLock<TinyWorld> = LazyLock::new(TinyWorld::new);
static ALL: LazyLock<Enumeration> = LazyLock::new(|| Enumeration::new(&WORLD));

#[test]
fn the_sentences_are_as_many_as_the_book_says_and_their_probabilities_add_up() {
    let different: HashSet<&[u16]> = ALL.sentences.iter().map(|it| &it.words[..]).collect();
    assert_eq!(different.len(), 733_320);
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
        let plain = |it: &&sentences::Sentence| it.start % 2 == 0 && it.words.len() == 6;
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
    assert!(subjects.len() > 60 && only_subjects.is_empty(), "{only_subjects:?}");
}
