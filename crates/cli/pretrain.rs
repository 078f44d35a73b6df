//! `bert pretrain`: masked-LM and next-sentence pre-training, from random weights or from a model.

use crate::common::{expect_usage, say, warn};
use crate::interrupt::stop_on_ctrl_c;
use crate::pretrain_data::{Data, DataArgs};
use crate::pretrain_finish::finish;
use crate::pretrain_progress::Progress;
use anyhow::{Context as _, Result};
use bert_checkpoint::{LoadOptions, TokenizerFiles, load};
use bert_model::{Ablation, Config, Flavour, HeadKind, Keep, Model, Size};
use bert_nn::init::{Initializer, initialize};
use bert_optim::{AdamWSettings, Schedule};
use bert_train::lesson;
use bert_train::metrics::{MetricsFile, Window};
use bert_train::{
    BatchSize, Beginning, Checkpoints, Ending, Evaluation, InstanceFeed, Output, Plan, Run,
    Training, begin,
};
use serde_json::{Map, Value, json};
use std::fs;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

/// Train a model from random weights, or train one further, on texts or on tiny world
///
/// The finished model stands in the output directory, in Hugging Face's layout; checkpoints are in its
/// folder checkpoints/. Ctrl-C saves and stops; --resume goes on, to the same numbers as if nothing
/// had happened.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert pretrain --tiny-world --steps 1000 --output world
  bert pretrain --corpus 'texts/*.txt' --vocab vocab.txt --config mini --epochs 10 --output model
  bert pretrain --corpus more.txt --init model --steps 2000 --output further
  bert pretrain --tiny-world --steps 1000 --output world --resume")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// The model's size: tiny (2 layers of 128), mini (4 of 256), small (4 of 512), base (12 of 768), or
    /// a config.json [default: tiny; with --tiny-world the same with 64 positions and four heads]
    #[arg(long, value_name = "SIZE|FILE", conflicts_with = "init")]
    config: Option<String>,
    /// Go on from the weights and the vocabulary of this model instead of random weights
    #[arg(long, value_name = "DIR")]
    init: Option<PathBuf>,
    /// How many steps to take [default with --tiny-world: 3000]
    #[arg(long, value_name = "N", conflicts_with = "epochs")]
    steps: Option<NonZeroU64>,
    /// How many passes over the corpus to make; the first one is counted before training
    #[arg(long, value_name = "N")]
    epochs: Option<f64>,
    /// Sequences in a batch
    #[arg(long, value_name = "N", default_value = "32", conflicts_with = "batch_tokens")]
    batch_size: NonZeroUsize,
    /// Instead: as many sequences as have at most this many tokens together
    #[arg(long, value_name = "N")]
    batch_tokens: Option<NonZeroUsize>,
    /// Batches in a step, whose gradients are added up
    #[arg(long, value_name = "N", default_value = "1")]
    accumulate: NonZeroUsize,
    /// The peak learning rate [default: 1e-4; with --tiny-world 1e-3]
    #[arg(long, value_name = "RATE")]
    lr: Option<f64>,
    /// Steps in which the learning rate rises [default: a tenth of all]
    #[arg(long, value_name = "N")]
    warmup: Option<u64>,
    /// adamw: PyTorch's, with transformers' linear schedule; google: Google's Adam and schedule
    #[arg(long, value_name = "NAME", default_value = "adamw")]
    optimizer: Optimizer,
    /// How much of a weight a learning rate of 1 would take away in each step
    #[arg(long, value_name = "RATE", default_value = "0.01")]
    weight_decay: f64,
    /// Dropout everywhere [default: the configuration's, 0.1; with --tiny-world 0: it never repeats]
    #[arg(long, value_name = "RATE")]
    dropout: Option<f64>,
    /// Where everything goes
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// A checkpoint after each so many steps; 0: only at the end and on Ctrl-C
    #[arg(long, value_name = "N", default_value = "1000")]
    save_every: u64,
    /// How many checkpoints to keep
    #[arg(long, value_name = "N", default_value = "2")]
    keep: NonZeroUsize,
    /// An evaluation after each so many steps; 0: only at the end
    #[arg(long, value_name = "N", default_value = "0")]
    eval_every: u64,
    /// Go on with the run in the output directory, or begin it where there is none
    #[arg(long)]
    resume: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Optimizer {
    Adamw,
    Google,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    args.check()?;
    let initial = args.initial()?;
    let data = args.data.open(initial.as_ref().map(|model| model.directory.as_path()))?;
    let (config, model) = args.model(initial, &data)?;
    let size = match args.batch_tokens {
        Some(tokens) => BatchSize::Tokens(tokens.get()),
        None => BatchSize::Sequences(args.batch_size.get()),
    };
    let mut feed = InstanceFeed::new(&*data.source, size, args.accumulate.get());
    let total = args.total(&mut feed)?;
    let settings = args.settings(&config, &data, total);
    let checkpoints = Checkpoints::new(&args.output, args.keep.get());
    let beginning = begin(&args.output, &checkpoints, &settings, args.resume)?;
    let (mut training, window) = args.beginning(beginning, model)?;
    let metrics = MetricsFile::at(&create(&args.output)?.join(METRICS), training.step)?;
    let tokenizer = data.tokenizer_files(&config);
    let output = Output { checkpoints, save_every: args.save_every, metrics, tokenizer, settings };
    let evaluation =
        data.evaluation.clone().map(|batches| Evaluation { batches, every: args.eval_every });

    let ending = if training.step == total {
        say(&format!("the run is finished: {total} steps"));
        Ending::Finished
    } else {
        say(&args.greeting(&config, &training, &data, total));
        let stop = stop_on_ctrl_c();
        let progress = Progress::new(training.step, total);
        let run = Run {
            config: &config,
            plan: args.plan(total),
            output: Some(&output),
            evaluation: evaluation.as_ref(),
            metrics_every: metrics_every(total),
            stop,
        };
        run.run(&mut training, &mut feed, window, &mut |event| progress.tell(event))?
    };
    match ending {
        Ending::Finished => {
            finish(&args.output, &config, &training, &data, &output, evaluation.as_ref())
        }
        Ending::Stopped => {
            anyhow::bail!(
                "stopped at step {} of {total} and saved; the same command with --resume goes on",
                training.step
            )
        }
    }
}

