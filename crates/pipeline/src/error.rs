use bert_model::HeadKind;
use std::path::PathBuf;

/// What can go wrong between a text and an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The model's files.
    #[error(transparent)]
    Checkpoint(#[from] bert_checkpoint::Error),
    /// The tokenizer's files.
    #[error(transparent)]
    Tokenizer(#[from] bert_tokenizer::Error),
    /// A batch that does not fit the model.
    #[error(transparent)]
    Model(#[from] bert_model::Error),
    /// The tokenizer could give ids that the model has no vector for.
    #[error(
        "{path}: the vocabulary has {vocabulary} tokens, but the configuration's vocab_size is \
         {config}: ids from {config} on would have no embedding"
    )]
    VocabularyTooLarge {
        /// The model directory.
        path: PathBuf,
        /// Tokens in the vocabulary.
        vocabulary: usize,
        /// `vocab_size`.
        config: usize,
    },
    /// The model cannot do what is asked of it.
    #[error("{path}: {task} needs a model with a {needed} head; this one has: {found}")]
    WrongHead {
        /// The model directory.
        path: PathBuf,
        /// The task.
        task: &'static str,
        /// The head, or heads, that can do it.
        needed: &'static str,
        /// The head that is there.
        found: HeadKind,
    },
    /// One of the call's texts.
    #[error("text {}: {problem}", .index + 1)]
    Text {
        /// Counted from 0 within the call.
        index: usize,
        /// What is wrong with it.
        problem: TextProblem,
    },
    /// A word cannot be a prediction of its own.
    #[error("target {word:?} is no single token of the vocabulary (it becomes {pieces})")]
    Target {
        /// The word.
        word: String,
        /// What the tokenizer makes of it.
        pieces: String,
    },
    /// A class that the model does not have.
    #[error("the model has no class {label:?}; it has: {known}")]
    Label {
        /// As asked for.
        label: String,
        /// Those that there are.
        known: String,
    },
    /// A layer that the model does not have.
    #[error("there is no layer {layer}: the model has layers 0 to {last}, or -1 to -{count}", last = .count - 1)]
    Layer {
        /// As asked for.
        layer: isize,
        /// `L`.
        count: usize,
    },
    /// A tensor of a reference file has an impossible shape.
    #[error("{path}: tensor {tensor} has shape {found:?}, expected {expected}")]
    ReferenceShape {
        /// The reference file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// What would fit.
        expected: String,
    },
    /// The batch of a reference file is none, or does not fit the model.
    #[error("{path}: {problem}")]
    ReferenceBatch {
        /// The reference file.
        path: PathBuf,
        /// What is wrong with it.
        problem: bert_model::Error,
    },
    /// Infinite, or not a number.
    #[error("{what} is not finite")]
    NotFinite {
        /// What it is.
        what: String,
    },
    /// A list of published values that is not one.
    #[error("{path}: not a list of published values: {problem}")]
    Published {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// What can be wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// It is longer than the model's positions, and the caller wants no truncation.
    #[error("{tokens} tokens, but the model takes {limit} at most")]
    TooLong {
        /// Special tokens included.
        tokens: usize,
        /// The limit.
        limit: usize,
    },
    /// It has nothing to fill in.
    #[error("there is no [MASK] in {}", place(.limit))]
    NoMask {
        /// The model's limit, where the text reaches it and may have been cut.
        limit: Option<usize>,
    },
    /// A question leaves no room for its context.
    #[error(
        "the question alone has {tokens} tokens; with [CLS], two [SEP] and a piece of the context they do \
         not fit into {limit}"
    )]
    Question {
        /// Of the question, without special tokens.
        tokens: usize,
        /// The longest window.
        limit: usize,
    },
    /// Windows that share so much that they would never come to the end of the context.
    #[error(
        "the question leaves room for {room} tokens of the context in each window, so neighbouring windows \
         cannot share {stride} (the stride must be smaller than the room)"
    )]
    Stride {
        /// How many tokens neighbouring windows share.
        stride: usize,
        /// How many tokens of the context a window holds.
        room: usize,
    },
}

impl TextProblem {
    /// The error of a call's text, counted from 0.
    pub fn of(self, index: usize) -> Error {
        Error::Text { index, problem: self }
    }
}

impl Error {
    /// Which text of the call is at fault, counted from 0; none if it is no text's fault.
    pub fn text(&self) -> Option<usize> {
        match self {
            Self::Text { index, .. } => Some(*index),
            _ => None,
        }
    }

    /// The same error for a caller who had handed over `before` texts already.
    pub fn counted_from(self, before: usize) -> Self {
        self.renumbered(|index| index + before)
    }

    /// The same error for a caller who counts in another way.
    pub fn renumbered(self, number: impl FnOnce(usize) -> usize) -> Self {
        match self {
            Self::Text { index, problem } => problem.of(number(index)),
            other => other,
        }
    }
}

fn place(limit: &Option<usize>) -> String {
    match limit {
        Some(limit) => format!("its first {limit} tokens, which are all that the model takes"),
        None => "it".to_owned(),
    }
}
