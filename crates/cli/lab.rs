//! `bert lab`: takes a part out of the model and shows what that costs.

use crate::common::{Results, expect_output, expect_usage, say};
use crate::ladder::drawing;
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_data::tiny_world::{Ladder, TinyWorld};
use bert_model::{Ablation, Switch};
use bert_plot::Curve;
use bert_train::lesson::{Learned, Lesson, rungs};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};

/// Take a part out of BERT: a prediction, then the experiment
///
/// Trains small models on tiny world, one whole and one without the part, and shows their losses beside
/// the best possible ones. Without a name, the experiments are listed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert lab
  bert lab no-positions
  bert lab left-to-right --steps 6000 --svg left-to-right.svg
  bert lab no-residual no-layer-norm no-residual,no-layer-norm --layers 4")]
pub struct Args {
    /// What to take out: no-positions, no-residual, no-layer-norm, no-scale, no-feed-forward or
    /// left-to-right. Several names are several experiments; with a comma between, all parts are taken
    /// out together
    #[arg(value_name = "NAME")]
    ablations: Vec<Ablation>,
    /// How many steps each of the models is trained
    #[arg(long, value_name = "N", default_value = "2000")]
    steps: NonZeroU64,
    /// Sequences in a step
    #[arg(long, value_name = "N", default_value = "32")]
    batch_size: NonZeroUsize,
    /// Layers of the models
    #[arg(long, value_name = "N", default_value = "2", value_parser = clap::value_parser!(u8).range(1..=48))]
    layers: u8,
    /// The peak learning rate
    #[arg(long, value_name = "RATE", default_value = "1e-3")]
    lr: f64,
    /// What all random numbers depend on
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Without the whole model, which else is trained first to compare with
    #[arg(long, requires = "ablations")]
    alone: bool,
    /// Draw the curves into this file
    #[arg(long, value_name = "FILE", requires = "ablations")]
    svg: Option<PathBuf>,
    /// Write the best possible losses and the models' into this file
    #[arg(long, value_name = "FILE", requires = "ablations")]
    json: Option<PathBuf>,
}

/// Of the whole model, then of the experiments in turn.
const COLORS: [&str; 7] =
    ["#08519c", "#e6550d", "#31a354", "#756bb1", "#a6611a", "#d62a8a", "#636363"];

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    expect_usage(args.lr.is_finite() && args.lr > 0.0, || {
        "--lr: a number above 0 is wanted".to_owned()
    })?;
    expect_usage(args.svg.is_none() || args.svg != args.json, || {
        "--svg and --json: two files are wanted".to_owned()
    })?;
    let mut results = Results::new();
    if args.ablations.is_empty() {
        for switch in Ablation::ALL {
            results.line(&format!("{:<16} {}", switch.name, switch.removes))?;
        }
        return results.flush();
    }
    for path in args.svg.iter().chain(&args.json) {
        expect_output(path, [].into_iter())?;
    }
    let taken_out =
        |switch: &Switch| args.ablations.iter().any(|all| all.contains(switch.ablation));
    for switch in Ablation::ALL.into_iter().filter(taken_out) {
        results.line(&format!("{}\n  Removed: {}", switch.name, switch.removes))?;
        results.line(&format!("  Prediction: {}", prediction(switch.name)))?;
    }
    let world = TinyWorld::new();
    let whole = args.lesson(&world, Ablation::NONE);
    let ladder = world.ladder(&whole.held_out(&world), bert_data::Replacement::PLAIN);
    let ladder = ladder.context("no word was masked")?;
    results.line("\nThe best possible losses, in nats:")?;
    for (name, loss) in rungs(&ladder) {
        results.line(&format!("  {loss:6.3}  {name}"))?;
    }
    let mut models = Vec::new();
    if !args.alone {
        models.push((name_of(Ablation::NONE), learn(&mut results, &world, &whole)?));
    }
    for &ablation in &args.ablations {
        let without = learn(&mut results, &world, &args.lesson(&world, ablation))?;
        let with = models.first().filter(|_| !args.alone).map(|(_, learned)| learned);
        results.line(&format!("\n{}", verdict(with, &without, &ladder)))?;
        results.flush()?;
        models.push((name_of(ablation), without));
    }
    args.write(&models, &ladder)
}

impl Args {
    fn lesson(&self, world: &TinyWorld, ablation: Ablation) -> Lesson {
        let mut lesson = Lesson {
            steps: self.steps.get(),
            batch: self.batch_size.get(),
            learning_rate: self.lr,
            seed: self.seed,
            ablation,
            held_out: 2000,
            ..Lesson::short(world)
        };
        lesson.config.num_hidden_layers = self.layers.into();
        lesson
    }

