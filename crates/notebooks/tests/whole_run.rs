//! `cargo notebook` on a small project of its own, which needs nothing but the standard library.
//! Its cargo works in the project's own target folder, so no build waits for another.
#![forbid(unsafe_code)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const PAGE: &str = r##"<!-- a header -->
# Counting

```rust
use std::fmt::Write;
struct Count(usize);
let count = Count(2);
```

The next cell knows the one above.

```rust
println!("loss {:.3}, ids {}", 0.12345, count.0);
let folder = std::env::var("BERT_NOTEBOOK_FIGURES")?;
std::fs::create_dir_all(&folder)?;
std::fs::write(format!("{folder}/bar.svg"), "<svg>\n<rect x='10'/>\n</svg>\n")?;
```

```text output
loss 0.123, ids 3
```

![a bar](figures/01/bar.svg)

```console
$ bert one "two words"
$ bert wc | tr a-z A-Z
```

```rust
print!("no line break");
```
"##;

const UPDATED_PART: &str = r##"
```text output
loss 0.123, ids 2
```

![a bar](figures/01/bar.svg)

```console
$ bert one "two words"
["one", "two words"]
$ bert wc | tr a-z A-Z
["WC"]
```

```rust
print!("no line break");
```

```text output
no line break
```
"##;

/// A workspace whose `bert` prints its arguments, with one notebook.
fn project(page: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let manifest = "[package]\nname = \"small\"\nedition = \"2024\"\n[workspace]\n\
                    [[bin]]\nname = \"bert\"\npath = \"bert.rs\"\n";
    let bert = "fn main() { println!(\"{:?}\", std::env::args().skip(1).collect::<Vec<_>>()); }";
    write(folder.path(), "Cargo.toml", manifest);
    write(folder.path(), "bert.rs", bert);
    write(folder.path(), "notebooks-md/README.md", "```rust\nnot a notebook\n");
    write(folder.path(), "notebooks-md/01-counting.md", page);
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a new folder");
    fs::write(path, text).expect("a new file");
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect("a file")
}

fn notebook(folder: &TempDir, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("it starts")
}

fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bert-notebooks"));
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_remove("CARGO_TARGET_DIR")
        .env("CARGO_NET_OFFLINE", "true");
    command
}

#[track_caller]
fn succeeds(folder: &TempDir, arguments: &[&str]) -> String {
    let output = notebook(folder, arguments);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[track_caller]
fn fails(folder: &TempDir, arguments: &[&str]) -> String {
    let output = notebook(folder, arguments);
    let both = [output.stdout, output.stderr].concat();
    let both = String::from_utf8(both).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{both}");
    both
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "expected `{part}` in:\n{text}");
    }
}

