//! A pre-trained model learns a task: all of it in one call.
//!
//! For a Rust program and the notebooks. `bert finetune` takes the same steps, with files, checkpoints and
//! every choice open.
//!
//! ```
//! use bert_checkpoint::LoadOptions;
//! use bert_model::HeadKind;
//! use bert_pipeline::{Classifier, Pipeline};
//! use bert_train::FineTune;
//! use bert_train::tasks::texts::{Targets, TextSet};
//! use std::path::Path;
//!
//! let options = LoadOptions {
//!     head: Some(HeadKind::SequenceClassification),
//!     new_head: Some(1),
//!     labels: Some(vec!["cat".to_owned(), "dog".to_owned()]),
//!     ..LoadOptions::default()
//! };
//! let base = Pipeline::open_plain(Path::new("tiny-world"), &options)?;
//! let texts = ["the dog barks .", "the cat sleeps ."];
//! let train = TextSet::new(&base, &texts, Targets::Classes(vec![1, 0]))?;
//! let lesson = FineTune { epochs: 3, learning_rate: 1e-3, ..FineTune::default() };
//! let tuned = lesson.run(base, &train.examples(), None, |_, _| ())?;
//! let classifier = Classifier::new(tuned.pipeline.packed())?;
//! println!("{}", classifier.predict(&["the cat waits ."])?[0][0].label);
//! # Ok::<(), bert_train::Error>(())
//! ```

use crate::tasks::{EvaluationSet, NamedScores, PipelineJudge};
use crate::{
    BatchSize, Error, Evaluations, Event, Example, ExampleFeed, Judge, Patience, Plan, Run,
    Training,
};
use bert_kernels::MatmulPrecision;
use bert_model::{Context, Freeze, Keep, Model, PackedModel};
use bert_nn::Real;
use bert_optim::{AdamWSettings, Schedule};
use bert_pipeline::Pipeline;
use std::sync::atomic::AtomicBool;

// ANCHOR: settings
/// How the model learns. The rest is as in `bert finetune`: AdamW, gradients clipped at 1, a rate that
/// rises over a tenth of the steps and then falls along a line.
#[derive(Debug, Clone)]
pub struct FineTune {
    /// Passes over the data.
    pub epochs: u64,
    /// Examples in a step.
    pub batch: usize,
    /// The peak.
    pub learning_rate: f64,
    /// What is left alone.
    pub freeze: Freeze,
    /// What each class counts in the loss; 1 each if none.
    pub class_weights: Option<Vec<Real>>,
    /// The share of each label that is spread over all classes.
    pub label_smoothing: Real,
    /// In which width the steps multiply.
    pub precision: MatmulPrecision,
    /// The score whose best evaluation gives the weights in the end; none: the last weights.
    pub best: Option<&'static str>,
    /// What the order of the examples and dropout depend on.
    pub seed: u64,
}

impl Default for FineTune {
    /// The defaults of the command.
    fn default() -> Self {
        Self {
            epochs: 3,
            batch: 32,
            learning_rate: 5e-5,
            freeze: Freeze::NOTHING,
            class_weights: None,
            label_smoothing: 0.0,
            precision: MatmulPrecision::F32,
            best: None,
            seed: 1,
        }
    }
}
// ANCHOR_END: settings

/// What came of it.
pub struct FineTuned {
    /// The fine-tuned model, with the tokenizer that belongs to it.
    pub pipeline: Pipeline<Model>,
    /// (step, loss) of the training, over a few steps each.
    pub trained: Vec<(f64, f64)>,
    /// The scores after each epoch, where there is a dev set.
    pub measured: Vec<NamedScores>,
}

impl FineTune {
    // ANCHOR: run
    /// Trains `base` on the examples. `seen` is told the number of each epoch, from 1, and the scores after
    /// it; without a dev set there is nothing to tell.
    ///
    /// # Errors
    /// There is no example; one does not fit the model; the loss or a gradient is not finite.
    pub fn run(
        &self,
        base: Pipeline<Model>,
        examples: &[Example],
        dev: Option<&dyn EvaluationSet>,
        mut seen: impl FnMut(u64, &NamedScores),
    ) -> Result<FineTuned, Error> {
        let (config, model) = (base.config.clone(), base.model.clone());
        let mut feed = ExampleFeed::new(examples, BatchSize::Sequences(self.batch), 1, self.seed)?;
        let epoch = feed.steps_in_epoch(0);
        let mut training = Training::new(model, AdamWSettings::pytorch(), self.freeze);
        let mut judge = PipelineJudge { pipeline: base.packed(), set: dev };
        let patience = self.best.map(Patience::best);
        let run = Run {
            plan: self.plan(self.context(&config), epoch * self.epochs),
            output: None,
            metrics_every: (epoch / 4).max(1),
            evaluations: Evaluations::Epochs,
            patience: patience.as_ref(),
            stop: &AtomicBool::new(false),
        };
        let (mut trained, mut measured) = (Vec::new(), Vec::new());
        let asked = dev.is_some().then_some(&mut judge as &mut dyn Judge);
        run.run(&mut training, &mut feed, asked, &mut |event| match event {
            Event::Metrics(step, line) => {
                trained.push((step as f64, line["loss"].as_f64().unwrap_or(f64::NAN)));
            }
            Event::Evaluated(step, judged) => {
                seen(step / epoch, &judged.scores);
                measured.push(judged.scores.clone());
            }
            _ => {}
        })?;
        let pipeline = unpacked(judge.pipeline, training.result().clone());
        Ok(FineTuned { pipeline, trained, measured })
    }
    // ANCHOR_END: run

