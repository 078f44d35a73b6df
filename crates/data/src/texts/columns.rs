//! Which columns texts and labels are read from.
//!
//! A column that is not asked for is found by its name, and only where no other name may be meant
//! as well: of two that may be the text, a guess would be wrong half of the time and nobody would
//! notice.

use crate::Error;
use crate::table::{Column, Rows, names};
use std::fmt;

/// The columns that are asked for; those that are not are found by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// The text, or the first of two (`--text-column`).
    pub text: Option<Column>,
    /// The second text (`--pair-column`).
    pub pair: Option<Column>,
    /// The label (`--label-column`); several if each column says yes or no to one label.
    pub labels: Vec<Column>,
    /// What the file calls each example (`--id-column`).
    pub id: Option<Column>,
    /// These are those of another file: without a second text there, there is none here, and examples need no names.
    pub of_another_file: bool,
}

/// The names of the columns that were read, or their numbers where they have no names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsedColumns {
    /// The text, or the first of two.
    pub text: String,
    /// The second text.
    pub pair: Option<String>,
    /// The label; several if each column says yes or no to one label; none if there is none.
    pub labels: Vec<String>,
    /// What the file calls each example.
    pub id: Option<String>,
    /// Asks for the same text and labels in another file; for nothing if these are no columns of a table.
    pub again: Columns,
}

impl fmt::Display for UsedColumns {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "text {:?}", self.text)?;
        self.pair.iter().try_for_each(|pair| write!(f, ", second text {pair:?}"))?;
        self.labels.iter().try_for_each(|label| write!(f, ", label {label:?}"))?;
        self.id.iter().try_for_each(|id| write!(f, ", id {id:?}"))
    }
}

/// The places of the columns among a row's cells.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) text: usize,
    pub(super) pair: Option<usize>,
    pub(super) labels: Vec<usize>,
    pub(super) id: Option<usize>,
    /// What is to be told about the choice.
    pub(super) notes: Vec<String>,
}

impl Places {
    pub(super) fn names(&self, rows: &Rows) -> UsedColumns {
        let name = |&place: &usize| rows.column_name(place);
        let column = |&place: &usize| rows.column(place);
        UsedColumns {
            again: Columns {
                text: Some(column(&self.text)),
                pair: self.pair.as_ref().map(column),
                labels: self.labels.iter().map(column).collect(),
                id: None,
                of_another_file: true,
            },
            text: name(&self.text),
            pair: self.pair.as_ref().map(name),
            labels: self.labels.iter().map(name).collect(),
            id: self.id.as_ref().map(name),
        }
    }
}

const TEXT: (&str, &str) = ("the text", "--text-column");
const LABEL: (&str, &str) = ("the label", "--label-column");
const ID: (&str, &str) = ("the id", "--id-column");

impl Columns {
    /// All that are asked for.
    pub fn asked(&self) -> Vec<Column> {
        let ones = [&self.text, &self.pair, &self.id];
        ones.into_iter().flatten().chain(&self.labels).cloned().collect()
    }

    /// Finds the columns in a file. `needed`: without a label it is an error.
    pub(super) fn find(&self, rows: &Rows, needed: bool) -> Result<Places, Error> {
        let asked = |column: &Option<Column>| column.as_ref().map(|c| rows.place(c)).transpose();
        let (text, pair) = (asked(&self.text)?, asked(&self.pair)?);
        let id = match asked(&self.id) {
            Err(_) if self.of_another_file => None,
            id => id?,
        };
        let labels: Result<Vec<_>, _> = self.labels.iter().map(|c| rows.place(c)).collect();
        let mut finder = Finder { rows, taken: Vec::new(), notes: Vec::new() };
        let singles = [(text, TEXT.1), (pair, "--pair-column"), (id, ID.1)];
        for (place, flag) in singles {
            place.map_or(Ok(()), |place| finder.take(place, flag))?;
        }
        let mut labels = labels?;
        for &place in &labels {
            finder.take(place, LABEL.1)?;
        }

        let id = id.map_or_else(|| finder.by_name(&names::ID, ID, true), |id| Ok(Some(id)))?;
        if labels.is_empty() {
            labels.extend(finder.by_name(&names::LABEL, LABEL, needed)?);
        }
        let (text, found_pair) = match text {
            Some(text) if self.of_another_file => (text, None),
            Some(text) => (text, finder.second_of(text)),
            None => finder.text(&labels)?,
        };
        if labels.is_empty() && needed {
            let used: Vec<_> = [text].into_iter().chain(pair.or(found_pair)).collect();
            labels.push(finder.only_other(&used).ok_or_else(|| finder.unknown(LABEL, None))?);
        }
        Ok(Places { text, pair: pair.or(found_pair), labels, id, notes: finder.notes })
    }
}

