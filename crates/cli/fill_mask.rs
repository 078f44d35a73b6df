//! `bert fill-mask`: the likeliest words for each `[MASK]`.

use crate::common::{ModelArgs, Reader, print_answers};
use crate::text::{Text, TextArgs};
use anyhow::Result;
use bert_pipeline::fill_mask::{MaskFiller, Suggestions};
use std::num::NonZeroUsize;

/// Guess the words that [MASK] hides
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert fill-mask --model tests/fixtures/toy \"the dog [MASK] the man .\"
  bert fill-mask --model DIR --targets he,she --json < texts.txt")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// How many words for each [MASK]
    #[arg(long, value_name = "N", default_value = "5")]
    top_k: NonZeroUsize,
    /// Compare only these words; their scores stay what they are among all words
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    targets: Vec<String>,
    /// One JSON list per text: for each [MASK] a list of {score, token, token_str, sequence}
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
    let mut filler = MaskFiller::new(&pipeline)?.with_targets(&args.targets)?;
    filler.top_k = args.top_k.get();
    let mut reader = Reader::new(&pipeline, args.strict);
    let fill = |texts: &[Text]| reader.read(texts, |encodings| filler.fill(encodings));
    print_answers(&args.texts, args.json, fill, |masks| {
        masks.iter().map(readable).collect::<Vec<_>>().join("\t")
    })
}

/// `man 0.812, woman 0.093, …`
fn readable(suggestions: &Suggestions) -> String {
    let words = suggestions.iter().map(|one| format!("{} {:.3}", one.token_str, one.score));
    words.collect::<Vec<_>>().join(", ")
}
