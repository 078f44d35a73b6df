//! What a corpus is, and what is none.

use super::*;
use proptest::prelude::*;
use std::fs;
use tempfile::TempDir;

/// A directory with these files.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

fn open(folder: &TempDir, pattern: &str, form: Form) -> Result<Corpus, Error> {
    Corpus::open(&[folder.path().join(pattern)], form)
}

fn documents(corpus: &Corpus) -> Vec<Vec<String>> {
    (0..corpus.documents()).map(|document| corpus.sentences(document).unwrap()).collect()
}

/// The documents of files with these contents.
fn read(files: &[&[u8]], form: Form) -> Vec<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (number, bytes) in files.iter().enumerate() {
        fs::write(folder.path().join(format!("{number:03}.txt")), bytes).unwrap();
    }
    documents(&open(&folder, "*.txt", form).unwrap())
}

/// The error's text, with the directory's name left out.
fn refused(folder: &TempDir, patterns: &[&str]) -> String {
    let paths: Vec<_> = patterns.iter().map(|pattern| folder.path().join(pattern)).collect();
    let error = Corpus::open(&paths, Form::SentencePerLine).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn blank_lines_and_ends_of_files_part_documents() {
    let first = b"\xEF\xBB\xBF\r\n one \r\ntwo\r\n\r\n \t\r\nthree\r\n\n\n";
    let second = "vier\n\u{3000}\nfünf\u{a0}".as_bytes();
    let found = read(&[first, b"", second, b" \n\n"], Form::SentencePerLine);
    assert_eq!(found, [&["one", "two"][..], &["three"], &["vier"], &["fünf"]]);
}

#[test]
fn running_text_is_cut_where_sentences_end_and_not_where_lines_do() {
    let text = "A dog barks. It\nbites (so\r\nthey say)! Who? \"Me.\" 3.14 is\nnot an end; e.g. this\n\n吾輩は猫である。名前はまだ無い。";
    let found = read(&[text.as_bytes()], Form::RunningText);
    let english = [
        "A dog barks.",
        "It bites (so they say)!",
        "Who?",
        "\"Me.\"",
        "3.14 is not an end; e.g. this",
    ];
    assert_eq!(found, [&english[..], &["吾輩は猫である。", "名前はまだ無い。"]]);
    // The rules' known weakness.
    let found = read(&[b"Mr. Smith came."], Form::RunningText);
    assert_eq!(found, [["Mr.", "Smith came."]]);
}

#[test]
fn files_come_in_the_order_of_patterns_and_names_each_once() {
    let folder = folder(&[("b", b"b\n"), ("a", b"a\n"), ("c", b"\n"), ("[x]*", b"x\n")]);
    fs::create_dir(folder.path().join("d")).unwrap();
    let patterns = ["[x]*", "b", "d/../b", "*"].map(|pattern| folder.path().join(pattern));
    let corpus = Corpus::open(&patterns, Form::SentencePerLine).unwrap();
    assert_eq!(documents(&corpus), [["x"], ["b"], ["a"]]);
    let notes = corpus.notes().join("\n");
    for part in [
        "[x]*: named twice",
        "/b: named twice",
        "d/../b: named twice",
        "c: there is no text",
        "d: passed over",
    ] {
        assert!(notes.contains(part), "no {part:?} in {notes:?}");
    }
    assert_eq!(corpus.notes().len(), 5);
}

#[test]
fn what_is_no_corpus_is_refused_by_name() {
    let folder = folder(&[("empty", b""), ("blank", b"\xEF\xBB\xBF \n\n"), ("cut", b"a\n\xC3")]);
    fs::create_dir(folder.path().join("d")).unwrap();
    assert_eq!(refused(&folder, &["*.txt"]), "*.txt: no file has such a name");
    assert!(refused(&folder, &["none"]).starts_with("none: No such file"));
    assert!(refused(&folder, &["***"]).ends_with("***: this is no pattern for file names"));
    let empty = "empty, blank: there is no text here, only blank lines or nothing";
    assert_eq!(refused(&folder, &["empty", "blank"]), empty);
    for name in ["empty.1", "empty.2", "empty.3", "empty.4"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let many = "empty.1, empty.2, empty.3, and 1 more: there is no text here";
    assert!(refused(&folder, &["empty.*"]).starts_with(many));
    assert!(refused(&folder, &["d"]).starts_with("d: this is a directory; name the files"));
    assert_eq!(refused(&folder, &["cut"]), "cut: line 2 is not valid UTF-8 text");
    #[cfg(unix)]
    {
        let error = Corpus::open(&["/dev/null"], Form::RunningText).unwrap_err().to_string();
        assert!(error.starts_with("/dev/null: this is no regular file"), "{error}");
    }
}

#[test]
fn the_line_that_is_not_utf_8_is_found_in_a_file_of_many_pieces() {
    let mut text = "Zeile für Zeile\n".repeat(1_000_000).into_bytes();
    text.extend(b"\xE4\n");
    text.extend("Zeile\n".repeat(1_000_000).bytes());
    let folder = folder(&[("good", b"good\n"), ("latin", &text)]);
    let expected = "latin: line 1000001 is not valid UTF-8 text";
    assert_eq!(refused(&folder, &["*"]), expected);
}

#[test]
fn documents_that_reach_over_pieces_stay_whole() {
    // 100 documents of 200 kB, and one of 9 MB in one line, in pieces of 4 MB.
    let document = |number: usize| format!("{number} {}\nend\n\n", "ü".repeat(100_000));
    let mut text: String = (0..100).map(document).collect();
    text += &format!("long {}\nend", "ü".repeat(4_500_000));
    let folder = folder(&[("a", text.as_bytes())]);
    let corpus = open(&folder, "a", Form::SentencePerLine).unwrap();
    assert!(corpus.pieces() > 5);
    assert_eq!(documents(&corpus), naive(&[text.as_bytes()]));
    let pieces: String = (0..corpus.pieces()).map(|piece| corpus.piece(piece).unwrap()).collect();
    assert!(pieces == text);
    let sizes = (0..corpus.documents()).map(|document| corpus.size_of(document));
    assert_eq!(sizes.sum::<u64>(), corpus.bytes());
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed_and_its_hash_is_another() {
    let folder = folder(&[("a", b"one\n\ntwo\n"), ("b", b"three\n")]);
    let corpus = open(&folder, "?", Form::SentencePerLine).unwrap();
    let path = folder.path().join("a");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "one\n\ntwo\nthree\n").unwrap();
    // Another length is enough, whatever the clock says.
    File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    let error = corpus.sentences(1).unwrap_err().to_string();
    assert!(error.contains("a: the file has changed"), "{error}");
    assert_eq!(corpus.sentences(2).unwrap(), ["three"]);
    fs::write(&path, "one\n\ntwO\n").unwrap();
    let other = open(&folder, "?", Form::SentencePerLine).unwrap();
    assert_eq!(other.files()[0].bytes, corpus.files()[0].bytes);
    assert_ne!(other.files()[0], corpus.files()[0]);
    assert_eq!(other.files()[1], corpus.files()[1]);
    // The same length, but written later.
    let file = File::options().append(true).open(folder.path().join("b")).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    assert!(matches!(other.sentences(2), Err(Error::Changed { .. })));
}

/// Documents as anybody would cut a text that is held in memory.
fn naive(files: &[&[u8]]) -> Vec<Vec<String>> {
    let mut documents = Vec::new();
    for bytes in files {
        let text = str::from_utf8(bytes).unwrap().trim_start_matches('\u{feff}');
        documents.push(Vec::new());
        for line in text.lines().map(str::trim) {
            if line.is_empty() {
                documents.push(Vec::new());
            } else {
                documents.last_mut().unwrap().push(line.to_owned());
            }
        }
    }
    documents.retain(|document| !document.is_empty());
    documents
}

fn text() -> impl Strategy<Value = String> {
    const PARTS: [&str; 11] =
        ["\n", "\n\n", "\r\n", " ", "\u{3000}", "\u{85}", "a", "ü", "word. ", "€", "𝄞"];
    let part = prop::sample::select(&PARTS[..]);
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn documents_are_those_of_a_naive_splitter(texts in prop::collection::vec(text(), 1..4)) {
        let files: Vec<_> = texts.iter().map(String::as_bytes).collect();
        let expected = naive(&files);
        if !expected.is_empty() {
            prop_assert_eq!(read(&files, Form::SentencePerLine), expected.clone());
            let running = read(&files, Form::RunningText);
            prop_assert_eq!(running.len(), expected.len());
            for (running, lines) in running.iter().zip(expected) {
                // Nothing is lost but white space.
                let letters = |sentences: &[String]| {
                    sentences.concat().replace(char::is_whitespace, "")
                };
                prop_assert_eq!(letters(running), letters(&lines));
            }
        }
    }

    #[test]
    fn any_bytes_are_a_corpus_or_an_error(
        bytes in prop::collection::vec(prop_oneof![Just(b'\n'), Just(0xC3), any::<u8>()], 0..40)
    ) {
        let folder = folder(&[("a", &bytes)]);
        match open(&folder, "a", Form::SentencePerLine) {
            Ok(corpus) => prop_assert_eq!(documents(&corpus), naive(&[&bytes])),
            Err(Error::NotUtf8 { line, .. }) => {
                let valid = str::from_utf8(&bytes).unwrap_err().valid_up_to();
                let before = bytes[..valid].iter().filter(|&&byte| byte == b'\n').count();
                prop_assert_eq!(line, before as u64 + 1);
            }
            Err(Error::EmptyCorpus { .. }) => prop_assert!(naive(&[&bytes]).is_empty()),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
