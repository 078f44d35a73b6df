//! Sets up the Rust kernel of Jupyter, evcxr.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::project::replace;
use crate::{Project, generate};

/// evcxr runs each line of this file when a kernel starts.
const FILE: &str = "init.evcxr";

/// How to start; printed after the file is written.
pub const INSTRUCTIONS: &str = "\
Once (evcxr takes some minutes to build):

  rustup component add rust-src
  cargo install --locked evcxr_jupyter
  evcxr_jupyter --install
  python3 -m pip install jupyterlab jupytext

Then, from the project's folder:

  jupyter lab notebooks-md

In JupyterLab click a notebook with the right button: Open With, Jupytext Notebook.";

/// Writes the kernel's start file, which makes the project's crates known to every cell, and says
/// where it lies.
///
/// # Errors
/// There is a start file that is not ours, and `force` is false; or it cannot be written.
pub fn set_up(project: &Project, force: bool) -> Result<PathBuf> {
    let path = config_folder()?.join(FILE);
    let dependencies = generate::dependencies(&project.root)?;
    write_start_file(&path, &dependencies, force)?;
    Ok(path)
}

fn write_start_file(path: &Path, dependencies: &[String], force: bool) -> Result<()> {
    if let (Ok(old), false) = (fs::read_to_string(path), force) {
        // evcxr knows no comments here, so the file is known by its first dependency.
        if !old.trim().is_empty() && !old.contains(":dep bert-") {
            bail!(
                "{} is there and was not written by this project; --force overwrites it",
                path.display()
            );
        }
    }
    let commands = [":cache 1000", ":opt 2"].map(str::to_owned);
    let dependencies = dependencies.iter().map(|dependency| format!(":dep {dependency}"));
    let lines: Vec<String> = commands.into_iter().chain(dependencies).collect();
    replace(path, &(lines.join("\n") + "\n"))
}

/// The folder in which evcxr looks for its settings.
fn config_folder() -> Result<PathBuf> {
    if let Some(folder) = env::var_os("EVCXR_CONFIG_DIR") {
        return Ok(folder.into());
    }
    let home = || env::var_os("HOME").map(PathBuf::from);
    let folder = if cfg!(windows) {
        env::var_os("APPDATA").map(PathBuf::from)
    } else if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Application Support"))
    } else {
        let set = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
        set.or_else(|| home().map(|home| home.join(".config")))
    };
    let folder = folder.context("no home folder: set EVCXR_CONFIG_DIR to evcxr's own folder")?;
    Ok(folder.join("evcxr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_start_file_is_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("evcxr").join(FILE);
        let ours = |dependency: &str| vec![format!("bert-nn = {{ path = \"{dependency}\" }}")];

        write_start_file(&path, &ours("/here"), false).expect("a new file");
        write_start_file(&path, &ours("/there"), false).expect("our own file");
        let text = fs::read_to_string(&path).expect("a file");
        assert!(text.ends_with(":dep bert-nn = { path = \"/there\" }\n"), "{text}");

        fs::write(&path, ":dep serde = \"1\"\n").expect("a foreign file");
        let error = write_start_file(&path, &ours("/here"), false).expect_err("a foreign file");
        assert!(error.to_string().contains("--force"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("a file"), ":dep serde = \"1\"\n");
        write_start_file(&path, &ours("/here"), true).expect("asked for");
    }
}
