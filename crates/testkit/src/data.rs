//! Finding what the tests read.
//!
//! Fixtures are committed. Real data sets and genuine weights are not: they lie in the folder named
//! by the environment variable `BERT_SHARED` (or `../shared` beside the repository), and in
//! `.cache/weights`, where `tests/reference/fetch_minilm.py` puts them. Where they are absent, a test
//! says that it was skipped; with `BERT_REQUIRE_SHARED=1` it fails instead.

use std::env;
use std::path::{Path, PathBuf};

/// The repository's root.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("crates/testkit lies two levels down").to_owned()
}

/// A committed fixture, by its path below `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}

/// A file or folder of the shared data, by its path there; none (with a word on standard error) if
/// this machine lacks it.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = env::var_os("BERT_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    present(folder.join(name))
}

/// The directory of all-MiniLM-L6-v2's genuine weights.
pub fn minilm() -> Option<PathBuf> {
    present(root().join(".cache/weights/all-MiniLM-L6-v2"))
}

fn present(path: PathBuf) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    let required = env::var("BERT_REQUIRE_SHARED").is_ok_and(|value| value == "1");
    assert!(!required, "BERT_REQUIRE_SHARED is set, but {} is missing", path.display());
    eprintln!("SKIPPED: {} is not on this machine", path.display());
    None
}
