//! Predictions written beside the lines that they are for.

use super::TaggedFile;
use super::columns::{Kind, Line};
use std::io::{self, Write};

/// Where predicted tags are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Predicted {
    /// In a column of their own after the others. This is what conlleval reads: it compares the last
    /// two columns.
    Appended,
    /// In the place of the file's tags; appended if it has none.
    Replacing,
}

// ANCHOR: write
/// Writes the file's lines with predicted tags, exactly one line for each of the file's, in order.
/// `tags` are those of each sentence. Line breaks stay the file's; blank lines are written empty, and
/// where a tag is replaced one separator stands between columns. A line that begins a document receives the tag `O` where one is appended, since
/// conlleval wants as many columns in each line.
///
/// # Errors
/// What the writer says.
pub fn write_conll(
    out: &mut impl Write,
    file: &TaggedFile,
    tags: &[Vec<String>],
    place: Predicted,
) -> io::Result<()> {
    let words = || file.sentences.iter().map(|sentence| sentence.words.len());
    assert!(words().eq(tags.iter().map(Vec::len)), "a tag for each word of each sentence");
    let mut tags = tags.iter().flatten();
    let replaced = file.layout.tag.filter(|_| place == Predicted::Replacing);
    for line in file.layout.lines() {
        let text = line.text;
        match (line.kind(), replaced) {
            (Kind::Blank, _) => {}
            (Kind::Document, Some(_)) => write!(out, "{text}")?,
            (Kind::Document, None) => write!(out, "{text}{}O", line.separator())?,
            (Kind::Word, _) => {
                let tag = tags.next().expect("as many as words");
                match replaced {
                    None => write!(out, "{text}{}{tag}", line.separator())?,
                    Some(column) => write_replaced(out, line, column, tag)?,
                }
            }
        }
        write!(out, "{}", line.ending)?;
    }
    Ok(())
}
// ANCHOR_END: write

/// A line with another text in one of its columns.
fn write_replaced(out: &mut impl Write, line: Line, column: usize, tag: &str) -> io::Result<()> {
    for (number, text) in line.columns().into_iter().enumerate() {
        if number > 0 {
            write!(out, "{}", line.separator())?;
        }
        write!(out, "{}", if number == column { tag } else { text })?;
    }
    Ok(())
}
