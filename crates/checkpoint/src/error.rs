use bert_model::HeadKind;
use bert_nn::Real;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong between a file and a model. Each names the file, and the tensor if it is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory without what makes it a model.
    #[error("{path} is not a model directory: {problem}")]
    NotAModel {
        /// The directory.
        path: PathBuf,
        /// What was looked for, and what is there.
        problem: String,
    },
    /// The file is cut off, or its header contradicts itself.
    #[error("{path}: not a whole {format} file: {problem}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What it should be.
        format: &'static str,
        /// What the reader found.
        problem: String,
    },
    /// Numbers that are not those that were written.
    #[error(
        "{path}: tensor {tensor} is damaged: the crc32c of its bytes is {found:08x}, and was {expected:08x}"
    )]
    Checksum {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// The checksum of what is there.
        found: u32,
        /// The checksum of what was written.
        expected: u32,
    },
    /// The file holds numbers of a kind that weights do not have.
    #[error("{path}: tensor {tensor} is stored as {found}, expected {expected}")]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// The stored type.
        found: String,
        /// The types that are read.
        expected: &'static str,
    },
    /// A tensor does not fit the configuration.
    #[error("{path}: tensor {tensor} has shape {found:?}, the configuration asks for {expected:?}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// Two spellings of one name in one file.
    #[error("{path}: {first} and {second} are two spellings of the same tensor")]
    Duplicate {
        /// The file.
        path: PathBuf,
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// The file lacks what the model is made of.
    #[error("{path}: {} missing: {}", tensors(.names.len()), listed(.names))]
    Missing {
        /// The file.
        path: PathBuf,
        /// The missing names.
        names: Vec<String>,
    },
    /// A weight that is no number, after which no result would be one.
    #[error("{path}: tensor {tensor} holds {found} at element {place}: the file is damaged")]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// The first such element, counted row by row.
        place: usize,
        /// NaN or an infinity.
        found: Real,
    },
    /// A weight that would be infinite in the precision it is to be written in.
    #[error(
        "{path}: tensor {tensor} holds {value}, which is beyond {precision}: f32 and bf16 have room for it"
    )]
    TooLarge {
        /// Where it would be written.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The number.
        value: Real,
        /// What it does not fit into.
        precision: &'static str,
    },
    /// A code that no rounding gives.
    #[error("{path}: tensor {tensor} holds -128 at element {place}; codes are from -127 to 127")]
    Code {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// The first such element, counted row by row.
        place: usize,
    },
    /// A linear layer with so many inputs that a sum of products of codes may overflow.
    #[error("{path}: a layer of {inputs} inputs cannot be computed in 8 bits; at most {largest}")]
    TooWide {
        /// The file.
        path: PathBuf,
        /// How many it has.
        inputs: usize,
        /// How many it may have.
        largest: usize,
    },
    /// Weights of 8 bits, where those of full width are wanted.
    #[error(
        "{path}: its weights have 8 bits (bert quantize): it answers questions of every kind, but cannot be trained, explained or \
         converted; use the model that it was made from"
    )]
    Quantised {
        /// The directory.
        path: PathBuf,
    },
    /// A tensor that was asked for by name is not there.
    #[error("{path}: there is no tensor {tensor}; there are {}", listed(.present))]
    NoTensor {
        /// The file.
        path: PathBuf,
        /// The name.
        tensor: String,
        /// What the file holds.
        present: Vec<String>,
    },
    /// The head asked for, by the caller or by `architectures`, is not in the file.
    #[error(
        "{path}: no {wanted} head in the file: it lacks {}. {found}",
        listed(.names)
    )]
    MissingHead {
        /// The file.
        path: PathBuf,
        /// The head.
        wanted: HeadKind,
        /// Its tensors that are missing.
        names: Vec<String>,
        /// What is there instead, and what to do.
        found: String,
    },
    /// The names in the file fit several heads.
    #[error(
        "{path}: the tensors fit more than one head ({}), and `architectures` in the configuration \
         does not say which: name it (--head)",
        .candidates.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ")
    )]
    AmbiguousHead {
        /// The file.
        path: PathBuf,
        /// The heads that would fit.
        candidates: Vec<HeadKind>,
    },
    /// A tensor that must be a copy of another is not.
    #[error(
        "{path}: {tensor} must equal {original} (BERT ties them), but differs at element {place}"
    )]
    Untied {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        tensor: &'static str,
        /// The tensor that it repeats.
        original: &'static str,
        /// The first element that differs.
        place: usize,
    },
    /// An activation that nobody defined.
    #[error(
        "there is no activation {0:?}; there are gelu, gelu_new, gelu_pytorch_tanh, relu, tanh, linear, silu, swish"
    )]
    Activation(String),
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] bert_model::Error),
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

// A model has hundreds of tensors: the first few are enough to see what is wrong.
pub(crate) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

/// "1 tensor", "2 tensors".
pub(crate) fn tensors(count: usize) -> String {
    format!("{count} tensor{}", if count == 1 { "" } else { "s" })
}
