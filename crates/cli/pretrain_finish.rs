//! The end of a pre-training: the model, what it reached, and how it got there.

use crate::common::say;
use crate::pretrain_data::Data;
use anyhow::Result;
use bert_checkpoint::{save, write_atomically};
use bert_model::{Config, Context};
use bert_plot::{Curve, loss_curve};
use bert_train::metrics::eval_results;
use bert_train::{Evaluation, Output, Training, evaluate};
use serde_json::Value;
use std::io::Write as _;
use std::path::Path;

// ANCHOR: finish
/// The model, its evaluation and its curve. Each is replaced as a whole, so a run that is killed here
/// does it again with `--resume`.
pub fn finish(
    directory: &Path,
    config: &Config,
    training: &Training,
    data: &Data,
    output: &Output,
    evaluation: Option<&Evaluation>,
) -> Result<()> {
    save(directory, config, &training.model, &output.tokenizer)?;
    say(&format!("model: {}", directory.display()));
    if let Some(evaluation) = evaluation {
        let context = Context::eval(config);
        let parts = evaluate(&training.model, &evaluation.batches, &context)?;
        let mut results = eval_results(training.step, &parts);
        if let Some(optimum) = data.optimum {
            results += &format!("masked_lm_optimum = {optimum}\n");
        }
        let path = directory.join("eval_results.txt");
        write_atomically(&path, |file| file.write_all(results.as_bytes()))?;
        say(results.trim_end());
    }
    let points = |key: &str| -> Result<Vec<(f64, f64)>> {
        let lines = output.metrics.lines()?;
        let point = |line: &Value| Some((line["step"].as_f64()?, line[key].as_f64()?));
        Ok(lines.iter().filter_map(point).collect())
    };
    let mut curves =
        vec![Curve { name: "training", color: "#9ecae1", points: points("masked_lm_loss")? }];
    if evaluation.is_some() {
        let points = points("eval_masked_lm_loss")?;
        curves.push(Curve { name: "held out", color: "#08519c", points });
    }
    let levels: Vec<_> = data.levels.iter().map(|(name, loss)| (name.as_str(), *loss)).collect();
    let svg = loss_curve(&curves, &levels);
    let path = directory.join("loss.svg");
    write_atomically(&path, |file| file.write_all(svg.as_bytes()))?;
    say(&format!("masked-LM loss over the steps: {}", path.display()));
    Ok(())
}
// ANCHOR_END: finish
