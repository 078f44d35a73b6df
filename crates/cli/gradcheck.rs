//! `bert gradcheck`: whether every gradient is what finite differences say.

use crate::common::{Results, Usage, expect_usage, say};
use anyhow::{Context as _, Result, bail};
use bert_checkpoint::write_atomically;
use bert_model::HeadKind;
use bert_nn::gradient_check::{METHODS, Report, Row};
use bert_plot::{Axis, Plot, Scale};
use bert_train::gradcheck::{Case, Subject};
use serde::Serialize;
use std::io::Write as _;
use std::path::PathBuf;

/// Check every gradient of a small model against finite differences
///
/// The model has 2 layers, 8 wide, 2 heads, 12 feed-forward, a vocabulary of 23, and random weights.
/// Each parameter is moved a little to both sides, and the loss itself says how it changes. The exit
/// code is 1 when a gradient disagrees. A program built with `--features f64` checks in double
/// precision.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert gradcheck
  bert gradcheck --head masked_lm
  bert gradcheck --head masked_lm --tensor bert.embeddings.LayerNorm.weight --svg valley.svg")]
pub struct Args {
    /// Check this head only: masked_lm, next_sentence, pre_training, sequence_classification (with
    /// each of its three losses), token_classification, question_answering or multiple_choice
    #[arg(long, value_name = "HEAD")]
    head: Option<HeadKind>,
    /// Show how the error of this tensor's gradient depends on the size of the step
    #[arg(long, value_name = "NAME")]
    tensor: Option<String>,
    /// Also draw that into this file
    #[arg(long, value_name = "FILE", requires = "tensor")]
    svg: Option<PathBuf>,
    /// With dropout on; the same elements fall every time
    #[arg(long)]
    dropout: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    expect_usage(args.head != Some(HeadKind::None), || {
        "--head none: a model without a head has no loss".to_owned()
    })?;
    let wanted = |case: &Case| args.head.is_none_or(|head| head == case.kind);
    let subject = |case| Subject { dropout: args.dropout, ..Subject::new(case) };
    let subjects = Case::all().into_iter().filter(wanted).map(subject);
    match &args.tensor {
        Some(tensor) => valley(args, tensor, subjects.collect()),
        None => tables(args, subjects),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    head: &'a str,
    tensor: &'a str,
    shape: &'a [usize],
    norm: f64,
    error: f64,
    passed: bool,
    zero: Option<&'a str>,
}

fn tables(args: &Args, subjects: impl Iterator<Item = Subject>) -> Result<()> {
    let mut results = Results::new();
    let (mut checked, mut first_wrong) = (0, None);
    for subject in subjects {
        let (name, report) = (subject.case.name(), subject.check()?);
        if !args.json {
            results.line(&format!("{name}\n{}", header(&report)))?;
        }
        for row in &report.rows {
            let (zero, passed) = (subject.zero(&row.name), subject.passed(row, &report));
            checked += 1;
            if !passed {
                first_wrong.get_or_insert_with(|| format!("{} of {name}", row.name));
            }
            if args.json {
                let (shape, norm, error) = (&*row.shape, row.norm, row.error);
                let (head, tensor) = (&*name, &*row.name);
                results.json(&Line { head, tensor, shape, norm, error, passed, zero })?;
            } else {
                results.line(&readable(row, &report, zero, passed))?;
            }
        }
        if !args.json {
            results.line("")?;
        }
        results.flush()?;
    }
    match first_wrong {
        None => {
            say(&format!("{checked} gradients, all as finite differences say"));
            Ok(())
        }
        Some(first) => bail!("the gradient of {first} is wrong"),
    }
}

fn width(report: &Report) -> usize {
    report.rows.iter().map(|row| row.name.len()).max().unwrap_or(0)
}

fn header(report: &Report) -> String {
    let width = width(report);
    format!("{:<width$}  {:<8} {:>10} {:>9}  verdict", "tensor", "shape", "‖analytic‖", "error")
}

fn readable(row: &Row, report: &Report, zero: Option<&str>, passed: bool) -> String {
    let (width, shape) = (width(report), format!("{:?}", row.shape));
    let (name, norm, error) = (&row.name, row.norm, row.error);
    let verdict = match (passed, zero) {
        (true, None) => "ok".to_owned(),
        (true, Some(reason)) => format!("zero by mathematics: {reason}"),
        (false, None) => "WRONG".to_owned(),
        (false, Some(_)) => "WRONG: zero by mathematics, but not here".to_owned(),
    };
    format!("{name:<width$}  {shape:<8} {norm:>10.2e} {error:>9.1e}  {verdict}")
}

#[derive(Serialize)]
struct StepLine {
    step: f64,
    central: f64,
    four_points: f64,
}

/// Two steps for each power of ten.
fn steps() -> Vec<f64> {
    let powers = -16..=0;
    powers.map(|half| 10_f64.powf(f64::from(half) / 2.0)).collect()
}

fn valley(args: &Args, tensor: &str, subjects: Vec<Subject>) -> Result<()> {
    let steps = steps();
    let mut found = None;
    for subject in &subjects {
        if let Some(errors) = subject.errors_over_steps(tensor, &steps)? {
            found = Some((subject, errors));
            break;
        }
    }
    let Some((subject, errors)) = found else {
        let heads =
            args.head.map_or("no head".to_owned(), |head| format!("the {head} model does not"));
        let names = "their names are in the table of bert gradcheck";
        return Err(Usage(format!(
            "--tensor {tensor}: {heads} has a tensor of this name; {names}"
        ))
        .into());
    };
    let mut results = Results::new();
    if !args.json {
        let name = subject.case.name();
        results.line(&format!(
            "{tensor} of {name}\n{:>8} {:>12} {:>12}",
            "step", "central", "four points"
        ))?;
    }
    for (&step, &[central, four_points]) in steps.iter().zip(&errors) {
        if args.json {
            results.json(&StepLine { step, central, four_points })?;
        } else {
            results.line(&format!("{step:>8.1e} {central:>12.2e} {four_points:>12.2e}"))?;
        }
    }
    results.flush()?;
    if let Some(path) = &args.svg {
        let picture = drawing(&steps, &errors);
        write_atomically(path, |file| file.write_all(picture.as_bytes()))
            .with_context(|| path.display().to_string())?;
        say(&format!("drawn into {}", path.display()));
    }
    Ok(())
}

fn drawing(steps: &[f64], errors: &[[f64; 2]]) -> String {
    let (first, last) = (steps[0], steps[steps.len() - 1]);
    // A step that rounding swallows gives 0/0; an error of 0 has no place on a logarithmic axis.
    let drawn = errors.iter().flatten().filter(|error| error.is_finite());
    let smallest = drawn.fold(1e-2, |smallest: f64, &error| smallest.min(error.max(1e-14)));
    let low = 10_f64.powf(smallest.log10().floor());
    let x = Axis { scale: Scale::Logarithmic, low: first, high: last, label: "size of the step" };
    let y = Axis { scale: Scale::Logarithmic, low, high: 10.0, label: "" };
    let mut plot = Plot::new(x, y);
    let decades = |low: f64, high: f64| low.log10().round() as i32..=high.log10().round() as i32;
    for power in decades(first, last).filter(|power| power % 2 == 0) {
        plot.x_tick(10_f64.powi(power), &format!("1e{power}"));
    }
    for power in decades(low, 10.0).filter(|power| power % 2 == 0) {
        plot.y_tick(10_f64.powi(power), &format!("1e{power}"));
    }
    let of = |formula: usize| -> Vec<_> {
        steps.iter().zip(errors).map(|(&step, errors)| (step, errors[formula])).collect()
    };
    let lines = [
        ("error of the central difference (dot: the step that is used)", "#3182bd"),
        ("error of the four-point formula", "#e6550d"),
    ];
    for (formula, (name, color)) in lines.into_iter().enumerate() {
        plot.line(name, color, &of(formula));
        let used = METHODS[formula].1;
        let at = steps.iter().position(|step| (step / used).ln().abs() < 0.1);
        let dot = at.map(|at| (steps[at], errors[at][formula]));
        plot.dots("", color, &Vec::from_iter(dot));
    }
    plot.finish()
}
