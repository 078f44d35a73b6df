//! Any bytes as the index of a TensorFlow checkpoint, beside a data file of any bytes: no panic,
//! and no number that no tensor's shape accounts for.
//!
//! A changed byte nearly always breaks a block's checksum, and what lies behind it is never
//! reached. So the checksums of the index block and of the first data block are made anew first,
//! wherever the footer says that they are. (Small indices, as those of the seeds, have one.)
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/checkpoint/fuzz tensorflow CORPUS \
//!     crates/checkpoint/fuzz/seeds/tensorflow tests/fixtures/weights/tensorflow -- -max_total_time=60
//! ```
#![no_main]

use bert_checkpoint::TensorFile;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::sync::OnceLock;
use tempfile::TempDir;

fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        // The data files of the seeds, with what is in none of them.
        let data: Vec<u8> = (0..20_000).map(|i| (i % 251) as u8).collect();
        for name in ["00000-of-00001", "00000-of-00003", "00001-of-00003", "00002-of-00003"] {
            fs::write(folder.path().join(format!("x.data-{name}")), &data).unwrap();
        }
        folder
    })
}

fuzz_target!(|bytes: &[u8]| {
    let mut index = bytes.to_vec();
    seal_all(&mut index);
    let path = folder().path().join("x.index");
    fs::write(&path, &index).unwrap();
    let Ok(file) = TensorFile::open(&path) else { return };
    for name in file.names() {
        let size: Option<usize> =
            file.shape(name).unwrap().iter().copied().try_fold(1, usize::checked_mul);
        if let Ok((shape, values)) = file.reals(name) {
            assert_eq!(Some(values.len()), size);
            if let [rows, columns] = shape[..] {
                let mut transposed = vec![0.0; values.len()];
                file.read_transposed_into(name, [columns, rows], &mut transposed).unwrap();
            }
        }
        if let Ok((_, values)) = file.integers(name) {
            assert_eq!(Some(values.len()), size);
        }
    }
});

/// Makes the checksums of the index block and of the first block fit, where they can be found at
/// all.
fn seal_all(file: &mut [u8]) {
    let Some(start) = file.len().checked_sub(48) else { return };
    let mut handles = &file[start..];
    let [_, _, offset, size] = [(); 4].map(|()| varint(&mut handles));
    let (Some(offset), Some(size)) = (offset, size) else { return };
    seal(file, offset, size);
    // Of one block, the first entry of the index block has its handle: behind three lengths and the
    // key.
    let Some(mut entry) = file.get(offset..) else { return };
    let [_, key, _] = [(); 3].map(|()| varint(&mut entry));
    let Some(mut handle) = key.and_then(|key| entry.get(key..)) else { return };
    if let (Some(offset), Some(size)) = (varint(&mut handle), varint(&mut handle)) {
        seal(file, offset, size);
    }
}

fn seal(file: &mut [u8], offset: usize, size: usize) {
    let Some(end) = offset.checked_add(size).and_then(|end| end.checked_add(1)) else { return };
    let Some(block) = file.get(offset..end) else { return };
    let checksum = crc32c(block).rotate_right(15).wrapping_add(0xa282_ead8);
    if let Some(place) = file.get_mut(end..).and_then(|rest| rest.get_mut(..4)) {
        place.copy_from_slice(&checksum.to_le_bytes());
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |remainder, &byte| {
        (0..8).fold(remainder ^ u32::from(byte), |r, _| {
            (r >> 1) ^ (0x82f6_3b78 & (r & 1).wrapping_neg())
        })
    })
}

fn varint(rest: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&digit, after) = rest.split_first()?;
        *rest = after;
        number |= usize::from(digit & 0x7f) << shift;
        if digit < 0x80 {
            return Some(number);
        }
    }
    None
}
