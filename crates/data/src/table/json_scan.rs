//! Where a JSON value begins and ends, so that a file's values can be taken one by one.
//!
//! Only brackets and quotes are looked at. Whether a value is right inside is for `serde_json`.

use super::text::{self, Reader};
use crate::Error;
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// Cuts JSON into values.
pub(super) struct Scanner {
    reader: Reader,
    pub(super) path: PathBuf,
    /// The line of what comes next, counted from 1.
    pub(super) line: u64,
}

/// A value as it is written, and where it begins.
pub(super) struct Value {
    pub(super) line: u64,
    pub(super) text: String,
}

impl Scanner {
    /// `line` is where the text begins.
    pub(super) fn new(reader: Reader, path: &Path, line: u64) -> Self {
        Self { reader, path: path.to_owned(), line }
    }

    /// The first byte that is not white space, without taking it; none at the end.
    pub(super) fn peek(&mut self) -> Result<Option<u8>, Error> {
        loop {
            let buffer = text::fill(&mut self.reader).map_err(Error::io(&self.path))?;
            let Some(&byte) = buffer.first() else { return Ok(None) };
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return Ok(Some(byte));
            }
            self.line += u64::from(byte == b'\n');
            self.reader.consume(1);
        }
    }

    /// Takes what [`Scanner::peek`] has shown.
    pub(super) fn take(&mut self) {
        self.reader.consume(1);
    }

    /// The next value; an empty one at the end of the text.
    pub(super) fn value(&mut self) -> Result<Value, Error> {
        self.peek()?;
        let line = self.line;
        let mut end = End::default();
        let mut bytes = Vec::new();
        loop {
            let buffer = text::fill(&mut self.reader).map_err(Error::io(&self.path))?;
            let file_end = buffer.is_empty();
            let mut used = 0;
            while !end.closed && used < buffer.len() && !end.is_before(buffer[used]) {
                used += 1;
            }
            let value_end = end.closed || used < buffer.len();
            bytes.extend_from_slice(&buffer[..used]);
            self.reader.consume(used);
            if value_end || file_end {
                break;
            }
        }
        self.line += bytes.iter().filter(|&&byte| byte == b'\n').count() as u64;
        Ok(Value { line, text: text::text(bytes, &self.path, line)? })
    }

    /// An error at the place of what comes next.
    pub(super) fn unexpected(&mut self, expected: &str) -> Error {
        let found = match self.peek() {
            Err(error) => return error,
            Ok(None) => "the end of the file".to_owned(),
            Ok(Some(byte)) if byte.is_ascii_graphic() => format!("{:?}", char::from(byte)),
            Ok(Some(byte)) => format!("a byte {byte}"),
        };
        let what = format!("expected {expected}, found {found}");
        Error::JsonTable { path: self.path.clone(), line: self.line, what }
    }
}

// ANCHOR: end
/// Finds the end of a value.
#[derive(Default)]
struct End {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
    /// Whether the last byte has closed the value.
    closed: bool,
}

impl End {
    /// Whether the value has ended before this byte; if not, the byte belongs to it.
    fn is_before(&mut self, byte: u8) -> bool {
        let delimits = byte.is_ascii_whitespace() || b",:]}[{\"".contains(&byte);
        if self.begun && self.depth == 0 && !self.in_string && delimits {
            return true;
        }
        self.begun = true;
        if self.in_string {
            let is_end = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.in_string = !is_end;
            self.closed = is_end && self.depth == 0;
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.closed = self.depth == 0;
            }
            _ => {}
        }
        false
    }
}
// ANCHOR_END: end
