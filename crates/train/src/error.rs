use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong in a training. A step that fails is not applied: parameters and optimizer are as
/// before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A batch or its labels do not fit the model, or there is no label at all.
    #[error(transparent)]
    Batch(#[from] bert_model::Error),
    /// A model or a checkpoint cannot be read or written.
    #[error(transparent)]
    Checkpoint(#[from] bert_checkpoint::Error),
    /// The data does not fit the model.
    #[error(transparent)]
    Pipeline(#[from] bert_pipeline::Error),
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] bert_data::Error),
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The directory holds what a new run would overwrite.
    #[error(
        "{} holds {holds}: --resume to go on with it, or another --output for a new run",
        path.display()
    )]
    OutputInUse {
        /// The output directory.
        path: PathBuf,
        /// What is there.
        holds: String,
    },
    /// The directory holds what is no run's, or a model whose checkpoints are gone.
    #[error("{} holds {file}, which would be overwritten: choose another --output", path.display())]
    WouldOverwrite {
        /// The output directory.
        path: PathBuf,
        /// The first such file.
        file: String,
    },
    /// Two processes would write over each other's checkpoints.
    #[error("{}: another process is training here", path.display())]
    Running {
        /// The folder of checkpoints.
        path: PathBuf,
    },
    /// The run in the directory was started in another way.
    #[error(
        "{} holds a run with other settings. Give it its own to go on, or another --output for a new run (--init or --model begins \
         that one with this one's weights):\n  {}",
        path.display(),
        differences.join("\n  ")
    )]
    OtherSettings {
        /// The output directory.
        path: PathBuf,
        /// One line each.
        differences: Vec<String>,
    },
    /// The data has not one sequence.
    #[error("a whole pass over the data gave no sequence to train on")]
    NoInstance,
    /// No sequence hides a word.
    #[error(
        "a whole pass over the data hid no word, so there is nothing to guess (with --whole-word-masking, a word of more \
         pieces than may be hidden is never hidden)"
    )]
    NothingMasked,
    /// Nothing to learn from.
    #[error("the step has no batch")]
    NoBatch,
    /// The loss is not a number, or infinite.
    #[error("{}the loss of {name} is {value}; the step was not applied", place(step))]
    Loss {
        /// Counted from 0; none in evaluation mode.
        step: Option<u64>,
        /// The name of its labels.
        name: &'static str,
        /// NaN or an infinity.
        value: f64,
    },
    /// A gradient is not a number, or infinite.
    #[error("step {step}: the gradient of {tensor} is not finite; the step was not applied")]
    Gradient {
        /// Counted from 0.
        step: u64,
        /// The first such tensor.
        tensor: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

fn place(step: &Option<u64>) -> String {
    step.map_or_else(String::new, |step| format!("step {step}: "))
}
