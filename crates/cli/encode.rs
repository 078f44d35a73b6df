//! `bert encode`: text to vectors.

use crate::common::{ModelArgs, Reader, Results, expect_usage, for_each_answer};
use crate::precision_args::PrecisionArgs;
use crate::text::{Text, TextArgs};
use anyhow::{Context, Result};
use bert_checkpoint::{Stored, write_atomically, write_tensors};
use bert_nn::Real;
use bert_pipeline::{Embedder, Error, Pipeline, Pooling};
use bert_tokenizer::Encoding;
use clap::ValueEnum;
use ndarray::{Array2, ArrayView1};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Turn texts into vectors
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert encode --model tests/fixtures/toy \"The dog bites the man.\"
  bert encode --model DIR --normalize --output vectors.jsonl < texts.txt
  bert encode --model DIR --layers -1,-2,-3,-4 --format google < texts.txt")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// How the vectors of a text's tokens become one: their mean ([CLS] and [SEP] included), the
    /// first one's, or not at all [default: mean]
    #[arg(long, value_enum)]
    pooling: Option<PoolingName>,
    /// Divide each vector by its length
    #[arg(long)]
    normalize: bool,
    /// Which encoder layers: 0 is the first (hidden_states.1 in trace), -1 the last; several are put
    /// side by side
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_hyphen_values = true,
        default_value = "-1"
    )]
    layers: Vec<isize>,
    /// jsonl: {"text", "embedding"} per line; google: every token, as extract_features writes it; safetensors: one
    /// tensor (needs --output)
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// Write here instead of to standard output; the file is replaced when all is done
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Refuse a text that is too long for the model instead of cutting it
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    precision: PrecisionArgs,
    #[command(flatten)]
    texts: TextArgs,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum PoolingName {
    Mean,
    Cls,
    None,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    Jsonl,
    Google,
    Safetensors,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    expect_usage(args.format != Format::Safetensors || args.output.is_some(), || {
        "--format safetensors needs --output FILE".to_owned()
    })?;
    expect_usage(
        args.format != Format::Google || !(args.pooling.is_some() || args.normalize),
        || {
            "--format google writes every token as it is: no --pooling and no --normalize"
                .to_owned()
        },
    )?;
    let pipeline = args.precision.open(&args.model)?;
    let mut embedder = Embedder::new(&pipeline).with_layers(&args.layers)?;
    embedder.pooling = match args.pooling.unwrap_or(PoolingName::Mean) {
        PoolingName::Mean => Pooling::Mean,
        PoolingName::Cls => Pooling::Cls,
        PoolingName::None => Pooling::None,
    };
    embedder.normalize = args.normalize;
    let job = Job { args, pipeline: &pipeline, embedder };
    match (&args.output, args.format) {
        (Some(path), Format::Safetensors) => job.write_safetensors(path),
        (Some(path), _) => {
            let mut problem = None;
            write_atomically(path, |file| {
                let done = job.write_lines(
                    |line| writeln!(file, "{line}").with_context(|| path.display().to_string()),
                    || Ok(()),
                );
                done.map_err(|error| {
                    problem = Some(error);
                    std::io::Error::other("stopped")
                })
            })
            .map_err(|error| problem.unwrap_or(error.into()))
        }
        (None, _) => {
            let results = std::cell::RefCell::new(Results::new());
            job.write_lines(|line| results.borrow_mut().line(line), || results.borrow_mut().flush())
        }
    }
}

struct Job<'a> {
    args: &'a Args,
    pipeline: &'a Pipeline,
    embedder: Embedder<'a>,
}

