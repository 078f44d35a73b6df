//! `bert finetune choose`: the right one of several endings.

use super::about::About;
use super::parts::{Part, Parts};
use super::step_args::BaseArgs;
use super::training_args::TrainingArgs;
use super::{FileArgs, Measured, Prepared, Task, Write};
use crate::common::tell_truncated;
use crate::report::{ChoiceResults, OddTexts, Report};
use anyhow::Result;
use bert_data::split::split_at_random;
use bert_data::{ChoiceFile, ChoiceQuestion};
use bert_model::HeadKind;
use bert_pipeline::{Pipeline, Prepared as Tokenized};
use bert_train::tasks::choices::{self, ChoiceSet};
use serde_json::Value;
use std::path::Path;

/// Choose the right ending of several (SWAG and its like)
///
/// Files are SWAG's CSV, or JSON lines {"context": …, "endings": […], "label": …} of any number of endings.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert finetune choose --model DIR --train train.csv --dev val.csv --output swag
  bert finetune choose --model DIR --train quiz.jsonl --output quiz")]
pub struct Args {
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// Questions to learn from, and to be measured by.
pub struct Choices(Parts<ChoiceQuestion>);

/// Reads questions that all say which ending is right.
pub fn read_labelled(path: &Path) -> Result<Part<ChoiceQuestion>> {
    let part = read_any(path)?;
    if let Some(question) = part.examples.iter().find(|question| question.label.is_none()) {
        anyhow::bail!("{}: line {}: expected a label, found none", path.display(), question.line);
    }
    Ok(part)
}

/// Reads questions that need not say it.
pub fn read_any(path: &Path) -> Result<Part<ChoiceQuestion>> {
    let ChoiceFile { path, questions } = ChoiceFile::read(path)?;
    Ok(Part { path, examples: questions, notes: Vec::new() })
}

/// Reads everything. `seed` decides which questions are set aside.
pub fn read(files: &FileArgs, seed: u64) -> Result<Choices> {
    let split = |questions, share| Ok(split_at_random(questions, share, seed, |place, _| place));
    let train = read_labelled(&files.train)?;
    Ok(Choices(Parts::read(files, train, "questions", read_labelled, split)?))
}

/// Questions to ask a model, whether they say what is right or not; and what happened to the sequences on the way.
pub fn set(
    pipeline: &Pipeline,
    part: &Part<ChoiceQuestion>,
    strict: bool,
) -> Result<(ChoiceSet, Tokenized)> {
    let questions = &part.examples;
    let pairs: Vec<_> =
        questions.iter().map(|q| (q.first.as_str(), q.seconds.as_slice())).collect();
    let (sequences, tokenized) =
        choices::tokenized(pipeline, &pairs, strict).map_err(|error| part.located(error))?;
    let right = questions.iter().map(|question| question.label.unwrap_or(0) as u32).collect();
    Ok((ChoiceSet { questions: sequences, right }, tokenized))
}

/// The same, and says what was cut.
pub fn told_set(
    pipeline: &Pipeline,
    part: &Part<ChoiceQuestion>,
    strict: bool,
) -> Result<ChoiceSet> {
    let (set, tokenized) = set(pipeline, part, strict)?;
    tell_truncated(&part.path, tokenized.truncated, "sequence", pipeline.max_length());
    Ok(set)
}

impl Choices {
    /// Questions that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(train: Option<Part<ChoiceQuestion>>, test: Part<ChoiceQuestion>) -> Self {
        Self(Parts::measured(train, test))
    }
}

impl Task for Choices {
    fn head(&self) -> HeadKind {
        HeadKind::MultipleChoice
    }

    fn score(&self) -> &'static str {
        "accuracy"
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        self.0.settings()
    }

    fn describe(&self) -> String {
        format!("{} questions", self.0.train.examples.len())
    }

    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared> {
        let (train, tokenized) = set(pipeline, &self.0.train, args.strict)?;
        let [dev, test] = self.0.sets(|part| told_set(pipeline, part, args.strict))?;
        let each = train.questions.iter().zip(&train.right);
        Ok(Prepared {
            examples: each.map(|(choices, &right)| choices::example(choices, right)).collect(),
            dev,
            test,
            lengths: tokenized.lengths,
            truncated: tokenized.truncated,
            empty: 0,
        })
    }

    fn measure(&self, pipeline: &Pipeline, strict: bool) -> Result<Measured> {
        let Some(part) = self.0.judge() else { return Ok(Measured::default()) };
        let set = told_set(pipeline, part, strict)?;
        let scores = set.named_scores(&set.logits(pipeline)?);
        Ok(Measured { scores, table: String::new() })
    }

    fn report(&self, mut about: About, pipeline: &Pipeline, write: Write) -> Result<()> {
        let odd = OddTexts::of(&self.0.train.examples, self.0.judged(), self.0.judge_name());
        let report = about.report(&self.0, None, odd);
        let Some(part) = self.0.judge() else { return write(&report) };
        let (set, _) = set(pipeline, part, false)?;
        let logits = set.logits(pipeline)?;
        let (questions, right, logits) = (&part.examples[..], &set.right[..], &logits[..]);
        write(&Report {
            scores: set.named_scores(logits),
            results: Some(Box::new(ChoiceResults { questions, right, logits })),
            ..report
        })
    }
}
