//! The numbers of a tensor, row by row, from bytes of any width and in any order.

use std::ops::Range;

/// Reads little-endian numbers of `N` bytes each. `strides` says how many numbers lie from one to
/// the next along each dimension; none: they lie row by row already.
pub(super) fn widen<const N: usize, T: Copy + Default>(
    shape: &[usize],
    strides: Option<&[usize]>,
    bytes: &[u8],
    values: &mut [T],
    number: impl Fn([u8; N]) -> T,
) {
    let (numbers, _) = bytes.as_chunks::<N>();
    assert!(values.len() == shape.iter().product::<usize>(), "one place for each number");
    let Some(strides) = strides else {
        assert!(numbers.len() == values.len(), "the index was checked");
        values.iter_mut().zip(numbers).for_each(|(value, &bytes)| *value = number(bytes));
        return;
    };
    if values.is_empty() {
        return;
    }
    let ([rows, columns], outer) = matrix(shape, 1);
    let ([row_stride, column_stride], outer_strides) = matrix(strides, 0);
    let matrix = Matrix { rows, columns, row_stride, column_stride };
    // An odometer over what is not rows and columns: the last place turns fastest.
    let mut place = vec![0; outer.len()];
    let mut at = 0;
    for values in values.chunks_exact_mut(rows * columns) {
        matrix.copy(&numbers[at..], values, &number);
        for dimension in (0..place.len()).rev() {
            place[dimension] += 1;
            at += outer_strides[dimension];
            if place[dimension] < outer[dimension] {
                break;
            }
            at -= outer_strides[dimension] * outer[dimension];
            place[dimension] = 0;
        }
    }
}

/// The last two of a list, and what is before them. Where there are fewer, `default` stands in
/// front.
fn matrix(list: &[usize], default: usize) -> ([usize; 2], &[usize]) {
    match list {
        [] => ([default; 2], &[]),
        &[last] => ([default, last], &[]),
        &[ref outer @ .., first, last] => ([first, last], outer),
    }
}

/// Rows and columns, and how many numbers lie from one to the next.
struct Matrix {
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

/// Side of a block. Rows whose lengths are multiples of 4096 bytes, such as BERT's of 1024 and 3072
/// numbers, all lie in the same set of a first-level cache, which has room for eight lines of each set.
const BLOCK: usize = 8;
/// Side of a tile of blocks: what it touches stays in the second-level cache.
const TILE: usize = 128;

impl Matrix {
    // ANCHOR: blocks
    /// Copies in square blocks. Where the source lies column by column, a whole row would touch as
    /// many cache lines as it has columns, and use one number of each before it is thrown out. Of a
    /// tile, every line that was fetched is used up.
    fn copy<const N: usize, T: Copy + Default>(
        &self,
        numbers: &[[u8; N]],
        values: &mut [T],
        number: &impl Fn([u8; N]) -> T,
    ) {
        if self.column_stride == 1 {
            for (row, values) in values.chunks_exact_mut(self.columns).enumerate() {
                let numbers = &numbers[row * self.row_stride..];
                values.iter_mut().zip(numbers).for_each(|(value, &bytes)| *value = number(bytes));
            }
            return;
        }
        for (rows, columns) in squares(0..self.rows, 0..self.columns, TILE) {
            for (rows, columns) in squares(rows, columns, BLOCK) {
                let mut block = [[T::default(); BLOCK]; BLOCK];
                for (place, column) in columns.clone().enumerate() {
                    let first = rows.start * self.row_stride + column * self.column_stride;
                    for (row, block) in block.iter_mut().take(rows.len()).enumerate() {
                        block[place] = number(numbers[first + row * self.row_stride]);
                    }
                }
                for (row, block) in rows.zip(&block) {
                    let start = row * self.columns + columns.start;
                    values[start..start + columns.len()].copy_from_slice(&block[..columns.len()]);
                }
            }
        }
    }
    // ANCHOR_END: blocks
}

/// Squares that make up a rectangle, from top to bottom, then from left to right; those at its
/// edges are cut off.
fn squares(
    rows: Range<usize>,
    columns: Range<usize>,
    side: usize,
) -> impl Iterator<Item = (Range<usize>, Range<usize>)> {
    let parts = move |whole: Range<usize>| {
        let end = whole.end;
        whole.step_by(side).map(move |start| start..end.min(start + side))
    };
    parts(columns)
        .flat_map(move |columns| parts(rows.clone()).map(move |rows| (rows, columns.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn numbers(count: usize) -> Vec<u8> {
        (0..count as u32).flat_map(u32::to_le_bytes).collect()
    }

    fn copied(shape: &[usize], strides: &[usize], count: usize) -> Vec<u32> {
        let mut values = vec![0; shape.iter().product()];
        widen(shape, Some(strides), &numbers(count), &mut values, u32::from_le_bytes);
        values
    }

    #[test]
    fn a_matrix_is_transposed_by_exchanging_its_strides() {
        // [2, 3] row by row is 0 1 2, 3 4 5.
        assert_eq!(copied(&[3, 2], &[1, 3], 6), [0, 3, 1, 4, 2, 5]);
        assert_eq!(copied(&[2, 3], &[3, 1], 6), [0, 1, 2, 3, 4, 5]);
    }

    proptest! {
        #[test]
        fn every_number_comes_from_where_its_strides_say(
            (shape, strides) in proptest::collection::vec((0_usize..40, 0_usize..5), 0..4)
                .prop_map(|pairs| pairs.into_iter().unzip::<_, _, Vec<_>, Vec<_>>()),
        ) {
            let total: usize = shape.iter().product();
            let reach: usize = shape.iter().zip(&strides).map(|(size, stride)| size * stride).sum();
            let values = copied(&shape, &strides, reach + 1);
            for (row, &value) in values.iter().enumerate() {
                let (mut rest, mut numbers, mut at) = (row, total, 0);
                for (size, stride) in shape.iter().zip(&strides) {
                    numbers /= size;
                    at += rest / numbers * stride;
                    rest %= numbers;
                }
                prop_assert_eq!(value as usize, at);
            }
        }
    }

    /// `cargo test --release -p bert-checkpoint --lib copy::tests::speed -- --ignored --nocapture`
    #[test]
    #[ignore = "a measurement"]
    fn speed() {
        for shape in [[3072, 768], [768, 3072], [768, 768]] {
            let bytes = numbers(shape[0] * shape[1]);
            let mut values = vec![0; shape[0] * shape[1]];
            for strides in [None, Some([1, shape[0]])] {
                let mut best = f64::INFINITY;
                for _ in 0..9 {
                    let start = std::time::Instant::now();
                    let strides = strides.as_ref().map(<[usize; 2]>::as_slice);
                    widen(&shape, strides, &bytes, &mut values, u32::from_le_bytes);
                    best = best.min(start.elapsed().as_secs_f64());
                }
                println!("{shape:?} {strides:?}: {:.2} GB/s", bytes.len() as f64 / best / 1e9);
            }
        }
    }
}
