//! A label, several labels, or a number for each text; read, labelled and written in small pieces.

use super::Args;
use super::rows::{Cell, write};
use super::source::Source;
use crate::common::{counted, say, warn, warn_of_empty, warn_of_truncated};
use crate::finetune::parts::Part;
use crate::finetune::texts::tokenized;
use crate::progress::spinner;
use anyhow::Result;
use bert_pipeline::classify::Scoring;
use bert_pipeline::{Classifier, Pipeline};

/// Runs the command for a classifier.
pub fn run(args: &Args, pipeline: &Pipeline) -> Result<()> {
    let (classifier, reading) = (Classifier::new(pipeline)?, &args.reading);
    let mut source = Source::open(&args.input, &reading.table(&pipeline.config)?)?;
    let columns = columns(&classifier);
    let (mut truncated, mut empty, mut number) = (0, 0, 0);
    let progress = spinner("rows");
    let written = write(args.output.as_deref(), args.google, &columns, |write_row| {
        loop {
            let (examples, fault) = source.piece()?;
            let ended = examples.is_empty();
            let mut piece = Part { path: source.name().to_owned(), examples, notes: Vec::new() };
            let mut fault = fault.map(anyhow::Error::from);
            let prepared = match tokenized(pipeline, &piece.examples, reading.strict) {
                Ok(prepared) => prepared,
                Err(error) => {
                    let good = error.text().unwrap_or(0);
                    fault = Some(piece.located(error.into()));
                    piece.examples.truncate(good);
                    tokenized(pipeline, &piece.examples, reading.strict)?
                }
            };
            truncated += prepared.truncated;
            empty += prepared.empty;
            let logits = classifier.logits(&prepared.encodings)?;
            for (example, logits) in piece.examples.into_iter().zip(logits) {
                number += 1;
                let id = example.id.unwrap_or_else(|| number.to_string());
                write_row(cells(&classifier, id, classifier.scores(logits)))?;
            }
            progress.set_position(number);
            // The rows before a bad one have their answers.
            match fault {
                Some(error) => return Err(error),
                None if ended => return Ok(()),
                None => {}
            }
        }
    });
    progress.finish_and_clear();
    written.map_err(|error| match &args.output {
        Some(output) => error.context(format!("{} was not written", output.display())),
        None => error,
    })?;
    source.notes().iter().for_each(|note| say(note));
    warn_of_truncated(truncated, "text", pipeline.max_length());
    if empty > 0 {
        warn_of_empty(empty);
    }
    if number == 0 {
        warn(&format!("{}: there is no row in it", source.name().display()));
    }
    if let Some(output) = &args.output {
        say(&format!("{} predicted: {}", counted(number as usize, "row"), output.display()));
    }
    Ok(())
}

/// `id`, `label`, and a column for each label's probability; `id` and `score` of a regression.
fn columns(classifier: &Classifier<&Pipeline>) -> Vec<String> {
    let own = |label: &String| match label.as_str() {
        "id" | "label" | "labels" => format!("probability of {label}"),
        _ => label.clone(),
    };
    let scores = classifier.labels().iter().map(own);
    let first: &[&str] = match classifier.scoring {
        Scoring::Raw => return vec!["id".to_owned(), "score".to_owned()],
        Scoring::Softmax => &["id", "label"],
        Scoring::Sigmoid => &["id", "labels"],
    };
    first.iter().map(|&name| name.to_owned()).chain(scores).collect()
}

fn cells(classifier: &Classifier<&Pipeline>, id: String, scores: Vec<bert_nn::Real>) -> Vec<Cell> {
    let labels = classifier.labels();
    let mut cells = vec![Cell::Text(id)];
    match classifier.scoring {
        Scoring::Raw => {}
        Scoring::Softmax => {
            cells.push(Cell::Text(labels[bert_train::tasks::largest(&scores)].clone()));
        }
        Scoring::Sigmoid => {
            let has = labels.iter().zip(&scores).filter(|(_, score)| **score > 0.5);
            let names: Vec<_> = has.map(|(label, _)| label.as_str()).collect();
            cells.push(Cell::Text(names.join(",")));
        }
    }
    cells.extend(scores.into_iter().map(Cell::score));
    cells
}
