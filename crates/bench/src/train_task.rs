//! What is trained: a classifier that is fine-tuned, and our step. As a program of its own it says what the steps take of time and
//! memory.

use crate::forward::{integers, made_up};
use crate::memory::{Memory, held};
use crate::peer::{Named, answer_of};
use crate::turns::Spread;
use anyhow::Result;
use bert_kernels::{MatmulPrecision, keep_dropped, team, with_precision};
use bert_model::heads::loss::{loss_gradients, total};
use bert_model::{Config, Context, HeadKind, Keep, Labels, Model};
use bert_nn::init::{Initializer, initialize};
use bert_nn::{Real, Tensors};
use bert_optim::{AdamW, AdamWSettings, Optimizer, Update, clip_factor, global_norm};
use bert_train::{LabelledBatch, apply, gradients, reduce};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::num::NonZeroUsize;
use std::process::Command;
use std::slice;
use std::time::Instant;

/// How large the model and the batch are.
#[derive(clap::Args, Clone, Debug)]
#[group(skip)] // its name would be that of the group of whoever takes it in
pub struct Args {
    /// Sequences and tokens of the batch
    #[arg(long, value_name = "BxS", value_parser = any_shape, default_value = "8x128")]
    pub batch: (usize, usize),
    #[command(flatten)]
    pub model: ModelArgs,
    /// Threads of both sides [default: all]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// What our forward pass keeps of each layer
    #[arg(long, value_enum, default_value = "all")]
    pub keep: Kept,
    /// Our products take their numbers in bfloat16
    #[arg(long)]
    pub bf16: bool,
}

/// How large the model is.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct ModelArgs {
    /// Layers of the model
    #[arg(long, value_name = "N", default_value = "12")]
    pub layers: NonZeroUsize,
    /// Width of the model, of which each attention head takes 64; the feed-forward block is four times as wide
    #[arg(long, value_name = "N", value_parser = hidden, default_value = "768")]
    pub hidden: usize,
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

/// Reads 8x128, of any length.
fn any_shape(text: &str) -> Result<(usize, usize), String> {
    let sizes: Result<Vec<usize>, _> = text.split('x').map(str::parse).collect();
    match sizes.as_deref() {
        Ok(&[sequences, tokens]) if sequences > 0 && (1..=1 << 14).contains(&tokens) => {
            Ok((sequences, tokens))
        }
        _ => Err("a batch is two sizes, as in 8x128, of at most 16384 tokens".to_owned()),
    }
}

impl Args {
    /// Has rayon use so many threads.
    pub fn set_threads(&self) -> Result<()> {
        set_threads(self.threads)
    }

    /// BERT's configuration in this size, with more positions where the batch wants them.
    pub fn config(&self, dropout: f64) -> Config {
        let config = self.model.config(dropout);
        let max_position_embeddings = config.max_position_embeddings.max(self.batch.1);
        Config { max_position_embeddings, ..config }
    }
}

impl ModelArgs {
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
pub const MEMORY_STEPS: NonZeroUsize = NonZeroUsize::new(8).expect("not zero");

/// A model in the middle of its training.
pub struct Training {
    pub config: Config,
    pub model: Model,
    grads: Model,
    optimizer: AdamW<Model>,
    /// One for each step; after the last the first comes again.
    batches: Vec<LabelledBatch>,
    keep: Keep,
    /// Of the products. In full width at first.
    precision: MatmulPrecision,
    steps: u64,
}

impl Training {
    /// A classifier with two classes.
    pub fn new(args: &Args, dropout: f64) -> Self {
        let batch = made_up(args.batch.0, args.batch.1);
        let labels = Labels::Sequences((0..args.batch.0).map(|i| Some(i as u32 % 2)).collect());
        let batch = LabelledBatch { batch, labels };
        let head = HeadKind::SequenceClassification;
        let mut training = Self::of(head, args.config(dropout), vec![batch], args.keep.keep());
        training.set_bf16(args.bf16);
        training
    }

    /// With random weights, always the same.
    pub fn of(head: HeadKind, config: Config, batches: Vec<LabelledBatch>, keep: Keep) -> Self {
        let mut model = Model::zeros(head, &config, true);
        initialize(&mut model, Initializer::Normal { std: config.initializer_range }, 1);
        Self {
            grads: model.absent_like(),
            optimizer: AdamW::new(&model, AdamWSettings::pytorch()),
            batches,
            keep,
            precision: MatmulPrecision::F32,
            steps: 0,
            config,
            model,
        }
    }

