//! A batch: its sequences laid end to end, without padding.
//!
//! Most programs make the sequences of a batch equally long by filling them up with `[PAD]`, and
//! then need a mask so that the filling changes nothing. Here `T` is the number of real tokens, and
//! `bounds` says where each sequence begins and ends: padding does not exist, so it can neither
//! change a result nor cost time. [`Batch::from_padded`] turns the usual form into this one.

use crate::{Config, Error};
use bert_nn::Real;
use ndarray::{Array3, ArrayView2, Axis};
use std::ops::Range;

// ANCHOR: batch
/// Sequences laid end to end: `B` of them, `T` tokens in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// `T` word-piece ids.
    pub token_ids: Vec<u32>,
    /// `T` token types: 0 in the first segment, 1 in the second.
    pub token_types: Vec<u32>,
    /// `T` positions within the sequence. Nearly always 0, 1, 2, …
    pub positions: Vec<u32>,
    /// `B + 1` row numbers: sequence `i` is the rows `bounds[i]..bounds[i + 1]`.
    pub bounds: Vec<usize>,
}
// ANCHOR_END: batch

impl Default for Batch {
    fn default() -> Self {
        Self { token_ids: vec![], token_types: vec![], positions: vec![], bounds: vec![0] }
    }
}

impl Batch {
    /// No sequence yet.
    pub fn new() -> Self {
        Self::default()
    }

    // ANCHOR: push
    /// Appends one sequence; its positions count from 0.
    pub fn push(&mut self, token_ids: &[u32], token_types: &[u32]) {
        let (ids, types) = (token_ids.len(), token_types.len());
        assert_eq!(ids, types, "{ids} token ids, {types} token types");
        self.token_ids.extend(token_ids);
        self.token_types.extend(token_types);
        self.positions.extend(0..ids as u32);
        self.bounds.push(self.token_ids.len());
    }
    // ANCHOR_END: push

    // ANCHOR: from_padded
    /// A padded batch, all arrays [B, S], as transformers takes it. What the mask hides is dropped;
    /// what is kept has its column as its position.
    pub fn from_padded(
        input_ids: ArrayView2<i64>,
        token_type_ids: ArrayView2<i64>,
        attention_mask: ArrayView2<i64>,
    ) -> Result<Self, Error> {
        same_shape("token_type_ids", token_type_ids, input_ids)?;
        same_shape("attention_mask", attention_mask, input_ids)?;
        let mut batch = Self::new();
        for (sequence, mask) in attention_mask.outer_iter().enumerate() {
            for (column, &kept) in mask.iter().enumerate() {
                let place = (sequence, column);
                if is_kept(kept, place)? {
                    batch.token_ids.push(id("input_ids", input_ids, place)?);
                    batch.token_types.push(id("token_type_ids", token_type_ids, place)?);
                    batch.positions.push(column as u32);
                }
            }
            if batch.token_ids.len() == batch.bounds[sequence] {
                return Err(Error::EmptySequence { sequence });
            }
            batch.bounds.push(batch.token_ids.len());
        }
        Ok(batch)
    }
    // ANCHOR_END: from_padded

    /// `B`, the number of sequences.
    pub fn sequences(&self) -> usize {
        self.bounds.len() - 1
    }

    /// `T`, the number of tokens in all sequences.
    pub fn tokens(&self) -> usize {
        self.token_ids.len()
    }

    /// The rows of each sequence, in order.
    pub fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.bounds.windows(2).map(|ends| ends[0]..ends[1])
    }

    // ANCHOR: first_rows
    /// The row of each sequence's first token: where the pooler looks. Where a mask hid the first
    /// token of a padded batch this is the first that was kept; transformers pools the hidden one.
    pub fn first_rows(&self) -> &[usize] {
        &self.bounds[..self.sequences()]
    }
    // ANCHOR_END: first_rows

    /// The first tokens alone: `B` sequences of one token.
    pub fn first_tokens(&self) -> Self {
        let of = |all: &[u32]| self.first_rows().iter().map(|&row| all[row]).collect();
        Self {
            token_ids: of(&self.token_ids),
            token_types: of(&self.token_types),
            positions: of(&self.positions),
            bounds: (0..=self.sequences()).collect(),
        }
    }

    /// The number of columns that a padded form needs: the largest position, plus one.
    pub fn padded_width(&self) -> usize {
        self.positions.iter().max().map_or(0, |&largest| largest as usize + 1)
    }

    // ANCHOR: to_padded
    /// `packed` [T, X] → [B, S, X] with zeros where there is no token: for comparing with programs
    /// that pad. `width` is `S`.
    pub fn to_padded(&self, packed: ArrayView2<Real>, width: usize) -> Array3<Real> {
        let mut padded = Array3::zeros((self.sequences(), width, packed.ncols())); // [B, S, X]
        for (sequence, rows) in self.ranges().enumerate() {
            for row in rows {
                let column = self.positions[row] as usize;
                let mut place = padded.index_axis_mut(Axis(0), sequence);
                place.row_mut(column).assign(&packed.row(row));
            }
        }
        padded
    }
    // ANCHOR_END: to_padded

    /// Refuses what the model's tables do not hold. A forward pass may rely on it.
    pub fn check(&self, config: &Config) -> Result<(), Error> {
        let lengths = [&self.token_ids, &self.token_types, &self.positions].map(Vec::len);
        let end = self.bounds.last().copied();
        assert!(
            lengths.iter().all(|&l| Some(l) == end),
            "lists {lengths:?}, bounds end at {end:?}"
        );
        let tables = [
            ("token id", &self.token_ids, config.vocab_size),
            ("token type", &self.token_types, config.type_vocab_size),
            ("position", &self.positions, config.max_position_embeddings),
        ];
        for (sequence, rows) in self.ranges().enumerate() {
            if rows.is_empty() {
                return Err(Error::EmptySequence { sequence });
            }
            for (what, ids, size) in tables {
                let outside = |&(_, &id): &(usize, &u32)| id as usize >= size;
                if let Some((token, &found)) = ids[rows.clone()].iter().enumerate().find(outside) {
                    let largest = size - 1;
                    return Err(Error::IdOutOfRange { what, found, token, sequence, largest });
                }
            }
        }
        Ok(())
    }
}

