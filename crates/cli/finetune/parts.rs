//! Training, dev and test data, whatever an example is.

use super::{Boxed, FileArgs, fingerprint, tell_split};
use crate::common::named_notes;
use anyhow::{Result, anyhow};
use bert_data::statistics::Sample;
use bert_train::Error;
use bert_train::tasks::EvaluationSet;
use serde_json::Value;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

/// Examples that were read from one file.
#[derive(Debug, Clone)]
pub struct Part<E> {
    /// The file or folder.
    pub path: PathBuf,
    /// In its order.
    pub examples: Vec<E>,
    /// What a user should know of the file.
    pub notes: Vec<String>,
}

impl<E: Sample> Part<E> {
    /// An error with the place of its example in the file instead of a number.
    pub fn located(&self, error: Error) -> anyhow::Error {
        match error {
            Error::Pipeline(bert_pipeline::Error::Text { index, problem }) => {
                let place = self.examples[index].place();
                anyhow!("{}: {place}: {problem}", self.path.display())
            }
            error => error.into(),
        }
    }
}

// ANCHOR: parts
/// The data of a task in its parts.
pub struct Parts<E> {
    /// What the model learns from; empty if that is not known.
    pub train: Part<E>,
    /// What it is measured with on the way.
    pub dev: Option<Part<E>>,
    /// What it is measured with once, in the end.
    pub test: Option<Part<E>>,
}

impl<E: Debug> Parts<E> {
    /// Reads the dev file, or sets something aside with `split` (what is kept, what is not), and the test file. `what`: examples are
    /// called that.
    pub fn read(
        files: &FileArgs,
        mut train: Part<E>,
        what: &str,
        read: impl Fn(&Path) -> Result<Part<E>>,
        split: impl FnOnce(Vec<E>, f64) -> Result<(Vec<E>, Vec<E>)>,
    ) -> Result<Self> {
        let dev = match (&files.dev, files.dev_fraction()?) {
            (Some(path), _) => Some(read(path)?),
            (None, None) => None,
            (None, Some(share)) => {
                let (kept, dev) = split(std::mem::take(&mut train.examples), share)?;
                tell_split(dev.len(), kept.len() + dev.len(), what)?;
                train.examples = kept;
                let notes = Vec::new(); // those of the training data
                Some(Part { path: train.path.clone(), examples: dev, notes })
            }
        };
        let test = files.test.as_deref().map(read).transpose()?;
        Ok(Self { train, dev, test })
    }
    // ANCHOR_END: parts

    /// What makes a training on these another. The split is seen in both.
    pub fn settings(&self) -> Vec<(&'static str, Value)> {
        let of = |part: &Part<E>| fingerprint(part.examples.iter().map(|e| format!("{e:?}")));
        let dev = self.dev.as_ref().map_or(Value::Null, of);
        vec![("training data", of(&self.train)), ("dev data", dev)]
    }
}

impl<E> Parts<E> {
    /// What a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(train: Option<Part<E>>, test: Part<E>) -> Self {
        let nothing = || Part { path: PathBuf::new(), examples: Vec::new(), notes: Vec::new() };
        Self { train: train.unwrap_or_else(nothing), dev: None, test: Some(test) }
    }

    /// What the report measures with: the dev data or, where there is none, the test data.
    pub fn judge(&self) -> Option<&Part<E>> {
        self.dev.as_ref().or(self.test.as_ref())
    }

    /// What [`Parts::judge`] is called.
    pub fn judge_name(&self) -> &'static str {
        if self.dev.is_some() { "dev" } else { "test" }
    }

    /// The examples of [`Parts::judge`]; none if there is none.
    pub fn judged(&self) -> &[E] {
        self.judge().map_or(&[], |part| &part.examples)
    }

    /// How many examples each part has.
    pub fn counts(&self) -> [(&'static str, usize); 3] {
        let count = |part: &Option<Part<E>>| part.as_ref().map_or(0, |part| part.examples.len());
        let train = self.train.examples.len();
        [("training", train), ("dev", count(&self.dev)), ("test", count(&self.test))]
    }

    /// What a user should know of the files, with their names.
    pub fn notes(&self) -> Vec<String> {
        let parts = [Some(&self.train), self.dev.as_ref(), self.test.as_ref()];
        parts.into_iter().flatten().flat_map(|part| named_notes(&part.path, &part.notes)).collect()
    }

    /// Dev and test data as the model takes them.
    pub fn sets<S: EvaluationSet + 'static>(
        &self,
        set: impl Fn(&Part<E>) -> Result<S>,
    ) -> Result<[Boxed; 2]> {
        let boxed = |part: &Option<Part<E>>| -> Result<Boxed> {
            part.as_ref().map(|part| Ok(Box::new(set(part)?) as Box<_>)).transpose()
        };
        Ok([boxed(&self.dev)?, boxed(&self.test)?])
    }
}
