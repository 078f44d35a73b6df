//! The proof: the built-in model against what another program computed from it.

use super::Tour;
use anyhow::Result;
use bert_checkpoint::{TensorFile, bundled};
use bert_model::Model;
use bert_pipeline::Pipeline;
use bert_pipeline::reference::Reference;
use std::path::Path;

/// What the project allows for every tensor of a forward pass.
const TOLERANCE: f64 = 2e-5;

/// Compares every tensor.
pub fn prove(tour: &mut Tour, bundled: &Pipeline<Model>) -> Result<()> {
    tour.station(
        "And is it right?",
        "The same weights were given to Hugging Face's transformers, and its results are built into this \
         program. Each tensor of the forward pass is compared with them, number by number. (`bert verify` \
         does that for any model.)",
    )?;
    let file = TensorFile::of_bytes(bundled::REFERENCE, Path::new("tiny-world"))?;
    let reference = Reference::new(file)?;
    let comparisons = reference.compare(&bundled.model, &bundled.config, TOLERANCE)?;
    let width = comparisons.iter().map(|line| line.name.len()).max().unwrap_or(0);
    let lines: Vec<_> = comparisons
        .iter()
        .map(|line| {
            let verdict = if line.passed() { "ok" } else { "WRONG" };
            let shape = format!("{:?}", line.shape);
            format!("{:<width$}  {shape:<14} {:>8.1e}  {verdict}", line.name, line.difference)
        })
        .collect();
    tour.lines(&lines)?;
    let wrong = comparisons.iter().filter(|line| !line.passed()).count();
    anyhow::ensure!(
        wrong == 0,
        "{wrong} tensors of the built-in model are not what they should be"
    );
    Ok(())
}