#[test]
fn a_wrong_page_fails_its_check_until_it_is_updated() {
    let folder = project(PAGE);
    let found = fails(&folder, &["check"]);
    contains(
        &found,
        &[
            "01-counting.md:20: the output is not what the page says",
            "expected | loss 0.123, ids 3\n  found    | loss 0.123, ids 2",
            "01-counting.md:23: the figure figures/01/bar.svg is not there yet",
            "01-counting.md:26: the output is not what the page says",
            "found    | [\"WC\"]",
            "01-counting.md:30: this cell prints, and has no ```text output block",
        ],
    );
    assert_eq!(read(&folder, "notebooks-md/01-counting.md"), PAGE, "a check changes nothing");

    succeeds(&folder, &["update", "1"]);
    let page = read(&folder, "notebooks-md/01-counting.md");
    assert!(page.ends_with(UPDATED_PART), "{page}");
    contains(&succeeds(&folder, &["check"]), &["01-counting.md: 5 cells as the page says"]);
    contains(&succeeds(&folder, &["update"]), &["unchanged"]);
    assert_eq!(read(&folder, "notebooks-md/01-counting.md"), page, "a second update");

    let shown = succeeds(&folder, &["run", "01"]);
    assert_eq!(
        shown,
        "\nnotebooks-md/01-counting.md:12\nloss 0.123, ids 2\n\
         \nnotebooks-md/01-counting.md:26\n[\"one\", \"two words\"]\n\
         \nnotebooks-md/01-counting.md:28\n[\"WC\"]\n\
         \nnotebooks-md/01-counting.md:32\nno line break\n"
    );

    let figure = "notebooks-md/figures/01/bar.svg";
    write(folder.path(), figure, &read(&folder, figure).replace("10", "11"));
    succeeds(&folder, &["check"]);
    write(folder.path(), figure, &read(&folder, figure).replace("11", "13"));
    let found = fails(&folder, &["check", "1"]);
    contains(&found, &["01-counting.md:23: figures/01/bar.svg:2 differs", "<rect x='13'/>"]);
    write(folder.path(), "notebooks-md/figures/01/old.svg", "<svg/>");
    contains(&fails(&folder, &["check"]), &["no cell draws figures/01/old.svg"]);
    succeeds(&folder, &["update"]);
    assert!(!folder.path().join("notebooks-md/figures/01/old.svg").exists());
    succeeds(&folder, &["check"]);

    let page = read(&folder, "notebooks-md/01-counting.md").replace("/bar.svg", "/line.svg");
    write(folder.path(), "notebooks-md/01-counting.md", &page);
    let found = fails(&folder, &["check"]);
    contains(&found, &["no cell draws figures/01/bar.svg", "figures/01/line.svg is not there yet"]);
}

#[test]
fn what_fails_names_the_notebook_and_its_line() {
    let folder = project(
        "Panics.\n\n```rust\nprintln!(\"before\");\nlet all = vec![0];\n```\n\n```rust\nlet three = 3;\nall[three];\n```\n",
    );
    contains(
        &fails(&folder, &["check"]),
        &[
            "notebooks-md/01-counting.md:8: this cell failed",
            "panicked at notebooks-md/01-counting.md:10:4:",
            "the len is 1 but the index is 3",
        ],
    );
    let cases = [
        ("```rust\nlet a: u8 = 1;\nlet b: u16 = a;\n```\n", "--> notebooks-md/01-counting.md:3:14"),
        ("```rust\n\"x\".parse::<u8>()?;\n```\n", "Error: invalid digit found in string"),
        ("a\n```rust\n", "notebooks-md/01-counting.md:2: this fence is never closed"),
        ("```console\n$ bert x | grep y\n```\n", "01-counting.md:2: this cell failed"),
    ];
    for (page, part) in cases {
        write(folder.path(), "notebooks-md/01-counting.md", page);
        contains(&fails(&folder, &["run"]), &[part]);
        contains(&fails(&folder, &["update"]), &[part]);
        assert_eq!(read(&folder, "notebooks-md/01-counting.md"), page, "it is left as it was");
    }
}

#[test]
fn one_failing_notebook_does_not_hide_another() {
    let folder = project("```rust\npanic!(\"on purpose\");\n```\n");
    write(folder.path(), "notebooks-md/02-more.md", "```rust\nprintln!(\"more\");\n```\n");
    contains(
        &fails(&folder, &["check"]),
        &["on purpose", "02-more.md:1: this cell prints", "2 of 2 notebooks failed"],
    );
    contains(&succeeds(&folder, &["run", "2"]), &["more"]);
}

#[test]
fn an_output_that_is_closed_early_is_no_error() {
    let folder = project("```rust\nfor i in 0..100_000 { println!(\"{i}\") }\n```\n");
    let mut child = command(&folder, &["run"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !messages.contains("panicked"), "{messages}");
}

#[test]
fn notebooks_are_listed_and_found_by_number() {
    let folder = project(PAGE);
    assert_eq!(succeeds(&folder, &["list"]), "notebooks-md/01-counting.md  Counting\n");
    let message = fails(&folder, &["run", "7"]);
    contains(&message, &["there is no notebook 07 (there: 01-counting.md)"]);
    write(folder.path(), "notebooks-md/1-again.md", "");
    contains(&fails(&folder, &["list"]), &["01-counting.md and 1-again.md have the same number"]);
}
