//! `bert finetune classify`: one label, several labels, or a number for each text or pair.

use super::about::{About, explained};
use super::step_args::BaseArgs;
use super::training_args::TrainingArgs;
use super::{Prepared, Score, Task, Write};
use crate::common::expect_usage;
use crate::report::{Balance, OddTexts, Report, text_results};
use crate::table_args::TableArgs;
use anyhow::{Context as _, Result};
use bert_data::texts::{Labels, Need, Problem, Target, TextExample, TextFile, split};
use bert_model::HeadKind;
use bert_pipeline::{Pipeline, Prepared as Tokenized};
use bert_tokenizer::Input;
use bert_train::tasks::texts::{Targets, TextSet};
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Label texts or pairs of texts
///
/// Labels are found in the data. Without --dev a tenth of the training data is set aside to measure the model with.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert finetune classify --model DIR --train titles.csv --output titles
  bert finetune classify --model tiny-world --train reviews.tsv --dev dev.tsv --output reviews --epochs auto
  bert finetune classify --model DIR --glue mrpc --train train.tsv --dev dev.tsv --output mrpc --seed 1,2,3")]
pub struct Args {
    #[command(flatten)]
    pub data: TextDataArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// The files of texts.
#[derive(clap::Args)]
pub struct TextDataArgs {
    #[command(flatten)]
    pub files: super::FileArgs,
    #[command(flatten)]
    pub table: TableArgs,
    /// The labels and their order, with commas [default: those in the data, sorted]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    labels: Vec<String>,
}

/// Texts to learn from, and to be measured by.
pub struct Texts {
    pub problem: Problem,
    pub labels: Option<Labels>,
    pub train: TextFile,
    pub dev: Option<TextFile>,
    pub test: Option<TextFile>,
    score: Score,
    settings: Map<String, Value>,
}

impl TextDataArgs {
    /// Reads everything. `seed` decides which examples are set aside.
    pub fn read(&self, seed: u64) -> Result<Texts> {
        self.table.check()?;
        let problem = self.table.problem();
        let read = |path: &PathBuf| self.table.read(path, Need::Always);
        let mut train = read(&self.files.train)?;
        let labels = match (self.labels.as_slice(), problem) {
            (_, Problem::Regression) => None,
            ([], _) => match self.table.labels() {
                Some(labels) => Some(labels),
                None => Some(Labels::found_in(&train)?),
            },
            (names, _) => Some(Labels::given(names.iter().cloned())?),
        };
        let settings = self.settings(&train, labels.as_ref());
        let dev = match (&self.files.dev, self.files.dev_fraction()?) {
            (Some(path), _) => Some(read(path)?),
            (None, None) => None,
            (None, Some(fraction)) => {
                let parts = split(std::mem::take(&mut train.examples), fraction, seed)
                    .with_context(|| {
                        format!(
                            "{}: nothing can be set aside to measure the model with; give --dev FILE, or --dev-fraction 0 for none \
                             (labels that are numbers want --regression)",
                            train.path.display()
                        )
                    })?;
                super::tell_split(
                    parts.dev.len(),
                    parts.dev.len() + parts.train.len(),
                    "examples",
                )?;
                train.examples = parts.train;
                Some(TextFile { examples: parts.dev, ..train.clone() })
            }
        };
        let test = self.files.test.as_ref().map(read).transpose()?;
        let score = self.score(problem);
        let texts = Texts { problem, labels, train, dev, test, score, settings };
        texts.check()?;
        Ok(texts)
    }

    fn score(&self, problem: Problem) -> Score {
        use bert_data::texts::GlueMetric;
        let glue = self.table.glue.map(|glue| glue.metrics()[0]);
        let name = match (glue, problem) {
            (Some(GlueMetric::Matthews), _) => "matthews_correlation",
            (Some(GlueMetric::F1), _) => "f1",
            (Some(GlueMetric::Spearman), _) => "spearmanr",
            (_, Problem::Regression) => "pearson",
            (_, Problem::MultiLabel) => "micro_f1",
            (_, Problem::SingleLabel) => "accuracy",
        };
        Score { name, more_is_better: true }
    }

