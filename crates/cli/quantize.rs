//! `bert quantize`: the encoder's weights become 8 bits each.

use crate::common::{ModelArgs, Results, counted, say, warn_of_truncated};
use crate::convert::{expect_new_directory, tokenizer_of};
use crate::progress::spinner;
use anyhow::{Context as _, Result, ensure};
use bert_checkpoint::quantised::{WEIGHTS, full_size};
use bert_checkpoint::{TokenizerFiles, save_quantised};
use bert_model::{Batch, Config, Context, Model, PackedModel, QuantisedModel};
use bert_nn::Real;
use bert_pipeline::Pipeline;
use bert_tokenizer::Input;
use ndarray::{Array2, ArrayView1};
use std::fs;
use std::path::{Path, PathBuf};

/// Write a model with 8 bits for each weight of the encoder: smaller and faster
///
/// It says how much smaller, and what that costs. Each output of a matrix has a scale of its own; the inputs become 8 bits token by token while the model runs. What is
/// large in a matrix and what is large in its input are balanced, as seen from a few texts. Embeddings, biases, LayerNorm, pooler and head stay as they are. The result is used by its path like any model, and cannot be trained further.
/// Other programs do not read it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert quantize --model google-bert/bert-base-uncased --output bert-base-int8
  bert quantize --model my-model --output my-model-int8 --input texts.txt
  bert classify --model my-model-int8 'a fine film'")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The new directory
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Texts of the kind that the model is for, one a line, instead of a few that are built in. Of the first 200, every other one shows
    /// how large the inputs are; on the rest, hidden states are compared
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
}

/// Where no texts are given.
const TEXTS: [&str; 8] = [
    "the dog bites the man .",
    "A man who never eats pork buns is never going to be ill.",
    "In 1905, four papers by one clerk of a patent office changed physics.",
    "I have seldom been so bored by a film that tried so hard to please everyone at once.",
    "Who wrote the first of these letters, and to whom were they sent?",
    "Prices rose by 2.5 % in March; the central bank had expected less.",
    "\"You are late,\" she said, and closed the door behind him without a sound.",
    "The river rises in the mountains, flows north for 400 km and ends in a lake.",
];
const MOST_TEXTS: usize = 200;

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let output = &args.output;
    expect_new_directory(output)?;
    let texts = texts(args.input.as_deref())?;
    let directory = args.model.model.directory()?;
    let config;
    let (model, files, batches) = if TokenizerFiles::read(&directory)?.files().next().is_none() {
        let loaded = args.model.load()?;
        config = loaded.config;
        (loaded.model, tokenizer_of(&directory)?, Vec::new())
    } else {
        let pipeline = args.model.open_plain()?;
        let batches = batches(&pipeline, &texts)?;
        config = pipeline.config;
        (pipeline.model, tokenizer_of(&directory)?, batches)
    };
    check_width(&config)?;
    let context = Context::eval(&config);
    let (samples, compared) = halves(batches);
    let before: Vec<_> = compared.iter().map(|batch| model.bert.infer(batch, &context)).collect();
    let full = full_size(&model);
    let (model, errors) = quantise(model, &samples, &context);
    save_quantised(output, &config, &model, &files)
        .with_context(|| output.display().to_string())?;
    let size = fs::metadata(output.join(WEIGHTS))?.len();
    let ratio = full as f64 / size as f64;
    say(&format!(
        "weights: {:.1} MB, before {:.1} MB: {ratio:.2} times as small",
        size as f64 / 1e6,
        full as f64 / 1e6
    ));
    say(&errors.line());
    let packed = PackedModel::quantised(model);
    let hidden: Vec<_> = compared.iter().map(|batch| packed.hidden(batch, &context)).collect();
    if let Some(line) = cosine_line(&before, &hidden) {
        say(&line);
    }
    let mut results = Results::new();
    results.line(&output.display().to_string())?;
    results.flush()
}

