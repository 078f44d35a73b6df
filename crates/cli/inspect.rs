//! `bert inspect`: what is in a file or a directory, before it is loaded.

use crate::common::{Results, counted};
use crate::model_path::ModelPath;
use anyhow::Result;
use bert_checkpoint::inspect::layer_of;
use bert_checkpoint::quantised::BALANCE;
use bert_checkpoint::{
    Contents, Inspection, Listed, Part, TensorFile, Verdict, inspect, is_quantised,
};
use bert_model::Config;
use bert_tokenizer::Tokenizer;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Look into a model directory or a file of weights without loading it
///
/// Names, shapes and types of all tensors, parameters by part, heads, and what no BERT has; of a directory also its configuration and
/// tokenizer, and whether all of it fits together. Files: safetensors, PyTorch's .bin, an .index of TensorFlow, an .index.json.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert inspect tiny-world
  bert inspect uncased_L-12_H-768_A-12/bert_model.ckpt.index
  bert inspect google-bert/bert-base-uncased --json")]
pub struct Args {
    /// A directory, a file, tiny-world, which is built in, or a name on the Hugging Face Hub (owner/model), whose files are fetched first
    #[arg(value_name = "PATH")]
    path: ModelPath,
    /// List every tensor: those of equal layers not in one line, and those of an optimizer too
    #[arg(long)]
    all: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let path = args.path.directory()?;
    let mut results = Results::new();
    if !TensorFile::is_at(&path) {
        let mut found = inspect(&path)?;
        let tokenizer = bert_pipeline::tokenizer(&path);
        if let Ok(tokenizer) = &tokenizer
            && tokenizer.vocab().len() > found.config.vocab_size
        {
            let (tokens, rows) = (tokenizer.vocab().len(), found.config.vocab_size);
            found.problem.get_or_insert(format!("{tokens} tokens, and embeddings for {rows}"));
        }
        if args.json {
            let mut object = contents_json(&found.contents, &found.head);
            object["config"] = serde_json::from_str(&found.config.to_json("float32"))?;
            object["problem"] = json!(found.problem);
            object["tokenizer"] = match &tokenizer {
                Ok(tokenizer) => tokenizer_json(tokenizer),
                Err(error) => json!({ "problem": error.to_string() }),
            };
            results.json(&object)?;
        } else {
            print_contents(&mut results, &found.contents, args.all)?;
            print_directory(&mut results, &found, tokenizer.as_ref())?;
        }
    } else {
        let contents = Contents::open(&path)?;
        let head = contents.head();
        if args.json {
            results.json(&contents_json(&contents, &head))?;
        } else {
            print_contents(&mut results, &contents, args.all)?;
            results.line(&format!("head: {}", head_line(&head)))?;
        }
    }
    results.flush()
}

fn head_line(head: &Verdict) -> String {
    match head {
        Verdict::Head(kind) => kind.to_string(),
        Verdict::Ambiguous(kinds) => {
            let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
            format!("{} (say which with --head)", names.join(" or "))
        }
    }
}

/// What a tensor is listed with.
fn remark(tensor: &Listed) -> String {
    let mut remarks = Vec::new();
    match tensor.part {
        Part::Unknown => remarks.push("no BERT has it"),
        Part::Training => remarks.push("of the training"),
        Part::Buffer => remarks.push("follows from the configuration"),
        Part::Copy => remarks.push("a copy"),
        Part::Scale if tensor.name.ends_with(BALANCE) => remarks.push("balance of the inputs"),
        Part::Scale => remarks.push("steps of the codes"),
        _ => {}
    }
    if tensor.transposed && tensor.part != Part::Unknown {
        remarks.push("[in, out]");
    }
    match remarks.is_empty() {
        true => String::new(),
        false => format!("  ({})", remarks.join(", ")),
    }
}

/// A line of the list: tensors of equal shape and type that differ only in their layer.
struct Line<'a> {
    name: String,
    first: &'a Listed,
    count: usize,
}

/// Tensors in the model's order: by part, equal layers as one unless `all`.
fn lines(contents: &Contents, all: bool) -> Vec<Line<'_>> {
    let mut lines: Vec<Line> = Vec::new();
    let mut places: BTreeMap<(&str, &[usize], String), usize> = BTreeMap::new();
    let mut tensors: Vec<_> = contents.tensors.iter().collect();
    tensors.sort_by_key(|tensor| tensor.part); // stable: within a part by name
    for tensor in tensors {
        if tensor.part == Part::Training && !all {
            continue; // two for each weight: the table of parameters counts them
        }
        let layer = tensor.canonical.as_deref().and_then(layer_of);
        let (Some((number, rest)), Part::Layer(_) | Part::Scale, false) = (layer, tensor.part, all)
        else {
            lines.push(Line { name: tensor.name.clone(), first: tensor, count: 1 });
            continue;
        };
        let key = (rest, tensor.shape.as_slice(), tensor.dtype.to_string());
        match places.get(&key) {
            Some(&place) => lines[place].count += 1,
            None => {
                places.insert(key, lines.len());
                // Both spellings, layer.3. and layer_3/.
                let name = ["layer.", "layer_"].iter().fold(tensor.name.clone(), |name, layer| {
                    name.replacen(&format!("{layer}{number}"), &format!("{layer}*"), 1)
                });
                lines.push(Line { name, first: tensor, count: 1 });
            }
        }
    }
    // A name for several layers is none for one.
    for line in &mut lines {
        if line.count == 1 {
            line.name.clone_from(&line.first.name);
        }
    }
    lines
}

