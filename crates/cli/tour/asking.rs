//! What the models say, beside what is exactly right.

use super::Tour;
use anyhow::{Context as _, Result};
use bert_data::tiny_world::TinyWorld;
use bert_data::{Instance, Replacement};
use bert_model::trace::{Traced, trace};
use bert_model::{Ablation, Batch, Config, Context, Model};
use bert_nn::Real;
use bert_plot::heat_map;

/// A model, its configuration, and how it is called.
pub type Named<'a> = (&'static str, &'a Model, &'a Config);

/// Sentences with a gap, and the sentence that follows.
const QUESTIONS: [(&str, &str); 5] = [
    ("the [MASK] bites the man .", "it barks ."),
    ("the [MASK] bites the man .", "it sleeps ."),
    ("the cat [MASK] the mouse .", "it sleeps ."),
    ("the girl throws the [MASK] .", "she dances ."),
    ("the knight fights the dragon .", "[MASK] rides the horse ."),
];

/// How many words are shown for each gap, if they are as likely as this.
const SHOWN: (usize, f64) = (4, 0.005);

/// Fills masks and compares with the exact posterior.
pub fn masks(tour: &mut Tour, world: &TinyWorld, models: &[Named]) -> Result<()> {
    tour.station(
        "Masks filled, beside the truth",
        "For each gap the likeliest words by exact computation, and what the models say of them: the one \
         that has just learned, and the one that is built in, which learned for longer.",
    )?;
    let mut rows = Vec::new();
    for (first, second) in QUESTIONS {
        let instance = question(world, first, second)?;
        let exact = posterior(world, &instance)?;
        let said: Vec<_> = models
            .iter()
            .map(|(_, model, config)| probabilities(model, config, &instance))
            .collect();
        tour.results.line(&format!("  {first} {second}"))?;
        let (most, least) = SHOWN;
        let likely = likeliest(&exact).into_iter().filter(|&word| exact[word] >= least).take(most);
        for (number, word) in likely.enumerate() {
            let numbers: Vec<_> = said.iter().map(|p| format!("{:.3}", p[word])).collect();
            let name = world.vocabulary()[word].clone();
            tour.results.line(&format!(
                "    {name:<10} exact {:.3}   {}",
                exact[word],
                models
                    .iter()
                    .zip(&numbers)
                    .map(|((of, ..), p)| format!("{of} {p}   "))
                    .collect::<String>()
            ))?;
            let text = if number == 0 { format!("{first} {second}") } else { String::new() };
            rows.push([vec![text, name, format!("{:.3}", exact[word])], numbers].concat());
        }
    }
    let names: Vec<_> = models.iter().map(|(name, ..)| *name).collect();
    tour.page.table(&[&["text", "word", "exact"], names.as_slice()].concat(), &rows);
    tour.results.flush()
}

/// The same words in another order; and the same with positions taken away.
pub fn order(tour: &mut Tour, world: &TinyWorld, (_, model, config): Named) -> Result<()> {
    tour.station(
        "Dog bites man, man bites dog",
        "The same words in two orders. Attention by itself sees a bag of words: order comes in by the \
         position embeddings alone. With them the two gaps get different answers; without them the very \
         same ones, to the last digit.",
    )?;
    let texts = ["the dog [MASK] the man .", "the man [MASK] the dog ."];
    let instances = texts.map(|text| question(world, text, "they wait ."));
    let [one, other] = instances;
    let instances = [one?, other?];
    let words = ["bites", "calls", "feeds", "chases"].map(|word| id(world, word));
    let words: Vec<usize> = words.into_iter().collect::<Result<_>>()?;
    let mut rows = Vec::new();
    for (setting, ablation) in [
        ("exact", None),
        ("with positions", Some(Ablation::NONE)),
        ("positions removed", Some(Ablation { no_positions: true, ..Ablation::NONE })),
    ] {
        for (text, instance) in texts.iter().zip(&instances) {
            let said = match ablation {
                None => posterior(world, instance)?,
                Some(ablation) => {
                    let context = Context { ablation, ..Context::eval(config) };
                    probabilities_in(model, &context, instance)
                }
            };
            let numbers = words.iter().map(|&word| format!("{:.3}", said[word])).collect();
            rows.push([vec![setting.to_owned(), (*text).to_owned()], numbers].concat());
        }
    }
    let head = ["", "text", "bites", "calls", "feeds", "chases"];
    let line = |cells: &[String]| {
        let numbers: Vec<_> = cells[2..].iter().map(|cell| format!("{cell:>7}")).collect();
        format!("  {:<18} {:<26} {}", cells[0], cells[1], numbers.join(" "))
    };
    tour.results.line(&line(&head.map(str::to_owned)))?;
    for row in &rows {
        tour.results.line(&line(row))?;
    }
    tour.page.table(&head, &rows);
    tour.results.flush()
}

