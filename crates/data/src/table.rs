//! Rows out of files: CSV, TSV, JSON and JSON Lines, one after the other, never the whole file.
//!
//! A row that is lost or cut in two is the commonest fault of programs that train on somebody's
//! table. So each format is read by its own rule, which its file here states; a row that breaks the
//! rule is an error with the file and the line; and what is passed over is counted in [`Skipped`].
//!
//! | | quotes | a row ends at | blank lines |
//! |---|---|---|---|
//! | CSV | hold a field together | LF, CR LF or CR, outside quotes | are no rows |
//! | TSV | are ordinary characters | LF; a CR before it belongs to it | are rows with an empty text if there is one column |
//! | JSON | – | – | – |
//! | JSON Lines | – | LF | are no rows |
//!
//! Blank lines at the end of a file are never rows. A byte order mark is dropped.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`mod@format`]: which format a file has
//! - [`row`]: a row and its cells
//! - [`mod@column`]: a column by name or by number
//! - [`text`]: bytes to text, line by line; what is no text is refused
//! - `tsv`, `csv`: rows of cells
//! - `json`, `json_scan`: rows of objects or lists
//! - [`names`]: what columns are usually called
//! - `header`: whether the first row is one
//! - [`rows`]: all that put together
//! - [`skipped`]: what was passed over

pub mod column;
mod csv;
pub mod format;
mod header;
mod json;
mod json_scan;
pub mod names;
pub mod row;
pub mod rows;
pub mod skipped;
pub mod text;
mod tsv;

pub use column::Column;
pub use format::Format;
pub use row::{Cell, Row};
pub use rows::{Rows, ShortRows, TableOptions};
pub use skipped::{Counted, Skipped};

use crate::Error;

/// A row as its format's reader has found it.
struct Raw {
    /// Where it begins, counted from 1.
    line: u64,
    fields: Fields,
}

enum Fields {
    /// A line with nothing in it.
    Blank,
    /// Cells in order.
    List(Vec<Cell>),
    /// Cells by name.
    Object(Vec<(String, Cell)>),
}

/// Reads one format.
trait Source: Send {
    /// The next row, or none at the end. Not asked again after an error.
    fn next_row(&mut self) -> Result<Option<Raw>, Error>;
}
