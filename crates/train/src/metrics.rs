//! What a training says of itself: means over several steps, as lines of JSON.

use crate::Error;
use bert_checkpoint::write_atomically;
use bert_model::HeadKind;
use bert_model::heads::Part;
use bert_model::heads::loss::total;
use bert_nn::{Accuracy, Loss};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

// ANCHOR: window
/// Sums over the steps since the last line. Kept in checkpoints, so that a run which went on tells the
/// same as one that never stopped.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    steps: u64,
    norm: f64,
    parts: Vec<PartSums>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PartSums {
    name: String,
    share: f64,
    loss: f64,
    count: f64,
    right: usize,
    of: usize,
}
// ANCHOR_END: window

impl Window {
    /// Adds a step of a model with such a head.
    pub fn add(&mut self, kind: HeadKind, parts: &[Part], norm: f64) {
        self.steps += 1;
        self.norm += norm;
        if self.parts.is_empty() {
            self.parts = parts.iter().map(|part| PartSums::empty(kind, part)).collect();
        }
        for (sums, part) in self.parts.iter_mut().zip(parts) {
            let accuracy = part.accuracy.unwrap_or_default();
            sums.loss += part.loss.sum;
            sums.count += part.loss.count;
            sums.right += accuracy.right;
            sums.of += accuracy.of;
        }
    }

    /// The means by name.
    pub fn means(&self) -> Map<String, Value> {
        let parts: Vec<_> = self.parts.iter().map(PartSums::part).collect();
        let mut line = means(&parts);
        line.insert("gradient_norm".to_owned(), json!(self.norm / self.steps as f64));
        line
    }
}

impl PartSums {
    fn empty(kind: HeadKind, part: &Part) -> Self {
        let (name, share) = (metric(kind, part.name).to_owned(), part.share);
        Self { name, share, loss: 0.0, count: 0.0, right: 0, of: 0 }
    }

    fn part(&self) -> (String, Part) {
        let (right, of) = (self.right, self.of);
        let part = Part {
            name: "",
            share: self.share,
            loss: Loss { sum: self.loss, count: self.count },
            accuracy: (of > 0).then_some(Accuracy { right, of }),
        };
        (self.name.clone(), part)
    }
}

/// The part of a loss as metrics call it: Google's names where it has one, and none for what is the whole loss.
fn metric(kind: HeadKind, part: &str) -> &str {
    let words = matches!(kind, HeadKind::MaskedLm | HeadKind::PreTraining);
    match part {
        "labels" if words => "masked_lm",
        "labels" => "",
        "next_sentence_label" => "next_sentence",
        other => other,
    }
}

/// `loss`, and loss and accuracy of each part, by name. `kind`: of the model's head.
pub fn summary(kind: HeadKind, parts: &[Part]) -> Map<String, Value> {
    let named = |part: &Part| (metric(kind, part.name).to_owned(), *part);
    means(&parts.iter().map(named).collect::<Vec<_>>())
}

fn means(parts: &[(String, Part)]) -> Map<String, Value> {
    let mut line = Map::new();
    let losses: Vec<_> = parts.iter().map(|(_, part)| *part).collect();
    line.insert("loss".to_owned(), json!(total(&losses)));
    for (name, part) in parts {
        let key =
            |what: &str| if name.is_empty() { what.to_owned() } else { format!("{name}_{what}") };
        line.insert(key("loss"), json!(part.loss.mean()));
        if let Some(accuracy) = part.accuracy {
            line.insert(key("accuracy"), json!(accuracy.share()));
        }
    }
    line
}

/// The name of a run's [`MetricsFile`].
pub const METRICS: &str = "metrics.jsonl";

/// `metrics.jsonl`: one line of JSON after some steps each.
#[derive(Debug)]
pub struct MetricsFile {
    path: PathBuf,
}

impl MetricsFile {
    // ANCHOR: at
    /// The file of a run that stands at `step`: lines of later steps, and one that was cut off, are
    /// taken away. They will come again.
    ///
    /// # Errors
    /// The file cannot be read or replaced.
    pub fn at(path: &Path, step: u64) -> Result<Self, Error> {
        let text = read(path)?;
        let of_run = |line: &&str| {
            let line: Option<Value> = serde_json::from_str(line).ok();
            line.and_then(|line| line["step"].as_u64()).is_some_and(|its| its <= step)
        };
        let kept: String = text.lines().filter(of_run).map(|line| format!("{line}\n")).collect();
        if kept != text {
            write_atomically(path, |file| file.write_all(kept.as_bytes()))?;
        }
        Ok(Self { path: path.to_owned() })
    }
    // ANCHOR_END: at

