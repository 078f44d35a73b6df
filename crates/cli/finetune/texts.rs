//! `bert finetune classify`: one label, several labels, or a number for each text or pair.

use super::about::{About, explained};
use super::parts::{Part, Parts};
use super::step_args::BaseArgs;
use super::training_args::TrainingArgs;
use super::{Measured, Prepared, Task, Write};
use crate::common::{tell_truncated, warn};
use crate::report::{Balance, OddTexts, Report, text_results};
use crate::table_args::TableArgs;
use anyhow::{Context as _, Result, ensure};
use bert_data::statistics::label_counts;
use bert_data::texts::{Labels, Need, Problem, Target, TextExample, TextFile, split};
use bert_model::HeadKind;
use bert_pipeline::{Pipeline, Prepared as Tokenized};
use bert_tokenizer::Input;
use bert_train::tasks::texts::{Targets, TextSet};
use serde_json::{Value, json};
use std::path::Path;

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
    #[command(flatten, next_help_heading = "Tables of texts")]
    pub table: TableArgs,
    /// A text may have several labels or none
    #[arg(long, help_heading = "Tables of texts", conflicts_with_all = ["regression", "glue"])]
    multi_label: bool,
    /// The label is a number
    #[arg(long, help_heading = "Tables of texts", conflicts_with = "glue")]
    regression: bool,
    /// The labels and their order, with commas [default: those in the data, sorted]
    #[arg(long, help_heading = "Tables of texts", value_name = "NAMES", value_delimiter = ',')]
    labels: Vec<String>,
}

/// Texts to learn from, and to be measured by.
pub struct Texts {
    problem: Problem,
    labels: Option<Labels>,
    parts: Parts<TextExample>,
    score: &'static str,
}

impl TextDataArgs {
    /// Reads everything. `seed` decides which examples are set aside.
    pub fn read(&self, seed: u64) -> Result<Texts> {
        let problem = self.problem();
        let table = self.table.for_problem(problem)?;
        let train = table.read(&self.files.train, Need::Always)?;
        let labels = match (self.labels.as_slice(), problem) {
            (_, Problem::Regression) => None,
            ([], _) => match table.labels() {
                Some(labels) => Some(labels),
                None => Some(Labels::found_in(&train)?),
            },
            (names, _) => Some(Labels::given(names.iter().cloned())?),
        };
        warn_of_header(&train);
        // The other files have their texts and labels in columns of the same names.
        let table = table.with_columns(&train.columns);
        let read = |path: &Path| part(table.read(path, Need::Always)?, labels.as_ref());
        let path = train.path.clone();
        let train = part(train, labels.as_ref())?;
        if let Some(labels) = &labels {
            expect_something_to_learn(&train, labels, problem)?;
        }
        let set_aside = |examples, share| {
            let parts = split(examples, share, seed).with_context(|| {
                format!(
                    "{}: nothing can be set aside to measure the model with; give --dev FILE, or --dev-fraction 0 for none (labels \
                     that are numbers want --regression)",
                    path.display()
                )
            })?;
            Ok((parts.train, parts.dev))
        };
        let parts = Parts::read(&self.files, train, "examples", read, set_aside)?;
        let score = self.score(problem);
        Ok(Texts { problem, labels, parts, score })
    }

    fn problem(&self) -> Problem {
        match (self.table.glue, self.multi_label, self.regression) {
            (Some(glue), ..) => glue.problem(),
            (None, true, _) => Problem::MultiLabel,
            (None, _, true) => Problem::Regression,
            _ => Problem::SingleLabel,
        }
    }

    fn score(&self, problem: Problem) -> &'static str {
        use bert_data::texts::GlueMetric;
        let glue = self.table.glue.map(|glue| glue.metrics()[0]);
        match (glue, problem) {
            (Some(GlueMetric::Matthews), _) => "matthews_correlation",
            (Some(GlueMetric::F1), _) => "f1",
            (Some(GlueMetric::Spearman), _) => "spearmanr",
            (_, Problem::Regression) => "pearson",
            (_, Problem::MultiLabel) => "micro_f1",
            (_, Problem::SingleLabel) => "accuracy",
        }
    }
}

/// The examples of a file, whose labels must be known.
fn part(file: TextFile, labels: Option<&Labels>) -> Result<Part<TextExample>> {
    labels.map(|labels| labels.counts(&file)).transpose()?;
    let TextFile { path, examples, notes, .. } = file;
    Ok(Part { path, examples, notes })
}

/// Files that were put together by hand have their header twice.
fn warn_of_header(file: &TextFile) {
    let [label] = &file.columns.labels[..] else { return };
    let repeats = |example: &&TextExample| {
        example.first == file.columns.text && class(example).as_ref() == Some(label)
    };
    if let Some(example) = file.examples.iter().find(repeats) {
        let (path, line) = (file.path.display(), example.line);
        warn(&format!("{path}: line {line} repeats the header, and {label:?} counts as a label"));
    }
}

/// Labels that no example has are told; examples that all have one teach nothing.
fn expect_something_to_learn(
    train: &Part<TextExample>,
    labels: &Labels,
    problem: Problem,
) -> Result<()> {
    let counts = counts(&train.examples, labels);
    let never = labels.names().iter().zip(&counts).filter(|(_, count)| **count == 0);
    let never: Vec<_> = never.map(|(name, _)| name.as_str()).collect();
    if !never.is_empty() {
        warn(&format!("no training example has the label {}", never.join(", ")));
    }
    ensure!(
        problem != Problem::SingleLabel || never.len() + 1 < counts.len(),
        "{}: all examples have the label {}, so there is nothing to tell apart",
        train.path.display(),
        train.examples.iter().find_map(class).unwrap_or_default()
    );
    Ok(())
}