fn print_contents(results: &mut Results, contents: &Contents, all: bool) -> Result<()> {
    results.line(&format!("{}: {}", contents.path.display(), contents.format))?;
    contents.notes.iter().try_for_each(|note| results.line(note))?;
    let lines = lines(contents, all);
    let width = lines.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    for line in &lines {
        let times = if line.count > 1 { format!("  ×{}", line.count) } else { String::new() };
        let (shape, remark) = (format!("{:?}", line.first.shape), remark(line.first));
        let text = format!(
            "  {:<width$}  {shape:<14} {:<4}{times}{remark}",
            line.name,
            line.first.dtype.to_string(),
        );
        results.line(text.trim_end())?;
    }
    results.line("parameters:")?;
    let counts = counts(contents);
    for (part, (tensors, numbers)) in &counts {
        let counts = if part.is_of_model() { "" } else { ", not counted" };
        let listed = if *part == Part::Training && !all { " (--all lists them)" } else { "" };
        let (name, tensors) = (part.name(), counted(*tensors, "tensor"));
        results.line(&format!("  {name:<10} {numbers:>11}  in {tensors}{counts}{listed}"))?;
    }
    let model = counts.iter().filter(|(part, _)| part.is_of_model());
    let total = model.fold(0_usize, |sum, (_, (_, numbers))| sum.saturating_add(*numbers));
    results.line(&format!("  {:<10} {total:>11}", "in all"))
}

/// Tensors and their numbers by part.
fn counts(contents: &Contents) -> BTreeMap<Part, (usize, usize)> {
    let mut counts = BTreeMap::new();
    for tensor in &contents.tensors {
        let part = if let Part::Layer(_) = tensor.part { Part::Layer(0) } else { tensor.part };
        let (tensors, numbers) = counts.entry(part).or_insert((0, 0));
        *tensors += 1;
        *numbers = tensor.numbers().saturating_add(*numbers);
    }
    counts
}

fn print_directory(
    results: &mut Results,
    found: &Inspection,
    tokenizer: Result<&Tokenizer, &bert_pipeline::Error>,
) -> Result<()> {
    results.line(&format!("head: {}", head_line(&found.head)))?;
    results.line(&format!("configuration: {}", sizes(&found.config)))?;
    if is_quantised(&found.config) {
        results.line("  8-bit weights (bert quantize): it answers, and does not train")?;
    }
    if found.config.activation_in_doubt() {
        results
            .line("  gelu in bert_config.json: read as tanh; --activation gelu reads it as erf")?;
    }
    match tokenizer {
        Ok(tokenizer) => results.line(&format!("tokenizer: {}", facts(tokenizer)))?,
        Err(error) => results.line(&format!("tokenizer: {error}"))?,
    }
    match &found.problem {
        Some(problem) => results.line(&format!("does not load: {problem}")),
        None => Ok(()),
    }
}

fn sizes(config: &Config) -> String {
    format!(
        "{} of width {}, {}, feed-forward {}, at most {} tokens, vocabulary {}, {}",
        counted(config.num_hidden_layers, "layer"),
        config.hidden_size,
        counted(config.num_attention_heads, "head"),
        config.intermediate_size,
        config.max_position_embeddings,
        config.vocab_size,
        config.hidden_act,
    )
}

fn facts(tokenizer: &Tokenizer) -> String {
    let options = tokenizer.options();
    let case = if options.lower_case { "lower-cased" } else { "cased" };
    let accents = if options.strips_accents() { "without accents" } else { "with accents" };
    let limit = match tokenizer.model_max_length() {
        Some(limit) => format!(", at most {limit} in a text"),
        None => String::new(),
    };
    let guessed =
        if tokenizer.case_guessed() { " (as the vocabulary has it; no file says)" } else { "" };
    format!("{} tokens, {case}{guessed}, {accents}{limit}", tokenizer.vocab().len())
}

fn tokenizer_json(tokenizer: &Tokenizer) -> Value {
    json!({
        "tokens": tokenizer.vocab().len(),
        "lower_case": tokenizer.options().lower_case,
        "case_guessed": tokenizer.case_guessed(),
        "strip_accents": tokenizer.options().strips_accents(),
        "max_length": tokenizer.model_max_length(),
    })
}

fn contents_json(contents: &Contents, head: &Verdict) -> Value {
    let tensors: Vec<_> = contents
        .tensors
        .iter()
        .map(|tensor| {
            json!({
                "name": tensor.name,
                "model_name": tensor.canonical,
                "shape": tensor.shape,
                "dtype": tensor.dtype.to_string(),
                "transposed": tensor.transposed,
                "part": tensor.part.name(),
                "layer": if let Part::Layer(layer) = tensor.part { Some(layer) } else { None },
            })
        })
        .collect();
    let heads: Vec<_> = match head {
        Verdict::Head(kind) => vec![kind.name()],
        Verdict::Ambiguous(kinds) => kinds.iter().map(|kind| kind.name()).collect(),
    };
    json!({
        "path": contents.path,
        "format": contents.format,
        "notes": contents.notes,
        "heads": heads,
        "tensors": tensors,
    })
}