fn check_width(config: &Config) -> Result<()> {
    let inputs = config.hidden_size.max(config.intermediate_size);
    let most = QuantisedModel::MOST_INPUTS;
    ensure!(
        inputs <= most,
        "a layer of {inputs} inputs cannot be computed in 8 bits; at most {most}"
    );
    Ok(())
}

fn texts(input: Option<&Path>) -> Result<Vec<String>> {
    let Some(path) = input else { return Ok(TEXTS.map(str::to_owned).to_vec()) };
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let texts: Vec<_> = lines.take(MOST_TEXTS).map(str::to_owned).collect();
    ensure!(!texts.is_empty(), "{}: there is no text in it", path.display());
    Ok(texts)
}

/// Each text by itself, so that little memory is needed.
fn batches(pipeline: &Pipeline<Model>, texts: &[String]) -> Result<Vec<Batch>> {
    let inputs: Vec<_> = texts.iter().map(|text| Input::from(text.as_str())).collect();
    let prepared = pipeline.prepare(&inputs, false)?;
    warn_of_truncated(prepared.truncated, "text", pipeline.max_length());
    let batch = |encoding| pipeline.batch(std::slice::from_ref(encoding));
    Ok(prepared.encodings.iter().map(batch).collect::<Result<_, _>>()?)
}

/// Every other text as a sample, the rest to compare on. One alone is both.
fn halves(batches: Vec<Batch>) -> (Vec<Batch>, Vec<Batch>) {
    if batches.len() == 1 {
        return (batches.clone(), batches);
    }
    let (even, odd): (Vec<_>, Vec<_>) =
        batches.into_iter().enumerate().partition(|(number, _)| number % 2 == 0);
    let plain = |half: Vec<(usize, Batch)>| half.into_iter().map(|(_, batch)| batch).collect();
    (plain(even), plain(odd))
}

/// How far the codes' numbers are from the weights.
#[derive(Default)]
struct Errors {
    largest: f64,
    /// The matrix in which it occurs.
    name: String,
    sum: f64,
    size: f64,
    numbers: usize,
}

impl Errors {
    fn line(&self) -> String {
        format!(
            "rounding of {} weights: {:.1e} in the mean, where a weight is {:.1e}; at most {:.1e}, in {}",
            self.numbers,
            self.sum / self.numbers as f64,
            self.size / self.numbers as f64,
            self.largest,
            self.name
        )
    }
}

fn quantise(model: Model, samples: &[Batch], context: &Context) -> (QuantisedModel, Errors) {
    let progress = spinner("matrices");
    let mut errors = Errors::default();
    let quantised = QuantisedModel::balanced(model, samples, context, |name, weight, codes| {
        let back = codes.dequantise();
        for (&weight, &back) in weight.iter().zip(&back) {
            let error = f64::from((weight - back).abs());
            errors.sum += error;
            errors.size += f64::from(weight.abs());
            if error > errors.largest {
                (errors.largest, errors.name) = (error, name.to_owned());
            }
        }
        errors.numbers += weight.len();
        progress.inc(1);
    });
    progress.finish_and_clear();
    (quantised, errors)
}

/// How near the hidden states are, token by token; none where there are none.
fn cosine_line(before: &[Array2<Real>], after: &[Array2<Real>]) -> Option<String> {
    let rows = before.iter().zip(after).flat_map(|(a, b)| a.rows().into_iter().zip(b.rows()));
    let cosines: Vec<_> = rows.map(|(a, b)| cosine(a, b)).collect();
    let smallest = cosines.iter().copied().reduce(f64::min)?;
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    let (texts, tokens) = (counted(before.len(), "text"), counted(cosines.len(), "token"));
    Some(format!(
        "hidden states of {tokens} in {texts}: cosine {mean:.5} in the mean, {smallest:.5} at least"
    ))
}

fn cosine(a: ArrayView1<Real>, b: ArrayView1<Real>) -> f64 {
    let dot = |a: ArrayView1<Real>, b: ArrayView1<Real>| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
