//! All measurements that have a goal, one after the other, and a table of what was reached.

use crate::goals::{Row, Rows};
use crate::machine::Machine;
use crate::{adamw, finetune, int8, pretrain, threads, train, train_ragged};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

/// Everything that has a goal, and whether it is reached
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  cargo run --release -p bert-bench -- all --json all.json
  cargo run --release -p bert-bench -- all --quick --runs 1
  cargo run --release -p bert-bench -- all --only adamw,threads")]
pub struct Args {
    /// Also write the figures to this file, as JSON; after each measurement
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// How many turns each side has [default: by measurement]
    #[arg(long, value_name = "N")]
    runs: Option<NonZeroUsize>,
    /// Tiny models and few texts: whether everything works, in a minute or two. The figures then mean nothing
    #[arg(long)]
    quick: bool,
    /// Only some of the measurements
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = known)]
    only: Vec<String>,
    /// The Python of all measurements that want one
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// The folder with data of all measurements that want one
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// all-MiniLM-L6-v2, for `finetune`
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

/// A command of this program, which can be called alone as well.
struct Measurement {
    name: &'static str,
    /// Turns of each side. All else is as its `--help` says.
    runs: usize,
    /// How it is called for `--quick`, with one turn.
    quick: &'static str,
    take: fn(&Call) -> Result<Taken>,
}

/// In the order of the table.
const MEASUREMENTS: [Measurement; 7] = [
    Measurement {
        name: "train",
        runs: 5,
        quick: "--layers 2 --hidden 128 --batch 2x16",
        take: |call| call.take(train::measure),
    },
    Measurement {
        name: "train-ragged",
        runs: 3,
        quick: "--layers 2 --hidden 128 --count 32 --no-compile",
        take: |call| call.take(train_ragged::measure),
    },
    Measurement {
        name: "pretrain",
        runs: 5,
        quick: "--config tiny --batch 4x32",
        take: |call| call.take(pretrain::measure),
    },
    Measurement {
        name: "finetune",
        runs: 3,
        quick: "--sentences 64",
        take: |call| call.take(finetune::measure),
    },
    Measurement {
        name: "adamw",
        runs: 11,
        quick: "--layers 2 --hidden 128",
        take: |call| call.take(adamw::measure),
    },
    Measurement {
        name: "threads",
        runs: 5,
        quick: "--layers 2 --hidden 128 --batch 2x16",
        take: |call| call.take(threads::measure),
    },
    Measurement {
        name: "int8",
        runs: 5,
        quick: "--layers 2 --hidden 128 --shapes 1x16",
        take: |call| call.take(int8::measure),
    },
];

fn known(name: &str) -> Result<String, String> {
    let names = MEASUREMENTS.map(|measurement| measurement.name);
    if names.contains(&name) { Ok(name.to_owned()) } else { Err(names.join(", ")) }
}

/// The arguments of one measurement.
struct Call {
    words: Vec<String>,
    /// Options that only some have, with their values.
    options: Vec<(&'static str, String)>,
}

/// What it gave.
struct Taken {
    machine: Machine,
    figures: Value,
    rows: Vec<Row>,
}

impl Args {
    fn call(&self, measurement: &Measurement) -> Call {
        let (words, runs) =
            if self.quick { (measurement.quick, 1) } else { ("", measurement.runs) };
        let runs = self.runs.map_or(runs, NonZeroUsize::get).to_string();
        let words = words.split_whitespace().chain(["--runs", &runs]);
        let words = words.map(str::to_owned).collect();
        let options = [("python", &self.python), ("data", &self.data), ("model", &self.model)];
        let options = options
            .into_iter()
            .filter_map(|(name, path)| Some((name, path.as_ref()?.display().to_string())));
        Call { words, options: options.collect() }
    }
}

impl Call {
    /// Reads the words as that command does, and measures.
    fn take<A: clap::Args, F: Rows>(
        &self,
        measure: fn(&A) -> Result<(Machine, F)>,
    ) -> Result<Taken> {
        let command = A::augment_args(clap::Command::new(""));
        let has = |name: &str| command.get_arguments().any(|argument| argument.get_id() == name);
        let mut words = vec![String::new()];
        words.extend(self.words.iter().cloned());
        for (name, value) in self.options.iter().filter(|(name, _)| has(name)) {
            words.extend([format!("--{name}"), value.clone()]);
        }
        let args = A::from_arg_matches(&command.try_get_matches_from(words)?)?;
        let (machine, figures) = measure(&args)?;
        Ok(Taken { machine, rows: figures.rows(), figures: serde_json::to_value(&figures)? })
    }
}

/// Takes all measurements and prints the table. One that fails does not keep the others from being taken.
///
/// # Errors
/// A measurement that failed, once the others are done; a file that cannot be written.
pub fn run(args: &Args) -> Result<()> {
    let (mut rows, mut failed) = (Vec::new(), Vec::new());
    let mut report = json!({ "quick": args.quick, "rows": [], "measurements": {}, "failed": {} });
    let wanted = |name: &str| args.only.is_empty() || args.only.iter().any(|only| only == name);
    for measurement in MEASUREMENTS.iter().filter(|measurement| wanted(measurement.name)) {
        let name = measurement.name;
        let call = args.call(measurement);
        show!("## {name} {}\n", call.words.join(" "));
        let start = Instant::now();
        match (measurement.take)(&call) {
            Ok(taken) => {
                report["measurements"][name] = json!({
                    "command": format!("{name} {}", call.words.join(" ")),
                    "took_seconds": start.elapsed().as_secs_f64(),
                    "machine": taken.machine,
                    "figures": taken.figures,
                });
                rows.extend(taken.rows);
            }
            Err(error) => {
                eprintln!("{name}: {error:#}\n");
                report["failed"][name] = format!("{error:#}").into();
                failed.push(name);
            }
        }
        report["rows"] = json!(rows);
        if let Some(path) = &args.json {
            let text = serde_json::to_string_pretty(&report)?;
            std::fs::write(path, text).with_context(|| path.display().to_string())?;
        }
        show!("");
    }
    show!("| what | against | goal | measured | met |");
    show!("|---|---|---|---|---|");
    for row in &rows {
        show!("{row}");
    }
    ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mistake in a list of words would show only after an hour.
    #[test]
    fn every_measurement_understands_how_it_is_called() {
        fn understands<A: clap::Args>(words: &str) {
            let command = A::augment_args(clap::Command::new(""));
            let words = ["", "--runs", "3"].into_iter().chain(words.split(' '));
            let matches = command.try_get_matches_from(words).expect("words of the list");
            A::from_arg_matches(&matches).expect("values of the list");
        }
        for Measurement { name, quick, .. } in MEASUREMENTS {
            match name {
                "train" => understands::<train::Args>(quick),
                "train-ragged" => understands::<train_ragged::Args>(quick),
                "pretrain" => understands::<pretrain::Args>(quick),
                "finetune" => understands::<finetune::Args>(quick),
                "adamw" => understands::<adamw::Args>(quick),
                "threads" => understands::<threads::Args>(quick),
                "int8" => understands::<int8::Args>(quick),
                _ => panic!("{name} is not tested here"),
            }
        }
    }
}
