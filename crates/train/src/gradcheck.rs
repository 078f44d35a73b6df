//! A small model of each head, with a batch and labels for it: small enough that every gradient can
//! be compared with finite differences in a second.

use crate::Error;
use crate::step::{LabelledBatch, add, gradients};
use bert_model::heads::loss::total;
use bert_model::zero_gradients::zero_by_mathematics;
use bert_model::{Ablation, Batch, Config, Context, Freeze, HeadKind, Keep, Labels, Model};
use bert_nn::gradient_check::{Formula, Report, Row, check, error, jitter, norm, random};
use bert_nn::init::{Initializer, initialize};
use bert_nn::{Real, Tensors};
use ndarray::Array2;

/// A head, and where it has several losses, which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The head.
    pub kind: HeadKind,
    /// The configuration's `problem_type`, of a sequence classifier.
    pub problem_type: Option<&'static str>,
}

impl Case {
    /// Every head with a loss, the sequence classifier three times.
    pub fn all() -> Vec<Self> {
        let problems = |kind| match kind {
            HeadKind::None => vec![],
            HeadKind::SequenceClassification => vec![
                Some("single_label_classification"),
                Some("multi_label_classification"),
                Some("regression"),
            ],
            _ => vec![None],
        };
        let cases = HeadKind::ALL.into_iter().flat_map(|kind| {
            problems(kind).into_iter().map(move |problem_type| Self { kind, problem_type })
        });
        cases.collect()
    }

    /// Such as `masked_lm`, or `sequence_classification, regression`.
    pub fn name(self) -> String {
        let problem = self.problem_type.map_or(String::new(), |problem| format!(", {problem}"));
        format!("{}{problem}", self.kind)
    }
}

/// What is checked: a model, and a step's batches with labels.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The head.
    pub case: Case,
    /// Of the model.
    pub config: Config,
    /// Weights of standard deviation 0.2, ten times those of a fresh BERT, so that no part is too
    /// weak to be seen; biases and LayerNorms jittered.
    pub model: Model,
    /// One step, in two batches.
    pub step: Vec<LabelledBatch>,
    /// What is left out of the model.
    pub ablation: Ablation,
    /// Whether dropout is on, with fixed masks.
    pub dropout: bool,
    /// What each class counts in the loss of one label of several; none if all count the same.
    pub class_weights: Option<Vec<Real>>,
    /// Which part of such a label is spread over all classes.
    pub label_smoothing: Real,
    /// What is not trained.
    pub freeze: Freeze,
}

/// The configuration of the small model.
pub fn small_config(problem_type: Option<&str>) -> Config {
    Config {
        vocab_size: 23,
        hidden_size: 8,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 12,
        max_position_embeddings: 7,
        problem_type: problem_type.map(str::to_owned),
        num_labels: Some(3),
        ..Config::default()
    }
}

impl Subject {
    /// The small model with this head.
    pub fn new(case: Case) -> Self {
        let config = small_config(case.problem_type);
        let mut model = Model::zeros(case.kind, &config, false);
        initialize(&mut model, Initializer::Normal { std: 0.2 }, 1);
        jitter(&mut model);
        // Unequal lengths, one of them 1. Multiple choice: two questions in the first batch, one in the second.
        let step = [&[5, 1, 3, 7][..], &[4, 2]].map(|lengths| labelled(case, lengths, &config));
        Self {
            case,
            config,
            model,
            step: step.into(),
            ablation: Ablation::NONE,
            dropout: false,
            class_weights: None,
            label_smoothing: 0.0,
            freeze: Freeze::NOTHING,
        }
    }

