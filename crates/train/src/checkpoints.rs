//! Checkpoints of a training that survive whatever happens.
//!
//! ```text
//! OUTPUT/checkpoints/step-00001000/
//!     config.json, model.safetensors, vocab.txt, …    a model like any other
//!     optimizer.safetensors                           the two moments of each parameter
//!     best.safetensors                                the best parameters so far, where they are kept
//!     training.json                                   step, place in the data, settings
//!     checksums.txt                                   SHA-256 of each file, as `sha256sum -c` reads them
//! ```
//!
//! A checkpoint is written under another name, flushed to the disk file by file, and renamed as a
//! whole. Whoever is killed in between leaves the checkpoints before it as they were. What is read is
//! checked first: a disk may lie, a copy may be cut off. The newest one that is whole is used.

use crate::metrics::Window;
use crate::watch::Watch;
use crate::{Error, Training};
use bert_checkpoint::{
    LoadOptions, TensorFile, TokenizerFiles, load, named, save, write_atomically, write_directory,
    write_tensors,
};
use bert_data::Position;
use bert_model::{Config, Freeze, HeadKind, Model};
use bert_nn::Tensors;
use bert_optim::{AdamW, AdamWSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const FOLDER: &str = "checkpoints";
const OPTIMIZER: &str = "optimizer.safetensors";
const BEST: &str = "best.safetensors";
const STATE: &str = "training.json";
const CHECKSUMS: &str = "checksums.txt";
const LOCK: &str = ".lock";
/// What a checkpoint's name begins with; the step follows.
const NAME: &str = "step-";

// ANCHOR: state
/// What a run must know besides its numbers to go on as if it had never stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// How many steps have been taken.
    pub step: u64,
    /// Where in the data the next step begins.
    pub position: Position,
    /// What the run was started with; a run with others is another run.
    pub settings: Map<String, Value>,
    /// Averages that are still being formed.
    pub window: Window,
    /// What the evaluations have shown.
    pub watch: Watch,
}
// ANCHOR_END: state

/// Everything that goes into a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Sizes and names.
    pub config: &'a Config,
    /// The parameters.
    pub model: &'a Model,
    /// Its moments.
    pub optimizer: &'a AdamW<Model>,
    /// The best parameters so far, where they are kept.
    pub best: Option<&'a Model>,
    /// So that a checkpoint is a model like any other.
    pub tokenizer: &'a TokenizerFiles,
    /// The rest.
    pub state: &'a State,
}

/// A checkpoint that is whole.
#[derive(Debug)]
pub struct Found {
    /// Its directory.
    pub path: PathBuf,
    /// Its state.
    pub state: State,
}

/// A checkpoint that cannot be used.
#[derive(Debug)]
pub struct Damaged {
    /// Its directory.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// The checkpoints of one run.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

/// No other process writes into the folder. The system takes it back when the process ends, in whatever way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Checkpoints {
    /// Those in `output`, of which the newest `keep` (at least one) stay.
    pub fn new(output: &Path, keep: usize) -> Self {
        Self { folder: output.join(FOLDER), keep: keep.max(1) }
    }

    // ANCHOR: save
    /// Writes a checkpoint, then deletes those before it that are too many. Returns its directory.
    ///
    /// # Errors
    /// It cannot be written: those before it are as they were.
    pub fn save(&self, snapshot: &Snapshot) -> Result<PathBuf, Error> {
        fs::create_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
        let path = self.folder.join(format!("{NAME}{:08}", snapshot.state.step));
        write_directory(&path, |inside| {
            save(inside, snapshot.config, snapshot.model, snapshot.tokenizer)?;
            let mut moments = named("first.", &snapshot.optimizer.first);
            moments.extend(named("second.", &snapshot.optimizer.second));
            write_tensors(&inside.join(OPTIMIZER), moments)?;
            if let Some(best) = snapshot.best {
                write_tensors(&inside.join(BEST), named("", best))?;
            }
            let state = serde_json::to_string_pretty(snapshot.state).map_err(io::Error::from);
            write_atomically(&inside.join(STATE), |file| file.write_all(state?.as_bytes()))?;
            write_atomically(&inside.join(CHECKSUMS), |file| {
                file.write_all(checksums(inside)?.as_bytes())
            })
        })?;
        self.prune()?;
        Ok(path)
    }
    // ANCHOR_END: save

