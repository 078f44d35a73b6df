//! The end of a pre-training: the model, what it reached, and how it got there.

use crate::common::say;
use crate::pretrain_data::Data;
use anyhow::Result;
use bert_checkpoint::{save, write_atomically};
use bert_model::Config;
use bert_plot::{Curve, loss_curve};
use bert_train::metrics::eval_results;
use bert_train::{Judged, Output, Training};
use serde_json::json;
use std::io::Write as _;
use std::path::Path;

/// What [`finish`] writes, besides the tokenizer's files.
pub const FILES: [&str; 4] = ["config.json", "model.safetensors", EVAL_RESULTS, CURVE];
const EVAL_RESULTS: &str = "eval_results.txt";
const CURVE: &str = "loss.svg";

// ANCHOR: finish
/// The model, its evaluation and its curve. Each is replaced as a whole, so a run that is killed here
/// does it again with `--resume`.
pub fn finish(
    directory: &Path,
    config: &Config,
    training: &Training,
    data: &Data,
    output: &Output,
    evaluation: Option<&Judged>,
) -> Result<()> {
    save(directory, config, &training.model, &output.tokenizer)?;
    say(&format!("model: {}", directory.display()));
    if let Some(judged) = evaluation {
        let mut results = judged.summary(data.head);
        results.extend(data.optimum.map(|loss| ("masked_lm_optimum".to_owned(), json!(loss))));
        let results = eval_results(training.step, &results);
        let path = directory.join(EVAL_RESULTS);
        write_atomically(&path, |file| file.write_all(results.as_bytes()))?;
        say(results.trim_end());
    }
    let history = output.metrics.history()?;
    let points = history.points("masked_lm_loss");
    let mut curves = vec![Curve { name: "training", color: "#9ecae1", points }];
    if evaluation.is_some() {
        let points = history.points("eval_masked_lm_loss");
        curves.push(Curve { name: "held out", color: "#08519c", points });
    }
    let levels: Vec<_> = data.levels.iter().map(|(name, loss)| (name.as_str(), *loss)).collect();
    let svg = loss_curve(&curves, &levels);
    let path = directory.join(CURVE);
    write_atomically(&path, |file| file.write_all(svg.as_bytes()))?;
    say(&format!("masked-LM loss over the steps: {}", path.display()));
    Ok(())
}
// ANCHOR_END: finish
