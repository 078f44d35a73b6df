//! Texts by number, which is how instances are made from them.

use crate::{Corpus, Error};

/// A document: its sentences in order, each with the ids of its tokens. Neither a document nor a
/// sentence is empty.
pub type Document = Vec<Vec<u32>>;

/// Where texts come from: a corpus on disk, or a list in memory.
pub trait Documents: Sync {
    /// How many documents there are.
    fn documents(&self) -> usize;

    /// About how many bytes of text a document has.
    fn size_of(&self, document: usize) -> u64;

    /// The sentences of a document, in order.
    ///
    /// # Errors
    /// The text cannot be read, or is no longer what it was.
    fn sentences(&self, document: usize) -> Result<Vec<String>, Error>;
}

/// Documents in memory, as lists of sentences.
impl Documents for Vec<Vec<String>> {
    fn documents(&self) -> usize {
        self.len()
    }

    fn size_of(&self, document: usize) -> u64 {
        self[document].iter().map(|sentence| sentence.len() as u64).sum()
    }

    fn sentences(&self, document: usize) -> Result<Vec<String>, Error> {
        Ok(self[document].clone())
    }
}

impl Documents for Corpus {
    fn documents(&self) -> usize {
        Corpus::documents(self)
    }

    fn size_of(&self, document: usize) -> u64 {
        Corpus::size_of(self, document)
    }

    fn sentences(&self, document: usize) -> Result<Vec<String>, Error> {
        Corpus::sentences(self, document)
    }
}
