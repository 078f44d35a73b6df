//! Which files make a model directory: Hugging Face's layout, or what Google's zip files hold.

use crate::bundled::{self, Bundle};
use crate::{Error, TensorFile, quantised, tensorflow};
use bert_model::{Config, Flavour};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// The weights' file, as it is written.
pub const WEIGHTS: &str = "model.safetensors";
/// Google's weights: the index of a checkpoint.
pub const GOOGLE_WEIGHTS: &str = "bert_model.ckpt.index";
/// The weights' files that are read: the first that is there, in transformers' order.
pub const WEIGHTS_FILES: [&str; 6] = [
    WEIGHTS,
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    GOOGLE_WEIGHTS,
    quantised::WEIGHTS,
];
/// Hugging Face's configuration.
pub const CONFIG: &str = "config.json";
/// Google's configuration.
pub const GOOGLE_CONFIG: &str = "bert_config.json";
/// The configuration's file, by its names.
pub const CONFIGS: [&str; 2] = [CONFIG, GOOGLE_CONFIG];
// Weights of other programs; said by name, since a directory that holds them looks whole.
const OTHER_WEIGHTS: [&str; 2] = ["tf_model.h5", "flax_model.msgpack"];

/// A directory with a configuration and weights; or a model that is built into the program and is
/// asked for by its name ([`bundled`]).
#[derive(Debug, Clone)]
pub struct ModelDirectory {
    path: PathBuf,
    config: PathBuf,
    flavour: Flavour,
    bundle: Option<&'static Bundle>,
}

impl ModelDirectory {
    /// Looks for the files; says what was looked for when one is missing.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(bundle) = bundled::find(path) {
            let (config, flavour) = (path.join(CONFIG), Flavour::HuggingFace);
            return Ok(Self { path: path.to_owned(), config, flavour, bundle: Some(bundle) });
        }
        let refuse = |problem: String| Err(Error::NotAModel { path: path.to_owned(), problem });
        if !path.exists() {
            if tensorflow::index_path(path).is_some_and(|index| index.is_file()) {
                return refuse(
                    "it is a TensorFlow checkpoint; the directory that holds it is wanted"
                        .to_owned(),
                );
            }
            let name = bundled::TINY_WORLD.name;
            return refuse(format!(
                "there is nothing of that name ({name} is built in; on the Hub, a model has its owner's name in front, as in \
                 google-bert/bert-base-uncased)"
            ));
        }
        if !path.is_dir() {
            if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
                return refuse("it is a zip file: unpack it, and name the directory".to_owned());
            }
            return refuse("it is a file; the directory that holds it is wanted".to_owned());
        }
        let candidates = [(CONFIG, Flavour::HuggingFace), (GOOGLE_CONFIG, Flavour::Google)];
        let Some((name, flavour)) =
            candidates.into_iter().find(|(name, _)| path.join(name).is_file())
        else {
            if path.join("checkpoints").is_dir() {
                return refuse(
                    "a training that is not finished; its checkpoints are in checkpoints/, each of them a model".to_owned(),
                );
            }
            let there = listing(path)?;
            return refuse(format!("looked for {CONFIG} and {GOOGLE_CONFIG}, found {there}"));
        };
        Ok(Self { path: path.to_owned(), config: path.join(name), flavour, bundle: None })
    }

    /// The directory, or the name of a model that is built in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the configuration; `activation`, by one of transformers' names, replaces the file's.
    pub fn config(&self, activation: Option<&str>) -> Result<Config, Error> {
        let bytes = match self.bundle {
            Some(bundle) => Cow::Borrowed(bundle.file(CONFIG)),
            None => Cow::Owned(fs::read(&self.config).map_err(Error::io(&self.config))?),
        };
        Ok(match activation {
            Some(name) => Config::with_activation(&bytes, &self.config, self.flavour, name)?,
            None => Config::from_bytes(&bytes, &self.config, self.flavour)?,
        })
    }

    /// Opens the weights' file; says what was looked for when it is missing.
    pub fn weights(&self) -> Result<TensorFile, Error> {
        if let Some(bundle) = self.bundle {
            return TensorFile::of_bytes(bundle.file(WEIGHTS), &self.path.join(WEIGHTS));
        }
        let mut files = WEIGHTS_FILES.iter().map(|name| self.path.join(name));
        if let Some(file) = files.find(|file| file.is_file()) {
            return TensorFile::open(&file);
        }
        if let Some(index) = self.google_index()? {
            return TensorFile::open(&index);
        }
        let other = OTHER_WEIGHTS.iter().find(|name| self.path.join(name).exists());
        let found = match other {
            Some(name) => format!("found {name}, which is not read"),
            None => format!("found {}", listing(&self.path)?),
        };
        let problem = format!("looked for {}, {found}", WEIGHTS_FILES.join(", "));
        Err(Error::NotAModel { path: self.path.clone(), problem })
    }

    /// The index of a checkpoint of Google's that has not its usual name, if it is the only one: their programs for tasks write
    /// `model.ckpt-343.index`.
    fn google_index(&self) -> Result<Option<PathBuf>, Error> {
        let mut found = names(&self.path)?;
        found.retain(|name| name.ends_with(".index") && name.contains(".ckpt"));
        match &found[..] {
            [] => Ok(None),
            [one] => Ok(Some(self.path.join(one))),
            several => {
                let problem = format!(
                    "there are several checkpoints ({}): put the one that is meant into a directory \
                     of its own, with the configuration and the vocabulary",
                    several.join(", ")
                );
                Err(Error::NotAModel { path: self.path.clone(), problem })
            }
        }
    }
}

