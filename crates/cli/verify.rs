//! `bert verify`: are the numbers right?

use crate::common::{ModelArgs, Results, expect_usage, warn};
use anyhow::{Context, Result, bail, ensure};
use bert_pipeline::Pipeline;
use bert_pipeline::published::{self, Case, Outcome};
use bert_pipeline::reference::{Comparison, Reference};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// Compare a model's numbers with another program's, or with published ones
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert verify --model tests/fixtures/toy --reference tests/fixtures/toy/reference.safetensors
  bert verify --list
  bert verify --model google-bert/bert-base-uncased --published
  bert verify --model ./somewhere --published google-bert/bert-base-uncased

The exit code is 1 if anything is off.")]
pub struct Args {
    /// For which checkpoints figures are published, and what they are of
    #[arg(long, exclusive = true)]
    list: bool,
    // None with --list, which needs none.
    #[command(flatten)]
    model: Option<ModelArgs>,
    /// A safetensors file with a padded batch and what another program made of it
    #[arg(long, value_name = "FILE", required_unless_present = "published")]
    reference: Option<PathBuf>,
    /// How far a value may be off, times the tensor's largest reference value if that is above 1
    #[arg(long, value_name = "X", default_value = "2e-5", requires = "reference")]
    tolerance: f64,
    /// Compare with the figures published for this checkpoint [default: the one that the directory
    /// is named after]
    #[arg(long, value_name = "NAME", num_args = 0..=1, conflicts_with = "reference")]
    published: Option<Option<String>>,
    /// Another list of published figures than the built-in one
    #[arg(long, value_name = "FILE", requires = "published")]
    published_values: Option<PathBuf>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    match (&args.model, &args.reference, &args.published) {
        (None, ..) => list(),
        (Some(model), Some(path), _) => against_reference(args, model, path),
        (Some(model), None, name) => against_published(args, model, name.clone().flatten()),
    }
}

fn list() -> Result<()> {
    let mut results = Results::new();
    let mut all = published::built_in();
    all.sort_by(|a, b| a.model.cmp(&b.model)); // stable: within a model as published
    for cases in all.chunk_by(|a, b| a.model == b.model) {
        results.line(&cases[0].model)?;
        for case in cases {
            results.line(&format!("  {:<18} ({})", case.output, case.source))?;
        }
    }
    results.flush()
}

#[derive(Serialize)]
struct TensorLine<'a> {
    name: &'a str,
    shape: &'a [usize],
    difference: f64,
    limit: f64,
    passed: bool,
}

fn against_reference(args: &Args, model: &ModelArgs, path: &Path) -> Result<()> {
    expect_usage(args.tolerance.is_finite() && args.tolerance >= 0.0, || {
        format!("--tolerance {}: a finite number from 0 on is wanted", args.tolerance)
    })?;
    let loaded = model.load()?;
    let reference = Reference::open(path)?;
    let lines = reference.compare(&loaded.model, &loaded.config, args.tolerance)?;
    ensure!(!lines.is_empty(), "{}: no tensor to compare (see bert verify --help)", path.display());
    let unknown = reference.not_compared(&lines);
    if !unknown.is_empty() {
        warn(&format!("not compared, since no model gives it: {}", unknown.join(", ")));
    }
    let mut results = Results::new();
    if !args.json {
        let header =
            format!("{:<20} {:<18} {:>12} {:>12}", "tensor", "shape", "difference", "limit");
        results.line(&header)?;
    }
    for line in &lines {
        let (name, shape) = (line.name.as_str(), line.shape.as_slice());
        let (difference, limit, passed) = (line.difference, line.limit, line.passed());
        if args.json {
            results.json(&TensorLine { name, shape, difference, limit, passed })?;
        } else {
            let (shape, verdict) = (format!("{shape:?}"), if passed { "ok" } else { "OFF" });
            results.line(&format!(
                "{name:<20} {shape:<18} {difference:>12.2e} {limit:>12.2e}  {verdict}"
            ))?;
        }
    }
    results.flush()?;
    match lines.iter().find(|line| !line.passed()) {
        None => Ok(()),
        Some(first) => bail!("{}", explain(first)),
    }
}

