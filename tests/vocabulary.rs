//! `bert vocab`: what it writes, and what it refuses.

use crate::support::{Run, argument, at, bert};
use bert_testkit::fixture;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory with texts, in which vocabularies are made.
struct Texts(TempDir);

impl Texts {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).unwrap());
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Makes `vocab.txt` from one pattern.
    fn run(&self, pattern: &str, more: &[&str]) -> Run {
        let (corpus, output) = (argument(&self.path(pattern)), argument(&self.path("vocab.txt")));
        bert(&[&["vocab", "--corpus", &corpus, "--output", &output], more].concat())
    }

    fn tokens(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("vocab.txt")).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn vocab_writes_the_references_vocabulary_and_tokenize_takes_it() {
    let texts = Texts::new(&[]);
    let (corpus, output) = (at("vocab/invented.txt"), argument(&texts.path("vocab.txt")));
    let plain = ["vocab", "--corpus", &corpus, "--output", &output];
    for (name, more) in [
        ("uncased", &["--size", "400"][..]),
        ("cased", &["--size", "400", "--cased"]),
        ("few_letters", &["--size", "200", "--limit-alphabet", "22"]),
        ("frequent", &["--size", "5000", "--min-frequency", "30"]),
    ] {
        for threads in ["1", "2"] {
            let run = bert(&[&plain, more, &["--threads", threads]].concat());
            assert_eq!(run.ok(), "");
            let expected = read(&fixture(&format!("vocab/{name}.txt")));
            assert_eq!(read(&texts.path("vocab.txt")), expected, "{name}");
            let summary = format!("{} tokens from ", expected.lines().count());
            assert!(run.stderr.contains(&summary), "{}", run.stderr);
        }
    }
    bert(&[&plain[..], &["--size", "400"]].concat()).ok();
    let run = bert(&["tokenize", "--vocab", &output, "The doctor rides"]);
    assert_eq!(run.ok(), "[CLS] the doct ##or rides [SEP]\n");
}

#[test]
fn several_files_are_one_text() {
    let text = read(&fixture("vocab/invented.txt"));
    let middle = text.len() / 2 + text[text.len() / 2..].find('\n').unwrap() + 1;
    let texts = Texts::new(&[
        ("a.txt", &text.as_bytes()[..middle]),
        ("b.txt", format!("\u{feff}{}", &text[middle..]).replace('\n', "\r\n").as_bytes()),
    ]);
    let run = texts.run("?.txt", &["--size", "400", "--corpus", &argument(&texts.path("a.txt"))]);
    run.warns(&["a.txt: named twice, read once"]);
    assert_eq!(read(&texts.path("vocab.txt")), read(&fixture("vocab/uncased.txt")));
}

#[test]
fn what_falls_short_of_the_wish_is_said() {
    let long = "x".repeat(101);
    let texts = Texts::new(&[("a", format!("dog dog {long}\ndo\n").as_bytes())]);
    let run = texts.run("a", &["--size", "100"]);
    run.warns(&[
        "no more pairs occur 2 times: the vocabulary has 12 tokens instead of 100",
        "1 word of over 100 characters left out",
    ]);
    // do ##g and not d ##og: both pairs are in "dog", but (d, ##o) is in "do", too.
    assert_eq!(texts.tokens()[5..], ["d", "g", "o", "##g", "##o", "do", "dog"]);
}

#[test]
fn what_is_no_corpus_leaves_the_old_vocabulary() {
    let texts = Texts::new(&[
        ("good", b"dogs bite men\n"),
        ("blank", b"\n \n"),
        ("latin", b"dogs\nM\xE4nner\n"),
        ("vocab.txt", b"old"),
    ]);
    fs::create_dir(texts.path("folder")).unwrap();
    let size = ["--size", "100"];
    texts.run("*.text", &size).refuses(&["*.text: no file has such a name"]);
    texts.run("none", &size).refuses(&["none: No such file"]);
    texts.run("folder", &size).refuses(&["folder: this is a directory", "folder/*.txt'"]);
    texts.run("blank", &size).refuses(&["blank: there is no text here"]);
    texts.run("latin", &size).refuses(&["latin: line 2 is not valid UTF-8 text"]);
    let small = texts.run("good", &["--size", "20"]);
    small.refuses(&["--size, --limit-alphabet", "20 tokens is too small", "10 different letters"]);
    for (run, missing) in
        [(texts.run("good", &[]), "--size"), (bert(&["vocab", "--size", "9"]), "--corpus")]
    {
        run.refuses_usage(&["required"]);
        assert!(run.stderr.contains(missing), "{}", run.stderr);
    }
    assert_eq!(texts.tokens(), ["old"]);
    let output = argument(&texts.path("none/vocab.txt"));
    let run = bert(&[
        "vocab",
        "--corpus",
        &argument(&texts.path("good")),
        "--size",
        "100",
        "--output",
        &output,
    ]);
    run.refuses(&["none/vocab.txt: there is no folder"]);
    // The text itself is not replaced by its vocabulary.
    let good = argument(&texts.path("good"));
    let before = fs::read(&good).unwrap();
    let run = bert(&["vocab", "--corpus", &good, "--size", "100", "--output", &good]);
    run.refuses_usage(&["good: that is a file to read from"]);
    assert_eq!(fs::read(&good).unwrap(), before);
}
