//! The zip form, which `torch.save` writes since 1.6: a zip file whose entries are stored as they are, never compressed.
//!
//! ```text
//! PK 03 04   local header of an entry (30 bytes, its name, padding), then its bytes:
//!              NAME/data.pkl    the pickle: names, types, shapes, and which storage
//!              NAME/data/0      the bytes of the first storage, at a multiple of 64, and so on
//!              NAME/byteorder   "little"
//!              NAME/version     "3", and some entries more that nobody needs
//! PK 07 08   after the bytes: checksum and sizes again
//! PK 01 02   central directory: of each entry, its name, size, and where its local header is (46 bytes and the name)
//! PK 06 06   where the central directory is, in 8 bytes (zip64)
//! PK 06 07   where that is
//! PK 05 06   where the central directory is, in 4 bytes; the file ends here
//! ```
//!
//! So a zip file is read from its end. The sizes in the local headers are zero (`torch` writes while it does not know them yet);
//! those of the central directory count. Source: PKWARE's APPNOTE.TXT, §4.3.
//!
//! This is written by hand rather than with the `zip` crate, which keeps the last of two entries with one name and lets
//! entries overlap: one file would then hold different weights for different readers. The checksums (CRC-32) are not
//! verified; PyTorch does not either, and can write files without.

use std::collections::BTreeMap;
use std::ops::Range;

/// Where the bytes of each entry are, by its name.
pub(super) type Entries<'a> = BTreeMap<&'a str, Range<usize>>;

const END: &[u8] = b"PK\x05\x06";
const END_LENGTH: usize = 22;
const LOCATOR: &[u8] = b"PK\x06\x07";
const LOCATOR_LENGTH: usize = 20;
const END_64: &[u8] = b"PK\x06\x06";
const END_64_LENGTH: usize = 56;
const CENTRAL: &[u8] = b"PK\x01\x02";
const CENTRAL_LENGTH: usize = 46;
/// A local header, with which a zip file begins.
pub(super) const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_LENGTH: usize = 30;

const ENCRYPTED: u16 = 1;
/// Extra field of the central directory with the numbers that do not fit into 4 bytes.
const SIZES_64: u16 = 1;

/// The entries of a zip file. `Err` says what is wrong with it.
pub(super) fn entries(bytes: &[u8]) -> Result<Entries<'_>, String> {
    let directory = directory(bytes)?;
    let mut rest = field(bytes, directory.place.start, directory.place.len())?;
    let (mut entries, mut taken) = (Entries::new(), Vec::new());
    // ANCHOR: entries
    while !rest.is_empty() {
        let central = Central::read(&mut rest)?;
        let (header, data) = central.place(bytes, directory.place.start)?;
        taken.push((header..data.end, central.name));
        if entries.insert(central.name, data).is_some() {
            return Err(format!("there are two entries {}", shown(central.name)));
        }
    }
    // ANCHOR_END: entries
    if entries.len() as u64 != directory.count {
        let (found, count) = (entries.len(), directory.count);
        return Err(format!("the central directory has {found} entries, expected {count}"));
    }
    taken.sort_by_key(|(place, _)| place.start);
    match taken.iter().zip(taken.iter().skip(1)).find(|(a, b)| a.0.end > b.0.start) {
        Some(((_, a), (_, b))) => {
            Err(format!("the entries {} and {} share bytes", shown(a), shown(b)))
        }
        None => Ok(entries),
    }
}

/// A name as messages show it: on one line, and not endless.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 120;
    let cut: String = name.chars().take(LONGEST).collect();
    let dots = if cut.len() < name.len() { "…" } else { "" };
    format!("{}{dots}", cut.escape_debug())
}

struct Directory {
    place: Range<usize>,
    count: u64,
}

/// Finds the central directory from the end of the file.
fn directory(bytes: &[u8]) -> Result<Directory, String> {
    let cut = "the end of the zip file is missing (the download may have been cut off)";
    // A comment of at most 65,535 bytes may follow; `torch` writes none.
    let first = bytes.len().saturating_sub(END_LENGTH + usize::from(u16::MAX));
    let last = bytes.len().checked_sub(END_LENGTH).ok_or(cut)?;
    let ends_here = |&at: &usize| {
        bytes[at..].starts_with(END)
            && u16_at(bytes, at + 20)
                .is_ok_and(|comment| at + END_LENGTH + usize::from(comment) == bytes.len())
    };
    let end = (first..=last).rev().find(ends_here).ok_or(cut)?;
    let short = [
        (u64::from(u16_at(bytes, end + 10)?), u64::from(u16::MAX)), // entries
        (u64::from(u32_at(bytes, end + 12)?), u64::from(u32::MAX)), // bytes of the directory
        (u64::from(u32_at(bytes, end + 16)?), u64::from(u32::MAX)), // where it begins
    ];
    let mut numbers = short.map(|(number, _)| number);
    let mut limit = end;
    let locator = end.checked_sub(LOCATOR_LENGTH).filter(|&at| bytes[at..].starts_with(LOCATOR));
    if let Some(locator) = locator {
        let at = usize_of(u64_at(bytes, locator + 8)?)?;
        if at.checked_add(END_64_LENGTH).is_none_or(|end| end > locator)
            || !bytes[at..].starts_with(END_64)
        {
            return Err("the zip64 record is not where its locator says".to_owned());
        }
        numbers = [u64_at(bytes, at + 32)?, u64_at(bytes, at + 40)?, u64_at(bytes, at + 48)?];
        let agrees = |(&(short, full), &long): (&(u64, u64), &u64)| short == full || short == long;
        if !short.iter().zip(&numbers).all(agrees) {
            return Err("the two ends of the zip file contradict each other".to_owned());
        }
        limit = at;
    }
    let [count, length, start] = numbers;
    let (start, length) = (usize_of(start)?, usize_of(length)?);
    let place = start..start.checked_add(length).ok_or("the central directory is endless")?;
    if place.end > limit {
        return Err("the central directory lies outside of the file".to_owned());
    }
    Ok(Directory { place, count })
}

