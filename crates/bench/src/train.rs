//! A step of fine-tuning, against PyTorch: time and memory.

use crate::machine::Machine;
use crate::peer::{Peer, PeerArgs, answer_of};
use crate::train_task::{
    Args as Size, DROPOUT, Kept, LEARNING_RATE, MAX_NORM, MEMORY_STEPS, PARTS, Training,
};
use crate::turns::{Spread, TurnArgs, side};
use anyhow::{Context, Result, ensure};
use bert_checkpoint::{TokenizerFiles, save};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// Speed and memory of a step of fine-tuning: forward, backward, clipping, AdamW
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- train --runs 5
  cargo run --release -p bert-bench -- train --runs 1 --layers 2 --hidden 128 --batch 2x16")]
pub struct Args {
    #[command(flatten)]
    turns: TurnArgs,
    #[command(flatten)]
    peer: PeerArgs,
    #[command(flatten)]
    size: Size,
    /// PyTorch's attention
    #[arg(long, value_enum, default_value = "sdpa")]
    attention: Attention,
}

/// With dropout, PyTorch has no fused attention on the CPU: scaled_dot_product_attention then stores all probabilities too. So it depends
/// on the machine which of them is faster.
#[derive(Clone, Copy, Debug, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
enum Attention {
    /// scaled_dot_product_attention, transformers' default
    Sdpa,
    /// transformers' own, of matrix products and a softmax
    Eager,
}

/// The other sides: name, and whether the model is compiled. Both with the fused AdamW.
const PEERS: [(&str, bool); 2] = [("PyTorch eager", false), ("torch.compile", true)];
/// Steps that are compared: the later ones start from what the earlier ones made of the parameters.
const COMPARED: usize = 3;
/// What of each step is compared, and how far apart, relative, both sides may be. For the length PyTorch adds up squares in f32, which
/// makes it 4e-5 too small over a tensor of 3072 × 768; ours does it in f64. The losses of BERT-base differ by 3e-6 after two steps.
const COMPARISONS: [(&str, f64); 2] = [("loss", 2e-5), ("length of the gradient", 1e-4)];

/// Of a process, in bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Memory {
    /// Before there is a model.
    start: u64,
    /// At most.
    peak: u64,
}

impl Memory {
    /// What model and steps took.
    fn above(&self) -> f64 {
        (self.peak - self.start) as f64
    }
}