    /// Makes their folder and takes it for this process, as long as the lock is held. What killed processes have left unfinished is
    /// cleared away.
    ///
    /// # Errors
    /// It cannot be made or written to, or another process has it.
    pub fn lock(&self) -> Result<Lock, Error> {
        let path = self.folder.join(LOCK);
        fs::create_dir_all(&self.folder).map_err(Error::io(&self.folder))?;
        let file = File::create(&path).map_err(Error::io(&path))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Running { path: self.folder.clone() });
            }
            // Some network disks have no locks. That is no reason not to train.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        for entry in fs::read_dir(&self.folder).map_err(Error::io(&self.folder))? {
            let entry = entry.map_err(Error::io(&self.folder))?;
            if entry.file_name().to_string_lossy().ends_with(".tmp") {
                let _ = fs::remove_dir_all(entry.path()); // in nobody's way if it stays
            }
        }
        Ok(Lock { _file: file })
    }

    /// Gives a checkpoint that cannot be used a name that does not count as one: else it would take the place of a whole one when
    /// old ones are deleted.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn set_aside(&self, damaged: &Path) -> Result<PathBuf, Error> {
        let mut name = OsString::from("damaged-");
        name.push(damaged.file_name().unwrap_or_default());
        let aside = damaged.with_file_name(name);
        let _ = fs::remove_dir_all(&aside); // an older one of the same step
        fs::rename(damaged, &aside).map_err(Error::io(damaged))?;
        Ok(aside)
    }

    // ANCHOR: newest
    /// The newest checkpoint that is whole, and the damaged ones that were passed over on the way.
    ///
    /// # Errors
    /// The folder is there and cannot be read.
    pub fn newest(&self) -> Result<(Option<Found>, Vec<Damaged>), Error> {
        let mut damaged = Vec::new();
        for path in self.list()?.into_iter().rev() {
            match check(&path) {
                Ok(state) => return Ok((Some(Found { path, state }), damaged)),
                Err(problem) => damaged.push(Damaged { path, problem }),
            }
        }
        Ok((None, damaged))
    }
    // ANCHOR_END: newest

    /// All of them, the oldest first. What is left of an unfinished one has another name.
    fn list(&self) -> Result<Vec<PathBuf>, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(&self.folder)(error)),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let entry = entry.map_err(Error::io(&self.folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let step = name.strip_prefix(NAME).and_then(|step| step.parse::<u64>().ok());
            paths.extend(step.map(|step| (step, entry.path())));
        }
        paths.sort();
        Ok(paths.into_iter().map(|(_, path)| path).collect())
    }

    // ANCHOR: prune
    fn prune(&self) -> Result<(), Error> {
        let paths = self.list()?;
        let surplus = paths.len().saturating_sub(self.keep);
        for path in &paths[..surplus] {
            // Under another name first: half of a checkpoint must not look like one.
            let going = self.folder.join(".going.tmp");
            let _ = fs::remove_dir_all(&going); // left by a killed process, if at all
            fs::rename(path, &going).map_err(Error::io(path))?;
            fs::remove_dir_all(&going).map_err(Error::io(&going))?;
        }
        Ok(())
    }
    // ANCHOR_END: prune
}

