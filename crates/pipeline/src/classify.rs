//! Labels and scores for each text.
//!
//! The head gives one logit for each class. What they mean depends on the problem, as in transformers'
//! text-classification pipeline: a softmax where exactly one label is right, a sigmoid for each
//! class where several can be, and the number itself for regression.

use crate::{Error, Pipeline};
use bert_checkpoint::LoadOptions;
use bert_kernels::softmax_row;
use bert_model::{Config, HeadKind};
use bert_nn::Real;
use bert_tokenizer::{Encoding, Input};
use std::borrow::Borrow;
use std::path::Path;

/// How logits become scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// One label is right: the scores of all classes add up to 1.
    Softmax,
    /// Each class by itself, between 0 and 1.
    Sigmoid,
    /// The logit is the answer.
    Raw,
}

impl Scoring {
    /// What the configuration's `problem_type` and number of classes ask for.
    pub fn of(config: &Config) -> Self {
        match config.problem_type.as_deref() {
            Some("regression") => Self::Raw,
            Some("multi_label_classification") => Self::Sigmoid,
            // A softmax over one class would always say 1.
            _ if config.classes() == 1 => Self::Sigmoid,
            _ => Self::Softmax,
        }
    }

    pub(crate) fn apply(self, logits: &mut [Real]) {
        match self {
            Self::Softmax => softmax_row(logits),
            Self::Sigmoid => {
                logits.iter_mut().for_each(|logit| *logit = 1.0 / (1.0 + (-*logit).exp()))
            }
            Self::Raw => {}
        }
    }
}

/// Classifies texts or pairs of texts. Needs a sequence-classification head.
///
/// ```
/// # fn main() -> Result<(), bert_pipeline::Error> {
/// use bert_pipeline::Classifier;
/// use std::path::Path;
///
/// let classifier = Classifier::load(Path::new("../../tests/fixtures/toy-classify"))?;
/// for classes in classifier.predict(&["the bread is good .", "the bread is not good ."])? {
///     println!("{} {:.3}", classes[0].label, classes[0].score);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Classifier<P = Pipeline> {
    pipeline: P,
    /// How logits become scores.
    pub scoring: Scoring,
    /// How many of the best classes are kept; all of them if none.
    pub top_k: Option<usize>,
    labels: Vec<String>,
}

/// One class and its score.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Class {
    /// Its name.
    pub label: String,
    /// A probability, or the predicted number if the model is a regression.
    pub score: Real,
}

impl Classifier {
    /// Reads a model directory.
    ///
    /// # Errors
    /// It cannot be read, or is no text classifier.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        Self::new(Pipeline::open(directory, &LoadOptions::default())?)
    }
}

impl<P: Borrow<Pipeline>> Classifier<P> {
    /// All classes, scored as the configuration says. Refuses a model that does not classify texts.
    pub fn new(pipeline: P) -> Result<Self, Error> {
        let heads = [HeadKind::SequenceClassification];
        pipeline.borrow().require("classify", "sequence_classification", &heads)?;
        let config = &pipeline.borrow().config;
        let (scoring, labels) = (Scoring::of(config), config.labels());
        Ok(Self { pipeline, scoring, top_k: None, labels })
    }

    /// What it reads texts with.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline.borrow()
    }

    /// The names of the classes, in the order of the configuration.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// For each text or pair (`&str`, `String`, `(&str, &str)`) the classes, best first. A text that is too
    /// long loses its end.
    ///
    /// # Errors
    /// A text does not fit the model.
    pub fn predict<'t, T>(&self, texts: &'t [T]) -> Result<Vec<Vec<Class>>, Error>
    where
        &'t T: Into<Input<'t>>,
    {
        let inputs: Vec<Input> = texts.iter().map(Into::into).collect();
        self.classify(&self.pipeline().prepare(&inputs, false)?.encodings)
    }

    /// For each encoding the classes, best first. Equal ones stay in the order of the configuration.
    pub fn classify(&self, encodings: &[Encoding]) -> Result<Vec<Vec<Class>>, Error> {
        let all = self.logits(encodings)?;
        Ok(all.into_iter().map(|logits| self.ranked(self.scores(logits))).collect())
    }

    /// For each encoding one logit per class.
    pub fn logits(&self, encodings: &[Encoding]) -> Result<Vec<Vec<Real>>, Error> {
        self.pipeline().map_batches(encodings, |_, batch| {
            let logits =
                self.pipeline().infer(batch)?.logits.expect("checked when the classifier was made"); // [B, C]
            Ok(logits.outer_iter().map(|row| row.to_vec()).collect())
        })
    }

    /// Logits as scores, in the same order.
    pub fn scores(&self, logits: Vec<Real>) -> Vec<Real> {
        let mut scores = logits;
        self.scoring.apply(&mut scores);
        scores
    }

    fn ranked(&self, scores: Vec<Real>) -> Vec<Class> {
        let named = self.labels.iter().cloned().zip(scores);
        let mut classes: Vec<_> = named.map(|(label, score)| Class { label, score }).collect();
        classes.sort_by(|a, b| b.score.total_cmp(&a.score));
        classes.truncate(self.top_k.unwrap_or(usize::MAX));
        classes
    }
}

impl Pipeline {
    /// The classes of one text or pair, best first: the short way.
    pub fn classify<'t>(&self, text: impl Into<Input<'t>>) -> Result<Vec<Class>, Error> {
        let prepared = self.prepare(&[text.into()], true)?;
        Ok(Classifier::new(self)?.classify(&prepared.encodings)?.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(problem: Option<&str>, classes: usize) -> Config {
        Config {
            problem_type: problem.map(str::to_owned),
            num_labels: Some(classes),
            ..Config::default()
        }
    }

    #[test]
    fn the_problem_decides_before_the_number_of_classes() {
        assert_eq!(Scoring::of(&config(None, 3)), Scoring::Softmax);
        assert_eq!(Scoring::of(&config(None, 1)), Scoring::Sigmoid);
        assert_eq!(Scoring::of(&config(Some("regression"), 1)), Scoring::Raw);
        assert_eq!(Scoring::of(&config(Some("regression"), 3)), Scoring::Raw);
        assert_eq!(Scoring::of(&config(Some("multi_label_classification"), 3)), Scoring::Sigmoid);
        assert_eq!(Scoring::of(&config(Some("single_label_classification"), 1)), Scoring::Sigmoid);
    }
}