fn explain(first: &Comparison) -> String {
    let name = &first.name;
    match &first.worst {
        None => format!("the reference has {name}, which this model does not give"),
        Some((place, found, expected)) => format!(
            "{name} is the first tensor that is off: {found} at {place:?}, the reference says {expected}"
        ),
    }
}

#[derive(Serialize)]
struct CaseLine<'a> {
    model: &'a str,
    output: &'a str,
    source: &'a str,
    difference: Option<f64>,
    verdict: &'a str,
}

fn against_published(args: &Args, model: &ModelArgs, name: Option<String>) -> Result<()> {
    let all = match &args.published_values {
        None => published::built_in(),
        Some(path) => {
            let bytes = fs::read(path).with_context(|| path.display().to_string())?;
            published::parse(&bytes, path)?
        }
    };
    let pipeline = open_under_erf(model)?;
    let cases = choose(all, name, model.model.given())?;
    let (mut results, mut compared, mut off) = (Results::new(), 0, None);
    for case in &cases {
        let (difference, verdict) = match case
            .run(&pipeline)
            .with_context(|| format!("{} of {}", case.output, case.model))?
        {
            Outcome::NoHead => (None, "no such head in this file"),
            Outcome::Compared { difference, passed } => {
                compared += 1;
                if !passed {
                    off.get_or_insert(case);
                }
                (Some(f64::from(difference)), if passed { "ok" } else { "OFF" })
            }
        };
        let (model, output, source) = (&*case.model, &*case.output, &*case.source);
        if args.json {
            results.json(&CaseLine { model, output, source, difference, verdict })?;
        } else {
            let difference = difference.map_or_else(|| "-".to_owned(), |d| format!("{d:.1e}"));
            results.line(&format!("{output:<18} {difference:>8}  {verdict}  ({source})"))?;
        }
    }
    results.flush()?;
    if let Some(case) = off {
        let limit = published::TOLERANCE;
        bail!("{} of {} is off by more than {limit:e}", case.output, case.model);
    }
    ensure!(
        compared > 0,
        "nothing was compared: the file has none of the heads that the figures need"
    );
    Ok(())
}

fn choose(all: Vec<Case>, name: Option<String>, directory: &Path) -> Result<Vec<Case>> {
    let of_directory = || {
        if let Some(name) = bert_hub::Name::of_path(directory) {
            return Some(name.model);
        }
        let canonical = fs::canonicalize(directory).ok()?;
        Some(canonical.file_name()?.to_string_lossy().into_owned())
    };
    let name = name.or_else(of_directory).unwrap_or_default();
    let mut known: Vec<_> = all.iter().map(|case| case.model.clone()).collect();
    known.sort();
    known.dedup();
    let cases: Vec<_> = all.into_iter().filter(|case| case.is_about(&name)).collect();
    ensure!(
        !cases.is_empty(),
        "no figures are published for {name:?}; say which checkpoint it is: --published NAME, one of {}",
        known.join(", ")
    );
    Ok(cases)
}

/// Published figures were computed with erf, also those of Google's files that leave it open.
fn open_under_erf(args: &ModelArgs) -> Result<Pipeline> {
    let (directory, mut options) = (args.model.directory()?, args.options());
    if options.activation.is_none() && activation_in_doubt(&directory)? {
        warn("bert_config.json says gelu: read as erf, under which the figures were published");
        options.activation = Some("gelu".to_owned());
    }
    let pipeline = Pipeline::open(&directory, &options)?;
    pipeline.notes.iter().for_each(|note| warn(note));
    Ok(pipeline)
}

fn activation_in_doubt(directory: &Path) -> Result<bool> {
    let directory = bert_checkpoint::ModelDirectory::open(directory)?;
    Ok(directory.config(None)?.activation_in_doubt())
}
