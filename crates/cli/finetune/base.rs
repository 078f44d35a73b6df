//! The pre-trained model with the head that a task needs.

use super::Task;
use super::step_args::{BaseArgs, MaxLength};
use crate::common::say;
use anyhow::{Result, bail};
use bert_checkpoint::{Error, LoadOptions, TokenizerFiles, Verdict, inspect, is_quantised};
use bert_model::{HeadKind, Model};
use bert_pipeline::{Pipeline, tokenizer_files};

/// What training begins with.
pub struct Base {
    /// Model, configuration with the task's classes, tokenizer.
    pub pipeline: Pipeline<Model>,
    /// Goes into every directory that is written.
    pub tokenizer_files: TokenizerFiles,
}

// ANCHOR: open
/// Reads the model; a head that is missing is drawn from `seed`. A head that is there is trained further if it tells the
/// same classes apart; one with other classes is refused or, with --new-head, replaced.
pub fn open(args: &BaseArgs, task: &dyn Task, seed: u64) -> Result<Base> {
    let wanted = task.head();
    let directory = args.model.directory()?;
    let found = inspect(&directory)?;
    if is_quantised(&found.config) {
        return Err(Error::Quantised { path: directory }.into());
    }
    let own = match &found.head {
        Verdict::Head(head) => *head == wanted,
        Verdict::Ambiguous(heads) => heads.contains(&wanted),
    };
    let told_apart = found.config.labels();
    let labels = task.labels();
    let fits = own && labels.as_ref().is_none_or(|labels| *labels == told_apart);
    let replaces = args.new_head || !fits;
    if own && !fits && !args.new_head {
        let labels = labels.unwrap_or_default();
        let (model, there) = (directory.display(), told_apart.join(","));
        if labels.iter().all(|label| told_apart.contains(label)) {
            bail!(
                "{model} has a {wanted} head for the labels {there}, in this order: --labels {there} goes on with it, --new-head \
                 puts a new one in its place"
            );
        }
        bail!(
            "{model} has a {wanted} head that tells other classes apart: {there}; the data has {}. --new-head puts a new head \
             in its place",
            labels.join(","),
        );
    }
    let options = LoadOptions {
        head: Some(wanted),
        new_head: Some(seed),
        replace_head: replaces,
        labels,
        ..args.options()
    };
    let mut pipeline = Pipeline::open_plain(&directory, &options)?;
    // A pre-training's head that is not used and a new head are what fine-tuning is.
    pipeline.notes.iter().for_each(|note| say(note));
    if !replaces {
        say(&format!("going on with the {wanted} head of {}", directory.display()));
    }
    if wanted == HeadKind::SequenceClassification {
        pipeline.config.problem_type = task.problem_type().map(str::to_owned);
    }
    pipeline.limit = limit(args, &pipeline)?;
    let mut tokenizer_files = tokenizer_files(&directory, &pipeline.tokenizer)?;
    // Whoever uses the model later is to cut texts where it was trained to.
    if let Some(limit) = pipeline.limit {
        tokenizer_files = tokenizer_files.with_limit(limit);
    }
    Ok(Base { pipeline, tokenizer_files })
}
// ANCHOR_END: open

/// The limit that was asked for, if the model can take so much.
fn limit(args: &BaseArgs, pipeline: &Pipeline<Model>) -> Result<Option<usize>> {
    let MaxLength::Tokens(tokens) = args.max_length else { return Ok(None) };
    let most = pipeline.max_length();
    if tokens > most {
        bail!("--max-length {tokens}: the model takes {most} tokens at most");
    }
    Ok(Some(tokens))
}
