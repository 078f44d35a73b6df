//! Tables of texts and labels.
//!
//! - [`formats`]: what is a row in each format, and what is refused
//! - [`headers`]: header or none
//! - [`judges`]: the rows that the `csv` crate and Python find; no bytes make a panic
//! - [`columns`]: which columns are read
//! - [`targets`]: classes, several labels, numbers, and the order of labels
//! - [`glue`]: files as GLUE's, with their quirks
//! - [`folders`]: a folder of texts for each class
//! - [`splits`]: parting off a dev set
//! - [`real`]: every row of real data sets
mod columns;
mod folders;
mod formats;
mod glue;
mod headers;
mod judges;
mod real;
mod splits;
mod targets;

use bert_data::Error;
use bert_data::table::{Cell, Format, Row, Rows, TableOptions};
use bert_data::texts::{TextExample, TextFile, TextOptions, TextRows};
use std::io::Cursor;

fn options(format: Format, header: Option<bool>) -> TableOptions {
    TableOptions { format: Some(format), header, ..TableOptions::default() }
}

fn rows(text: impl Into<Vec<u8>>, options: &TableOptions) -> Result<Rows, Error> {
    Rows::from_reader(Cursor::new(text.into()), "table", options)
}

/// All rows of a text without a header, or the first error.
fn read(format: Format, text: impl Into<Vec<u8>>) -> Result<Vec<Row>, Error> {
    rows(text, &options(format, Some(false)))?.collect()
}

/// The texts of all cells.
fn cells(rows: &[Row]) -> Vec<Vec<&str>> {
    fn text(cell: &Cell) -> &str {
        match cell {
            Cell::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }
    rows.iter().map(|row| row.cells.iter().map(text).collect()).collect()
}

fn lines(rows: &[Row]) -> Vec<u64> {
    rows.iter().map(|row| row.line).collect()
}

/// What a message says of a file.
fn message<T>(result: Result<T, Error>) -> String {
    result.err().expect("it should be refused").to_string()
}

/// The examples of a text in a format.
fn texts(format: Format, text: &str, options: &TextOptions) -> Result<TextFile, Error> {
    let mut options = options.clone();
    options.table.format = Some(format);
    TextRows::from_reader(Cursor::new(text.to_owned()), "table", &options)?.collect_file()
}

fn firsts(file: &TextFile) -> Vec<&str> {
    file.examples.iter().map(|example: &TextExample| &*example.first).collect()
}