/// How many examples have each label, in the model's order.
fn counts(examples: &[TextExample], labels: &Labels) -> Vec<u64> {
    let found = label_counts(examples);
    labels.names().iter().map(|name| found.get(name).copied().unwrap_or(0)).collect()
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
pub fn tokenized(
    pipeline: &Pipeline,
    examples: &[TextExample],
    strict: bool,
) -> Result<Tokenized, bert_pipeline::Error> {
    let inputs: Vec<_> = examples.iter().map(input).collect();
    pipeline.prepare(&inputs, strict)
}

/// What is right, as numbers.
fn targets(part: &Part<TextExample>, labels: Option<&Labels>, problem: Problem) -> Result<Targets> {
    let Some(labels) = labels else {
        let number = |example: &TextExample| match example.target {
            Some(Target::Number(number)) => number,
            _ => unreachable!("a regression's targets are numbers"),
        };
        return Ok(Targets::Numbers(part.examples.iter().map(number).collect()));
    };
    let of = |example| labels.indices(example, &part.path);
    let all: Vec<Vec<usize>> = part.examples.iter().map(of).collect::<Result<_, _>>()?;
    if problem == Problem::MultiLabel {
        let row = |has: &Vec<usize>| (0..labels.names().len()).map(|l| has.contains(&l)).collect();
        return Ok(Targets::MultiLabel(all.iter().map(row).collect()));
    }
    Ok(Targets::Classes(all.iter().map(|has| has[0] as u32).collect()))
}

impl Texts {
    /// Texts that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(
        labels: Option<Labels>,
        problem: Problem,
        train: Option<TextFile>,
        test: TextFile,
    ) -> Result<Self> {
        let part = |file| part(file, labels.as_ref());
        let parts = Parts::measured(train.map(part).transpose()?, part(test)?);
        Ok(Self { problem, labels, parts, score: "loss" }) // nothing is compared
    }

    /// Texts to measure a model with; and what happened to them on the way.
    fn set(
        &self,
        pipeline: &Pipeline,
        part: &Part<TextExample>,
        strict: bool,
    ) -> Result<(TextSet, Tokenized)> {
        let mut tokenized = tokenized(pipeline, &part.examples, strict)
            .map_err(|error| part.located(error.into()))?;
        let encodings = std::mem::take(&mut tokenized.encodings);
        Ok((
            TextSet { encodings, targets: targets(part, self.labels.as_ref(), self.problem)? },
            tokenized,
        ))
    }

    /// The same, and says what was cut.
    fn told_set(
        &self,
        pipeline: &Pipeline,
        part: &Part<TextExample>,
        strict: bool,
    ) -> Result<TextSet> {
        let (set, tokenized) = self.set(pipeline, part, strict)?;
        tell_truncated(&part.path, tokenized.truncated, "text", pipeline.max_length());
        Ok(set)
    }
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

    fn class_counts(&self) -> Option<Vec<u64>> {
        let labels = self.labels.as_ref().filter(|_| self.problem == Problem::SingleLabel)?;
        Some(counts(&self.parts.train.examples, labels))
    }

    fn score(&self) -> &'static str {
        self.score
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let mut all = self.parts.settings();
        all.push(("labels", json!(self.labels.as_ref().map(Labels::names))));
        all.push(("problem", json!(self.problem_type())));
        all
    }

    fn describe(&self) -> String {
        let classes = match (&self.labels, self.problem) {
            (Some(labels), _) => format!("labels {}", labels.names().join(", ")),
            (None, _) => "numbers".to_owned(),
        };
        format!("{} examples, {classes}", self.parts.train.examples.len())
    }

    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared> {
        let (train, tokenized) = self.set(pipeline, &self.parts.train, args.strict)?;
        let [dev, test] = self.parts.sets(|part| self.told_set(pipeline, part, args.strict))?;
        Ok(Prepared {
            lengths: tokenized.lengths,
            truncated: tokenized.truncated,
            empty: tokenized.empty,
            examples: train.examples(),
            dev,
            test,
        })
    }

    fn measure(&self, pipeline: &Pipeline, strict: bool) -> Result<Measured> {
        let Some(part) = self.parts.judge() else { return Ok(Measured::default()) };
        let (set, names) = (self.told_set(pipeline, part, strict)?, pipeline.config.labels());
        let outcome = set.outcome(pipeline)?;
        let table = match &set.targets {
            Targets::Classes(classes) => set.confusion(classes, &outcome).report(&names, 3),
            Targets::MultiLabel(_) => {
                set.multi_label(&outcome).map_or(String::new(), |all| all.report(&names, 3))
            }
            Targets::Numbers(_) => String::new(),
        };
        Ok(Measured { scores: set.named_scores(&outcome), table })
    }

    fn report(&self, mut about: About, pipeline: &Pipeline, write: Write) -> Result<()> {
        let (train, judged) = (&self.parts.train.examples, self.parts.judged());
        let what = if self.problem == Problem::MultiLabel { "label" } else { "class" };
        let of = |labels: &Labels| Balance::of_labels(what, labels.names(), train, judged);
        let odd = OddTexts::of(train, judged, self.parts.judge_name());
        let report = about.report(&self.parts, self.labels.as_ref().map(of), odd);
        let Some(part) = self.parts.judge() else { return write(&report) };
        let names = pipeline.config.labels();
        let (set, _) = self.set(pipeline, part, false)?;
        let outcome = set.outcome(pipeline)?;
        let (directory, limit) = (&about.directory, pipeline.limit);
        let explanations =
            explained(directory, limit, &names, &part.examples, &set.targets, &outcome)?;
        write(&Report {
            scores: set.named_scores(&outcome),
            results: Some(text_results(&names, &part.examples, &set, &outcome)),
            explanations,
            ..report
        })
    }
}
