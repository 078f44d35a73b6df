//! SWAG's CSV.

use super::{ChoiceQuestion, by_text, check_choices, check_label, error, label_error};
use crate::Error;
use crate::table::{Cell, Format, Row, Rows, TableOptions};
use std::io::Cursor;
use std::path::Path;

/// The columns that are read, by their places.
struct Columns {
    id: Option<usize>,
    first: usize,
    start: Option<usize>,
    endings: Vec<usize>,
    label: Option<usize>,
}

impl Columns {
    fn find(rows: &Rows) -> Result<Self, Error> {
        let header = rows.header().unwrap_or_default();
        let place = |name: &str| header.iter().position(|column| column == name);
        let needed = |name: &str| {
            place(name).ok_or_else(|| {
                let (path, column, there) =
                    (rows.path().to_owned(), format!("{name:?}"), rows.columns());
                Error::MissingColumn { path, column, there }
            })
        };
        let first = needed("sent1")?;
        needed("ending0")?;
        needed("ending1")?;
        let endings = (0..).map_while(|number| place(&format!("ending{number}"))).collect();
        Ok(Self { id: place("id"), first, start: place("sent2"), endings, label: place("label") })
    }
}

/// Reads all rows. Endings that are empty at the end of the list are none: a row may have fewer than
/// others.
pub(super) fn read(text: &str, path: &Path) -> Result<Vec<ChoiceQuestion>, Error> {
    let options =
        TableOptions { format: Some(Format::Csv), header: Some(true), ..TableOptions::default() };
    let rows = Rows::from_reader(Cursor::new(text.as_bytes().to_vec()), path, &options)?;
    let columns = Columns::find(&rows)?;
    rows.map(|row| question(&row?, &columns, path)).collect()
}

/// A cell of a CSV file is always a text.
fn text(cell: &Cell) -> String {
    cell.text().unwrap_or_default().into_owned()
}

fn question(row: &Row, columns: &Columns, path: &Path) -> Result<ChoiceQuestion, Error> {
    let (line, cell) = (row.line, |column: usize| text(&row.cells[column]));
    let mut endings: Vec<String> = columns.endings.iter().map(|&column| cell(column)).collect();
    let given = endings.iter().rposition(|ending| !ending.trim().is_empty());
    endings.truncate(given.map_or(0, |last| last + 1));
    check_choices(&endings, path, line)?;
    let label = match columns.label.map(cell).as_deref().map(str::trim) {
        None | Some("") => None,
        Some(text) => Some(match text.parse() {
            Ok(number) => check_label(number, &endings, path, line)?,
            Err(_) => {
                by_text(text, &endings).ok_or_else(|| label_error(text, &endings, path, line))?
            }
        }),
    };
    let first = cell(columns.first);
    if first.trim().is_empty() {
        return Err(error(path, line, "a text in the column \"sent1\"", "nothing".to_owned()));
    }
    let seconds = super::seconds(columns.start.map(cell).as_deref(), endings);
    let id = columns.id.map(cell).filter(|id| !id.is_empty());
    Ok(ChoiceQuestion { line, id, first, seconds, label })
}