impl Job<'_> {
    fn write_lines(
        &self,
        mut line: impl FnMut(&str) -> Result<()>,
        mut chunk_done: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut reader = Reader::new(self.pipeline, self.args.strict);
        for_each_answer(
            &self.args.texts,
            |texts| reader.read(texts, |encodings| self.lines(texts, encodings)),
            |lines| {
                lines.iter().try_for_each(|json| line(json))?;
                chunk_done()
            },
        )
    }

    fn lines(&self, texts: &[Text], encodings: &[Encoding]) -> Result<Vec<String>, Error> {
        let each = texts.iter().zip(encodings);
        if self.args.format == Format::Google {
            let layers = self.embedder.embed_layers(encodings)?;
            let google = |((text, encoding), layers): ((&Text, &Encoding), Vec<Array2<Real>>)| {
                json(&self.google(text, encoding, &layers))
            };
            return Ok(each.zip(layers).map(google).collect());
        }
        let vectors = self.embedder.embed(encodings)?;
        let line = |((text, encoding), vectors): ((&Text, &Encoding), Array2<Real>)| {
            let pooled = self.embedder.pooling != Pooling::None;
            let tokens = (!pooled).then(|| encoding.tokens(&self.pipeline.tokenizer));
            let embedding = if pooled {
                Embedding::One(vectors.row(0).to_vec())
            } else {
                Embedding::Each(vectors.outer_iter().map(|row| row.to_vec()).collect())
            };
            let (first, second) = (text.first.as_str(), text.second.as_deref());
            json(&Line { text: first, text_pair: second, tokens, embedding })
        };
        Ok(each.zip(vectors).map(line).collect())
    }

    fn google(&self, text: &Text, encoding: &Encoding, layers: &[Array2<Real>]) -> GoogleLine {
        let tokens = encoding.tokens(&self.pipeline.tokenizer);
        let feature = |(place, token): (usize, &str)| GoogleFeature {
            token: token.to_owned(),
            layers: self
                .args
                .layers
                .iter()
                .zip(layers)
                .map(|(&index, layer)| GoogleLayer {
                    index,
                    values: six_decimals(layer.row(place)),
                })
                .collect(),
        };
        GoogleLine {
            linex_index: text.number - 1,
            features: tokens.into_iter().enumerate().map(feature).collect(),
        }
    }

    fn write_safetensors(&self, path: &Path) -> Result<()> {
        let mut reader = Reader::new(self.pipeline, self.args.strict);
        let (mut values, mut bounds, mut width) = (Vec::new(), vec![0], 0);
        for_each_answer(
            &self.args.texts,
            |texts| reader.read(texts, |encodings| self.embedder.embed(encodings)),
            |texts| {
                for vectors in texts {
                    width = vectors.ncols();
                    values.extend(vectors.iter().copied());
                    bounds.push((values.len() / width) as i64);
                }
                Ok(())
            },
        )?;
        let shape = vec![values.len() / width, width];
        let mut tensors = vec![("embeddings".to_owned(), Stored::reals(shape, values))];
        if self.embedder.pooling == Pooling::None {
            // Text i has the rows bounds[i]..bounds[i + 1].
            let bounds = Stored::Integers { shape: vec![bounds.len()], values: bounds };
            tensors.push(("bounds".to_owned(), bounds));
        }
        Ok(write_tensors(path, tensors)?)
    }
}

#[derive(Serialize)]
struct Line<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_pair: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Vec<&'a str>>,
    embedding: Embedding,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding {
    One(Vec<Real>),
    Each(Vec<Vec<Real>>),
}

// The key really is spelled so in Google's extract_features.
#[derive(Serialize)]
struct GoogleLine {
    linex_index: usize,
    features: Vec<GoogleFeature>,
}

#[derive(Serialize)]
struct GoogleFeature {
    token: String,
    layers: Vec<GoogleLayer>,
}

#[derive(Serialize)]
struct GoogleLayer {
    index: isize,
    values: Vec<f64>,
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data is always JSON")
}

fn six_decimals(values: ArrayView1<Real>) -> Vec<f64> {
    values.iter().map(|&value| (f64::from(value) * 1e6).round() / 1e6).collect()
}
