//! A step of fine-tuning, against PyTorch: time and memory.

use crate::goals::{Goal, Row, Rows, report};
use crate::machine::Machine;
use crate::memory::{Memory, mib};
use crate::peer::{Peer, PeerArgs};
use crate::step_peers::{Attention, Other, StepFigures, StepPeers};
use crate::train_task::{Args as Size, DROPOUT, Kept, MEMORY_STEPS, Training};
use crate::turns::{Spread, TurnArgs};
use anyhow::{Context, Result};
use serde::Serialize;

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

const PEERS: [Other; 4] = [
    Other { name: "PyTorch eager", compile: false, bf16: false, more: None },
    Other { name: "torch.compile", compile: true, bf16: false, more: None },
    Other { name: "PyTorch eager, bf16", compile: false, bf16: true, more: None },
    Other { name: "torch.compile, bf16", compile: true, bf16: true, more: None },
];

/// The processes whose memory is measured on our side.
const OURS: &str = "ours";
const RECOMPUTED: &str = "ours, of each layer only the input";

#[derive(Serialize)]
pub struct Figures {
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

/// Measures, and writes the figures.
///
/// # Errors
/// No peer, or losses that differ.
pub fn run(args: &Args) -> Result<()> {
    report(&args.turns, "train", measure(args)?)
}

/// Times all sides, has each take steps in a process of its own, and prints tables.
///
/// # Errors
/// No peer, or losses that differ.
pub fn measure(args: &Args) -> Result<(Machine, Figures)> {
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
        steps: 1,
        tensors: Training::new(&args.size, DROPOUT).tensors(),
    };
    let figures = Figures {
        batch: args.size.batch,
        layers: args.size.model.layers.get(),
        hidden: args.size.model.hidden,
        threads: rayon::current_num_threads(),
        keep: args.size.keep.name(),
        attention: args.attention,
        step: peers.measure(&args.turns, |dropout| Training::new(&args.size, dropout))?,
        memory: memory(args, &peers)?,
    };
    figures.print()?;
    Ok((machine, figures))
}

/// Each side alone in a process of its own, in the order of the table.
fn memory(args: &Args, peers: &StepPeers) -> Result<Vec<(&'static str, Memory)>> {
    let mut all = Vec::new();
    for (name, keep) in [(OURS, Kept::All), (RECOMPUTED, Kept::Inputs)] {
        let size = Size { keep, ..args.size.clone() };
        all.push((name, size.alone(MEMORY_STEPS)?.memory));
    }
    for other in &PEERS {
        let request = peers.request(other, DROPOUT, MEMORY_STEPS.get());
        let answer = peers.peer.training_memory(peers.tensors.clone(), request)?;
        all.push((other.name, serde_json::from_value(answer)?));
    }
    Ok(all)
}

impl Rows for Figures {
    /// The memory is compared with that of the peer that is the faster one.
    fn rows(&self) -> Vec<Row> {
        let (peer, _) = self.step.against_the_fastest();
        let peak = |name| {
            let (_, memory) = self.memory.iter().find(|(of, _)| *of == name).expect("measured");
            memory.peak as f64
        };
        let share = |name| Spread::of(&[peak(name) / peak(peer)]);
        let Self { batch: (sequences, tokens), layers, hidden, .. } = self;
        let what = format!("a step, {layers} layers of {hidden}, {sequences} × {tokens}");
        let row = |more, goal, figure| Row::new(&format!("{more}{what}"), peer, goal, figure);
        let memory = [
            row("peak memory of it: ", Goal::AtMost(0.6), share(OURS)),
            row("the same, recomputed: ", Goal::AtMost(0.5), share(RECOMPUTED)),
        ];
        let speed = self.step.rows(&format!("fine-tuning: {what}"), Goal::AtLeast(1.5));
        speed.into_iter().chain(memory).collect()
    }
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
