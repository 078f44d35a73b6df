//! A folder of texts for each class.

use crate::{firsts, message};
use bert_data::texts::{Labels, Target, read_folder};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

#[test]
fn a_file_is_a_text_and_its_folder_the_class() {
    let folder = folder(&[
        ("pos/b.txt", b"good\nfilm\r\n\n"),
        ("pos/a", b"\xEF\xBB\xBFfine"),
        ("neg/1.txt", b" \n"),
        ("neg/.DS_Store", b"\0\0"),
        (".git/x", b"y"),
        ("README", b"about"),
        ("neg/deep/2.txt", b"not read"),
    ]);
    let file = read_folder(folder.path()).unwrap();
    assert_eq!(firsts(&file), [" ", "fine", "good\nfilm"]);
    let ids: Vec<_> = file.examples.iter().map(|e| e.id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["neg/1.txt", "pos/a", "pos/b.txt"]);
    assert_eq!(file.examples[0].target, Some(Target::Class("neg".to_owned())));
    assert_eq!(Labels::found_in(&file).unwrap().counts(&file).unwrap(), [1, 2]);
    assert_eq!(file.notes.len(), 2);
    assert!(file.notes[0].starts_with("passed over 4 ("), "{:?}", file.notes);
    assert_eq!(file.notes[1], "empty texts: 1 (neg/1.txt)");
}

#[test]
fn what_is_no_such_folder_is_refused_by_name() {
    let none = folder(&[("a.txt", b"x")]);
    assert!(
        message(read_folder(none.path()))
            .contains("expected a folder of text files for each class")
    );
    let empty = folder(&[("a/x", b"x"), ("b/.hidden", b"x")]);
    let error = message(read_folder(empty.path()));
    assert!(error.contains("b: expected text files of this class, found none"), "{error}");
    let latin = folder(&[("a/x", b"x\ncaf\xE9")]);
    let error = message(read_folder(latin.path()));
    assert!(error.ends_with("x: line 2 is not valid UTF-8 text"), "{error}");
    let binary = folder(&[("a/x", b"PK\x03\x04\0")]);
    assert!(message(read_folder(binary.path())).contains("a byte 0"));
    assert!(read_folder(Path::new("/nonexistent")).is_err());
}
