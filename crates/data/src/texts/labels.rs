//! The names of the classes, and their order: a class's place is its number in the model.

use super::{Target, TextExample, TextFile};
use crate::Error;
use std::collections::BTreeSet;
use std::path::Path;

/// The names of the classes or labels, each once, in the model's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
}

impl Labels {
    // ANCHOR: found_in
    /// The labels of a file, sorted: by value if all are whole numbers (2 before 10), else by the
    /// order of Unicode's characters. So the order does not depend on that of the rows.
    ///
    /// # Errors
    /// There are not two classes to tell apart; of a multi-label problem, there is no label at all.
    pub fn found_in(file: &TextFile) -> Result<Self, Error> {
        let mut found = BTreeSet::new();
        let mut several = false;
        for example in &file.examples {
            several |= matches!(example.target, Some(Target::Labels(_)));
            found.extend(labels_of(example));
        }
        if found.len() < if several { 1 } else { 2 } {
            let found = found.first().map_or("none".to_owned(), |only| format!("only {only:?}"));
            return Err(Error::OneClass { path: file.path.clone(), found });
        }
        let mut names: Vec<String> = found.into_iter().map(str::to_owned).collect();
        let values: Option<Vec<i64>> = names.iter().map(|name| name.parse().ok()).collect();
        if values.is_some() {
            names.sort_by_key(|name| name.parse::<i64>().expect("all of them are numbers"));
        }
        Ok(Self { names })
    }
    // ANCHOR_END: found_in

    /// These labels in this order.
    ///
    /// # Errors
    /// There is none; one is empty; one is there twice.
    pub fn given(names: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, Error> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let mut seen = BTreeSet::new();
        let twice = names.iter().find(|name| !seen.insert(name.as_str()));
        let found = match twice {
            Some(name) => format!("{name:?} twice"),
            None if names.is_empty() => "none".to_owned(),
            None if seen.contains("") => "an empty one".to_owned(),
            None => return Ok(Self { names }),
        };
        let expected = "names that differ from each other".to_owned();
        Err(Error::Setting { name: "labels", expected, found })
    }

    /// The names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A label's place.
    pub fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// The places of an example's labels, in the order in which it has them: one for a class, any
    /// number for several labels, none for an example without labels. `path` is for messages.
    ///
    /// # Errors
    /// A label that is none of these.
    pub fn indices(&self, example: &TextExample, path: &Path) -> Result<Vec<usize>, Error> {
        let index = |name: &str| {
            self.index(name).ok_or_else(|| Error::UnknownLabel {
                path: path.to_owned(),
                line: example.line,
                label: name.to_owned(),
                there: self.names.join(", "),
            })
        };
        labels_of(example).map(index).collect()
    }

    /// How many examples of a file have each label.
    ///
    /// # Errors
    /// A label that is none of these.
    pub fn counts(&self, file: &TextFile) -> Result<Vec<u64>, Error> {
        let mut counts = vec![0; self.names.len()];
        for example in &file.examples {
            for index in self.indices(example, &file.path)? {
                counts[index] += 1;
            }
        }
        Ok(counts)
    }
}

fn labels_of(example: &TextExample) -> impl Iterator<Item = &str> {
    let labels = match &example.target {
        Some(Target::Class(label)) => std::slice::from_ref(label),
        Some(Target::Labels(labels)) => &labels[..],
        Some(Target::Number(_)) | None => &[],
    };
    labels.iter().map(String::as_str)
}
