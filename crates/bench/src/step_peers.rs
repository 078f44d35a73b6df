//! PyTorch's side of a step of training, for `train` and `pretrain`.

use crate::goals::{Goal, Row};
use crate::peer::{Named, Peer};
use crate::train_task::{DROPOUT, LEARNING_RATE, MAX_NORM, PARTS, Training};
use crate::turns::{Side, Spread, TurnArgs, side};
use anyhow::{Result, ensure};
use bert_checkpoint::{TokenizerFiles, save};
use bert_nn::Real;
use ndarray::Array2;
use serde::Serialize;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::path::Path;

/// One way in which PyTorch takes the step. All have the fused AdamW.
pub struct Other {
    pub name: &'static str,
    pub compile: bool,
    /// With products in bfloat16 (torch.autocast), else in f32.
    pub bf16: bool,
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
/// What of each step is compared, and how far apart, relative, both sides may be, in f32 and in bfloat16. In f32 the losses of
/// BERT-base differ by 3e-6 after two steps. In bfloat16, where each side rounds
/// in some places of its own, those of a tiny model do by 4e-3; a larger one has not been seen to do worse.
const COMPARISONS: [(&str, [f64; 2]); 2] =
    [("loss", [2e-5, 2e-2]), ("length of the gradient", [2e-5, 5e-2])];
/// Our sides, full width first: their names, and whether their products are in bfloat16.
const OURS: [(&str, bool); 2] = [("ours", false), ("ours, bf16", true)];

impl StepPeers<'_> {
    /// What one of them is asked for.
    pub fn request(&self, other: &Other, dropout: f64, steps: usize) -> Value {
        let mut request = json!({
            "model": self.model,
            "attention": self.attention,
            "compile": other.compile,
            "bf16": other.bf16,
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

    /// Some steps of ours and of the peers in the same precision, without dropout. Returns the largest difference of each step.
    ///
    /// # Errors
    /// A peer that fails, or another loss or gradient.
    fn compare(&self, mut ours: Training, bf16: bool) -> Result<[f64; COMPARED]> {
        let mut largest = [0.0; COMPARED];
        save(self.model, &ours.config, &ours.model, &TokenizerFiles::default())?;
        let ours = (0..COMPARED).map(|_| ours.step()).collect::<Result<Vec<_>>>()?;
        for other in self.others.iter().filter(|other| other.bf16 == bf16) {
            let name = other.name;
            let theirs = self.make(other, 0.0, COMPARED)?; // [steps, 2]
            self.peer.drop_call(name)?;
            ensure!(theirs.dim() == (COMPARED, 2), "{name}: {:?} came back", theirs.dim());
            for (step, (ours, theirs)) in ours.iter().zip(theirs.rows()).enumerate() {
                for (((what, limits), ours), theirs) in
                    COMPARISONS.into_iter().zip(ours).zip(theirs)
                {
                    let limit = limits[usize::from(bf16)];
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
        let with = |dropout, bf16| {
            let mut training = ours(dropout);
            training.set_bf16(bf16);
            training
        };
        let mut largest_differences = [[0.0; COMPARED]; OURS.len()];
        for ((_, bf16), largest) in OURS.iter().zip(&mut largest_differences) {
            *largest = self.compare(with(0.0, *bf16), *bf16)?;
        }
        for other in self.others {
            self.make(other, DROPOUT, self.steps)?;
        }
        // Both of our sides train one model in turn: two, beside the peers', would fill the memory.
        let training = RefCell::new(with(DROPOUT, false));
        let turn = |bf16| {
            let mut training = training.borrow_mut();
            training.set_bf16(bf16);
            (0..self.steps).try_for_each(|_| training.step().map(|_| ()))
        };
        OURS.iter().try_for_each(|(_, bf16)| turn(*bf16))?;
        let mut sides: Vec<Side> = Vec::new();
        for (_, bf16) in OURS {
            sides.push(Box::new(side(move || turn(bf16).expect("it has just worked"))));
        }
        sides.extend(self.others.iter().map(|other| self.peer.side(other.name)));
        let seconds = turns.alternate_all(sides)?;
        let per_step = |seconds: f64| seconds / self.steps as f64;
        for other in self.others {
            self.peer.drop_call(other.name)?;
        }
        let (ours, theirs) = seconds.split_at(OURS.len());
        let sides = OURS.iter().zip(ours).map(|((name, bf16), ours)| {
            let ratios = theirs.iter().map(|theirs| Spread::of_ratios(theirs, ours));
            OurSide {
                name,
                bf16: *bf16,
                seconds: Spread::of(ours).map(per_step),
                ratios: self.others.iter().zip(ratios).map(|(o, r)| (o.name, o.bf16, r)).collect(),
            }
        });
        let sides = sides.collect();
        let mut training = training.into_inner();
        training.set_bf16(false);
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
            sides,
            parts: PARTS.into_iter().zip(parts.iter().map(|seconds| Spread::of(seconds))).collect(),
        })
    }
}

/// How fast a step of training is.
#[derive(Serialize)]
pub struct StepFigures {
    /// Of the losses and lengths of gradients that were compared, relative, by side and step.
    largest_differences: [[f64; COMPARED]; OURS.len()],
    sides: Vec<OurSide>,
    /// Our step's seconds in f32, by part.
    parts: Vec<(&'static str, Spread)>,
}

/// Our step in one precision.
#[derive(Serialize)]
pub struct OurSide {
    name: &'static str,
    bf16: bool,
    seconds: Spread,
    /// By peer, with whether that one computes in bfloat16: how many times as fast ours is.
    ratios: Vec<(&'static str, bool, Spread)>,
}

impl OurSide {
    /// The fastest peer of a precision, and how many times as fast as it ours is.
    fn against_the_fastest(&self, bf16: bool) -> (&'static str, Spread) {
        let peers = self.ratios.iter().filter(|(_, of, _)| *of == bf16);
        let fastest = peers.min_by(|(_, _, a), (_, _, b)| a.median.total_cmp(&b.median));
        let (name, _, ratio) = fastest.expect("there are peers of each precision");
        (name, *ratio)
    }
}

impl StepFigures {
    /// The fastest peer in f32, and how many times as fast as it ours is in f32.
    pub fn against_the_fastest(&self) -> (&'static str, Spread) {
        self.sides[0].against_the_fastest(false)
    }

    /// Like with like, and what bfloat16 gains over a peer's f32.
    pub fn rows(&self, what: &str, goal: Goal) -> Vec<Row> {
        let [full, half] = &self.sides[..] else { unreachable!("two sides") };
        let row = |side: &OurSide, bf16| {
            let (peer, ratio) = side.against_the_fastest(bf16);
            let what = if side.bf16 { format!("{what}, bf16") } else { what.to_owned() };
            Row::new(&what, peer, goal, ratio)
        };
        vec![row(full, false), row(half, false), row(half, true)]
    }

    /// Prints the tables.
    pub fn print(&self) -> Result<()> {
        let names: Vec<_> = self.sides[0].ratios.iter().map(|(name, _, _)| *name).collect();
        show!("| | ms | steps/s | {} |", names.join(" | "));
        show!("|---|---|---|{}", "---|".repeat(names.len()));
        for OurSide { name, seconds, ratios, .. } in &self.sides {
            let ratios: Vec<_> = ratios.iter().map(|(_, _, ratio)| ratio.to_string()).collect();
            let ms = seconds.map(|seconds| seconds * 1e3);
            let rate = seconds.map(|seconds| 1.0 / seconds);
            show!("| {name} | {ms:.0} | {rate:.2} | {} |", ratios.join(" | "));
        }
        let [full, half] =
            self.largest_differences.map(|steps| steps.into_iter().fold(0.0, f64::max));
        show!(
            "\nHow many times as fast as each ours is. Before that, {COMPARED} steps without dropout were at most {full:.0e} apart, \
             in bfloat16 {half:.0e}.\n"
        );
        show!("| part of our step in f32 | ms | share |");
        show!("|---|---|---|");
        let all: f64 = self.parts.iter().map(|(_, seconds)| seconds.median).sum();
        for (part, seconds) in &self.parts {
            let (ms, share) = (seconds.map(|seconds| seconds * 1e3), seconds.median / all);
            show!("| {part} | {ms:.1} | {share:.3} |");
        }
        Ok(())
    }
}
