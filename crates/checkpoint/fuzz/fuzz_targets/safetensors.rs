//! Any bytes as a safetensors file, or as the index of several: no panic, and no number that no tensor's shape accounts for.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/checkpoint/fuzz safetensors CORPUS \
//!     crates/checkpoint/fuzz/seeds/safetensors tests/fixtures/weights/pytorch -- -max_total_time=60
//! ```
//!
//! What begins with `{` is an index, beside a file with the tensors x and y.
#![no_main]

use bert_checkpoint::TensorFile;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::sync::OnceLock;
use tempfile::TempDir;

fn folder() -> &'static TempDir {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let header = br#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F16","shape":[2],"data_offsets":[4,8]}}"#;
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header);
        file.extend([0; 8]);
        fs::write(folder.path().join("a.safetensors"), file).expect("as above");
        folder
    })
}

fuzz_target!(|bytes: &[u8]| {
    let name = if bytes.starts_with(b"{") { "model.index.json" } else { "x.safetensors" };
    let path = folder().path().join(name);
    fs::write(&path, bytes).expect("there is room for it");
    let Ok(file) = TensorFile::open(&path) else { return };
    for name in file.names() {
        if let Ok((shape, values)) = file.reals(name) {
            assert_eq!(shape.iter().product::<usize>(), values.len());
        }
        let _ = file.integers(name);
    }
});
