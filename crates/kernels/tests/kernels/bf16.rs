use bert_kernels::{
    Activation, AttentionArgs, Epilogue, Isa, Mask, MatmulPrecision, PackedB, Real, activate_rows,
    attention, attention_probabilities, gemm, gemm_on_this_thread, isa, precision, round_to_bf16,
    with_precision,
};
use half::bf16;
use ndarray::Array2;

use crate::support::*;

/// The crate `half` is the judge.
#[test]
fn rounding_is_to_the_nearest_and_of_two_to_the_even_one() {
    // Every upper half, with lower halves around every tie.
    for upper in 0..=u16::MAX {
        for lower in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
            let x = f32::from_bits(u32::from(upper) << 16 | lower);
            let expected =
                if x.abs() < f32::MIN_POSITIVE { x * 0.0 } else { bf16::from_f32(x).to_f32() };
            let got = round_to_bf16(x as Real) as f32;
            assert!(got.is_nan() == x.is_nan(), "{x:e} becomes {got:e}");
            let same = got.to_bits() == expected.to_bits() || x.is_nan();
            assert!(same, "{x:e} ({:#x}) becomes {got:e}, expected {expected:e}", x.to_bits());
        }
    }
}

/// α·A·B + β·C of rounded numbers in the order in which a tile adds up, for AMX: 16 products of the even places of 32 k from 0, and of the
/// odd ones; their sum is added to that of the k before. A block has 768 k; beyond, C is added to. Source: Intel, "Intel 64 and IA-32
/// Architectures Software Developer's Manual", volume 2, TDPBF16PS.
fn in_tiles(alpha: Real, a: &Array2<Real>, b: &Array2<Real>, beta: Real, c: &mut Array2<Real>) {
    const BLOCK: usize = 768;
    const TILE: usize = 32;
    let all: Vec<_> = (0..a.ncols()).collect();
    for ((i, j), c) in c.indexed_iter_mut() {
        let from_zero = |places: &[usize], odd| {
            let places = places.iter().filter(|&k| k % 2 == odd);
            places.fold(0.0, |sum: Real, &k| a[[i, k]].mul_add(b[[k, j]], sum))
        };
        let of_tile = |tile: &[usize]| from_zero(tile, 1) + from_zero(tile, 0);
        let mut scale = beta;
        let blocks = if all.is_empty() { vec![&all[..]] } else { all.chunks(BLOCK).collect() };
        for block in blocks {
            let sum = block.chunks(TILE).fold(0.0, |sum, tile| sum + of_tile(tile));
            *c = if scale == 0.0 { alpha * sum } else { scale.mul_add(*c, alpha * sum) };
            scale = 1.0;
        }
    }
}

