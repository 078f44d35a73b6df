//! Seeded numbers, views with awkward strides, the committed tables, comparisons.

use std::collections::HashMap;

use bert_kernels::Real;
use ndarray::{Array2, ArrayBase, ArrayView2, Ix2, RawData, s};

pub(crate) const EPS: f64 = Real::EPSILON as f64;

/// SplitMix64 (Steele, Lea and Flood, 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Uniform in −1..1.
    pub(crate) fn real(&mut self) -> Real {
        ((self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0) as Real
    }

    pub(crate) fn matrix(&mut self, rows: usize, columns: usize) -> Array2<Real> {
        Array2::from_shape_simple_fn((rows, columns), || self.real())
    }
}

/// How a view lies in its (larger) memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    Plain,
    Transposed,
    RowsBackwards,
    ColumnsBackwards,
    TransposedBackwards,
    Stepped,
    SteppedTransposed,
    /// Inputs only: stride 0 along the rows, or along the columns.
    SameRow,
    SameColumn,
}

pub(crate) const LAYOUTS: [Layout; 9] = [
    Layout::Plain,
    Layout::Transposed,
    Layout::RowsBackwards,
    Layout::ColumnsBackwards,
    Layout::TransposedBackwards,
    Layout::Stepped,
    Layout::SteppedTransposed,
    Layout::SameRow,
    Layout::SameColumn,
];
pub(crate) const WRITABLE: usize = 7;

/// The shape of a memory with room for a view of [rows, columns].
pub(crate) fn memory_shape(layout: Layout, (rows, columns): (usize, usize)) -> (usize, usize) {
    match layout {
        Layout::SameRow => (1, columns),
        Layout::SameColumn => (rows, 1),
        _ => (2 * rows.max(columns) + 2, 2 * rows.max(columns) + 2),
    }
}

/// A view of [rows, columns] into `memory`, which has room around it. Works for views and mutable views.
pub(crate) fn lay_out<S: RawData<Elem = Real>>(
    memory: ArrayBase<S, Ix2>,
    layout: Layout,
    (rows, columns): (usize, usize),
) -> ArrayBase<S, Ix2> {
    match layout {
        Layout::Plain => memory.slice_move(s![1..1 + rows, 1..1 + columns]),
        Layout::Transposed => memory.reversed_axes().slice_move(s![1..1 + rows, 1..1 + columns]),
        Layout::RowsBackwards => memory.slice_move(s![1..1 + rows;-1, 1..1 + columns]),
        Layout::ColumnsBackwards => memory.slice_move(s![1..1 + rows, 1..1 + columns;-1]),
        Layout::TransposedBackwards => {
            memory.reversed_axes().slice_move(s![1..1 + rows;-1, 1..1 + columns;-1])
        }
        Layout::Stepped => memory.slice_move(s![1..1 + 2 * rows;2, 1..1 + 2 * columns;2]),
        Layout::SteppedTransposed => {
            memory.reversed_axes().slice_move(s![1..1 + 2 * rows;2, 1..1 + 2 * columns;2])
        }
        Layout::SameRow | Layout::SameColumn => panic!("{layout:?} is for inputs"),
    }
}

/// As [`lay_out`], with the layouts that only inputs can have.
pub(crate) fn input_view(
    memory: &Array2<Real>,
    layout: Layout,
    shape: (usize, usize),
) -> ArrayView2<'_, Real> {
    match layout {
        Layout::SameRow | Layout::SameColumn => {
            memory.broadcast(shape).expect("one row or one column")
        }
        _ => lay_out(memory.view(), layout, shape),
    }
}

pub(crate) fn bits(x: &Array2<Real>) -> Vec<u64> {
    x.iter().map(|x| x.to_bits() as u64).collect()
}

/// Fails with both values, the place and the limit.
pub(crate) fn assert_close(
    what: &str,
    got: ArrayView2<Real>,
    want: ArrayView2<f64>,
    limit: impl Fn(f64) -> f64,
) {
    assert_within(what, got, want, want.mapv(limit).view());
}

/// As [`assert_close`], with a limit for each place.
pub(crate) fn assert_within(
    what: &str,
    got: ArrayView2<Real>,
    want: ArrayView2<f64>,
    limits: ArrayView2<f64>,
) {
    assert_eq!(got.dim(), want.dim(), "{what}: shapes");
    for (((place, &got), &want), &limit) in got.indexed_iter().zip(want).zip(limits) {
        let got = got as f64;
        let same = got == want || (got.is_nan() && want.is_nan()) || (got - want).abs() <= limit;
        assert!(same, "{what} at {place:?}: got {got:e}, expected {want:e}, limit {limit:e}");
    }
}

pub(crate) fn reference_file(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// rows.txt: the arrays by name.
pub(crate) struct Tables(HashMap<String, Array2<f64>>);

impl Tables {
    pub(crate) fn read() -> Self {
        let parse = |line: &str| {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            let name = words.next().unwrap().to_owned();
            let mut size = || words.next().unwrap().parse::<usize>().unwrap();
            let (rows, len) = (size(), size());
            let values: Vec<f64> = words.map(|word| word.parse().unwrap()).collect();
            (name, Array2::from_shape_vec((rows, len / rows), values).unwrap())
        };
        Self(reference_file("rows.txt").lines().map(parse).collect())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn f64(&self, name: &str) -> &Array2<f64> {
        self.0.get(name).unwrap_or_else(|| panic!("{name} is not in rows.txt"))
    }

    pub(crate) fn real(&self, name: &str) -> Array2<Real> {
        self.f64(name).mapv(|x| x as Real)
    }
}
