//! Each instruction set that this processor has, forced.

use std::{env, process::Command};

use bert_kernels::*;
use ndarray::{Array2, s};

use crate::support::*;

/// The tests of this program run with the instruction set that is in force, by default the fastest. This one runs them again
/// with each of the others.
#[test]
fn every_test_passes_with_each_instruction_set() {
    if env::var_os("BERT_ISA").is_some_and(|isa| !isa.is_empty()) || isa() == Isa::Portable {
        return; // one of those runs, or a machine that has no choice
    }
    for other in Isa::ALL.into_iter().filter(|other| other.is_available() && *other != isa()) {
        let run = Command::new(env::current_exe().unwrap()).env("BERT_ISA", other.name()).output();
        let run = run.unwrap();
        let output = String::from_utf8_lossy(&run.stdout);
        assert!(run.status.success(), "with BERT_ISA={other}:\n{output}");
        assert!(output.contains("the_one_that_is_forced_runs ... ok"), "{output}");
    }
}

#[test]
fn the_one_that_is_forced_runs() {
    let asked = env::var("BERT_ISA").unwrap_or_else(|_| isa().name().to_owned());
    assert_eq!(isa().name(), asked);
    assert_eq!(detect(), Ok(isa()));
}

#[test]
fn an_unknown_one_is_refused_with_those_that_there_are() {
    let helper = "instruction_sets::helper_that_prints_what_detect_says";
    let run = Command::new(env::current_exe().unwrap())
        .args(["--exact", helper, "--ignored", "--nocapture"])
        .env("BERT_ISA", "mmx")
        .output();
    let output = String::from_utf8_lossy(&run.unwrap().stdout).into_owned();
    assert!(output.contains("BERT_ISA is \"mmx\"; this processor has portable"), "{output}");
}

#[test]
#[ignore = "called by the test above"]
fn helper_that_prints_what_detect_says() {
    println!("{:?} {}", detect(), isa());
    println!("{}", detect().unwrap_err());
}

