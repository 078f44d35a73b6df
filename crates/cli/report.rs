//! The page about a fine-tuning: what was learnt from, how it went, what came of it, where it fails.
//!
//! One HTML file that needs nothing else: no script, no font, no picture from elsewhere. Whatever the
//! data holds, the page is escaped and small: texts are cut, lists and matrices are bounded, and what
//! was left out is said.
//!
//! # Layout
//!
//! In reading order; `docs/src/reading_a_report.md` explains the page itself.
//!
//! - `report/page`: the sections, one after the other
//! - `report/summary`: the scores, large; `report/meanings`: what each of them says; `report/seeds`: those of several seeds
//! - `report/data`: counts, lengths, class balance; `report/odd_texts`: repeats and contradictions
//! - `report/curves`: losses and scores over the steps
//! - `report/results`: what each task adds: `classes`, `labels`, `numbers`, `tags` (with
//!   `tag_errors`), `answers`, `choices`
//! - `report/class_table`: precision, recall and F1 in a table
//! - `report/calibration`: is the model right as often as it says?
//! - `report/explanations`: which words speak for the answer

mod answers;
mod calibration;
mod choices;
mod class_table;
mod classes;
mod curves;
mod data;
mod explanations;
mod labels;
mod meanings;
mod numbers;
mod odd_texts;
mod page;
mod results;
mod seeds;
mod summary;
mod tag_errors;
mod tags;
#[cfg(test)]
mod tests;

pub use answers::AnswerResults;
pub use choices::ChoiceResults;
pub use curves::{Curves, Kept};
pub use data::{Balance, Data, Lengths};
pub use explanations::Explained;
pub use odd_texts::OddTexts;
pub use results::{Results, text_results};
pub use seeds::Seeds;
pub use tags::TagResults;

use bert_train::tasks::NamedScores;

/// All that the page is made of.
#[derive(Default)]
pub struct Report<'a> {
    /// Its heading.
    pub title: String,
    /// What was learnt, from what, in a sentence.
    pub task: String,
    /// What the numbers below were measured with: `dev` or `test`.
    pub measured_on: &'static str,
    /// Scores by name.
    pub scores: NamedScores,
    /// On the test data, where the others are on the dev data.
    pub test: NamedScores,
    /// How trainings with other seeds ended.
    pub seeds: Option<Seeds>,
    /// By name, in the order in which they are to be shown.
    pub settings: Vec<(String, String)>,
    /// What there is to say about the data.
    pub data: Option<Data>,
    /// How the training went.
    pub curves: Curves,
    /// What the model says to each example of the data it is measured with.
    pub results: Option<Box<dyn Results + 'a>>,
    /// Some wrong answers and some right ones.
    pub explanations: Vec<Explained>,
}

/// A text is cut after so many characters.
const MOST_CHARACTERS: usize = 400;
/// So many of the worst errors are shown.
const MOST_ERRORS: usize = 50;
/// So many classes are shown in tables and matrices.
const MOST_CLASSES: usize = 30;
