//! Rows of JSON.
//!
//! A `.jsonl` file has a row on each line. A `.json` file has, whichever it is:
//!
//! - a list of rows: they are read one by one;
//! - rows one after the other, on lines or not, as many programs call `.json` what is JSON Lines;
//! - one object that has one list of rows among its fields (`{"version": 1, "data": […]}`). It is
//!   read whole. An object without any such list is itself a row.
//!
//! A row is an object, whose names are the columns, or a list of cells.

use super::json_scan::{Scanner, Value};
use super::text::{Lines, Reader};
use super::{Cell, Fields, Raw, Source};
use crate::Error;
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::io::Cursor;
use std::path::Path;

pub(super) struct JsonLines {
    lines: Lines,
}

impl JsonLines {
    pub(super) fn new(reader: Reader, path: &Path) -> Self {
        Self { lines: Lines::new(reader, path) }
    }
}

impl Source for JsonLines {
    fn next_row(&mut self) -> Result<Option<Raw>, Error> {
        let Some((line, text)) = self.lines.next_line()? else { return Ok(None) };
        if text.trim().is_empty() {
            return Ok(Some(Raw { line, fields: Fields::Blank }));
        }
        row(&Value { line, text }, &self.lines.path).map(Some)
    }
}

pub(super) struct JsonFile {
    scanner: Scanner,
    /// Rows that have been read already.
    waiting: VecDeque<Value>,
    place: Place,
}

/// Where in a file the reader stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Beginning,
    /// Behind the bracket that opens a list.
    ListStart,
    /// Behind a row of a list.
    InList,
    /// Among rows that stand one after the other.
    Sequence,
    End,
}

impl JsonFile {
    pub(super) fn new(reader: Reader, path: &Path) -> Self {
        let scanner = Scanner::new(reader, path, 1);
        Self { scanner, waiting: VecDeque::new(), place: Place::Beginning }
    }

    /// Finds out how the file holds its rows.
    fn begin(&mut self) -> Result<(), Error> {
        match self.scanner.peek()? {
            None => self.place = Place::End,
            Some(b'[') => {
                self.scanner.take();
                self.place = Place::ListStart;
            }
            Some(b'{') => {
                let first = self.scanner.value()?;
                self.place = Place::Sequence;
                if self.scanner.peek()?.is_none() {
                    return self.only_object(first);
                }
                self.waiting.push_back(first);
            }
            Some(_) => return Err(self.scanner.unexpected("a list or an object")),
        }
        Ok(())
    }

    /// The file is a single object: a row, or around a list of rows.
    fn only_object(&mut self, object: Value) -> Result<(), Error> {
        let path = self.scanner.path.clone();
        parse(&object, &path)?;
        let mut lists = lists_of_rows(&object, &path)?;
        match lists.len() {
            0 => self.waiting.push_back(object),
            1 => {
                let Value { line, text } = lists.remove(0).1;
                self.scanner = Scanner::new(Box::new(Cursor::new(text)), &path, line);
                self.scanner.take();
                self.place = Place::ListStart;
            }
            _ => {
                let names: Vec<_> = lists.into_iter().map(|(name, _)| name).collect();
                let what = format!(
                    "expected one list of rows, found several fields that hold one: {}",
                    names.join(", ")
                );
                return Err(Error::JsonTable { path, line: object.line, what });
            }
        }
        Ok(())
    }

    /// The next row's text, or none at the end.
    fn next_value(&mut self) -> Result<Option<Value>, Error> {
        if self.place == Place::Beginning {
            self.begin()?;
        }
        if let Some(value) = self.waiting.pop_front() {
            return Ok(Some(value));
        }
        let next = self.scanner.peek()?;
        match (self.place, next) {
            (Place::ListStart | Place::InList, Some(b']')) => {
                self.scanner.take();
                self.place = Place::End;
                match self.scanner.peek()? {
                    None => Ok(None),
                    Some(_) => Err(self.scanner.unexpected("nothing more behind the list")),
                }
            }
            (Place::InList, Some(b',')) => {
                self.scanner.take();
                self.scanner.value().map(Some)
            }
            (Place::InList, _) => Err(self.scanner.unexpected("',' or ']' behind a row")),
            (Place::ListStart, _) => {
                self.place = Place::InList;
                self.scanner.value().map(Some)
            }
            (_, None) => Ok(None),
            (_, Some(_)) => self.scanner.value().map(Some),
        }
    }
}

impl Source for JsonFile {
    fn next_row(&mut self) -> Result<Option<Raw>, Error> {
        let value = self.next_value()?;
        value.map(|value| row(&value, &self.scanner.path)).transpose()
    }
}

/// The fields of a right object that hold a list of objects or a list of lists.
fn lists_of_rows(object: &Value, path: &Path) -> Result<Vec<(String, Value)>, Error> {
    let reader = Box::new(Cursor::new(object.text.clone()));
    let mut scanner = Scanner::new(reader, path, object.line);
    let mut lists = Vec::new();
    scanner.peek()?;
    while matches!(scanner.peek()?, Some(b'{' | b',')) {
        scanner.take();
        if scanner.peek()? == Some(b'}') {
            break;
        }
        let name = scanner.value()?.text;
        scanner.peek()?;
        scanner.take(); // the colon
        let value = scanner.value()?;
        let inside = value.text.strip_prefix('[').map(str::trim_start);
        if inside.is_some_and(|inside| inside.starts_with(['{', '['])) {
            lists.push((name, value));
        }
    }
    Ok(lists)
}

fn parse(value: &Value, path: &Path) -> Result<Json, Error> {
    serde_json::from_str(&value.text).map_err(|error| {
        // The place that the message ends with is one within this value.
        let what = error.to_string();
        let what = what.rsplit_once(" at line ").map_or(&*what, |(what, _)| what);
        let line = value.line + (error.line() as u64).saturating_sub(1);
        let what = format!("this is not JSON: {what} (column {})", error.column());
        Error::JsonTable { path: path.to_owned(), line, what }
    })
}

fn row(value: &Value, path: &Path) -> Result<Raw, Error> {
    let line = value.line;
    let fields = match parse(value, path)? {
        Json::Object(object) => {
            Fields::Object(object.into_iter().map(|(name, value)| (name, cell(value))).collect())
        }
        Json::Array(cells) if cells.is_empty() => Fields::Blank,
        Json::Array(cells) => Fields::List(cells.into_iter().map(cell).collect()),
        other => {
            let found = cell(other).description();
            let what = format!("expected a row, an object or a list, found {found}");
            return Err(Error::JsonTable { path: path.to_owned(), line, what });
        }
    };
    Ok(Raw { line, fields })
}

fn cell(value: Json) -> Cell {
    match value {
        Json::Null => Cell::Missing,
        Json::Bool(value) => Cell::Bool(value),
        Json::Number(number) => Cell::Number(number.to_string()),
        Json::String(text) => Cell::Text(text),
        Json::Object(_) => Cell::Other("an object"),
        Json::Array(values) => {
            let texts =
                values.into_iter().map(|value| cell(value).text().map(|text| text.into_owned()));
            texts.collect::<Option<_>>().map_or(Cell::Other("a list of other things"), Cell::List)
        }
    }
}
