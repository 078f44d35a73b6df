//! PyTorch's side of a step of training, for `train` and `pretrain`.

use crate::peer::{Named, Peer};
use crate::train_task::{DROPOUT, LEARNING_RATE, MAX_NORM, Training};
use crate::turns::Side;
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
pub struct StepPeers<'a, const N: usize> {
    pub peer: &'a Peer,
    /// As peer.py calls it.
    pub task: &'static str,
    pub others: &'static [Other; N],
    /// Where the model of [`StepPeers::compare`] is put, as a folder.
    pub model: &'a Path,
    pub attention: Attention,
    pub tensors: Vec<Named<'static>>,
}

/// Steps that are compared: the later ones start from what the earlier ones made of the parameters.
pub const COMPARED: usize = 3;
/// What of each step is compared, and how far apart, relative, both sides may be. The losses of BERT-base differ by 3e-6 after two
/// steps.
const COMPARISONS: [(&str, f64); 2] = [("loss", 2e-5), ("length of the gradient", 2e-5)];

impl<const N: usize> StepPeers<'_, N> {
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
    pub fn compare(&self, mut ours: Training) -> Result<[f64; COMPARED]> {
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

    /// Each of them as a side that takes steps with dropout.
    ///
    /// # Errors
    /// A peer that fails.
    pub fn sides(&self) -> Result<[Side<'_>; N]> {
        for other in self.others {
            self.make(other, DROPOUT, 1)?;
        }
        Ok(self.others.each_ref().map(|other| self.peer.side(other.name)))
    }
}