    fn context(&self) -> Context<'_> {
        let context = if self.dropout {
            Context::train(&self.config, 3, 0)
        } else {
            Context::eval(&self.config)
        };
        let class_weights = self.class_weights.as_deref();
        let (ablation, label_smoothing, freeze) =
            (self.ablation, self.label_smoothing, self.freeze);
        Context { ablation, class_weights, label_smoothing, freeze, ..context }
    }

    /// The gradients under test.
    pub fn gradients(&self) -> Result<Model, Error> {
        let mut grads = self.model.zeros_like();
        gradients(&self.model, &self.step, &self.context(), Keep::All, &mut grads)?;
        Ok(grads)
    }

    /// The loss of the step with other parameters, by forward passes alone.
    pub fn loss(&self, model: &Model) -> f64 {
        let mut context = self.context();
        let mut parts = Vec::new();
        for LabelledBatch { batch, labels } in &self.step {
            let (of_batch, _) = model.forward(batch, labels, &context, Keep::InputOnly);
            add(&mut parts, &of_batch);
            context = context.after(batch);
        }
        total(&parts)
    }

    /// Compares every gradient with finite differences.
    pub fn check(&self) -> Result<Report, Error> {
        let grads = self.gradients()?;
        Ok(check(&mut self.model.clone(), &grads, |model| self.loss(model)))
    }

    /// Why the gradient of a tensor is zero by mathematics; none if it is not.
    pub fn zero(&self, tensor: &str) -> Option<&'static str> {
        zero_by_mathematics(self.case.kind, &self.context(), tensor)
    }

    /// Whether a row of the report is as it should be: right, and nothing but noise where it is
    /// zero by mathematics.
    pub fn passed(&self, row: &Row, report: &Report) -> bool {
        row.passed() && (self.zero(&row.name).is_none() || row.norm <= NOISE * report.norm)
    }

    /// The error of one tensor's gradient for each of `steps`, by both formulas; none if the model
    /// has no such tensor.
    pub fn errors_over_steps(
        &self,
        tensor: &str,
        steps: &[f64],
    ) -> Result<Option<Vec<[f64; 2]>>, Error> {
        let grads = self.gradients()?;
        let all = grads.tensors();
        let Some(index) = all.iter().position(|found| found.name == tensor) else {
            return Ok(None);
        };
        let total = norm(all.iter().flat_map(|tensor| tensor.values).map(|&g| f64::from(g)));
        let mut point = self.model.clone();
        let mut of = |formula, step| {
            let loss = &mut |model: &Model| self.loss(model);
            error(&mut point, index, all[index].values, total, formula, step, loss)
        };
        let both = |&step: &f64| [Formula::Central, Formula::FourPoints].map(|f| of(f, step));
        Ok(Some(steps.iter().map(both).collect()))
    }
}

/// What rounding leaves of a gradient that is zero, as a share of all gradients' norm.
pub const NOISE: f64 = if size_of::<Real>() == size_of::<f64>() { 1e-14 } else { 1e-5 };

/// Sequences of these lengths, with labels for the head.
fn labelled(case: Case, lengths: &[usize], config: &Config) -> LabelledBatch {
    let mut batch = Batch::new();
    for (number, &length) in lengths.iter().enumerate() {
        let ids: Vec<_> =
            (0..length).map(|i| pick(number * 31 + i * 7, config.vocab_size)).collect();
        let types: Vec<_> = (0..length).map(|i| u32::from(i > length / 2)).collect();
        batch.push(&ids, &types);
    }
    let (sequences, classes) = (batch.sequences(), config.classes());
    // One in three has no label.
    let some = |count: usize, classes: usize| -> Vec<Option<u32>> {
        (0..count).map(|i| (i % 3 != 1).then(|| pick(i * 5 + count, classes))).collect()
    };
    let within = |seed: usize| -> Vec<Option<u32>> {
        let of = |(i, &length): (usize, &usize)| (i % 3 != 2).then(|| pick(i + seed, length));
        lengths.iter().enumerate().map(of).collect()
    };
    let tokens = batch.tokens();
    let labels = match (case.kind, case.problem_type) {
        (HeadKind::MaskedLm, _) => Labels::Tokens(some(tokens, config.vocab_size)),
        (HeadKind::TokenClassification, _) => Labels::Tokens(some(tokens, classes)),
        (HeadKind::NextSentence, _) => Labels::Sequences(some(sequences, 2)),
        (HeadKind::PreTraining, _) => Labels::PreTraining {
            tokens: some(tokens, config.vocab_size),
            sequences: some(sequences, 2),
        },
        (HeadKind::SequenceClassification, Some("multi_label_classification")) => {
            let yes = |(b, c): (usize, usize)| Real::from(u8::from((b + 2 * c) % 3 == 0));
            Labels::MultiLabel(Array2::from_shape_fn((sequences, classes), yes))
        }
        (HeadKind::SequenceClassification, Some("regression")) => {
            Labels::Numbers(random(sequences, classes, 9))
        }
        (HeadKind::SequenceClassification, _) => Labels::Sequences(some(sequences, classes)),
        (HeadKind::QuestionAnswering, _) => Labels::Spans { start: within(0), end: within(1) },
        (HeadKind::MultipleChoice, _) => {
            let bounds: Vec<_> = (0..=sequences / 2).map(|question| 2 * question).collect();
            let right = (0..sequences / 2).map(|question| Some(pick(question, 2))).collect();
            Labels::Choices { bounds, right }
        }
        (HeadKind::None, _) => panic!("a model without a head has no loss"),
    };
    LabelledBatch { batch, labels }
}

/// A number below `size` that depends on `seed` in no visible way.
fn pick(seed: usize, size: usize) -> u32 {
    (bert_kernels::mix(seed as u64) % size as u64) as u32
}

#[cfg(test)]
mod tests;
