//! A folder that holds a folder of text files for each class.

use super::{Columns, Target, TextExample, TextFile, UsedColumns};
use crate::Error;
use crate::table::{Counted, Skipped, text};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// Reads `CLASS/FILE` of a folder: each file is a text, and its folder's name is its class. The
/// order is that of the names; the id is the path within the folder. Line breaks at a file's end do
/// not count. Passed over, with a note, are names that begin with a dot, files beside the classes
/// and folders within them.
///
/// # Errors
/// A folder or file cannot be read, or is no text in UTF-8; there is no class, or one without a
/// file; a name is not UTF-8.
pub fn read_folder(path: impl AsRef<Path>) -> Result<TextFile, Error> {
    let path = path.as_ref();
    let mut passed_over = Vec::new();
    let mut examples = Vec::new();
    let mut empty_texts = Vec::new();
    let classes = entries(path, true, &mut passed_over)?;
    if classes.is_empty() {
        let expected = "a folder of text files for each class";
        return Err(Error::Folder { path: path.to_owned(), expected, found: "none".to_owned() });
    }
    for class in &classes {
        let folder = path.join(class);
        let files = entries(&folder, false, &mut passed_over)?;
        if files.is_empty() {
            let expected = "text files of this class";
            return Err(Error::Folder { path: folder, expected, found: "none".to_owned() });
        }
        for file in files {
            let (first, id) = (read(&folder.join(&file))?, format!("{class}/{file}"));
            if first.trim().is_empty() {
                empty_texts.push(id.clone());
            }
            let target = Some(Target::Class(class.clone()));
            examples.push(TextExample { line: 1, id: Some(id), first, second: None, target });
        }
    }
    let notes = [("passed over", &passed_over), ("empty texts:", &empty_texts)];
    Ok(TextFile {
        path: path.to_owned(),
        examples,
        columns: UsedColumns {
            text: "the file".to_owned(),
            pair: None,
            labels: vec!["the folder's name".to_owned()],
            id: Some("the path".to_owned()),
            again: Columns::default(),
        },
        skipped: Skipped::default(),
        empty_texts: Counted { count: empty_texts.len() as u64, lines: Vec::new() },
        notes: notes.into_iter().filter_map(|(what, names)| note(what, names)).collect(),
    })
}

/// The names of the folders or of the files in a folder, sorted.
fn entries(
    folder: &Path,
    folders: bool,
    passed_over: &mut Vec<String>,
) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let name = name.ok_or_else(|| Error::Folder {
            path: folder.to_owned(),
            expected: "names in UTF-8",
            found: format!("{:?}", path.file_name().unwrap_or_default()),
        })?;
        // Links count as what they lead to.
        let kind = fs::metadata(&path).map_err(Error::io(&path))?;
        let fits = if folders { kind.is_dir() } else { kind.is_file() };
        if fits && !name.starts_with('.') {
            names.push(name);
        } else {
            passed_over.push(path.display().to_string());
        }
    }
    names.sort();
    Ok(names)
}

fn read(path: &PathBuf) -> Result<String, Error> {
    let file = File::open(path).map_err(Error::io(path))?;
    let mut reader = text::without_byte_order_mark(Box::new(BufReader::new(file)), path)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(Error::io(path))?;
    let text = text::text(bytes, path, 1)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn note(what: &str, names: &[String]) -> Option<String> {
    let first: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
    let more = if names.len() > 5 { ", …" } else { "" };
    (!names.is_empty()).then(|| format!("{what} {} ({}{more})", names.len(), first.join(", ")))
}
