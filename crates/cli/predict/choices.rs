//! The best ending of each question.

use super::Args;
use super::rows::{Cell, Form, write};
use crate::common::{counted, say};
use crate::finetune::choices::{read_any, told_set};
use anyhow::Result;
use bert_kernels::softmax_row;
use bert_pipeline::Pipeline;
use bert_train::tasks::largest;

/// Runs the command for a model that chooses.
pub fn run(args: &Args, pipeline: &Pipeline) -> Result<()> {
    args.output.as_deref().map(|path| Form::of(path, args.google)).transpose()?;
    let part = read_any(args.input_file()?)?;
    let logits = told_set(pipeline, &part, args.reading.strict)?.logits(pipeline)?;
    let questions = &part.examples;
    let most = questions.iter().map(|question| question.seconds.len()).max().unwrap_or(0);
    let first = ["id", "choice"].map(str::to_owned);
    let columns: Vec<_> =
        first.into_iter().chain((0..most).map(|choice| format!("probability_{choice}"))).collect();
    write(args.output.as_deref(), args.google, &columns, |write_row| {
        for (number, (question, logits)) in questions.iter().zip(logits).enumerate() {
            let mut scores = logits;
            softmax_row(&mut scores);
            let id = question.id.clone().unwrap_or_else(|| (number + 1).to_string());
            let mut cells = vec![Cell::Text(id), Cell::Text(largest(&scores).to_string())];
            cells.extend(scores.iter().copied().map(Cell::score));
            cells.resize_with(columns.len(), || Cell::None);
            write_row(cells)?;
        }
        Ok(())
    })?;
    if let Some(output) = &args.output {
        say(&format!("{} answered: {}", counted(questions.len(), "question"), output.display()));
    }
    Ok(())
}
