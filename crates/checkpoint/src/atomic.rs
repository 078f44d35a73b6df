//! Files are replaced, never edited: written beside, flushed to the disk, renamed. Whoever reads the
//! file sees the old one or the new one, whole, even if the power fails in between.

use crate::Error;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes a file through `fill` and puts it in the place of `path`. On an error, what stood there
/// before stays.
pub fn write_atomically(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    // A device or a pipe (/dev/null, /dev/stdout) is no file that could be replaced.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return write_through(path, fill).map_err(Error::io(path));
    }
    let beside = beside(path);
    let written = write_and_rename(&beside, path, fill);
    if written.is_err() {
        let _ = fs::remove_file(&beside); // the first error is the one to tell
    }
    written.map_err(Error::io(path))
}

/// Whether [`write_atomically`] will be able to, as far as one can know before: for commands that work long before they write.
/// Nothing is changed.
pub fn check_writable(path: &Path) -> Result<(), Error> {
    let there = fs::metadata(path);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.exists()) {
        let problem = format!("there is no folder {}", folder.display());
        return Err(Error::io(path)(io::Error::new(io::ErrorKind::NotFound, problem)));
    }
    let checked = match there {
        Ok(there) if there.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(there) if !there.is_file() => OpenOptions::new().write(true).open(path).map(drop),
        _ => File::create(beside(path)).and_then(|_| fs::remove_file(beside(path))),
    };
    checked.map_err(Error::io(path))
}

/// Where a file is written before it takes the place of `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn write_through(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::new(OpenOptions::new().write(true).open(path)?);
    fill(&mut writer)?;
    writer.flush()
}

// ANCHOR: replace
fn write_and_rename(
    beside: &Path,
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let mut writer = BufWriter::new(File::create(beside)?);
    fill(&mut writer)?;
    writer.flush()?;
    writer.get_ref().sync_all()?;
    drop(writer);
    fs::rename(beside, path)?;
    flush_folder_of(path)
}
// ANCHOR_END: replace

/// A rename lives in the directory, which only Unix lets a program open and flush.
fn flush_folder_of(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

// ANCHOR: directory
/// Makes a directory of several files, whole or not at all: filled under another name, then renamed. A
/// directory that stood at `path` is replaced. On an error, it stays.
///
/// `fill` gets the path to fill and writes each file with [`write_atomically`], which flushes it to
/// the disk. Whoever is killed in between leaves the directory `.NAME.tmp` behind, which the next
/// call for the same `path` clears away.
pub fn write_directory(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let hidden = |ending| {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(ending);
        path.with_file_name(name)
    };
    let (beside, old) = (hidden(".tmp"), hidden(".old.tmp"));
    remove(&beside).map_err(Error::io(&beside))?;
    fs::create_dir_all(&beside).map_err(Error::io(&beside))?;
    let written = fill(&beside).and_then(|()| {
        swap(path, &beside, &old).map_err(Error::io(path))?;
        flush_folder_of(path).map_err(Error::io(path))
    });
    if written.is_err() {
        let _ = fs::remove_dir_all(&beside); // the first error is the one to tell
    }
    written
}

/// Puts `new` in the place of `path`. A directory cannot be renamed onto a full one, so that one makes room first.
fn swap(path: &Path, new: &Path, old: &Path) -> io::Result<()> {
    if !path.exists() {
        return fs::rename(new, path);
    }
    remove(old)?;
    fs::rename(path, old)?;
    if let Err(error) = fs::rename(new, path) {
        fs::rename(old, path)?;
        return Err(error);
    }
    remove(old)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
// ANCHOR_END: directory

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("the disk is full"))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        write_atomically(&path, |file| file.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = write_atomically(Path::new("no/such/file"), |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("no/such/file: "), "{error}");
    }

    #[test]
    fn a_directory_is_there_as_a_whole_or_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step");
        let fill = |text: &'static str| {
            move |inside: &Path| {
                write_atomically(&inside.join("a"), |file| file.write_all(text.as_bytes()))
            }
        };
        write_directory(&path, fill("old")).unwrap();
        let failed = write_directory(&path, |inside| {
            fill("half")(inside)?;
            Err(Error::io(inside)(io::Error::other("the disk is full")))
        });
        assert!(failed.unwrap_err().to_string().contains("the disk is full"));
        assert_eq!(fs::read(path.join("a")).unwrap(), b"old");
        // What a killed process left behind is in nobody's way.
        fs::create_dir(folder.path().join(".step.tmp")).unwrap();
        fs::write(folder.path().join(".step.tmp/b"), b"half").unwrap();
        write_directory(&path, fill("new")).unwrap();
        assert_eq!(fs::read(path.join("a")).unwrap(), b"new");
        assert!(!path.join("b").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
