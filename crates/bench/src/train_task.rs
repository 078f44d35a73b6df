//! What `train` measures: a classifier that is fine-tuned, and our step. As a program of its own it says what the steps take of
//! the memory.

use crate::forward::{integers, made_up, shape};
use crate::memory::{Memory, held};
use crate::peer::Named;
use anyhow::Result;
use bert_kernels::team;
use bert_model::heads::loss::{loss_gradients, total};
use bert_model::{Config, Context, HeadKind, Keep, Labels, Model};
use bert_nn::init::{Initializer, initialize};
use bert_nn::{Real, Tensors};
use bert_optim::{AdamW, AdamWSettings, Optimizer, Update, clip_factor, global_norm};
use bert_train::{LabelledBatch, apply, gradients, reduce};
use serde_json::json;
use std::num::NonZeroUsize;
use std::time::Instant;

/// How large the model and the batch are.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Sequences and tokens of the batch
    #[arg(long, value_name = "BxS", value_parser = shape, default_value = "8x128")]
    pub batch: (usize, usize),
    /// Layers of the model
    #[arg(long, value_name = "N", default_value = "12")]
    pub layers: NonZeroUsize,
    /// Width of the model, of which each attention head takes 64; the feed-forward block is four times as wide
    #[arg(long, value_name = "N", value_parser = hidden, default_value = "768")]
    pub hidden: usize,
    /// Threads of both sides [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// What our forward pass keeps of each layer
    #[arg(long, value_enum, default_value = "all")]
    pub keep: Kept,
}

/// [`Keep`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum Kept {
    /// Every activation
    All,
    /// Its input; the rest is computed again
    Inputs,
}

impl Kept {
    fn keep(self) -> Keep {
        match self {
            Self::All => Keep::All,
            Self::Inputs => Keep::InputOnly,
        }
    }

    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Inputs => "inputs",
        }
    }
}

const HEAD_SIZE: usize = 64;

fn hidden(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(hidden) if (1..=1 << 13).contains(&hidden) && hidden.is_multiple_of(HEAD_SIZE) => {
            Ok(hidden)
        }
        _ => Err(format!("a width is a multiple of {HEAD_SIZE}, up to 8192")),
    }
}

impl Args {
    /// Has rayon use so many threads.
    pub fn set_threads(&self) -> Result<()> {
        set_threads(self.threads)
    }

    /// BERT's configuration in this size.
    pub fn config(&self, dropout: f64) -> Config {
        Config {
            hidden_size: self.hidden,
            num_hidden_layers: self.layers.get(),
            num_attention_heads: self.hidden / HEAD_SIZE,
            intermediate_size: 4 * self.hidden,
            hidden_dropout_prob: dropout,
            attention_probs_dropout_prob: dropout,
            ..Config::default()
        }
    }
}

/// Has rayon use so many threads. To be called once, before any work.
pub fn set_threads(threads: Option<NonZeroUsize>) -> Result<()> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global()?;
    Ok(())
}

/// Of all steps; usual ones.
pub const LEARNING_RATE: f64 = 5e-5;
pub const MAX_NORM: f64 = 1.0;
pub const DROPOUT: f64 = 0.1;
/// Of the dropout.
const SEED: u64 = 1;
/// Adam's moments are there from the first step on, and the second meets its own gradients beside them. After that memory should not
/// grow; but it does for a while where what is freed and what is asked for do not fit together.
pub const MEMORY_STEPS: usize = 8;

/// A model in the middle of its training.
pub struct Training {
    pub config: Config,
    pub model: Model,
    grads: Model,
    optimizer: AdamW<Model>,
    /// All of one step.
    batches: [LabelledBatch; 1],
    keep: Keep,
    steps: u64,
}

impl Training {
    /// A classifier with two classes.
    pub fn new(args: &Args, dropout: f64) -> Self {
        let batch = made_up(args.batch.0, args.batch.1);
        let labels = Labels::Sequences((0..args.batch.0).map(|i| Some(i as u32 % 2)).collect());
        let batch = LabelledBatch { batch, labels };
        Self::of(HeadKind::SequenceClassification, args.config(dropout), batch, args.keep.keep())
    }