#[derive(Serialize)]
struct Figures {
    batch: (usize, usize),
    layers: usize,
    hidden: usize,
    threads: usize,
    keep: &'static str,
    attention: Attention,
    /// Of the losses and lengths of gradients that were compared, relative, step by step.
    largest_differences: [f64; COMPARED],
    ours_seconds: Spread,
    /// How many times as fast ours is, by peer.
    ratios: Vec<(&'static str, Spread)>,
    /// Our step's seconds, by part.
    parts: Vec<(&'static str, Spread)>,
    /// By process.
    memory: Vec<(&'static str, Memory)>,
}

/// Times all sides, has each take steps in a process of its own, and prints tables.
///
/// # Errors
/// No peer, or losses that differ.
pub fn run(args: &Args) -> Result<()> {
    args.size.set_threads()?;
    let peer = Peer::start(&args.peer)?;
    let machine = Machine::describe(peer.versions()?)?;
    let folder = tempfile::tempdir().context("a folder for the model")?;
    let largest_differences = compare(args, &peer, folder.path())?;
    let [ours, theirs @ ..] = times(args, &peer, folder.path())?;
    drop_calls(&peer)?;
    let ratios = theirs.iter().map(|theirs| Spread::of_ratios(theirs, &ours));
    let parts = parts(args)?;
    let figures = Figures {
        batch: args.size.batch,
        layers: args.size.layers.get(),
        hidden: args.size.hidden,
        threads: rayon::current_num_threads(),
        keep: args.size.keep.name(),
        attention: args.attention,
        largest_differences,
        ours_seconds: Spread::of(&ours),
        ratios: PEERS.iter().map(|&(name, _)| name).zip(ratios).collect(),
        parts: PARTS.into_iter().zip(parts.iter().map(|seconds| Spread::of(seconds))).collect(),
        memory: memory(args, &peer, folder.path())?,
    };
    figures.print()?;
    args.turns.write_json(&json!({ "machine": machine, "train": figures }))
}

impl Args {
    /// What a peer is asked for.
    fn request(&self, model: &Path, compile: bool, dropout: f64, steps: usize) -> Value {
        json!({
            "model": model,
            "attention": self.attention,
            "compile": compile,
            "dropout": dropout,
            "learning_rate": LEARNING_RATE,
            "max_norm": MAX_NORM,
            "steps": steps,
        })
    }
}

/// Some steps of each side without dropout. Leaves the model as a folder at `model`. Returns the largest difference of each.
fn compare(args: &Args, peer: &Peer, model: &Path) -> Result<[f64; COMPARED]> {
    let mut largest = [0.0; COMPARED];
    let mut training = Training::new(&args.size, 0.0);
    save(model, &training.config, &training.model, &TokenizerFiles::default())?;
    let ours = (0..COMPARED).map(|_| training.step()).collect::<Result<Vec<_>>>()?;
    for (name, compile) in PEERS {
        let request = args.request(model, compile, 0.0, COMPARED);
        let theirs = peer.make(name, "training", training.tensors(), request)?; // [steps, 2]
        peer.drop_call(name)?;
        ensure!(theirs.dim() == (COMPARED, 2), "{name}: {:?} came back", theirs.dim());
        for (step, (ours, theirs)) in ours.iter().zip(theirs.rows()).enumerate() {
            for (((what, limit), ours), theirs) in COMPARISONS.into_iter().zip(ours).zip(theirs) {
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

/// Seconds of a step with dropout: ours, then the peers'.
fn times(args: &Args, peer: &Peer, model: &Path) -> Result<[Vec<f64>; 1 + PEERS.len()]> {
    let mut training = Training::new(&args.size, DROPOUT);
    for (name, compile) in PEERS {
        let request = args.request(model, compile, DROPOUT, 1);
        peer.make(name, "training", training.tensors(), request)?;
    }
    training.step()?;
    let ours = side(|| _ = training.step().expect("it has just worked"));
    let [eager, compiled] = PEERS.map(|(name, _)| peer.side(name));
    args.turns.alternate([ours, eager, compiled])
}

fn drop_calls(peer: &Peer) -> Result<()> {
    PEERS.into_iter().try_for_each(|(name, _)| peer.drop_call(name))
}

fn parts(args: &Args) -> Result<[Vec<f64>; PARTS.len()]> {
    let mut training = Training::new(&args.size, DROPOUT);
    args.turns.repeat(|| training.step_in_parts())
}

/// Each side alone in a process of its own, in the order of the table.
fn memory(args: &Args, peer: &Peer, model: &Path) -> Result<Vec<(&'static str, Memory)>> {
    let size = &args.size;
    let mut all = Vec::new();
    for (name, keep) in [("ours", Kept::All), ("ours, of each layer only the input", Kept::Inputs)]
    {
        let (sequences, tokens) = size.batch;
        let mut child = Command::new(std::env::current_exe()?);
        child.arg("train-memory").args(["--batch", &format!("{sequences}x{tokens}")]);
        child.args(["--layers", &size.layers.to_string(), "--hidden", &size.hidden.to_string()]);
        child.args(["--threads", &rayon::current_num_threads().to_string()]);
        child.args(["--keep", keep.name()]);
        all.push((name, serde_json::from_value(answer_of(&mut child)?)?));
    }
    let tensors = Training::new(size, DROPOUT).tensors();
    for (name, compile) in PEERS {
        let request = args.request(model, compile, DROPOUT, MEMORY_STEPS);
        let answer = peer.training_memory(tensors.clone(), request)?;
        all.push((name, serde_json::from_value(answer)?));
    }
    Ok(all)
}

impl Figures {
    fn print(&self) -> Result<()> {
        let Self { batch: (sequences, tokens), layers, hidden, threads, keep, .. } = self;
        show!(
            "A step of fine-tuning: {layers} layers, {hidden} wide, {sequences} × {tokens} tokens, dropout {DROPOUT}, \
             {threads} threads, keeping {keep}\n"
        );
        show!("| ours, s | {} |", PEERS.map(|(name, _)| name).join(" | "));
        show!("|---|{}", "---|".repeat(PEERS.len()));
        let ratios: Vec<_> = self.ratios.iter().map(|(_, ratio)| ratio.to_string()).collect();
        show!("| {:.3} | {} |", self.ours_seconds, ratios.join(" | "));
        show!("\nHow many times as fast as each ours is.\n");
        show!("| part of our step | ms | share |");
        show!("|---|---|---|");
        let all: f64 = self.parts.iter().map(|(_, seconds)| seconds.median).sum();
        for (part, seconds) in &self.parts {
            let (ms, share) = (seconds.map(|seconds| seconds * 1e3), seconds.median / all);
            show!("| {part} | {ms:.1} | {share:.3} |");
        }
        show!(
            "\n| {MEMORY_STEPS} steps in a process of its own | at the start, MiB | at most, MiB | ours of it | without the start |"
        );
        show!("|---|---|---|---|---|");
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let (_, ours) = self.memory[0];
        for (name, memory) in &self.memory {
            let Memory { start, peak } = memory;
            let whole = ours.peak as f64 / *peak as f64;
            let above = ours.above() / memory.above();
            show!("| {name} | {:.0} | {:.0} | {whole:.2} | {above:.2} |", mib(*start), mib(*peak));
        }
        Ok(())
    }
}