/// Products of two bfloat16 are exact in `f32`, so nothing but the order of the sum could make a difference. It is the order of the
/// product in full width, and with AMX that of its tiles.
#[test]
fn a_product_has_the_bits_of_a_sum_of_rounded_numbers() {
    const SIZES: [usize; 12] = [0, 1, 2, 3, 7, 12, 13, 17, 31, 33, 67, 131];
    const DEPTHS: [usize; 10] = [0, 1, 2, 3, 31, 32, 61, 768, 769, 1541];
    for seed in 0..400 {
        let mut random = Random(seed);
        let (m, k, n) = (random.pick(&SIZES), random.pick(&DEPTHS), random.pick(&SIZES));
        let layouts = [random.pick(&LAYOUTS), random.pick(&LAYOUTS)];
        let (rows, columns) = memory_shape(layouts[0], (m, k));
        let a_memory = random.matrix(rows, columns);
        let (rows, columns) = memory_shape(layouts[1], (k, n));
        let b_memory = random.matrix(rows, columns);
        let a = input_view(&a_memory, layouts[0], (m, k));
        let b = input_view(&b_memory, layouts[1], (k, n));
        let bias = random.matrix(1, n);
        let old = random.matrix(m, n);
        let (alpha, beta) = (random.pick(&[1.0, -0.37]), random.pick(&[0.0, 1.0, -2.5]));
        let epilogue = || Epilogue {
            bias: Some(bias.row(0)),
            activation: Activation::GeluExact,
            pre_activation: None,
        };

        let mut expected = old.clone();
        let (rounded_a, rounded_b) = (a.mapv(round_to_bf16), b.mapv(round_to_bf16));
        if isa() == Isa::Amx {
            in_tiles(alpha, &rounded_a, &rounded_b, beta, &mut expected);
            expected = expected + bias.row(0);
            activate_rows(Activation::GeluExact, expected.view_mut());
        } else {
            gemm(alpha, rounded_a.view(), rounded_b.view(), beta, expected.view_mut(), epilogue());
        }
        let what = format!("seed {seed}, {m}x{k}x{n}, {layouts:?}");
        let mut got = old.clone();
        with_precision(MatmulPrecision::Bf16, || {
            gemm(alpha, a, b, beta, got.view_mut(), epilogue())
        });
        assert_eq!(bits(&got), bits(&expected), "{what}");
        // Packed beforehand, the matrix knows its precision.
        let packed = with_precision(MatmulPrecision::Bf16, || PackedB::new(b));
        let mut got = old.clone();
        gemm(alpha, a, &packed, beta, got.view_mut(), epilogue());
        assert_eq!(bits(&got), bits(&expected), "{what}, packed");
        let packed = PackedB::new(b);
        let (mut got, mut full) = (old.clone(), old);
        with_precision(MatmulPrecision::Bf16, || {
            gemm(alpha, a, &packed, beta, got.view_mut(), epilogue())
        });
        gemm(alpha, a, b, beta, full.view_mut(), epilogue());
        assert_eq!(bits(&got), bits(&full), "{what}, packed in full width");
    }
}

#[test]
fn attention_stays_in_full_width() {
    let mut random = Random(5);
    let [q, k, v] = [(); 3].map(|()| random.matrix(70, 32));
    let compute = || {
        let args = AttentionArgs {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            q_bounds: &[0, 30, 70],
            k_bounds: &[0, 30, 70],
            heads: 2,
            scale: 0.25,
            mask: Mask::Full,
            on_probabilities: None,
        };
        let mut output = Array2::zeros((70, 32));
        attention(args, output.view_mut());
        let probabilities = attention_probabilities(q.view(), k.view(), 0.25, Mask::Full);
        let mut product = Array2::zeros((70, 70));
        let nothing = Epilogue::default();
        gemm_on_this_thread(1.0, q.view(), k.t(), 0.0, product.view_mut(), nothing);
        [output, probabilities, product].map(|matrix| bits(&matrix))
    };
    assert_eq!(with_precision(MatmulPrecision::Bf16, compute), compute());
}

#[test]
fn what_is_not_a_number_stays_what_it_is() {
    let mut a: Array2<Real> = Array2::ones((3, 5));
    (a[[0, 1]], a[[1, 2]]) = (Real::NAN, Real::INFINITY);
    let b = Array2::ones((5, 4));
    let mut c = Array2::zeros((3, 4));
    with_precision(MatmulPrecision::Bf16, || {
        gemm(1.0, a.view(), b.view(), 0.0, c.view_mut(), Epilogue::default());
    });
    assert!(c[[0, 0]].is_nan() && c[[1, 3]] == Real::INFINITY && c[[2, 2]] == 5.0, "{c}");
}

#[test]
fn a_precision_ends_with_its_work_even_by_a_panic() {
    let panics =
        std::panic::catch_unwind(|| with_precision(MatmulPrecision::Bf16, || panic!("on purpose")));
    assert!(panics.is_err());
    assert_eq!(precision(), MatmulPrecision::F32);
    with_precision(MatmulPrecision::Bf16, || {
        with_precision(MatmulPrecision::F32, || assert_eq!(precision(), MatmulPrecision::F32));
        assert_eq!(precision(), MatmulPrecision::Bf16);
    });
}
