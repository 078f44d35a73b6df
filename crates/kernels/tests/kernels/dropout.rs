//! Which elements fall: exactly those of the table and of the twin, as many as the rate says, and none because its neighbour did.

use bert_kernels::{Real, dropout_row, mix, naive};

use crate::support::*;

type Dropout = fn(u64, u64, usize, f64, &mut [Real]);
const FORMS: [(&str, Dropout); 2] = [("fast", dropout_row), ("naive", naive::dropout_row)];

fn factors(form: Dropout, key: u64, row: u64, column: usize, rate: f64, len: usize) -> Vec<Real> {
    let mut ones = vec![1.0; len];
    form(key, row, column, rate, &mut ones);
    ones
}

#[test]
fn mix_is_splitmix64_from_seed_0() {
    // The first outputs of its authors' own program in C.
    let expected = [0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f, 0xf88bb8a8724c81ec];
    assert_eq!([0, 1, 2, 3].map(mix), expected);
    let mut random = Random(0);
    assert!((0..1000).all(|counter| mix(counter) == random.bits()), "not even the tests' own");
}

#[test]
fn factors_are_the_tables() {
    let tables = Tables::read();
    for case in 0..3 {
        let place = tables.f64(&format!("dropout.{case}.place")).row(0).to_vec();
        let [key, row, column] = [0, 1, 2].map(|i| place[i] as u64);
        let want = tables.f64(&format!("dropout.{case}.factors")).mapv(|x| x as Real);
        for (form, dropout) in FORMS {
            let got = factors(dropout, key, row, column as usize, place[3], want.len());
            assert_eq!(got, want.row(0).to_vec(), "{form}, case {case}");
        }
    }
    assert!(!tables.has("dropout.3.place"), "a case that no test reads");
}

#[test]
fn pieces_of_any_row_have_the_bits_of_the_whole_and_of_the_twin() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let (key, row) = (random.bits(), random.bits());
        let rate = random.pick(&[0.0, 1e-9, 0.1, 0.5, 0.9, 1.0 - 1e-9, 1.0]);
        let origin = random.pick(&[0, 1, 2, 63, 64, 4095, (1 << 33) + 1]);
        let (first, len) = (random.below(140), random.below(200));
        let values: Vec<_> = (0..first + len).map(|_| random.real()).collect();
        let mut whole = values.clone();
        naive::dropout_row(key, row, origin, rate, &mut whole);
        for (i, (whole, value)) in whole.iter().zip(&values).enumerate() {
            let factor = naive::dropout_factor(key, row, origin + i, rate);
            assert_eq!(*whole, value * factor, "seed {seed}, place {i}");
        }
        for (form, dropout) in FORMS {
            let mut piece = values[first..].to_vec();
            dropout(key, row, origin + first, rate, &mut piece);
            let bits = |x: &[Real]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let what = format!("{form}, seed {seed}, {first} to {} after {origin}", first + len);
            assert_eq!(bits(&piece), bits(&whole[first..]), "{what}");
        }
    }
}

#[test]
fn rates_at_and_near_the_ends() {
    for (form, dropout) in FORMS {
        let of = |rate| factors(dropout, 5, 6, 7, rate, 10_000);
        assert!(of(0.0).iter().all(|&x| x == 1.0), "{form}");
        assert!(of(1.0).iter().all(|&x| x == 0.0), "{form}");
        // 2⁻³²: the smallest rate at which anything can fall, and one of 4 billion does.
        let rate = 0.5_f64.powi(32);
        assert!(of(rate).iter().all(|&x| x == (1.0 / (1.0 - rate)) as Real), "{form}");
        let rate = 1.0 - 0.5_f64.powi(10);
        let kept: Vec<_> = of(rate).into_iter().filter(|&x| x != 0.0).collect();
        assert!(kept.iter().all(|&x| x == 1024.0), "{form}: {kept:?}");
        assert!(within_chance(kept.len() as f64, 10_000.0, 1.0 - rate), "{form}: {}", kept.len());
    }
}

/// With a rate of exactly an element's random number it is kept, just above it falls.
#[test]
fn an_element_falls_where_its_number_is_below_the_rate() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let (key, row, column) = (random.bits(), random.bits(), random.below(100));
        let pair = mix(mix(key ^ mix(row)).wrapping_add(column as u64 / 2));
        let uniform = (pair >> (32 * (column % 2))) as u32 as f64;
        for (form, dropout) in FORMS {
            for (above, falls) in [(-0.5, false), (0.0, false), (0.5, true), (1.0, true)] {
                let rate = (uniform + above) / 4_294_967_296.0;
                // The element at the end of a block, and in the rest.
                let first = column.saturating_sub(63);
                let got = factors(dropout, key, row, first, rate, column - first + 1);
                assert_eq!(*got.last().unwrap() == 0.0, falls, "{form}, seed {seed}, {above}");
            }
        }
    }
}

