//! What a notebook's program calls while it runs. `generate.rs` writes this file into the generated
//! package as its library, so it must stand on its own.

use std::error::Error;
use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

/// What the cells of a notebook, put together, give back: `?` works in them.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Runs the cells; an error is shown with its causes.
pub fn main(cells: fn() -> Outcome) -> ExitCode {
    let Err(error) = cells() else { return ExitCode::SUCCESS };
    eprintln!("Error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
    ExitCode::FAILURE
}

/// Says that what is printed from here on belongs to the cell that begins in this line.
pub fn cell(line: usize) {
    println!("\u{1e}{line}");
}

/// Runs one command of a console block, and prints what it prints.
pub fn console(line: usize, command: &str) -> Outcome {
    cell(line);
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = shell.output().map_err(|error| format!("cannot start `sh`: {error}"))?;
    std::io::stdout().write_all(&output.stdout)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("`{command}` ended with {}", output.status).into())
    }
}
