//! Whole jobs, from texts to a trained model or to answers: each side in a process of its own for each turn, so
//! that nothing else counts as its memory. `peers/jobs.py` is the other side.

use crate::memory::{Memory, held, mib};
use crate::peer::answer_of;
use crate::turns::{Side, Spread, TurnArgs};
use anyhow::{Context, Result, ensure};
use bert_checkpoint::{LoadOptions, TokenizerFiles, save};
use bert_model::{HeadKind, Model};
use bert_pipeline::Pipeline;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tempfile::TempDir;

/// What a job is made of.
#[derive(clap::Args, Debug)]
pub struct JobArgs {
    /// A Python with torch, transformers and accelerate; tests/reference/make_env.sh makes this one
    #[arg(long, value_name = "FILE", default_value = ".cache/python/bin/python")]
    python: PathBuf,
    /// The pre-trained model; tests/reference/fetch_minilm.py fetches this one
    #[arg(long, value_name = "DIR", default_value = ".cache/weights/all-MiniLM-L6-v2")]
    model: PathBuf,
    /// Folder with sentence_polarity
    #[arg(long, value_name = "DIR", default_value = "../shared/data")]
    data: PathBuf,
    /// Threads of both sides [default: all]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// What a process of its own is told.
#[derive(clap::Args, Debug)]
pub struct AloneArgs {
    /// The classifier
    #[arg(long)]
    pub model: PathBuf,
    /// A sentence, a TAB and its class in each line
    #[arg(long)]
    pub texts: PathBuf,
    #[arg(long)]
    threads: NonZeroUsize,
    /// The sentences come as they stand in the file
    #[arg(long)]
    pub in_order: bool,
}

/// What it answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    seconds: f64,
    #[serde(flatten)]
    memory: Memory,
    /// Losses, or probabilities.
    pub values: Vec<f64>,
}

impl AloneArgs {
    /// Does the `job` and prints the answer. The job says when it began, its input being in memory.
    pub fn run(&self, job: impl FnOnce(&Self) -> Result<(Instant, Vec<f64>)>) -> Result<()> {
        let start = held("VmRSS")?;
        rayon::ThreadPoolBuilder::new().num_threads(self.threads.get()).build_global()?;
        let (began, values) = job(self)?;
        let seconds = began.elapsed().as_secs_f64();
        let answer = Answer { seconds, memory: Memory { start, peak: held("VmHWM")? }, values };
        show!("{}", json!(answer));
        Ok(())
    }

    /// Sentences and their classes.
    pub fn read(&self) -> Result<(Vec<String>, Vec<u32>)> {
        let text = std::fs::read_to_string(&self.texts)?;
        let row = |line: &str| {
            let (text, class) = line.rsplit_once('\t').context("a line without a TAB")?;
            Ok((text.to_owned(), class.parse()?))
        };
        let rows: Result<Vec<(String, u32)>> = text.lines().map(row).collect();
        Ok(rows?.into_iter().unzip())
    }
}

/// A job with all that both sides read.
pub struct Job<'a> {
    name: &'static str,
    args: &'a JobArgs,
    folder: TempDir,
}

