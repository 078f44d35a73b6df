//! Builds and runs notebooks.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};

use crate::figure::FIGURES;
use crate::{Notebook, Project, generate};

/// What a run has printed: for each cell of the notebook its lines, without blank ones at the end.
pub type Outputs = Vec<Vec<String>>;

/// Builds the programs of `notebooks` with one call of cargo, and the `bert` command if one of them
/// uses it. Cargo's messages go to standard error.
///
/// # Errors
/// Something does not compile; the compiler has then named the notebook and the line.
pub fn build(project: &Project, notebooks: &[Notebook]) -> Result<()> {
    let package = project.work().join("programs");
    generate::package(project, notebooks, &package)?;
    let target = project.work().join("build");
    cargo_build(&package, &target, &["--bins", "--keep-going"])
        .context("the notebooks do not compile")?;
    if notebooks.iter().any(Notebook::has_console) {
        cargo_build(&project.root, &project.target, &["--bin", "bert"])
            .context("the `bert` command does not compile")?;
    }
    Ok(())
}

fn cargo_build(package: &Path, target: &Path, arguments: &[&str]) -> Result<()> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg("build").arg("--release").args(arguments);
    cargo.arg("--manifest-path").arg(package.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target);
    // Paths in messages are relative to here, and so are the notebooks'.
    cargo.current_dir(package);
    let status = cargo.status().context("cannot start cargo")?;
    if !status.success() {
        bail!("`cargo build` failed");
    }
    Ok(())
}

/// Runs the program of one notebook, built before. Its figures go to a folder of the run, which is
/// emptied first. With `show` each output is printed as it comes, under the cell's file and line.
///
/// # Errors
/// A cell panics, gives an error, or its command fails: the message says which, with all that the
/// program wrote to standard error.
pub fn run(project: &Project, notebook: &Notebook, show: bool) -> Result<Outputs> {
    let figures = project.drawn_figures(notebook);
    if figures.is_dir() {
        fs::remove_dir_all(&figures)?;
    }
    let program = project.work().join("build/release").join(generate::binary(notebook));
    let mut child = Command::new(program)
        .current_dir(&project.root)
        .env(FIGURES, figures)
        .env("PATH", path_with(project.target.join("release"))?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{}: cannot start its program", notebook.path))?;
    let stdout = child.stdout.take().context("its output is piped")?;
    let stderr = child.stderr.take().context("its messages are piped")?;
    // Read side by side: a program that fills one pipe would else wait for us for ever.
    let messages = thread::spawn(move || read_all(stderr));
    let (last, outputs) = sort_by_cell(notebook, stdout, show)?;
    let status = child.wait()?;
    let messages = messages.join().unwrap_or_default();
    if !status.success() {
        bail!("{}:{last}: this cell failed ({status})\n{}", notebook.path, messages.trim_end());
    }
    if show {
        eprint!("{messages}");
    }
    Ok(outputs)
}

fn path_with(first: PathBuf) -> Result<std::ffi::OsString> {
    let old = env::var_os("PATH").unwrap_or_default();
    Ok(env::join_paths(std::iter::once(first).chain(env::split_paths(&old)))?)
}

fn read_all(mut stderr: ChildStderr) -> String {
    let mut bytes = Vec::new();
    // What arrived before an error is still worth showing.
    let _ = stderr.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Gives each cell what came after its marker (`support.rs`: a record separator and the cell's
/// line). Also says at which line the last cell began.
fn sort_by_cell(notebook: &Notebook, stdout: ChildStdout, show: bool) -> Result<(usize, Outputs)> {
    let places: HashMap<usize, usize> =
        notebook.cells.iter().enumerate().map(|(index, cell)| (cell.line(), index)).collect();
    let mut printed = vec![String::new(); notebook.cells.len()];
    let mut current = None;
    let mut reader = BufReader::new(stdout);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        // A cell may end without a line break: the marker is then not at the start of the line.
        let (text, marker) = match line.rsplit_once('\u{1e}') {
            Some((text, number)) => (text, number.trim().parse().ok()),
            None => (&*line, None),
        };
        if let Some(index) = current {
            append(&mut printed[index], text, show.then_some((notebook, index)))?;
        }
        if let Some(index) = marker.and_then(|line: usize| places.get(&line)) {
            current = Some(*index);
        }
        bytes.clear();
    }
    let last = current.map_or(1, |index| notebook.cells[index].line());
    let lines = |text: &String| text.trim_end().lines().map(str::to_owned).collect();
    Ok((last, printed.iter().map(lines).collect()))
}

/// Adds `text` to what a cell has printed; its first output is shown under the cell's place.
fn append(printed: &mut String, text: &str, shown: Option<(&Notebook, usize)>) -> io::Result<()> {
    if let Some((notebook, index)) = shown.filter(|_| !text.is_empty()) {
        let mut stdout = io::stdout();
        if printed.is_empty() {
            writeln!(stdout, "\n{}:{}", notebook.path, notebook.cells[index].line())?;
        }
        // An unfinished line is the last of its cell.
        writeln!(stdout, "{}", text.trim_end_matches('\n'))?;
    }
    printed.push_str(text);
    Ok(())
}
