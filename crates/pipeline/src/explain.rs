//! Why a classifier says what it says: how much each word speaks for a class, or against it.
//!
//! Two answers, by different roads:
//!
//! - [`integrated_gradients`]: from a text whose words are hidden to the text itself, how much of the
//!   logit's change is due to each word. The shares add up to the whole change.
//! - occlusion: the logit of the text minus that of the text in which one word is hidden, for each
//!   word in turn. These do not add up: of two words that say the same, neither is missed alone.
//!
//! A word is hidden by putting `[MASK]` in the place of each of its pieces. The model met that token
//! in pre-training as "some word stands here", so a text with masks is still a text to it.
//!
//! Both speak of the logit, and of the model. What is true of the world they do not know.

pub mod integrated_gradients;
mod words;

pub use integrated_gradients::IntegratedGradients;
pub use words::{Span, spans};

use crate::classify::Scoring;
use crate::{Error, Pipeline};
use bert_model::embedded_classifier::{EmbeddedClassifier, EmbeddedClassifierGrads};
use bert_model::{HeadKind, Model};
use bert_nn::Real;
use bert_tokenizer::{Encoding, Input};
use words::{Place, places};

/// What stands in the place of the words at the beginning of the path. `[CLS]` and `[SEP]` always
/// stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Baseline {
    /// `[MASK]`: some word that nobody knows. The only one of the three whose meaning was learned.
    #[default]
    Mask,
    /// `[PAD]`, which is no word; its vector is hardly trained.
    Pad,
    /// A vector of zeros, as for pictures, where it is black. No token has it.
    Zero,
}

/// Explains the logits of a text or a pair. Needs a sequence-classification head.
pub struct Explainer<'a> {
    pipeline: &'a Pipeline<Model>,
    classifier: EmbeddedClassifier<'a>,
    scoring: Scoring,
    labels: Vec<String>,
    /// Which class is explained; if none, the one that the model puts first.
    pub class: Option<usize>,
    /// Where the path begins.
    pub baseline: Baseline,
    /// How many points of the path are looked at to begin with. Then twice as many, and so on, until
    /// the attributions add up.
    pub first_steps: usize,
    /// More points than so many are never looked at.
    pub max_steps: usize,
}

/// What speaks for a class, and what against it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Explanation {
    /// The class.
    pub label: String,
    /// Its probability, or the predicted number if the model is a regression.
    pub score: Real,
    /// Its logit.
    pub logit: Real,
    /// What stood in the place of the words at the beginning of the path.
    pub baseline: Baseline,
    /// The logit there.
    pub baseline_logit: Real,
    /// How many points of the path were looked at.
    pub steps: usize,
    /// All integrated gradients together.
    pub sum: Real,
    /// `sum` minus the change of the logit: 0 but for the finite number of steps and rounding.
    pub error: Real,
    /// Whether the error is as small as it should be; see [`IntegratedGradients::is_complete`].
    pub complete: bool,
    /// In the order of the text, of a pair the first text's words first.
    pub words: Vec<Word>,
}

/// A word, or a punctuation mark, and what it says. Positive numbers speak for the class.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Word {
    /// As it stands in the text.
    pub word: String,
    /// In which text: 0, or 1 for the second of a pair.
    pub sequence: u8,
    /// Where it begins, in characters of its text.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// Its share of `logit` − `baseline_logit`.
    pub integrated_gradient: Real,
    /// The logit of the text minus the one without this word.
    pub occlusion_logit: Real,
    /// The same of the score.
    pub occlusion_score: Real,
}

impl<'a> Explainer<'a> {
    /// Explains the class that comes first, from `[MASK]`. Refuses a model that does not classify
    /// texts.
    pub fn new(pipeline: &'a Pipeline<Model>) -> Result<Self, Error> {
        let wrong_head = || Error::WrongHead {
            path: pipeline.directory.clone(),
            task: "explain",
            needed: HeadKind::SequenceClassification.name(),
            found: pipeline.model.head.kind(),
        };
        Ok(Self {
            pipeline,
            classifier: EmbeddedClassifier::of(&pipeline.model).ok_or_else(wrong_head)?,
            scoring: Scoring::of(&pipeline.config),
            labels: pipeline.config.labels(),
            class: None,
            baseline: Baseline::default(),
            first_steps: 16,
            max_steps: 512,
        })
    }

