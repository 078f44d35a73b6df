//! The training loop: steps, one after the other, until the plan is done or somebody stops it.

use crate::checkpoints::{Checkpoints, Snapshot, State};
use crate::metrics::{MetricsFile, Window};
use crate::watch::{Patience, Watch};
use crate::{Error, Feed, Judge, Judged, apply, gradients, reduce};
use bert_checkpoint::TokenizerFiles;
use bert_data::Position;
use bert_kernels::{MatmulPrecision, with_precision};
use bert_model::heads::Part;
use bert_model::{Context, Freeze, Keep, Model};
use bert_nn::Tensors;
use bert_optim::{AdamW, AdamWSettings, Schedule, Update};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

// ANCHOR: training
/// All that a training changes.
#[derive(Debug, Clone)]
pub struct Training {
    /// The parameters.
    pub model: Model,
    /// Their moments.
    pub optimizer: AdamW<Model>,
    /// How many steps have been taken.
    pub step: u64,
    /// Where in the data the next step begins.
    pub position: Position,
    /// The steps since the last line of metrics.
    pub window: Window,
    /// What the evaluations have shown.
    pub watch: Watch,
    /// The parameters that they found best, where those are kept.
    pub best: Option<Box<Model>>,
}

/// All that stays the same.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// Sizes, and how the loss is formed; its mode is that of evaluations.
    pub context: Context<'a>,
    /// Names the random numbers of dropout.
    pub seed: u64,
    /// How many steps there are in all, at most.
    pub total: u64,
    /// The peak of the schedule.
    pub learning_rate: f64,
    /// How the rate rises and falls.
    pub schedule: Schedule,
    /// The longest gradient that is taken as it is.
    pub max_norm: Option<f64>,
    /// What the forward pass keeps for the backward pass.
    pub keep: Keep,
    /// In which width a step multiplies. Parameters, gradients and evaluations are in full width always.
    pub precision: MatmulPrecision,
}
// ANCHOR_END: training

/// What one step did.
#[derive(Debug, Clone)]
pub struct Done {
    /// How many steps have been taken with it.
    pub step: u64,
    /// The learning rate.
    pub rate: f64,
    /// The gradient's length before clipping.
    pub norm: f64,
    /// The loss, before the step.
    pub parts: Vec<Part>,
    /// How many tokens were in it.
    pub tokens: u64,
}

impl Training {
    /// Before the first step.
    pub fn new(model: Model, settings: AdamWSettings, freeze: Freeze) -> Self {
        let optimizer = AdamW::with_frozen(&model, settings, |name| freeze.parameter(name));
        Self {
            model,
            optimizer,
            step: 0,
            position: Position::default(),
            window: Window::default(),
            watch: Watch::default(),
            best: None,
        }
    }

    /// Whether no step is left.
    pub fn finished(&self, plan: &Plan) -> bool {
        self.step >= plan.total || self.watch.stopped
    }

    /// What the training was for: the best weights where they were kept, else the last.
    pub fn result(&self) -> &Model {
        self.best.as_deref().unwrap_or(&self.model)
    }

    // ANCHOR: advance
    /// Takes one step. `grads` are absent (or zero) before, and absent after.
    ///
    /// # Errors
    /// The data cannot be read, does not fit the model, or loss or gradients are not finite. Nothing
    /// has changed then.
    pub fn advance(
        &mut self,
        feed: &mut dyn Feed,
        plan: &Plan,
        grads: &mut Model,
    ) -> Result<Done, Error> {
        let mut position = self.position;
        let batches = feed.next_step(&mut position)?;
        let context = plan.context.training(plan.seed, self.step);
        let mut parts = with_precision(plan.precision, || {
            gradients(&self.model, &batches, &context, plan.keep, grads)
        })?;
        reduce(grads, &mut parts);
        let rate = plan.schedule.at(self.step);
        let learning_rate = plan.learning_rate * rate.factor * self.watch.factor;
        let update = Update { momentum: rate.momentum, ..Update::new(learning_rate) };
        let (model, optimizer) = (&mut self.model, &mut self.optimizer);
        let norm = apply(model, grads, optimizer, update, plan.max_norm, self.step)?;
        (self.step, self.position) = (self.step + 1, position);
        let tokens = batches.iter().map(|batch| batch.batch.tokens() as u64).sum();
        Ok(Done { step: self.step, rate: learning_rate, norm, parts, tokens })
    }
    // ANCHOR_END: advance

    /// Does what the score of an evaluation asks for.
    fn heed(
        &mut self,
        patience: &Patience,
        scores: &Map<String, Value>,
        tell: &mut dyn FnMut(Event),
    ) {
        let named = |name: &str| scores.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
        let (score, loss) = (named(&patience.score), named("loss"));
        let factor = self.watch.factor;
        let best = self.watch.see(patience, self.step, score, loss);
        if best && patience.best_weights {
            self.best = Some(Box::new(self.model.clone()));
        }
        if self.watch.factor < factor {
            tell(Event::Slower(self.watch.factor));
        }
        if self.watch.stopped {
            tell(Event::StoppedEarly(self.step));
        }
    }
}

/// Where a run leaves its traces, and how often.
#[derive(Debug)]
pub struct Output {
    /// Its checkpoints.
    pub checkpoints: Checkpoints,
    /// A checkpoint after each so many steps; 0: only at the end.
    pub save_every: u64,
    /// Its metrics.
    pub metrics: MetricsFile,
    /// Goes into each checkpoint.
    pub tokenizer: TokenizerFiles,
    /// What the run was started with.
    pub settings: Map<String, Value>,
}

