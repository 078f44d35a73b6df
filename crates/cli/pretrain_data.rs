//! What a pre-training reads: texts and a vocabulary, or tiny world.

use crate::common::{Usage, counted, say};
use crate::corpus_args::CorpusArgs;
use crate::instance_args::InstanceArgs;
use crate::ladder::levels;
use crate::pretrain_model::Initial;
use crate::tokenizer_args::VocabArgs;
use anyhow::{Context as _, Result};
use bert_checkpoint::TokenizerFiles;
use bert_data::corpus::CorpusFile;
use bert_data::tiny_world::{TinyWorld, TinyWorldSource};
use bert_data::{CorpusSource, Instance, Position, Replacement, Source};
use bert_model::HeadKind;
use bert_nn::random::hash;
use bert_tokenizer::Tokenizer;
use bert_train::LabelledBatch;
use bert_train::feed::labelled;
use serde_json::{Map, Value, json};
use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Where instances come from, and how they are made.
#[derive(clap::Args)]
pub struct DataArgs {
    #[command(flatten)]
    corpus: CorpusArgs,
    /// Train on the built-in language whose best possible loss is known; no file is needed
    #[arg(long, conflicts_with_all = [
        "corpus", "split_sentences", "vocab", "cased", "eval_corpus", "max_length", "masked_lm_prob",
        "max_predictions", "whole_word_masking", "short_seq_prob", "full_sentences", "dupe_factor",
    ])]
    pub tiny_world: bool,
    #[command(flatten)]
    vocab: VocabArgs,
    /// Texts to measure the model with, not to train on
    #[arg(long, value_name = "FILE", num_args = 1..)]
    eval_corpus: Vec<PathBuf>,
    /// The most sequences of them that are used
    #[arg(long, value_name = "N", default_value = "2000")]
    eval_sequences: NonZeroUsize,
    #[command(flatten)]
    instances: InstanceArgs,
}

/// All that a run needs to know of its data.
pub struct Data {
    /// Makes the instances.
    pub source: Box<dyn Source>,
    /// The contents of vocab.txt.
    pub vocabulary: Vec<u8>,
    /// How many tokens it has.
    pub vocabulary_size: usize,
    /// Whether texts lose their capitals.
    pub lower_case: bool,
    /// Those of the model that training goes on from.
    pub tokenizer_files: Option<TokenizerFiles>,
    /// The longest sequence.
    pub max_length: usize,
    /// What the model is trained for.
    pub head: HeadKind,
    /// What is not trained on.
    pub evaluation: Option<Vec<LabelledBatch>>,
    /// Losses that the model's is compared with.
    pub levels: Vec<(String, f64)>,
    /// The best of them, where it is known that no model can do better on the evaluation.
    pub optimum: Option<f64>,
    /// What makes this data another.
    pub settings: Map<String, Value>,
    /// For the eye.
    pub description: String,
}

/// Sequences in a batch of the evaluation.
const EVAL_BATCH: usize = 32;

impl DataArgs {
    /// What all random numbers depend on.
    pub fn seed(&self) -> u64 {
        self.instances.seed
    }

    /// Whether there are pairs of texts to tell apart.
    pub fn asks_next_sentence(&self) -> bool {
        !self.instances.full_sentences
    }

    /// Whether there is anything to measure the model with.
    pub fn evaluates(&self) -> bool {
        self.tiny_world || !self.eval_corpus.is_empty()
    }

    /// Opens everything. `init` is the model that training goes on from.
    pub fn open(&self, init: Option<&Initial>) -> Result<Data> {
        if self.tiny_world { self.open_tiny_world(init) } else { self.open_corpus(init) }
    }

    // ANCHOR: tiny_world
    fn open_tiny_world(&self, init: Option<&Initial>) -> Result<Data> {
        let (seed, replacement) = (self.seed(), self.instances.replacement(Replacement::PLAIN)?);
        let world = TinyWorld::new();
        if let Some(Initial { directory, .. }) = init {
            let tokenizer = bert_pipeline::tokenizer(directory)?;
            let theirs = (0..tokenizer.vocab().len()).map(|id| tokenizer.vocab().token(id as u32));
            let same = world.vocabulary().iter().map(|token| Some(token.as_str())).eq(theirs);
            anyhow::ensure!(same, "{}: its vocabulary is not tiny world's", directory.display());
        }
        let held_out = world.held_out(seed, self.eval_sequences.get() as u64, replacement);
        let ladder = world
            .ladder(&held_out, replacement)
            .context("--eval-sequences: so few have no masked word at all")?;
        let count = held_out.len();
        let optimum = ladder.optimum;
        say(&format!(
            "{count} pairs are held out; the best possible loss of their masked words is {optimum:.3}"
        ));
        let settings = [
            ("--tiny-world", json!(true)),
            ("--seed", json!(seed)),
            ("--mask-share", json!(replacement.mask)),
            ("--random-share", json!(replacement.random)),
        ];
        let vocabulary = world.vocab_txt().into_bytes();
        let vocabulary_size = world.vocabulary().len();
        Ok(Data {
            source: Box::new(TinyWorldSource { world, seed, replacement }),
            vocabulary,
            vocabulary_size,
            lower_case: true,
            tokenizer_files: None,
            max_length: 64,
            head: HeadKind::PreTraining,
            evaluation: Some(held_out.chunks(EVAL_BATCH).map(labelled).collect()),
            levels: levels(&ladder),
            optimum: Some(ladder.optimum),
            settings: settings.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
            description: "tiny world".to_owned(),
        })
    }
    // ANCHOR_END: tiny_world