    fn context<'a>(&'a self, config: &'a bert_model::Config) -> Context<'a> {
        Context {
            class_weights: self.class_weights.as_deref(),
            label_smoothing: self.label_smoothing,
            freeze: self.freeze,
            ..Context::eval(config)
        }
    }

    fn plan<'a>(&self, context: Context<'a>, total: u64) -> Plan<'a> {
        Plan {
            context,
            seed: self.seed,
            total,
            learning_rate: self.learning_rate,
            schedule: Schedule::Linear { warm_up: total.div_ceil(10), total },
            max_norm: Some(1.0),
            keep: Keep::All,
            precision: self.precision,
        }
    }
}

fn unpacked(pipeline: Pipeline<PackedModel>, model: Model) -> Pipeline<Model> {
    let Pipeline { tokenizer, config, directory, notes, limit, .. } = pipeline;
    Pipeline { tokenizer, config, model, directory, notes, limit }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::texts::{Targets, TextSet};
    use bert_checkpoint::LoadOptions;
    use bert_model::HeadKind;
    use bert_nn::Tensors;
    use std::path::Path;

    const TEXTS: [&str; 4] =
        ["the dog bites the man .", "the man sleeps .", "the wolf bites him .", "she sleeps ."];

    fn base() -> Pipeline<Model> {
        let options = LoadOptions {
            head: Some(HeadKind::SequenceClassification),
            new_head: Some(1),
            labels: Some(vec!["quiet".to_owned(), "loud".to_owned()]),
            ..LoadOptions::default()
        };
        Pipeline::open_plain(Path::new("tiny-world"), &options).unwrap()
    }

    fn set(pipeline: &Pipeline<Model>) -> TextSet {
        TextSet::new(pipeline, &TEXTS, Targets::Classes(vec![1, 0, 1, 0])).unwrap()
    }

    fn score(scores: &NamedScores, wanted: &str) -> f64 {
        scores.iter().find(|(name, _)| name == wanted).unwrap().1
    }

    #[test]
    fn four_texts_are_learned_by_heart_and_what_is_frozen_stays() {
        let lesson = FineTune {
            epochs: 12,
            batch: 2,
            learning_rate: 1e-3,
            freeze: Freeze::EMBEDDINGS,
            ..FineTune::default()
        };
        let set = set(&base());
        let mut epochs = Vec::new();
        let tuned =
            lesson.run(base(), &set.examples(), Some(&set), |epoch, _| epochs.push(epoch)).unwrap();
        assert_eq!(epochs, (1..=12).collect::<Vec<_>>());
        assert_eq!(score(tuned.measured.last().unwrap(), "accuracy"), 1.0);
        // What is returned is what was measured.
        let again = set.scores(&unpacked_copy(&tuned.pipeline).packed()).unwrap();
        assert_eq!(&again, tuned.measured.last().unwrap());
        for (before, after) in base().model.tensors().iter().zip(tuned.pipeline.model.tensors()) {
            let same = before.values == after.values;
            assert_eq!(same, before.name.starts_with("bert.embeddings"), "{}", before.name);
        }
    }

    #[test]
    fn the_best_weights_are_those_of_the_best_evaluation() {
        // A rate at which the loss goes up and down.
        let lesson = FineTune {
            epochs: 8,
            batch: 2,
            learning_rate: 3e-2,
            best: Some("loss"),
            ..FineTune::default()
        };
        let set = set(&base());
        let tuned = lesson.run(base(), &set.examples(), Some(&set), |_, _| ()).unwrap();
        let losses: Vec<_> = tuned.measured.iter().map(|scores| score(scores, "loss")).collect();
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(least < losses[7], "the last is the best, so nothing is shown: {losses:?}");
        let kept = set.scores(&tuned.pipeline.packed()).unwrap();
        assert_eq!(score(&kept, "loss"), least);
    }

    #[test]
    fn weights_and_smoothing_reach_the_loss() {
        let last = |lesson: FineTune, set: &TextSet| {
            lesson.run(base(), &set.examples(), None, |_, _| ()).unwrap().trained.last().unwrap().1
        };
        let lesson = FineTune { epochs: 30, batch: 4, learning_rate: 1e-3, ..FineTune::default() };
        let entropy = 4.0_f64.ln() - 0.75 * 3.0_f64.ln(); // of (1/4, 3/4)
        let reached = |loss: f64| (entropy - 1e-6..entropy + 0.01).contains(&loss);
        // One text with both labels, of which the second counts three times: p = 1/4, 3/4 is best.
        let both = TextSet::new(&base(), &["he sings ."; 2], Targets::Classes(vec![0, 1])).unwrap();
        let loss = last(FineTune { class_weights: Some(vec![1.0, 3.0]), ..lesson.clone() }, &both);
        assert!(reached(loss), "{loss}, not {entropy}");
        // Half of each label for both classes: the same.
        let loss = last(FineTune { label_smoothing: 0.5, ..lesson }, &set(&base()));
        assert!(reached(loss), "{loss}, not {entropy}");
    }

    #[test]
    fn without_examples_there_is_nothing_to_learn() {
        let none = FineTune::default().run(base(), &[], None, |_, _| ());
        assert!(matches!(none, Err(Error::NoInstance)));
    }

    fn unpacked_copy(pipeline: &Pipeline<Model>) -> Pipeline<Model> {
        Pipeline { model: pipeline.model.clone(), ..base() }
    }
}