/// Looks for columns among those that have no use yet.
struct Finder<'a> {
    rows: &'a Rows,
    taken: Vec<(usize, &'static str)>,
    notes: Vec<String>,
}

impl Finder<'_> {
    fn take(&mut self, place: usize, second: &'static str) -> Result<(), Error> {
        if let Some(&(_, first)) = self.taken.iter().find(|(taken, _)| *taken == place) {
            let (path, column) = (self.rows.path().to_owned(), self.rows.column_name(place));
            return Err(Error::SameColumn { path, column, first, second });
        }
        self.taken.push((place, second));
        Ok(())
    }

    /// The free columns whose names are among these.
    fn named(&self, known: &[&str]) -> Vec<usize> {
        let header = self.rows.header().unwrap_or_default();
        let free = (0..header.len()).filter(|place| self.taken.iter().all(|(t, _)| t != place));
        free.filter(|&place| names::is_one_of(&header[place], known)).collect()
    }

    /// The only free column with one of these names, if any. Of several, it is an error or, where
    /// nobody needs it, none.
    fn by_name(
        &mut self,
        known: &[&str],
        what: (&'static str, &'static str),
        needed: bool,
    ) -> Result<Option<usize>, Error> {
        match &self.named(known)[..] {
            [] => Ok(None),
            &[place] => self.take(place, what.1).map(|()| Some(place)),
            several if needed => Err(self.unknown(what, Some(several))),
            several => {
                let names: Vec<_> = several.iter().map(|&p| self.rows.column_name(p)).collect();
                let (what, flag, names) = (what.0, what.1, names.join(", "));
                self.notes.push(format!("{what} is not read: it may be {names}; say {flag}"));
                Ok(None)
            }
        }
    }

    /// The text, and the second one where the names belong together.
    fn text(&mut self, labels: &[usize]) -> Result<(usize, Option<usize>), Error> {
        match &self.named(&names::TEXT)[..] {
            &[place] => {
                self.take(place, TEXT.1)?;
                Ok((place, self.second_of(place)))
            }
            [] if self.rows.width() == 1 && labels.is_empty() => Ok((0, None)),
            [] => {
                let place = self.only_other(labels);
                place.map(|place| (place, None)).ok_or_else(|| self.unknown(TEXT, None))
            }
            several => Err(self.unknown(TEXT, Some(several))),
        }
    }

    /// The column whose name belongs to that of the text.
    fn second_of(&mut self, text: usize) -> Option<usize> {
        let name = self.rows.header()?[text].to_ascii_lowercase();
        let seconds = names::PAIRS.iter().filter(|(first, _)| *first == name);
        let seconds: Vec<&str> = seconds.map(|(_, second)| *second).collect();
        match self.named(&seconds)[..] {
            [place] => Some(place),
            _ => None,
        }
    }

    /// The only column that has no use yet and is none of these.
    fn only_other(&self, these: &[usize]) -> Option<usize> {
        let used = |place: &usize| {
            these.contains(place) || self.taken.iter().any(|(taken, _)| taken == place)
        };
        let mut free = (0..self.rows.width()).filter(|place| !used(place));
        free.next().filter(|_| free.next().is_none() && !these.is_empty())
    }

    fn unknown(&self, (what, flag): (&'static str, &'static str), of: Option<&[usize]>) -> Error {
        let there = of.map_or_else(
            || self.rows.columns(),
            |of| of.iter().map(|&p| self.rows.column_name(p)).collect::<Vec<_>>().join(", "),
        );
        Error::UnknownColumn { path: self.rows.path().to_owned(), what, flag, there }
    }
}