    fn settings(&self, train: &TextFile, labels: Option<&Labels>) -> Map<String, Value> {
        [
            ("training data", super::fingerprint(train.examples.iter().map(|e| format!("{e:?}")))),
            ("labels", json!(labels.map(Labels::names))),
            ("--dev-fraction", json!(self.files.dev_fraction)),
            ("problem", json!(format!("{:?}", self.table.problem()))),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
    }
}

impl Texts {
    fn check(&self) -> Result<()> {
        let Some(labels) = &self.labels else { return Ok(()) };
        for file in [Some(&self.train), self.dev.as_ref(), self.test.as_ref()].into_iter().flatten()
        {
            labels.counts(file)?;
        }
        let counts = labels.counts(&self.train)?;
        let never = labels.names().iter().zip(&counts).filter(|(_, count)| **count == 0);
        let never: Vec<_> = never.map(|(name, _)| name.as_str()).collect();
        if !never.is_empty() {
            crate::common::warn(&format!("no training example has the label {}", never.join(", ")));
        }
        if self.problem == Problem::SingleLabel {
            let classes = counts.iter().filter(|&&count| count > 0).count();
            anyhow::ensure!(
                classes > 1,
                "{}: all examples have the label {}, so there is nothing to tell apart",
                self.train.path.display(),
                self.train.examples.iter().find_map(class).unwrap_or_default()
            );
        }
        Ok(())
    }

    fn set(
        &self,
        pipeline: &Pipeline,
        file: &TextFile,
        strict: bool,
    ) -> Result<(TextSet, Tokenized)> {
        let mut tokenized = tokenized(pipeline, &file.examples, strict)?;
        let encodings = std::mem::take(&mut tokenized.encodings);
        Ok((
            TextSet { encodings, targets: targets(file, self.labels.as_ref(), self.problem)? },
            tokenized,
        ))
    }

    fn boxed(
        &self,
        pipeline: &Pipeline,
        file: Option<&TextFile>,
        args: &BaseArgs,
    ) -> Result<super::Boxed> {
        file.map(|file| Ok(Box::new(self.set(pipeline, file, args.strict)?.0) as _)).transpose()
    }
}

fn class(example: &TextExample) -> Option<String> {
    match &example.target {
        Some(Target::Class(label)) => Some(label.clone()),
        _ => None,
    }
}

/// A text or pair, as the tokenizer takes it.
fn input(example: &TextExample) -> Input<'_> {
    match &example.second {
        Some(second) => Input::Pair(&example.first, second),
        None => Input::Single(&example.first),
    }
}

/// Tokenizes the texts.
pub fn tokenized(pipeline: &Pipeline, examples: &[TextExample], strict: bool) -> Result<Tokenized> {
    let inputs: Vec<_> = examples.iter().map(input).collect();
    Ok(pipeline.prepare(&inputs, strict)?)
}

/// What is right, as numbers.
pub fn targets(file: &TextFile, labels: Option<&Labels>, problem: Problem) -> Result<Targets> {
    let Some(labels) = labels else {
        let number = |example: &TextExample| match example.target {
            Some(Target::Number(number)) => number,
            _ => unreachable!("a regression's targets are numbers"),
        };
        return Ok(Targets::Numbers(file.examples.iter().map(number).collect()));
    };
    let all: Result<Vec<Vec<usize>>, _> =
        file.examples.iter().map(|example| labels.indices(example, &file.path)).collect();
    let all = all?;
    if problem == Problem::MultiLabel {
        let row = |has: &Vec<usize>| (0..labels.names().len()).map(|l| has.contains(&l)).collect();
        return Ok(Targets::MultiLabel(all.iter().map(row).collect()));
    }
    Ok(Targets::Classes(all.iter().map(|has| has[0] as u32).collect()))
}

impl Task for Texts {
    fn head(&self) -> HeadKind {
        HeadKind::SequenceClassification
    }

