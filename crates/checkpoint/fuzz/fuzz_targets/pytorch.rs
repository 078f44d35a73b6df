//! Any bytes as a file of PyTorch: no panic, no memory beyond a small multiple of the file, and what is read has its shape.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/checkpoint/fuzz pytorch CORPUS \
//!     crates/checkpoint/fuzz/seeds/pytorch tests/fixtures/weights/pytorch -- -max_total_time=60 -max_len=65536 -rss_limit_mb=512
//! ```
#![no_main]

use bert_checkpoint::TensorFile;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::sync::OnceLock;
use tempfile::TempDir;

fuzz_target!(|bytes: &[u8]| {
    // Files are mapped, so the bytes have to be in one.
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder =
        FOLDER.get_or_init(|| tempfile::tempdir().expect("there is a place for temporary files"));
    let path = folder.path().join("x.bin");
    fs::write(&path, bytes).expect("there is room for it");
    let Ok(file) = TensorFile::open(&path) else { return };
    for name in file.names() {
        if let Ok((shape, values)) = file.reals(name) {
            assert_eq!(shape.iter().product::<usize>(), values.len());
        }
        let _ = file.integers(name);
    }
});
