//! PyTorch's side of a step of training, for `train` and `pretrain`.

use crate::peer::{Named, Peer};
use crate::train_task::{DROPOUT, LEARNING_RATE, MAX_NORM, PARTS, Training};
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Result, ensure};
use bert_checkpoint::{TokenizerFiles, save};
use bert_nn::Real;
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;

/// One way in which PyTorch takes the step. All have the fused AdamW.
pub struct Other {
    pub name: &'static str,
    pub compile: bool,
    /// What only the task at hand has to say.
    pub more: Option<(&'static str, bool)>,
}

/// PyTorch's attention. With dropout, there is no fused one on the CPU: scaled_dot_product_attention then stores all probabilities
/// too. So it depends on the machine which of them is faster.
#[derive(Clone, Copy, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Attention {
    /// scaled_dot_product_attention, transformers' default
    Sdpa,
    /// transformers' own, of matrix products and a softmax
    Eager,
}

/// The other sides of a task.
pub struct StepPeers<'a> {
    pub peer: &'a Peer,
    /// As peer.py calls it.
    pub task: &'static str,
    pub others: &'static [Other],
    /// Where the model of [`StepPeers::compare`] is put, as a folder.
    pub model: &'a Path,
    pub attention: Attention,
    /// How many steps a turn has.
    pub steps: usize,
    pub tensors: Vec<Named<'static>>,
}

/// Steps that are compared: the later ones start from what the earlier ones made of the parameters.
const COMPARED: usize = 3;
/// What of each step is compared, and how far apart, relative, both sides may be. The losses of BERT-base differ by 3e-6 after two
/// steps.
const COMPARISONS: [(&str, f64); 2] = [("loss", 2e-5), ("length of the gradient", 2e-5)];

impl StepPeers<'_> {
    /// What one of them is asked for.
    pub fn request(&self, other: &Other, dropout: f64, steps: usize) -> Value {
        let mut request = json!({
            "model": self.model,
            "attention": self.attention,
            "compile": other.compile,
            "dropout": dropout,
            "learning_rate": LEARNING_RATE,
            "max_norm": MAX_NORM,
            "steps": steps,
            "exact": dropout == 0.0,
        });
        if let Some((name, value)) = other.more {
            request[name] = value.into();
        }
        request
    }

    fn make(&self, other: &Other, dropout: f64, steps: usize) -> Result<Array2<Real>> {
        let mut request = self.request(other, dropout, steps);
        request["task"] = self.task.into();
        self.peer.make(other.name, "training", self.tensors.clone(), request)
    }

    /// Some steps of each side without dropout. Returns the largest difference of each step.
    ///
    /// # Errors
    /// A peer that fails, or another loss or gradient.
    fn compare(&self, mut ours: Training) -> Result<[f64; COMPARED]> {
        let mut largest = [0.0; COMPARED];
        save(self.model, &ours.config, &ours.model, &TokenizerFiles::default())?;
        let ours = (0..COMPARED).map(|_| ours.step()).collect::<Result<Vec<_>>>()?;
        for other in self.others {
            let name = other.name;
            let theirs = self.make(other, 0.0, COMPARED)?; // [steps, 2]
            self.peer.drop_call(name)?;
            ensure!(theirs.dim() == (COMPARED, 2), "{name}: {:?} came back", theirs.dim());
            for (step, (ours, theirs)) in ours.iter().zip(theirs.rows()).enumerate() {
                for (((what, limit), ours), theirs) in COMPARISONS.into_iter().zip(ours).zip(theirs)
                {
                    let difference = f64::from((ours - theirs).abs()) / f64::from(theirs.abs());
                    // Written so that NaN does not pass.
                    ensure!(
                        difference <= limit,
                        "{name}, {what} of step {step}: ours {ours}, theirs {theirs}, relative limit {limit:e}"
                    );
                    largest[step] = difference.max(largest[step]);
                }
            }
        }
        Ok(largest)
    }

    /// Compares, then times all sides with dropout, then the parts of our step. `ours` makes our side for a rate of dropout.
    ///
    /// # Errors
    /// A peer that fails, or another loss or gradient.
    pub fn measure(&self, turns: &TurnArgs, ours: impl Fn(f64) -> Training) -> Result<StepFigures> {
        let largest_differences = self.compare(ours(0.0))?;
        for other in self.others {
            self.make(other, DROPOUT, self.steps)?;
        }
        let mut training = ours(DROPOUT);
        let mut turn = || (0..self.steps).try_for_each(|_| training.step().map(|_| ()));
        turn()?;
        let mut sides = vec![side(|| turn().expect("it has just worked"))];
        sides.extend(self.others.iter().map(|other| self.peer.side(other.name)));
        let seconds = turns.alternate_all(sides)?;
        let per_step = |seconds: f64| seconds / self.steps as f64;
        for other in self.others {
            self.peer.drop_call(other.name)?;
        }
        let ratios = seconds[1..].iter().map(|theirs| Spread::of_ratios(theirs, &seconds[0]));
        let parts = turns.repeat(|| {
            let mut sums = [0.0; PARTS.len()];
            for _ in 0..self.steps {
                let seconds = training.step_in_parts()?;
                sums.iter_mut().zip(seconds).for_each(|(sum, seconds)| *sum += per_step(seconds));
            }
            Ok(sums)
        })?;
        Ok(StepFigures {
            largest_differences,
            ours_seconds: Spread::of(&seconds[0]).map(per_step),
            ratios: self.others.iter().map(|other| other.name).zip(ratios).collect(),
            parts: PARTS.into_iter().zip(parts.iter().map(|seconds| Spread::of(seconds))).collect(),
        })
    }
}

/// How fast a step of training is.
#[derive(Serialize)]
pub struct StepFigures {
    /// Of the losses and lengths of gradients that were compared, relative, step by step.
    largest_differences: [f64; COMPARED],
    ours_seconds: Spread,
    /// How many times as fast ours is, by peer.
    ratios: Vec<(&'static str, Spread)>,
    /// Our step's seconds, by part.
    parts: Vec<(&'static str, Spread)>,
}

impl StepFigures {
    /// The fastest peer, and how many times as fast as it ours is.
    pub fn against_the_fastest(&self) -> (&'static str, Spread) {
        let fastest = self.ratios.iter().min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
        *fastest.expect("there are peers")
    }

    /// Prints the tables.
    pub fn print(&self) -> Result<()> {
        let (names, ratios): (Vec<_>, Vec<_>) =
            self.ratios.iter().map(|(name, ratio)| (*name, ratio.to_string())).unzip();
        show!("| ours, ms | steps/s | {} |", names.join(" | "));
        show!("|---|---|{}", "---|".repeat(names.len()));
        let ms = self.ours_seconds.map(|seconds| seconds * 1e3);
        let rate = self.ours_seconds.map(|seconds| 1.0 / seconds);
        show!("| {ms:.0} | {rate:.2} | {} |", ratios.join(" | "));
        show!(
            "\nHow many times as fast as each ours is. Before that, {COMPARED} steps without dropout were at most {:.0e} apart.\n",
            self.largest_differences.iter().copied().fold(0.0, f64::max)
        );
        show!("| part of our step | ms | share |");
        show!("|---|---|---|");
        let all: f64 = self.parts.iter().map(|(_, seconds)| seconds.median).sum();
        for (part, seconds) in &self.parts {
            let (ms, share) = (seconds.map(|seconds| seconds * 1e3), seconds.median / all);
            show!("| {part} | {ms:.1} | {share:.3} |");
        }
        Ok(())
    }
}