const METRICS: &str = "metrics.jsonl";

/// About two hundred lines, and means over not too many steps.
fn metrics_every(total: u64) -> u64 {
    (total / 200).clamp(1, 100)
}

fn create(directory: &Path) -> Result<&Path> {
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    Ok(directory)
}

/// The model that `--init` names.
struct Initial {
    directory: PathBuf,
    config: Config,
    model: Model,
}

impl Args {
    fn check(&self) -> Result<()> {
        let positive =
            |value: Option<f64>| value.is_none_or(|value| value.is_finite() && value > 0.0);
        let share = |value: f64| (0.0..1.0).contains(&value);
        expect_usage(positive(self.lr), || "--lr: a number above 0 is wanted".to_owned())?;
        expect_usage(positive(self.epochs), || "--epochs: a number above 0 is wanted".to_owned())?;
        expect_usage(share(self.weight_decay), || {
            "--weight-decay: a number from 0 to 1 is wanted".to_owned()
        })?;
        expect_usage(self.dropout.is_none_or(share), || {
            "--dropout: a number from 0 to 1, 1 excluded, is wanted".to_owned()
        })?;
        let bounded = self.data.tiny_world || self.steps.is_some() || self.epochs.is_some();
        expect_usage(bounded, || "how long? Say --steps or --epochs".to_owned())?;
        expect_usage(!(self.data.tiny_world && self.epochs.is_some()), || {
            "--epochs: tiny world never ends; say --steps".to_owned()
        })
    }

    fn initial(&self) -> Result<Option<Initial>> {
        let Some(directory) = &self.init else { return Ok(None) };
        let head =
            if self.data.asks_next_sentence() { HeadKind::PreTraining } else { HeadKind::MaskedLm };
        let options = LoadOptions {
            head: Some(head),
            new_head: Some(self.data.seed()),
            ..LoadOptions::default()
        };
        let loaded = load(directory, &options)?;
        loaded.notes().iter().for_each(|note| warn(note));
        let directory = directory.clone();
        Ok(Some(Initial { directory, config: loaded.config, model: loaded.model }))
    }

    // ANCHOR: model
    fn model(&self, initial: Option<Initial>, data: &Data) -> Result<(Config, Model)> {
        let vocabulary = data.vocabulary_size;
        let (mut config, model) = match initial {
            Some(initial) => (initial.config, Some(initial.model)),
            None => (self.fresh_config(vocabulary)?, None),
        };
        if let Some(rate) = self.dropout.or(self.data.tiny_world.then_some(0.0)) {
            (config.hidden_dropout_prob, config.attention_probs_dropout_prob) = (rate, rate);
        }
        anyhow::ensure!(
            vocabulary <= config.vocab_size,
            "the vocabulary has {vocabulary} tokens, the configuration only {} (vocab_size)",
            config.vocab_size
        );
        let (longest, positions) = (data.max_length, config.max_position_embeddings);
        anyhow::ensure!(
            longest <= positions,
            "sequences may have {longest} tokens (--max-length), the model has {positions} positions"
        );
        let fresh = || {
            let mut model = Model::zeros(data.head, &config, false);
            let std = config.initializer_range;
            initialize(&mut model, Initializer::TruncatedNormal { std }, self.data.seed());
            model
        };
        let model = model.unwrap_or_else(fresh);
        Ok((config, model))
    }
    // ANCHOR_END: model

