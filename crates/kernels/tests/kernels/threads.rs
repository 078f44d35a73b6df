//! The same bits for any number of threads, on work large enough to be shared out.

use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::Mutex,
    time::{Duration, Instant},
};

use bert_kernels::*;
use ndarray::{Array2, Axis, s};

use crate::support::*;

fn assert_same_bits(what: &str, compute: impl Fn() -> Array2<Real> + Sync) {
    let [one, more @ ..] = [1, 2, 3, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let alone = bits(&pool.install(&compute));
        let ready = bits(&pool.install(|| team(&compute)));
        assert!(alone == ready, "{what}: a team of {threads} gives other bits than a pool");
        alone
    });
    for (threads, other) in [2, 3, 8].into_iter().zip(more) {
        assert!(one == other, "{what}: {threads} threads give other bits than one");
    }
}

#[test]
fn gemm_gives_the_same_bits() {
    let mut random = Random(1);
    for (m, k, n) in [
        (70, 700, 130),
        (1, 1500, 1100),
        (1100, 700, 1),
        (1030, 40, 1040),
        (257, 300, 100),
        (400, 1600, 400),
    ] {
        let (a, b, c) = (random.matrix(m, k), random.matrix(k, n), random.matrix(m, n));
        let bias = random.matrix(1, n);
        let packed = PackedB::new(b.view());
        assert_same_bits(&format!("gemm packed {m}x{k}x{n}"), || {
            let mut c = c.clone();
            gemm(1.0, a.view(), &packed, 0.0, c.view_mut(), Epilogue::default());
            c
        });
        assert_same_bits(&format!("gemm in bf16 {m}x{k}x{n}"), || {
            let mut c = c.clone();
            with_precision(MatmulPrecision::Bf16, || {
                gemm(1.0, a.view(), b.view(), 0.3, c.view_mut(), Epilogue::default());
            });
            c
        });
        assert_same_bits(&format!("gemm {m}x{k}x{n}"), || {
            let (mut c, mut pre_activation) = (c.clone(), Array2::zeros((n, m)));
            let epilogue = Epilogue {
                bias: Some(bias.row(0)),
                activation: Activation::GeluExact,
                pre_activation: Some(pre_activation.view_mut().reversed_axes()),
            };
            gemm(0.7, a.view(), b.view(), -0.3, c.view_mut(), epilogue);
            c + pre_activation.t()
        });
    }
}

#[test]
fn softmax_and_layer_norm_give_the_same_bits() {
    let x = Random(2).matrix(700, 301) * 5.0;
    assert_same_bits("softmax", || {
        let mut x = x.clone();
        softmax_rows(x.view_mut());
        x
    });
    assert_same_bits("add_layer_norm", || {
        let mut output = Array2::zeros(x.dim());
        let (weight, bias) = (x.row(1), x.row(2));
        add_layer_norm_rows(x.view(), x.view(), weight, bias, 1e-12, output.view_mut());
        output
    });
    assert_same_bits("activation", || {
        let mut x = x.clone();
        activate_rows(Activation::GeluExact, x.view_mut());
        x
    });
    assert_same_bits("layer_norm", || {
        let mut output = Array2::zeros(x.dim());
        layer_norm_rows(x.view(), x.row(1), x.row(2), 1e-12, output.view_mut());
        output
    });
}

#[test]
fn updates_of_optimizers_and_the_sum_of_squares_give_the_same_bits() {
    let [p, g, m, v] = [11, 12, 13, 14].map(|seed| Random(seed).matrix(1, 100_001));
    let v = v.mapv(|v| v * v);
    assert_same_bits("adam_update", || {
        let [mut p, mut m, mut v] = [&p, &m, &v].map(Clone::clone);
        let step = AdamStep {
            beta1: 0.9,
            beta2: 0.999,
            step_size: 0.1,
            eps: 1e-8,
            second_scale: 1.7,
            decay: 0.01,
            gradient_scale: 0.5,
        };
        let [numbers, first, second] = [&mut p, &mut m, &mut v].map(|x| x.as_slice_mut().unwrap());
        adam_update(numbers, g.as_slice().unwrap(), first, second, &step);
        ndarray::concatenate![Axis(0), p, m, v]
    });
    assert_same_bits("sgd_update", || {
        let [mut p, mut m] = [&p, &m].map(Clone::clone);
        let step = SgdStep { learning_rate: 0.1, momentum: 0.9, gradient_scale: 0.5 };
        let [numbers, velocity] = [&mut p, &mut m].map(|x| x.as_slice_mut().unwrap());
        sgd_update(numbers, g.as_slice().unwrap(), velocity, &step);
        ndarray::concatenate![Axis(0), p, m]
    });
    let sums = [1, 2, 3, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| sum_of_squares(p.as_slice().unwrap())).to_bits()
    });
    assert_eq!(sums, [sums[0]; 4]);
}

#[test]
fn attention_gives_the_same_bits() {
    let mut random = Random(3);
    let qkv = random.matrix(400, 3 * 64) * 3.0; // q, k, v side by side, so that the views have strides
    for mask in [Mask::Full, Mask::Causal] {
        assert_same_bits(&format!("attention {mask:?}"), || {
            let mut output = Array2::zeros((400, 64));
            let args = AttentionArgs {
                q: qkv.slice(s![.., ..64]),
                k: qkv.slice(s![.., 64..128]),
                v: qkv.slice(s![.., 128..]),
                q_bounds: &[0, 1, 150, 150, 400],
                k_bounds: &[0, 30, 150, 200, 400],
                heads: 4,
                scale: 0.25,
                mask,
                on_probabilities: None,
            };
            attention(args, output.view_mut());
            output
        });
        assert_same_bits("attention_probabilities", || {
            attention_probabilities(
                qkv.slice(s![.., ..64]),
                qkv.slice(s![.., 64..128]),
                0.125,
                mask,
            )
        });
    }
}

