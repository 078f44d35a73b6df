//! The index file as a sorted table: blocks of keys and values.
//!
//! The format is LevelDB's (`doc/table_format.md` there, `tensorflow/core/lib/io/format.cc` in
//! TensorFlow). From the end:
//!
//! ```text
//! footer, the last 48 bytes:
//!     handle of the meta-index block   two varints: offset, size (TensorFlow writes an empty one; not needed)
//!     handle of the index block        two varints
//!     zeros                            up to byte 40
//!     57 fb 80 8b 24 75 47 db          the magic number, little-endian
//! index block: an entry for each data block, whose value is that block's handle
//! data blocks: the entries themselves, sorted by key
//! ```
//!
//! A varint is a number in digits of 7 bits, the lowest first; the eighth bit says that another
//! digit follows. Every block is
//!
//! ```text
//! entries                              varint shared, varint unshared, varint length; unshared bytes; length bytes
//! restart points                       4 bytes each: where an entry with shared = 0 begins
//! number of restart points             4 bytes
//! ---- so far the size that its handle says
//! type                                 1 byte: 0 as it is, 1 compressed with snappy
//! checksum                             4 bytes: crc32c of all before, masked
//! ```
//!
//! An entry's key is the first `shared` bytes of the key before it, then the `unshared` bytes; then
//! comes its value of `length` bytes. Sorted names have long beginnings in common, so this makes
//! the file a few times smaller. Restart points let a reader search by bisection; who reads all, as
//! here, does not need them.

use crate::crc32c::{crc32c, unmask};

const FOOTER: usize = 48;
const HANDLES: usize = 40;
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;

/// How much longer all keys may be, written out, than the file. Names in a real index fill two or
/// three times its size; keys made to share all of a long one could fill the square of it.
const LARGEST_GROWTH: usize = 64;

/// Where a block is.
struct Handle {
    offset: usize,
    size: usize,
}

/// Hands every key and value to `each`, in the order of the file. `Err` says what is wrong with the
/// file, or is what `each` said.
pub(super) fn read(
    file: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut growth = file.len().saturating_mul(LARGEST_GROWTH);
    // Blocks that lie one behind the other are read once, however many handles there are.
    let mut end = 0;
    entries(block(file, &index_block(file)?)?, |_, mut value| {
        let handle = Handle::read(&mut value).ok_or("a block's handle is cut off")?;
        if handle.offset < end {
            return Err(format!("the block at {} overlaps the one before", handle.offset));
        }
        end = handle.offset.saturating_add(handle.size);
        entries(block(file, &handle)?, |key, value| {
            growth = growth.checked_sub(key.len()).ok_or_else(|| {
                format!("its keys are more than {LARGEST_GROWTH} times as long as the file")
            })?;
            each(key, value)
        })
    })
}

// ANCHOR: footer
fn index_block(file: &[u8]) -> Result<Handle, String> {
    let Some(footer) = file.last_chunk::<FOOTER>() else {
        return Err(format!("it has {} bytes, and its footer alone has {FOOTER}", file.len()));
    };
    let (mut handles, magic) = footer.split_at(HANDLES);
    if magic != MAGIC.to_le_bytes() {
        return Err(
            "its last eight bytes are not an index's (if it was downloaded, the download may have \
             been cut off)"
                .to_owned(),
        );
    }
    let both = Handle::read(&mut handles).and_then(|_meta| Handle::read(&mut handles));
    both.ok_or_else(|| "the handles in its footer are no numbers".to_owned())
}
// ANCHOR_END: footer

impl Handle {
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self { offset: varint(bytes)?, size: varint(bytes)? })
    }
}

/// The contents of a block, without type and checksum.
fn block<'a>(file: &'a [u8], handle: &Handle) -> Result<&'a [u8], String> {
    let Handle { offset, size } = *handle;
    let rest = file.get(offset..).unwrap_or_default();
    // Even a block of all bytes of the file has its trailer behind it.
    let parts = rest.split_at_checked(size).and_then(|(contents, rest)| {
        let (&kind, rest) = rest.split_first()?;
        Some((contents, kind, rest.first_chunk::<4>()?))
    });
    let Some((contents, kind, checksum)) = parts else {
        return Err(format!("the block of {size} bytes at {offset} reaches beyond the end"));
    };
    if crc32c(&rest[..=size]) != unmask(u32::from_le_bytes(*checksum)) {
        return Err(format!("the block at {offset} is damaged: its checksum does not match"));
    }
    match kind {
        0 => Ok(contents),
        1 => Err(format!("the block at {offset} is compressed (snappy), which is not read")),
        other => Err(format!("the block at {offset} is of the unknown type {other}")),
    }
}