/// What a run tells while it runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step is done.
    Step(&'a Done),
    /// A line of metrics: means over the last steps.
    Metrics(u64, &'a Map<String, Value>),
    /// The evaluation after this many steps.
    Evaluated(u64, &'a Judged),
    /// The score is not getting better: from now on the rate is this much of the schedule's.
    Slower(f64),
    /// The score has not got better for long, and the training ends after this many steps.
    StoppedEarly(u64),
    /// A checkpoint is on the disk.
    Saved(PathBuf),
    /// A checkpoint could not be written. Those before it stand, and the run goes on.
    NotSaved(Error),
    /// A line of metrics could not be written. The run goes on.
    NotLogged(Error),
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All steps have been taken, or patience is at its end.
    Finished,
    /// Somebody asked for it; a checkpoint holds the state.
    Stopped,
}

/// When a model in training is measured. At the end it always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evaluations {
    /// After each so many steps; 0: only at the end.
    Steps(u64),
    /// After each pass over the data.
    Epochs,
}

impl Evaluations {
    fn due(self, training: &Training) -> bool {
        match self {
            Self::Steps(every) => due(training.step, every),
            Self::Epochs => {
                let Position { epoch, block, instance } = training.position;
                epoch > 0 && (block, instance) == (0, 0)
            }
        }
    }
}

/// What a run is about, besides its state; see [`Run::run`].
pub struct Run<'a> {
    /// What stays the same.
    pub plan: Plan<'a>,
    /// None: nothing is written.
    pub output: Option<&'a Output>,
    /// A line of metrics after each so many steps.
    pub metrics_every: u64,
    /// When the model is measured.
    pub evaluations: Evaluations,
    /// What evaluations change; none: they only tell.
    pub patience: Option<&'a Patience>,
    /// Becomes true when somebody wants the run to stop after its step.
    pub stop: &'a AtomicBool,
}

impl Run<'_> {
    // ANCHOR: run
    /// Takes the steps that are left. Without a `judge` nothing is measured.
    ///
    /// # Errors
    /// A step fails, or the last checkpoint cannot be written. Of what cannot be written on the way,
    /// checkpoints and lines of metrics, one is only told.
    pub fn run(
        &self,
        training: &mut Training,
        feed: &mut dyn Feed,
        mut judge: Option<&mut dyn Judge>,
        tell: &mut dyn FnMut(Event),
    ) -> Result<Ending, Error> {
        let mut grads = training.model.absent_like();
        let mut unsaved = false;
        while !training.finished(&self.plan) {
            let done = match training.advance(feed, &self.plan, &mut grads) {
                Ok(done) => done,
                // Nothing is wrong with the steps so far.
                Err(error @ Error::Data(_)) if unsaved => {
                    self.save(training, true, tell)?;
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            training.window.add(training.model.head.kind(), &done.parts, done.norm);
            tell(Event::Step(&done));
            let last = training.step == self.plan.total;
            if last || training.step.is_multiple_of(self.metrics_every) {
                self.log(&mut training.window, &done, tell);
            }
            if let Some(judge) = &mut judge
                && (last || self.evaluations.due(training))
            {
                self.evaluate(training, &mut **judge, tell)?;
            }
            let (stopped, last) =
                (self.stop.load(Ordering::Relaxed), training.finished(&self.plan));
            unsaved = !self.save(training, last || stopped, tell)?;
            if stopped && !last {
                return Ok(Ending::Stopped);
            }
        }
        Ok(Ending::Finished)
    }
    // ANCHOR_END: run

    fn log(&self, window: &mut Window, done: &Done, tell: &mut dyn FnMut(Event)) {
        let mut line = std::mem::take(window).means();
        line.insert("learning_rate".to_owned(), json!(done.rate));
        tell(Event::Metrics(done.step, &line));
        self.append(done.step, line, tell);
    }

    fn append(&self, step: u64, line: Map<String, Value>, tell: &mut dyn FnMut(Event)) {
        let written = self.output.map_or(Ok(()), |output| output.metrics.append(step, line));
        if let Err(error) = written {
            tell(Event::NotLogged(error));
        }
    }

    fn evaluate(
        &self,
        training: &mut Training,
        judge: &mut dyn Judge,
        tell: &mut dyn FnMut(Event),
    ) -> Result<(), Error> {
        let judged = judge.judge(&training.model, &self.plan.context)?;
        tell(Event::Evaluated(training.step, &judged));
        let summary = judged.summary(training.model.head.kind());
        if let Some(patience) = self.patience {
            training.heed(patience, &summary, tell);
        }
        let named = summary.into_iter().map(|(name, value)| (format!("eval_{name}"), value));
        self.append(training.step, named.collect(), tell);
        Ok(())
    }

    /// Returns whether there is a checkpoint of this step.
    fn save(
        &self,
        training: &Training,
        must: bool,
        tell: &mut dyn FnMut(Event),
    ) -> Result<bool, Error> {
        let Some(output) = self.output else { return Ok(false) };
        if !must && !due(training.step, output.save_every) {
            return Ok(false);
        }
        let state = State {
            step: training.step,
            position: training.position,
            settings: output.settings.clone(),
            window: training.window.clone(),
            watch: training.watch.clone(),
        };
        let saved = output.checkpoints.save(&Snapshot {
            config: self.plan.context.config,
            model: &training.model,
            optimizer: &training.optimizer,
            best: training.best.as_deref(),
            tokenizer: &output.tokenizer,
            state: &state,
        });
        match saved {
            Ok(path) => {
                tell(Event::Saved(path));
                Ok(true)
            }
            Err(error) if must => Err(error),
            Err(error) => {
                tell(Event::NotSaved(error));
                Ok(false)
            }
        }
    }
}

fn due(step: u64, every: u64) -> bool {
    every > 0 && step.is_multiple_of(every)
}
