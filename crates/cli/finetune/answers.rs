//! `bert finetune answer`: the piece of a context that answers a question.

use super::about::About;
use super::parts::{Part, Parts};
use super::step_args::BaseArgs;
use super::training_args::TrainingArgs;
use super::{FileArgs, Measured, Prepared, Task, Write};
use crate::common::{counted, expect_usage, named_notes, say, warn};
use crate::report::{AnswerResults, OddTexts, Report};
use anyhow::{Result, bail};
use bert_data::split::split_at_random;
use bert_data::squad::{Question, SquadFile, SquadOptions};
use bert_model::HeadKind;
use bert_pipeline::Pipeline;
use bert_train::tasks::answers::{self, AnswerSet, Cutting};
use serde_json::{Value, json};
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
    #[command(flatten, next_help_heading = "Questions")]
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
    /// In numbers. Without a limit windows are smaller than what most models take.
    fn cutting(&self, limit: Option<usize>) -> Result<Cutting> {
        let numbers = [
            ("--max-query-length", self.max_query_length),
            ("--max-answer-length", self.max_answer_length),
            ("--n-best", self.n_best),
        ];
        for (name, number) in numbers {
            expect_usage(number > 0, || format!("{name}: at least 1 is wanted"))?;
        }
        Ok(Cutting {
            max_length: limit.unwrap_or(WINDOW),
            stride: self.doc_stride,
            max_question: self.max_query_length,
            max_answer: self.max_answer_length,
        })
    }

    /// Questions to ask a model, and how many of them were cut. `strict`: none may be.
    fn set(
        &self,
        pipeline: &Pipeline,
        part: &Part<Question>,
        strict: bool,
    ) -> Result<(AnswerSet, usize)> {
        let cutting = self.cutting(pipeline.limit)?;
        let mut questions = part.examples.clone();
        let cut = answers::cut_questions(&pipeline.tokenizer, &mut questions, cutting.max_question);
        let differs = |(own, cut): (&Question, &Question)| own.question != cut.question;
        if strict && let Some(first) = part.examples.iter().zip(&questions).position(differs) {
            bail!(
                "{}: {}: the question is longer than {} tokens (--max-query-length)",
                part.path.display(),
                part.examples[first].place,
                cutting.max_question
            );
        }
        let windows = answers::tokenized(pipeline, &questions, &cutting)
            .map_err(|error| part.located(error))?;
        let no_answer = self.version_2 || questions.iter().any(|question| question.is_impossible);
        Ok((AnswerSet { questions, windows, cutting, no_answer, n_best: self.n_best }, cut))
    }

    /// The same, and says what was cut.
    pub fn told_set(
        &self,
        pipeline: &Pipeline,
        part: &Part<Question>,
        strict: bool,
    ) -> Result<AnswerSet> {
        let (set, cut) = self.set(pipeline, part, strict)?;
        if cut > 0 {
            warn(&format!(
                "{}: {} longer than {} tokens cut (--max-query-length; --strict refuses them)",
                part.path.display(),
                counted(cut, "question"),
                self.max_query_length
            ));
        }
        Ok(set)
    }

    /// What makes a training another.
    fn settings(&self) -> [(&'static str, Value); 5] {
        [
            ("--doc-stride", json!(self.doc_stride)),
            ("--max-query-length", json!(self.max_query_length)),
            ("--max-answer-length", json!(self.max_answer_length)),
            ("--n-best", json!(self.n_best)),
            ("--version-2", json!(self.version_2)),
        ]
    }
}