// ANCHOR: entries
/// Hands every key and value of a block to `each`.
fn entries(
    block: &[u8],
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut rest = without_restarts(block).ok_or("the restart points do not fit their block")?;
    let mut key = Vec::new();
    while !rest.is_empty() {
        let mut number = || varint(&mut rest).ok_or("an entry's lengths are cut off");
        let (shared, unshared, length) = (number()?, number()?, number()?);
        if shared > key.len() {
            let before = key.len();
            return Err(format!("a key shares {shared} bytes with one of {before} bytes"));
        }
        key.truncate(shared);
        key.extend(take(&mut rest, unshared).ok_or("a key is cut off")?);
        each(&key, take(&mut rest, length).ok_or("a value is cut off")?)?;
    }
    Ok(())
}
// ANCHOR_END: entries

fn without_restarts(block: &[u8]) -> Option<&[u8]> {
    let (rest, count) = block.split_last_chunk::<4>()?;
    let size = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(4)?;
    rest.get(..rest.len().checked_sub(size)?)
}

/// Cuts the first `length` bytes off, if there are as many.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

// ANCHOR: varint
/// Cuts a number off; none if it does not end, or is too large to be a length.
fn varint(rest: &mut &[u8]) -> Option<usize> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&digit, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(digit & 0x7f) << shift;
        if digit < 0x80 {
            return usize::try_from(number).ok();
        }
    }
    None
}
// ANCHOR_END: varint

#[cfg(test)]
pub(super) mod writing {
    use super::*;
    use crate::crc32c::mask;

    /// A table of these blocks: what the tests break.
    pub fn table(blocks: &[Vec<u8>]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut index = Vec::new();
        for contents in blocks {
            let mut handle = varint(file.len());
            handle.extend(varint(contents.len()));
            file.extend(sealed(contents, 0));
            index.extend(entry(0, b"key", &handle));
        }
        with_index(file, &closed(index))
    }

    /// Index block and footer behind the data blocks.
    pub fn with_index(mut file: Vec<u8>, index: &[u8]) -> Vec<u8> {
        let mut footer = varint(0);
        footer.extend(varint(0));
        footer.extend(varint(file.len()));
        footer.extend(varint(index.len()));
        footer.resize(HANDLES, 0);
        footer.extend(MAGIC.to_le_bytes());
        file.extend(sealed(index, 0));
        file.extend(footer);
        file
    }

    /// With type and checksum.
    pub fn sealed(contents: &[u8], kind: u8) -> Vec<u8> {
        let mut block = contents.to_vec();
        block.push(kind);
        let checksum = mask(crc32c(&block));
        block.extend(checksum.to_le_bytes());
        block
    }

    /// Entries and one restart point.
    pub fn closed(mut entries: Vec<u8>) -> Vec<u8> {
        entries.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        entries
    }

    pub fn entry(shared: usize, unshared: &[u8], value: &[u8]) -> Vec<u8> {
        [
            varint(shared),
            varint(unshared.len()),
            varint(value.len()),
            unshared.to_vec(),
            value.to_vec(),
        ]
        .concat()
    }

    pub fn varint(mut number: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::writing::{closed, entry, table};
    use super::*;

    type Pair = (Vec<u8>, Vec<u8>);

    fn all(file: &[u8]) -> Result<Vec<Pair>, String> {
        let mut found = Vec::new();
        read(file, |key, value| {
            found.push((key.to_vec(), value.to_vec()));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn a_key_is_the_beginning_of_the_one_before_and_its_own_end() {
        let first = [entry(0, b"dense/bias", b"1"), entry(6, b"kernel", b"22")].concat();
        let second = [entry(0, b"x", b""), entry(1, b"", b"4")].concat();
        let found = all(&table(&[closed(first), closed(second)])).unwrap();
        let expected = [("dense/bias", "1"), ("dense/kernel", "22"), ("x", ""), ("x", "4")];
        assert_eq!(found, expected.map(|(key, value)| (key.into(), value.into())));
    }

    #[test]
    fn a_varint_is_digits_of_seven_bits() {
        // 300 = 2 · 128 + 44
        for (bytes, expected) in [
            (&[0][..], Some(0)),
            (&[0x7f], Some(127)),
            (&[0xac, 0x02], Some(300)),
            (&[0xac], None),
            (&[], None),
            (&[0xff; 8], None),
            (&[0xff; 20], None),
        ] {
            assert_eq!(varint(&mut &*bytes), expected, "{bytes:x?}");
        }
    }

    #[test]
    fn keys_that_grow_to_the_square_of_the_file_are_refused() {
        let mut entries = entry(0, &[b'a'; 4_000], b"");
        (0..4_000).for_each(|_| entries.extend(entry(4_000, b"", b"")));
        let message = all(&table(&[closed(entries)])).unwrap_err();
        assert!(message.contains("64 times as long as the file"), "{message}");
    }
}
