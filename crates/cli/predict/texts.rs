//! A label, several labels, or a number for each text; read, labelled and written in small pieces.

use super::Args;
use super::rows::{Cell, write};
use crate::common::{counted, say, warn, warn_of_empty, warn_of_truncated};
use crate::evaluate::problem_of;
use crate::finetune::texts::tokenized;
use crate::table_args::TableArgs;
use anyhow::{Context as _, Result};
use bert_data::texts::{Need, TextExample, TextRows};
use bert_pipeline::classify::Scoring;
use bert_pipeline::{Classifier, Pipeline};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::fs::File;
use std::io::{self, BufReader, IsTerminal};
use std::path::Path;
use std::time::Duration;

/// Runs the command for a classifier.
pub fn run(args: &Args, pipeline: &Pipeline) -> Result<()> {
    let classifier = Classifier::new(pipeline)?;
    let table = args.table.for_problem(problem_of(&pipeline.config))?;
    let mut rows = Rows::open(args, &table)?;
    // A person wants an answer after each line, a pipe soon, a file fast.
    let piece_size = match (args.input.as_os_str() == "-", io::stdin().is_terminal()) {
        (true, true) => 1,
        (true, false) => 32,
        (false, _) => 1024,
    };
    let columns = columns(&classifier);
    let (mut truncated, mut empty, mut number) = (0, 0, 0);
    let progress = progress();
    write(args.output.as_deref(), args.google, &columns, |write_row| {
        loop {
            let mut fault = None;
            let good = |row: Result<_, _>| row.map_err(|error| fault = Some(error)).ok();
            let piece: Vec<_> = rows.by_ref().take(piece_size).map_while(good).collect();
            let prepared = tokenized(pipeline, &piece, args.strict)?;
            truncated += prepared.truncated;
            empty += prepared.empty;
            for (example, logits) in piece.iter().zip(classifier.logits(&prepared.encodings)?) {
                number += 1;
                let id = example.id.clone().unwrap_or_else(|| number.to_string());
                write_row(cells(&classifier, id, classifier.scores(logits)))?;
            }
            progress.set_position(number);
            // The rows before a bad one have their answers.
            match fault {
                Some(error) => return Err(error.into()),
                None if piece.is_empty() => return Ok(()),
                None => {}
            }
        }
    })?;
    progress.finish_and_clear();
    rows.notes().iter().for_each(|note| say(note));
    warn_of_truncated(truncated, "text", pipeline.max_length());
    if empty > 0 {
        warn_of_empty(empty);
    }
    if number == 0 {
        warn(&format!("{}: there is no row in it", Rows::name(args).display()));
    }
    if let Some(output) = &args.output {
        say(&format!("{} predicted: {}", counted(number as usize, "row"), output.display()));
    }
    Ok(())
}

/// Examples one after the other.
enum Rows {
    Streamed(Box<TextRows>),
    /// Of these everything has been said.
    Read(std::vec::IntoIter<TextExample>),
}

impl Rows {
    fn open(args: &Args, table: &TableArgs) -> Result<Self> {
        let path = &args.input;
        if path.as_os_str() == "-" {
            let stdin = BufReader::new(io::stdin());
            let rows = table.stream(stdin, Self::name(args), Need::IfThere)?;
            return Ok(Self::Streamed(Box::new(rows)));
        }
        if table.glue.is_some() || path.is_dir() {
            return Ok(Self::Read(table.read(path, Need::IfThere)?.examples.into_iter()));
        }
        table.warn_of_semicolons(path);
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let rows = table.stream(BufReader::new(file), path, Need::IfThere)?;
        Ok(Self::Streamed(Box::new(rows)))
    }

    /// What messages call the input.
    fn name(args: &Args) -> &Path {
        if args.input.as_os_str() == "-" { Path::new("standard input") } else { &args.input }
    }

    fn notes(&self) -> Vec<String> {
        match self {
            Self::Streamed(rows) => rows.notes(),
            Self::Read(_) => Vec::new(),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<TextExample, bert_data::Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Streamed(rows) => rows.next(),
            Self::Read(examples) => examples.next().map(Ok),
        }
    }
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

fn progress() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{spinner} {pos} rows, {per_sec}, {elapsed}");
    bar.set_style(style.expect("the template is fixed"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
