//! What a pre-training reads: texts and a vocabulary, or tiny world.

use crate::common::{Usage, counted, say, warn};
use crate::instance_args::InstanceArgs;
use crate::ladder::levels;
use crate::tokenizer_args::VocabArgs;
use anyhow::{Context as _, Result};
use bert_checkpoint::TokenizerFiles;
use bert_data::corpus::Form as TextForm;
use bert_data::tiny_world::{TinyWorld, TinyWorldSource};
use bert_data::{Corpus, CorpusSource, Instance, Position, Replacement, Source};
use bert_model::HeadKind;
use bert_nn::random::hash;
use bert_tokenizer::Tokenizer;
use bert_train::LabelledBatch;
use bert_train::feed::labelled;
use serde_json::{Map, Value, json};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Where instances come from, and how they are made.
#[derive(clap::Args)]
pub struct DataArgs {
    /// Text files, or patterns such as 'texts/*.txt': one sentence per line, a blank line between
    /// documents
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "tiny_world")]
    pub corpus: Vec<PathBuf>,
    /// Train on the built-in language whose best possible loss is known; no file is needed
    #[arg(long, conflicts_with_all = [
        "corpus", "split_sentences", "vocab", "cased", "eval_corpus", "max_length", "masked_lm_prob",
        "max_predictions", "whole_word_masking", "short_seq_prob", "full_sentences", "dupe_factor",
    ])]
    pub tiny_world: bool,
    /// The corpus is running text: find its sentences
    #[arg(long)]
    split_sentences: bool,
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

    /// Opens everything. `init` is the directory of the model that training goes on from.
    pub fn open(&self, init: Option<&Path>) -> Result<Data> {
        if self.tiny_world { self.open_tiny_world() } else { self.open_corpus(init) }
    }

    // ANCHOR: tiny_world
    fn open_tiny_world(&self) -> Result<Data> {
        let (seed, replacement) = (self.seed(), self.instances.replacement(Replacement::PLAIN)?);
        let world = TinyWorld::new();
        let held_out = world.held_out(seed, self.eval_sequences.get() as u64, replacement);
        let ladder = world
            .ladder(&held_out, replacement)
            .context("--eval-sequences: so few have no masked word at all")?;
        say(&format!("the best possible loss is {:.3}", ladder.optimum));
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

    fn open_corpus(&self, init: Option<&Path>) -> Result<Data> {
        let (tokenizer, vocabulary, tokenizer_files) = self.tokenizer(init)?;
        let corpus = self.read(&self.corpus)?;
        let (documents, files) = (corpus.documents(), corpus.files().to_vec());
        let description =
            format!("{} in {}", counted(documents, "document"), counted(files.len(), "file"));
        let settings = self.instances.settings()?;
        let vocabulary_size = tokenizer.vocab().len();
        let lower_case = tokenizer.options().lower_case;
        let evaluation = match self.eval_corpus.as_slice() {
            [] => None,
            _ => Some(self.evaluation(init)?),
        };
        let of_run = [
            ("--corpus", json!(files)),
            ("--split-sentences", json!(self.split_sentences)),
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
            max_length: self.instances.max_length,
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
        init: Option<&Path>,
    ) -> Result<(Tokenizer, Vec<u8>, Option<TokenizerFiles>)> {
        match (&self.vocab.vocab, init) {
            (Some(_), Some(_)) => {
                Err(Usage("--vocab: the model of --init has its own".to_owned()).into())
            }
            (None, Some(directory)) => {
                let files = TokenizerFiles::read(directory)?;
                let bytes = files.files().flat_map(|(_, bytes)| bytes).copied().collect();
                Ok((bert_pipeline::tokenizer(directory)?, bytes, Some(files)))
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

    fn read(&self, patterns: &[PathBuf]) -> Result<Corpus> {
        let form =
            if self.split_sentences { TextForm::RunningText } else { TextForm::SentencePerLine };
        let corpus = Corpus::open(patterns, form)?;
        corpus.notes().iter().for_each(|note| warn(note));
        Ok(corpus)
    }

    /// The first sequences of the other texts, always with the same masks.
    fn evaluation(&self, init: Option<&Path>) -> Result<Vec<LabelledBatch>> {
        let (tokenizer, ..) = self.tokenizer(init)?;
        let source = CorpusSource::new(
            self.read(&self.eval_corpus)?,
            tokenizer,
            self.instances.settings()?,
        )?;
        let mut position = Position::default();
        let mut instances: Vec<Instance> = Vec::new();
        while instances.len() < self.eval_sequences.get() && Some(position.block) < source.blocks(0)
        {
            instances.extend(source.block(0, position.block)?);
            position.block += 1;
        }
        instances.truncate(self.eval_sequences.get());
        anyhow::ensure!(!instances.is_empty(), "--eval-corpus: there is no sequence in it");
        Ok(instances.chunks(EVAL_BATCH).map(labelled).collect())
    }
}
