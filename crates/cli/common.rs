//! What several subcommands share.

use crate::model_path::ModelPath;
use crate::progress::spinner;
use crate::text::{Text, TextArgs};
use anyhow::{Context, Result};
use bert_checkpoint::{LoadOptions, Loaded, check_writable, load};
use bert_model::{Config, HeadKind, Model};
use bert_pipeline::{Error, Pipeline};
use bert_tokenizer::{Encoding, Input};
use indicatif::ProgressBar;
use serde::Serialize;
use std::fmt;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

/// Which model, and how to read it.
#[derive(clap::Args)]
pub struct ModelArgs {
    /// The model: a directory, a name on the Hugging Face Hub (owner/model), or tiny-world, which is built in
    #[arg(long, value_name = "MODEL")]
    pub model: ModelPath,
    /// The head to read, where the files leave a doubt: none, masked_lm, next_sentence,
    /// pre_training, sequence_classification, token_classification, question_answering,
    /// multiple_choice
    #[arg(long, value_name = "HEAD")]
    pub head: Option<HeadKind>,
    /// Use this activation instead of the configuration's: gelu (erf), gelu_new or
    /// gelu_pytorch_tanh (tanh), relu, tanh, linear, silu or swish
    #[arg(long, value_name = "NAME", value_parser = activation)]
    pub activation: Option<String>,
}

pub fn activation(name: &str) -> Result<String, String> {
    if Config::default().set_activation(name) {
        return Ok(name.to_owned());
    }
    Err(bert_checkpoint::Error::Activation(name.to_owned()).to_string())
}

impl ModelArgs {
    /// The options for loading.
    pub fn options(&self) -> LoadOptions {
        LoadOptions {
            head: self.head,
            activation: self.activation.clone(),
            ..LoadOptions::default()
        }
    }

    /// Reads the model and says on standard error what one should know about it.
    pub fn open(&self) -> Result<Pipeline> {
        let pipeline = Pipeline::open(&self.model.directory()?, &self.options())?;
        pipeline.notes.iter().for_each(|note| warn(note));
        Ok(pipeline)
    }

    /// As [`ModelArgs::open`], for what looks into the model.
    pub fn open_plain(&self) -> Result<Pipeline<Model>> {
        let pipeline = Pipeline::open_plain(&self.model.directory()?, &self.options())?;
        pipeline.notes.iter().for_each(|note| warn(note));
        Ok(pipeline)
    }

    /// As [`ModelArgs::open`], for what needs no tokenizer.
    pub fn load(&self) -> Result<Loaded> {
        let loaded = load(&self.model.directory()?, &self.options())?;
        loaded.notes().iter().for_each(|note| warn(note));
        Ok(loaded)
    }
}

/// Before long work: can `path` be written, and is it none of the files that are read?
pub fn expect_output<'a>(path: &Path, mut inputs: impl Iterator<Item = &'a Path>) -> Result<()> {
    let place = path.canonicalize().ok();
    let is_input = place.is_some() && inputs.any(|input| input.canonicalize().ok() == place);
    expect_usage(!is_input, || {
        format!("--output {}: that is a file to read from", path.display())
    })?;
    Ok(check_writable(path)?)
}

/// The command line is wrong in a way that clap cannot see: exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Refuses a command line unless `condition` holds.
pub fn expect_usage(condition: bool, problem: impl FnOnce() -> String) -> Result<()> {
    if condition { Ok(()) } else { Err(Usage(problem()).into()) }
}

/// A line on standard error. Unlike `eprintln!` it does not panic when nobody reads it any more.
pub fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A warning on standard error.
pub fn warn(text: &str) {
    say(&format!("warning: {text}"));
}

/// What there is to say about a file, with its name in front.
pub fn named_notes(path: &Path, notes: &[String]) -> Vec<String> {
    notes.iter().map(|note| format!("{}: {note}", path.display())).collect()
}

/// Texts without a word are valid, and probably a mistake.
pub fn warn_of_empty(number: usize) {
    warn(&format!("{} without a word: only [CLS] and [SEP] are left", counted(number, "text")));
}

/// So many texts (or what they are) lost what lies beyond the limit, if any.
pub fn warn_of_truncated(number: usize, what: &str, limit: usize) {
    if number > 0 {
        warn(&truncated(number, what, limit));
    }
}

