//! The rows of a file, one after the other.

use super::csv::Csv;
use super::json::{JsonFile, JsonLines};
use super::text::{Reader, without_byte_order_mark};
use super::tsv::Tsv;
use super::{Cell, Column, Fields, Format, Raw, Row, Skipped, Source, header};
use crate::Error;
use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// How a table is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableOptions {
    /// Its format; if none, what the file's extension says.
    pub format: Option<Format>,
    /// Whether the first row is a header; if none, it is found out. Of rows that are JSON objects
    /// this is not asked: they carry their names with them.
    pub header: Option<bool>,
    /// The columns that will be asked for. A name among them means that there is a header.
    pub asked: Vec<Column>,
    /// What is done about rows with too few cells.
    pub short_rows: ShortRows,
}

/// What is done about rows with too few cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShortRows {
    /// They are an error.
    #[default]
    Refuse,
    /// They are counted and passed over, as everybody does with QQP.
    Skip,
}

/// The rows of a file. An iterator; after an error it ends.
pub struct Rows {
    path: PathBuf,
    source: Box<dyn Source>,
    /// The names of the columns, if they have any.
    header: Option<Vec<String>>,
    width: usize,
    /// Whether rows are objects.
    objects: bool,
    /// Whether a blank line is a row, an empty text.
    blank_is_row: bool,
    short_rows: ShortRows,
    /// Blank lines of which it is not known yet whether a row follows.
    blank: Vec<u64>,
    /// Rows that have been read and not been handed out.
    waiting: VecDeque<Row>,
    ended: bool,
    skipped: Skipped,
    notes: Vec<String>,
}

impl Rows {
    /// Opens a file.
    ///
    /// # Errors
    /// It cannot be read or is no text; nothing says its format; it is empty; its first row is not
    /// of its format; whether that is a header is in doubt.
    pub fn open(path: impl AsRef<Path>, options: &TableOptions) -> Result<Self, Error> {
        let path = path.as_ref();
        let file = File::open(path).map_err(Error::io(path))?;
        Self::from_reader(BufReader::with_capacity(1 << 16, file), path, options)
    }

