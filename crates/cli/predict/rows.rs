//! A table that is written row by row: CSV, TSV or JSON lines.

use crate::common::{Results, Usage};
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_nn::Real;
use serde_json::{Map, Value, json};
use std::io::{BufWriter, Write};
use std::path::Path;

/// A cell.
pub enum Cell {
    Text(String),
    Number(f64),
    /// A whole number.
    Count(usize),
    /// Nothing, or null.
    None,
}

impl Cell {
    /// A score with the digits that it has in its own precision.
    pub fn score(score: Real) -> Self {
        Self::Number(score.to_string().parse().unwrap_or(f64::NAN))
    }
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Csv,
    Tsv,
    JsonLines,
    /// Google's test_results.tsv: numbers and tabs.
    Numbers,
}

impl Form {
    /// By the file's ending.
    pub fn of(path: &Path, google: bool) -> Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match (google, ending) {
            (true, _) => Ok(Self::Numbers),
            (_, "csv") => Ok(Self::Csv),
            (_, "tsv") => Ok(Self::Tsv),
            (_, "jsonl" | "ndjson") => Ok(Self::JsonLines),
            _ => Err(Usage(format!(
                "--output {}: a file that ends in .csv, .tsv or .jsonl is wanted",
                path.display()
            ))
            .into()),
        }
    }
}

/// Writes a table of these columns into a file, which appears when it is whole; without a file, JSON lines onto standard
/// output. `fill` is given what writes a row.
pub fn write(
    output: Option<&Path>,
    google: bool,
    columns: &[String],
    fill: impl FnOnce(&mut dyn FnMut(Vec<Cell>) -> Result<()>) -> Result<()>,
) -> Result<()> {
    let Some(path) = output else {
        let mut results = Results::new();
        fill(&mut |cells| {
            results.json(&object(columns, cells))?;
            results.flush()
        })?;
        return results.flush();
    };
    let form = Form::of(path, google)?;
    let mut failed = None;
    let written = write_atomically(path, |file| {
        let mut out = BufWriter::new(file);
        let lines = || -> Result<()> {
            header(&mut out, form, columns)?;
            fill(&mut |cells| row(&mut out, form, columns, cells))?;
            Ok(out.flush()?)
        };
        // What has gone wrong is told by itself; the file does not appear.
        lines().map_err(|error| {
            failed = Some(error);
            std::io::Error::other("not written")
        })
    });
    match failed {
        Some(error) => Err(error),
        None => written.with_context(|| path.display().to_string()),
    }
}

fn header(out: &mut impl Write, form: Form, columns: &[String]) -> Result<()> {
    match form {
        Form::Csv => Ok(writeln!(
            out,
            "{}",
            columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(",")
        )?),
        Form::Tsv => Ok(writeln!(
            out,
            "{}",
            columns.iter().map(|name| plain(name)).collect::<Vec<_>>().join("\t")
        )?),
        Form::JsonLines | Form::Numbers => Ok(()),
    }
}

fn row(out: &mut impl Write, form: Form, columns: &[String], cells: Vec<Cell>) -> Result<()> {
    let text = |cell: &Cell| match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(number) => number.to_string(),
        Cell::Count(number) => number.to_string(),
        Cell::None => String::new(),
    };
    let numbers = |cell: &Cell| matches!(cell, Cell::Number(_)).then(|| text(cell));
    let line = match form {
        Form::Csv => cells.iter().map(|cell| quoted(&text(cell))).collect::<Vec<_>>().join(","),
        Form::Tsv => cells.iter().map(|cell| plain(&text(cell))).collect::<Vec<_>>().join("\t"),
        Form::Numbers => cells.iter().filter_map(numbers).collect::<Vec<_>>().join("\t"),
        Form::JsonLines => object(columns, cells).to_string(),
    };
    Ok(writeln!(out, "{line}")?)
}

fn object(columns: &[String], cells: Vec<Cell>) -> Value {
    let value = |cell| match cell {
        Cell::Text(text) => json!(text),
        Cell::Number(number) => json!(number),
        Cell::Count(number) => json!(number),
        Cell::None => Value::Null,
    };
    Value::Object(columns.iter().cloned().zip(cells.into_iter().map(value)).collect::<Map<_, _>>())
}

/// In quotes where CSV needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

/// TSV has no quotes: what would end a cell or a row becomes a space.
fn plain(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}