    fn labels(&self) -> Option<Vec<String>> {
        let number = || vec!["LABEL_0".to_owned()];
        Some(self.labels.as_ref().map_or_else(number, |labels| labels.names().to_vec()))
    }

    fn problem_type(&self) -> Option<&'static str> {
        Some(match self.problem {
            Problem::SingleLabel => "single_label_classification",
            Problem::MultiLabel => "multi_label_classification",
            Problem::Regression => "regression",
        })
    }

    fn class_counts(&self) -> Result<Option<Vec<u64>>> {
        match (&self.labels, self.problem) {
            (Some(labels), Problem::SingleLabel) => Ok(Some(labels.counts(&self.train)?)),
            _ => Ok(None),
        }
    }

    fn score(&self) -> Score {
        self.score
    }

    fn settings(&self) -> Map<String, Value> {
        self.settings.clone()
    }

    fn describe(&self) -> String {
        let classes = match (&self.labels, self.problem) {
            (Some(labels), _) => format!("labels {}", labels.names().join(", ")),
            (None, _) => "numbers".to_owned(),
        };
        format!("{} examples, {classes}", self.train.examples.len())
    }

    fn report(&self, mut about: About, pipeline: &Pipeline, write: Write) -> Result<()> {
        let dev = self.dev.as_ref().map_or(&[][..], |file| &file.examples);
        let (train, test) = (&self.train.examples, self.test.as_ref());
        let what = if self.problem == Problem::MultiLabel { "label" } else { "class" };
        let of = |labels: &Labels| Balance::of_labels(what, labels.names(), train, dev);
        let tested = test.map_or(0, |file| file.examples.len());
        let counts = [("training", train.len()), ("dev", dev.len()), ("test", tested)];
        let report = about.report(&counts, self.labels.as_ref().map(of), OddTexts::of(train, dev));
        let Some(file) = self.dev.as_ref().or(self.test.as_ref()) else { return write(&report) };
        let names = pipeline.config.labels();
        let (set, _) = self.set(pipeline, file, false)?;
        let outcome = set.outcome(pipeline)?;
        let (directory, limit) = (&about.directory, pipeline.limit);
        let explanations =
            explained(directory, limit, &names, &file.examples, &set.targets, &outcome)?;
        write(&Report {
            scores: set.named_scores(&outcome),
            results: Some(text_results(&names, &file.examples, &set, &outcome)),
            explanations,
            ..report
        })
    }

    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared> {
        let (train, tokenized) = self.set(pipeline, &self.train, args.strict)?;
        Ok(Prepared {
            lengths: tokenized.lengths,
            truncated: tokenized.truncated,
            empty: tokenized.empty,
            examples: train.examples(),
            dev: self.boxed(pipeline, self.dev.as_ref(), args)?,
            test: self.boxed(pipeline, self.test.as_ref(), args)?,
        })
    }
}

impl Texts {
    /// Texts that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(
        labels: Option<Labels>,
        problem: Problem,
        train: Option<TextFile>,
        dev: TextFile,
    ) -> Self {
        let train = train.unwrap_or_else(|| TextFile { examples: Vec::new(), ..dev.clone() });
        let score = Score { name: "accuracy", more_is_better: true };
        Self { problem, labels, train, dev: Some(dev), test: None, score, settings: Map::new() }
    }
}

/// How often each class occurs, for a flag that makes no sense without classes.
pub fn expect_classes(task: &dyn Task, flag: &str) -> Result<Vec<u64>> {
    let counts = task.class_counts()?;
    expect_usage(counts.is_some(), || {
        format!("{flag}: there are no classes of which one is right")
    })?;
    Ok(counts.unwrap_or_default())
}
