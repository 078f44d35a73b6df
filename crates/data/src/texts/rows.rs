//! The examples of a file, one after the other or all at once.

use super::cells::Reading;
use super::columns::Places;
use super::{Columns, Problem, TextExample, TextFile, UsedColumns};
use crate::Error;
use crate::table::{Counted, Row, Rows, Skipped, TableOptions};
use std::io::BufRead;
use std::path::Path;

/// Whether every example must have a target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Need {
    /// To learn from, or to be judged by.
    #[default]
    Always,
    /// For prediction: it is read where the file has one.
    IfThere,
}

/// How texts and labels are read from a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    /// How the table is read. [`TableOptions::asked`] is filled in from the columns.
    pub table: TableOptions,
    /// Which columns are read.
    pub columns: Columns,
    /// What is to be predicted.
    pub problem: Problem,
    /// What stands between labels of a multi-label problem that are in one cell; not empty.
    pub separator: String,
    /// Whether every example must have a target.
    pub target: Need,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            table: TableOptions::default(),
            columns: Columns::default(),
            problem: Problem::default(),
            separator: ",".to_owned(),
            target: Need::default(),
        }
    }
}

impl TextOptions {
    fn table(&self) -> Result<TableOptions, Error> {
        let labels = self.columns.labels.len();
        if labels > 1 && self.problem != Problem::MultiLabel {
            return Err(Error::Setting {
                name: "label columns",
                expected: "one, as the problem is not multi-label".to_owned(),
                found: labels.to_string(),
            });
        }
        if self.separator.is_empty() {
            let (name, expected) = ("separator", "at least one character".to_owned());
            return Err(Error::Setting { name, expected, found: "none".to_owned() });
        }
        Ok(TableOptions { asked: self.columns.asked(), ..self.table.clone() })
    }
}

/// The examples of a file, one after the other. An iterator; after an error it ends.
pub struct TextRows {
    rows: Rows,
    places: Places,
    columns: UsedColumns,
    problem: Problem,
    separator: String,
    target: Need,
    /// The column of a row's language, and the language that is read.
    only: Option<(usize, String)>,
    empty_texts: Counted,
    ended: bool,
}

impl TextRows {
    /// Opens a file.
    ///
    /// # Errors
    /// As [`Rows::open`]; a column that is missing, or cannot be told from another; settings that
    /// contradict each other.
    pub fn open(path: impl AsRef<Path>, options: &TextOptions) -> Result<Self, Error> {
        Self::new(Rows::open(path, &options.table()?)?, options)
    }

    /// Reads from anywhere, as [`Rows::from_reader`].
    ///
    /// # Errors
    /// As [`TextRows::open`].
    pub fn from_reader(
        reader: impl BufRead + Send + 'static,
        name: impl AsRef<Path>,
        options: &TextOptions,
    ) -> Result<Self, Error> {
        Self::new(Rows::from_reader(reader, name, &options.table()?)?, options)
    }

    fn new(rows: Rows, options: &TextOptions) -> Result<Self, Error> {
        let places = options.columns.find(&rows, options.target == Need::Always)?;
        let separator = options.separator.clone();
        Ok(Self { separator, ..Self::with(rows, places, options.problem, options.target, None) })
    }

    /// Reads these columns; of those rows only in which a column says this.
    pub(super) fn with(
        rows: Rows,
        places: Places,
        problem: Problem,
        target: Need,
        only: Option<(usize, String)>,
    ) -> Self {
        Self {
            columns: places.names(&rows),
            rows,
            places,
            problem,
            separator: ",".to_owned(),
            target,
            only,
            empty_texts: Counted::default(),
            ended: false,
        }
    }

    /// The columns that are read.
    pub fn columns(&self) -> &UsedColumns {
        &self.columns
    }

    /// The rows that were passed over so far.
    pub fn skipped(&self) -> &Skipped {
        self.rows.skipped()
    }

    /// The examples so far of which a text has nothing but white space.
    pub fn empty_texts(&self) -> &Counted {
        &self.empty_texts
    }

    /// All that the user should know so far.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.places.notes.clone();
        notes.extend_from_slice(self.rows.notes());
        notes.extend(self.skipped().notes());
        if self.empty_texts.any() {
            notes.push(format!("empty texts: {}", self.empty_texts));
        }
        notes
    }

    /// Reads what is left, all at once.
    ///
    /// # Errors
    /// The first example's that has one; no example at all.
    pub fn collect_file(mut self) -> Result<TextFile, Error> {
        let examples = self.by_ref().collect::<Result<Vec<_>, _>>()?;
        let path = self.rows.path().to_owned();
        if examples.is_empty() {
            return Err(self.no_rows());
        }
        let (skipped, notes) = (self.skipped().clone(), self.notes());
        let (columns, empty_texts) = (self.columns, self.empty_texts);
        Ok(TextFile { path, examples, columns, skipped, empty_texts, notes })
    }

    fn no_rows(&self) -> Error {
        match &self.only {
            Some((_, language)) if self.skipped().other_language.any() => Error::Setting {
                name: "language",
                expected: format!("one of those in {}", self.rows.path().display()),
                found: language.clone(),
            },
            _ => Error::NoRows { path: self.rows.path().to_owned() },
        }
    }

    /// The next row that is in the right language.
    fn row(&mut self) -> Result<Option<Row>, Error> {
        while let Some(row) = self.rows.next().transpose()? {
            match &self.only {
                Some((place, only)) if row.cells[*place].text().as_deref() != Some(only) => {
                    self.rows.skipped_mut().other_language.add(row.line);
                }
                _ => return Ok(Some(row)),
            }
        }
        Ok(None)
    }

    fn example(&mut self) -> Result<Option<TextExample>, Error> {
        let Some(row) = self.row()? else { return Ok(None) };
        let reading = Reading {
            path: self.rows.path(),
            places: &self.places,
            names: &self.columns,
            problem: self.problem,
            separator: &self.separator,
            needed: self.target == Need::Always,
        };
        let example = reading.example(&row)?;
        let is_empty = |text: &String| text.trim().is_empty();
        if is_empty(&example.first) || example.second.as_ref().is_some_and(is_empty) {
            self.empty_texts.add(row.line);
        }
        Ok(Some(example))
    }
}

impl Iterator for TextRows {
    type Item = Result<TextExample, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.example().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Reads a whole file.
///
/// # Errors
/// As [`TextRows::open`] and [`TextRows::collect_file`].
pub fn read_texts(path: impl AsRef<Path>, options: &TextOptions) -> Result<TextFile, Error> {
    TextRows::open(path, options)?.collect_file()
}
