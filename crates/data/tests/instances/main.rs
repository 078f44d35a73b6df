//! Instances of pre-training.
//!
//! - [`reference`]: instance by instance, against a reference in Python that is fed the same random numbers
//! - [`statistics`]: the shares that the procedure promises, by chi-squared tests
//! - [`whole_runs`]: blocks and passes, threads, and what is refused
mod reference;
mod statistics;
mod whole_runs;

use bert_data::Pieces;
use bert_tokenizer::SpecialTokens;

/// `words` words after five special tokens, and then `pieces` pieces that continue a word.
fn pieces(words: usize, pieces: usize) -> Pieces {
    let special = SpecialTokens { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 };
    let mut continues = vec![false; 5 + words];
    continues.resize(5 + words + pieces, true);
    Pieces::new(special, continues)
}
