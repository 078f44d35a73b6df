//! `bert convert`: any form of the weights becomes Hugging Face's.

use crate::common::{ModelArgs, Results, counted, say, warn};
use anyhow::{Context as _, Result, ensure};
use bert_checkpoint::directory::WEIGHTS;
use bert_checkpoint::{Precision, TokenizerFiles, save_as};
use bert_nn::Tensors as _;
use bert_pipeline::{tokenizer_files, tokenizer_note};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Write a model of any form as Hugging Face does: weights, config.json, tokenizer
///
/// The input may be Google's unpacked zip (TensorFlow), a directory with pytorch_model.bin or several files of weights, or a name
/// on the Hub. What the model has no use for (an optimizer's state, heads that were not asked for) is listed and left out.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert convert --model uncased_L-2_H-128_A-2 --output bert-tiny
  bert convert --model google-bert/bert-base-uncased --output half-as-large --dtype f16")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The new directory
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// How numbers are written: f32, f16 or bf16. The last two take half the space and round
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: Precision,
}

/// Refuses a directory that holds something: over another model, the files of two would be mixed.
pub fn expect_new_directory(output: &Path) -> Result<()> {
    let empty = fs::read_dir(output).map_or_else(
        |error| error.kind() == io::ErrorKind::NotFound,
        |mut entries| entries.next().is_none(),
    );
    ensure!(
        empty,
        "--output {}: there is something already; name a new directory",
        output.display()
    );
    Ok(())
}

/// The tokenizer's files of a directory, and what there is to say about them. There may be none.
pub fn tokenizer_of(directory: &Path) -> Result<TokenizerFiles> {
    if TokenizerFiles::read(directory)?.files().next().is_none() {
        say(&format!("{}: there is no tokenizer; none is written", directory.display()));
        return Ok(TokenizerFiles::default());
    }
    let tokenizer = bert_pipeline::tokenizer(directory)?;
    tokenizer_note(&tokenizer).iter().for_each(|note| warn(note));
    Ok(tokenizer_files(directory, &tokenizer)?)
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let output = &args.output;
    expect_new_directory(output)?;
    let directory = args.model.model.directory()?;
    let loaded = args.model.load()?;
    let rounding = args.dtype.rounding(&loaded.model, &output.join(WEIGHTS))?;
    let files = tokenizer_of(&directory)?;
    save_as(output, &loaded.config, &loaded.model, &files, args.dtype)
        .with_context(|| output.display().to_string())?;
    let numbers: usize = loaded.model.tensors().iter().map(|tensor| tensor.values.len()).sum();
    let size = fs::metadata(output.join(WEIGHTS))?.len();
    let (tensors, head) = (loaded.model.tensors().len(), loaded.model.head.kind());
    say(&format!(
        "{}, {numbers} parameters, head {head}, as {} in {:.1} MB",
        counted(tensors, "tensor"),
        args.dtype.name(),
        size as f64 / 1e6
    ));
    if rounding.largest > 0.0 {
        say(&format!("largest rounding: {:.1e}, in {}", rounding.largest, rounding.tensor));
    }
    let mut results = Results::new();
    results.line(&output.display().to_string())?;
    results.flush()
}
