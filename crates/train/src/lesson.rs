//! A small model learns tiny world: the whole of pre-training in one call.
//!
//! The tour, the lab and the notebooks show it. `bert pretrain` does the same with files, checkpoints
//! and every choice open.

use crate::feed::labelled;
use crate::{BatchSize, Error, Evaluations, Event, HeldOut, InstanceFeed, Plan, Run, Training};
use bert_data::tiny_world::{Ladder, TinyWorld, TinyWorldSource};
use bert_data::{Instance, Replacement};
use bert_kernels::MatmulPrecision;
use bert_model::heads::Part;
use bert_model::{Ablation, Config, Context, Freeze, HeadKind, Keep, Model};
use bert_nn::init::{Initializer, initialize};
use bert_optim::{AdamWSettings, Schedule};
use std::sync::atomic::AtomicBool;

// ANCHOR: lesson
/// How the model learns.
#[derive(Debug, Clone)]
pub struct Lesson {
    /// Sizes; the vocabulary is tiny world's.
    pub config: Config,
    /// How many steps.
    pub steps: u64,
    /// Sequences in a step.
    pub batch: usize,
    /// The peak; it rises over the first tenth of the steps and then falls along a line.
    pub learning_rate: f64,
    /// What all random numbers depend on.
    pub seed: u64,
    /// Parts of the model that are left out.
    pub ablation: Ablation,
    /// How many instances it is measured with.
    pub held_out: u64,
    /// How often it is measured on the way.
    pub evaluations: u64,
}
// ANCHOR_END: lesson

/// What came of it.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The model.
    pub model: Model,
    /// The best possible losses on the held-out instances.
    pub ladder: Ladder,
    /// (step, masked-LM loss) of the training itself, each over a few steps.
    pub trained: Vec<(f64, f64)>,
    /// (step, masked-LM loss) on the held-out instances.
    pub measured: Vec<(f64, f64)>,
    /// The last measurement: masked words, next sentences.
    pub parts: Vec<Part>,
}

impl Lesson {
    /// A lesson that takes a fraction of a minute.
    pub fn short(world: &TinyWorld) -> Self {
        Self {
            config: config(world.vocabulary().len()),
            steps: 3500,
            batch: 16,
            learning_rate: 1e-3,
            seed: 1,
            ablation: Ablation::NONE,
            held_out: 500,
            evaluations: 14,
        }
    }

    /// The instances that the model is measured with and never trained on.
    pub fn held_out(&self, world: &TinyWorld) -> Vec<Instance> {
        world.held_out(self.seed, self.held_out, Replacement::PLAIN)
    }

    /// The model before its first step.
    pub fn fresh(&self) -> Model {
        let mut model = Model::zeros(HeadKind::PreTraining, &self.config, false);
        let std = self.config.initializer_range;
        initialize(&mut model, Initializer::TruncatedNormal { std }, self.seed);
        model
    }

    // ANCHOR: learn
    /// Trains; `seen` is told the step and the held-out loss of each evaluation.
    ///
    /// # Errors
    /// The loss or a gradient is not finite, or no word of the held-out instances is masked.
    pub fn learn(
        &self,
        world: &TinyWorld,
        mut seen: impl FnMut(u64, &[Part]),
    ) -> Result<Learned, Error> {
        let held_out = self.held_out(world);
        let ladder = world.ladder(&held_out, Replacement::PLAIN).ok_or(Error::NoInstance)?;
        let source = TinyWorldSource {
            world: world.clone(),
            seed: self.seed,
            replacement: Replacement::PLAIN,
        };
        let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(self.batch), 1);
        let mut training = Training::new(self.fresh(), AdamWSettings::pytorch(), Freeze::NOTHING);
        let mut judge = HeldOut(held_out.chunks(64).map(labelled).collect());
        let run = Run {
            plan: self.plan(),
            output: None,
            metrics_every: 10,
            evaluations: Evaluations::Steps((self.steps / self.evaluations.max(1)).max(1)),
            patience: None,
            stop: &AtomicBool::new(false),
        };
        let (mut trained, mut measured, mut last) = (Vec::new(), Vec::new(), Vec::new());
        run.run(&mut training, &mut feed, Some(&mut judge), &mut |event| match event {
            Event::Metrics(step, line) => {
                let loss = line["masked_lm_loss"].as_f64().unwrap_or(f64::NAN);
                trained.push((step as f64, loss));
            }
            Event::Evaluated(step, judged) => {
                measured.push((step as f64, judged.parts[0].loss.mean()));
                last = judged.parts.clone();
                seen(step, &judged.parts);
            }
            _ => {}
        })?;
        Ok(Learned { model: training.model, ladder, trained, measured, parts: last })
    }
    // ANCHOR_END: learn

    fn plan(&self) -> Plan<'_> {
        Plan {
            context: Context { ablation: self.ablation, ..Context::eval(&self.config) },
            seed: self.seed,
            total: self.steps,
            learning_rate: self.learning_rate,
            schedule: Schedule::Linear { warm_up: self.steps / 10, total: self.steps },
            max_norm: Some(1.0),
            keep: Keep::All,
            precision: MatmulPrecision::F32,
        }
    }
}

/// Two layers of 128 for tiny world's words. Tiny world never says the same twice, so there is nothing
/// to learn by heart and no dropout; and weights begin larger than BERT's 0.02, which is meant for
/// layers six times as wide.
pub fn config(vocab_size: usize) -> Config {
    Config {
        vocab_size,
        hidden_size: 128,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 512,
        max_position_embeddings: 64,
        initializer_range: 0.05,
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        ..Config::default()
    }
}

/// The rungs of a ladder from the top down, with their names.
pub fn rungs(ladder: &Ladder) -> Vec<(&'static str, f64)> {
    let mut rungs = vec![
        ("uniform", ladder.uniform),
        ("unigram", ladder.unigram),
        ("position only", ladder.position),
        ("left context only", ladder.left_context),
        ("optimum", ladder.optimum),
    ];
    rungs.extend(ladder.order_ignored.map(|loss| ("order ignored", loss)));
    rungs.sort_by(|a, b| b.1.total_cmp(&a.1));
    rungs
}
