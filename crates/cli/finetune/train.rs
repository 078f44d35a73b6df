//! One training, from the first step to the finished directory.

use super::about::{self, About};
use super::base::{self, Base};
use super::step_args::{BaseArgs, StepArgs};
use super::training_args::TrainingArgs;
use super::{Prepared, Task};
use crate::common::{expect_usage, say, warn, warn_of_empty, warn_of_truncated};
use crate::interrupt::{SAVING, stop_on_ctrl_c};
use crate::progress::{Progress, readable};
use crate::report::{Kept, Lengths};
use crate::training::{begun, metrics_every, stopped};
use anyhow::Result;
use bert_checkpoint::{TokenizerFiles, save, write_atomically};
use bert_model::{Config, Model, PackedModel};
use bert_nn::{Real, Tensors};
use bert_pipeline::Pipeline;
use bert_plot::{Curve, loss_curve};
use bert_train::metrics::{METRICS, MetricsFile, eval_results};
use bert_train::tasks::{EvaluationSet, NamedScores, PipelineJudge};
use bert_train::{
    Checkpoints, Ending, Error, Example, ExampleFeed, Judge, Output, Run, Training, begin,
};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::path::Path;

/// What is written, besides the tokenizer's files.
const FILES: [&str; 6] =
    ["config.json", "model.safetensors", EVAL_RESULTS, TEST_RESULTS, CURVE, REPORT];
const EVAL_RESULTS: &str = "eval_results.txt";
const TEST_RESULTS: &str = "test_results.txt";
const CURVE: &str = "loss.svg";
pub const REPORT: &str = "report.html";

/// Refuses an output directory in which one of our files stands.
pub fn expect_free(output: &Path) -> Result<()> {
    match FILES.iter().find(|file| output.join(file).exists()) {
        Some(file) => {
            Err(Error::WouldOverwrite { path: output.to_owned(), file: (*file).to_owned() }.into())
        }
        None => Ok(()),
    }
}

/// What came of it.
pub struct Trained {
    /// The fine-tuned model with its tokenizer, ready to be asked.
    pub pipeline: Pipeline,
    /// How good it is.
    pub scores: Scores,
    /// What there is to report.
    pub about: About,
}

/// Scores of a finished model, on what there is of both.
pub struct Scores {
    pub dev: Option<NamedScores>,
    pub test: Option<NamedScores>,
}

/// A model and data that are ready for the first step.
pub struct Start {
    /// Tokenizer and model, to ask it.
    pub pipeline: Pipeline,
    /// With the task's classes.
    pub config: Config,
    /// What is trained.
    pub model: Model,
    /// Goes into every directory that is written.
    pub tokenizer_files: TokenizerFiles,
    /// The data.
    pub prepared: Prepared,
    /// What each class counts, if not all the same.
    pub class_weights: Option<Vec<Real>>,
}

/// Opens the model and turns the data into numbers.
pub fn start(base: &BaseArgs, step: &StepArgs, task: &dyn Task, seed: u64) -> Result<Start> {
    let Base { pipeline, tokenizer_files } = base::open(base, task, seed)?;
    let (mut config, model) = (pipeline.config.clone(), pipeline.model.clone());
    step.adapt(&mut config);
    let pipeline = pipeline.packed();
    let prepared = task.prepare(&pipeline, base)?;
    tell_lengths(&prepared, &pipeline);
    if step.smooths() {
        expect_classes(task, "--label-smoothing")?;
    }
    let class_weights = match &step.class_weights {
        Some(weights) => Some(weights.of(&expect_classes(task, "--class-weights")?)?),
        None => None,
    };
    Ok(Start { pipeline, config, model, tokenizer_files, prepared, class_weights })
}

/// How often each class occurs, for a flag that makes no sense without classes.
fn expect_classes(task: &dyn Task, flag: &str) -> Result<Vec<u64>> {
    let counts = task.class_counts();
    expect_usage(counts.is_some(), || {
        format!("{flag}: there are no classes of which one is right")
    })?;
    Ok(counts.unwrap_or_default())
}

