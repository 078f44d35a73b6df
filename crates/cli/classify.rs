//! `bert classify`: labels and scores for each text.

use crate::common::{ModelArgs, Reader, print_answers};
use crate::text::{Text, TextArgs};
use anyhow::Result;
use bert_pipeline::Classifier;
use bert_pipeline::classify::Class;
use std::num::NonZeroUsize;

/// Label texts with a fine-tuned classifier
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert classify --model tests/fixtures/toy-classify \"the bread is good.\"
  bert classify --model DIR --pairs --top-k 1 --json < pairs.tsv")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// How many of the best classes [default: all]
    #[arg(long, value_name = "N")]
    top_k: Option<NonZeroUsize>,
    /// One JSON list per text: {label, score}, best first
    #[arg(long)]
    json: bool,
    /// Refuse a text that is too long for the model instead of cutting it
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    texts: TextArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let pipeline = args.model.open()?;
    let mut classifier = Classifier::new(&pipeline)?;
    classifier.top_k = args.top_k.map(NonZeroUsize::get);
    let mut reader = Reader::new(&pipeline, args.strict);
    let classify = |texts: &[Text]| reader.read(texts, |encodings| classifier.classify(encodings));
    print_answers(&args.texts, args.json, classify, |classes| readable(classes))
}

/// `positive 0.998, negative 0.002`
fn readable(classes: &[Class]) -> String {
    let classes = classes.iter().map(|class| format!("{} {:.3}", class.label, class.score));
    classes.collect::<Vec<_>>().join(", ")
}