fn same_shape(
    name: &'static str,
    array: ArrayView2<i64>,
    input_ids: ArrayView2<i64>,
) -> Result<(), Error> {
    let (found, expected) = (array.dim().into(), input_ids.dim().into());
    if found == expected { Ok(()) } else { Err(Error::BatchShape { name, found, expected }) }
}

fn is_kept(mask: i64, (row, column): (usize, usize)) -> Result<bool, Error> {
    match mask {
        0 | 1 => Ok(mask == 1),
        found => {
            let expected = "a mask is 0 (hidden) or 1 (kept)";
            Err(Error::BatchValue { name: "attention_mask", row, column, found, expected })
        }
    }
}

fn id(
    name: &'static str,
    ids: ArrayView2<i64>,
    (row, column): (usize, usize),
) -> Result<u32, Error> {
    let found = ids[[row, column]];
    let expected = "an id is a whole number from 0 on";
    u32::try_from(found).map_err(|_| Error::BatchValue { name, row, column, found, expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn what_the_mask_hides_is_dropped_and_what_is_kept_keeps_its_column() {
        let ids = array![[5, 6, 7, 0], [8, 9, 10, 11], [12, 13, 14, 15]];
        let mask = array![[1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 1, 0]];
        let types = array![[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 1]];
        let batch = Batch::from_padded(ids.view(), types.view(), mask.view()).unwrap();
        assert_eq!(batch.token_ids, [5, 6, 7, 9, 10, 11, 12, 14]);
        assert_eq!(batch.token_types, [0, 0, 1, 0, 0, 1, 0, 1]);
        assert_eq!(batch.positions, [0, 1, 2, 1, 2, 3, 0, 2]);
        assert_eq!(batch.bounds, [0, 3, 6, 8]);
        assert_eq!((batch.sequences(), batch.tokens(), batch.padded_width()), (3, 8, 4));
    }

    #[test]
    fn a_packed_row_stands_at_its_position_and_the_rest_is_zero() {
        let mask = array![[1, 1, 0], [0, 1, 1]];
        let ids = Array2::ones((2, 3));
        let batch = Batch::from_padded(ids.view(), ids.view(), mask.view()).unwrap();
        let packed = Array2::from_shape_fn((4, 2), |(t, h)| (10 * t + h + 1) as Real);
        let padded = batch.to_padded(packed.view(), 3);
        assert_eq!(padded.index_axis(Axis(0), 0), array![[1.0, 2.0], [11.0, 12.0], [0.0, 0.0]]);
        assert_eq!(padded.index_axis(Axis(0), 1), array![[0.0, 0.0], [21.0, 22.0], [31.0, 32.0]]);
    }

    #[test]
    fn pushing_counts_positions_from_zero() {
        let mut batch = Batch::new();
        batch.push(&[4, 5, 6], &[0, 0, 1]);
        batch.push(&[7], &[0]);
        assert_eq!(batch.positions, [0, 1, 2, 0]);
        assert_eq!(batch.bounds, [0, 3, 4]);
        assert_eq!(batch.first_rows(), [0, 3]);
    }

    #[test]
    fn ids_outside_the_tables_are_named_with_their_place() {
        let config = Config { vocab_size: 10, max_position_embeddings: 2, ..Config::default() };
        let check = |ids: &[u32], types: &[u32]| {
            let mut batch = Batch::new();
            batch.push(&[1], &[0]);
            batch.push(ids, types);
            batch.check(&config).map_err(|error| error.to_string())
        };
        assert_eq!(check(&[9, 0], &[1, 0]), Ok(()));
        assert_eq!(
            check(&[1, 10], &[0, 0]).unwrap_err(),
            "token id 10 at token 1 of sequence 1: the model knows 0 to 9"
        );
        assert!(check(&[1], &[2]).unwrap_err().starts_with("token type 2 at token 0"));
        assert!(check(&[1, 1, 1], &[0, 0, 0]).unwrap_err().starts_with("position 2 at token 2"));
        assert!(check(&[], &[]).unwrap_err().contains("sequence 1 of the batch has no token"));
    }

    #[test]
    fn a_padded_batch_from_outside_is_checked() {
        let ids = array![[1, 2], [3, 4]];
        let ones = Array2::ones((2, 2));
        let error = |ids: &Array2<i64>, types: &Array2<i64>, mask: &Array2<i64>| {
            Batch::from_padded(ids.view(), types.view(), mask.view()).unwrap_err().to_string()
        };
        let hidden = array![[1, 1], [0, 0]];
        assert!(error(&ids, &ones, &hidden).starts_with("sequence 1 of the batch has no token"));
        assert!(
            error(&ids, &ones, &array![[1, 2], [1, 1]]).starts_with("attention_mask [0, 1] is 2")
        );
        assert!(
            error(&array![[1, -2], [3, 4]], &ones, &ones).starts_with("input_ids [0, 1] is -2")
        );
        assert!(error(&ids, &Array2::ones((2, 3)), &ones).starts_with("token_type_ids has shape"));
    }
}