/// Where the heads look.
pub fn attention(tour: &mut Tour, world: &TinyWorld, (_, model, config): Named) -> Result<()> {
    let instance = question(world, "the dog [MASK] the postman .", "it barks .")?;
    let tokens: Vec<_> =
        instance.token_ids.iter().map(|&id| world.vocabulary()[id as usize].as_str()).collect();
    let (mut maps, batch) = (Vec::new(), batch(&instance));
    trace(model, &batch, &Context::eval(config), |(name, tensor)| {
        let (Some(layer), Traced::Attention(maps_of)) = (name.strip_prefix("attentions."), &tensor)
        else {
            return;
        };
        for (head, map) in maps_of[0].outer_iter().enumerate() {
            let values: Vec<Vec<f64>> =
                map.outer_iter().map(|row| row.iter().map(|&p| f64::from(p)).collect()).collect();
            let number = layer.parse::<usize>().map_or(0, |layer| layer + 1);
            let title = format!("layer {number}, head {}", head + 1);
            maps.push(heat_map(&title, &tokens, &tokens, &values));
        }
    });
    tour.page.figures(
        &maps,
        "Where each token (left) looks (top), in the built-in model. The darker, the more: each row adds up \
         to 1. Point at a cell for its number.",
    );
    Ok(())
}

/// A pair of texts as an instance, its gap to be guessed.
fn question(world: &TinyWorld, first: &str, second: &str) -> Result<Instance> {
    let mut instance = Instance {
        token_ids: vec![id(world, "[CLS]")? as u32],
        token_types: vec![0],
        masked_positions: vec![],
        masked_ids: vec![],
        is_random_next: None,
    };
    for (token_type, text) in [(0, first), (1, second)] {
        for word in text.split(' ').chain(["[SEP]"]) {
            if word == "[MASK]" {
                instance.masked_positions.push(instance.token_ids.len() as u32);
                instance.masked_ids.push(id(world, word)? as u32);
            }
            instance.token_ids.push(id(world, word)? as u32);
            instance.token_types.push(token_type);
        }
    }
    Ok(instance)
}

fn id(world: &TinyWorld, word: &str) -> Result<usize> {
    let place = world.vocabulary().iter().position(|token| token == word);
    place.with_context(|| format!("{word} is no word of tiny world"))
}

/// What is exactly right for the first gap.
fn posterior(world: &TinyWorld, instance: &Instance) -> Result<Vec<f64>> {
    let posterior = world.posterior(instance, Replacement::PLAIN);
    let first = posterior.and_then(|gaps| gaps.into_iter().next());
    first.context("tiny world has no such pair of sentences")
}

fn batch(instance: &Instance) -> Batch {
    let mut batch = Batch::new();
    batch.push(&instance.token_ids, &instance.token_types);
    batch
}

fn probabilities(model: &Model, config: &Config, instance: &Instance) -> Vec<f64> {
    probabilities_in(model, &Context::eval(config), instance)
}

/// What a model says of the first gap.
fn probabilities_in(model: &Model, context: &Context, instance: &Instance) -> Vec<f64> {
    let logits = model.infer(&batch(instance), context).mlm_logits.expect("it was pre-trained");
    let row = logits.row(instance.masked_positions[0] as usize);
    let largest = row.iter().copied().fold(Real::NEG_INFINITY, Real::max);
    let powers: Vec<f64> = row.iter().map(|&x| f64::from(x - largest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Words from the likeliest on.
fn likeliest(probabilities: &[f64]) -> Vec<usize> {
    let mut words: Vec<usize> = (0..probabilities.len()).collect();
    words.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
    words
}
