//! `bert tour`: all of BERT before one's eyes in about a minute, offline, from nothing.
//!
//! - `tour/reading`: a sentence becomes tokens, the tokens vectors; a gradient is checked
//! - `tour/learning`: a model learns tiny world from nothing, and comes down the ladder
//! - `tour/asking`: masks filled, beside what is exactly right; what order is worth
//! - `tour/proving`: the built-in model against the reference outputs that are built in with it

mod asking;
mod learning;
mod proving;
mod reading;

use crate::common::{Results, counted, expect_output};
use anyhow::{Context as _, Result};
use bert_checkpoint::{bundled, write_atomically};
use bert_data::tiny_world::TinyWorld;
use bert_model::Model;
use bert_pipeline::Pipeline;
use bert_plot::Page;
use bert_train::lesson::Lesson;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// See all of BERT at work in about a minute: tokens, gradients, training, answers, proof
///
/// Needs no file and no network. Writes a page with curves, attention maps and predictions, and says
/// at the end where it is.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert tour
  bert tour --output page.html")]
pub struct Args {
    /// Where the page goes
    #[arg(long, value_name = "FILE", default_value = "tour.html")]
    output: PathBuf,
    /// How many steps the model learns; fewer are quicker and come less far down
    #[arg(long, value_name = "N", default_value = "5000")]
    steps: NonZeroU64,
    /// What all random numbers depend on
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let began = Instant::now();
    // Before a minute of work: can the page be written at all?
    expect_output(&args.output, [].into_iter())?;
    let world = TinyWorld::new();
    let name = Path::new(bundled::TINY_WORLD.name);
    let bundled = Pipeline::open_plain(name, &bert_checkpoint::LoadOptions::default())?;
    let mut tour = Tour::new();
    reading::tokens(&mut tour, &bundled)?;
    reading::vectors(&mut tour, &bundled)?;
    reading::gradients(&mut tour)?;
    let steps = args.steps.get();
    let lesson = Lesson { seed: args.seed, steps, ..Lesson::short(&world) };
    let learned = learning::learn(&mut tour, &world, &lesson)?;
    let models = [("just learned", &learned.model, &lesson.config), built_in(&bundled)];
    asking::masks(&mut tour, &world, &models)?;
    asking::order(&mut tour, &world, built_in(&bundled))?;
    asking::attention(&mut tour, &world, built_in(&bundled))?;
    proving::prove(&mut tour, &bundled)?;
    let page = tour.page.finish();
    write_atomically(&args.output, |file| file.write_all(page.as_bytes()))
        .with_context(|| args.output.display().to_string())?;
    let seconds = began.elapsed().as_secs();
    tour.results.line(&format!(
        "\nThat took {}. The page, with pictures:",
        counted(seconds as usize, "second")
    ))?;
    tour.results.line(&args.output.display().to_string())?;
    tour.results.flush()
}

fn built_in(bundled: &Pipeline<Model>) -> asking::Named<'_> {
    ("built in", &bundled.model, &bundled.config)
}

/// What is told, on the terminal and on the page alike.
struct Tour {
    results: Results,
    page: Page,
    stations: usize,
}

impl Tour {
    fn new() -> Self {
        let mut page = Page::new("A tour of BERT");
        page.paragraph(
            "Everything on this page was computed by `bert tour` a moment ago: the numbers, the curve, \
             the predictions. The language is tiny world, a grammar of a few hundred words. Its \
             probabilities are known, so for once one can see not only what a model says but what would \
             be exactly right.",
        );
        Self { results: Results::new(), page, stations: 0 }
    }

    fn station(&mut self, title: &str, text: &str) -> Result<()> {
        self.stations += 1;
        let title = format!("{}. {title}", self.stations);
        self.page.heading(&title);
        self.page.paragraph(text);
        self.results.line(&format!("\n{title}"))?;
        self.results.line(&wrapped(&text.replace('`', "")))?;
        self.results.flush()
    }

    /// Lines that look the same in both places.
    fn lines(&mut self, lines: &[String]) -> Result<()> {
        self.page.preformatted(&lines.join("\n"));
        for line in lines {
            self.results.line(&format!("  {line}"))?;
        }
        self.results.flush()
    }
}

/// Broken into lines of at most 92 characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is one");
        if line.chars().count() + word.chars().count() > 91 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
