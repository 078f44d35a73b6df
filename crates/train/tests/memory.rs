//! The memory that steps of training take, in a program of its own, with the allocator that `bert` has.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use bert_kernels::HugePages;
use bert_model::{Batch, Config, Context, HeadKind, Keep, Labels, Model};
use bert_nn::init::{Initializer, initialize};
use bert_nn::{Real, Tensors};
use bert_optim::{AdamW, AdamWSettings, Update};
use bert_train::{LabelledBatch, apply, gradients};

#[global_allocator]
static ALLOCATOR: HugePages = HugePages;

const MIB: usize = 1 << 20;

/// The most memory that the process has held, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn gradients_take_the_place_of_the_activations() {
    if size_of::<Real>() != 4 {
        return; // the naive kernels, under the feature f64, would take minutes
    }
    // Four layers as wide as BERT-base's, and as many tokens as make the activations as large as the gradients.
    let config = Config { vocab_size: 100, num_hidden_layers: 4, ..Config::default() };
    let (sequences, tokens) = (7, 128);
    let mut batch = Batch::new();
    (0..sequences).for_each(|_| batch.push(&[7; 128], &[0; 128]));
    let labels = Labels::Sequences((0..sequences).map(|i| Some(i as u32 % 2)).collect());
    let step = [LabelledBatch { batch, labels }];
    let mut model = Model::zeros(HeadKind::SequenceClassification, &config, true);
    initialize(&mut model, Initializer::Normal { std: 0.02 }, 1);
    let mut grads = model.absent_like();
    let mut optimizer = AdamW::new(&model, AdamWSettings::pytorch());
    for number in 0..3 {
        let context = Context::train(&config, 1, number);
        gradients(&model, &step, &context, Keep::All, &mut grads).unwrap();
        apply(&mut model, &mut grads, &mut optimizer, Update::new(1e-5), Some(1.0), number)
            .unwrap();
    }
    let parameters = 4 * model.parameter_count();
    let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
    let activations = 4 * sequences * tokens * 4 * (7 * hidden + intermediate);
    assert!(activations.abs_diff(parameters) < 10 * MIB, "{activations}, {parameters}");
    // Parameters, both moments, then either activations or gradients; what is there only for a moment, and the blocks that wait in the
    // allocator.
    let most = 3 * parameters + activations.max(parameters) + (70 + 24) * MIB;
    let peak = peak();
    println!("{} MiB of {}", peak / MIB, most / MIB);
    assert!(peak < most, "{} MiB, at most {} were expected", peak / MIB, most / MIB);
    // The limit can be broken: with both there at once, that alone would be more.
    assert!(most < 4 * parameters + activations, "a limit that proves nothing");
}
