//! `bert trace --backward`: every gradient of one batch.

use crate::common::{ModelArgs, Results, counted, say};
use anyhow::Result;
use bert_checkpoint::write_tensors;
use bert_model::Context;
use bert_nn::Tensors;
use bert_nn::gradient_check::norm;
use bert_pipeline::backward::{Backward, backward, dropout_masks};
use bert_pipeline::reference::{Reference, batch_tensors};
use serde::Serialize;
use std::path::Path;

/// What is asked beside the batch.
#[derive(clap::Args, Debug)]
pub struct BackwardArgs {
    /// Also go backward: the loss and the gradient of every parameter. The batch file then holds the
    /// head's labels too, under transformers' names and all int64: labels, next_sentence_label,
    /// start_positions and end_positions
    #[arg(long, requires = "batch", conflicts_with = "time")]
    pub backward: bool,
    /// With dropout, as in training; the output file then holds its factors as well
    #[arg(long, requires = "backward")]
    dropout: bool,
    /// Chooses what dropout drops
    #[arg(long, value_name = "N", default_value = "0", requires = "dropout")]
    seed: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    shape: &'a [usize],
    norm: f64,
    largest: f64,
}

#[derive(Serialize)]
struct LossLine {
    loss: f64,
}

/// Runs the batch forward and back, and shows or writes the gradients.
pub fn run(
    model: &ModelArgs,
    args: &BackwardArgs,
    batch: &Path,
    output: Option<&Path>,
    json: bool,
) -> Result<()> {
    let loaded = model.load()?;
    let (model, config) = (&loaded.model, &loaded.config);
    let reference = Reference::open(batch)?;
    let context =
        if args.dropout { Context::train(config, args.seed, 0) } else { Context::eval(config) };
    let found = backward(model, &reference, &context)?;
    let Some(path) = output else { return show(&found, json) };
    let (batch, width) = (&reference.batch, reference.width);
    let mut tensors = batch_tensors(batch, width);
    tensors.extend(found.to_tensors(batch, width));
    tensors.extend(dropout_masks(model.head.kind(), batch, width, &context));
    let count = tensors.len();
    write_tensors(path, tensors)?;
    say(&format!("{} written to {}", counted(count, "tensor"), path.display()));
    Ok(())
}

fn show(found: &Backward, json: bool) -> Result<()> {
    let mut results = Results::new();
    if json {
        results.json(&LossLine { loss: found.loss })?;
    } else {
        results.line(&format!("loss {:.6}\n", found.loss))?;
        results.line(&format!(
            "{:<60} {:<14} {:>10} {:>10}",
            "gradient of", "shape", "norm", "largest"
        ))?;
    }
    let parameters = found.grads.tensors();
    let hidden = found.d_hidden_states.iter().enumerate();
    let hidden: Vec<_> = hidden.map(|(l, d)| (format!("hidden_states.{l}"), d)).collect();
    let all = parameters
        .iter()
        .map(|tensor| (&*tensor.name, &*tensor.shape, tensor.values))
        .chain(hidden.iter().map(|(name, d)| (&**name, d.shape(), d.as_slice().expect("owned"))));
    for (name, shape, values) in all {
        let values = values.iter().map(|&g| f64::from(g));
        let largest = values.clone().fold(0.0, |largest: f64, g| largest.max(g.abs()));
        let line = Line { name, shape, norm: norm(values), largest };
        if json {
            results.json(&line)?;
        } else {
            let (shape, norm) = (format!("{shape:?}"), line.norm);
            results.line(&format!("{name:<60} {shape:<14} {norm:>10.3e} {largest:>10.3e}"))?;
        }
    }
    results.flush()
}
