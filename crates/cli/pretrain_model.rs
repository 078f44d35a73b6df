//! What a pre-training begins with: sizes and random weights, or another model.

use crate::common::warn;
use crate::model_path::ModelPath;
use crate::pretrain_data::{Data, DataArgs};
use anyhow::{Context as _, Result};
use bert_checkpoint::{LoadOptions, load};
use bert_model::{Config, Flavour, HeadKind, Model, Size};
use bert_nn::init::{Initializer, initialize};
use bert_train::lesson;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// How large the model is, or which one it is.
#[derive(clap::Args, Debug)]
pub struct ModelChoice {
    /// The model's size: tiny (2 layers of 128), mini (4 of 256), small (4 of 512), base (12 of 768), or
    /// a config.json [default: tiny; with --tiny-world the same with 64 positions and four heads]
    #[arg(long, value_name = "SIZE|FILE", conflicts_with = "init")]
    config: Option<String>,
    /// Go on from the weights and the vocabulary of this model instead of random weights
    #[arg(long, value_name = "MODEL")]
    pub init: Option<ModelPath>,
    /// Dropout everywhere [default: the configuration's, 0.1; with --tiny-world 0: it never repeats]
    #[arg(long, value_name = "RATE")]
    pub dropout: Option<f64>,
}

/// The model that `--init` names.
pub struct Initial {
    /// Where it is.
    pub directory: PathBuf,
    /// Its sizes.
    pub config: Config,
    model: Model,
}

impl ModelChoice {
    /// Reads the model of `--init`.
    pub fn initial(&self, data: &DataArgs) -> Result<Option<Initial>> {
        let Some(init) = &self.init else { return Ok(None) };
        let directory = init.directory()?;
        let head =
            if data.asks_next_sentence() { HeadKind::PreTraining } else { HeadKind::MaskedLm };
        let options =
            LoadOptions { head: Some(head), new_head: Some(data.seed()), ..LoadOptions::default() };
        let loaded = load(&directory, &options)?;
        loaded.notes().iter().for_each(|note| warn(note));
        Ok(Some(Initial { directory, config: loaded.config, model: loaded.model }))
    }

    // ANCHOR: model
    /// What is trained: sizes and first weights.
    pub fn model(
        &self,
        initial: Option<Initial>,
        args: &DataArgs,
        data: &Data,
    ) -> Result<(Config, Model)> {
        let vocabulary = data.vocabulary_size;
        let (mut config, model) = match initial {
            Some(initial) => (initial.config, Some(initial.model)),
            None => (self.fresh_config(args.tiny_world, vocabulary)?, None),
        };
        if let Some(rate) = self.dropout.or(args.tiny_world.then_some(0.0)) {
            (config.hidden_dropout_prob, config.attention_probs_dropout_prob) = (rate, rate);
        }
        anyhow::ensure!(
            vocabulary <= config.vocab_size,
            "the vocabulary has {vocabulary} tokens, the configuration only {} (vocab_size)",
            config.vocab_size
        );
        if config.vocab_size > vocabulary && self.init.is_none() {
            warn(&format!(
                "the vocabulary has {vocabulary} tokens, the configuration {} (vocab_size): those beyond are never trained",
                config.vocab_size
            ));
        }
        anyhow::ensure!(
            data.head != HeadKind::PreTraining || config.type_vocab_size > 1,
            "pairs have two token types, the configuration only {} (type_vocab_size); --full-sentences needs one",
            config.type_vocab_size
        );
        let (longest, positions) = (data.max_length, config.max_position_embeddings);
        anyhow::ensure!(
            longest <= positions,
            "sequences may have {longest} tokens (--max-length), the model has {positions} positions"
        );
        let fresh = || {
            let mut model = Model::zeros(data.head, &config, false);
            let std = config.initializer_range;
            initialize(&mut model, Initializer::TruncatedNormal { std }, args.seed());
            model
        };
        let model = model.unwrap_or_else(fresh);
        Ok((config, model))
    }
    // ANCHOR_END: model

    fn fresh_config(&self, tiny_world: bool, vocabulary: usize) -> Result<Config> {
        if self.config.is_none() && tiny_world {
            return Ok(lesson::config(vocabulary));
        }
        let name = self.config.as_deref().unwrap_or("tiny");
        if let Some(size) = Size::named(name) {
            return Ok(size.config(vocabulary));
        }
        let path = Path::new(name);
        let sizes = Size::ALL.map(|size| size.name).join(", ");
        let bytes = fs::read(path)
            .with_context(|| format!("--config {name}: none of {sizes}, and no file to read"))?;
        let google = path.file_name().is_some_and(|name| name == "bert_config.json");
        let flavour = if google { Flavour::Google } else { Flavour::HuggingFace };
        let config = Config::from_bytes(&bytes, path, flavour)?;
        warn_of_defaults(&bytes, name, &config);
        Ok(config)
    }
}

/// A configuration that does not say how large the model is gets BERT-base's sizes, as transformers gives them. A misspelt name
/// would do the same, in silence.
fn warn_of_defaults(bytes: &[u8], name: &str, config: &Config) {
    let said: Value = serde_json::from_slice(bytes).unwrap_or_default();
    for (key, value) in [
        ("hidden_size", config.hidden_size),
        ("num_hidden_layers", config.num_hidden_layers),
        ("num_attention_heads", config.num_attention_heads),
        ("intermediate_size", config.intermediate_size),
        ("vocab_size", config.vocab_size),
    ] {
        if said.get(key).is_none() {
            warn(&format!("{name} does not say {key}: {value}, as in BERT-base"));
        }
    }
}