// ANCHOR: run
/// Trains with one seed; everything goes into `output`.
pub fn run(args: &TrainingArgs, task: &dyn Task, seed: u64, output: &Path) -> Result<Trained> {
    let Start { pipeline, config, model, tokenizer_files, prepared, class_weights } =
        start(&args.base, &args.step, task, seed)?;
    let step = &args.step;
    let mut feed = ExampleFeed::new(&prepared.examples, step.size(), step.accumulate(), seed)?;
    let epoch = feed.steps_in_epoch(0);
    let total = args.total(|epoch| feed.steps_in_epoch(epoch));
    let plan = args.plan(&config, class_weights.as_deref(), seed, total, epoch);
    let settings = [task.settings(), args.settings(seed, total)].concat();
    let settings = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();

    let checkpoints = Checkpoints::new(output, 2);
    let of_tokenizer = tokenizer_files.files().map(|(name, _)| name);
    let files: Vec<_> = of_tokenizer.chain(FILES).collect();
    let beginning = begin(output, &files, &checkpoints, &settings, args.resume)?;
    let _lock = &beginning.lock;
    let mut training = begun(&beginning, args.resume, output, model, step.adamw(), step.freeze)?;
    let metrics = MetricsFile::at(&output.join(METRICS), training.step)?;
    let output_files = Output {
        checkpoints,
        save_every: args.save_every,
        metrics,
        tokenizer: tokenizer_files,
        settings,
    };
    let patience = args.patience(task.score());
    let mut judge = PipelineJudge { pipeline, set: prepared.dev.as_deref() };
    if training.finished(&plan) {
        say(&format!("the training is finished: {} steps", training.step));
    } else {
        let stop = stop_on_ctrl_c(SAVING);
        say(&greeting(task, &training, total, epoch));
        let progress = Progress::new(task.head(), training.step, total);
        let run = Run {
            plan,
            output: Some(&output_files),
            metrics_every: metrics_every(total),
            evaluations: args.evaluations(),
            patience: patience.as_ref(),
            stop,
        };
        let asked = prepared.dev.is_some().then_some(&mut judge as &mut dyn Judge);
        let ending = run.run(&mut training, &mut feed, asked, &mut |event| progress.tell(event))?;
        if ending == Ending::Stopped {
            return Err(stopped(&training, total));
        }
    }
    let mut pipeline = judge.pipeline;
    pipeline.model = PackedModel::new(training.result().clone());
    let scores = finish(&pipeline, &config, &training, &prepared, output, &output_files)?;
    let about = about(task, &training, &prepared, &pipeline, output, &output_files, &scores)?;
    if !args.no_report {
        write_report(task, about.clone(), &pipeline, &output.join(REPORT))?;
    }
    Ok(Trained { pipeline, scores, about })
}
// ANCHOR_END: run

// ANCHOR: finish
/// The model, what it reached, and how it got there. Each file is replaced as a whole, so a run that is killed here does it
/// again with --resume.
fn finish(
    pipeline: &Pipeline,
    config: &Config,
    training: &Training,
    prepared: &Prepared,
    output: &Path,
    files: &Output,
) -> Result<Scores> {
    save(output, config, training.result(), &files.tokenizer)?;
    let history = files.metrics.history()?;
    let train_loss = history.points("loss");
    let measure = |set: Option<&dyn EvaluationSet>, name: &str| -> Result<Option<NamedScores>> {
        let Some(set) = set else { return Ok(None) };
        let scores = set.scores(pipeline)?;
        let mut results = as_map("eval_", &scores);
        results.extend(train_loss.last().map(|(_, loss)| ("loss".to_owned(), json!(loss))));
        let text = eval_results(training.step, &results);
        write_atomically(&output.join(name), |file| file.write_all(text.as_bytes()))?;
        Ok(Some(scores))
    };
    let dev = measure(prepared.dev.as_deref(), EVAL_RESULTS)?;
    let test = measure(prepared.test.as_deref(), TEST_RESULTS)?;
    for (name, scores) in [("dev", &dev), ("test", &test)] {
        if let Some(scores) = scores {
            say(&format!("{name}: {}", readable(&as_map("", scores))));
            warn_of_chance(scores);
        }
    }
    let mut curves = vec![Curve { name: "training", color: "#9ecae1", points: train_loss }];
    if dev.is_some() {
        let points = history.points("eval_loss");
        curves.push(Curve { name: "dev", color: "#08519c", points });
    }
    let svg = loss_curve(&curves, &[]);
    write_atomically(&output.join(CURVE), |file| file.write_all(svg.as_bytes()))?;
    say(&format!("model: {}", output.display()));
    Ok(Scores { dev, test })
}
// ANCHOR_END: finish