    fn fresh_config(&self, vocabulary: usize) -> Result<Config> {
        if self.config.is_none() && self.data.tiny_world {
            return Ok(lesson::config(vocabulary));
        }
        let name = self.config.as_deref().unwrap_or("tiny");
        if let Some(size) = Size::named(name) {
            return Ok(size.config(vocabulary));
        }
        let path = Path::new(name);
        let sizes = Size::ALL.map(|size| size.name).join(", ");
        let bytes = fs::read(path)
            .with_context(|| format!("--config {name}: none of {sizes}, and no file to read"))?;
        let google = path.file_name().is_some_and(|name| name == "bert_config.json");
        let flavour = if google { Flavour::Google } else { Flavour::HuggingFace };
        Ok(Config::from_bytes(&bytes, path, flavour)?)
    }

    fn total(&self, feed: &mut InstanceFeed) -> Result<u64> {
        let Some(epochs) = self.epochs else {
            return Ok(self.steps.map_or(3000, NonZeroU64::get));
        };
        let counting = crate::pretrain_progress::counting();
        let steps = feed.steps_in_epoch(|step| counting.set_position(step))?;
        counting.finish_and_clear();
        let steps = steps.expect("only tiny world never ends, and it was refused");
        say(&format!("an epoch has {steps} steps"));
        Ok(((epochs * steps as f64).round() as u64).max(1))
    }

    fn learning_rate(&self) -> f64 {
        self.lr.unwrap_or(if self.data.tiny_world { 1e-3 } else { 1e-4 })
    }

    fn plan(&self, total: u64) -> Plan {
        let warm_up = self.warmup.unwrap_or(total / 10);
        let schedule = match self.optimizer {
            Optimizer::Adamw => Schedule::Linear { warm_up, total },
            Optimizer::Google => Schedule::GoogleLinear { warm_up, total },
        };
        Plan {
            seed: self.data.seed(),
            total,
            learning_rate: self.learning_rate(),
            schedule,
            max_norm: Some(1.0),
            keep: Keep::All,
            ablation: Ablation::NONE,
        }
    }

    fn adamw(&self) -> AdamWSettings {
        let settings = match self.optimizer {
            Optimizer::Adamw => AdamWSettings::pytorch(),
            Optimizer::Google => AdamWSettings::google(),
        };
        AdamWSettings { weight_decay: self.weight_decay, ..settings }
    }

    /// What a run is: with another of these, it would be another. Where it is written to and how often
    /// is not part of it.
    fn settings(&self, config: &Config, data: &Data, total: u64) -> Map<String, Value> {
        let mut settings = data.settings.clone();
        let config: Value = serde_json::from_str(&config.to_json()).expect("just written");
        let values = [
            ("model configuration", config),
            ("--init", json!(self.init)),
            ("--steps (or --epochs)", json!(total)),
            ("--batch-size", json!(self.batch_size)),
            ("--batch-tokens", json!(self.batch_tokens)),
            ("--accumulate", json!(self.accumulate)),
            ("--lr", json!(self.learning_rate())),
            ("--warmup", json!(self.warmup)),
            ("--optimizer", json!(format!("{:?}", self.optimizer).to_lowercase())),
            ("--weight-decay", json!(self.weight_decay)),
        ];
        settings.extend(values.map(|(name, value)| (name.to_owned(), value)));
        settings
    }

    fn beginning(&self, beginning: Beginning, model: Model) -> Result<(Training, Window)> {
        for damaged in &beginning.damaged {
            warn(&format!("{} is passed over: {}", damaged.path.display(), damaged.problem));
        }
        let Some(found) = beginning.found else {
            if self.resume {
                let output = self.output.display();
                say(&format!("no checkpoint in {output} to go on from: beginning at step 0"));
            }
            return Ok((Training::new(model, self.adamw()), Window::default()));
        };
        let (_, model, optimizer) = found.load(model.head.kind(), self.adamw())?;
        let window = serde_json::from_value(found.state.carried.clone())
            .with_context(|| found.path.display().to_string())?;
        say(&format!("going on from {}", found.path.display()));
        let (step, position) = (found.state.step, found.state.position);
        Ok((Training { model, optimizer, step, position }, window))
    }

    fn greeting(&self, config: &Config, training: &Training, data: &Data, total: u64) -> String {
        use bert_nn::Tensors as _;
        format!(
            "{} layers of {}, {} parameters, {} tokens in the vocabulary; {}; steps {} to {total}",
            config.num_hidden_layers,
            config.hidden_size,
            training.model.parameter_count(),
            config.vocab_size,
            data.description,
            training.step + 1,
        )
    }
}

impl Data {
    /// What makes the model's directory whole.
    fn tokenizer_files(&self, config: &Config) -> TokenizerFiles {
        match &self.tokenizer_files {
            Some(files) => files.clone(),
            None => TokenizerFiles::new(
                self.vocabulary.clone(),
                self.lower_case,
                config.max_position_embeddings,
            ),
        }
    }
}

impl std::fmt::Display for Optimizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}
