//! Any bytes as a file of questions with choices: no panic, and the right choice is one of them.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/data/fuzz choices -- -max_total_time=60
//! ```
#![no_main]

use bert_data::choices::ChoiceFile;
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    for name in ["f.csv", "f.jsonl"] {
        let Ok(file) = ChoiceFile::parse(bytes, Path::new(name)) else { continue };
        for question in &file.questions {
            assert!(question.seconds.len() >= 2);
            assert!(question.label.is_none_or(|label| label < question.seconds.len()));
        }
    }
});
