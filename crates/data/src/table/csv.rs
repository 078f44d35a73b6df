//! Comma-separated values: RFC 4180, and what lies beyond it as the `csv` crate and Python read it.
//!
//! A field that begins with a quote goes to the next quote, over commas and line breaks; a quote in
//! it is written twice. In any other field a quote is an ordinary character. Rows end at LF, CR LF
//! or CR.
//!
//! The `csv` crate would do, but for three things: it drops blank lines and does not say so; its
//! line numbers are off behind them; and a quote that nobody closes takes the rest of the file into
//! one field without an error. So the automaton stands here, and the crate judges it in the tests.

use super::text::{self, Reader};
use super::{Cell, Fields, Raw, Source};
use crate::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};

pub(super) struct Csv {
    reader: Reader,
    path: PathBuf,
    row: CsvRow,
}

impl Csv {
    pub(super) fn new(reader: Reader, path: &Path) -> Self {
        Self { reader, path: path.to_owned(), row: CsvRow::default() }
    }
}

// ANCHOR: state
/// Where in a row the reader stands.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a field.
    #[default]
    FieldStart,
    /// In a field without quotes, or behind its closing quote.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote between quotes: it closes the field unless another follows.
    QuoteInQuoted,
}
// ANCHOR_END: state

/// A row, as far as it has been read.
#[derive(Default)]
struct CsvRow {
    state: State,
    /// Its fields, with a comma behind each but the last.
    bytes: Vec<u8>,
    /// Where each field ends, but the last.
    ends: Vec<usize>,
    /// Whether it has any byte yet.
    begun: bool,
    /// How many lines have ended.
    lines: u64,
    /// How many had ended where the last quoted field began.
    lines_before_quote: u64,
    /// Whether the last byte was a CR that has ended the row before: an LF behind it belongs to it.
    after_cr: bool,
}

impl CsvRow {
    // ANCHOR: byte
    /// Takes in the next byte. Returns whether it ends the row.
    fn push(&mut self, byte: u8) -> bool {
        use State::{FieldStart, Plain, QuoteInQuoted, Quoted};
        if std::mem::take(&mut self.after_cr) && byte == b'\n' {
            return false;
        }
        match (self.state, byte) {
            (FieldStart, b'"') => {
                self.state = Quoted;
                self.lines_before_quote = self.lines;
            }
            (Quoted, b'"') => self.state = QuoteInQuoted,
            (Quoted, _) => {
                self.lines += u64::from(byte == b'\n');
                self.bytes.push(byte);
            }
            (QuoteInQuoted, b'"') => {
                self.state = Quoted;
                self.bytes.push(b'"');
            }
            (FieldStart | Plain | QuoteInQuoted, b',') => {
                self.state = FieldStart;
                self.ends.push(self.bytes.len());
                self.bytes.push(b',');
            }
            (FieldStart | Plain | QuoteInQuoted, b'\n' | b'\r') => {
                self.after_cr = byte == b'\r';
                self.lines += 1;
                return true;
            }
            (FieldStart | Plain | QuoteInQuoted, _) => {
                self.state = Plain;
                self.bytes.push(byte);
            }
        }
        self.begun = true;
        false
    }
    // ANCHOR_END: byte

    /// Reads to the row's end. Returns whether there is a row, rather than the end of the file.
    fn read(&mut self, reader: &mut Reader) -> std::io::Result<bool> {
        self.state = State::FieldStart;
        self.ends.clear();
        self.begun = false;
        loop {
            let buffer = text::fill(reader)?;
            if buffer.is_empty() {
                return Ok(self.begun);
            }
            let end = buffer.iter().position(|&byte| self.push(byte));
            let used = end.map_or(buffer.len(), |place| place + 1);
            reader.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }

    /// The row's fields. `line` is where it begins.
    fn cells(&mut self, path: &Path, line: u64) -> Result<Vec<Cell>, Error> {
        self.ends.push(self.bytes.len());
        let text = text::text(std::mem::take(&mut self.bytes), path, line)?;
        let mut start = 0;
        let cells = self.ends.iter().map(|&end| {
            let cell = text[start..end].to_owned();
            start = end + 1;
            Cell::Text(cell)
        });
        Ok(cells.collect())
    }
}

impl Source for Csv {
    fn next_row(&mut self) -> Result<Option<Raw>, Error> {
        let Self { reader, path, row } = self;
        let line = row.lines + 1;
        if !row.read(reader).map_err(Error::io(path))? {
            return Ok(None);
        }
        if row.state == State::Quoted {
            let line = row.lines_before_quote + 1;
            return Err(Error::OpenQuote { path: path.clone(), line });
        }
        let fields = if row.begun { Fields::List(row.cells(path, line)?) } else { Fields::Blank };
        Ok(Some(Raw { line, fields }))
    }
}
