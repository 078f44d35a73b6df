//! Which tokenizer: a model's, or one for a vocabulary.

use crate::common::Usage;
use crate::model_path::ModelPath;
use anyhow::Result;
use bert_tokenizer::{Options, Tokenizer};
use std::path::{Path, PathBuf};

/// A vocabulary without a model.
#[derive(clap::Args, Debug)]
pub struct VocabArgs {
    /// The vocabulary, one token per line (bert vocab makes one from a corpus)
    #[arg(long, value_name = "FILE")]
    pub vocab: Option<PathBuf>,
    /// With --vocab: keep capitals and accents
    #[arg(long, requires = "vocab")]
    pub cased: bool,
}

impl VocabArgs {
    /// The tokenizer for the vocabulary, if there is one.
    pub fn tokenizer(&self) -> Result<Option<Tokenizer>> {
        let options = if self.cased { Options::cased() } else { Options::default() };
        let open = |path: &PathBuf| Tokenizer::from_vocab_file(path, options);
        Ok(self.vocab.as_ref().map(open).transpose()?)
    }
}

/// A model's tokenizer, or one for a vocabulary.
#[derive(clap::Args, Debug)]
pub struct TokenizerArgs {
    /// A model, whose tokenizer is used: a directory, a name on the Hugging Face Hub, or tiny-world
    #[arg(long, value_name = "MODEL", conflicts_with_all = ["vocab", "cased"])]
    model: Option<ModelPath>,
    #[command(flatten)]
    vocab: VocabArgs,
}

impl TokenizerArgs {
    /// The vocabulary's file, if that is what was named.
    pub fn vocab_file(&self) -> Option<&Path> {
        self.vocab.vocab.as_deref()
    }

    /// Opens it.
    pub fn open(&self) -> Result<Tokenizer> {
        match (self.vocab.tokenizer()?, &self.model) {
            (Some(tokenizer), _) => Ok(tokenizer),
            (None, Some(model)) => Ok(bert_pipeline::tokenizer(&model.directory()?)?),
            (None, None) => {
                let hint = "which tokens? Say --model DIR (tiny-world is built in) or --vocab FILE";
                Err(Usage(hint.to_owned()).into())
            }
        }
    }
}
