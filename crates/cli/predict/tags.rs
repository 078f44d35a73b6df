//! A tag for each word: the lines of the file with the tag behind them, or a table of words.

use super::Args;
use super::rows::{Cell, Form, write};
use crate::common::{Results, counted, say};
use crate::finetune::tags::tokenized;
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_data::TaggedFile;
use bert_data::tagged::{Predicted, write_conll};
use bert_kernels::softmax_row;
use bert_pipeline::Pipeline;
use bert_train::tasks::largest;
use bert_train::tasks::tags::{WordLogits, best_tags, word_logits};
use std::io::Write as _;

/// Runs the command for a tagger.
pub fn run(args: &Args, pipeline: &Pipeline) -> Result<()> {
    args.refuse_google("a tagger")?;
    let file = args.reading.columns.read(args.input_file()?, true)?;
    let words = word_logits(pipeline, &tokenized(pipeline, &file.sentences))?;
    let labels = pipeline.config.labels();
    let tags: Vec<Vec<&str>> = words.iter().map(|words| best_tags(&labels, words)).collect();
    // Any other ending is that of a file in CoNLL's form.
    let table = args.output.as_deref().filter(|path| Form::of(path, args.google).is_ok());
    if table.is_some() {
        return word_table(args, &file, &words, &tags);
    }
    let owned = |tags: &Vec<&str>| tags.iter().map(|&tag| tag.to_owned()).collect();
    let mut text = Vec::new();
    write_conll(
        &mut text,
        &file,
        &tags.iter().map(owned).collect::<Vec<_>>(),
        Predicted::Appended,
    )?;
    match &args.output {
        Some(path) => {
            write_atomically(path, |file| file.write_all(&text))
                .with_context(|| path.display().to_string())?;
            tell(args, tags.len());
            Ok(())
        }
        None => {
            let mut results = Results::new();
            String::from_utf8(text)?.lines().try_for_each(|line| results.line(line))?;
            results.flush()
        }
    }
}

/// A row for each word: the line of its sentence, the word, its tag and how sure that is.
fn word_table(
    args: &Args,
    file: &TaggedFile,
    words: &[WordLogits],
    tags: &[Vec<&str>],
) -> Result<()> {
    let columns = ["line", "word", "tag", "probability"].map(str::to_owned);
    write(args.output.as_deref(), args.google, &columns, |write_row| {
        for ((sentence, logits), tags) in file.sentences.iter().zip(words).zip(tags) {
            for ((word, logits), (place, tag)) in
                sentence.words.iter().zip(logits).zip(tags.iter().enumerate())
            {
                let sure = logits.as_ref().map_or(Cell::None, |logits| {
                    let mut scores = logits.clone();
                    softmax_row(&mut scores);
                    Cell::score(scores[largest(&scores)])
                });
                let line = Cell::Count(sentence.line as usize + place);
                write_row(vec![
                    line,
                    Cell::Text(word.clone()),
                    Cell::Text((*tag).to_owned()),
                    sure,
                ])?;
            }
        }
        Ok(())
    })?;
    tell(args, tags.len());
    Ok(())
}

fn tell(args: &Args, sentences: usize) {
    if let Some(path) = &args.output {
        say(&format!("{} predicted: {}", counted(sentences, "sentence"), path.display()));
    }
}
