//! What can be wrong with a vocabulary, a tokenizer's files, or a request. Texts are never wrong: any string has
//! an encoding.

use std::path::PathBuf;

/// One message per thing that comes from outside and can be wrong; it names the file and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("{}: cannot read it", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line of a vocabulary is not UTF-8.
    #[error("{}: line {line} is not valid UTF-8 text", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// There is no token in the vocabulary.
    #[error("{}: the vocabulary is empty; expected one token per line", path.display())]
    EmptyVocab {
        /// The file.
        path: PathBuf,
    },
    /// A vocabulary lists a token twice, so ids would be ambiguous.
    #[error("{}: line {line} repeats the token {token:?} of line {first}", path.display())]
    DuplicateToken {
        /// The file.
        path: PathBuf,
        /// The token.
        token: String,
        /// The line where it stands first, counted from 1.
        first: usize,
        /// The line that repeats it.
        line: usize,
    },
    /// A special token is not in the vocabulary.
    #[error(
        "{}: the {role} {token:?} is missing in {tokens} tokens; one line (or entry) must hold it",
        path.display()
    )]
    MissingSpecialToken {
        /// The file.
        path: PathBuf,
        /// `unk_token`, `cls_token`, `sep_token`, `pad_token` or `mask_token`.
        role: &'static str,
        /// The token that was looked for.
        token: String,
        /// How many tokens there are.
        tokens: usize,
    },
    /// The file is not JSON.
    #[error("{}: not valid JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Line and column.
        source: serde_json::Error,
    },
    /// A JSON field does not hold what a BERT tokenizer needs.
    #[error("{}: `{field}`: expected {expected}, found {found}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, as `model.vocab`.
        field: String,
        /// What BERT needs.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The tokenizer is of another kind.
    #[error("{}: this is a {kind} tokenizer; only WordPiece (BERT's) is supported", path.display())]
    NotWordPiece {
        /// The file.
        path: PathBuf,
        /// The type that the file states.
        kind: String,
    },
    /// A directory without a tokenizer.
    #[error("{}: no tokenizer here; looked for tokenizer.json and vocab.txt", dir.display())]
    NoTokenizer {
        /// The directory.
        dir: PathBuf,
    },
    /// The truncation that was asked for cannot reach its length.
    #[error("cannot truncate to {max_length} tokens: {reason}")]
    CannotTruncate {
        /// The length that was asked for.
        max_length: usize,
        /// Why not.
        reason: String,
    },
    /// A vocabulary is to be made that has no room for the letters of its text.
    #[error(
        "a vocabulary of {size} tokens is too small: the special tokens and {letters} different letters, as the first \
         of a word and as a later one, are {needed}; allow more tokens or fewer letters"
    )]
    VocabTooSmall {
        /// How many tokens were allowed.
        size: usize,
        /// How many there are at least.
        needed: usize,
        /// How many different letters the text has, or the alphabet is limited to.
        letters: usize,
    },
}
