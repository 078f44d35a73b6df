//! The vocabulary: the list of tokens, where a token's place is its id.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::trie::{ROOT, Trie};

/// What a token begins with if it continues a word.
pub(crate) const CONTINUATION: &str = "##";

/// No published vocabulary has more; a file that claims more would fill the memory.
const LARGEST_ID: u32 = (1 << 22) - 1;

/// Tokens and their ids, in both directions.
pub struct Vocab {
    path: PathBuf,
    /// All tokens in one string, and where each id's token stands in it. Empty: no token has this id.
    text: String,
    places: Vec<Range<usize>>,
    trie: Trie,
    /// The node that "##" leads to.
    continuation: Option<u32>,
    /// Tokens that were added by a tokenizer's files. WordPiece never produces these.
    added: HashMap<String, u32>,
}

impl std::fmt::Debug for Vocab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vocab({} tokens of {})", self.len(), self.path.display())
    }
}

impl Vocab {
    /// Reads the contents of a `vocab.txt`: one token per line, line 1 has id 0. `path` is for error messages.
    ///
    /// As transformers does, `\r\n` ends a line like `\n`, and a blank line is an (empty) token that takes an id;
    /// only the line break that ends the last line begins no further token. A byte-order mark is skipped.
    ///
    /// # Errors
    /// A line that is not UTF-8, a repeated token, or no token at all.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut tokens = Vec::new();
        let mut lines = HashMap::new();
        for (line, bytes) in (1..).zip(bytes.split(|&byte| byte == b'\n')) {
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            let path = || path.to_owned();
            let token =
                std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8 { path: path(), line })?;
            if token.is_empty() {
                continue;
            }
            if let Some(first) = lines.insert(token, line) {
                let token = token.to_owned();
                return Err(Error::DuplicateToken { path: path(), token, first, line });
            }
            tokens.push((token, (line - 1) as u32));
        }
        Self::from_pairs(&tokens, path)
    }

    /// `pairs` hold each token once. Ids may have gaps.
    pub(crate) fn from_pairs(pairs: &[(&str, u32)], path: &Path) -> Result<Self, Error> {
        let Some(largest) = pairs.iter().map(|&(_, id)| id).max() else {
            return Err(Error::EmptyVocab { path: path.to_owned() });
        };
        let trie = Trie::new(pairs.iter().copied());
        let mut vocab = Vocab {
            path: path.to_owned(),
            text: String::new(),
            places: Vec::new(),
            continuation: trie.node(CONTINUATION),
            trie,
            added: HashMap::new(),
        };
        vocab.check_id(largest)?;
        for &(token, id) in pairs {
            vocab.set_token(token, id)?;
        }
        Ok(vocab)
    }

    /// Adds a token that only whole matches in the text produce, never WordPiece.
    pub(crate) fn add(&mut self, token: &str, id: u32) -> Result<(), Error> {
        self.check_id(id)?;
        match self.id(token) {
            Some(same) if same == id => Ok(()),
            Some(other) => {
                Err(self.bad_id(token, "one id per token", &format!("{other} and {id}")))
            }
            None => {
                self.added.insert(token.to_owned(), id);
                self.set_token(token, id)
            }
        }
    }

    fn set_token(&mut self, token: &str, id: u32) -> Result<(), Error> {
        let id = id as usize;
        if id >= self.places.len() {
            self.places.resize(id + 1, 0..0);
        }
        if !self.places[id].is_empty() {
            let found =
                format!("{id} for both {:?} and {token:?}", &self.text[self.places[id].clone()]);
            return Err(self.bad_id(token, "one token per id", &found));
        }
        let start = self.text.len();
        self.text.push_str(token);
        self.places[id] = start..self.text.len();
        Ok(())
    }

    fn check_id(&self, id: u32) -> Result<(), Error> {
        if id <= LARGEST_ID {
            return Ok(());
        }
        Err(self.bad_id("", &format!("an id of at most {LARGEST_ID}"), &id.to_string()))
    }

    fn bad_id(&self, token: &str, expected: &str, found: &str) -> Error {
        Error::Field {
            path: self.path.clone(),
            field: format!("vocab {token:?}"),
            expected: expected.to_owned(),
            found: found.to_owned(),
        }
    }

    /// The highest id plus one: how many rows the model's embedding table must have.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Never true: a vocabulary holds at least one token.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.trie.get(token).or_else(|| self.added.get(token).copied())
    }

    /// The token with an id.
    pub fn token(&self, id: u32) -> Option<&str> {
        let place = self.places.get(id as usize)?;
        (!place.is_empty()).then(|| &self.text[place.clone()])
    }

    /// Whether its texts kept their capital letters: more than one token in fifty has one, names such as [CLS] aside. (In
    /// bert-base-cased it is every third, in what was made from lower-cased texts none, unless a user has added some.)
    pub(crate) fn is_cased(&self) -> bool {
        let tokens = self.places.iter().map(|place| &self.text[place.clone()]);
        let words = tokens.filter(|token| !(token.starts_with('[') && token.ends_with(']')));
        let capital = |token: &&str| token.bytes().any(|byte| byte.is_ascii_uppercase());
        words.filter(capital).count() * 50 > self.places.len()
    }

    /// The file that it was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether WordPiece may produce `token`.
    pub(crate) fn piece(&self, token: &str) -> Option<u32> {
        self.trie.get(token)
    }

    /// The longest token at the beginning of a word: its id and length in bytes.
    pub(crate) fn longest_first(&self, bytes: &[u8]) -> Option<(u32, usize)> {
        self.trie.longest(ROOT, bytes)
    }

    /// The longest `##` token for the rest of a word.
    pub(crate) fn longest_continuation(&self, bytes: &[u8]) -> Option<(u32, usize)> {
        self.trie.longest(self.continuation?, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vocab, Error> {
        Vocab::from_bytes(bytes, Path::new("vocab.txt"))
    }

    #[test]
    fn ids_are_line_numbers_and_line_breaks_of_windows_are_fine() {
        let vocab = read(b"\xef\xbb\xbf[PAD]\r\nthe\r\n##s\r\n").unwrap();
        assert_eq!(vocab.len(), 3);
        assert_eq!(vocab.id("the"), Some(1));
        assert_eq!(vocab.token(2), Some("##s"));
        assert_eq!((vocab.id("\r"), vocab.token(3)), (None, None));
    }

    #[test]
    fn a_blank_line_keeps_the_ids_behind_it() {
        let vocab = read(b"a\n\nb\n\n").unwrap();
        assert_eq!((vocab.id("b"), vocab.token(1)), (Some(2), None));
    }

    #[test]
    fn a_repeated_token_is_refused_with_both_lines() {
        let error = read(b"a\nb\na\n").unwrap_err().to_string();
        assert_eq!(error, "vocab.txt: line 3 repeats the token \"a\" of line 1");
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_line() {
        let error = read(b"a\n\xff\n").unwrap_err().to_string();
        assert_eq!(error, "vocab.txt: line 2 is not valid UTF-8 text");
        assert!(matches!(read(b""), Err(Error::EmptyVocab { .. })));
        assert!(matches!(read(b"\n\n"), Err(Error::EmptyVocab { .. })));
    }
}
