//! How data for a fine-tuned model is read: the model says what its task is.

use crate::common::{ModelArgs, expect_usage};
use crate::finetune::Task;
use crate::finetune::answers::{self, Answers, CuttingArgs};
use crate::finetune::choices::{Choices, read_labelled};
use crate::finetune::step_args::MaxLength;
use crate::finetune::tags::{TagColumns, Tags};
use crate::finetune::texts::Texts;
use crate::precision_args::PrecisionArgs;
use crate::table_args::TableArgs;
use anyhow::Result;
use bert_data::texts::{Labels, Need, Problem};
use bert_model::config::Problem as Meaning;
use bert_model::{Config, HeadKind};
use bert_pipeline::Pipeline;
use std::path::Path;

/// How data for a fine-tuned model is read.
#[derive(clap::Args)]
pub struct ReadingArgs {
    /// The longest sequence in tokens; auto: what the model takes, for questions 384 at most
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    pub max_length: MaxLength,
    /// Refuse what would be cut or passed over
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten, next_help_heading = "Tables of texts")]
    pub table: TableArgs,
    #[command(flatten, next_help_heading = "Words in columns")]
    pub columns: TagColumns,
    #[command(flatten, next_help_heading = "Questions")]
    pub cutting: CuttingArgs,
}

impl ReadingArgs {
    /// The model, with its limit.
    pub fn open(&self, model: &ModelArgs) -> Result<Pipeline> {
        let mut pipeline = self.precision.open(model)?;
        if let MaxLength::Tokens(tokens) = self.max_length {
            let most = pipeline.max_length();
            expect_usage(tokens <= most, || {
                format!("--max-length {tokens}: the model takes {most} tokens at most")
            })?;
            pipeline.limit = Some(tokens);
        }
        Ok(pipeline)
    }

    /// How a classifier's tables are read.
    pub fn table(&self, config: &Config) -> Result<TableArgs> {
        self.table.for_problem(problem_of(config))
    }

    /// Data that says what is right. `train`: what the model learnt from, if that is to be compared.
    pub fn task(
        &self,
        pipeline: &Pipeline,
        input: &Path,
        train: Option<&Path>,
    ) -> Result<Box<dyn Task>> {
        let config = &pipeline.config;
        Ok(match pipeline.model.head.kind() {
            HeadKind::SequenceClassification => {
                let table = self.table(config)?;
                let train = train.map(|path| table.read(path, Need::Always)).transpose()?;
                let like_train = train.as_ref().map(|train| table.with_columns(&train.columns));
                let input = like_train.unwrap_or(table).read(input, Need::Always)?;
                Box::new(Texts::measured(labels_of(config)?, problem_of(config), train, input)?)
            }
            HeadKind::TokenClassification => {
                let labels = config.labels();
                let read = |path| self.columns.read_known(path, &labels);
                let (train, input) = (train.map(read).transpose()?, read(input)?);
                Box::new(Tags::measured(labels, train, input))
            }
            HeadKind::QuestionAnswering => {
                let read = |path| answers::read(path, false, self.strict);
                let (train, input) = (train.map(read).transpose()?, read(input)?);
                Box::new(Answers::measured(self.cutting.clone(), train, input))
            }
            HeadKind::MultipleChoice => {
                let train = train.map(read_labelled).transpose()?;
                Box::new(Choices::measured(train, read_labelled(input)?))
            }
            _ => return Err(no_task(pipeline)),
        })
    }
}

/// For a model that nothing can be asked about a file.
pub fn no_task(pipeline: &Pipeline) -> anyhow::Error {
    let (path, head) = (pipeline.directory.display(), pipeline.model.head.kind());
    anyhow::anyhow!(
        "{path}: a model with a {head} head has no task that a file could be about; bert finetune makes one that has"
    )
}

/// The model says what it was trained for.
fn problem_of(config: &Config) -> Problem {
    match config.problem() {
        Meaning::SingleLabel => Problem::SingleLabel,
        Meaning::MultiLabel => Problem::MultiLabel,
        Meaning::Regression => Problem::Regression,
    }
}

/// The labels that the model knows; none of a regression.
fn labels_of(config: &Config) -> Result<Option<Labels>> {
    match problem_of(config) {
        Problem::Regression => Ok(None),
        _ => Ok(Some(Labels::given(config.labels())?)),
    }
}
