//! One pass over a file: where its documents begin, and whether it is UTF-8 at all.
//!
//! A file is cut into pieces at ends of lines, and the pieces are scanned on all threads. That a
//! document may reach over a cut is mended afterwards. No piece is held: each is read through a
//! small window.

use super::CorpusFile;
use crate::Error;
use bert_nn::random::mix;
use rayon::prelude::*;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::time::SystemTime;

/// A piece ends with the first line that reaches beyond this many bytes.
const PIECE: u64 = 4 << 20;
/// What is read at a time. Several of 8, the bytes that are hashed at a time.
const WINDOW: usize = 256 << 10;
/// Some editors put this before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What there is to know about a file. Places are counted from its beginning.
pub(super) struct Scanned {
    pub(super) file: CorpusFile,
    pub(super) modified: Option<SystemTime>,
    /// Where each document begins.
    pub(super) starts: Vec<u64>,
    /// Where each piece begins.
    pub(super) pieces: Vec<u64>,
    /// How many lines have text.
    pub(super) lines: u64,
}

/// Scans a file.
pub(super) fn scan_file(path: &Path) -> Result<Scanned, Error> {
    let io = |error| Error::io(path)(error);
    let file = File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    let pieces = cut(file, metadata.len(), PIECE).map_err(io)?;
    let scans: Vec<_> = pieces.par_iter().map(|piece| scan_piece(path, piece)).collect();
    let (mut starts, mut lines, mut with_text, mut hash) = (Vec::new(), 0, 0, 0);
    let mut in_document = false;
    for (piece, scan) in pieces.iter().zip(scans) {
        let scan = scan.map_err(io)?;
        if !scan.is_utf8 {
            return Err(Error::NotUtf8 { path: path.to_owned(), line: lines + scan.lines + 1 });
        }
        // A first line with text goes on with the document that the piece before has left open.
        let goes_on = in_document && scan.starts.first() == Some(&piece.start);
        starts.extend(&scan.starts[usize::from(goes_on)..]);
        in_document = scan.in_document;
        lines += scan.lines;
        with_text += scan.lines_with_text;
        hash = mix(hash ^ scan.hash);
    }
    Ok(Scanned {
        file: CorpusFile { path: path.to_owned(), bytes: metadata.len(), hash },
        modified: metadata.modified().ok(),
        starts,
        pieces: pieces.iter().map(|piece| piece.start).collect(),
        lines: with_text,
    })
}

/// Cuts a text of `length` bytes into pieces of whole lines, without what marks its byte order.
fn cut(text: impl Read + Seek, length: u64, size: u64) -> io::Result<Vec<Range<u64>>> {
    let mut text = BufReader::new(text);
    let mut start = 0;
    if text.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        start = BYTE_ORDER_MARK.len() as u64;
    }
    let mut pieces = Vec::new();
    while start < length {
        let mut end = (start + size).min(length);
        text.seek(SeekFrom::Start(end))?;
        end = (end + text.skip_until(b'\n')? as u64).min(length);
        pieces.push(start..end);
        start = end;
    }
    Ok(pieces)
}

fn scan_piece(path: &Path, piece: &Range<u64>) -> io::Result<Scan> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(piece.start))?;
    scan(file.take(piece.end - piece.start), piece.start, WINDOW)
}

// ANCHOR: scan
/// What one pass over whole lines has found.
#[derive(Debug, Default)]
struct Scan {
    /// Where each run of lines with text begins.
    starts: Vec<u64>,
    /// Whether the last line has text.
    in_document: bool,
    /// How many lines have ended before the end, or before what is not UTF-8.
    lines: u64,
    lines_with_text: u64,
    is_utf8: bool,
    hash: u64,
    line_start: u64,
    line_has_text: bool,
}

