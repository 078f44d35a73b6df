//! What is not a parameter and still reaches every layer: the configuration, and whether this is
//! training.

use crate::{Ablation, Batch, Config, Error, Freeze, HeadKind};
use bert_nn::cross_entropy::Weighting;
use bert_nn::{AddNorm, Dropout, Mask, Real};

/// Whether this pass is part of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// No dropout.
    Eval,
    /// Dropout, chosen by these names alone.
    Train(Draw),
}

// ANCHOR: draw
/// What names the random numbers of a training pass. A step's tokens and sequences are counted
/// through: whether they come in one batch or in several, the same elements fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Of the run.
    pub seed: u64,
    /// Counted from the beginning of the run.
    pub step: u64,
    /// How many tokens of the step came before this batch.
    pub tokens_before: u64,
    /// How many sequences of the step came before this batch.
    pub sequences_before: u64,
}
// ANCHOR_END: draw

/// Passed down through the layers.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Heads, eps, rates, activation.
    pub config: &'a Config,
    /// Training or evaluation.
    pub mode: Mode,
    /// What is left out of the model: nothing in BERT.
    pub ablation: Ablation,
    /// C of them, where some classes of a single-label problem count more than others in the loss.
    pub class_weights: Option<&'a [Real]>,
    /// Which part of a label is spread over all classes of such a problem, from 0 to below 1.
    pub label_smoothing: Real,
    /// What is not trained: the backward pass stops there.
    pub freeze: Freeze,
}

impl<'a> Context<'a> {
    /// For evaluation: no dropout.
    pub fn eval(config: &'a Config) -> Self {
        Self {
            config,
            mode: Mode::Eval,
            ablation: Ablation::NONE,
            class_weights: None,
            label_smoothing: 0.0,
            freeze: Freeze::NOTHING,
        }
    }

    /// For training: dropout at the configuration's rates. For the first batch of a step; see
    /// [`Context::after`].
    pub fn train(config: &'a Config, seed: u64, step: u64) -> Self {
        Self::eval(config).training(seed, step)
    }

    /// The same, for the first batch of a step of training.
    pub fn training(self, seed: u64, step: u64) -> Self {
        let draw = Draw { seed, step, tokens_before: 0, sequences_before: 0 };
        Self { mode: Mode::Train(draw), ..self }
    }

    /// For the batch that follows `batch` within the same step.
    pub fn after(self, batch: &Batch) -> Self {
        let Mode::Train(draw) = self.mode else { return self };
        let mode = Mode::Train(Draw {
            tokens_before: draw.tokens_before + batch.tokens() as u64,
            sequences_before: draw.sequences_before + batch.sequences() as u64,
            ..draw
        });
        Self { mode, ..self }
    }

    /// How a head that tells classes apart weighs them; for the others all classes are equal, and labels sure.
    pub fn weighting_of(&self, kind: HeadKind) -> Weighting<'a> {
        match kind {
            HeadKind::SequenceClassification | HeadKind::TokenClassification => {
                let (class_weights, label_smoothing) = (self.class_weights, self.label_smoothing);
                Weighting { class_weights, label_smoothing }
            }
            HeadKind::None
            | HeadKind::MaskedLm
            | HeadKind::NextSentence
            | HeadKind::PreTraining
            | HeadKind::QuestionAnswering
            | HeadKind::MultipleChoice => Weighting::default(),
        }
    }

    /// Refuses class weights that do not fit the classes, and a smoothing that is no share. A training pass may
    /// rely on it.
    pub fn check_weighting(&self, kind: HeadKind) -> Result<(), Error> {
        let Weighting { class_weights, label_smoothing } = self.weighting_of(kind);
        if !(0.0..1.0).contains(&label_smoothing) {
            return Err(Error::LabelSmoothing { found: label_smoothing });
        }
        let (classes, Some(weights)) = (self.config.classes(), class_weights) else {
            return Ok(());
        };
        let sound = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        if sound && weights.len() == classes && weights.iter().any(|&weight| weight > 0.0) {
            return Ok(());
        }
        Err(Error::ClassWeights { found: weights.to_vec(), classes })
    }

    /// LayerNorm's eps.
    pub fn eps(&self) -> Real {
        self.config.layer_norm_eps as Real
    }

    /// How the blocks of a layer end.
    pub fn add_norm(&self) -> AddNorm {
        AddNorm {
            residual: !self.ablation.no_residual,
            layer_norm: !self.ablation.no_layer_norm,
            eps: self.eps(),
        }
    }

    /// Whether a token sees its whole sequence (BERT) or only what stands to its left.
    pub fn mask(&self) -> Mask {
        if self.ablation.left_to_right { Mask::Causal } else { Mask::Full }
    }

    /// Dropout on embeddings and on each block's result; `place` is the layer's number.
    pub fn hidden_dropout(&self, purpose: &str, place: usize) -> Dropout {
        self.dropout(self.config.hidden_dropout_prob, purpose, place)
    }

    /// Dropout on attention probabilities; `place` is the layer's number.
    pub fn probability_dropout(&self, place: usize) -> Dropout {
        self.dropout(self.config.attention_probs_dropout_prob, "attention probabilities", place)
    }

    /// Dropout before a classifier of sequences: a row is a sequence.
    pub fn sequence_dropout(&self) -> Dropout {
        let dropout = self.dropout(self.classifier_rate(), "classifier", 0);
        dropout.starting_at(self.draw().map_or(0, |draw| draw.sequences_before))
    }

    /// Dropout before a classifier of tokens: a row is a token.
    pub fn token_dropout(&self) -> Dropout {
        self.dropout(self.classifier_rate(), "classifier", 0)
    }

    fn classifier_rate(&self) -> f64 {
        self.config.classifier_dropout.unwrap_or(self.config.hidden_dropout_prob)
    }

    fn draw(&self) -> Option<Draw> {
        match self.mode {
            Mode::Eval => None,
            Mode::Train(draw) => Some(draw),
        }
    }

    /// A row is a token.
    fn dropout(&self, rate: f64, purpose: &str, place: usize) -> Dropout {
        self.draw().map_or(Dropout::OFF, |draw| {
            Dropout::new(rate, draw.seed, purpose, draw.step, place as u64)
                .starting_at(draw.tokens_before)
        })
    }
}
