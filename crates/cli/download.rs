//! `bert download`: a model from the Hub, into the cache that transformers uses, too.

use crate::common::{Results, Usage};
use crate::progress::Download;
use anyhow::Result;
use bert_hub::{Hub, Name};

/// Fetch a model from the Hugging Face Hub, or what is new of it
///
/// The files go into Hugging Face's own cache folder (HF_HOME, HF_HUB_CACHE), where transformers finds them as well. Any --model takes
/// the same name, and fetches what is not there; what is there is used as it is, without a network. The result is the directory.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert download google-bert/bert-base-uncased
  bert download google-bert/bert-base-uncased@main
  bert fill-mask --model google-bert/bert-base-uncased \"The capital of France is [MASK].\"")]
pub struct Args {
    /// owner/model, or owner/model@revision
    name: String,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let name = Name::parse(&args.name).ok_or_else(|| {
        Usage(format!(
            "{}: a name on the Hub is wanted, owner/model or owner/model@revision",
            args.name
        ))
    })?;
    let directory = Hub::from_env()?.download(&name, &mut Download::default())?;
    let mut results = Results::new();
    results.line(&directory.display().to_string())?;
    results.flush()
}