/// The same, of a file.
pub fn tell_truncated(path: &Path, number: usize, what: &str, limit: usize) {
    if number > 0 {
        warn(&format!("{}: {}", path.display(), truncated(number, what, limit)));
    }
}

fn truncated(number: usize, what: &str, limit: usize) -> String {
    let texts = counted(number, what);
    format!("{texts} longer than {limit} tokens lost what lies beyond (--strict refuses them)")
}

/// Tokenizes chunk after chunk, counts what a user should know, and shows progress on a terminal.
pub struct Reader<'a, M> {
    pipeline: &'a Pipeline<M>,
    strict: bool,
    truncated: usize,
    empty: usize,
    progress: ProgressBar,
}

impl<'a, M> Reader<'a, M> {
    /// `strict`: a text that is too long is an error.
    pub fn new(pipeline: &'a Pipeline<M>, strict: bool) -> Self {
        Self { pipeline, strict, truncated: 0, empty: 0, progress: spinner("texts") }
    }

    /// Hands the encodings of a chunk of texts to `work`. Only what went well is counted.
    pub fn read<T>(
        &mut self,
        texts: &[Text],
        work: impl FnOnce(&[Encoding]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let inputs: Vec<Input> = texts.iter().map(Text::input).collect();
        let prepared = self.pipeline.prepare(&inputs, self.strict)?;
        let done = work(&prepared.encodings)?;
        self.truncated += prepared.truncated;
        self.empty += prepared.empty;
        self.progress.inc(texts.len() as u64);
        Ok(done)
    }
}

/// Says what was counted, also where an error ends the run.
impl<M> Drop for Reader<'_, M> {
    fn drop(&mut self) {
        self.progress.finish_and_clear();
        warn_of_truncated(self.truncated, "text", self.pipeline.max_length());
        if self.empty > 0 {
            warn_of_empty(self.empty);
        }
    }
}

/// Calls `work` with a few texts at a time and `hand_out` with what it made of them. A text that is
/// at fault ends the run, after those before it have had their answers.
pub fn for_each_answer<T>(
    texts: &TextArgs,
    mut work: impl FnMut(&[Text]) -> Result<Vec<T>, Error>,
    mut hand_out: impl FnMut(Vec<T>) -> Result<()>,
) -> Result<()> {
    texts.for_each_chunk(|texts| {
        let (mut good, mut fault) = (texts, None);
        let answers = loop {
            match work(good) {
                Ok(answers) => break answers,
                Err(error) => {
                    let before = error.text().unwrap_or(0);
                    fault = Some(error.counted_from(texts[0].number - 1));
                    if before == 0 {
                        break Vec::new();
                    }
                    // One of these may be at fault in another way: it comes first, then.
                    good = &texts[..before];
                }
            }
        };
        hand_out(answers)?;
        fault.map_or(Ok(()), |error| Err(error.into()))
    })
}

/// As [`for_each_answer`], onto standard output: one line for each text, JSON or readable.
pub fn print_answers<T: Serialize>(
    texts: &TextArgs,
    json: bool,
    work: impl FnMut(&[Text]) -> Result<Vec<T>, Error>,
    readable: impl Fn(&T) -> String,
) -> Result<()> {
    let mut results = Results::new();
    for_each_answer(texts, work, |answers| {
        for answer in &answers {
            if json {
                results.json(answer)?;
            } else {
                results.line(&readable(answer))?;
            }
        }
        results.flush()
    })
}

/// "1 text", "2 texts".
pub fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Standard output, buffered. Call [`Results::flush`] at the end, or an error of the last write is lost.
pub struct Results(BufWriter<StdoutLock<'static>>);

impl Results {
    /// Takes standard output.
    pub fn new() -> Self {
        Self(BufWriter::new(io::stdout().lock()))
    }

    /// One line of text.
    pub fn line(&mut self, text: &str) -> Result<()> {
        writeln!(self.0, "{text}").context("standard output")
    }

    /// One line of JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(&text)
    }

    /// Hands over what is buffered.
    pub fn flush(&mut self) -> Result<()> {
        self.0.flush().context("standard output")
    }
}
