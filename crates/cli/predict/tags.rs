//! A tag for each word; the lines of the file with the tag behind them.

use super::Args;
use crate::common::{Results, counted, say};
use crate::finetune::tags::tokenized;
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_data::tagged::{Predicted, write_conll};
use bert_pipeline::Pipeline;
use bert_train::tasks::tags::{best_tags, word_logits};

/// Runs the command for a tagger.
pub fn run(args: &Args, pipeline: &Pipeline) -> Result<()> {
    let file = args.columns.read(args.input_file()?, true)?;
    let words = word_logits(pipeline, &tokenized(pipeline, &file.sentences))?;
    let labels = pipeline.config.labels();
    let owned = |tags: Vec<&str>| tags.into_iter().map(str::to_owned).collect();
    let tags: Vec<Vec<String>> =
        words.iter().map(|words| owned(best_tags(&labels, words))).collect();
    let mut text = Vec::new();
    write_conll(&mut text, &file, &tags, Predicted::Appended)?;
    match &args.output {
        Some(path) => {
            use std::io::Write as _;
            write_atomically(path, |file| file.write_all(&text))
                .with_context(|| path.display().to_string())?;
            say(&format!("{} predicted: {}", counted(tags.len(), "sentence"), path.display()));
            Ok(())
        }
        None => {
            let mut results = Results::new();
            String::from_utf8(text)?.lines().try_for_each(|line| results.line(line))?;
            results.flush()
        }
    }
}
