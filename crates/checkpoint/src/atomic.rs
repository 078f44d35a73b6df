//! Files are replaced, never edited: written beside, flushed to the disk, renamed. Whoever reads the
//! file sees the old one or the new one, whole, even if the power fails in between.

use crate::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

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
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write_and_rename(&beside, path, fill);
    if written.is_err() {
        let _ = fs::remove_file(&beside); // the first error is the one to tell
    }
    written.map_err(Error::io(path))
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
    // The rename itself lives in the directory, which only Unix lets a program open and flush.
    #[cfg(unix)]
    {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}
// ANCHOR_END: replace

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
}