impl Scan {
    /// Goes on with `text`, which begins at `offset`, in a line or at its beginning.
    fn text(&mut self, text: &str, mut offset: u64) {
        for part in text.split_inclusive('\n') {
            if !self.line_has_text && part.contains(|c: char| !c.is_whitespace()) {
                self.line_has_text = true;
                self.lines_with_text += 1;
                if !self.in_document {
                    self.in_document = true;
                    self.starts.push(self.line_start);
                }
            }
            offset += part.len() as u64;
            if part.ends_with('\n') {
                self.in_document = self.line_has_text;
                self.line_has_text = false;
                self.line_start = offset;
                self.lines += 1;
            }
        }
    }
}
// ANCHOR_END: scan

/// Scans a text that begins at `offset`, `window` bytes at a time.
fn scan(mut reader: impl Read, mut offset: u64, window: usize) -> io::Result<Scan> {
    let mut scan = Scan { is_utf8: true, line_start: offset, ..Scan::default() };
    // A character may begin in one window and end in the next: its bytes so far stand in front.
    let (mut bytes, mut kept) = (vec![0; 3 + window], 0);
    loop {
        let read = read_full(&mut reader, &mut bytes[kept..kept + window])?;
        scan.hash = hash(scan.hash, &bytes[kept..kept + read]);
        let filled = &bytes[..kept + read];
        let (valid, whole) = match str::from_utf8(filled) {
            Ok(text) => (text, true),
            Err(error) => {
                let (valid, _) = filled.split_at(error.valid_up_to());
                let unfinished = error.error_len().is_none() && read > 0;
                (str::from_utf8(valid).expect("it is valid up to here"), unfinished)
            }
        };
        scan.text(valid, offset);
        if !whole {
            scan.is_utf8 = false;
            return Ok(scan);
        }
        if read == 0 {
            return Ok(scan);
        }
        offset += valid.len() as u64;
        let rest = valid.len()..filled.len();
        kept = rest.len();
        bytes.copy_within(rest, 0);
    }
}

/// Fills the buffer as far as there is something to read.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Mixes 8 bytes at a time into a hash. The length of the whole is compared apart.
fn hash(hash: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).fold(hash, |hash, &word| mix(hash ^ u64::from_le_bytes(word)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    const TEXT: &str = "\u{feff}a\n\u{3000}\nb€\nc\n\n \t\r\n𝄞d\n";

    #[test]
    fn neither_pieces_nor_windows_change_what_is_found() {
        let whole = scan(&TEXT.as_bytes()[3..], 3, 1 << 20).unwrap();
        assert_eq!((&whole.starts[..], whole.lines, whole.is_utf8), (&[3, 9, 21][..], 7, true));
        for window in 1..TEXT.len() {
            let found = scan(&TEXT.as_bytes()[3..], 3, window).unwrap();
            assert_eq!((found.starts, found.lines), (whole.starts.clone(), 7), "window {window}");
        }
        for size in 1..=TEXT.len() as u64 {
            let pieces = cut(Cursor::new(TEXT), TEXT.len() as u64, size).unwrap();
            assert_eq!(pieces[0].start, 3);
            assert_eq!(pieces[pieces.len() - 1].end, TEXT.len() as u64);
            assert!(pieces.windows(2).all(|pair| pair[0].end == pair[1].start));
            let at = |place: u64| TEXT.as_bytes()[place as usize - 1];
            assert!(pieces.iter().all(|piece| at(piece.end) == b'\n'), "size {size}");
        }
    }

    #[test]
    fn the_hash_sees_every_byte_and_their_order() {
        let bytes: Vec<u8> = (0..100).collect();
        let of = |bytes: &[u8]| hash(1, bytes);
        for place in 0..bytes.len() {
            let mut other = bytes.clone();
            other[place] ^= 1;
            assert_ne!(of(&bytes), of(&other), "byte {place}");
        }
        let mut swapped = bytes.clone();
        swapped[..16].rotate_left(8);
        assert_ne!(of(&bytes), of(&swapped));
    }
}