    /// Reads from anywhere: standard input, say. `name` stands in messages; without
    /// [`TableOptions::format`], its extension says what is read.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub fn from_reader(
        reader: impl std::io::BufRead + Send + 'static,
        name: impl AsRef<Path>,
        options: &TableOptions,
    ) -> Result<Self, Error> {
        let path = name.as_ref();
        let format = options.format.map_or_else(|| Format::of(path), Ok)?;
        let reader = without_byte_order_mark(Box::new(reader), path)?;
        let mut rows = Self {
            path: path.to_owned(),
            source: source(format, reader, path),
            header: None,
            width: 0,
            objects: false,
            blank_is_row: format == Format::Tsv,
            short_rows: options.short_rows,
            blank: Vec::new(),
            waiting: VecDeque::new(),
            ended: false,
            skipped: Skipped::default(),
            notes: Vec::new(),
        };
        rows.read_first(options)?;
        Ok(rows)
    }

    /// Reads the first row and with it the names of the columns.
    fn read_first(&mut self, options: &TableOptions) -> Result<(), Error> {
        let raw = loop {
            match self.source.next_row()? {
                None => return Err(Error::EmptyTable { path: self.path.clone() }),
                Some(Raw { line, fields: Fields::Blank }) => self.skipped.blank.add(line),
                Some(raw) => break raw,
            }
        };
        let line = raw.line;
        match &raw.fields {
            Fields::Object(fields) => {
                self.objects = true;
                self.width = fields.len();
                self.header = Some(fields.iter().map(|(name, _)| name.clone()).collect());
            }
            Fields::List(cells) => {
                self.width = cells.len();
                let text = |cell: &Cell| cell.text().map_or_else(String::new, |text| text.into());
                let cells: Vec<String> = cells.iter().map(text).collect();
                let place = (&*self.path, line);
                if header::is_header(&cells, options.header, &options.asked, place)? {
                    self.header = Some(cells.iter().map(|name| name.trim().to_owned()).collect());
                    return Ok(());
                }
            }
            Fields::Blank => {}
        }
        let row = self.cells(raw)?.map(|cells| Row { line, cells });
        self.waiting.extend(row);
        Ok(())
    }

    /// The file, or the name that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns, if they have any. Of JSON objects they are the names in the first.
    pub fn header(&self) -> Option<&[String]> {
        self.header.as_deref()
    }

    /// How many columns there are; at least one, but for JSON objects without any field.
    pub fn width(&self) -> usize {
        self.width
    }

    /// What was passed over so far.
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    pub(crate) fn skipped_mut(&mut self) -> &mut Skipped {
        &mut self.skipped
    }

    /// What the user should know besides: fields of JSON objects that the first object lacks.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// A column's name, or its number where it has none.
    pub fn column_name(&self, place: usize) -> String {
        let name = self.header.as_ref().map(|names| names[place].clone());
        name.filter(|name| !name.is_empty()).unwrap_or_else(|| place.to_string())
    }

    /// Asks for a column in another file: by its name, if it is the only one of that name.
    pub fn column(&self, place: usize) -> Column {
        let names = self.header().unwrap_or_default();
        let own = names.get(place).filter(|name| !name.is_empty());
        let alone = |name: &&String| names.iter().filter(|other| other == name).count() == 1;
        own.filter(alone).map_or(Column::Number(place), |name| Column::Name(name.clone()))
    }

    /// The place of a column among a row's cells.
    ///
    /// # Errors
    /// There is no such column; there are several of this name.
    pub fn place(&self, column: &Column) -> Result<usize, Error> {
        let missing = || Error::MissingColumn {
            path: self.path.clone(),
            column: column.to_string(),
            there: self.columns(),
        };
        let name = match column {
            Column::Number(number) if *number < self.width => return Ok(*number),
            Column::Number(_) => return Err(missing()),
            Column::Name(name) => name.trim(),
        };
        let names = self.header.as_deref().unwrap_or_default();
        let mut places = (0..names.len()).filter(|&place| names[place] == name);
        let place = places.next().ok_or_else(missing)?;
        if let Some(other) = places.next() {
            return Err(Error::MissingColumn {
                path: self.path.clone(),
                column: format!("{column} that is the only one of its name"),
                there: format!("columns {place} and {other} (counted from 0)"),
            });
        }
        Ok(place)
    }

    /// The columns, as a message lists them.
    pub(crate) fn columns(&self) -> String {
        match &self.header {
            Some(names) if !names.is_empty() => names.join(", "),
            Some(_) => "none".to_owned(),
            None if self.width == 1 => "one without a name, number 0".to_owned(),
            None => format!("{} without names, numbers 0 to {}", self.width, self.width - 1),
        }
    }

    /// Takes in what the source has found: a row, or the knowledge that there is none.
    fn push(&mut self, raw: Raw) -> Result<(), Error> {
        let line = raw.line;
        if self.is_blank(&raw.fields) {
            self.blank.push(line);
            return Ok(());
        }
        for line in std::mem::take(&mut self.blank) {
            if self.blank_is_row && self.width == 1 {
                self.waiting.push_back(Row { line, cells: vec![Cell::Text(String::new())] });
            } else {
                self.skipped.blank.add(line);
            }
        }
        let row = self.cells(raw)?.map(|cells| Row { line, cells });
        self.waiting.extend(row);
        Ok(())
    }

    /// Nothing at all; or, among rows of several cells, nothing but white space.
    fn is_blank(&self, fields: &Fields) -> bool {
        match fields {
            Fields::Blank => true,
            Fields::List(cells) => match &cells[..] {
                [Cell::Text(text)] => self.width > 1 && text.trim().is_empty(),
                _ => false,
            },
            Fields::Object(_) => false,
        }
    }

    /// The cells in the order of the columns; none if the row is to be passed over.
    fn cells(&mut self, raw: Raw) -> Result<Option<Vec<Cell>>, Error> {
        let Raw { line, fields } = raw;
        match fields {
            Fields::Object(fields) if self.objects => Ok(Some(self.sorted(line, fields))),
            Fields::List(cells) if !self.objects => {
                let found = cells.len();
                if found == self.width {
                    return Ok(Some(cells));
                }
                if found < self.width && self.short_rows == ShortRows::Skip {
                    self.skipped.short.add(line);
                    return Ok(None);
                }
                Err(Error::Ragged { path: self.path.clone(), line, expected: self.width, found })
            }
            _ => {
                let [a, b] =
                    if self.objects { ["an object", "a list"] } else { ["a list", "an object"] };
                let what = format!("expected {a}, as the first row is, found {b}");
                Err(Error::JsonTable { path: self.path.clone(), line, what })
            }
        }
    }

    /// An object's cells in the order of the columns.
    fn sorted(&mut self, line: u64, fields: Vec<(String, Cell)>) -> Vec<Cell> {
        let mut cells = vec![Cell::Missing; self.width];
        let names = self.header.as_deref().unwrap_or_default();
        for (name, cell) in fields {
            match names.iter().position(|known| *known == name) {
                Some(place) => cells[place] = cell,
                None => {
                    let begin = format!("field {name:?} is not read: ");
                    if !self.notes.iter().any(|note| note.starts_with(&begin)) {
                        let why = format!("line {line} has it, and the first row has not");
                        self.notes.push(begin + &why);
                    }
                }
            }
        }
        cells
    }

    fn next_row(&mut self) -> Result<Option<Row>, Error> {
        while self.waiting.is_empty() {
            match self.source.next_row()? {
                Some(raw) => self.push(raw)?,
                None => return Ok(None),
            }
        }
        Ok(self.waiting.pop_front())
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_row().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

fn source(format: Format, reader: Reader, path: &Path) -> Box<dyn Source> {
    match format {
        Format::Csv => Box::new(Csv::new(reader, path)),
        Format::Tsv => Box::new(Tsv::new(reader, path)),
        Format::Json => Box::new(JsonFile::new(reader, path)),
        Format::Jsonl => Box::new(JsonLines::new(reader, path)),
    }
}
