//! Tab-separated values, without any quoting.
//!
//! A quote is an ordinary character. Read with CSV's quoting, a text that begins with a quote would
//! swallow tabs and line breaks until the next quote: GLUE's files then lose rows without a word
//! (MRPC's training set has 3,668 and gives 3,571).

use super::text::{Lines, Reader};
use super::{Cell, Fields, Raw, Source};
use crate::Error;
use std::path::Path;

pub(super) struct Tsv {
    lines: Lines,
}

impl Tsv {
    pub(super) fn new(reader: Reader, path: &Path) -> Self {
        Self { lines: Lines::new(reader, path) }
    }
}

impl Source for Tsv {
    fn next_row(&mut self) -> Result<Option<Raw>, Error> {
        let Some((line, text)) = self.lines.next_line()? else { return Ok(None) };
        let fields = if text.is_empty() {
            Fields::Blank
        } else {
            Fields::List(text.split('\t').map(|cell| Cell::Text(cell.to_owned())).collect())
        };
        Ok(Some(Raw { line, fields }))
    }
}
