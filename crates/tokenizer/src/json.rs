//! JSON fields with their names, so that an error says what is wrong where.

use std::path::Path;

use serde_json::Value;

use crate::Error;

/// A value of a JSON file and its name, as `model.vocab`.
#[derive(Clone)]
pub(crate) struct Field<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: String,
    pub(crate) value: &'a Value,
}

pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Value, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error::Json { path: path.to_owned(), source })
}

impl<'a> Field<'a> {
    pub(crate) fn root(value: &'a Value, path: &'a Path) -> Self {
        Field { path, name: String::new(), value }
    }

    /// The field `key`, unless it is absent.
    pub(crate) fn get(&self, key: &str) -> Option<Field<'a>> {
        let value = self.value.get(key)?;
        let dot = if self.name.is_empty() { "" } else { "." };
        Some(Field { path: self.path, name: format!("{}{dot}{key}", self.name), value })
    }

    /// The field `key`, unless it is absent or null.
    pub(crate) fn some(&self, key: &str) -> Option<Field<'a>> {
        self.get(key).filter(|field| !field.value.is_null())
    }

    pub(crate) fn need(&self, key: &str) -> Result<Field<'a>, Error> {
        self.get(key).ok_or_else(|| self.wrong(&format!("a field `{key}`")))
    }

    /// The elements of a list.
    pub(crate) fn list(&self) -> Result<Vec<Field<'a>>, Error> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let name = |index| format!("{}[{index}]", self.name);
        let field = |(index, value)| Field { path: self.path, name: name(index), value };
        Ok(list.iter().enumerate().map(field).collect())
    }

    pub(crate) fn text(&self) -> Result<&'a str, Error> {
        self.value.as_str().ok_or_else(|| self.wrong("a string"))
    }

    pub(crate) fn flag(&self) -> Result<bool, Error> {
        self.value.as_bool().ok_or_else(|| self.wrong("true or false"))
    }

    pub(crate) fn id(&self) -> Result<u32, Error> {
        let number = self.value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.wrong("an id, a whole number"))
    }

    /// Stands for `"type"`; empty if there is none.
    pub(crate) fn kind(&self) -> &'a str {
        self.value.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn wrong(&self, expected: &str) -> Error {
        let found = self.value.to_string();
        let found = match found.char_indices().nth(60) {
            Some((cut, _)) => format!("{} ...", &found[..cut]),
            None => found,
        };
        let field =
            if self.name.is_empty() { "(the whole file)".to_owned() } else { self.name.clone() };
        Error::Field { path: self.path.to_owned(), field, expected: expected.to_owned(), found }
    }
}