    /// Multiplies in bfloat16 from now on, or in full width.
    pub fn set_bf16(&mut self, bf16: bool) {
        self.precision = if bf16 { MatmulPrecision::Bf16 } else { MatmulPrecision::F32 };
    }

    /// The classifier's batch and its labels for the peer.
    pub fn tensors(&self) -> Vec<Named<'static>> {
        let LabelledBatch { batch, labels } = &self.batches[0];
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
        let Self { config, model, grads, optimizer, batches, keep, precision, steps } = self;
        let context = Context::train(config, SEED, *steps);
        let batch = slice::from_ref(next(batches, *steps));
        let mut parts =
            with_precision(*precision, || gradients(model, batch, &context, *keep, grads))?;
        reduce(grads, &mut parts);
        let update = Update::new(LEARNING_RATE);
        let norm = apply(model, grads, optimizer, update, Some(MAX_NORM), *steps)?;
        *steps += 1;
        Ok([total(&parts) as Real, norm as Real])
    }

    /// A whole step as well, part by part: the seconds of [`PARTS`].
    pub fn step_in_parts(&mut self) -> Result<[f64; PARTS.len()]> {
        let Self { config, model, grads, optimizer, batches, keep, precision, steps } = self;
        let context = Context::train(config, SEED, *steps);
        let LabelledBatch { batch, labels } = next(batches, *steps);
        let d_losses = loss_gradients(&labels.parts(None))?;
        let (mut last, mut seconds) = (Instant::now(), Vec::new());
        let mut done = || {
            seconds.push(last.elapsed().as_secs_f64());
            last = Instant::now();
        };
        let both = || {
            let (_, cache) = model.forward(batch, labels, &context, *keep);
            done();
            model.backward(batch, labels, cache, &d_losses, &context, grads, |_, _| {});
            done();
        };
        with_precision(*precision, || team(|| keep_dropped(both)));
        let gradient_scale = clip_factor(global_norm(grads), MAX_NORM);
        done();
        let update = Update { gradient_scale, ..Update::new(LEARNING_RATE) };
        optimizer.step(model, grads, &update);
        done();
        *steps += 1;
        Ok(seconds.try_into().expect("one for each part"))
    }
}

/// The batch of the step `step`, counted from 0.
fn next(batches: &[LabelledBatch], step: u64) -> &LabelledBatch {
    &batches[step as usize % batches.len()]
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
    steps: NonZeroUsize,
}

impl Args {
    /// `steps` steps in a process of its own, ours.
    pub fn alone(&self, steps: NonZeroUsize) -> Result<Alone> {
        let mut child = Command::new(std::env::current_exe()?);
        child.arg("train-memory");
        let (sequences, tokens) = self.batch;
        let threads = self.threads.map_or_else(rayon::current_num_threads, NonZeroUsize::get);
        for (name, value) in [
            ("--batch", format!("{sequences}x{tokens}")),
            ("--layers", self.model.layers.to_string()),
            ("--hidden", self.model.hidden.to_string()),
            ("--threads", threads.to_string()),
            ("--keep", self.keep.name().to_owned()),
            ("--steps", steps.to_string()),
        ] {
            child.args([name, &value]);
        }
        child.args(self.bf16.then_some("--bf16"));
        Ok(serde_json::from_value(answer_of(&mut child)?)?)
    }
}

/// What a process tells that takes steps and does nothing else.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alone {
    #[serde(flatten)]
    pub memory: Memory,
    /// Of a step; the first, which meets fresh memory, does not count where there are more.
    pub seconds: Spread,
}

/// Takes the steps and prints time and memory.
///
/// # Errors
/// A step that fails, or a system that does not tell.
pub fn run(args: &MemoryArgs) -> Result<()> {
    let start = held("VmRSS")?;
    args.size.set_threads()?;
    let mut training = Training::new(&args.size, DROPOUT);
    let mut seconds = Vec::new();
    for _ in 0..args.steps.get() {
        let before = Instant::now();
        training.step()?;
        seconds.push(before.elapsed().as_secs_f64());
    }
    let seconds = Spread::of(&seconds[usize::from(seconds.len() > 1)..]);
    let memory = Memory { start, peak: held("VmHWM")? };
    show!("{}", json!(Alone { memory, seconds }));
    Ok(())
}
