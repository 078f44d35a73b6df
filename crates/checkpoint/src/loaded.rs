//! What loading gives: a model, and what was noticed on the way.

use crate::error::{listed, tensors};
use bert_model::{Config, Model};

/// A model and what was noticed on the way.
#[derive(Debug, Clone)]
pub struct Loaded<M = Model> {
    /// As read, with what the options changed.
    pub config: Config,
    /// Filled from the file.
    pub model: M,
    /// Tensors of the file that this model has no use for, by their names in the file.
    pub unused: Vec<String>,
    /// How many tensors of the file belong to the training that made it: an optimizer's moments, a
    /// count of steps.
    pub of_optimizer: usize,
    /// What else lies in the file, one sentence each.
    pub passed_over: Vec<String>,
    /// Tensors that were initialised because a new head was asked for.
    pub fresh: Vec<String>,
    /// Whether `hidden_act` was read as one of two things that it may mean.
    pub activation_in_doubt: bool,
    /// Whether this is a model that is built in, and a directory has the same name.
    pub hides_directory: bool,
}

impl<M> Loaded<M> {
    /// What a user should know about how the model was read; one sentence each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = self.passed_over.clone();
        if !self.unused.is_empty() {
            notes.push(format!(
                "not used: {} of the file: {}",
                tensors(self.unused.len()),
                listed(&self.unused)
            ));
        }
        if self.of_optimizer > 0 {
            notes.push(format!("{} of the optimizer passed over", tensors(self.of_optimizer)));
        }
        if !self.fresh.is_empty() {
            notes.push(format!(
                "new and untrained: {}: {}",
                tensors(self.fresh.len()),
                listed(&self.fresh)
            ));
        }
        if self.hides_directory {
            notes.push(
                "this is the model that is built in; the directory of that name is ./tiny-world"
                    .to_owned(),
            );
        }
        if self.activation_in_doubt {
            notes.push(
                "bert_config.json says gelu, which Google's code computes by tanh since 2019; the \
                 models of 2018 were trained with erf: choose it with --activation gelu"
                    .to_owned(),
            );
        }
        notes
    }
}

impl<M> Loaded<M> {
    /// The same of another form of the model.
    pub(crate) fn map<N>(self, model: impl FnOnce(M) -> N) -> Loaded<N> {
        Loaded {
            config: self.config,
            model: model(self.model),
            unused: self.unused,
            of_optimizer: self.of_optimizer,
            passed_over: self.passed_over,
            fresh: self.fresh,
            activation_in_doubt: self.activation_in_doubt,
            hides_directory: self.hides_directory,
        }
    }
}
