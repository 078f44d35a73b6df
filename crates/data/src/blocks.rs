//! The blocks of a pass: which documents are read together.
//!
//! Google's program holds all documents and all instances in memory and shuffles both. Here the
//! *numbers* of the documents are shuffled, anew for each pass, and neighbours in that order form
//! blocks of about a megabyte. Only one block is in memory: it is read, its instances are made, random
//! texts come from within it, and its instances are shuffled. What is lost: an instance can trade
//! places, and a text can be paired, only with those of its block. Since the next pass has other
//! blocks, any two documents meet some time.

use crate::Documents;
use bert_nn::random::Draws;
use std::ops::Range;

/// The documents of a pass in random order, cut into blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// The pass.
    pub pass: u64,
    order: Vec<usize>,
    /// For each block where it ends in `order`.
    ends: Vec<usize>,
}

impl Blocks {
    // ANCHOR: blocks
    /// A block ends when it has `bytes` bytes and `fewest` documents. What is left at the end joins
    /// the last block if it has fewer than that.
    pub fn new(
        documents: &impl Documents,
        pass: u64,
        bytes: u64,
        fewest: usize,
        seed: u64,
    ) -> Self {
        let mut order: Vec<usize> = (0..documents.documents()).collect();
        Draws::new(seed, "documents", pass, 0).shuffle(&mut order);
        let (mut ends, mut start, mut size) = (Vec::new(), 0, 0);
        for (place, &document) in order.iter().enumerate() {
            size += documents.size_of(document);
            if size >= bytes && place + 1 - start >= fewest {
                ends.push(place + 1);
                (start, size) = (place + 1, 0);
            }
        }
        if start < order.len() {
            if order.len() - start < fewest {
                ends.pop();
            }
            ends.push(order.len());
        }
        Self { pass, order, ends }
    }
    // ANCHOR_END: blocks

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no block, as where there is no document.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The numbers of a block's documents, in the order of the pass.
    pub fn documents(&self, block: usize) -> &[usize] {
        &self.order[self.range(block)]
    }

    fn range(&self, block: usize) -> Range<usize> {
        let start = block.checked_sub(1).map_or(0, |before| self.ends[before]);
        start..self.ends[block]
    }
}
