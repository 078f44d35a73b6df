//! `bert similar`: how alike texts are.

use crate::common::{ModelArgs, Reader, Results, expect_usage};
use crate::text::TextArgs;
use anyhow::{Result, ensure};
use bert_pipeline::Embedder;
use bert_pipeline::embed::cosine_matrix;
use serde::Serialize;

/// Compare texts with each other: the cosine between their mean vectors
#[derive(clap::Args)]
#[command(after_help = "Example:
  bert similar --model tests/fixtures/toy \"the dog barks\" \"the cat sleeps\" \"a man reads\"")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// One JSON object: the texts and the matrix
    #[arg(long)]
    json: bool,
    /// Refuse a text that is too long for the model instead of cutting it
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    texts: TextArgs,
}

#[derive(Serialize)]
struct Similarities<'a> {
    texts: Vec<&'a str>,
    cosine: Vec<Vec<bert_nn::Real>>,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    expect_usage(!args.texts.pairs, || {
        "--pairs makes no sense here: all texts are compared with all".to_owned()
    })?;
    let pipeline = args.model.open()?;
    let texts = args.texts.all()?;
    ensure!(texts.len() >= 2, "there is only one text; nothing to compare it with");
    let mut reader = Reader::new(&pipeline, args.strict);
    let vectors = reader.read(&texts, |all| Embedder::new(&pipeline).embed(all))?;
    let vectors: Vec<_> = vectors.iter().map(|vector| vector.row(0).to_owned()).collect();
    let matrix = cosine_matrix(&vectors);
    let mut results = Results::new();
    if args.json {
        results.json(&Similarities {
            texts: texts.iter().map(|text| text.first.as_str()).collect(),
            cosine: matrix.outer_iter().map(|row| row.to_vec()).collect(),
        })?;
    } else {
        for (row, text) in matrix.outer_iter().zip(&texts) {
            let cells: Vec<_> = row.iter().map(|cosine| format!("{cosine:6.3}")).collect();
            results.line(&format!("{}  {}", cells.join(" "), text.first))?;
        }
    }
    results.flush()
}