#[test]
fn infinities_and_nan_become_nan_where_they_fall_and_stay_where_they_do_not() {
    for (form, dropout) in FORMS {
        for special in [Real::INFINITY, Real::NAN] {
            let mut x = vec![special; 200];
            dropout(1, 2, 3, 0.5, &mut x);
            for (x, factor) in x.iter().zip(factors(dropout, 1, 2, 3, 0.5, 200)) {
                let fine =
                    if factor == 0.0 { x.is_nan() } else { x.to_bits() == special.to_bits() };
                assert!(fine, "{form}, {special}: {x}");
            }
        }
    }
}

/// Whether `count` hits out of `n` are within five standard deviations of what chance `p` gives. Chance itself leaves
/// them once in 1.7 million times; the numbers below are always the same.
fn within_chance(count: f64, n: f64, p: f64) -> bool {
    (count - n * p).abs() <= 5.0 * (n * p * (1.0 - p)).sqrt()
}

const SIZE: usize = 1000;

/// What fell of a square of rows and columns.
fn fallen(key: u64, rate: f64) -> Vec<Vec<bool>> {
    let row = |row| factors(dropout_row, key, row as u64, 0, rate, SIZE);
    (0..SIZE).map(|r| row(r).into_iter().map(|x| x == 0.0).collect()).collect()
}

#[test]
fn the_share_that_falls_is_the_rate_in_every_row_in_every_column_and_overall() {
    for (key, rate) in [(0, 0.1), (1, 0.5), (77, 0.02)] {
        let fallen = fallen(key, rate);
        let n = SIZE as f64;
        let rows = fallen.iter().map(|row| row.iter().filter(|x| **x).count() as f64);
        let rows: Vec<_> = rows.collect();
        let columns = (0..SIZE).map(|c| fallen.iter().filter(|row| row[c]).count() as f64);
        let columns: Vec<_> = columns.collect();
        let all = rows.iter().sum::<f64>();
        assert!(within_chance(all, n * n, rate), "{all} of a million at rate {rate}");
        for (name, counts) in [("row", rows), ("column", columns)] {
            for (i, &count) in counts.iter().enumerate() {
                assert!(within_chance(count, n, rate), "{count} in {name} {i} at rate {rate}");
            }
            // Counts that are too equal would not be random either. Of a thousand, their variance over that of chance is 1 with a
            // standard deviation of √(2/1000).
            let squares: f64 = counts.iter().map(|count| (count - n * rate).powi(2)).sum();
            let ratio = squares / n / (n * rate * (1.0 - rate));
            let limit = 5.0 * (2.0 / n).sqrt();
            assert!(
                (ratio - 1.0).abs() <= limit,
                "{name}s at rate {rate}: variance off by {ratio}"
            );
        }
    }
}

/// Correlation of what fell in `a` with what fell in `b`, in standard deviations: 1/√n is that of n independent pairs.
fn correlation(pairs: impl Iterator<Item = (bool, bool)>, rate: f64) -> f64 {
    let deviation = |fell: bool| if fell { 1.0 - rate } else { -rate };
    let products = pairs.map(|(a, b)| deviation(a) * deviation(b));
    let (n, sum) = products.fold((0.0, 0.0), |(n, sum), product| (n + 1.0, sum + product));
    sum / (rate * (1.0 - rate)) / f64::sqrt(n)
}

#[test]
fn neighbouring_columns_rows_and_keys_fall_independently() {
    let assert_none = |what: String, z: f64| assert!(z.abs() <= 5.0, "{what}: {z} deviations");
    for (key, rate) in [(0, 0.1), (12345, 0.5)] {
        let one = fallen(key, rate);
        for lag in 1..=8 {
            // The two of a pair, which share 64 random bits, and the others, which do not.
            for start in [0, 1] {
                let columns = one.iter().flat_map(|row| {
                    let shifted = row[start + lag..].iter().step_by(2);
                    row[start..].iter().step_by(2).copied().zip(shifted.copied())
                });
                let what = format!("columns {start}, {start} + {lag} and so on, rate {rate}");
                assert_none(what, correlation(columns, rate));
            }
            // Diagonals too: one row must not be another that has moved.
            for shift in [0, 1, 2, 8] {
                let rows = one
                    .iter()
                    .zip(&one[lag..])
                    .flat_map(|(a, b)| a.iter().copied().zip(b[shift..].iter().copied()));
                let what = format!("rows {lag} apart, {shift} to the side, rate {rate}");
                assert_none(what, correlation(rows, rate));
            }
        }
        for other in [key + 1, key + 2, key ^ (1 << 31), key ^ (1 << 32), key ^ (1 << 63)] {
            let keys =
                one.iter().zip(fallen(other, rate)).flat_map(|(a, b)| a.clone().into_iter().zip(b));
            assert_none(format!("keys {key} and {other}, rate {rate}"), correlation(keys, rate));
        }
    }
}
