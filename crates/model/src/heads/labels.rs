//! Labels: what is right, for each head.
//!
//! A label may be missing (`None`; -100 in the arrays of transformers): it then counts for nothing,
//! neither in the loss nor in what the loss is divided by.

use super::loss::Part;
use crate::config::Problem;
use crate::{Batch, Config, Error, HeadKind};
use bert_nn::{Loss, Real, cross_entropy};
use ndarray::Array2;

// ANCHOR: labels
/// What is right, in the packed form of a batch of `B` sequences and `T` tokens.
#[derive(Debug, Clone, PartialEq)]
pub enum Labels {
    /// `T` classes, of a masked LM (the word that was there) or a token classifier.
    Tokens(Vec<Option<u32>>),
    /// `B` classes, of a sequence classifier or next sentence (0: follows, 1: random).
    Sequences(Vec<Option<u32>>),
    /// Both, of pre-training: `T` words and `B` times 0 or 1.
    PreTraining {
        /// The word that was there.
        tokens: Vec<Option<u32>>,
        /// 0: follows, 1: random.
        sequences: Vec<Option<u32>>,
    },
    /// [B, C], each from 0 (no) to 1 (yes), of a sequence classifier with several labels.
    MultiLabel(Array2<Real>),
    /// [B, C] numbers, of a regression.
    Numbers(Array2<Real>),
    /// The first and the last token of each answer, counted within its sequence: `B` each.
    Spans {
        /// Where answers begin.
        start: Vec<Option<u32>>,
        /// Where they end.
        end: Vec<Option<u32>>,
    },
    /// Multiple choice. The sequences of question `q` are `bounds[q]..bounds[q + 1]`; `right`
    /// counts within the question.
    Choices {
        /// One more than there are questions, rising from 0 to `B`.
        bounds: Vec<usize>,
        /// The right choice of each question.
        right: Vec<Option<u32>>,
    },
}
// ANCHOR_END: labels

impl Labels {
    /// The parts of the loss with their counts, before any is computed: sums are 0. `class_weights`
    /// are those of the head ([`Context::weighting_of`]).
    ///
    /// [`Context::weighting_of`]: crate::Context::weighting_of
    pub fn parts(&self, class_weights: Option<&[Real]>) -> Vec<Part> {
        let part = |name, share, count| Part {
            name,
            share,
            loss: Loss { sum: 0.0, count },
            accuracy: None,
        };
        let all = |labels: &[Option<u32>]| labels.iter().flatten().count() as f64;
        match self {
            Self::Tokens(labels) => {
                vec![part("labels", 1.0, cross_entropy::count(labels, class_weights))]
            }
            Self::Sequences(labels) => {
                vec![part("labels", 1.0, cross_entropy::count(labels, class_weights))]
            }
            Self::PreTraining { tokens, sequences } => vec![
                part("labels", 1.0, all(tokens)),
                part("next_sentence_label", 1.0, all(sequences)),
            ],
            Self::MultiLabel(targets) | Self::Numbers(targets) => {
                vec![part("labels", 1.0, targets.len() as f64)]
            }
            // The mean of both losses.
            Self::Spans { start, end } => {
                vec![part("start_positions", 0.5, all(start)), part("end_positions", 0.5, all(end))]
            }
            Self::Choices { right, .. } => vec![part("labels", 1.0, all(right))],
        }
    }

    /// Refuses labels that do not fit the head, the batch or the classes. A training pass may rely
    /// on it.
    pub fn check(&self, kind: HeadKind, batch: &Batch, config: &Config) -> Result<(), Error> {
        let (t, b, classes) = (batch.tokens(), batch.sequences(), config.classes());
        let longest = |sequence: usize| batch.bounds[sequence + 1] - batch.bounds[sequence];
        match (self, kind) {
            (_, HeadKind::None) => Err(Error::HeadWithoutLoss),
            (Self::Tokens(labels), HeadKind::MaskedLm) => {
                each_below("labels", labels, t, |_| config.vocab_size)
            }
            (Self::Tokens(labels), HeadKind::TokenClassification) => {
                each_below("labels", labels, t, |_| classes)
            }
            (Self::Sequences(labels), HeadKind::NextSentence) => {
                each_below("labels", labels, b, |_| 2)
            }
            (Self::PreTraining { tokens, sequences }, HeadKind::PreTraining) => {
                each_below("labels", tokens, t, |_| config.vocab_size)?;
                each_below("next_sentence_label", sequences, b, |_| 2)
            }
            (Self::Sequences(labels), HeadKind::SequenceClassification)
                if config.problem() == Problem::SingleLabel =>
            {
                each_below("labels", labels, b, |_| classes)
            }
            (Self::MultiLabel(targets), HeadKind::SequenceClassification)
                if config.problem() == Problem::MultiLabel =>
            {
                shape(targets.shape(), &[b, classes])
            }
            (Self::Numbers(targets), HeadKind::SequenceClassification)
                if config.problem() == Problem::Regression =>
            {
                shape(targets.shape(), &[b, classes])
            }
            (Self::Spans { start, end }, HeadKind::QuestionAnswering) => {
                each_below("start_positions", start, b, longest)?;
                each_below("end_positions", end, b, longest)
            }
            (Self::Choices { bounds, right }, HeadKind::MultipleChoice) => {
                let rising = bounds.first() == Some(&0) && bounds.last() == Some(&b);
                if !(rising && bounds.is_sorted()) {
                    return Err(Error::ChoiceBounds { found: bounds.clone(), sequences: b });
                }
                each_below("labels", right, bounds.len() - 1, |q| bounds[q + 1] - bounds[q])
            }
            _ => Err(Error::LabelsOfAnotherHead { head: kind }),
        }
    }
}

/// `size` gives the number of classes at each place.
fn each_below(
    name: &'static str,
    labels: &[Option<u32>],
    length: usize,
    size: impl Fn(usize) -> usize,
) -> Result<(), Error> {
    if labels.len() != length {
        let (found, expected) = (vec![labels.len()], format!("[{length}]"));
        return Err(Error::LabelShape { name, found, expected });
    }
    for (place, label) in labels.iter().enumerate() {
        if let Some(label) = *label
            && label as usize >= size(place)
        {
            let (expected, found) = (up_to(size(place)), i64::from(label));
            return Err(Error::LabelValue { name, place: vec![place], found, expected });
        }
    }
    Ok(())
}

fn up_to(size: usize) -> String {
    match size {
        0 => "no class is there to choose".to_owned(),
        size => format!("a label is 0 to {}, or -100 for none", size - 1),
    }
}

fn shape(found: &[usize], expected: &[usize]) -> Result<(), Error> {
    if found == expected {
        return Ok(());
    }
    let (found, expected) = (found.to_vec(), format!("{expected:?}"));
    Err(Error::LabelShape { name: "labels", found, expected })
}
