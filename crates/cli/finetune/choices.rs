//! `bert finetune choose`: the right one of several endings.

use super::about::About;
use super::step_args::BaseArgs;
use super::training_args::TrainingArgs;
use super::{Boxed, FileArgs, Prepared, Score, Task, Write, fingerprint};
use crate::report::{ChoiceResults, OddTexts, Report};
use anyhow::Result;
use bert_data::split::split_at_random;
use bert_data::{ChoiceFile, ChoiceQuestion};
use bert_model::HeadKind;
use bert_pipeline::{Pipeline, Prepared as Tokenized};
use bert_train::tasks::choices::{self, ChoiceSet};
use serde_json::{Map, Value, json};
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
pub struct Choices {
    train: Vec<ChoiceQuestion>,
    dev: Option<Vec<ChoiceQuestion>>,
    test: Option<Vec<ChoiceQuestion>>,
    settings: Map<String, Value>,
}

/// Reads questions that all say which ending is right.
pub fn read_labelled(path: &Path) -> Result<Vec<ChoiceQuestion>> {
    let questions = ChoiceFile::read(path)?.questions;
    if let Some(question) = questions.iter().find(|question| question.label.is_none()) {
        anyhow::bail!("{}: line {}: expected a label, found none", path.display(), question.line);
    }
    Ok(questions)
}

/// Reads everything. `seed` decides which questions are set aside.
pub fn read(files: &FileArgs, seed: u64) -> Result<Choices> {
    let questions = read_labelled(&files.train)?;
    let settings = [
        ("training data", fingerprint(questions.iter().map(|q| format!("{q:?}")))),
        ("--dev-fraction", json!(files.dev_fraction)),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    let (train, dev) = match (&files.dev, files.dev_fraction()?) {
        (Some(path), _) => (questions, Some(read_labelled(path)?)),
        (None, None) => (questions, None),
        (None, Some(share)) => {
            let (train, dev) = split_at_random(questions, share, seed, |place, _| place);
            super::tell_split(dev.len(), train.len() + dev.len(), "questions")?;
            (train, Some(dev))
        }
    };
    let test = files.test.as_deref().map(read_labelled).transpose()?;
    Ok(Choices { train, dev, test, settings: settings.into_iter().collect() })
}

/// Questions to measure a model with; and what happened to the sequences on the way.
pub fn set(
    pipeline: &Pipeline,
    questions: &[ChoiceQuestion],
    strict: bool,
) -> Result<(ChoiceSet, Tokenized)> {
    let pairs: Vec<_> =
        questions.iter().map(|q| (q.first.as_str(), q.seconds.as_slice())).collect();
    let (sequences, tokenized) = choices::tokenized(pipeline, &pairs, strict)?;
    let right = questions.iter().map(|question| question.label.unwrap_or(0) as u32).collect();
    Ok((ChoiceSet { questions: sequences, right }, tokenized))
}

impl Choices {
    /// Questions that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(train: Option<Vec<ChoiceQuestion>>, dev: Vec<ChoiceQuestion>) -> Self {
        let (train, dev) = (train.unwrap_or_default(), Some(dev));
        Self { train, dev, test: None, settings: Map::new() }
    }

    fn boxed(
        &self,
        pipeline: &Pipeline,
        questions: Option<&Vec<ChoiceQuestion>>,
        args: &BaseArgs,
    ) -> Result<Boxed> {
        questions
            .map(|questions| Ok(Box::new(set(pipeline, questions, args.strict)?.0) as _))
            .transpose()
    }
}

impl Task for Choices {
    fn head(&self) -> HeadKind {
        HeadKind::MultipleChoice
    }

    fn labels(&self) -> Option<Vec<String>> {
        None
    }

    fn class_counts(&self) -> Result<Option<Vec<u64>>> {
        Ok(None)
    }

    fn score(&self) -> Score {
        Score { name: "accuracy", more_is_better: true }
    }

    fn settings(&self) -> Map<String, Value> {
        self.settings.clone()
    }

    fn describe(&self) -> String {
        format!("{} questions", self.train.len())
    }

    fn report(&self, mut about: About, pipeline: &Pipeline, write: Write) -> Result<()> {
        let dev = self.dev.as_deref().unwrap_or_default();
        let counts = [("training", self.train.len()), ("dev", dev.len())];
        let report = about.report(&counts, None, OddTexts::of(&self.train, dev));
        let Some(questions) = self.dev.as_ref().or(self.test.as_ref()) else {
            return write(&report);
        };
        let (set, _) = set(pipeline, questions, false)?;
        let logits = set.logits(pipeline)?;
        write(&Report {
            scores: set.named_scores(&logits),
            results: Some(Box::new(ChoiceResults {
                questions,
                right: &set.right,
                logits: &logits,
            })),
            ..report
        })
    }

    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared> {
        let (train, tokenized) = set(pipeline, &self.train, args.strict)?;
        let each = train.questions.iter().zip(&train.right);
        Ok(Prepared {
            examples: each.map(|(choices, &right)| choices::example(choices, right)).collect(),
            dev: self.boxed(pipeline, self.dev.as_ref(), args)?,
            test: self.boxed(pipeline, self.test.as_ref(), args)?,
            lengths: tokenized.lengths,
            truncated: tokenized.truncated,
            empty: 0,
        })
    }
}
