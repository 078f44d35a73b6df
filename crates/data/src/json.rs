//! JSON read with errors that say where: line, column, and the way to it from the outermost object.

use crate::Error;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Ids are numbers in some files, and so are versions.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a number")]
pub(crate) enum Text {
    Text(String),
    Number(serde_json::Number),
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        match text {
            Text::Text(text) => text,
            Text::Number(number) => number.to_string(),
        }
    }
}

/// Reads a value from a text that begins at this line of its file.
pub(crate) fn parse<T: DeserializeOwned>(text: &str, line: u64, path: &Path) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let place = error.path().to_string();
        as_error(error.inner(), place, line, path)
    })?;
    json.end().map_err(|error| as_error(&error, String::new(), line, path))?;
    Ok(value)
}

fn as_error(error: &serde_json::Error, place: String, line: u64, path: &Path) -> Error {
    let problem = error.to_string();
    // The line and column at its end count from the beginning of this text.
    let problem = problem.rsplit_once(" at line ").map_or(&*problem, |(problem, _)| problem);
    let is_json = error.is_data();
    Error::Json {
        path: path.to_owned(),
        line: line - 1 + error.line().max(1) as u64,
        column: error.column(),
        place: if is_json && place != "." { place } else { String::new() },
        problem: if is_json { problem.to_owned() } else { format!("this is not JSON: {problem}") },
    }
}
