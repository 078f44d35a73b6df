//! Places in order: 1 for the least, n for the greatest.

// ANCHOR: ranks
/// The rank of each value. Equal values share the mean of the places that they take together: 10,
/// 20, 20, 30 have the ranks 1, 2.5, 2.5, 4. (NaN stands last, each with a place of its own.)
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let order = ascending(values);
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let last = first + tied.len() - 1;
        for &place in tied {
            ranks[place] = (first + last) as f64 / 2.0 + 1.0;
        }
        first = last + 1;
    }
    ranks
}
// ANCHOR_END: ranks

/// The places of the values, from the least value to the greatest; equal values keep their order.
pub(crate) fn ascending(values: &[f64]) -> Vec<usize> {
    // −0 + 0 is 0: `total_cmp` would put −0 before 0, though they are equal. And NaN loses its
    // sign, so that it is greater than every number.
    let key = |place: usize| if values[place].is_nan() { f64::NAN } else { values[place] + 0.0 };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| key(a).total_cmp(&key(b)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_mean_of_their_places() {
        assert_eq!(average_ranks(&[20.0, 10.0, 30.0, 20.0]), [2.5, 1.0, 4.0, 2.5]);
        assert_eq!(average_ranks(&[5.0; 4]), [2.5; 4]);
        assert_eq!(average_ranks(&[]), [0.0; 0]);
    }

    #[test]
    fn both_zeros_are_equal_and_nan_stands_last() {
        assert_eq!(average_ranks(&[0.0, -0.0, -1.0]), [2.5, 2.5, 1.0]);
        assert_eq!(average_ranks(&[-f64::NAN, f64::INFINITY]), [2.0, 1.0]);
        assert_eq!(ascending(&[0.0, -0.0, 0.0]), [0, 1, 2]);
    }
}