    /// Explains the class of this name instead.
    pub fn with_label(mut self, label: &str) -> Result<Self, Error> {
        let class = self.labels.iter().position(|known| known == label);
        let unknown = || Error::Label { label: label.to_owned(), known: self.labels.join(", ") };
        self.class = Some(class.ok_or_else(unknown)?);
        Ok(self)
    }

    /// An explanation for each text. `encodings` are those of `inputs`, one for each.
    pub fn explain(
        &self,
        inputs: &[Input],
        encodings: &[Encoding],
    ) -> Result<Vec<Explanation>, Error> {
        assert_eq!(inputs.len(), encodings.len(), "each text has its encoding");
        let mut grads = self.classifier.zero_grads();
        let each = inputs.iter().zip(encodings);
        each.map(|(&input, encoding)| self.explain_one(input, encoding, &mut grads)).collect()
    }

    fn explain_one(
        &self,
        input: Input,
        encoding: &Encoding,
        grads: &mut EmbeddedClassifierGrads,
    ) -> Result<Explanation, Error> {
        let places = places(encoding);
        let (logits, variants) = self.occlude(encoding, &places)?; // [C], [W][C]
        let class = self.class.unwrap_or_else(|| largest(&logits));
        let label = self.labels[class].clone();
        let found = self.integrate(encoding, class, grads)?;
        if !(found.sum.is_finite() && found.logit.is_finite()) {
            return Err(Error::NotFinite {
                what: format!("the logit of {label}, or its gradient"),
            });
        }
        let score = self.score(&logits, class);
        let words = places.iter().zip(&variants).map(|(place, without)| Word {
            word: place.word(input),
            sequence: place.sequence,
            start: place.start,
            end: place.end,
            integrated_gradient: found.attributions[place.tokens.clone()].iter().sum(),
            occlusion_logit: logits[class] - without[class],
            occlusion_score: score - self.score(without, class),
        });
        Ok(Explanation {
            label,
            score,
            logit: found.logit,
            baseline: self.baseline,
            baseline_logit: found.baseline_logit,
            steps: found.steps,
            sum: found.sum,
            error: found.error(),
            complete: found.is_complete(),
            words: words.collect(),
        })
    }

    // ANCHOR: occlude
    /// The logits of the text, and those of the text without each of its words.
    fn occlude(
        &self,
        encoding: &Encoding,
        places: &[Place],
    ) -> Result<(Vec<Real>, Vec<Vec<Real>>), Error> {
        let mask = self.pipeline.tokenizer.special().mask;
        let mut variants = vec![encoding.clone()];
        variants.extend(places.iter().map(|place| {
            let mut hidden = encoding.clone();
            hidden.ids[place.tokens.clone()].fill(mask);
            hidden
        }));
        let context = self.pipeline.context();
        let mut logits = self.pipeline.map_batches(&variants, |_, batch| {
            let outputs = self.pipeline.model.infer(batch, &context);
            let logits = outputs.logits.expect("checked when the explainer was made"); // [B, C]
            Ok(logits.outer_iter().map(|row| row.to_vec()).collect())
        })?;
        let of_text = logits.remove(0);
        Ok((of_text, logits))
    }
    // ANCHOR_END: occlude

    fn score(&self, logits: &[Real], class: usize) -> Real {
        let mut scores = logits.to_vec();
        self.scoring.apply(&mut scores);
        scores[class]
    }
}

/// The place of the largest number; of equal ones the first, as where classes are ranked.
fn largest(logits: &[Real]) -> usize {
    let larger =
        |best: usize, place: usize| if logits[place] > logits[best] { place } else { best };
    (1..logits.len()).fold(0, larger)
}

impl Pipeline<Model> {
    /// What speaks for the class of one text or pair that comes first: the short way.
    pub fn explain<'t>(&self, text: impl Into<Input<'t>>) -> Result<Explanation, Error> {
        let inputs = [text.into()];
        let prepared = self.prepare(&inputs, true)?;
        Ok(Explainer::new(self)?.explain(&inputs, &prepared.encodings)?.remove(0))
    }
}
