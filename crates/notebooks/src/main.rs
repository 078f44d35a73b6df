//! `cargo notebook`: runs, checks and updates the Markdown notebooks.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, bail};
use bert_notebooks::{Notebook, Project, check, jupyter, run, update};
use clap::{Parser, Subcommand};

/// Runs and checks the notebooks of notebooks-md.
#[derive(Parser)]
#[command(name = "cargo notebook", bin_name = "cargo notebook")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a notebook, or all, and show what each cell prints
    Run {
        /// Its number, such as 02; all when left out
        number: Option<u32>,
    },
    /// Run and compare with what the pages say; exit with 1 if anything differs
    Check {
        /// Its number, such as 02; all when left out
        number: Option<u32>,
    },
    /// Run and write the outputs and figures into the pages
    Update {
        /// Its number, such as 02; all when left out
        number: Option<u32>,
    },
    /// List the notebooks
    List,
    /// Set up Jupyter's Rust kernel for this project, and say how to start
    Jupyter {
        /// Overwrite a start file of the kernel that is not this project's
        #[arg(long)]
        force: bool,
    },
}

fn main() -> ExitCode {
    match execute(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has seen enough (`| head`).
        Err(error) if is_closed_output(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_closed_output(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn execute(command: Command) -> Result<()> {
    let project = Project::find()?;
    match command {
        Command::Run { number } => each(&project, number, |notebook| {
            run::run(&project, notebook, true)?;
            Ok(true)
        }),
        Command::Check { number } => {
            each(&project, number, |notebook| check_one(&project, notebook))
        }
        Command::Update { number } => each(&project, number, |notebook| {
            let outputs = run::run(&project, notebook, false)?;
            let changed = update::update(&project, notebook, &outputs)?;
            let changed = if changed.is_empty() { "unchanged".into() } else { changed.join(", ") };
            say(&format!("{}: {changed}", notebook.path));
            Ok(true)
        }),
        Command::List => {
            for notebook in project.notebooks(None)? {
                let title = notebook.lines.iter().find_map(|line| line.strip_prefix("# "));
                say(&format!("{}  {}", notebook.path, title.unwrap_or("")));
            }
            Ok(())
        }
        Command::Jupyter { force } => {
            let path = jupyter::set_up(&project, force)?;
            say(&format!("Wrote {}\n\n{}", path.display(), jupyter::INSTRUCTIONS));
            Ok(())
        }
    }
}

/// Builds the chosen notebooks together, then goes through them. One that fails does not keep the
/// others from their turn.
fn each(
    project: &Project,
    number: Option<u32>,
    mut turn: impl FnMut(&Notebook) -> Result<bool>,
) -> Result<()> {
    let notebooks = project.notebooks(number)?;
    run::build(project, &notebooks)?;
    let mut failed = Vec::new();
    for notebook in &notebooks {
        match turn(notebook) {
            Ok(true) => {}
            Ok(false) => failed.push(notebook.path.as_str()),
            Err(error) if is_closed_output(&error) => return Err(error),
            Err(error) => {
                eprintln!("error: {error:#}\n");
                failed.push(notebook.path.as_str());
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} notebooks failed: {}", failed.len(), notebooks.len(), failed.join(", "));
    }
    Ok(())
}

fn check_one(project: &Project, notebook: &Notebook) -> Result<bool> {
    let outputs = run::run(project, notebook, false)?;
    let differences = check::differences(project, notebook, &outputs)?;
    if differences.is_empty() {
        say(&format!("{}: {} cells as the page says", notebook.path, notebook.cells.len()));
    } else {
        say(&differences.join("\n"));
        say(&format!("If the new output is right: cargo notebook update {}\n", notebook.number));
    }
    Ok(differences.is_empty())
}

/// Prints a line. That nobody reads it any more must not change the outcome of a check.
fn say(line: &str) {
    let _ = writeln!(io::stdout(), "{line}");
}
