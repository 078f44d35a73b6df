//! Loads a model directory and saves it into another: `resave FROM TO`.
//!
//! `tests/reference/check_saved.sh` has transformers read what this wrote.

use bert_checkpoint::{LoadOptions, TokenizerFiles, load, save};
use std::env;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &paths[..] else { return Err("usage: resave FROM TO".into()) };
    let loaded = load(from, &LoadOptions::default())?;
    save(to, &loaded.config, &loaded.model, &TokenizerFiles::read(from)?)?;
    println!("{} saved as {}", from.display(), to.display());
    Ok(())
}
