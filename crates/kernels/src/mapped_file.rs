//! Files as slices of bytes, without reading them first.

use std::{
    fs::File,
    io,
    ops::{Deref, Range},
    path::Path,
};

use memmap2::Mmap;
#[cfg(unix)]
use memmap2::UncheckedAdvice;

/// A whole file, mapped into memory and read as `&[u8]`. Pages come from the disk when they are touched.
///
/// The project's own files are replaced, never edited (written beside, then renamed), so a mapped file keeps its
/// contents. If another program shortens the file meanwhile, reading past its new end stops the process (SIGBUS).
#[derive(Debug)]
pub struct MappedFile {
    map: Mmap,
}

impl MappedFile {
    /// Maps the file at `path`. An empty file is an empty slice. Errors are the operating system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        // SAFETY: the bytes are only ever read, as `u8`, for which every value is valid. What remains is that
        // someone changes the file under us; no mapping can exclude that. The type's documentation states it,
        // and we ourselves replace files instead of editing them.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Self { map })
    }

    /// Gives back the memory that these bytes take. They come from the disk again when they are touched: a file that is
    /// copied part by part need not be in memory as a whole. A range beyond the file's end is an error of the caller.
    pub fn forget(&self, bytes: Range<usize>) {
        let bytes = &self.map[bytes];
        #[cfg(unix)]
        if !bytes.is_empty() {
            let start = bytes.as_ptr().addr() - self.map.as_ptr().addr();
            // SAFETY: the mapping is shared with the file and never written to, so no page holds anything that the file has
            // not: a page that was given back is read from there again. That holds for the neighbours, too, which share a
            // page with these bytes and may be read by another thread at this moment. (Where someone changes the file under
            // us, a slice may change under its reader; see the type.) The range was just seen to lie in the mapping.
            let advised = unsafe {
                self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, bytes.len())
            };
            let _ = advised; // only memory is at stake
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.map
    }
}
