//! Texts, or pairs of them, and what is right for each: a class, several labels, a number.

use super::{EvaluationSet, NamedScores, largest, mean, surprise};
use crate::{Error, Example, Sequence};
use bert_metrics::{Confusion, MultiLabel, correlation, ranking};
use bert_nn::Real;
use bert_pipeline::{Classifier, Pipeline};
use bert_tokenizer::{Encoding, Input};

// ANCHOR: targets
/// What is right, text by text.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// The number of the class.
    Classes(Vec<u32>),
    /// For each label, whether the text has it.
    MultiLabel(Vec<Vec<bool>>),
    /// A number.
    Numbers(Vec<f64>),
}

impl Targets {
    /// An example to train on.
    pub fn example(&self, place: usize, encoding: &Encoding) -> Example {
        let sequence = Sequence::from(encoding);
        match self {
            Self::Classes(classes) => Example::Class(sequence, classes[place]),
            Self::MultiLabel(rows) => {
                let number = |&has: &bool| if has { 1.0 } else { 0.0 };
                Example::MultiLabel(sequence, rows[place].iter().map(number).collect())
            }
            Self::Numbers(numbers) => Example::Number(sequence, numbers[place] as Real),
        }
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::MultiLabel(rows) => rows.len(),
            Self::Numbers(numbers) => numbers.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
// ANCHOR_END: targets

/// Texts to measure a model with.
#[derive(Debug, Clone)]
pub struct TextSet {
    /// The texts.
    pub encodings: Vec<Encoding>,
    /// As many.
    pub targets: Targets,
}

/// What a model says to each text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextOutcome {
    /// [n, C].
    pub logits: Vec<Vec<Real>>,
    /// [n, C]: probabilities, or the numbers themselves.
    pub scores: Vec<Vec<Real>>,
}

impl TextSet {
    /// Tokenizes texts or pairs (`&str`, `String`, `(&str, &str)`), one for each target. A text that is too long
    /// loses its end.
    ///
    /// # Errors
    /// A limit that has no room for the special tokens.
    ///
    /// # Panics
    /// There are more texts than targets, or fewer.
    pub fn new<'t, T, M>(
        pipeline: &Pipeline<M>,
        texts: &'t [T],
        targets: Targets,
    ) -> Result<Self, Error>
    where
        &'t T: Into<Input<'t>>,
    {
        assert_eq!(texts.len(), targets.len(), "a target for each text");
        let inputs: Vec<Input> = texts.iter().map(Into::into).collect();
        Ok(Self { encodings: pipeline.prepare(&inputs, false)?.encodings, targets })
    }

    /// The same to train on.
    pub fn examples(&self) -> Vec<Example> {
        let example = |(place, encoding)| self.targets.example(place, encoding);
        self.encodings.iter().enumerate().map(example).collect()
    }

    /// Asks the model.
    ///
    /// # Errors
    /// The model does not classify, or a text does not fit it.
    pub fn outcome(&self, pipeline: &Pipeline) -> Result<TextOutcome, Error> {
        let classifier = Classifier::new(pipeline)?;
        let logits = classifier.logits(&self.encodings)?;
        let scores = logits.iter().map(|row| classifier.scores(row.clone())).collect();
        Ok(TextOutcome { logits, scores })
    }

    /// The loss of each text.
    pub fn losses(&self, outcome: &TextOutcome) -> Vec<f64> {
        let all = outcome.logits.iter().enumerate();
        match &self.targets {
            Targets::Classes(classes) => {
                all.map(|(place, logits)| surprise(logits, classes[place] as usize)).collect()
            }
            Targets::MultiLabel(rows) => all
                .map(|(place, logits)| {
                    let of = |(&logit, &has): (&Real, &bool)| {
                        let away = f64::from(if has { -logit } else { logit });
                        away.max(0.0) + (-away.abs()).exp().ln_1p() // ln(1 + exp(away))
                    };
                    mean(&logits.iter().zip(&rows[place]).map(of).collect::<Vec<_>>())
                })
                .collect(),
            Targets::Numbers(numbers) => {
                all.map(|(place, row)| (f64::from(row[0]) - numbers[place]).powi(2)).collect()
            }
        }
    }

    // ANCHOR: scores
    /// Loss and scores by name: the names of transformers, where it has one.
    pub fn named_scores(&self, outcome: &TextOutcome) -> NamedScores {
        let mut named = vec![("loss", mean(&self.losses(outcome)))];
        match &self.targets {
            Targets::Classes(classes) => {
                named.extend(class_scores(&self.confusion(classes, outcome)));
                if outcome.scores.first().is_some_and(|row| row.len() == 2) {
                    let positive: Vec<_> = classes.iter().map(|&class| class == 1).collect();
                    let scores: Vec<_> =
                        outcome.scores.iter().map(|row| f64::from(row[1])).collect();
                    named.push(("roc_auc", ranking::roc_auc(&positive, &scores)));
                }
            }
            Targets::MultiLabel(_) => {
                let found = self.multi_label(outcome).expect("there are several labels");
                named.push(("micro_f1", found.micro_average().f1));
                named.push(("macro_f1", found.macro_average().f1));
                named.push(("subset_accuracy", found.subset_accuracy()));
            }
            Targets::Numbers(numbers) => {
                let found: Vec<_> = outcome.scores.iter().map(|row| f64::from(row[0])).collect();
                named.push(("pearson", correlation::pearson(numbers, &found)));
                named.push(("spearmanr", correlation::spearman(numbers, &found)));
                named.push(("mse", correlation::mean_squared_error(numbers, &found)));
                named.push(("mae", correlation::mean_absolute_error(numbers, &found)));
            }
        }
        named.into_iter().map(|(name, score)| (name.to_owned(), score)).collect()
    }
    // ANCHOR_END: scores

    /// Gold and predicted labels, where there may be several.
    pub fn multi_label(&self, outcome: &TextOutcome) -> Option<MultiLabel> {
        let Targets::MultiLabel(rows) = &self.targets else { return None };
        let labels = outcome.logits.first().map_or(1, Vec::len);
        let predicted: Vec<_> = outcome.logits.concat().iter().map(|&x| x > 0.0).collect();
        Some(MultiLabel::of(&rows.concat(), &predicted, labels))
    }

    /// Gold and predicted classes.
    pub fn confusion(&self, classes: &[u32], outcome: &TextOutcome) -> Confusion {
        let gold: Vec<_> = classes.iter().map(|&class| class as usize).collect();
        let predicted: Vec<_> = outcome.logits.iter().map(|row| largest(row)).collect();
        let count = outcome.logits.first().map_or(1, Vec::len);
        Confusion::of(&gold, &predicted, count)
    }
}

fn class_scores(confusion: &Confusion) -> Vec<(&'static str, f64)> {
    let mut named = vec![("accuracy", confusion.accuracy())];
    // With two classes, "the F1" is that of the second.
    if confusion.classes() == 2 {
        named.push(("f1", confusion.class_scores(1).f1));
    }
    named.push(("macro_f1", confusion.macro_average().f1));
    named.push(("matthews_correlation", confusion.matthews()));
    named
}

impl EvaluationSet for TextSet {
    fn scores(&self, pipeline: &Pipeline) -> Result<NamedScores, Error> {
        Ok(self.named_scores(&self.outcome(pipeline)?))
    }
}