impl Found {
    // ANCHOR: found
    /// The training as it was.
    ///
    /// # Errors
    /// A file does not fit the others.
    pub fn training(
        &self,
        head: HeadKind,
        settings: AdamWSettings,
        freeze: Freeze,
    ) -> Result<Training, Error> {
        let options = LoadOptions { head: Some(head), ..LoadOptions::default() };
        let mut training = Training::new(load(&self.path, &options)?.model, settings, freeze);
        let State { step, position, window, watch, .. } = self.state.clone();
        let optimizer = &mut training.optimizer;
        optimizer.steps = step;
        let file = TensorFile::open(&self.path.join(OPTIMIZER))?;
        read("first.", &mut optimizer.first, &file)?;
        read("second.", &mut optimizer.second, &file)?;
        let path = self.path.join(BEST);
        if path.exists() {
            let mut best = training.model.zeros_like();
            read("", &mut best, &TensorFile::open(&path)?)?;
            training.best = Some(Box::new(best));
        }
        Ok(Training { step, position, window, watch, ..training })
    }
    // ANCHOR_END: found
}

/// Reads the tensors that [`named`] has named.
fn read(prefix: &str, model: &mut Model, file: &TensorFile) -> Result<(), Error> {
    for tensor in model.tensors_mut() {
        file.read_into(&format!("{prefix}{}", tensor.name), &tensor.shape, tensor.values)?;
    }
    Ok(())
}

/// `sha256  name` of each file in a directory, sorted by name.
fn checksums(directory: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != CHECKSUMS && !name.ends_with(".tmp") {
            lines.push((name, checksum(&entry.path())?));
        }
    }
    lines.sort();
    Ok(lines.into_iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect())
}

fn checksum(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hasher)?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

// ANCHOR: check
/// Compares every file with its checksum, and reads the state.
fn check(directory: &Path) -> Result<State, String> {
    let read = |name: &str| {
        fs::read_to_string(directory.join(name)).map_err(|error| format!("{name}: {error}"))
    };
    let listed = read(CHECKSUMS)?;
    for needed in [STATE, OPTIMIZER, "config.json", "model.safetensors"] {
        if !listed.lines().any(|line| line.ends_with(&format!("  {needed}"))) {
            return Err(format!("{CHECKSUMS} does not list {needed}"));
        }
    }
    for (number, line) in (1..).zip(listed.lines()) {
        let Some((expected, name)) = line.split_once("  ") else {
            return Err(format!("{CHECKSUMS}: line {number} is not a checksum and a name"));
        };
        // The name comes from a file: it must not lead out of the directory.
        if name.contains(['/', '\\']) {
            return Err(format!("{CHECKSUMS}: line {number} names no file of this directory"));
        }
        let found = checksum(&directory.join(name)).map_err(|error| format!("{name}: {error}"))?;
        if found != expected {
            return Err(format!("{name} is damaged: its checksum is not that of {CHECKSUMS}"));
        }
    }
    serde_json::from_str(&read(STATE)?).map_err(|error| format!("{STATE}: {error}"))
}
// ANCHOR_END: check

/// What is not the same in two runs' settings, one line for each, by the settings' names.
pub fn differences(of_run: &Map<String, Value>, now: &Map<String, Value>) -> Vec<String> {
    let (mut all, nothing) = (BTreeMap::new(), || ["nothing", "nothing"].map(str::to_owned));
    for (side, settings) in [of_run, now].into_iter().enumerate() {
        for (name, value) in settings {
            each(name, value, &mut |name, value| {
                all.entry(name.to_owned()).or_insert_with(nothing)[side] = value.to_string();
            });
        }
    }
    let differing = all.into_iter().filter(|(_, [of_run, now])| of_run != now);
    differing
        .map(|(name, [of_run, now])| format!("{name}: the run has {of_run}, now {now}"))
        .collect()
}

/// Goes into what is made of parts, so that one hears which part differs.
fn each(name: &str, value: &Value, tell: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Null => {}
        Value::Object(parts) => {
            parts.iter().for_each(|(part, value)| each(&format!("{name}, {part}"), value, tell));
        }
        _ => tell(name, value),
    }
}
