//! Which format a file has.

use crate::Error;
use std::path::Path;
use std::str::FromStr;

/// How rows stand in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Commas between cells, quotes around those that hold commas, quotes or line breaks.
    Csv,
    /// Tabs between cells, and no quoting: how GLUE's files are written.
    Tsv,
    /// A list of objects or of lists, or objects one after the other.
    Json,
    /// An object or a list on each line.
    Jsonl,
}

impl Format {
    /// What a file's extension says, in small letters or capitals. A `.txt` is read as TSV: a file
    /// with a text on each line is a table of one column.
    ///
    /// # Errors
    /// Another extension, or none.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("");
        match &*extension.to_ascii_lowercase() {
            "csv" => Ok(Self::Csv),
            "tsv" | "txt" => Ok(Self::Tsv),
            "json" => Ok(Self::Json),
            "jsonl" | "ndjson" => Ok(Self::Jsonl),
            _ => Err(Error::UnknownFormat { path: path.to_owned() }),
        }
    }
}

/// `csv`, `tsv`, `json` or `jsonl`.
impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "csv" => Ok(Self::Csv),
            "tsv" => Ok(Self::Tsv),
            "json" => Ok(Self::Json),
            "jsonl" => Ok(Self::Jsonl),
            _ => Err("csv, tsv, json or jsonl is wanted".to_owned()),
        }
    }
}
