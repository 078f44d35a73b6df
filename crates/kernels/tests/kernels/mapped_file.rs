use std::io::{ErrorKind, Write};

use bert_kernels::MappedFile;

#[test]
fn a_file_is_the_slice_of_its_bytes() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let contents: Vec<u8> = (0..60_000u32).map(|i| (i * i % 251) as u8).collect();
    file.write_all(&contents).unwrap();
    assert!(MappedFile::open(file.path()).unwrap()[..] == contents);
}

#[test]
fn a_replaced_file_keeps_its_old_contents_in_the_map() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    std::fs::write(&old, "old contents").unwrap();
    std::fs::write(&new, "new").unwrap();
    let map = MappedFile::open(&old).unwrap();
    std::fs::rename(&new, &old).unwrap();
    assert_eq!(&map[..], b"old contents");
    assert_eq!(&MappedFile::open(&old).unwrap()[..], b"new");
}

#[test]
fn an_empty_file_is_an_empty_slice() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(MappedFile::open(file.path()).unwrap().is_empty());
}

#[test]
fn a_missing_file_and_a_folder_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let error = MappedFile::open(&folder.path().join("missing")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(MappedFile::open(folder.path()).unwrap_err().kind(), ErrorKind::IsADirectory);
}
