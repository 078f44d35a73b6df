//! Any bytes as a file of questions: no panic, and every answer stands where it is said to.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/data/fuzz squad -- -max_total_time=60
//! ```
#![no_main]

use bert_data::squad::{SquadFile, SquadOptions};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use std::path::Path;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    without_answers: bool,
    strict: bool,
    lines: bool,
    bytes: &'a [u8],
}

fuzz_target!(|case: Case| {
    let options = SquadOptions { without_answers: case.without_answers, strict: case.strict };
    let path = Path::new(if case.lines { "f.jsonl" } else { "f.json" });
    let Ok(mut file) = SquadFile::parse(case.bytes, path, &options) else { return };
    file.repair();
    for question in &file.questions {
        for answer in &question.answers {
            if let Some(start) = answer.start {
                let rest: String = question.context.chars().skip(start).collect();
                assert!(rest.starts_with(&answer.text), "{question:?}");
            }
        }
    }
});
