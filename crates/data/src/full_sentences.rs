//! Full sentences: sequences filled with one sentence after the other, and no next-sentence task
//! (Liu et al., "RoBERTa: a robustly optimized BERT pretraining approach", 2019, section 4.2,
//! FULL-SENTENCES).
//!
//! A sequence goes on into the next document, with a `[SEP]` between them. There are no short
//! sequences, as in the paper. A departure: RoBERTa takes the documents in the order of the corpus.

use crate::{Document, Instance, Pieces};

// ANCHOR: pack
/// The sequences of some documents, each of at most `max_length` tokens, with nothing hidden yet.
///
/// A sentence that does not fit begins a new sequence. One that is too long for any is cut into
/// pieces that fill one.
pub fn pack(documents: &[Document], max_length: usize, pieces: &Pieces) -> Vec<Instance> {
    assert!(max_length > 2, "no room for a token in {max_length}");
    let (cls, sep) = (pieces.special.cls, pieces.special.sep);
    let (mut sequences, mut current) = (Vec::new(), vec![cls]);
    for document in documents {
        let mut separator = current.len() > 1;
        for part in document.iter().flat_map(|sentence| sentence.chunks(max_length - 2)) {
            let length = current.len() + usize::from(separator) + part.len() + 1;
            if length > max_length {
                finish(&mut current, cls, sep, &mut sequences);
            } else if separator {
                current.push(sep);
            }
            current.extend_from_slice(part);
            separator = false;
        }
    }
    if current.len() > 1 {
        finish(&mut current, cls, sep, &mut sequences);
    }
    sequences
}

/// Ends the current sequence and begins another.
fn finish(current: &mut Vec<u32>, cls: u32, sep: u32, sequences: &mut Vec<Instance>) {
    current.push(sep);
    let token_ids = std::mem::replace(current, vec![cls]);
    sequences.push(Instance {
        token_types: vec![0; token_ids.len()],
        token_ids,
        masked_positions: Vec::new(),
        masked_ids: Vec::new(),
        is_random_next: None,
    });
}
// ANCHOR_END: pack