fn about(
    task: &dyn Task,
    training: &Training,
    prepared: &Prepared,
    pipeline: &Pipeline,
    output: &Path,
    files: &Output,
    scores: &Scores,
) -> Result<About> {
    let kept = Kept::of(training.best.is_some(), &training.watch);
    Ok(About {
        directory: output.to_owned(),
        title: about::title(output),
        task: format!("{}.", task.describe()),
        settings: about::settings(&files.settings),
        curves: about::curves(output, kept)?,
        lengths: Some(Lengths {
            tokens: prepared.lengths.clone(),
            limit: pipeline.max_length(),
            truncated: prepared.truncated,
        }),
        test: scores.test.clone().filter(|_| scores.dev.is_some()).unwrap_or_default(),
        seeds: None,
    })
}

/// Measures the model and writes its page.
pub fn write_report(task: &dyn Task, about: About, pipeline: &Pipeline, path: &Path) -> Result<()> {
    task.report(about, pipeline, &mut |report| {
        let page = report.page();
        Ok(write_atomically(path, |file| file.write_all(page.as_bytes()))?)
    })?;
    say(&format!("report: {}", path.display()));
    Ok(())
}

/// A model that has learnt nothing looks like any other; its accuracy may even be high.
fn warn_of_chance(scores: &NamedScores) {
    let zero = |wanted: &str| scores.iter().any(|(name, score)| name == wanted && *score == 0.0);
    let advice = "try another --lr (bert lr-find), or more --epochs";
    if zero("matthews_correlation") {
        warn(&format!("the labels that it gives have nothing to do with the right ones: {advice}"));
    } else if zero("precision") {
        warn(&format!("it finds not one entity: {advice}"));
    }
}

/// Scores as a line of JSON has them, their names begun with a prefix.
pub fn as_map(prefix: &str, scores: &NamedScores) -> Map<String, Value> {
    scores.iter().map(|(name, score)| (format!("{prefix}{name}"), json!(score))).collect()
}

/// How long the texts are, and what was done about those that are too long.
fn tell_lengths(prepared: &Prepared, pipeline: &Pipeline) {
    let mut lengths = prepared.lengths.clone();
    lengths.sort_unstable();
    let Some(longest) = lengths.last() else { return };
    let percentile = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
    let limit = pipeline.max_length();
    say(&format!(
        "tokens in a text: half have at most {}, 90 % {}, 99 % {}, the longest {longest}; the limit is {limit} (--max-length)",
        percentile(50),
        percentile(90),
        percentile(99),
    ));
    warn_of_truncated(prepared.truncated, "training text", limit);
    warn_of_unknown(prepared, pipeline.tokenizer.special().unk);
    if prepared.empty > 0 {
        warn_of_empty(prepared.empty);
    }
}

/// A model of another language, or without the capitals, knows little of what it reads.
fn warn_of_unknown(prepared: &Prepared, unknown: u32) {
    let sequences = prepared.examples.iter().flat_map(Example::sequences);
    let (mut all, mut without) = (0, 0);
    for id in sequences.flat_map(|sequence| &sequence.token_ids) {
        (all, without) = (all + 1, without + usize::from(*id == unknown));
    }
    if 100 * without > all {
        warn(&format!(
            "{:.1} % of the tokens are [UNK]: the vocabulary of the model has nothing for them, and it cannot tell them apart",
            100.0 * without as f64 / all as f64
        ));
    }
}

fn greeting(task: &dyn Task, training: &Training, total: u64, epoch: u64) -> String {
    format!(
        "{}; {} parameters; an epoch has {epoch} steps; steps {} to {total}",
        task.describe(),
        training.model.parameter_count(),
        training.step + 1,
    )
}
