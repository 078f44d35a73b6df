//! Where everything lies.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use anyhow::{Context, Result, bail};

use crate::Notebook;

/// The folder of the notebooks, below the project's root.
pub(crate) const FOLDER: &str = "notebooks-md";

/// The project's root: the nearest folder, from the current one upwards, that holds `notebooks-md`.
///
/// Cells start their paths here, since `cargo notebook` runs them in the root and Jupyter runs
/// them in `notebooks-md`.
///
/// # Errors
/// There is no such folder.
pub fn root() -> io::Result<PathBuf> {
    let here = env::current_dir()?;
    let found = here.ancestors().find(|folder| folder.join(FOLDER).is_dir());
    found.map(Path::to_path_buf).ok_or_else(|| {
        let message = format!("no folder {FOLDER} here or above ({})", here.display());
        io::Error::new(io::ErrorKind::NotFound, message)
    })
}

/// The project whose notebooks are run.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that holds `notebooks-md` and the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder; everything made by a run goes into its subfolder `notebooks`.
    pub target: PathBuf,
}

impl Project {
    /// The project around the current folder. Like cargo, respects `CARGO_TARGET_DIR`.
    ///
    /// # Errors
    /// The current folder is not in a project with notebooks.
    pub fn find() -> Result<Self> {
        let root = root()?;
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => env::current_dir()?.join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// The folder of everything that a run makes.
    pub(crate) fn work(&self) -> PathBuf {
        self.target.join("notebooks")
    }

    /// Where the figures of a run go.
    pub(crate) fn drawn_figures(&self, notebook: &Notebook) -> PathBuf {
        self.work().join("figures").join(&notebook.number)
    }

    /// Where the figures that the page shows are kept.
    pub(crate) fn kept_figures(&self, notebook: &Notebook) -> PathBuf {
        self.root.join(FOLDER).join("figures").join(&notebook.number)
    }

    /// The notebooks in order, or only the one with the number `wanted` (`1` and `01` both do).
    ///
    /// # Errors
    /// A notebook cannot be read or parsed, there is none with that number, or there are two.
    pub fn notebooks(&self, wanted: Option<u32>) -> Result<Vec<Notebook>> {
        let names = self.names()?;
        for pair in names.windows(2) {
            if number(&pair[0]) == number(&pair[1]) {
                bail!("{FOLDER}: {} and {} have the same number", pair[0], pair[1]);
            }
        }
        let chosen: Vec<&String> =
            names.iter().filter(|name| wanted.is_none() || number(name) == wanted).collect();
        if chosen.is_empty() {
            let asked = wanted.map_or_else(String::new, |wanted| format!(" {wanted:02}"));
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            bail!("{FOLDER}: there is no notebook{asked} (there: {there})");
        }
        chosen.into_iter().map(|name| self.read(name)).collect()
    }

    /// The sorted names `NN-name.md` in the folder; other files, such as a README, are no notebooks.
    fn names(&self) -> Result<Vec<String>> {
        let folder = self.root.join(FOLDER);
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") && number(&name).is_some() {
                names.push(name);
            }
        }
        names.sort_by_key(|name| (number(name), name.clone()));
        Ok(names)
    }

    fn read(&self, name: &str) -> Result<Notebook> {
        let path = format!("{FOLDER}/{name}");
        let text = fs::read_to_string(self.root.join(&path)).with_context(|| path.clone())?;
        Notebook::parse(&path, &text)
    }
}

/// The number before the first hyphen of a notebook's file name.
fn number(name: &str) -> Option<u32> {
    name.split_once('-')?.0.parse().ok()
}

/// Replaces a file in one step: whoever reads it sees the old text or the new, never a part.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    let name = path.file_name().context("a file has a name")?.to_string_lossy();
    let folder = path.parent().context("a file lies in a folder")?;
    let beside = folder.join(format!("{name}.tmp"));
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = fs::File::create(&beside)?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().with_context(|| path.display().to_string())
}
