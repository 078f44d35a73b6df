//! Files of torch.save, and files that harm is meant with.
//!
//! - `assemble`: pickles and zip files, put together by hand
//! - `genuine`: what PyTorch itself wrote
//! - `hostile_pickles`, `hostile_files`: tables of what is refused, and how
//! - `damaged`: whatever happens to a file, nothing panics

mod assemble;
mod damaged;
mod genuine;
mod hostile_files;
mod hostile_pickles;

use crate::{Error, TensorFile};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The files that `tests/reference/make_pytorch.py` had PyTorch write.
fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/weights/pytorch")
}

/// All of them that end in `.bin`, by name.
static GENUINE: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let names = fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| {
            (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
});

fn open(bytes: &[u8]) -> Result<TensorFile, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.bin");
    fs::write(&path, bytes).unwrap();
    TensorFile::open(&path)
}

fn message(bytes: &[u8]) -> String {
    open(bytes).err().map_or("(it was read)".to_owned(), |error| error.to_string())
}

/// Reads all that can be read.
fn read_all(file: &TensorFile) {
    let names: Vec<_> = file.names().map(str::to_owned).collect();
    for name in names {
        let _ = file.reals(&name);
        let _ = file.integers(&name);
    }
}
