//! PyTorch's files: a pickle with names, types and shapes, and the numbers beside it.
//!
//! A pickle is a program, and Python's own reader lets it call any function there is. The reader here knows the few calls
//! that describe tensors, carries none of them out, and refuses everything else by name. So no file can run code, and none
//! is half read: see [`globals`].
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`archive`]: the zip file, in which entries lie as they are
//! - [`opcodes`], [`values`], [`pickle`]: the instructions of a pickle, what they work on, and the machine that reads them
//! - [`globals`]: the names that a pickle may use
//! - [`state_dict`]: from what a pickle holds to tensors with names
//! - [`legacy`]: the form before torch 1.6

mod archive;
mod globals;
mod legacy;
mod opcodes;
mod pickle;
mod state_dict;
#[cfg(test)]
mod tests;
mod values;

use crate::tensor_file::{Bytes, Index, refuse_pointer};
use archive::{Entries, shown};
use state_dict::{Found, Storages};
use std::path::Path;
use values::Budget;

/// What the format is called.
pub(crate) const FORMAT: &str = "PyTorch";

/// The ways to write a file of tensors that PyTorch has had.
#[derive(Clone, Copy)]
enum Form {
    Zip,
    Legacy,
    Tar,
    /// Of something else.
    Pickle,
}

// ANCHOR: form
fn form(bytes: &[u8]) -> Option<Form> {
    if bytes.starts_with(archive::LOCAL) {
        return Some(Form::Zip);
    }
    if legacy::recognises(bytes) {
        return Some(Form::Legacy);
    }
    if bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        return Some(Form::Tar);
    }
    // A safetensors file may begin with 80 02, too: as a length of 8 bytes, of which the upper ones are 0.
    let pickle =
        matches!(bytes, [opcodes::PROTO, 2..=5, _, _, rest @ ..] if !rest.starts_with(&[0; 4]));
    pickle.then_some(Form::Pickle)
}
// ANCHOR_END: form

/// Whether a file is PyTorch's: by what it begins with, else by its name.
pub(crate) fn recognises(bytes: &[u8], path: &Path) -> bool {
    let named = ["bin", "pt", "pth"]
        .iter()
        .any(|&name| path.extension().is_some_and(|extension| extension == name));
    // The header of a safetensors file follows its length.
    form(bytes).is_some() || named && bytes.get(8) != Some(&b'{')
}

/// What is where. `Err` says what is wrong with it.
pub(crate) fn index(bytes: Bytes) -> Result<Index, String> {
    let (entries, notes) = read(&bytes)?;
    Ok(Index { files: vec![bytes], entries, notes })
}

fn read(bytes: &[u8]) -> Result<Found, String> {
    refuse_pointer(bytes)?;
    let mut budget = Budget::new(bytes.len());
    match form(bytes) {
        Some(Form::Zip) => zip(bytes, &mut budget),
        Some(Form::Legacy) => legacy::read(bytes, &mut budget),
        Some(Form::Tar) => {
            Err("it is a tar file, as torch wrote before version 0.1.10; that form is not read. \
                                Load it with a torch before 2.6 and save it again"
                .to_owned())
        }
        Some(Form::Pickle) => {
            Err("it is a pickle, but not one that torch.save writes; that form is not read"
                .to_owned())
        }
        None => Err("it begins like no file that torch.save writes".to_owned()),
    }
}

/// The tensors of a file of the zip form.
// ANCHOR: zip
fn zip(bytes: &[u8], budget: &mut Budget) -> Result<Found, String> {
    let entries = archive::entries(bytes)?;
    let folder = folder(&entries)?;
    let entry = |name: &str| {
        entries.get(format!("{folder}{name}").as_str()).map(|place| &bytes[place.clone()])
    };
    if entry("byteorder").is_some_and(|order| order != b"little") {
        return Err("its numbers are big-endian, which is not read".to_owned());
    }
    let program = entry("data.pkl").expect("the folder is that of data.pkl");
    let pickle = pickle::read(program, 0, budget)?;
    if pickle.end != program.len() {
        return Err(format!("{} bytes follow the pickle", program.len() - pickle.end));
    }
    let storages: Storages = entries
        .iter()
        .filter_map(|(name, place)| {
            Some((name.strip_prefix(folder)?.strip_prefix("data/")?, place.clone()))
        })
        .collect();
    state_dict::tensors(&pickle, &storages, budget)
}
// ANCHOR_END: zip

/// The folder within the zip file, with its slash. It is called as the file once was.
fn folder<'a>(entries: &Entries<'a>) -> Result<&'a str, String> {
    let mut folders = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
    let mut folders = folders
        .by_ref()
        .filter(|folder| folder.strip_suffix('/').is_some_and(|name| !name.contains('/')));
    match (folders.next(), folders.next()) {
        (Some(folder), None) => Ok(folder),
        (Some(one), Some(two)) => {
            Err(format!("both {}data.pkl and {}data.pkl are there", shown(one), shown(two)))
        }
        (None, _) => {
            let first: Vec<_> = entries.keys().take(8).map(|name| shown(name)).collect();
            Err(format!(
                "it is a zip file, but not one of torch.save: there is no NAME/data.pkl, but {}. If it is a model's \
                 directory, unpack it",
                first.join(", ")
            ))
        }
    }
}
