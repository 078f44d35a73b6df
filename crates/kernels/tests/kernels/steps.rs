//! The steps of the chapter "How a matrix product becomes fast" against the twin.

use bert_kernels::{Real, naive, steps::STEPS};
use ndarray::Array2;

use crate::support::*;

/// Shapes around the steps' blocks (128, 256) and tiles (4, 8), and with nothing in them.
const SHAPES: [(usize, usize, usize); 12] = [
    (0, 3, 5),
    (3, 0, 5),
    (3, 5, 0),
    (1, 1, 1),
    (4, 8, 8),
    (5, 7, 9),
    (3, 4, 7),
    (17, 129, 257),
    (8, 128, 256),
    (2, 300, 520),
    (31, 64, 1),
    (1, 257, 33),
];

/// The first four add up in the definition's order with its roundings. The others may round once where
/// those round twice.
const SAME_BITS: [&str; 4] = ["three_loops", "loop_order_ikj", "blocked", "packed"];

#[test]
fn every_step_is_the_product_on_awkward_shapes_and_strides() {
    let mut random = Random(14);
    for (m, k, n) in SHAPES {
        for _ in 0..6 {
            let [a_layout, b_layout] = [0; 2].map(|_| random.pick(&LAYOUTS));
            let c_layout = random.pick(&LAYOUTS[..WRITABLE]);
            let mut memory = |layout, shape| {
                let (rows, columns) = memory_shape(layout, shape);
                random.matrix(rows, columns)
            };
            let (a, b) = (memory(a_layout, (m, k)), memory(b_layout, (k, n)));
            let mut c = memory(c_layout, (m, n));
            let (a, b) = (input_view(&a, a_layout, (m, k)), input_view(&b, b_layout, (k, n)));
            let want = naive::matmul(a, b);
            for (name, step) in STEPS {
                let mut c = lay_out(c.view_mut(), c_layout, (m, n));
                step(a, b, c.view_mut());
                let what = format!("{name} {m}x{k}x{n} {a_layout:?} {b_layout:?} {c_layout:?}");
                if SAME_BITS.contains(&name) {
                    assert_eq!(c, want, "{what}");
                } else {
                    // Both sums are off by at most k roundings of numbers that are at most k.
                    let limit = (k * k) as f64 * EPS;
                    assert_close(&what, c.view(), want.mapv(f64::from).view(), |_| limit);
                }
            }
        }
    }
}

#[test]
fn no_step_reads_the_old_c() {
    let (a, b) = (Random(1).matrix(5, 6), Random(2).matrix(6, 9));
    for (name, step) in STEPS {
        let mut c = Array2::from_elem((5, 9), Real::NAN);
        step(a.view(), b.view(), c.view_mut());
        assert!(c.iter().all(|x| !x.is_nan()), "{name}: {c}");
    }
}
