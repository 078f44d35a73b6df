//! SWAG's CSV.

use super::{ChoiceQuestion, by_text, check_choices, check_label, error, label_error};
use crate::Error;
use crate::text::count;
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
    fn find(header: &csv::StringRecord, path: &Path) -> Result<Self, Error> {
        let place = |name: &str| header.iter().position(|column| column.trim() == name);
        let needed = |name: &str| {
            place(name).ok_or_else(|| {
                let names: Vec<_> = header.iter().map(|column| format!("{column:?}")).collect();
                error(path, 1, &format!("a column {name:?}"), names.join(", "))
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
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let broken = |problem: csv::Error| {
        let line = problem.position().map_or(1, csv::Position::line);
        error(path, line, "a row of CSV", problem.to_string())
    };
    let header = reader.headers().map_err(broken)?.clone();
    let columns = Columns::find(&header, path)?;
    let mut questions = Vec::new();
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let line = line_of(&row, text);
        if row.len() != header.len() {
            let expected = format!("{} as in the header", count(header.len(), "column"));
            return Err(error(path, line, &expected, count(row.len(), "column")));
        }
        questions.push(question(&row, &columns, path, line)?);
    }
    Ok(questions)
}

/// Where a row begins. The reader's own position is that of the blank lines before it.
fn line_of(row: &csv::StringRecord, text: &str) -> u64 {
    let Some(position) = row.position() else { return 1 };
    let rest = text.get(position.byte() as usize..).unwrap_or_default();
    let blank = rest.len() - rest.trim_start_matches(['\r', '\n']).len();
    position.line() + rest[..blank].matches('\n').count() as u64
}

fn question(
    row: &csv::StringRecord,
    columns: &Columns,
    path: &Path,
    line: u64,
) -> Result<ChoiceQuestion, Error> {
    let mut endings: Vec<String> =
        columns.endings.iter().map(|&column| row[column].to_owned()).collect();
    let given = endings.iter().rposition(|ending| !ending.trim().is_empty());
    endings.truncate(given.map_or(0, |last| last + 1));
    check_choices(&endings, path, line)?;
    let label = match columns.label.map(|column| row[column].trim()) {
        None | Some("") => None,
        Some(text) => Some(match text.parse() {
            Ok(number) => check_label(number, &endings, path, line)?,
            Err(_) => {
                by_text(text, &endings).ok_or_else(|| label_error(text, &endings, path, line))?
            }
        }),
    };
    let first = row[columns.first].to_owned();
    if first.trim().is_empty() {
        return Err(error(path, line, "a text in the column \"sent1\"", "nothing".to_owned()));
    }
    let seconds = super::seconds(columns.start.map(|column| &row[column]), endings);
    let id = columns.id.map(|column| row[column].to_owned()).filter(|id| !id.is_empty());
    Ok(ChoiceQuestion { line, id, first, seconds, label })
}
