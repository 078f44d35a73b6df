//! Any bytes as a file of tagged words: no panic, and what is read can be written and read again.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir crates/data/fuzz tagged -- -max_total_time=60
//! ```
#![no_main]

use bert_data::scheme::Scheme;
use bert_data::tagged::{Predicted, TaggedFile, TaggedOptions, write_conll};
use libfuzzer_sys::{arbitrary, arbitrary::Arbitrary, fuzz_target};
use std::path::Path;

#[derive(Arbitrary, Debug)]
struct Case<'a> {
    word_column: Option<u8>,
    tag_column: Option<u8>,
    words_only: bool,
    scheme: Option<u8>,
    mend: bool,
    bytes: &'a [u8],
}

fuzz_target!(|case: Case| {
    let options = TaggedOptions {
        word_column: case.word_column.map(|column| usize::from(column % 5)),
        tag_column: case.tag_column.map(|column| usize::from(column % 5)),
        words_only: case.words_only,
        scheme: case.scheme.map(|number| Scheme::ALL[usize::from(number % 3)]),
        mend: case.mend,
    };
    let Ok(file) = TaggedFile::parse(case.bytes, Path::new("f"), &options) else { return };
    let words = || file.sentences.iter().map(|sentence| sentence.words.len());
    let tags: Vec<_> = words().map(|words| vec!["O".to_owned(); words]).collect();
    let mut out = Vec::new();
    write_conll(&mut out, &file, &tags, Predicted::Appended).expect("memory takes everything");
    // A mark of the byte order that was a letter of the first word would be taken for one now.
    if out.starts_with("\u{feff}".as_bytes()) {
        return;
    }
    let options = TaggedOptions { word_column: options.word_column, ..Default::default() };
    let again = TaggedFile::parse(&out, Path::new("f"), &options).expect("it was just written");
    assert!(words().eq(again.sentences.iter().map(|sentence| sentence.words.len())));
    assert_eq!(again.labels(), ["O"]);
});
