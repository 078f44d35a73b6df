//! `bert lab`: takes a part out of the model and shows what that costs.

use crate::common::{Results, say};
use crate::ladder::drawing;
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_data::tiny_world::{Ladder, TinyWorld};
use bert_model::Ablation;
use bert_plot::Curve;
use bert_train::lesson::{Learned, Lesson, rungs};
use std::io::Write as _;
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

/// Take a part out of BERT: a prediction, then the experiment
///
/// Trains two small models on tiny world, one whole and one without the part, and shows both losses
/// beside the best possible ones. Without a name, the experiments are listed.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert lab
  bert lab no-positions
  bert lab left-to-right --steps 6000 --svg left-to-right.svg")]
pub struct Args {
    /// What to take out: no-positions, no-residual, no-layer-norm, no-scale, no-feed-forward or
    /// left-to-right; several with a comma between
    #[arg(value_name = "NAME")]
    ablation: Option<Ablation>,
    /// How many steps each of the two models is trained
    #[arg(long, value_name = "N", default_value = "2000")]
    steps: NonZeroU64,
    /// Sequences in a step
    #[arg(long, value_name = "N", default_value = "32")]
    batch_size: NonZeroUsize,
    /// Layers of both models
    #[arg(long, value_name = "N", default_value = "2")]
    layers: NonZeroU64,
    /// The peak learning rate
    #[arg(long, value_name = "RATE", default_value = "1e-3")]
    lr: f64,
    /// What all random numbers depend on
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Draw both curves into this file
    #[arg(long, value_name = "FILE", requires = "ablation")]
    svg: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let mut results = Results::new();
    let Some(ablation) = args.ablation else {
        for switch in Ablation::ALL {
            results.line(&format!("{:<16} {}", switch.name, switch.removes))?;
        }
        return results.flush();
    };
    for switch in Ablation::ALL.into_iter().filter(|switch| ablation.contains(switch.ablation)) {
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
    let with = learn(&mut results, "the whole model", &world, &whole)?;
    let without = args.lesson(&world, ablation);
    let without = learn(&mut results, &format!("{ablation}"), &world, &without)?;
    results.line(&format!("\n{}", verdict(&with, &without, &ladder)))?;
    results.flush()?;
    let Some(path) = &args.svg else { return Ok(()) };
    let name = ablation.to_string();
    let curves = [
        Curve { name: "the whole model", color: "#08519c", points: with.measured },
        Curve { name: &name, color: "#e6550d", points: without.measured },
    ];
    let svg = drawing(&curves, &ladder);
    write_atomically(path, |file| file.write_all(svg.as_bytes()))
        .with_context(|| path.display().to_string())?;
    say(&format!("drawn into {}", path.display()));
    Ok(())
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
        lesson.config.num_hidden_layers = self.layers.get() as usize;
        lesson
    }
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

fn learn(results: &mut Results, name: &str, world: &TinyWorld, lesson: &Lesson) -> Result<Learned> {
    results.line(&format!("\n{name}, {} steps:", lesson.steps))?;
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

/// Where the two ended, and the rung that each stands on or above.
fn verdict(with: &Learned, without: &Learned, ladder: &Ladder) -> String {
    let last = |learned: &Learned| learned.measured.last().map_or(f64::NAN, |&(_, loss)| loss);
    let place = |loss: f64| {
        let nearest = rungs(ladder)
            .into_iter()
            .min_by(|a, b| (a.1 - loss).abs().total_cmp(&(b.1 - loss).abs()));
        nearest.map_or(String::new(), |(name, rung)| {
            let side = if loss < rung { "below" } else { "above" };
            format!("{:.3} {side} \"{name}\"", (loss - rung).abs())
        })
    };
    let (with, without) = (last(with), last(without));
    format!(
        "With it {with:.3} ({}), without it {without:.3} ({}): the part is worth {:.3} nats so far.",
        place(with),
        place(without),
        without - with
    )
}
