//! One row to one example.

use super::columns::Places;
use super::{Problem, Target, TextExample, UsedColumns};
use crate::Error;
use crate::table::{Cell, Row};
use std::path::Path;

/// What is needed to read a row.
pub(super) struct Reading<'a> {
    pub(super) path: &'a Path,
    pub(super) places: &'a Places,
    pub(super) names: &'a UsedColumns,
    pub(super) problem: Problem,
    pub(super) separator: &'a str,
    /// Whether every row must have a label.
    pub(super) needed: bool,
}

impl Reading<'_> {
    /// # Errors
    /// A cell that does not hold what its column is used for.
    pub(super) fn example(&self, row: &Row) -> Result<TextExample, Error> {
        let places = self.places;
        let first = self.text(row, places.text, &self.names.text)?;
        let pair = places.pair.zip(self.names.pair.as_ref());
        let second = pair.map(|(place, name)| self.text(row, place, name)).transpose()?;
        let id = places.id.and_then(|place| row.cells[place].text()).map(|id| id.into_owned());
        Ok(TextExample { line: row.line, id, first, second, target: self.target(row)? })
    }

    fn text(&self, row: &Row, place: usize, name: &str) -> Result<String, Error> {
        let cell = &row.cells[place];
        let text = cell.text().ok_or_else(|| self.unfit(row.line, name, "a text", cell))?;
        Ok(text.into_owned())
    }

    fn target(&self, row: &Row) -> Result<Option<Target>, Error> {
        let Places { labels, .. } = self.places;
        match (self.problem, &labels[..]) {
            (_, []) => Ok(None),
            (Problem::MultiLabel, [_, _, ..]) => self.yes_or_no(row),
            (problem, &[place, ..]) => {
                let (cell, name) = (&row.cells[place], &*self.names.labels[0]);
                let target = match problem {
                    Problem::SingleLabel => class(cell),
                    Problem::MultiLabel => several(cell, self.separator),
                    Problem::Regression => number(cell),
                };
                match target {
                    Err(_) if !self.needed && is_absent(cell) => Ok(None),
                    Err(expected) => Err(self.unfit(row.line, name, expected, cell)),
                    Ok(target) => Ok(Some(target)),
                }
            }
        }
    }

    /// Several columns, each of which says whether the example has the label that it is called.
    fn yes_or_no(&self, row: &Row) -> Result<Option<Target>, Error> {
        let cells = || self.places.labels.iter().map(|&place| &row.cells[place]);
        if !self.needed && cells().all(is_absent) {
            return Ok(None);
        }
        let mut labels = Vec::new();
        for (cell, name) in cells().zip(&self.names.labels) {
            match cell.text().as_deref().map(str::trim) {
                Some("1" | "1.0" | "true" | "True") => labels.push(name.clone()),
                Some("0" | "0.0" | "false" | "False") => {}
                _ => return Err(self.unfit(row.line, name, "0 or 1", cell)),
            }
        }
        Ok(Some(Target::Labels(labels)))
    }

    fn unfit(&self, line: u64, column: &str, expected: &'static str, cell: &Cell) -> Error {
        let (path, column) = (self.path.to_owned(), column.to_owned());
        Error::Cell { path, line, column, expected, found: cell.description() }
    }
}

fn is_absent(cell: &Cell) -> bool {
    match cell {
        Cell::Missing => true,
        Cell::Text(text) => text.trim().is_empty(),
        _ => false,
    }
}

// ANCHOR: targets
/// The white space around a label does not count: "dog " is no class of its own.
fn class(cell: &Cell) -> Result<Target, &'static str> {
    let text = match cell {
        Cell::List(labels) if labels.len() == 1 => Some(labels[0].as_str().into()),
        cell => cell.text(),
    };
    match text.as_deref().map(str::trim) {
        None | Some("") => Err("one label"),
        Some(label) => Ok(Target::Class(label.to_owned())),
    }
}

/// An empty cell, or an empty list, has none of the labels.
fn several(cell: &Cell, separator: &str) -> Result<Target, &'static str> {
    let text = cell.text();
    let found: Vec<&str> = match (cell, &text) {
        (Cell::List(labels), _) => labels.iter().map(String::as_str).collect(),
        (_, Some(text)) => text.split(separator).collect(),
        (_, None) => return Err("labels, or an empty text or list for none of them"),
    };
    let mut labels: Vec<String> = Vec::new();
    for label in found.into_iter().map(str::trim).filter(|label| !label.is_empty()) {
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
    Ok(Target::Labels(labels))
}

fn number(cell: &Cell) -> Result<Target, &'static str> {
    let text = match cell {
        Cell::Text(text) | Cell::Number(text) => text.trim(),
        _ => return Err("a number"),
    };
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.map(Target::Number).ok_or("a finite number")
}
// ANCHOR_END: targets
