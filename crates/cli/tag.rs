//! `bert tag`: names and other entities in each text.

use crate::common::{ModelArgs, Reader, expect_usage, print_answers};
use crate::text::{Text, TextArgs};
use anyhow::Result;
use bert_pipeline::Tagger;
use bert_pipeline::tag::{self, Entity};

/// Find names and other entities with a fine-tuned token classifier
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert tag --model tests/fixtures/toy-tag \"Mary Peterson lives in New Ashton.\"
  bert tag --model DIR --aggregation first --json < texts.txt")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// How tokens become entities
    #[arg(long, value_name = "STRATEGY", value_enum, default_value = "simple")]
    aggregation: Aggregation,
    /// One JSON list per text: {entity_group, score, word, start, end}, or {entity, score, index,
    /// word, start, end} without aggregation; start and end count characters
    #[arg(long)]
    json: bool,
    /// Refuse a text that is too long for the model instead of cutting it
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    texts: TextArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Aggregation {
    /// Every token by itself
    None,
    /// Join neighbours with the same label
    Simple,
    /// Each word has its first piece's label, then join
    First,
    /// Each word has the best label of its pieces' mean, then join
    Average,
    /// Each word has its surest piece's label, then join
    Max,
}

impl From<Aggregation> for tag::Aggregation {
    fn from(named: Aggregation) -> Self {
        match named {
            Aggregation::None => Self::None,
            Aggregation::Simple => Self::Simple,
            Aggregation::First => Self::First,
            Aggregation::Average => Self::Average,
            Aggregation::Max => Self::Max,
        }
    }
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    expect_usage(!args.texts.pairs, || {
        "--pairs makes no sense here: entities belong to one text".to_owned()
    })?;
    let pipeline = args.model.open()?;
    let mut tagger = Tagger::new(&pipeline)?;
    tagger.aggregation = args.aggregation.into();
    let mut reader = Reader::new(&pipeline, args.strict);
    let tag = |texts: &[Text]| {
        let plain: Vec<_> = texts.iter().map(|text| text.first.as_str()).collect();
        reader.read(texts, |encodings| tagger.tag(&plain, encodings))
    };
    print_answers(&args.texts, args.json, tag, |entities| {
        entities.iter().map(readable).collect::<Vec<_>>().join("\t")
    })
}

/// `mary peterson PER 0.998 [0, 13]`
fn readable(entity: &Entity) -> String {
    let Entity { label, score, word, start, end, .. } = entity;
    format!("{word} {label} {score:.3} [{start}, {end}]")
}