impl<'a> Job<'a> {
    /// Writes the scripts.
    pub fn new(name: &'static str, args: &'a JobArgs) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for the model")?;
        std::fs::write(folder.path().join("jobs.py"), include_str!("../peers/jobs.py"))?;
        std::fs::write(folder.path().join("training.py"), include_str!("../peers/training.py"))?;
        Ok(Self { name, args, folder })
    }

    /// How many threads each side has.
    pub fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        self.args.threads.map_or_else(all, NonZeroUsize::get)
    }

    /// A classifier of two classes with the head that a seed draws, for both sides. `dropout`: instead of the model's own.
    pub fn classifier(&self, name: &str, dropout: Option<f64>) -> Result<PathBuf> {
        let options = LoadOptions {
            head: Some(HeadKind::SequenceClassification),
            new_head: Some(1),
            labels: Some(["negative", "positive"].map(str::to_owned).into()),
            ..LoadOptions::default()
        };
        let mut pipeline = Pipeline::<Model>::open_plain(&self.args.model, &options)?;
        if let Some(rate) = dropout {
            let config = &mut pipeline.config;
            (config.hidden_dropout_prob, config.attention_probs_dropout_prob) = (rate, rate);
        }
        let path = self.folder.path().join(name);
        let tokenizer = TokenizerFiles::read(&self.args.model)?;
        save(&path, &pipeline.config, &pipeline.model, &tokenizer)?;
        Ok(path)
    }

    /// The first sentences of the data, in a file.
    pub fn texts(&self, count: usize) -> Result<PathBuf> {
        let mut lines = String::new();
        let mut left = count;
        for part in ["train.tsv", "dev.tsv"] {
            let path = self.args.data.join("sentence_polarity").join(part);
            let text =
                std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            for line in text.lines().skip(1).take(left) {
                lines += &format!("{line}\n");
                left -= 1;
            }
        }
        ensure!(left == 0, "--sentences: there are {} in the data", count - left);
        let path = self.folder.path().join(format!("{count}.tsv"));
        std::fs::write(&path, lines)?;
        Ok(path)
    }

    /// The versions of the other side's libraries.
    pub fn versions(&self) -> Result<Value> {
        answer_of(&mut self.python(&json!({ "job": "versions" })))
    }

    fn python(&self, request: &Value) -> Command {
        let mut command = Command::new(&self.args.python);
        command.arg(self.folder.path().join("jobs.py")).arg(request.to_string());
        command
    }

    /// The other side, once.
    pub fn theirs(&self, model: &Path, texts: &Path, in_order: bool) -> Result<Answer> {
        let mut request = json!({ "job": self.name, "model": model, "texts": texts });
        request["threads"] = self.threads().into();
        request["in_order"] = in_order.into();
        Ok(serde_json::from_value(answer_of(&mut self.python(&request))?)?)
    }

    /// Ours, once.
    pub fn ours(&self, model: &Path, texts: &Path, in_order: bool) -> Result<Answer> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("{}-alone", self.name));
        command.arg("--model").arg(model).arg("--texts").arg(texts);
        command.args(["--threads", &self.threads().to_string()]);
        command.args(in_order.then_some("--in-order"));
        Ok(serde_json::from_value(answer_of(&mut command)?)?)
    }

    /// Both sides once, with their values compared. Returns the largest difference.
    ///
    /// # Errors
    /// A value further apart than `limit`, relative to the larger of it and `least`.
    pub fn compare(&self, model: &Path, texts: &Path, limit: f64, least: f64) -> Result<f64> {
        let ours = self.ours(model, texts, true)?.values;
        let theirs = self.theirs(model, texts, true)?.values;
        let (found, expected) = (ours.len(), theirs.len());
        ensure!(found == expected, "ours has {found} values, the peer {expected}");
        let mut largest: f64 = 0.0;
        for (place, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            let difference = (ours - theirs).abs() / theirs.abs().max(least);
            // Written so that NaN does not pass.
            ensure!(
                difference <= limit,
                "value {place}: ours {ours}, theirs {theirs}, limit {limit:e}"
            );
            largest = largest.max(difference);
        }
        Ok(largest)
    }

    /// Alternating turns.
    pub fn measure(&self, turns: &TurnArgs, model: &Path, texts: &Path) -> Result<JobFigures> {
        let [ours, theirs] = [const { RefCell::new(Vec::new()) }; 2];
        let side = |answer: Result<Answer>, memory: &RefCell<Vec<Memory>>| {
            let answer = answer?;
            memory.borrow_mut().push(answer.memory);
            Ok(answer.seconds)
        };
        let sides: [Side; 2] = [
            Box::new(|| side(self.ours(model, texts, false), &ours)),
            Box::new(|| side(self.theirs(model, texts, false), &theirs)),
        ];
        let [our_seconds, their_seconds] = turns.alternate(sides)?;
        Ok(JobFigures {
            ours_seconds: Spread::of(&our_seconds),
            theirs_seconds: Spread::of(&their_seconds),
            ratio: Spread::of_ratios(&their_seconds, &our_seconds),
            ours_memory: largest(&ours.borrow()),
            theirs_memory: largest(&theirs.borrow()),
        })
    }
}

/// Of several turns the one that held most.
fn largest(all: &[Memory]) -> Memory {
    *all.iter().max_by_key(|memory| memory.peak).expect("at least one turn")
}

/// How fast both sides are, and what they hold.
#[derive(Serialize)]
pub struct JobFigures {
    ours_seconds: Spread,
    theirs_seconds: Spread,
    /// How many times as fast ours is.
    pub ratio: Spread,
    ours_memory: Memory,
    theirs_memory: Memory,
}

impl JobFigures {
    /// Prints a table. `peer`: what it is called there.
    pub fn print(&self, peer: &str, sentences: usize) -> Result<()> {
        let Self { ours_seconds, theirs_seconds, ratio, ours_memory, theirs_memory } = self;
        show!("| | s | sentences/s | at most, MiB | of it at the start, MiB |");
        show!("|---|---|---|---|---|");
        for (name, seconds, memory) in
            [("ours", ours_seconds, ours_memory), (peer, theirs_seconds, theirs_memory)]
        {
            let rate = seconds.map(|seconds| sentences as f64 / seconds);
            let (peak, start) = (mib(memory.peak), mib(memory.start));
            show!("| {name} | {seconds:.2} | {rate:.0} | {peak:.0} | {start:.0} |");
        }
        let whole = ours_memory.peak as f64 / theirs_memory.peak as f64;
        let above = ours_memory.above() / theirs_memory.above();
        show!(
            "\nOurs is {ratio} times as fast, and holds {whole:.2} of the memory; without the start {above:.2}."
        );
        Ok(())
    }
}