/// The names of everything in a directory, sorted.
fn names(path: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(path).map_err(Error::io(path))?;
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn listing(path: &Path) -> Result<String, Error> {
    const SHOWN: usize = 10;
    let mut names = names(path)?;
    let more = names.len().saturating_sub(SHOWN);
    names.truncate(SHOWN);
    Ok(match (names.is_empty(), more) {
        (true, _) => "an empty directory".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(path: &Path) -> String {
        let opened = ModelDirectory::open(path).and_then(|directory| directory.weights());
        opened.err().unwrap().to_string()
    }

    #[test]
    fn what_is_no_model_directory_is_told_what_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        assert!(message(&folder.path().join("nowhere")).contains("nothing of that name"));
        assert!(message(folder.path()).contains("found an empty directory"));
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(message(&folder.path().join("notes.txt")).contains("it is a file"));
        let text = message(folder.path());
        assert!(text.contains("looked for config.json and bert_config.json, found notes.txt"));
        fs::write(folder.path().join(CONFIG), "{}").unwrap();
        fs::write(folder.path().join("tf_model.h5"), "").unwrap();
        let text = message(folder.path());
        assert!(text.contains("found tf_model.h5, which is not read"), "{text}");
        assert!(WEIGHTS_FILES.iter().all(|name| text.contains(name)), "{text}");
    }

    #[test]
    fn the_weights_are_looked_for_in_the_order_of_transformers() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(CONFIG), "{}").unwrap();
        // Each is damaged, so that the message names the one that was opened.
        for name in WEIGHTS_FILES.iter().rev() {
            fs::write(folder.path().join(name), "").unwrap();
            let (text, file) = (message(folder.path()), folder.path().join(name));
            assert!(text.starts_with(&format!("{}: not a whole", file.display())), "{text}");
        }
    }

    #[test]
    fn a_zip_file_is_to_be_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let zip = folder.path().join("uncased_L-2_H-128_A-2.zip");
        fs::write(&zip, "PK").unwrap();
        assert!(message(&zip).contains("it is a zip file: unpack it"));
    }

    #[test]
    fn googles_checkpoint_has_its_usual_name_or_is_the_only_one() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name| fs::write(folder.path().join(name), "").unwrap();
        write(GOOGLE_CONFIG);
        // Whichever is opened is empty, which is said of it.
        write("model.ckpt-12.index");
        assert!(message(folder.path()).contains("model.ckpt-12.index: not a whole TensorFlow"));
        write("model.ckpt-8.index");
        let text = message(folder.path());
        assert!(text.contains("checkpoints (model.ckpt-12.index, model.ckpt-8.index)"), "{text}");
        write(GOOGLE_WEIGHTS);
        assert!(message(folder.path()).contains("bert_model.ckpt.index: not a whole TensorFlow"));
    }
}
