//! Answers to questions: as a table, or as the SQuAD evaluation wants them.

use super::rows::{Cell, Form, write};
use super::{Args, is_directory};
use crate::common::{counted, say};
use crate::finetune::answers::read;
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_data::squad::{NBest as Best, write_nbest, write_null_odds, write_predictions};
use bert_pipeline::Pipeline;
use bert_pipeline::n_best::NBest;
use bert_train::tasks::answers::AnswerSet;
use std::io::{self, Write};
use std::path::Path;

/// Runs the command for a model that answers questions.
pub fn run(args: &Args, pipeline: &Pipeline) -> Result<()> {
    args.refuse_google("a model that answers questions")?;
    let json = |path: &Path| path.extension().is_some_and(|ending| ending == "json");
    let table = args.output.as_deref().filter(|path| !is_directory(path) && !json(path));
    table.map(|path| Form::of(path, args.google)).transpose()?;
    let reading = &args.reading;
    let part = read(args.input_file()?, true, reading.strict)?;
    let set = reading.cutting.told_set(pipeline, &part, reading.strict)?;
    let found = set.outcome(pipeline)?.answers;
    let text = |answer: &NBest| -> String {
        if set.no_answer { answer.text_or_none(args.null_threshold) } else { answer.text() }
            .to_owned()
    };
    match &args.output {
        Some(path) if is_directory(path) => {
            std::fs::create_dir_all(path).with_context(|| path.display().to_string())?;
            predictions(&path.join("predictions.json"), &set, &found, text)?;
            n_best(&path.join("nbest_predictions.json"), &set, &found)?;
            if set.no_answer {
                null_odds(&path.join("null_odds.json"), &set, &found)?;
            }
        }
        Some(path) if json(path) => predictions(path, &set, &found, text)?,
        path => answer_table(path.as_deref(), args, &set, &found, text)?,
    }
    if let Some(path) = &args.output {
        say(&format!("{} answered: {}", counted(found.len(), "question"), path.display()));
    }
    Ok(())
}

fn file(path: &Path, fill: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<()> {
    let mut bytes = Vec::new();
    fill(&mut bytes)?;
    write_atomically(path, |file| file.write_all(&bytes))
        .with_context(|| path.display().to_string())
}

fn predictions(
    path: &Path,
    set: &AnswerSet,
    found: &[NBest],
    text: impl Fn(&NBest) -> String,
) -> Result<()> {
    let texts: Vec<_> = found.iter().map(text).collect();
    let each = set.questions.iter().zip(&texts).map(|(q, text)| (q.id.as_str(), text.as_str()));
    file(path, |out| write_predictions(out, each))
}

fn n_best(path: &Path, set: &AnswerSet, found: &[NBest]) -> Result<()> {
    let of = |answer: &NBest| -> Vec<Best> {
        let best = answer.candidates.iter().map(|candidate| Best {
            text: candidate.text.clone(),
            probability: candidate.probability.into(),
            start_logit: candidate.start_logit.into(),
            end_logit: candidate.end_logit.into(),
        });
        best.collect()
    };
    let all: Vec<_> = found.iter().map(of).collect();
    let each = set.questions.iter().zip(&all).map(|(q, best)| (q.id.as_str(), best.as_slice()));
    file(path, |out| write_nbest(out, each))
}

fn null_odds(path: &Path, set: &AnswerSet, found: &[NBest]) -> Result<()> {
    let each = set.questions.iter().zip(found);
    let each = each.map(|(question, answer)| (question.id.as_str(), f64::from(answer.null_odds)));
    file(path, |out| write_null_odds(out, each))
}

fn answer_table(
    path: Option<&Path>,
    args: &Args,
    set: &AnswerSet,
    found: &[NBest],
    text: impl Fn(&NBest) -> String,
) -> Result<()> {
    let columns = ["id", "answer", "probability", "start", "end"].map(str::to_owned);
    write(path, args.google, &columns, |write_row| {
        for (question, answer) in set.questions.iter().zip(found) {
            let text = text(answer);
            let best = answer.candidates.iter().find(|candidate| candidate.text == text);
            let place = best.and_then(|best| best.place);
            // What stands nowhere in the context is no answer here, also where SQuAD's files say "empty".
            let text = if place.is_some() { text } else { String::new() };
            let number = |number: Option<usize>| number.map_or(Cell::None, Cell::Count);
            write_row(vec![
                Cell::Text(question.id.clone()),
                Cell::Text(text),
                best.map_or(Cell::None, |best| Cell::score(best.probability)),
                number(place.map(|place| place.0)),
                number(place.map(|place| place.1)),
            ])?;
        }
        Ok(())
    })
}