#[test]
fn the_backward_kernels_give_the_same_bits() {
    let mut random = Random(5);
    let (x, d) = (random.matrix(700, 301) * 5.0, random.matrix(700, 301));
    assert_same_bits("derivatives", || {
        let mut d = d.clone();
        activate_backward_rows(Activation::GeluExact, x.view(), d.view_mut());
        d
    });
    assert_same_bits("layer_norm", || {
        // The gradients of weight and bias lie below those of the input.
        let mut all = ndarray::concatenate![Axis(0), d, x.slice(s![..2, ..])];
        let (d, mut parameters) = all.view_mut().split_at(Axis(0), 700);
        let (d_weight, d_bias) = parameters.multi_slice_mut((s![0, ..], s![1, ..]));
        layer_norm_backward_rows(x.view(), x.row(0), 1e-12, d, d_weight, d_bias);
        all
    });
    let wide = random.matrix(130, 1700); // more columns than a thread takes at a time
    assert_same_bits("column sums", || {
        let mut sums = wide.slice(s![..1, ..]).to_owned();
        add_column_sums(wide.view(), sums.row_mut(0));
        sums
    });
}

#[test]
fn the_backward_pass_of_attention_gives_the_same_bits() {
    let x = Random(6).matrix(400, 4 * 64) * 3.0; // q, k, v and the output's gradient side by side
    let drop = |head: usize, row: usize, first: usize, p: &mut [Real]| {
        dropout_row(head as u64, row as u64, first, 0.1, p);
    };
    for mask in [Mask::Full, Mask::Causal] {
        for on_probabilities in [None, Some(&drop as OnProbabilities)] {
            assert_same_bits(&format!("attention's backward pass {mask:?}"), || {
                let mut gradients = Array2::zeros((400, 3 * 64));
                let (d_q, d_k_d_v) = gradients.view_mut().split_at(Axis(1), 64);
                let (d_k, d_v) = d_k_d_v.split_at(Axis(1), 64);
                let args = AttentionArgs {
                    q: x.slice(s![.., ..64]),
                    k: x.slice(s![.., 64..128]),
                    v: x.slice(s![.., 128..192]),
                    q_bounds: &[0, 1, 150, 150, 400],
                    k_bounds: &[0, 30, 150, 200, 400],
                    heads: 4,
                    scale: 0.25,
                    mask,
                    on_probabilities,
                };
                attention_backward(args, x.slice(s![.., 192..]), d_q, d_k, d_v);
                gradients
            });
        }
    }
}

/// Attention of two long sequences, with `seen` called for the probabilities from whichever thread has them.
fn attend(seen: OnProbabilities) -> Array2<Real> {
    let x = Random(4).matrix(400, 64);
    let mut output = Array2::zeros((400, 64));
    let args = AttentionArgs {
        q: x.view(),
        k: x.view(),
        v: x.view(),
        q_bounds: &[0, 150, 400],
        k_bounds: &[0, 150, 400],
        heads: 4,
        scale: 0.25,
        mask: Mask::Full,
        on_probabilities: Some(seen),
    };
    attention(args, output.view_mut());
    output
}

#[test]
#[cfg(not(feature = "f64"))] // the twins, which run there, know no threads
fn every_thread_of_a_team_takes_part() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let threads = Mutex::new(HashSet::new());
    let deadline = Instant::now() + Duration::from_secs(60);
    pool.install(|| {
        team(|| {
            while threads.lock().unwrap().len() < 3 && Instant::now() < deadline {
                attend(&|_, _, _, _| {
                    threads.lock().unwrap().insert(std::thread::current().id());
                });
            }
        })
    });
    assert_eq!(threads.lock().unwrap().len(), 3);
}

#[test]
fn a_panic_in_a_team_reaches_its_leader_and_leaves_the_pool_usable() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    for head in 0..4 {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
            pool.install(|| {
                team(|| attend(&|seen, _, _, _| assert!(seen != head, "not this head")));
            })
        }));
        let message = *result.unwrap_err().downcast::<&str>().unwrap();
        assert_eq!(message, "not this head");
        let calm = pool.install(|| team(|| team(|| attend(&|_, _, _, _| ()))));
        assert_eq!(bits(&calm), bits(&attend(&|_, _, _, _| ())));
    }
}

/// The leader is not one of the pool's threads: so it is in every program whose main thread calls the model.
#[test]
fn a_team_can_be_led_from_outside_of_the_pool() {
    let expected = bits(&attend(&|_, _, _, _| ()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(bits(&team(|| attend(&|_, _, _, _| ()))), expected);
                }
            });
        }
    });
}

#[test]
fn a_step_within_a_step_and_a_team_within_a_step_are_the_thread_s_own() {
    let expected = bits(&attend(&|_, _, _, _| ()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let within = |_: usize, row: usize, _: usize, _: &mut [Real]| {
        if row.is_multiple_of(97) {
            let inner = team(|| attend(&|_, _, _, _| ()));
            assert_eq!(bits(&inner), expected);
        }
    };
    let outer = pool.install(|| team(|| attend(&within)));
    assert_eq!(bits(&outer), expected);
}

#[test]
fn a_panic_that_is_caught_within_the_work_leaves_the_team_usable() {
    let expected = bits(&attend(&|_, _, _, _| ()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    pool.install(|| {
        team(|| {
            let fails = || attend(&|_, _, _, _| panic!("every item fails"));
            assert!(std::panic::catch_unwind(AssertUnwindSafe(fails)).is_err());
            assert_eq!(bits(&attend(&|_, _, _, _| ())), expected);
        })
    });
}
