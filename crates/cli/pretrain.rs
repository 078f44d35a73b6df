//! `bert pretrain`: masked-LM and next-sentence pre-training, from random weights or from a model.

use crate::common::{expect_usage, say};
use crate::interrupt::{SAVING, stop_on_ctrl_c};
use crate::precision_args::PrecisionArgs;
use crate::pretrain_data::{Data, DataArgs};
use crate::pretrain_finish::{FILES, finish};
use crate::pretrain_model::ModelChoice;
use crate::progress::Progress;
use crate::training::{begun, metrics_every, stopped};
use anyhow::Result;
use bert_checkpoint::TokenizerFiles;
use bert_model::{Config, Context, Freeze, Keep};
use bert_optim::{AdamWSettings, Schedule};
use bert_train::metrics::{METRICS, MetricsFile};
use bert_train::{
    BatchSize, Checkpoints, Ending, Evaluations, Event, HeldOut, InstanceFeed, Judge, Output, Plan,
    Run, Training, begin,
};
use serde_json::{Map, Value, json};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

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
    #[command(flatten)]
    model: ModelChoice,
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
    /// Keep of each layer only its input for the backward pass, and compute the rest again: less memory for large batches, a
    /// third more time, the same numbers
    #[arg(long)]
    recompute: bool,
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
    #[command(flatten)]
    precision: PrecisionArgs,
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
    let initial = args.model.initial(&args.data)?;
    let data = args.data.open(initial.as_ref())?;
    let (config, model) = args.model.model(initial, &args.data, &data)?;
    let size = match args.batch_tokens {
        Some(tokens) => BatchSize::Tokens(tokens.get()),
        None => BatchSize::Sequences(args.batch_size.get()),
    };
    let mut feed = InstanceFeed::new(&*data.source, size, args.accumulate.get());
    let total = args.total(&mut feed)?;
    let settings = args.settings(&config, &data, total);
    let checkpoints = Checkpoints::new(&args.output, args.keep.get());
    let tokenizer = data.tokenizer_files(&config);
    let of_tokenizer = tokenizer.files().map(|(name, _)| name);
    let files: Vec<_> = of_tokenizer.chain(FILES).collect();
    let beginning = begin(&args.output, &files, &checkpoints, &settings, args.resume)?;
    let _lock = &beginning.lock;
    let mut training =
        begun(&beginning, args.resume, &args.output, model, args.adamw(), Freeze::NOTHING)?;
    let metrics = MetricsFile::at(&args.output.join(METRICS), training.step)?;
    let output = Output { checkpoints, save_every: args.save_every, metrics, tokenizer, settings };
    let mut judge = data.evaluation.clone().map(HeldOut);
    let plan = args.plan(&config, total);

    let mut measured = None;
    let ending = if training.finished(&plan) {
        say(&format!("the run is finished: {total} steps"));
        Ending::Finished
    } else {
        let stop = stop_on_ctrl_c(SAVING);
        say(&args.greeting(&config, &training, &data, total));
        let progress = Progress::new(data.head, training.step, total);
        let run = Run {
            plan,
            output: Some(&output),
            metrics_every: metrics_every(total),
            evaluations: Evaluations::Steps(args.eval_every),
            patience: None,
            stop,
        };
        let judge = judge.as_mut().map(|judge| judge as &mut dyn Judge);
        run.run(&mut training, &mut feed, judge, &mut |event| {
            if let Event::Evaluated(step, judged) = &event {
                measured = (*step == total).then(|| (*judged).clone());
            }
            progress.tell(event);
        })?
    };
    match ending {
        Ending::Finished => {
            let judged = match (measured, &mut judge) {
                (None, Some(judge)) => Some(judge.judge(&training.model, &plan.context)?),
                (measured, _) => measured,
            };
            finish(&args.output, &config, &training, &data, &output, judged.as_ref())
        }
        Ending::Stopped => Err(stopped(&training, total)),
    }
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
        expect_usage(self.model.dropout.is_none_or(share), || {
            "--dropout: a number from 0 to 1, 1 excluded, is wanted".to_owned()
        })?;
        let bounded = self.data.tiny_world || self.steps.is_some() || self.epochs.is_some();
        expect_usage(bounded, || "how long? Say --steps or --epochs".to_owned())?;
        expect_usage(self.eval_every == 0 || self.data.evaluates(), || {
            "--eval-every: with what? Say --eval-corpus".to_owned()
        })?;
        let warm_up = self.warmup.unwrap_or_default();
        expect_usage(self.steps.is_none_or(|steps| warm_up <= steps.get()), || {
            format!("--warmup {warm_up}: that is more than all --steps")
        })?;
        expect_usage(!(self.data.tiny_world && self.epochs.is_some()), || {
            "--epochs: tiny world never ends; say --steps".to_owned()
        })
    }

    fn total(&self, feed: &mut InstanceFeed) -> Result<u64> {
        let Some(epochs) = self.epochs else {
            return Ok(self.steps.map_or(3000, NonZeroU64::get));
        };
        let counting = crate::progress::spinner("steps of an epoch counted");
        let steps = feed.steps_in_epoch(|step| counting.set_position(step))?;
        counting.finish_and_clear();
        let steps = steps.expect("only tiny world never ends, and it was refused");
        say(&format!("an epoch has {steps} steps"));
        Ok(((epochs * steps as f64).round() as u64).max(1))
    }

    fn learning_rate(&self) -> f64 {
        self.lr.unwrap_or(if self.data.tiny_world { 1e-3 } else { 1e-4 })
    }

    fn plan<'a>(&self, config: &'a Config, total: u64) -> Plan<'a> {
        let warm_up = self.warmup.unwrap_or(total / 10);
        let schedule = match self.optimizer {
            Optimizer::Adamw => Schedule::Linear { warm_up, total },
            Optimizer::Google => Schedule::GoogleLinear { warm_up, total },
        };
        Plan {
            context: Context::eval(config),
            seed: self.data.seed(),
            total,
            learning_rate: self.learning_rate(),
            schedule,
            max_norm: Some(1.0),
            keep: if self.recompute { Keep::InputOnly } else { Keep::All },
            precision: self.precision.precision(),
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
    /// is not part of it, and neither is `--recompute`, which changes no bit: a run that has become too large can go on with it.
    fn settings(&self, config: &Config, data: &Data, total: u64) -> Map<String, Value> {
        let mut settings = data.settings.clone();
        let config: Value = serde_json::from_str(&config.to_json("float32")).expect("just written");
        let values = [
            ("model configuration", config),
            ("--init", json!(self.model.init.as_ref().map(|init| init.given().to_string_lossy()))),
            ("--steps (or --epochs)", json!(total)),
            ("--batch-size", json!(self.batch_size)),
            ("--batch-tokens", json!(self.batch_tokens)),
            ("--accumulate", json!(self.accumulate)),
            ("--lr", json!(self.learning_rate())),
            ("--warmup", json!(self.warmup)),
            ("--optimizer", json!(self.optimizer.to_string())),
            ("--weight-decay", json!(self.weight_decay)),
        ];
        let values = values.into_iter().chain(self.precision.settings());
        settings.extend(values.map(|(name, value)| (name.to_owned(), value)));
        settings
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

#[cfg(test)]
mod tests {
    use super::*;
    use bert_kernels::MatmulPrecision;
    use clap::Parser as _;

    #[test]
    fn recompute_and_bf16_are_heard_and_are_not_the_default() {
        #[derive(clap::Parser)]
        struct Pretrain {
            #[command(flatten)]
            args: Args,
        }
        let config = Config::default();
        let plan = |args: &[&str]| {
            let always = ["bert", "--tiny-world", "--output", "out"];
            let plan = Pretrain::parse_from([&always, args].concat()).args.plan(&config, 1);
            (plan.keep, plan.precision)
        };
        assert_eq!(plan(&[]), (Keep::All, MatmulPrecision::F32));
        assert_eq!(plan(&["--recompute"]), (Keep::InputOnly, MatmulPrecision::F32));
        assert_eq!(plan(&["--bf16"]), (Keep::All, MatmulPrecision::Bf16));
    }
}
