//! Whether a file's first row names its columns.

use super::row::shortened;
use super::{Column, names};
use crate::Error;
use std::path::Path;

/// No column's name has more words than this; a text mostly does.
const WORDS: usize = 4;

// ANCHOR: header
/// Whether the first row is a header. `told` is what the user says of it, `asked` which columns he
/// asks for. A guess could make data a header and lose a row, or make the header an example; so
/// where the file leaves a doubt, it is an error.
pub(super) fn is_header(
    cells: &[String],
    told: Option<bool>,
    asked: &[Column],
    (path, line): (&Path, u64),
) -> Result<bool, Error> {
    if let Some(told) = told {
        return Ok(told);
    }
    if asked.iter().any(|column| matches!(column, Column::Name(_))) {
        return Ok(true);
    }
    let known = cells.iter().any(|cell| names::is_known(cell.trim()));
    let sentence = cells.iter().any(|cell| cell.split_whitespace().nth(WORDS).is_some());
    match (known, sentence) {
        (true, false) => Ok(true),
        (false, _) if !asked.is_empty() => Ok(false),
        _ => Err(Error::HeaderInDoubt { path: path.to_owned(), line, row: shown(cells) }),
    }
}
// ANCHOR_END: header

fn shown(cells: &[String]) -> String {
    let shown = cells.iter().take(8).map(|cell| format!("{:?}", shortened(cell)));
    let more = if cells.len() > 8 { " …" } else { "" };
    shown.collect::<Vec<_>>().join(" ") + more
}