    /// The files that are asked for.
    fn write(&self, models: &[(String, Learned)], ladder: &Ladder) -> Result<()> {
        let write = |path: &Path, text: &str| {
            write_atomically(path, |file| file.write_all(text.as_bytes()))
                .with_context(|| path.display().to_string())
        };
        if let Some(path) = &self.json {
            let models: Vec<_> =
                models.iter().map(|(name, learned)| figures(name, learned)).collect();
            let all = json!({
                "steps": self.steps,
                "batch_size": self.batch_size,
                "rungs": rungs(ladder).into_iter().collect::<BTreeMap<_, _>>(),
                "models": models,
            });
            write(path, &serde_json::to_string_pretty(&all)?)?;
            say(&format!("written into {}", path.display()));
        }
        if let Some(path) = &self.svg {
            let curves: Vec<_> = models
                .iter()
                .zip(COLORS.into_iter().cycle())
                .map(|((name, learned), color)| Curve {
                    name,
                    color,
                    points: learned.measured.clone(),
                })
                .collect();
            write(path, &drawing(&curves, ladder))?;
            say(&format!("drawn into {}", path.display()));
        }
        Ok(())
    }
}

/// Where a model ended, and how it came there.
fn figures(name: &str, learned: &Learned) -> Value {
    let [masked, pairs] = [0, 1].map(|part| &learned.parts[part]);
    json!({
        "name": name,
        "masked_lm_loss": masked.loss.mean(),
        "next_sentence_loss": pairs.loss.mean(),
        "next_sentence_accuracy": pairs.accuracy.map(|accuracy| accuracy.share()),
        "measured": learned.measured,
    })
}

/// What can be said before the experiment.
fn prediction(name: &str) -> &'static str {
    match name {
        "no-positions" => {
            "attention sees a bag of words. All gaps of a sentence get the same answer, and the loss cannot \
             fall below \"order ignored\"."
        }
        "left-to-right" => {
            "what follows a gap cannot help. The masked-LM loss cannot fall below \"left context only\", and \
             the next sentence is a coin toss: [CLS], which is asked for it, sees only itself."
        }
        "no-residual" => {
            "each block must pass on what the next one needs, and gradients have only the long way back. \
             Learning is slower, and with more layers it may not begin at all (try --layers 6)."
        }
        "no-layer-norm" => {
            "sums grow from layer to layer. A shallow model hardly misses it; a deep one or a larger learning \
             rate becomes unstable (try --layers 6 --lr 3e-3)."
        }
        "no-scale" => {
            "scores spread √D times as wide, and softmax begins to choose a single token before it knows \
             which. With heads of 32 the harm is small."
        }
        "no-feed-forward" => {
            "attention alone can mix vectors but hardly compute with them. It learns, and stops above the \
             whole model."
        }
        _ => "",
    }
}

fn name_of(ablation: Ablation) -> String {
    if ablation == Ablation::NONE { "the whole model".to_owned() } else { ablation.to_string() }
}

fn learn(results: &mut Results, world: &TinyWorld, lesson: &Lesson) -> Result<Learned> {
    results.line(&format!("\n{}, {} steps:", name_of(lesson.ablation), lesson.steps))?;
    results.flush()?;
    let mut told = Ok(());
    let learned = lesson.learn(world, |step, parts| {
        let accuracy = parts[1].accuracy.map_or(f64::NAN, |accuracy| 100.0 * accuracy.share());
        let line = format!(
            "  step {step:>5}  masked words {:.3}  next sentence {:.3}, {accuracy:.1} % right",
            parts[0].loss.mean(),
            parts[1].loss.mean()
        );
        let before = std::mem::replace(&mut told, Ok(()));
        told = before.and_then(|()| results.line(&line)).and_then(|()| results.flush());
    })?;
    told?;
    Ok(learned)
}

/// Where the models ended, and the rung that each stands on or above.
fn verdict(with: Option<&Learned>, without: &Learned, ladder: &Ladder) -> String {
    let last = |learned: &Learned| learned.measured.last().map_or(f64::NAN, |&(_, loss)| loss);
    let place = |loss: f64| {
        let nearest = rungs(ladder)
            .into_iter()
            .min_by(|a, b| (a.1 - loss).abs().total_cmp(&(b.1 - loss).abs()));
        nearest.map_or(String::new(), |(name, rung)| {
            let side = if loss < rung { "below" } else { "above" };
            format!("{loss:.3} ({:.3} {side} \"{name}\")", (loss - rung).abs())
        })
    };
    let ends = format!("without it {}", place(last(without)));
    with.map_or_else(
        || format!("Ends {ends}."),
        |with| {
            let (with, worth) = (last(with), last(without) - last(with));
            format!("With it {}, {ends}: the part is worth {worth:.3} nats so far.", place(with))
        },
    )
}
