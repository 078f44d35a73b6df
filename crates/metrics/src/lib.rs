//! How good predictions are, in the numbers that papers report.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`scores`]: precision, recall and F1 from three counts, and the three ways to average them
//! - [`confusion`]: one class for each example: accuracy, F1, Matthews correlation
//! - [`multi_label`]: any number of labels for each example
//! - [`correlation`]: one number for each example: Pearson, Spearman, squared error
//! - [`ranks`]: places in order, shared by ties
//! - [`ranking`]: is what is positive ranked first? ROC-AUC, average precision
//! - [`calibration`]: is the model right as often as it says? Reliability, Brier score, log loss
//! - [`entities`](mod@entities): names in tagged sentences, counted as conlleval and seqeval do
//! - [`squad`]: answers to questions, judged as by the official evaluation of SQuAD
//! - [`squad_text`]: when two answers are the same text
//! - [`spread`]: how sure a mean over seeds, or an accuracy, is
//! - `report`: scores as a table of text
//!
//! Everything is plain data: class numbers, `bool`s, `f64`s, texts. The tests compare each number
//! with scikit-learn, scipy, seqeval and the published evaluation of SQuAD, ties and missing
//! classes included (`tests/reference/make_metrics.py`).
//!
//! ```
//! use bert_metrics::Confusion;
//!
//! let gold = [0, 0, 1, 1, 1, 2];
//! let predicted = [0, 1, 1, 1, 0, 2];
//! let confusion = Confusion::of(&gold, &predicted, 3);
//! assert_eq!(confusion.accuracy(), 4.0 / 6.0);
//! assert_eq!(confusion.class_scores(1).recall, 2.0 / 3.0);
//! println!("{}", confusion.report(&["bug", "question", "wish"], 3));
//! ```
//!
//! # Where a value is undefined
//!
//! Nothing here fails on any prediction. A precision, recall or F1 that divides by zero is 0, as in
//! scikit-learn with `zero_division=0`, and so is the Matthews correlation. Everything else without
//! a value is NaN, as in scipy: the mean of no examples, the correlation with a constant, the area
//! under the curve where one class is missing. What is NaN beforehand makes NaN of the result.
//!
//! # Panics
//!
//! Slices that belong together and differ in length, and class numbers that are too large, are
//! mistakes of the program, not of its input. They stop it.
#![forbid(unsafe_code)]

pub mod calibration;
pub mod confusion;
pub mod correlation;
pub mod entities;
pub mod multi_label;
pub mod ranking;
pub mod ranks;
mod report;
pub mod scores;
pub mod spread;
pub mod squad;
pub mod squad_text;

pub use calibration::{Bin, brier_score, expected_calibration_error, log_loss, reliability};
pub use confusion::Confusion;
pub use correlation::{mean_absolute_error, mean_squared_error, pearson, r_squared, spearman};
pub use entities::{Entity, EntityEvaluation, entities};
pub use multi_label::MultiLabel;
pub use ranking::{RocPoint, average_precision, roc_auc, roc_auc_macro, roc_curve};
pub use ranks::average_ranks;
pub use scores::{Counts, Scores, macro_average, micro_average, weighted_average};
pub use spread::{Spread, wilson_interval};
pub use squad::{Answered, evaluate_version_1, evaluate_version_2};
pub use squad_text::normalise_answer;
