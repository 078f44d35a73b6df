//! A notebook → a Rust program with the same line numbers; the package around the programs.
//!
//! Line N of the program comes from line N of the page, and the program's file has the page's
//! path (`notebooks-md/01-tokens.md` below the generated package). So the compiler's messages and
//! the place of a panic name the notebook and its line, without anything being translated.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::project::replace;
use crate::{Notebook, Project, Source};

/// The crates of this workspace that a cell may use, as `bert_NAME`.
const CRATES: [&str; 12] = [
    "tokenizer",
    "kernels",
    "nn",
    "model",
    "checkpoint",
    "optim",
    "metrics",
    "data",
    "pipeline",
    "train",
    "plot",
    "notebooks",
];

/// The published crates that a cell may use, in the versions and with the features of this
/// workspace.
const PUBLISHED: [&str; 3] = ["ndarray", "rayon", "serde_json"];

/// Stands before the first line of the page, in the same line.
const BEFORE: &str = "#![allow(unused_variables, unused_imports, unused_assignments, dead_code, \
    redundant_semicolons)] fn main() -> ::std::process::ExitCode { ::notebook::main(cells) } \
    fn cells() -> ::notebook::Outcome { ";

/// Stands in a line of its own after the last line of the page.
const AFTER: &str = "Ok(()) }";

/// The program of a notebook: each line of the page becomes one line, and one more closes it.
pub(crate) fn program(notebook: &Notebook) -> String {
    // Prose becomes blank lines: nothing in it can then disturb the compiler.
    let mut lines = vec![String::new(); notebook.lines.len()];
    for cell in &notebook.cells {
        match &cell.source {
            Source::Rust(code) => {
                lines[cell.at] = format!("::notebook::cell({});", cell.line());
                lines[code.clone()].clone_from_slice(&notebook.lines[code.clone()]);
            }
            Source::Console(command) => {
                lines[cell.at] = format!("::notebook::console({}, {command:?})?;", cell.line());
            }
        }
    }
    lines.push(AFTER.to_owned());
    format!("{BEFORE}{}\n", lines.join("\n"))
}

/// Writes the package with the programs of these notebooks into `folder`. What has not changed is
/// not written, so that cargo does not build it again.
pub(crate) fn package(project: &Project, notebooks: &[Notebook], folder: &Path) -> Result<()> {
    let mut manifest = String::from(
        "[package]\nname = \"notebook\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [lib]\npath = \"support.rs\"\n",
    );
    for notebook in notebooks {
        let (name, path) = (binary(notebook), &notebook.path);
        manifest.push_str(&format!("\n[[bin]]\nname = \"{name}\"\npath = \"{path}\"\n"));
        write_if_new(&folder.join(path), &program(notebook))?;
    }
    manifest.push_str("\n[dependencies]\n");
    for dependency in dependencies(&project.root)? {
        manifest.push_str(&format!("{dependency}\n"));
    }
    write_if_new(&folder.join("Cargo.toml"), &manifest)?;
    write_if_new(&folder.join("support.rs"), include_str!("support.rs"))?;
    // With the workspace's own lock file every crate has the version that the tests run with.
    let lock = project.root.join("Cargo.lock");
    if lock.is_file() {
        fs::copy(&lock, folder.join("Cargo.lock")).context("copying Cargo.lock")?;
    }
    Ok(())
}

/// The name of a notebook's program, such as `notebook-01`.
pub(crate) fn binary(notebook: &Notebook) -> String {
    format!("notebook-{}", notebook.number)
}

/// What a cell may use, as lines of a `[dependencies]` table, with absolute paths: those of
/// [`CRATES`] and [`PUBLISHED`] that the workspace in `root` has.
pub(crate) fn dependencies(root: &Path) -> Result<Vec<String>> {
    let manifest = root.join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
    let local = CRATES.iter().filter_map(|name| {
        let path = root.join("crates").join(name);
        let is_there = path.join("Cargo.toml").is_file();
        is_there.then(|| format!("bert-{name} = {{ path = {path:?}, default-features = false }}"))
    });
    let published = PUBLISHED.iter().filter_map(|name| {
        let start = format!("{name} = ");
        manifest.lines().find(|line| line.starts_with(&start)).map(str::to_owned)
    });
    Ok(local.chain(published).collect())
}

fn write_if_new(path: &Path, text: &str) -> Result<()> {
    match fs::read_to_string(path) {
        Ok(old) if old == text => Ok(()),
        _ => replace(path, text),
    }
}
