//! A model learns tiny world from nothing.

use super::Tour;
use crate::ladder::drawing;
use anyhow::Result;
use bert_data::tiny_world::TinyWorld;
use bert_nn::Tensors as _;
use bert_plot::Curve;
use bert_train::lesson::{Learned, Lesson, rungs};

/// Trains it and shows how the loss comes down the ladder.
pub fn learn(tour: &mut Tour, world: &TinyWorld, lesson: &Lesson) -> Result<Learned> {
    tour.station(
        "A model learns from nothing",
        &format!(
            "{} random numbers, and sentences in pairs: 15 % of the words are hidden, and the second \
             sentence is the next one or a random one. The model must guess both. Its loss is how \
             surprised it is, in nats. For tiny world the best possible loss can be computed, for \
             whoever sees everything and for whoever sees less: that is the ladder.",
            lesson.fresh().parameter_count()
        ),
    )?;
    let mut told = Ok(());
    let ladder = world.ladder(&lesson.held_out(world), bert_data::Replacement::PLAIN);
    let steps = ladder.map_or_else(Vec::new, |ladder| rungs(&ladder));
    for (name, loss) in &steps {
        tour.results.line(&format!("  {loss:6.3}  {name}: {}", meaning(name)))?;
    }
    tour.results.line("")?;
    tour.results.flush()?;
    let learned = lesson.learn(world, |step, parts| {
        if told.is_ok() {
            told = tour.results.line(&progress(step, parts[0].loss.mean(), &steps));
            told = std::mem::replace(&mut told, Ok(())).and_then(|()| tour.results.flush());
        }
    })?;
    told?;
    let curves = [
        Curve { name: "training", color: "#9ecae1", points: learned.trained.clone() },
        Curve { name: "held out", color: "#08519c", points: learned.measured.clone() },
    ];
    tour.page.figures(
        &[drawing(&curves, &learned.ladder)],
        "Masked-LM loss in nats over the steps. Dashed: the best possible loss for a reader who sees \
         that much and no more.",
    );
    let rows: Vec<_> = steps
        .iter()
        .map(|(name, loss)| {
            vec![(*name).to_owned(), format!("{loss:.3}"), meaning(name).to_owned()]
        })
        .collect();
    tour.page.table(&["rung", "loss", "what its reader sees"], &rows);
    Ok(learned)
}

/// What a rung's reader sees.
fn meaning(rung: &str) -> &'static str {
    match rung {
        "uniform" => "nothing; any token is as likely as the other",
        "unigram" => "nothing, but it knows how common each word is",
        "position only" => "where the gap is",
        "left context only" => "what stands before the gap",
        "order ignored" => "all words around the gap, but not their order",
        "optimum" => "everything; nobody can do better",
        _ => "",
    }
}

/// A bar as long as the loss, and the rung that has been passed.
fn progress(step: u64, loss: f64, rungs: &[(&str, f64)]) -> String {
    let passed = rungs.iter().rev().find(|(_, rung)| loss < *rung);
    let passed = passed.map_or(String::new(), |(name, _)| format!("below {name}"));
    let bar = "█".repeat((8.0 * loss).round() as usize);
    format!("  step {step:>4}  loss {loss:5.3}  {bar} {passed}")
}
