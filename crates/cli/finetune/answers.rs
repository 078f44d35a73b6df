//! `bert finetune answer`: the piece of a context that answers a question.

use super::about::About;
use super::step_args::{BaseArgs, MaxLength};
use super::training_args::TrainingArgs;
use super::{Boxed, FileArgs, Prepared, Score, Task, Write, fingerprint};
use crate::common::{counted, expect_usage, say, warn};
use crate::report::{AnswerResults, OddTexts, Report};
use anyhow::Result;
use bert_data::split::split_at_random;
use bert_data::squad::{Question, SquadFile, SquadOptions};
use bert_model::HeadKind;
use bert_pipeline::Pipeline;
use bert_train::tasks::answers::{self, AnswerSet, Cutting};
use serde_json::{Map, Value, json};
use std::path::Path;
use std::sync::Arc;

/// Answer questions with a piece of a context (SQuAD 1.1 and 2.0)
///
/// Without --dev a tenth of the paragraphs is set aside to measure the model with.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert finetune answer --model DIR --train train-v1.1.json --dev dev-v1.1.json --output squad
  bert finetune answer --model DIR --train questions.jsonl --output answers --epochs 2")]
pub struct Args {
    #[command(flatten)]
    pub data: AnswerDataArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// The files of questions.
#[derive(clap::Args)]
pub struct AnswerDataArgs {
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten)]
    pub cutting: CuttingArgs,
}

/// How contexts are cut into windows, and answers chosen.
#[derive(clap::Args, Debug, Clone)]
pub struct CuttingArgs {
    /// How many tokens of the context neighbouring windows share [default: 128, or half of a window if that
    /// is less]
    #[arg(long, value_name = "N")]
    doc_stride: Option<usize>,
    /// Questions are cut to so many tokens
    #[arg(long, value_name = "N", default_value = "64")]
    max_query_length: usize,
    /// Answers may have so many tokens
    #[arg(long, value_name = "N", default_value = "30")]
    max_answer_length: usize,
    /// How many answers to each question are kept
    #[arg(long, value_name = "N", default_value = "20")]
    pub n_best: usize,
    /// Questions may have no answer, as in SQuAD 2.0 [default: if a question of the file says so]
    #[arg(long)]
    pub version_2: bool,
}

/// Windows have so many tokens, if nothing else is said.
const WINDOW: usize = 384;

impl CuttingArgs {
    /// In numbers; `max_length` as the user said it.
    pub fn cutting(&self, max_length: MaxLength) -> Result<Cutting> {
        let numbers = [
            ("--max-query-length", self.max_query_length),
            ("--max-answer-length", self.max_answer_length),
            ("--n-best", self.n_best),
        ];
        for (name, number) in numbers {
            expect_usage(number > 0, || format!("{name}: at least 1 is wanted"))?;
        }
        Ok(Cutting {
            max_length: match max_length {
                MaxLength::Auto => WINDOW,
                MaxLength::Tokens(tokens) => tokens,
            },
            stride: self.doc_stride,
            max_question: self.max_query_length,
            max_answer: self.max_answer_length,
        })
    }

    /// Questions to measure a model with.
    pub fn set(
        &self,
        pipeline: &Pipeline,
        questions: &[Question],
        max_length: MaxLength,
    ) -> Result<AnswerSet> {
        let cutting = self.cutting(max_length)?;
        let mut questions = questions.to_vec();
        tell_cut(
            answers::cut_questions(&pipeline.tokenizer, &mut questions, cutting.max_question),
            &cutting,
        );
        let windows = answers::tokenized(pipeline, &questions, &cutting)?;
        let no_answer = self.version_2 || questions.iter().any(|question| question.is_impossible);
        Ok(AnswerSet { questions, windows, cutting, no_answer, n_best: self.n_best })
    }
}

fn tell_cut(cut: usize, cutting: &Cutting) {
    if cut > 0 {
        let questions = counted(cut, "question");
        warn(&format!(
            "{questions} longer than {} tokens cut (--max-query-length)",
            cutting.max_question
        ));
    }
}

