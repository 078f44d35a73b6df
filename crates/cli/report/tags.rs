//! A tag for each word: entities by type, words that are confused.

use super::MOST_CLASSES;
use super::class_table::class_table;
use super::results::Results;
use super::tag_errors;
use bert_data::TaggedSentence;
use bert_metrics::{Confusion, EntityEvaluation};
use bert_plot::text::{cut, isolated};
use bert_plot::{Cell, Page, confusion_matrix};
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

/// So many of the words that are taken for something else.
const MOST_WORDS: usize = 20;

/// What a tagger says to each word.
pub struct TagResults<'a> {
    /// With the right tags.
    pub sentences: &'a [TaggedSentence],
    /// A tag for each word of each sentence.
    pub predicted: &'a [Vec<&'a str>],
}

impl TagResults<'_> {
    /// The right tags of a sentence.
    pub(super) fn gold(&self, place: usize) -> &[String] {
        self.sentences[place].tags.as_deref().unwrap_or_default()
    }

    /// Of each word: itself, its right tag, its predicted tag.
    fn words(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        (0..self.count()).flat_map(|place| {
            let tags = self.gold(place).iter().map(String::as_str).zip(&self.predicted[place]);
            let words = self.sentences[place].words.iter().zip(tags);
            words.map(|(word, (gold, predicted))| (word.as_str(), gold, *predicted))
        })
    }

    fn evaluation(&self) -> EntityEvaluation {
        let mut evaluation = EntityEvaluation::default();
        for (place, predicted) in self.predicted.iter().enumerate() {
            evaluation.add(self.gold(place), predicted);
        }
        evaluation
    }

    /// Word by word, without the letters of the scheme.
    fn draw_confusion(&self, page: &mut Page) {
        let types: BTreeSet<&str> = self.words().flat_map(|(_, g, p)| [kind(g), kind(p)]).collect();
        let types: Vec<&str> = types.into_iter().collect();
        if types.len() > MOST_CLASSES {
            return;
        }
        let place = |tag: &str| types.binary_search(&kind(tag)).expect("all are there");
        let mut confusion = Confusion::new(types.len());
        self.words().for_each(|(_, gold, predicted)| confusion.add(place(gold), place(predicted)));
        page.figures(
            &[confusion_matrix(&types, &confusion)],
            "Word by word: a row for each right type, a column for each predicted one; O is no entity. Blue is right, orange is \
             wrong, the darker, the larger its share of the row.",
        );
    }

    fn draw_words(&self, page: &mut Page) {
        let mut words: HashMap<String, Mistakes> = HashMap::new();
        for (word, gold, predicted) in self.words() {
            words.entry(word.to_lowercase()).or_default().add(gold, predicted);
        }
        let mut wrong: Vec<_> =
            words.into_iter().filter(|(_, mistakes)| mistakes.wrong > 0).collect();
        wrong.sort_unstable_by(|a, b| (b.1.wrong, &a.0).cmp(&(a.1.wrong, &b.0)));
        if wrong.is_empty() {
            return;
        }
        page.subheading("The most confused words");
        page.paragraph("Words (in small letters) whose tag was wrong most often, and what they were taken for most often.");
        let row = |(word, mistakes): &(String, Mistakes)| {
            let (gold, predicted, times) = mistakes.commonest();
            let [gold, predicted] = [gold, predicted].map(|tag| isolated(&cut(tag, 60)));
            vec![
                Cell::text(cut(word, 60)),
                Cell::count(mistakes.wrong),
                Cell::count(mistakes.total),
                Cell::Markup(format!("{gold} taken for {predicted} ({times})")),
            ]
        };
        let rows: Vec<_> = wrong.iter().take(MOST_WORDS).map(row).collect();
        page.table_of(&["word", "wrong", "of", "most often"], &rows);
    }
}

/// What happened to a word.
#[derive(Default)]
struct Mistakes<'a> {
    total: usize,
    wrong: usize,
    kinds: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Mistakes<'a> {
    fn add(&mut self, gold: &'a str, predicted: &'a str) {
        self.total += 1;
        if gold != predicted {
            self.wrong += 1;
            *self.kinds.entry((gold, predicted)).or_default() += 1;
        }
    }

    fn commonest(&self) -> (&'a str, &'a str, usize) {
        let best = self.kinds.iter().max_by_key(|&(kind, &times)| (times, Reverse(kind)));
        best.map_or(("", "", 0), |(&(gold, predicted), &times)| (gold, predicted, times))
    }
}

/// `PER` of `B-PER`; a tag without a hyphen is its own type.
fn kind(tag: &str) -> &str {
    tag.split_once('-').map_or(tag, |(_, kind)| kind)
}

impl Results for TagResults<'_> {
    fn count(&self) -> usize {
        self.predicted.len()
    }

    fn title(&self) -> &'static str {
        "Which entities are found"
    }

    fn details(&self, page: &mut Page) {
        page.paragraph(
            "An entity counts as found if its type, its first word and its last word are right. There is no credit for a part.",
        );
        let evaluation = self.evaluation();
        let scores = evaluation.types().map(|(kind, counts)| (kind.to_owned(), counts.scores()));
        let averages = [
            ("all entities (micro)", evaluation.micro_average()),
            ("mean of the types (macro)", evaluation.macro_average()),
        ];
        class_table(page, "type", scores.collect(), &averages);
        self.draw_confusion(page);
        self.draw_words(page);
    }

    fn worst(&self, page: &mut Page) {
        tag_errors::worst(self, page);
    }
}