/// What the numbers below come to, in bits. Both wide instruction sets run the same chain of fused multiplications and
/// additions for each number, so they must agree to the last bit.
#[test]
fn avx2_and_avx512_give_the_same_bits() {
    if !Isa::Avx512.is_available() || env::var_os("BERT_ISA").is_some_and(|isa| !isa.is_empty()) {
        return;
    }
    let [one, other] = [Isa::Avx2, Isa::Avx512].map(|isa| {
        let helper = "instruction_sets::helper_that_prints_bits";
        let run = Command::new(env::current_exe().unwrap())
            .args(["--exact", helper, "--ignored", "--nocapture"])
            .env("BERT_ISA", isa.name())
            .output();
        let output = String::from_utf8_lossy(&run.unwrap().stdout).into_owned();
        let lines = output.lines().filter(|line| line.starts_with("bits "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    });
    assert_eq!(one.len(), 22, "{one:?}");
    assert_eq!(one, other);
}

#[test]
#[ignore = "called by the test above"]
fn helper_that_prints_bits() {
    println!(); // on one core, the test's name stands before what it prints
    let mut random = Random(5);
    let print = |what: &str, x: &Array2<Real>| {
        let sum = bits(x).into_iter().fold(0_u64, |sum, bits| sum.rotate_left(5) ^ bits);
        println!("bits {what} {sum:x}");
    };
    for (m, k, n) in [(50, 1600, 75), (1, 33, 130), (37, 64, 64)] {
        let (a, b, mut c) = (random.matrix(m, k), random.matrix(k, n), random.matrix(m, n));
        let bias = random.matrix(1, n);
        let epilogue = Epilogue {
            bias: Some(bias.row(0)),
            activation: Activation::GeluExact,
            pre_activation: None,
        };
        gemm(0.7, a.view(), b.view(), 0.3, c.view_mut(), epilogue);
        print(&format!("gemm {m} {k} {n}"), &c);
    }
    let x = random.matrix(40, 333) * 4.0;
    let mut rows = x.clone();
    softmax_rows(rows.view_mut());
    print("softmax", &rows);
    let mut output = Array2::zeros(x.dim());
    layer_norm_rows(x.view(), x.row(0), x.row(1), 1e-12, output.view_mut());
    print("layer_norm", &output);
    let (weight, bias) = (x.row(0), x.row(1));
    add_layer_norm_rows(x.view(), rows.view(), weight, bias, 1e-12, output.view_mut());
    print("add_layer_norm", &output);
    for activation in [Activation::GeluTanh, Activation::Tanh, Activation::Silu] {
        let mut activated = x.clone();
        activate_rows(activation, activated.view_mut());
        print(&format!("{activation:?}"), &activated);
    }
    let [mut p, mut g, mut m] = [(); 3].map(|()| random.matrix(1, 333));
    let mut v = random.matrix(1, 333).mapv(|v| v * v);
    let step = AdamStep {
        beta1: 0.9,
        beta2: 0.999,
        step_size: 0.1,
        eps: 1e-8,
        second_scale: 1.7,
        decay: 0.01,
        gradient_scale: 0.5,
    };
    let [numbers, gradients, first, second] =
        [&mut p, &mut g, &mut m, &mut v].map(|x| x.as_slice_mut().unwrap());
    adam_update(numbers, gradients, first, second, &step);
    print("adam_update", &p);
    let qkv = random.matrix(1300, 96); // more keys than a block has
    let mut output = Array2::zeros((1300, 96));
    let args = AttentionArgs {
        q: qkv.view(),
        k: qkv.view(),
        v: qkv.view(),
        q_bounds: &[0, 20, 1300],
        k_bounds: &[0, 20, 1300],
        heads: 3,
        scale: 1.0,
        mask: Mask::Causal,
        on_probabilities: None,
    };
    attention(args, output.view_mut());
    print("attention", &output);
    print_bits_of_backward_kernels(&mut random, print, &x, args);
}

fn print_bits_of_backward_kernels(
    random: &mut Random,
    print: impl Fn(&str, &Array2<Real>),
    x: &Array2<Real>,
    args: AttentionArgs,
) {
    let d = random.matrix(40, 333);
    for activation in
        [Activation::GeluExact, Activation::GeluTanh, Activation::Tanh, Activation::Silu]
    {
        let mut d = d.clone();
        activate_backward_rows(activation, x.view(), d.view_mut());
        print(&format!("derivatives of {activation:?}"), &d);
    }
    let (mut d_input, mut sums) = (d.clone(), Array2::zeros((2, 333)));
    let (d_weight, d_bias) = sums.multi_slice_mut((s![0, ..], s![1, ..]));
    layer_norm_backward_rows(x.view(), x.row(0), 1e-12, d_input.view_mut(), d_weight, d_bias);
    add_column_sums(d.view(), sums.row_mut(1));
    print("layer_norm's gradients", &d_input);
    print("gradients of parameters", &sums);
    let mut p = x.clone();
    for (r, mut row) in p.rows_mut().into_iter().enumerate() {
        let row = row.as_slice_mut().unwrap();
        let (largest, log_sum) = softmax_and_log_sum(row);
        dropout_row(7, r as u64, r, 0.1, row);
        softmax_backward_row(row, d_input.row_mut(r).as_slice_mut().unwrap());
        row[0] += largest + log_sum;
    }
    print("softmax and dropout", &p);
    print("softmax's gradients", &d_input);
    let mut gradients = [(); 3].map(|()| Array2::zeros(args.q.dim()));
    let [d_q, d_k, d_v] = gradients.each_mut().map(|d| d.view_mut());
    attention_backward(args, args.q, d_q, d_k, d_v);
    gradients.iter().for_each(|d| print("attention's gradients", d));
}
