//! The loss curve of a hundred steps of pre-training against PyTorch's, in float64
//! (`tests/reference/make_pretraining.py`): the same random weights, the same instances, no dropout.

use bert_checkpoint::{LoadOptions, load};
use bert_data::{Instance, Source};
use bert_kernels::MatmulPrecision;
use bert_model::{Context, Freeze, Keep};
use bert_nn::{Real, Tensors};
use bert_optim::{AdamWSettings, Schedule};
use bert_testkit::fixture;
use bert_train::{BatchSize, InstanceFeed, Plan, Training};
use serde_json::Value;
use std::fs;

/// Of each step's losses, relative. PyTorch's own f32 leaves its f64 by 1e-6 in these hundred steps;
/// what differs by more than 1e-4 is another computation.
const LOSS: f64 = if size_of::<Real>() == 8 { 1e-10 } else { 1e-4 };

/// The instances of a file, again and again.
struct Repeated(Vec<Instance>);

impl Repeated {
    /// Lines as `bert instances` writes them.
    fn read(name: &str) -> Self {
        let text = fs::read_to_string(fixture(name)).unwrap();
        Self(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

impl Source for Repeated {
    fn blocks(&self, _epoch: u64) -> Option<u64> {
        Some(1)
    }

    fn block(&self, _epoch: u64, _block: u64) -> Result<Vec<Instance>, bert_data::Error> {
        Ok(self.0.clone())
    }
}

#[test]
fn a_hundred_steps_of_pre_training_follow_pytorch() {
    let file = fs::read(fixture("pretraining/losses.json")).unwrap();
    let all: Value = serde_json::from_slice(&file).unwrap();
    let run = &all["run"];
    let [total, warm_up, batch] = ["steps", "warm_up", "batch"].map(|of| run[of].as_u64().unwrap());
    let number = |field: &str| run[field].as_f64().unwrap();
    let loaded = load(&fixture("pretraining"), &LoadOptions::default()).unwrap();
    let source = Repeated::read("pretraining/instances.jsonl");
    let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(batch as usize), 1);
    // As `bert pretrain` has it, but for the two numbers.
    let settings =
        AdamWSettings { weight_decay: number("weight_decay"), ..AdamWSettings::pytorch() };
    let plan = Plan {
        seed: 1,
        total,
        learning_rate: number("learning_rate"),
        schedule: Schedule::Linear { warm_up, total },
        max_norm: Some(number("max_grad_norm")),
        keep: Keep::All,
        precision: MatmulPrecision::F32,
        context: Context::eval(&loaded.config),
    };
    let mut training = Training::new(loaded.model, settings, Freeze::NOTHING);
    let mut grads = training.model.zeros_like();
    let mut worst: f64 = 0.0;
    for step in 0..total as usize {
        let done = training.advance(&mut feed, &plan, &mut grads).unwrap();
        assert_eq!(done.parts.len(), 2);
        for (part, name) in done.parts.iter().zip(["masked_lm", "next_sentence"]) {
            let expected = all[name][step].as_f64().unwrap();
            let found = part.loss.mean();
            let apart = (found - expected).abs() / expected;
            // Written so that NaN fails.
            assert!(
                apart <= LOSS,
                "step {step}: {name} is {found}, PyTorch's {expected}: {apart:e} apart"
            );
            worst = worst.max(apart);
        }
    }
    println!("{total} steps, the losses at most {worst:.1e} apart");
}