    /// The file of a run that is not going on: nothing is changed.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn append(&self, step: u64, values: Map<String, Value>) -> Result<(), Error> {
        let mut line = Map::from_iter([("step".to_owned(), json!(step))]);
        line.extend(values);
        let text = format!("{}\n", Value::Object(line));
        let write = || {
            let mut file = OpenOptions::new().append(true).create(true).open(&self.path)?;
            let length = file.metadata()?.len();
            let written = file.write_all(text.as_bytes());
            if written.is_err() {
                file.set_len(length)?; // half a line would spoil the next one, too
            }
            written
        };
        write().map_err(Error::io(&self.path))
    }

    /// All that is in it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn history(&self) -> Result<History, Error> {
        let text = read(&self.path)?;
        Ok(History { lines: text.lines().filter_map(|l| serde_json::from_str(l).ok()).collect() })
    }
}

/// What a run has said of itself so far.
#[derive(Debug, Clone)]
pub struct History {
    /// Line by line.
    pub lines: Vec<Value>,
}

impl History {
    /// (step, value) of each line that has such a value.
    pub fn points(&self, key: &str) -> Vec<(f64, f64)> {
        let point = |line: &Value| Some((line["step"].as_f64()?, line[key].as_f64()?));
        self.lines.iter().filter_map(point).collect()
    }
}

/// The text of a file, none if there is no such file. What is no text in it is nothing that a run wrote.
fn read(path: &Path) -> Result<String, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// Google's `eval_results.txt` after a training of so many steps.
pub fn eval_results(step: u64, results: &Map<String, Value>) -> String {
    let mut all = results.clone();
    all.insert("global_step".to_owned(), json!(step));
    sorted_lines(&all)
}

/// Sorted `key = value` lines.
pub fn sorted_lines(results: &Map<String, Value>) -> String {
    let line = |(name, value): (&String, &Value)| format!("{name} = {value}\n");
    let mut lines: Vec<_> = results.iter().map(line).collect();
    lines.sort();
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(loss: f64, count: f64, right: usize) -> [Part; 2] {
        let part = |name, loss, accuracy| Part { name, share: 1.0, loss, accuracy };
        let of = count as usize;
        [
            part("labels", Loss { sum: loss, count }, Some(Accuracy { right, of })),
            part(
                "next_sentence_label",
                Loss { sum: 1.0, count: 2.0 },
                Some(Accuracy { right: 2, of: 2 }),
            ),
        ]
    }

    #[test]
    fn a_mean_over_steps_is_over_all_their_labels() {
        let mut window = Window::default();
        window.add(HeadKind::PreTraining, &parts(3.0, 1.0, 0), 1.0);
        window.add(HeadKind::PreTraining, &parts(1.0, 3.0, 2), 3.0);
        // Through a checkpoint in between.
        let json = serde_json::to_string(&window).unwrap();
        let window: Window = serde_json::from_str(&json).unwrap();
        let line = Value::Object(window.means());
        assert_eq!(line["masked_lm_loss"], 1.0); // not (3 + 1/3) / 2
        assert_eq!(line["masked_lm_accuracy"], 0.5);
        assert_eq!(line["next_sentence_loss"], 0.5);
        assert_eq!((&line["loss"], &line["gradient_norm"]), (&json!(1.5), &json!(2.0)));
    }

    #[test]
    fn results_are_as_googles_program_writes_them() {
        let text = eval_results(20, &summary(HeadKind::PreTraining, &parts(0.5, 2.0, 1)));
        let expected = "global_step = 20\nloss = 0.75\nmasked_lm_accuracy = 0.5\n\
            masked_lm_loss = 0.25\nnext_sentence_accuracy = 1.0\nnext_sentence_loss = 0.5\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_loss_of_one_part_has_no_name_but_its_own() {
        let line = Value::Object(summary(HeadKind::TokenClassification, &parts(0.5, 2.0, 1)[..1]));
        assert_eq!(line, json!({"loss": 0.25, "accuracy": 0.5}));
    }

    #[test]
    fn sums_come_out_of_a_checkpoint_as_they_went_in() {
        let mut window = Window::default();
        for step in 1..200 {
            window.add(
                HeadKind::PreTraining,
                &parts(1.0 / f64::from(step), 1.0 / 3.0, 0),
                4.493475040592888 / f64::from(step),
            );
            let json = serde_json::to_value(&window).unwrap().to_string();
            assert_eq!(serde_json::from_str::<Window>(&json).unwrap(), window);
        }
    }

    #[test]
    fn a_run_that_goes_on_takes_back_what_it_will_say_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let file = MetricsFile::at(&path, 0).unwrap();
        for step in [10, 20, 30] {
            file.append(step, Map::new()).unwrap();
        }
        let half = fs::read_to_string(&path).unwrap() + "{\"step\":4";
        fs::write(&path, half).unwrap();
        let file = MetricsFile::at(&path, 20).unwrap();
        let steps: Vec<_> =
            file.history().unwrap().lines.iter().map(|line| line["step"].clone()).collect();
        assert_eq!(steps, [10, 20]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"step\":10}\n{\"step\":20}\n");
    }
}
