//! The best of several endings for one beginning.
//!
//! Each ending makes a sequence of its own with the beginning; the head gives each sequence one
//! number, and the softmax is over the endings of one question (SWAG; Devlin et al., 2018, section
//! 4.4).

use crate::{Error, Pipeline};
use bert_checkpoint::LoadOptions;
use bert_kernels::softmax_row;
use bert_model::HeadKind;
use bert_nn::Real;
use bert_tokenizer::{Encoding, Input};
use std::borrow::Borrow;
use std::path::Path;

/// Chooses. Needs a multiple-choice head.
pub struct Chooser<P = Pipeline> {
    pipeline: P,
}

impl Chooser {
    /// Reads a model directory.
    ///
    /// # Errors
    /// It cannot be read, or does not choose.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        Self::new(Pipeline::open(directory, &LoadOptions::default())?)
    }
}

impl<P: Borrow<Pipeline>> Chooser<P> {
    /// Refuses a model that does not choose.
    pub fn new(pipeline: P) -> Result<Self, Error> {
        pipeline.borrow().require("choose", "multiple_choice", &[HeadKind::MultipleChoice])?;
        Ok(Self { pipeline })
    }

    /// What it reads texts with.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline.borrow()
    }

    /// For each question (a beginning and its endings) the probability of each ending.
    ///
    /// # Errors
    /// A text does not fit the model.
    pub fn predict(&self, questions: &[(&str, &[String])]) -> Result<Vec<Vec<Real>>, Error> {
        let inputs: Vec<Input> = questions
            .iter()
            .flat_map(|&(first, endings)| {
                endings.iter().map(move |ending| Input::Pair(first, ending))
            })
            .collect();
        let encodings = self.pipeline().prepare(&inputs, false)?.encodings;
        let bounds = questions.iter().map(|(_, endings)| endings.len());
        let mut logits = self.logits(&encodings)?.into_iter();
        Ok(bounds
            .map(|endings| {
                let mut scores: Vec<Real> = logits.by_ref().take(endings).collect();
                softmax_row(&mut scores);
                scores
            })
            .collect())
    }

    /// The number that each sequence gets.
    pub fn logits(&self, encodings: &[Encoding]) -> Result<Vec<Real>, Error> {
        self.pipeline().map_batches(encodings, |_, batch| {
            let logits =
                self.pipeline().infer(batch)?.logits.expect("checked when the chooser was made"); // [B, 1]
            Ok(logits.column(0).to_vec())
        })
    }
}