    fn open_corpus(&self, init: Option<&Initial>) -> Result<Data> {
        let (tokenizer, vocabulary, tokenizer_files) = self.tokenizer(init)?;
        let corpus = self.corpus.open(!self.instances.full_sentences)?;
        // By what is in the files: the same texts in another place are the same run.
        let of_file = |file: &CorpusFile| format!("{} bytes, hash {:016x}", file.bytes, file.hash);
        let files: Vec<_> = corpus.files().iter().map(of_file).collect();
        let documents = counted(corpus.documents(), "document");
        let description = format!("{documents} in {}", counted(files.len(), "file"));
        let settings =
            self.instances.settings(init.map(|model| model.config.max_position_embeddings))?;
        let max_length = settings.max_length;
        let vocabulary_size = tokenizer.vocab().len();
        let lower_case = tokenizer.options().lower_case;
        let evaluation = match self.eval_corpus.as_slice() {
            [] => None,
            _ => Some(self.evaluation(init)?),
        };
        let of_run = [
            ("--corpus", json!(files)),
            ("--split-sentences", json!(self.corpus.split_sentences)),
            ("vocabulary (hash of its file)", json!(hash(&vocabulary))),
            ("lower-casing", json!(lower_case)),
            ("instances", json!(settings)),
        ];
        let source = CorpusSource::new(corpus, tokenizer, settings)?;
        let head =
            if self.instances.full_sentences { HeadKind::MaskedLm } else { HeadKind::PreTraining };
        Ok(Data {
            source: Box::new(source),
            vocabulary,
            vocabulary_size,
            lower_case,
            tokenizer_files,
            max_length,
            head,
            evaluation,
            levels: vec![],
            optimum: None,
            settings: of_run.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
            description,
        })
    }

    /// The tokenizer, the bytes that tell it from others, and the files of a model it came from.
    fn tokenizer(
        &self,
        init: Option<&Initial>,
    ) -> Result<(Tokenizer, Vec<u8>, Option<TokenizerFiles>)> {
        match (&self.vocab.vocab, init) {
            (Some(_), Some(_)) => {
                Err(Usage("--vocab: the model of --init has its own".to_owned()).into())
            }
            (None, Some(Initial { directory, .. })) => {
                let tokenizer = bert_pipeline::tokenizer(directory)?;
                let files = bert_pipeline::tokenizer_files(directory, &tokenizer)?;
                let bytes = files.files().flat_map(|(_, bytes)| bytes).copied().collect();
                Ok((tokenizer, bytes, Some(files)))
            }
            (Some(path), None) => {
                let bytes = fs::read(path).with_context(|| path.display().to_string())?;
                let tokenizer = self.vocab.tokenizer()?.expect("its path is there");
                Ok((tokenizer, bytes, None))
            }
            (None, None) => {
                let hint = "--vocab: which vocabulary? `bert vocab` makes one from the corpus";
                Err(Usage(hint.to_owned()).into())
            }
        }
    }

    /// The first sequences of the other texts, always with the same masks.
    fn evaluation(&self, init: Option<&Initial>) -> Result<Vec<LabelledBatch>> {
        let (tokenizer, ..) = self.tokenizer(init)?;
        let source = CorpusSource::new(
            self.corpus.open_others(&self.eval_corpus)?,
            tokenizer,
            self.instances.settings(init.map(|model| model.config.max_position_embeddings))?,
        )
        .context("--eval-corpus")?;
        let mut position = Position::default();
        let mut instances: Vec<Instance> = Vec::new();
        while instances.len() < self.eval_sequences.get() && Some(position.block) < source.blocks(0)
        {
            instances.extend(source.block(0, position.block)?);
            position.block += 1;
        }
        instances.truncate(self.eval_sequences.get());
        let masked = instances.iter().any(|instance| !instance.masked_positions.is_empty());
        anyhow::ensure!(masked, "--eval-corpus: there is no word in it that can be hidden");
        Ok(instances.chunks(EVAL_BATCH).map(labelled).collect())
    }
}
