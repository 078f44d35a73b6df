//! A model learns tiny world from nothing.

use super::Tour;
use anyhow::{Context as _, Result};
use bert_data::tiny_world::{Ladder, TinyWorld, TinyWorldSource};
use bert_data::Replacement;
use bert_model::{Ablation, Config, HeadKind, Keep, Model};
use bert_nn::Tensors as _;
use bert_nn::init::{Initializer, initialize};
use bert_optim::{AdamWSettings, Schedule};
use bert_plot::{Curve, loss_curve};
use bert_train::feed::labelled;
use bert_train::metrics::Window;
use bert_train::{BatchSize, Evaluation, Event, InstanceFeed, Plan, Run, Training};
use std::sync::atomic::AtomicBool;

const STEPS: u64 = 900;
const WARM_UP: u64 = 60;
const LEARNING_RATE: f64 = 2e-3;
const BATCH: usize = 32;
/// Enough for a mean that is steady to a few hundredths.
const HELD_OUT: u64 = 500;
const EVALUATIONS: u64 = 12;

/// What came out of it.
pub struct Learned {
    pub model: Model,
    pub config: Config,
}

/// A small model, as wide as a minute allows.
fn config(vocabulary: usize) -> Config {
    Config {
        vocab_size: vocabulary,
        hidden_size: 128,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 512,
        max_position_embeddings: 64,
        initializer_range: 0.05,
        // Tiny world never says the same twice: there is nothing to learn by heart.
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        ..Config::default()
    }
}

/// Trains it and shows how the loss comes down the ladder.
pub fn learn(tour: &mut Tour, world: &TinyWorld, seed: u64) -> Result<Learned> {
    let config = config(world.vocabulary().len());
    let mut model = Model::zeros(HeadKind::PreTraining, &config, false);
    initialize(&mut model, Initializer::TruncatedNormal { std: config.initializer_range }, seed);
    tour.station(
        "A model learns from nothing",
        &format!(
            "{} random numbers, and sentences in pairs: 15 % of the words are hidden, and the second \
             sentence is the next one or a random one. The model must guess both. Its loss is how \
             surprised it is, in nats. For tiny world the best possible loss can be computed, for \
             whoever sees everything and for whoever sees less: that is the ladder.",
            model.parameter_count()
        ),
    )?;
    let replacement = Replacement::PLAIN;
    let held_out = world.held_out(seed, HELD_OUT, replacement);
    let ladder = world.ladder(&held_out, replacement).context("no word was masked")?;
    let rungs = rungs(&ladder);
    for (name, loss) in &rungs {
        tour.results.line(&format!("  {loss:6.3}  {name}"))?;
    }
    tour.results.line("")?;
    let evaluation = Evaluation {
        batches: held_out.chunks(BATCH).map(labelled).collect(),
        every: STEPS / EVALUATIONS,
    };
    let source = TinyWorldSource { world: TinyWorld::new(), seed, replacement };
    let mut feed = InstanceFeed::new(&source, BatchSize::Sequences(BATCH), 1);
    let mut training = Training::new(model, AdamWSettings::pytorch());
    let run = Run {
        config: &config,
        plan: Plan {
            seed,
            total: STEPS,
            learning_rate: LEARNING_RATE,
            schedule: Schedule::Linear { warm_up: WARM_UP, total: STEPS },
            max_norm: Some(1.0),
            keep: Keep::All,
            ablation: Ablation::NONE,
        },
        output: None,
        evaluation: Some(&evaluation),
        metrics_every: 10,
        stop: &AtomicBool::new(false),
    };
    let (mut trained, mut measured, mut told) = (vec![], vec![], Ok(()));
    run.run(&mut training, &mut feed, Window::default(), &mut |event| match event {
        Event::Metrics(step, line) => {
            trained.push((step as f64, line["masked_lm_loss"].as_f64().unwrap_or(f64::NAN)));
        }
        Event::Evaluated(step, parts) => {
            let loss = parts[0].loss.mean();
            measured.push((step as f64, loss));
            if told.is_ok() {
                told = tour.results.line(&progress(step, loss, &rungs));
                told = told.and_then(|()| tour.results.flush());
            }
        }
        _ => {}
    })?;
    told?;
    picture(tour, trained, measured, &rungs);
    Ok(Learned { model: training.model, config })
}

/// From the top down.
fn rungs(ladder: &Ladder) -> Vec<(&'static str, f64)> {
    vec![
        ("uniform: any token", ladder.uniform),
        ("unigram: how often each word occurs", ladder.unigram),
        ("position only", ladder.position),
        ("left context only", ladder.left_context),
        ("order ignored", ladder.order_ignored.unwrap_or(f64::NAN)),
        ("optimum: nobody can do better", ladder.optimum),
    ]
}

/// A bar as long as the loss, and the rung that has been passed.
fn progress(step: u64, loss: f64, rungs: &[(&str, f64)]) -> String {
    let passed = rungs.iter().rev().find(|(_, rung)| loss < *rung);
    let passed = passed.map_or(String::new(), |(name, _)| {
        format!("below {}", name.split(':').next().unwrap_or(name))
    });
    let bar = "█".repeat((8.0 * loss).round() as usize);
    format!("  step {step:>4}  loss {loss:5.3}  {bar} {passed}")
}

fn picture(
    tour: &mut Tour,
    trained: Vec<(f64, f64)>,
    measured: Vec<(f64, f64)>,
    rungs: &[(&str, f64)],
) {
    let names: Vec<_> = rungs
        .iter()
        .map(|(name, loss)| (format!("{} {loss:.2}", name.split(':').next().unwrap_or(name)), *loss))
        .collect();
    let levels: Vec<_> = names.iter().map(|(name, loss)| (name.as_str(), *loss)).collect();
    let curves = [
        Curve { name: "training", color: "#9ecae1", points: trained },
        Curve { name: "held out", color: "#08519c", points: measured },
    ];
    tour.page.figures(
        &[loss_curve(&curves, &levels)],
        "Masked-LM loss in nats over the steps. Dashed: the best possible loss for a reader who sees that \
         much and no more.",
    );
}