    /// With random weights, always the same; and one batch, which is that of each step.
    pub fn of(head: HeadKind, config: Config, batch: LabelledBatch, keep: Keep) -> Self {
        let mut model = Model::zeros(head, &config, true);
        initialize(&mut model, Initializer::Normal { std: config.initializer_range }, 1);
        Self {
            grads: model.zeros_like(),
            optimizer: AdamW::new(&model, AdamWSettings::pytorch()),
            batches: [batch],
            keep,
            steps: 0,
            config,
            model,
        }
    }

    /// The classifier's batch and its labels for the peer.
    pub fn tensors(&self) -> Vec<Named<'static>> {
        let [LabelledBatch { batch, labels }] = &self.batches;
        let Labels::Sequences(labels) = labels else { unreachable!("made in `new`") };
        let labels: Vec<u32> = labels.iter().copied().flatten().collect();
        let shape = [batch.sequences(), batch.tokens() / batch.sequences()];
        vec![
            integers("ids", &shape, &batch.token_ids),
            integers("types", &shape, &batch.token_types),
            integers("labels", &[labels.len()], &labels),
        ]
    }

    /// A whole step. Returns the loss, and the length of the gradient before clipping.
    pub fn step(&mut self) -> Result<[Real; 2]> {
        let Self { config, model, grads, optimizer, batches, keep, steps } = self;
        let context = Context::train(config, SEED, *steps);
        let mut parts = gradients(model, batches, &context, *keep, grads)?;
        reduce(grads, &mut parts);
        let update = Update::new(LEARNING_RATE);
        let norm = apply(model, grads, optimizer, update, Some(MAX_NORM), *steps)?;
        *steps += 1;
        Ok([total(&parts) as Real, norm as Real])
    }

    /// A whole step as well, part by part: the seconds of [`PARTS`].
    pub fn step_in_parts(&mut self) -> Result<[f64; PARTS.len()]> {
        let Self { config, model, grads, optimizer, batches, keep, steps } = self;
        let context = Context::train(config, SEED, *steps);
        let [LabelledBatch { batch, labels }] = batches;
        let d_losses = loss_gradients(&labels.parts(None))?;
        let (mut last, mut seconds) = (Instant::now(), Vec::new());
        let mut done = || {
            seconds.push(last.elapsed().as_secs_f64());
            last = Instant::now();
        };
        team(|| {
            let (_, cache) = model.forward(batch, labels, &context, *keep);
            done();
            model.backward(batch, labels, cache, &d_losses, &context, grads, |_, _| {});
            done();
        });
        let gradient_scale = clip_factor(global_norm(grads), MAX_NORM);
        done();
        let update = Update { gradient_scale, ..Update::new(LEARNING_RATE) };
        optimizer.step(model, grads, &update);
        done();
        *steps += 1;
        Ok(seconds.try_into().expect("one for each part"))
    }
}

/// What a step consists of.
pub const PARTS: [&str; 4] = ["forward", "backward", "length of the gradient", "AdamW"];

/// Of a process that does nothing else.
#[derive(clap::Args, Debug)]
pub struct MemoryArgs {
    #[command(flatten)]
    size: Args,
    /// How many steps; more of them for a profiler
    #[arg(long, value_name = "N", default_value_t = MEMORY_STEPS)]
    steps: usize,
}

/// Takes the steps and prints the memory.
///
/// # Errors
/// A step that fails, or a system that does not tell.
pub fn run(args: &MemoryArgs) -> Result<()> {
    let start = held("VmRSS")?;
    args.size.set_threads()?;
    let mut training = Training::new(&args.size, DROPOUT);
    for _ in 0..args.steps {
        training.step()?;
    }
    show!("{}", json!(Memory { start, peak: held("VmHWM")? }));
    Ok(())
}