/// Reads a file and says what one should know of it. `without_answers`: they may be missing.
pub fn read(path: &Path, without_answers: bool, strict: bool) -> Result<Part<Question>> {
    let mut file = SquadFile::read(path, &SquadOptions { without_answers, strict })?;
    named_notes(path, &file.notes).iter().for_each(|note| say(note));
    let all = file.misplaced.len();
    if let Some(first) = file.misplaced.first() {
        let example = format!("the first is {} ({})", first.id, first.place);
        let repaired = file.repair();
        let note = format!(
            "{}: {} not where the file says ({example}); {repaired} found elsewhere in the context and taken from there, {} passed \
             over (--strict refuses them)",
            path.display(),
            counted(all, "answer"),
            all - repaired,
        );
        warn(&note);
        file.notes.push(note);
    }
    Ok(Part { path: file.path, examples: file.questions, notes: file.notes })
}

/// Questions to learn from, and to be measured by.
pub struct Answers {
    args: CuttingArgs,
    parts: Parts<Question>,
}

impl AnswerDataArgs {
    /// Reads everything. `seed` decides which paragraphs are set aside.
    pub fn read(&self, seed: u64, base: &BaseArgs) -> Result<Answers> {
        let read = |path: &Path| read(path, false, base.strict);
        let train = read(&self.files.train)?;
        // No paragraph is on both sides.
        let paragraph = |_, question: &Question| Arc::clone(&question.context);
        let split = |questions, share| Ok(split_at_random(questions, share, seed, paragraph));
        let mut parts = Parts::read(&self.files, train, "questions", read, split)?;
        // An answer that stands nowhere teaches nothing.
        let train = &mut parts.train.examples;
        train.retain(|question| {
            question.is_impossible || question.answers.iter().any(|answer| answer.start.is_some())
        });
        anyhow::ensure!(
            !train.is_empty(),
            "{}: no question has an answer that stands in its context",
            self.files.train.display()
        );
        Ok(Answers { args: self.cutting.clone(), parts })
    }
}

impl Answers {
    /// Questions that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(
        args: CuttingArgs,
        train: Option<Part<Question>>,
        test: Part<Question>,
    ) -> Self {
        Self { args, parts: Parts::measured(train, test) }
    }
}

impl Task for Answers {
    fn head(&self) -> HeadKind {
        HeadKind::QuestionAnswering
    }

    fn score(&self) -> &'static str {
        "f1"
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        self.parts.settings().into_iter().chain(self.args.settings()).collect()
    }

    fn describe(&self) -> String {
        format!("{} questions", self.parts.train.examples.len())
    }

    fn prepare(&self, pipeline: &Pipeline, args: &BaseArgs) -> Result<Prepared> {
        let set = |part: &Part<_>| self.args.told_set(pipeline, part, args.strict);
        let train = set(&self.parts.train)?;
        let [dev, test] = self.parts.sets(set)?;
        let each = train.questions.iter().zip(&train.windows);
        Ok(Prepared {
            examples: each
                .flat_map(|(question, windows)| answers::examples(question, windows))
                .collect(),
            dev,
            test,
            lengths: train.windows.iter().flatten().map(|window| window.len()).collect(),
            truncated: 0, // what is too long comes in windows
            empty: 0,
        })
    }

    fn measure(&self, pipeline: &Pipeline, strict: bool) -> Result<Measured> {
        let Some(part) = self.parts.judge() else { return Ok(Measured::default()) };
        let set = self.args.told_set(pipeline, part, strict)?;
        let scores = set.named_scores(&set.outcome(pipeline)?);
        Ok(Measured { scores, table: String::new() })
    }

    fn report(&self, mut about: About, pipeline: &Pipeline, write: Write) -> Result<()> {
        let (train, judged) = (&self.parts.train.examples, self.parts.judged());
        let odd = OddTexts::of(train, judged, self.parts.judge_name());
        let report = about.report(&self.parts, None, odd);
        let Some(part) = self.parts.judge() else { return write(&report) };
        let (set, _) = self.args.set(pipeline, part, false)?;
        let outcome = set.outcome(pipeline)?;
        let (questions, no_answer) = (&set.questions, set.no_answer);
        write(&Report {
            scores: set.named_scores(&outcome),
            results: Some(Box::new(AnswerResults { questions, outcome: &outcome, no_answer })),
            ..report
        })
    }
}
