//! Any bytes as a table: no panic; every row has as many cells as there are columns, and comes from further down.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/data/fuzz tables -- -max_total_time=60
//! ```
#![no_main]

use bert_data::table::{Format, Rows, ShortRows, TableOptions};
use bert_data::texts::{Labels, Need, Problem, TextOptions, TextRows};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use std::io::{BufReader, Cursor};

#[derive(Arbitrary, Debug)]
struct Case {
    format: u8,
    header: Option<bool>,
    skip_short: bool,
    problem: u8,
    needed: bool,
    window: u8,
    bytes: Vec<u8>,
}

fuzz_target!(|case: Case| {
    let formats = [Format::Csv, Format::Tsv, Format::Json, Format::Jsonl];
    let problems = [Problem::SingleLabel, Problem::MultiLabel, Problem::Regression];
    let table = TableOptions {
        format: Some(formats[usize::from(case.format % 4)]),
        header: case.header,
        short_rows: if case.skip_short { ShortRows::Skip } else { ShortRows::Refuse },
        ..TableOptions::default()
    };
    let reader = || {
        BufReader::with_capacity(1 + usize::from(case.window), Cursor::new(case.bytes.clone()))
    };
    let mut last = 0;
    if let Ok(mut rows) = Rows::from_reader(reader(), "bytes", &table) {
        while let Some(Ok(row)) = rows.next() {
            assert_eq!(row.cells.len(), rows.width());
            assert!(row.line >= last, "line {} after line {last}", row.line);
            last = row.line;
        }
    }
    let options = TextOptions {
        table,
        problem: problems[usize::from(case.problem % 3)],
        target: if case.needed { Need::Always } else { Need::IfThere },
        ..TextOptions::default()
    };
    let texts = TextRows::from_reader(reader(), "bytes", &options);
    if let Ok(file) = texts.and_then(TextRows::collect_file) {
        if let Ok(labels) = Labels::found_in(&file) {
            labels.counts(&file).expect("they were found in it");
        }
    }
});
