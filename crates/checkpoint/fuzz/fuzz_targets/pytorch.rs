//! Any bytes as a file of PyTorch: no panic, no memory beyond a small multiple of the file, and what is read has its shape.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/checkpoint/fuzz pytorch CORPUS tests/fixtures/weights/pytorch \
//!     -- -max_total_time=60 -max_len=65536 -rss_limit_mb=512
//! ```
#![no_main]

use bert_checkpoint::TensorFile;
use libfuzzer_sys::fuzz_target;
use std::fs;

fuzz_target!(|bytes: &[u8]| {
    // Files are mapped, so the bytes have to be in one.
    let path = std::env::temp_dir().join(format!("bert-fuzz-pytorch-{}.bin", std::process::id()));
    fs::write(&path, bytes).expect("there is a place for temporary files");
    let Ok(file) = TensorFile::open(&path) else { return };
    for name in file.names() {
        if let Ok((shape, values)) = file.reals(name) {
            assert_eq!(shape.iter().product::<usize>(), values.len());
        }
        let _ = file.integers(name);
    }
});