/// Reads a file and says what one should know of it. `without_answers`: they may be missing.
pub fn read(path: &Path, without_answers: bool, strict: bool) -> Result<SquadFile> {
    let mut file = SquadFile::read(path, &SquadOptions { without_answers, strict })?;
    file.notes.iter().for_each(|note| say(note));
    let all = file.misplaced.len();
    if all > 0 {
        let first = &file.misplaced[0];
        let example = format!("the first is {} ({})", first.id, first.place);
        let repaired = file.repair();
        warn(&format!(
            "{}: {} not where the file says ({example}); {repaired} found elsewhere in the context and taken from there, {} \
             passed over (--strict refuses them)",
            path.display(),
            counted(all, "answer"),
            all - repaired,
        ));
    }
    Ok(file)
}

/// Questions to learn from, and to be measured by.
pub struct Answers {
    args: CuttingArgs,
    max_length: MaxLength,
    train: Vec<Question>,
    dev: Option<Vec<Question>>,
    test: Option<Vec<Question>>,
    settings: Map<String, Value>,
}

impl AnswerDataArgs {
    /// Reads everything. `seed` decides which paragraphs are set aside.
    pub fn read(&self, seed: u64, base: &BaseArgs) -> Result<Answers> {
        let read = |path: &Path| read(path, false, base.strict);
        let mut questions = read(&self.files.train)?.questions;
        let settings = [
            ("training data", fingerprint(questions.iter().map(|q| format!("{q:?}")))),
            ("--dev-fraction", json!(self.files.dev_fraction)),
            ("cutting", json!(format!("{:?}", self.cutting))),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let dev = match (&self.files.dev, self.files.dev_fraction()?) {
            (Some(path), _) => Some(read(path)?.questions),
            (None, None) => None,
            (None, Some(share)) => {
                // No paragraph is on both sides.
                let paragraph = |_, question: &Question| Arc::clone(&question.context);
                let (train, dev) = split_at_random(questions, share, seed, paragraph);
                super::tell_split(dev.len(), train.len() + dev.len(), "questions")?;
                questions = train;
                Some(dev)
            }
        };
        // An answer that stands nowhere teaches nothing.
        questions.retain(|question| {
            question.is_impossible || question.answers.iter().any(|answer| answer.start.is_some())
        });
        anyhow::ensure!(
            !questions.is_empty(),
            "{}: no question has an answer that stands in its context",
            self.files.train.display()
        );
        let test = self.files.test.as_deref().map(read).transpose()?.map(|file| file.questions);
        let settings = settings.into_iter().collect();
        let (args, max_length) = (self.cutting.clone(), base.max_length);
        Ok(Answers { args, max_length, train: questions, dev, test, settings })
    }
}

impl Answers {
    /// Questions that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(
        args: CuttingArgs,
        max_length: MaxLength,
        train: Option<SquadFile>,
        dev: SquadFile,
    ) -> Self {
        let train = train.map_or(Vec::new(), |file| file.questions);
        let dev = Some(dev.questions);
        Self { args, max_length, train, dev, test: None, settings: Map::new() }
    }

    fn boxed(
        &self,
        pipeline: &Pipeline,
        questions: Option<&Vec<Question>>,
        args: &BaseArgs,
    ) -> Result<Boxed> {
        questions
            .map(
                |questions| Ok(Box::new(self.args.set(pipeline, questions, args.max_length)?) as _),
            )
            .transpose()
    }
}

impl Task for Answers {
    fn head(&self) -> HeadKind {
        HeadKind::QuestionAnswering
    }

    fn labels(&self) -> Option<Vec<String>> {
        None
    }

    fn class_counts(&self) -> Result<Option<Vec<u64>>> {
        Ok(None)
    }

    fn score(&self) -> Score {
        Score { name: "f1", more_is_better: true }
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
        let set = self.args.set(pipeline, questions, self.max_length)?;
        let outcome = set.outcome(pipeline)?;
        let (questions, no_answer) = (&set.questions, set.no_answer);
        write(&Report {
            scores: set.named_scores(&outcome),
            results: Some(Box::new(AnswerResults { questions, outcome: &outcome, no_answer })),
            ..report
        })
    }

    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared> {
        let train = self.args.set(pipeline, &self.train, args.max_length)?;
        let each = || train.questions.iter().zip(&train.windows);
        Ok(Prepared {
            examples: each()
                .flat_map(|(question, windows)| answers::examples(question, windows))
                .collect(),
            dev: self.boxed(pipeline, self.dev.as_ref(), args)?,
            test: self.boxed(pipeline, self.test.as_ref(), args)?,
            lengths: train.windows.iter().flatten().map(|window| window.len()).collect(),
            truncated: 0, // what is too long comes in windows
            empty: 0,
        })
    }
}
