//! What the report says of a training, whatever the task.

use super::parts::Parts;
use crate::report::{Balance, Curves, Data, Explained, Kept, Lengths, OddTexts, Report, Seeds};
use crate::text::Text;
use anyhow::Result;
use bert_checkpoint::LoadOptions;
use bert_data::texts::TextExample;
use bert_pipeline::Pipeline;
use bert_pipeline::explain::Explainer;
use bert_tokenizer::Input;
use bert_train::metrics::{METRICS, MetricsFile};
use bert_train::tasks::texts::{Targets, TextOutcome};
use bert_train::tasks::{NamedScores, largest};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What the report says of a training, whatever the task.
#[derive(Clone)]
pub struct About {
    /// Where the model is.
    pub directory: PathBuf,
    /// The heading.
    pub title: String,
    /// What was learnt, from what.
    pub task: String,
    /// By name.
    pub settings: Vec<(String, String)>,
    /// How the training went.
    pub curves: Curves,
    /// Of the training texts.
    pub lengths: Option<Lengths>,
    /// On the test data, where the numbers are measured with the dev data.
    pub test: NamedScores,
    /// How trainings with other seeds ended.
    pub seeds: Option<Seeds>,
}

/// The heading of a page about a model.
pub fn title(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.is_empty() { "Report".to_owned() } else { format!("Report on {name}") }
}

impl About {
    /// The report without what is measured.
    pub fn report<'a, E>(
        &mut self,
        parts: &Parts<E>,
        balance: Option<Balance>,
        odd: OddTexts,
    ) -> Report<'a> {
        let there = parts.counts().into_iter().filter(|(_, count)| *count > 0);
        let data = Data {
            counts: there.map(|(name, count)| (name.to_owned(), count)).collect(),
            lengths: self.lengths.take(),
            balance,
            odd: Some(odd),
            notes: parts.notes(),
        };
        Report {
            title: std::mem::take(&mut self.title),
            test: std::mem::take(&mut self.test),
            seeds: self.seeds.take(),
            task: std::mem::take(&mut self.task),
            measured_on: parts.judge_name(),
            settings: std::mem::take(&mut self.settings),
            curves: std::mem::take(&mut self.curves),
            data: Some(data),
            ..Report::default()
        }
    }
}

/// Settings for the eye.
pub fn settings(all: &Map<String, Value>) -> Vec<(String, String)> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let said = all.iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| (name.clone(), shown(value))).collect()
}

/// The curves of a directory's metrics; none where it has no metrics.
pub fn curves(directory: &Path, kept: Kept) -> Result<Curves> {
    let path = directory.join(METRICS);
    if !path.exists() {
        return Ok(Curves::default());
    }
    let history = MetricsFile::of(&path).history()?;
    let is_score = |key: &&String| key.starts_with("eval_") && *key != "eval_loss";
    let last = history.lines.iter().rev().find_map(|line| line.get("eval_loss").map(|_| line));
    let names = last.and_then(Value::as_object).into_iter().flat_map(Map::keys).filter(is_score);
    let scores = names.map(|key| (key.trim_start_matches("eval_").to_owned(), history.points(key)));
    Ok(Curves {
        scores: scores.collect(),
        train_loss: history.points("loss"),
        dev_loss: history.points("eval_loss"),
        kept,
    })
}

/// So many wrong answers are explained, and as many right ones.
const EXPLAINED: usize = 4;
/// Longer texts are not explained: occlusion runs the model once for each word.
const LONGEST: usize = 160;

// ANCHOR: explained
/// Explains the worst wrong answers and the surest right ones, of texts that are not too long.
pub fn explained(
    directory: &Path,
    limit: Option<usize>,
    labels: &[String],
    examples: &[TextExample],
    targets: &Targets,
    outcome: &TextOutcome,
) -> Result<Vec<Explained>> {
    let Targets::Classes(gold) = targets else { return Ok(Vec::new()) };
    let mut pipeline = Pipeline::open_plain(directory, &LoadOptions::default())?;
    pipeline.limit = limit;
    let score = |place: &usize| f64::from(outcome.scores[*place][largest(&outcome.scores[*place])]);
    let is_right = |place: &usize| largest(&outcome.scores[*place]) == gold[*place] as usize;
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    let (right, wrong): (Vec<_>, Vec<_>) = order.into_iter().partition(is_right);
    let explainer = Explainer::new(&pipeline)?;
    let mut all = Vec::new();
    for places in [wrong, right] {
        let mut found = 0;
        for place in places {
            let example = &examples[place];
            let text = Text {
                number: example.line as usize,
                first: example.first.clone(),
                second: example.second.clone(),
            };
            let inputs: [Input; 1] = [text.input()];
            let prepared = pipeline.prepare(&inputs, false)?;
            if prepared.encodings[0].len() > LONGEST {
                continue;
            }
            let explanation = explainer.explain(&inputs, &prepared.encodings)?.remove(0);
            let place_of = example.id.clone().unwrap_or_else(|| format!("line {}", example.line));
            let gold = labels[gold[place] as usize].clone();
            all.push(Explained { place: place_of, text, gold, explanation });
            found += 1;
            if found == EXPLAINED {
                break;
            }
        }
    }
    Ok(all)
}
// ANCHOR_END: explained
