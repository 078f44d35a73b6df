//! `bert evaluate`: how good a fine-tuned model is on data that says what is right.

use crate::common::{ModelArgs, Results, expect_output, say, warn_of_truncated};
use crate::finetune::answers::{self, CuttingArgs};
use crate::finetune::choices::{read_labelled, set as choice_set};
use crate::finetune::step_args::MaxLength;
use crate::finetune::tags::{TagColumns, set as tag_set};
use crate::finetune::texts::{targets, tokenized};
use crate::predict::open;
use crate::table_args::TableArgs;
use anyhow::{Result, bail};
use bert_checkpoint::write_atomically;
use bert_data::texts::{Labels, Need, Problem};
use bert_model::config::Problem as Meaning;
use bert_model::{Config, HeadKind};
use bert_pipeline::Pipeline;
use bert_train::tasks::NamedScores;
use bert_train::tasks::tags::{marks_entities, word_logits};
use bert_train::tasks::texts::{Targets, TextSet};
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;

/// Measure a fine-tuned model with a file that says what is right
///
/// The file is read as bert predict reads it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert evaluate --model titles --input test.csv
  bert evaluate --model names --input test.conll --json
  bert evaluate --model squad --input dev-v1.1.json --output results.txt")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The file
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Write the scores into this file, as Google's eval_results.txt
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The scores as one line of JSON, without the table
    #[arg(long)]
    json: bool,
    /// The longest sequence in tokens; auto: what the model takes
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    max_length: MaxLength,
    /// Refuse what would be cut
    #[arg(long)]
    strict: bool,
    #[command(flatten, next_help_heading = "Tables of texts")]
    table: TableArgs,
    #[command(flatten, next_help_heading = "Words in columns")]
    columns: TagColumns,
    #[command(flatten, next_help_heading = "Questions")]
    cutting: CuttingArgs,
}

/// Scores, and a table of what they are made of.
type Measured = (NamedScores, String);

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    args.table.check()?;
    if let Some(output) = &args.output {
        expect_output(output, [args.input.as_path()].into_iter())?;
    }
    let pipeline = open(&args.model, args.max_length)?;
    let (scores, table) = match pipeline.model.head.kind() {
        HeadKind::SequenceClassification => args.texts(&pipeline)?,
        HeadKind::TokenClassification => args.tags(&pipeline)?,
        HeadKind::QuestionAnswering => args.answers(&pipeline)?,
        HeadKind::MultipleChoice => args.choices(&pipeline)?,
        other => bail!(
            "{}: a model with a {other} head cannot be measured with a file; bert finetune makes one that can",
            pipeline.directory.display()
        ),
    };
    let mut results = Results::new();
    if args.json {
        let named = scores.iter().map(|(name, score)| (name.clone(), json!(score)));
        results.json(&named.collect::<serde_json::Map<_, _>>())?;
    } else {
        if !table.is_empty() {
            results.line(&format!("{}\n", table.trim_end()))?;
        }
        for (name, score) in &scores {
            results.line(&format!("{name} = {score:.4}"))?;
        }
    }
    results.flush()?;
    if let Some(path) = &args.output {
        let mut lines: Vec<_> =
            scores.iter().map(|(name, score)| format!("eval_{name} = {score}\n")).collect();
        lines.sort();
        write_atomically(path, |file| file.write_all(lines.concat().as_bytes()))?;
        say(&format!("written into {}", path.display()));
    }
    Ok(())
}

/// The model says what it was trained for.
pub fn problem_of(config: &Config) -> Problem {
    match config.problem() {
        Meaning::SingleLabel => Problem::SingleLabel,
        Meaning::MultiLabel => Problem::MultiLabel,
        Meaning::Regression => Problem::Regression,
    }
}

/// The labels that the model knows; none of a regression.
pub fn labels_of(config: &Config) -> Result<Option<Labels>> {
    match problem_of(config) {
        Problem::Regression => Ok(None),
        _ => Ok(Some(Labels::given(config.labels())?)),
    }
}

impl Args {
    fn texts(&self, pipeline: &Pipeline) -> Result<Measured> {
        let (names, problem) = (pipeline.config.labels(), problem_of(&pipeline.config));
        let file = self.table.for_problem(problem)?.read(&self.input, Need::Always)?;
        let labels = labels_of(&pipeline.config)?;
        let targets = targets(&file, labels.as_ref(), problem)?;
        let prepared = tokenized(pipeline, &file.examples, self.strict)?;
        warn_of_truncated(prepared.truncated, "text", pipeline.max_length());
        let set = TextSet { encodings: prepared.encodings, targets };
        let outcome = set.outcome(pipeline)?;
        let table = match &set.targets {
            Targets::Classes(classes) => set.confusion(classes, &outcome).report(&names, 3),
            Targets::MultiLabel(_) => {
                set.multi_label(&outcome).map_or(String::new(), |all| all.report(&names, 3))
            }
            Targets::Numbers(_) => String::new(),
        };
        Ok((set.named_scores(&outcome), table))
    }

    fn tags(&self, pipeline: &Pipeline) -> Result<Measured> {
        let file = self.columns.read_known(&self.input, &pipeline.config.labels())?;
        let set = tag_set(pipeline, &file.sentences);
        let (labels, words) = (pipeline.config.labels(), word_logits(pipeline, &set.sentences)?);
        let table = if marks_entities(&labels) {
            set.evaluation(&labels, &words).report(3)
        } else {
            set.confusion(&labels, &words).report(&labels, 3)
        };
        Ok((set.named_scores(&labels, &words), table))
    }

    fn answers(&self, pipeline: &Pipeline) -> Result<Measured> {
        let file = answers::read(&self.input, false, self.strict)?;
        let set = self.cutting.set(pipeline, &file.questions, self.max_length)?;
        Ok((set.named_scores(&set.outcome(pipeline)?), String::new()))
    }

    fn choices(&self, pipeline: &Pipeline) -> Result<Measured> {
        let (set, _) = choice_set(pipeline, &read_labelled(&self.input)?, self.strict)?;
        Ok((set.named_scores(&set.logits(pipeline)?), String::new()))
    }
}
