//! Answers to questions: by the question's first word, and the worst of them.

use super::MOST_CHARACTERS;
use super::results::{Results, Right, largest_first, tell_shown};
use bert_data::Question;
use bert_metrics::squad::Means;
use bert_metrics::{Answered, evaluate_version_1, evaluate_version_2};
use bert_plot::text::cut;
use bert_plot::{Cell, Page};
use bert_train::tasks::answers::AnswerOutcome;
use std::cmp::Reverse;
use std::collections::HashMap;

/// So many of the words that questions begin with have a row of their own.
const MOST_WORDS: usize = 12;
/// Of a long context so much is shown before the right answer.
const BEFORE: usize = 150;

/// What a model answers to each question.
pub struct AnswerResults<'a> {
    /// With the right answers.
    pub questions: &'a [Question],
    /// As many.
    pub outcome: &'a AnswerOutcome,
    /// Whether some questions have no answer (SQuAD 2.0).
    pub no_answer: bool,
}

impl AnswerResults<'_> {
    fn predicted(&self, place: usize) -> &str {
        let answer = &self.outcome.answers[place];
        if self.no_answer { answer.text_or_none(0.0) } else { answer.text() }
    }

    /// The probability of the answer that was chosen, among the best ones.
    fn probability(&self, place: usize) -> f64 {
        let text = self.predicted(place);
        let candidates = &self.outcome.answers[place].candidates;
        let found = candidates.iter().find(|candidate| candidate.text == text);
        found.map_or(f64::NAN, |candidate| f64::from(candidate.probability))
    }

    /// The means over some questions, by the rules of the official evaluation.
    fn means(&self, places: impl Iterator<Item = usize>) -> Means {
        let answered = |place: usize| Answered {
            gold: self.questions[place].answers.iter().map(|answer| answer.text.as_str()).collect(),
            predicted: Some(self.predicted(place)),
        };
        let answered: Vec<_> = places.map(answered).collect();
        match self.no_answer {
            true => evaluate_version_2(&answered, None, f64::INFINITY).all,
            false => evaluate_version_1(&answered),
        }
    }

    fn f1(&self, place: usize) -> f64 {
        self.means([place].into_iter()).f1
    }

    fn by_first_word(&self) -> Vec<(String, Vec<usize>)> {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, question) in self.questions.iter().enumerate() {
            places.entry(first_word(&question.question)).or_default().push(place);
        }
        let mut groups: Vec<_> = places.into_iter().collect();
        groups.sort_unstable_by(|a, b| (Reverse(a.1.len()), &a.0).cmp(&(Reverse(b.1.len()), &b.0)));
        if groups.len() > MOST_WORDS {
            let others: Vec<usize> = groups.drain(MOST_WORDS..).flat_map(|group| group.1).collect();
            groups.push(("(others)".to_owned(), others));
        }
        groups
    }

    /// The right answers; or that there is none.
    fn gold(&self, place: usize) -> String {
        let mut texts: Vec<&str> =
            self.questions[place].answers.iter().map(|answer| answer.text.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        if texts.is_empty() {
            "(none)".to_owned()
        } else {
            cut(&texts.join(" / "), MOST_CHARACTERS)
        }
    }
}

/// In small letters, without what stands around it.
fn first_word(question: &str) -> String {
    let word = question.split_whitespace().next().unwrap_or_default();
    let word = word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    if word.is_empty() { "(no word)".to_owned() } else { cut(&word, 30) }
}

/// A part of the context, with the right answer if it has a place.
fn excerpt(question: &Question) -> String {
    let start = question.answers.iter().find_map(|answer| answer.start).unwrap_or(0);
    let from = start.saturating_sub(BEFORE);
    let rest: String = question.context.chars().skip(from).take(MOST_CHARACTERS + 1).collect();
    format!("{}{}", if from > 0 { "…" } else { "" }, cut(&rest, MOST_CHARACTERS))
}

impl Results for AnswerResults<'_> {
    fn count(&self) -> usize {
        self.questions.len()
    }

    fn right(&self) -> Option<Right> {
        let means = self.means(0..self.count());
        let right = (means.exact / 100.0 * means.total as f64).round() as usize;
        Some(Right { name: "Exact match", right, total: means.total })
    }

    fn title(&self) -> &'static str {
        "Which questions are answered"
    }

    fn details(&self, page: &mut Page) {
        page.paragraph(
            "Exact match: the answer is, but for capitals, punctuation and articles, one of the right ones. F1: how many words \
             it shares with the nearest right one. Both in per cent.",
        );
        let all = ("all".to_owned(), (0..self.count()).collect());
        let row = |(word, places): (String, Vec<usize>)| {
            let means = self.means(places.into_iter());
            let numbers = [means.exact, means.f1].map(|score| Cell::number(score, 1));
            [vec![Cell::text(word), Cell::count(means.total)], numbers.to_vec()].concat()
        };
        let rows: Vec<_> = self.by_first_word().into_iter().chain([all]).map(row).collect();
        page.table_of(&["question begins with", "questions", "exact match", "F1"], &rows);
    }

    fn worst(&self, page: &mut Page) {
        let wrong = (0..self.count()).map(|place| (place, self.f1(place)));
        let wrong = wrong.filter(|(_, f1)| *f1 < 100.0);
        // The least F1 first; of equals, what the model was surest of.
        let badness = |(place, f1)| (place, 100.0 - f1 + self.probability(place).clamp(0.0, 0.999));
        let wrong: Vec<_> = wrong.map(badness).collect();
        tell_shown(page, wrong.len(), "answers are not wholly right");
        if wrong.is_empty() {
            return;
        }
        let row = |place: usize| {
            let question = &self.questions[place];
            let answer = match self.predicted(place) {
                "" => "(none)".to_owned(),
                text => cut(text, MOST_CHARACTERS),
            };
            vec![
                Cell::text(cut(&question.id, 60)),
                Cell::text(cut(&question.question, MOST_CHARACTERS)),
                Cell::text(excerpt(question)),
                Cell::text(self.gold(place)),
                Cell::text(answer),
                Cell::number(self.probability(place), 3),
                Cell::number(self.f1(place), 1),
            ]
        };
        let rows: Vec<_> = largest_first(wrong).into_iter().map(row).collect();
        page.table_of(
            &["id", "question", "context", "right", "answer", "its probability", "F1"],
            &rows,
        );
    }
}
