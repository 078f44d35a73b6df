use crate::HeadKind;
use bert_nn::Real;
use std::path::PathBuf;

/// What can be wrong with a configuration or a batch that comes from outside.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not JSON, or a field has a value of another kind (a text where a number
    /// belongs).
    #[error("{path}: not a readable configuration: {source}")]
    Json {
        /// The configuration file.
        path: PathBuf,
        /// What the JSON reader says, with line and column.
        source: serde_json::Error,
    },
    /// A field's value is impossible.
    #[error("{path}: {field}: {problem}")]
    Field {
        /// The configuration file.
        path: PathBuf,
        /// The JSON field.
        field: &'static str,
        /// What was expected and what was found.
        problem: String,
    },
    /// An id is outside its table; the forward pass would read past the end.
    #[error(
        "{what} {found} at token {token} of sequence {sequence}: the model knows 0 to {largest}"
    )]
    IdOutOfRange {
        /// "token id", "token type" or "position".
        what: &'static str,
        /// The id.
        found: u32,
        /// Counted from 0 within its sequence.
        token: usize,
        /// Counted from 0 within the batch.
        sequence: usize,
        /// The largest id that the model knows.
        largest: usize,
    },
    /// A sequence without any token has no result.
    #[error("sequence {sequence} of the batch has no token (its mask hides all of them)")]
    EmptySequence {
        /// Counted from 0.
        sequence: usize,
    },
    /// An array of a batch has another shape than `input_ids`.
    #[error("{name} has shape {found:?}, input_ids has {expected:?}")]
    BatchShape {
        /// The array's name.
        name: &'static str,
        /// Its shape.
        found: [usize; 2],
        /// The shape of `input_ids`.
        expected: [usize; 2],
    },
    /// An array of a batch holds something that cannot be an id or a mask.
    #[error("{name} [{row}, {column}] is {found}: {expected}")]
    BatchValue {
        /// The array's name.
        name: &'static str,
        /// Counted from 0.
        row: usize,
        /// Counted from 0.
        column: usize,
        /// The value.
        found: i64,
        /// What would be right.
        expected: &'static str,
    },
    /// A head without a loss cannot be trained.
    #[error("the model has no head: it gives hidden states and has no loss")]
    HeadWithoutLoss,
    /// The labels are those of another head.
    #[error("these are not the labels of a {head} head")]
    LabelsOfAnotherHead {
        /// The model's head.
        head: HeadKind,
    },
    /// What the head is trained with is not there.
    #[error("a {head} head is trained with {name}, which is missing")]
    MissingLabels {
        /// The array's name.
        name: &'static str,
        /// The model's head.
        head: HeadKind,
    },
    /// There are more or fewer labels than places for them.
    #[error("{name} has shape {found:?}, expected {expected}")]
    LabelShape {
        /// The array's name.
        name: &'static str,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },
    /// A label is outside the classes.
    #[error("{name} {place:?} is {found}: {expected}")]
    LabelValue {
        /// The array's name.
        name: &'static str,
        /// Counted from 0.
        place: Vec<usize>,
        /// The value.
        found: i64,
        /// What would be right.
        expected: String,
    },
    /// The questions of a multiple choice do not divide the batch's sequences.
    #[error("the bounds of the questions are {found:?}: they must rise from 0 to {sequences}")]
    ChoiceBounds {
        /// The bounds.
        found: Vec<usize>,
        /// How many sequences the batch has.
        sequences: usize,
    },
    /// Class weights that do not fit the classes, or cannot be weights.
    #[error("class weights {found:?}: {classes} numbers from 0 on are wanted, one of them above 0")]
    ClassWeights {
        /// The weights.
        found: Vec<Real>,
        /// How many classes the model has.
        classes: usize,
    },
    /// A part of a label that is no part.
    #[error("label smoothing is {found}: it must be from 0 to below 1")]
    LabelSmoothing {
        /// As it was given.
        found: Real,
    },
    /// The mean over no label at all is not defined.
    #[error(
        "{name}: every label is ignored, so there is nothing to average and the loss is undefined"
    )]
    NoLabel {
        /// The name of the labels.
        name: &'static str,
    },
}
