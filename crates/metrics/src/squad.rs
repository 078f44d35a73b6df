//! Answers to questions, judged as by the official evaluation of SQuAD (Rajpurkar et al. 2016; for
//! version 2.0, with questions that have no answer, Rajpurkar, Jia and Liang 2018).
//!
//! An answer is compared with each gold answer, and the best comparison counts. *Exact match* is 1
//! if the normalised texts are equal. *F1* takes both as bags of words:
//!
//! ```text
//! F1 = 2·P·R / (P + R),  P = common / words predicted,  R = common / words gold
//! ```
//!
//! In version 2.0 a question without gold answers is answered rightly by the empty text only, and a
//! model also tells its *null odds*, how much it prefers no answer. Above a threshold its answer is
//! dropped. `best_exact` and `best_f1` are what the best threshold would give, found on these very
//! questions.
//!
//! Where the official program stops, we do not: see [`evaluate_version_1`] and
//! [`evaluate_version_2`].

use crate::ranks::ascending;
use crate::squad_text::{normalise_answer, words};
use std::collections::HashMap;

/// A question's gold answers and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered<'a> {
    /// The gold answers, as they stand in the file; none if the question has no answer.
    pub gold: Vec<&'a str>,
    /// The answer, empty for "there is none". `None` where the question was forgotten.
    pub predicted: Option<&'a str>,
}

// ANCHOR: compare
/// Whether the two are the same answer.
pub fn exact_match(gold: &str, predicted: &str) -> bool {
    normalise_answer(gold) == normalise_answer(predicted)
}

/// How many words two answers share, as an F1. Two answers without any word (such as "the" and "")
/// have 0 in version 1.1 and 1 in version 2.0, which is `if_both_empty`.
fn word_f1(gold: &str, predicted: &str, if_both_empty: f64) -> f64 {
    let (gold, predicted) = (normalise_answer(gold), normalise_answer(predicted));
    let (of_gold, of_predicted) = (words(&gold).count(), words(&predicted).count());
    if of_gold == 0 && of_predicted == 0 {
        return if_both_empty;
    }
    let common = common_words(&gold, &predicted);
    if common == 0 {
        return 0.0;
    }
    let precision = common as f64 / of_predicted as f64;
    let recall = common as f64 / of_gold as f64;
    2.0 * precision * recall / (precision + recall)
}

/// How many words the two have in common; a word that each has twice counts twice.
fn common_words(gold: &str, predicted: &str) -> usize {
    let mut left: HashMap<&str, usize> = HashMap::new();
    for word in words(gold) {
        *left.entry(word).or_default() += 1;
    }
    let mut common = 0;
    for word in words(predicted) {
        if let Some(count) = left.get_mut(word).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    common
}
// ANCHOR_END: compare

/// Exact match and F1 of one question, the best over its gold answers; 0 where there are none.
fn best_of(gold: &[&str], predicted: &str, if_both_empty: f64) -> Judged {
    let best =
        |score: &dyn Fn(&str) -> f64| gold.iter().map(|gold| score(gold)).fold(0.0, f64::max);
    Judged {
        exact: best(&|gold| f64::from(u8::from(exact_match(gold, predicted)))),
        f1: best(&|gold| word_f1(gold, predicted, if_both_empty)),
    }
}

/// Exact match and F1 of one question, each 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Judged {
    exact: f64,
    f1: f64,
}

/// The means over some questions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Means {
    /// Exact matches, in per cent.
    pub exact: f64,
    /// The mean F1, in per cent.
    pub f1: f64,
    /// How many questions.
    pub total: usize,
}

impl Means {
    /// NaN where there are no questions.
    fn of(judged: &[Judged]) -> Self {
        let percent = |score: fn(&Judged) -> f64| {
            100.0 * judged.iter().map(score).sum::<f64>() / judged.len() as f64
        };
        Self { exact: percent(|j| j.exact), f1: percent(|j| j.f1), total: judged.len() }
    }
}

// ANCHOR: version_1
/// Version 1.1. A question that was forgotten counts 0. So does one without gold answers, on which
/// the official program stops.
pub fn evaluate_version_1(questions: &[Answered]) -> Means {
    let judge = |question: &Answered| match question.predicted {
        Some(predicted) => best_of(&question.gold, predicted, 0.0),
        None => Judged::default(),
    };
    Means::of(&questions.iter().map(judge).collect::<Vec<_>>())
}
// ANCHOR_END: version_1

/// What version 2.0 reports.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Version2 {
    /// Over all questions.
    pub all: Means,
    /// Over those that have an answer, if there are any.
    pub has_answer: Option<Means>,
    /// Over those that have none, if there are any.
    pub no_answer: Option<Means>,
    /// What the best thresholds would give; only where null odds are given.
    pub best: Option<Best>,
}

/// What the best thresholds would give: above them an answer is dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Best {
    /// Exact matches in per cent, and the threshold.
    pub exact: (f64, f64),
    /// The mean F1 in per cent, and the threshold.
    pub f1: (f64, f64),
}

impl Version2 {
    /// Everything under the official program's names, in its order.
    pub fn rows(&self) -> Vec<(&'static str, f64)> {
        let means = |names: [&'static str; 3], means: Means| {
            names.into_iter().zip([means.exact, means.f1, means.total as f64])
        };
        let mut rows: Vec<_> = means(["exact", "f1", "total"], self.all).collect();
        if let Some(of) = self.has_answer {
            rows.extend(means(["HasAns_exact", "HasAns_f1", "HasAns_total"], of));
        }
        if let Some(of) = self.no_answer {
            rows.extend(means(["NoAns_exact", "NoAns_f1", "NoAns_total"], of));
        }
        if let Some(best) = self.best {
            rows.extend([("best_exact", best.exact.0), ("best_exact_thresh", best.exact.1)]);
            rows.extend([("best_f1", best.f1.0), ("best_f1_thresh", best.f1.1)]);
        }
        rows
    }
}