/// An entry as the central directory has it.
struct Central<'a> {
    name: &'a str,
    size: u64,
    header: u64,
}

impl<'a> Central<'a> {
    /// Reads the next entry and moves on.
    fn read(rest: &mut &'a [u8]) -> Result<Self, String> {
        let bytes: &'a [u8] = rest;
        if !bytes.starts_with(CENTRAL) {
            return Err("the central directory is damaged".to_owned());
        }
        let (flags, method) = (u16_at(bytes, 8)?, u16_at(bytes, 10)?);
        let name_length = usize::from(u16_at(bytes, 28)?);
        let extra_length = usize::from(u16_at(bytes, 30)?);
        let comment_length = usize::from(u16_at(bytes, 32)?);
        let name = std::str::from_utf8(field(bytes, CENTRAL_LENGTH, name_length)?)
            .map_err(|_| "the name of an entry is not UTF-8".to_owned())?;
        let extra = field(bytes, CENTRAL_LENGTH + name_length, extra_length)?;
        let [mut size, mut packed, mut header] =
            [u32_at(bytes, 24)?, u32_at(bytes, 20)?, u32_at(bytes, 42)?].map(u64::from);
        // ANCHOR: sizes
        // What does not fit into 4 bytes is all ones there, and comes in the extra field, in this order.
        let mut long = sizes_64(extra)?.chunks_exact(8);
        for number in [&mut size, &mut packed, &mut header] {
            if *number == u64::from(u32::MAX) {
                *number = long.next().map_or(Ok(*number), |eight| u64_at(eight, 0))?;
            }
        }
        // ANCHOR_END: sizes
        if flags & ENCRYPTED != 0 {
            return Err(format!("the entry {} is encrypted", shown(name)));
        }
        if method != 0 || size != packed {
            return Err(format!(
                "the entry {} is compressed (method {method}), which torch.save never does (torch.jit.save \
                 does; its programs are not read)",
                shown(name)
            ));
        }
        // Nothing is ever unpacked to a path; but who writes such a name means harm.
        if name.starts_with('/')
            || name.contains(['\\', '\0'])
            || name.split('/').any(|part| part == "..")
        {
            return Err(format!("the entry {} points out of the archive", shown(name)));
        }
        let length = CENTRAL_LENGTH + name_length + extra_length + comment_length;
        *rest = bytes.get(length..).ok_or("the central directory is cut off")?;
        Ok(Self { name, size, header })
    }

    /// Where its local header begins, and where its bytes are; all before the central directory.
    fn place(&self, bytes: &[u8], limit: usize) -> Result<(usize, Range<usize>), String> {
        let damaged =
            || format!("the entry {} is not where the central directory says", shown(self.name));
        let at = usize_of(self.header)?;
        let header = field(bytes, at, LOCAL_LENGTH).map_err(|_| damaged())?;
        let (method, name_length) = (u16_at(header, 8)?, usize::from(u16_at(header, 26)?));
        let name = field(bytes, at + LOCAL_LENGTH, name_length).map_err(|_| damaged())?;
        if !header.starts_with(LOCAL) || method != 0 || name != self.name.as_bytes() {
            return Err(damaged());
        }
        let start = at + LOCAL_LENGTH + name_length + usize::from(u16_at(header, 28)?);
        let end = usize_of(self.size)?.checked_add(start).filter(|&end| end <= limit);
        let end =
            end.ok_or_else(|| format!("the entry {} lies outside of the file", shown(self.name)))?;
        Ok((at, start..end))
    }
}

/// The zip64 part of an extra field, which is a list of (kind, length, content).
fn sizes_64(mut extra: &[u8]) -> Result<&[u8], String> {
    while extra.len() >= 4 {
        let (kind, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let content = field(extra, 4, length)?;
        if kind == SIZES_64 {
            return Ok(content);
        }
        extra = &extra[4 + length..];
    }
    Ok(&[])
}

fn field(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], String> {
    let end = at.checked_add(length);
    end.and_then(|end| bytes.get(at..end)).ok_or_else(|| "the zip file is cut off".to_owned())
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], String> {
    field(bytes, at, N).map(|bytes| bytes.try_into().expect("the length is N"))
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, String> {
    array_at(bytes, at).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, String> {
    array_at(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, String> {
    array_at(bytes, at).map(u64::from_le_bytes)
}

fn usize_of(number: u64) -> Result<usize, String> {
    usize::try_from(number).map_err(|_| format!("{number} is beyond this machine's memory"))
}
