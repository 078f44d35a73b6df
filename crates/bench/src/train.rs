//! A step of fine-tuning, against PyTorch: time and memory.

use crate::machine::Machine;
use crate::memory::{Memory, mib};
use crate::peer::{Peer, PeerArgs, answer_of};
use crate::step_peers::{Attention, Other, StepFigures, StepPeers};
use crate::train_task::{Args as Size, DROPOUT, Kept, MEMORY_STEPS, Training};
use crate::turns::TurnArgs;
use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::json;
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

const PEERS: [Other; 2] = [
    Other { name: "PyTorch eager", compile: false, more: None },
    Other { name: "torch.compile", compile: true, more: None },
];

#[derive(Serialize)]
struct Figures {
    batch: (usize, usize),
    layers: usize,
    hidden: usize,
    threads: usize,
    keep: &'static str,
    attention: Attention,
    #[serde(flatten)]
    step: StepFigures,
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
    let peers = StepPeers {
        peer: &peer,
        task: "fine-tuning",
        others: &PEERS,
        model: folder.path(),
        attention: args.attention,
        tensors: Training::new(&args.size, DROPOUT).tensors(),
    };
    let figures = Figures {
        batch: args.size.batch,
        layers: args.size.layers.get(),
        hidden: args.size.hidden,
        threads: rayon::current_num_threads(),
        keep: args.size.keep.name(),
        attention: args.attention,
        step: peers.measure(&args.turns, |dropout| Training::new(&args.size, dropout))?,
        memory: memory(args, &peers)?,
    };
    figures.print()?;
    args.turns.write_json(&json!({ "machine": machine, "train": figures }))
}

/// Each side alone in a process of its own, in the order of the table.
fn memory(args: &Args, peers: &StepPeers) -> Result<Vec<(&'static str, Memory)>> {
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
    for other in &PEERS {
        let request = peers.request(other, DROPOUT, MEMORY_STEPS);
        let answer = peers.peer.training_memory(peers.tensors.clone(), request)?;
        all.push((other.name, serde_json::from_value(answer)?));
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
        self.step.print()?;
        show!(
            "\n| {MEMORY_STEPS} steps in a process of its own | at the start, MiB | at most, MiB | ours of it | without the start |"
        );
        show!("|---|---|---|---|---|");
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