// ANCHOR: version_2
/// Version 2.0. `null_odds` belong to the questions one by one; an answer whose odds are above
/// `threshold` counts as "there is none". (The official program's threshold is 1 unless told
/// otherwise; infinity drops no answer.) Without odds they are all 0.
///
/// Gold answers of which nothing is left by normalising are passed over. A question that was
/// forgotten counts 0 under every threshold; the official program stops there.
pub fn evaluate_version_2(
    questions: &[Answered],
    null_odds: Option<&[f64]>,
    threshold: f64,
) -> Version2 {
    let given = null_odds.map_or(questions.len(), <[f64]>::len);
    assert_eq!(given, questions.len(), "null odds for each question");
    let raw: Vec<Judged> = questions.iter().map(judge_version_2).collect();
    let judge = |(place, question): (usize, &Answered)| {
        let dropped = null_odds.map_or(0.0, |odds| odds[place]) > threshold;
        if dropped && question.predicted.is_some() {
            let right = f64::from(u8::from(question.gold.is_empty()));
            return Judged { exact: right, f1: right };
        }
        raw[place]
    };
    let judged: Vec<Judged> = questions.iter().enumerate().map(judge).collect();
    let those = |has_answer: bool| {
        let belongs = |(question, _): &(&Answered, &Judged)| question.gold.is_empty() != has_answer;
        let part: Vec<_> =
            questions.iter().zip(&judged).filter(belongs).map(|(_, judged)| *judged).collect();
        if part.is_empty() { None } else { Some(Means::of(&part)) }
    };
    Version2 {
        all: Means::of(&judged),
        has_answer: those(true),
        no_answer: those(false),
        best: null_odds.map(|odds| Best {
            exact: best_threshold(questions, odds, |place| raw[place].exact),
            f1: best_threshold(questions, odds, |place| raw[place].f1),
        }),
    }
}

fn judge_version_2(question: &Answered) -> Judged {
    let Some(predicted) = question.predicted else { return Judged::default() };
    let mut gold = question.gold.clone();
    gold.retain(|gold| !normalise_answer(gold).is_empty());
    if gold.is_empty() {
        gold.push("");
    }
    best_of(&gold, predicted, 1.0)
}
// ANCHOR_END: version_2

// ANCHOR: threshold
/// The best score in per cent and its threshold, the official `find_best_thresh`. It begins with
/// all answers dropped, then takes them in, the least null odds first. A question with an answer
/// adds its score; one without is lost, unless its answer is empty anyway. Where nothing is gained
/// the threshold is 0, whatever the odds. Equal odds are taken in one by one, in the questions'
/// order: so the best may lie between them, where no threshold can.
fn best_threshold(
    questions: &[Answered],
    null_odds: &[f64],
    score: impl Fn(usize) -> f64,
) -> (f64, f64) {
    let dropped = |q: &&Answered| q.gold.is_empty() && q.predicted.is_some();
    let mut current = questions.iter().filter(dropped).count() as f64;
    let (mut best, mut threshold) = (current, 0.0);
    for place in ascending(null_odds) {
        let Answered { gold, predicted: Some(predicted) } = &questions[place] else { continue };
        current += match (gold.is_empty(), predicted.is_empty()) {
            (false, _) => score(place),
            (true, true) => 0.0,
            (true, false) => -1.0,
        };
        if current > best {
            (best, threshold) = (current, null_odds[place]);
        }
    }
    (100.0 * best / questions.len() as f64, threshold)
}
// ANCHOR_END: threshold

#[cfg(test)]
mod tests {
    use super::*;

    fn answered<'a>(gold: &[&'a str], predicted: &'a str) -> Answered<'a> {
        Answered { gold: gold.to_vec(), predicted: Some(predicted) }
    }

    #[test]
    fn the_best_gold_answer_counts() {
        let question = answered(&["Paris", "the city of Paris"], "City of Paris!");
        let means = evaluate_version_1(&[question]);
        assert_eq!(means, Means { exact: 100.0, f1: 100.0, total: 1 });
    }

    #[test]
    fn a_repeated_word_counts_as_often_as_both_have_it() {
        assert_eq!(word_f1("no no", "no no no", 1.0), 0.8);
        assert_eq!(word_f1("no", "yes", 1.0), 0.0);
    }

    #[test]
    fn answers_without_a_word_are_equal_in_version_2_only() {
        assert_eq!(evaluate_version_1(&[answered(&["the"], "")]).f1, 0.0);
        assert_eq!(evaluate_version_2(&[answered(&["the"], "")], None, 1.0).all.f1, 100.0);
    }

    #[test]
    fn a_forgotten_question_counts_zero_and_none_at_all_has_no_mean() {
        let forgotten = Answered { gold: vec![], predicted: None };
        let found = evaluate_version_2(std::slice::from_ref(&forgotten), Some(&[9.0]), 1.0);
        assert_eq!((found.all.exact, found.best.unwrap().exact.0), (0.0, 0.0));
        assert_eq!(evaluate_version_1(&[forgotten]).exact, 0.0);
        assert!(evaluate_version_1(&[]).exact.is_nan());
        assert!(evaluate_version_2(&[], None, 1.0).all.f1.is_nan());
    }

    #[test]
    fn nan_odds_do_no_harm() {
        let questions = [answered(&["x"], "x"), answered(&[], "x")];
        let found = evaluate_version_2(&questions, Some(&[f64::NAN, -1.0]), 0.0);
        assert_eq!(found.all.exact, 50.0);
        assert_eq!(found.best.unwrap().exact, (50.0, 0.0));
    }
}
