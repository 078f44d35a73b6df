//! Matrix products C += A·B over traced matrices, A [M, K], B [K, N], C [M, N]: the same multiplications,
//! and very different numbers of misses.
//!
//! Every access that stands in a loop is counted. (A compiler keeps what the innermost loop does not move
//! in a register; such an access is always a hit, so the misses are the same.)

use super::{Memory, Traced};
use crate::Real;

/// The six ways to nest the three loops, the outermost first.
pub const LOOP_ORDERS: [&str; 6] = ["ijk", "ikj", "jik", "jki", "kij", "kji"];

/// Three loops, nested as `order` says.
///
/// # Panics
/// Where `order` is none of [`LOOP_ORDERS`], or the shapes do not fit.
pub fn in_order(order: &str, a: &Traced, b: &Traced, c: &mut Traced) {
    assert!(LOOP_ORDERS.contains(&order), "{order:?} is none of {LOOP_ORDERS:?}");
    let (m, k, n) = sizes(a, b, c);
    let place = |name| order.find(name).expect("each order has all three");
    let [i, j, k_] = ['i', 'j', 'k'].map(place);
    let mut lengths = [0; 3];
    (lengths[i], lengths[j], lengths[k_]) = (m, n, k);
    for x in 0..lengths[0] {
        for y in 0..lengths[1] {
            for z in 0..lengths[2] {
                let at = [x, y, z];
                step(a, b, c, (at[i], at[j], at[k_]));
            }
        }
    }
}

/// The innermost line of all orders.
fn step(a: &Traced, b: &Traced, c: &mut Traced, (i, j, k): (usize, usize, usize)) {
    c.set(i, j, c.get(i, j) + a.get(i, k) * b.get(k, j));
}

// ANCHOR: in_blocks
/// Order ikj within blocks of B, [`kc`, `nc`] each: a block is used for all rows before the next one is
/// fetched.
pub fn in_blocks((kc, nc): (usize, usize), a: &Traced, b: &Traced, c: &mut Traced) {
    let (m, depth, n) = sizes(a, b, c);
    for jc in (0..n).step_by(nc) {
        for pc in (0..depth).step_by(kc) {
            for i in 0..m {
                for k in pc..depth.min(pc + kc) {
                    for j in jc..n.min(jc + nc) {
                        step(a, b, c, (i, j, k));
                    }
                }
            }
        }
    }
}
// ANCHOR_END: in_blocks

/// As [`in_blocks`], but each block of B is first copied to a place of its own in `memory`, where its rows
/// lie one after the other.
pub fn in_packed_blocks(
    memory: &Memory,
    (kc, nc): (usize, usize),
    a: &Traced,
    b: &Traced,
    c: &mut Traced,
) {
    let (m, depth, n) = sizes(a, b, c);
    let mut packed = memory.zeros(1, kc * nc);
    for jc in (0..n).step_by(nc) {
        for pc in (0..depth).step_by(kc) {
            let (ks, js) = (kc.min(depth - pc), nc.min(n - jc));
            for k in 0..ks {
                for j in 0..js {
                    packed.set(0, k * js + j, b.get(pc + k, jc + j));
                }
            }
            for i in 0..m {
                for k in 0..ks {
                    for j in 0..js {
                        let product = a.get(i, pc + k) * packed.get(0, k * js + j);
                        c.set(i, jc + j, c.get(i, jc + j) + product);
                    }
                }
            }
        }
    }
}

// ANCHOR: in_micro_tiles
/// Tiles of C, [`mr`, `nr`] each, whose sums stay in registers, which no cache sees, until they are
/// complete.
pub fn in_micro_tiles((mr, nr): (usize, usize), a: &Traced, b: &Traced, c: &mut Traced) {
    let (m, depth, n) = sizes(a, b, c);
    for jr in (0..n).step_by(nr) {
        for ir in (0..m).step_by(mr) {
            let (rows, columns) = (mr.min(m - ir), nr.min(n - jr));
            let mut sums = vec![vec![0.0; columns]; rows];
            for k in 0..depth {
                let b_row: Vec<Real> = (0..columns).map(|j| b.get(k, jr + j)).collect();
                for (i, sums) in sums.iter_mut().enumerate() {
                    let a = a.get(ir + i, k);
                    sums.iter_mut().zip(&b_row).for_each(|(sum, b)| *sum += a * b);
                }
            }
            for (i, sums) in sums.iter().enumerate() {
                for (j, sum) in sums.iter().enumerate() {
                    c.set(ir + i, jr + j, c.get(ir + i, jr + j) + sum);
                }
            }
        }
    }
}
// ANCHOR_END: in_micro_tiles

/// M, K and N.
fn sizes(a: &Traced, b: &Traced, c: &Traced) -> (usize, usize, usize) {
    let (a, b, c) = (a.dim(), b.dim(), c.dim());
    assert!(a.1 == b.0 && c == (a.0, b.1), "A {a:?} times B {b:?} does not fit into C {c:?}");
    (a.0, a.1, b.1)
}
