//! Bytes to text. Whatever is not text in UTF-8 is refused with its line.

use crate::Error;
use std::io::{self, BufRead, Cursor, Read};
use std::path::{Path, PathBuf};

/// Where bytes come from: a file, standard input, memory.
pub type Reader = Box<dyn BufRead + Send>;

/// Some editors put this before UTF-8 text; the first column's name would begin with it.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// The same bytes without a byte order mark.
///
/// # Errors
/// It cannot be read; the mark is that of UTF-16.
pub fn without_byte_order_mark(mut reader: Reader, path: &Path) -> Result<Reader, Error> {
    let mut first = Vec::new();
    reader.by_ref().take(3).read_to_end(&mut first).map_err(Error::io(path))?;
    if first.starts_with(b"\xFF\xFE") || first.starts_with(b"\xFE\xFF") {
        let found = "the mark of UTF-16; save the file as UTF-8";
        return Err(Error::NotText { path: path.to_owned(), line: 1, found });
    }
    if first == BYTE_ORDER_MARK {
        first.clear();
    }
    Ok(Box::new(Cursor::new(first).chain(reader)))
}

/// Bytes as text.
///
/// # Errors
/// A byte 0, which no text has and almost every other file; what is not UTF-8. `line` is where the
/// bytes begin.
pub fn text(bytes: Vec<u8>, path: &Path, line: u64) -> Result<String, Error> {
    let line_of =
        |place: usize| line + bytes[..place].iter().filter(|&&byte| byte == b'\n').count() as u64;
    if let Some(place) = bytes.iter().position(|&byte| byte == 0) {
        let (line, found) = (line_of(place), "a byte 0: this is no text file");
        return Err(Error::NotText { path: path.to_owned(), line, found });
    }
    if let Err(error) = str::from_utf8(&bytes) {
        return Err(Error::NotUtf8 { path: path.to_owned(), line: line_of(error.valid_up_to()) });
    }
    Ok(String::from_utf8(bytes).expect("it was looked at just now"))
}

// ANCHOR: lines
/// The lines of a text. Only LF ends a line, and a CR right before it belongs to it. Any other CR,
/// and the Unicode characters that some programs break lines at, are data.
pub(super) struct Lines {
    reader: Reader,
    pub(super) path: PathBuf,
    line: u64,
}

impl Lines {
    pub(super) fn new(reader: Reader, path: &Path) -> Self {
        Self { reader, path: path.to_owned(), line: 0 }
    }

    /// The next line and its number, counted from 1.
    pub(super) fn next_line(&mut self) -> Result<Option<(u64, String)>, Error> {
        let mut bytes = Vec::new();
        if self.reader.read_until(b'\n', &mut bytes).map_err(Error::io(&self.path))? == 0 {
            return Ok(None);
        }
        self.line += 1;
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        Ok(Some((self.line, text(bytes, &self.path, self.line)?)))
    }
}
// ANCHOR_END: lines

/// As [`BufRead::fill_buf`], but goes on where a signal has interrupted it.
pub(super) fn fill(reader: &mut Reader) -> io::Result<&[u8]> {
    loop {
        match reader.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // A second call hands out the same bytes; to return those of the loop, the borrow would have to
    // end in one of its arms and not in the other.
    reader.fill_buf()
}
