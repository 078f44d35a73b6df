//! Tokenizer, configuration and model of one directory, and the road from texts to a batch.

use crate::{Error, TextProblem};
use bert_checkpoint::{LoadOptions, Loaded, TokenizerFiles, load, load_any};
use bert_model::{AnyModel, Batch, Config, Context, HeadKind, Model, Outputs, PackedModel};
use bert_tokenizer::{Encoding, Input, Strategy, Tokenizer, Truncation};
use std::path::{Path, PathBuf};

/// All that is needed to turn text into numbers.
///
/// The model is packed for speed; what needs every intermediate tensor opens it plain: `Pipeline::<Model>::open_plain`.
pub struct Pipeline<M = PackedModel> {
    /// Text to ids.
    pub tokenizer: Tokenizer,
    /// Sizes and names.
    pub config: Config,
    /// Ids to numbers.
    pub model: M,
    /// Where all of it was read from.
    pub directory: PathBuf,
    /// What a user should know about how it was read; one sentence each.
    pub notes: Vec<String>,
    /// A lower limit than the tokenizer's and the model's, if texts are to be cut earlier.
    pub limit: Option<usize>,
}

/// Texts as the model takes them, and what happened to them on the way.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// One for each text.
    pub encodings: Vec<Encoding>,
    /// How many tokens each text had before it was cut, special tokens included.
    pub lengths: Vec<usize>,
    /// How many texts lost their end to the position limit.
    pub truncated: usize,
    /// How many texts have no token of their own, only `[CLS]` and `[SEP]`.
    pub empty: usize,
}

/// The tokenizer of a model directory, or of a model that is built in.
pub fn tokenizer(directory: &Path) -> Result<Tokenizer, Error> {
    let files = TokenizerFiles::read(directory)?;
    let files: Vec<_> = files.files().collect();
    Ok(Tokenizer::from_files(&files, directory)?)
}

/// What a user should know about how a tokenizer was read, if there is something.
pub fn tokenizer_note(tokenizer: &Tokenizer) -> Option<String> {
    let unusual = tokenizer.case_guessed() && !tokenizer.options().lower_case;
    unusual.then(|| {
        "no file says whether texts are lower-cased; the vocabulary has capital letters, so they are not (do_lower_case in a \
         tokenizer_config.json says otherwise)"
            .to_owned()
    })
}

/// The files of a tokenizer that [`tokenizer`] has read, for a model that is saved elsewhere: what was guessed stands in them.
pub fn tokenizer_files(directory: &Path, tokenizer: &Tokenizer) -> Result<TokenizerFiles, Error> {
    Ok(TokenizerFiles::read(directory)?.with_case(tokenizer.options().lower_case))
}

impl Pipeline {
    /// Reads a model directory, whatever the width of its weights.
    pub fn open(directory: &Path, options: &LoadOptions) -> Result<Self, Error> {
        Ok(Pipeline::of_loaded(directory, load_any(directory, options)?)?.packed())
    }
}

impl Pipeline<AnyModel> {
    /// Ready for speed.
    fn packed(self) -> Pipeline {
        self.map(PackedModel::from)
    }
}

impl Pipeline<Model> {
    /// Reads a model directory and leaves the model as it is in the file.
    pub fn open_plain(directory: &Path, options: &LoadOptions) -> Result<Self, Error> {
        Self::of_loaded(directory, load(directory, options)?)
    }

    /// Ready for speed.
    pub fn packed(self) -> Pipeline {
        self.map(PackedModel::new)
    }
}

impl<M> Pipeline<M> {
    /// A model that was read, and the tokenizer beside it.
    fn of_loaded(directory: &Path, loaded: Loaded<M>) -> Result<Self, Error> {
        let mut notes = loaded.notes();
        let tokenizer = tokenizer(directory)?;
        let (vocabulary, config) = (tokenizer.vocab().len(), loaded.config.vocab_size);
        if vocabulary > config {
            let path = directory.to_owned();
            return Err(Error::VocabularyTooLarge { path, vocabulary, config });
        }
        notes.extend(tokenizer_note(&tokenizer));
        Ok(Self {
            tokenizer,
            config: loaded.config,
            model: loaded.model,
            directory: directory.to_owned(),
            notes,
            limit: None,
        })
    }

    fn map<N>(self, form: impl FnOnce(M) -> N) -> Pipeline<N> {
        let Self { tokenizer, config, model, directory, notes, limit } = self;
        Pipeline { tokenizer, config, model: form(model), directory, notes, limit }
    }

    /// The most tokens that one sequence may have, special tokens included: the smallest of the
    /// tokenizer's limit, the model's positions, and [`Pipeline::limit`].
    pub fn max_length(&self) -> usize {
        let limits = [self.tokenizer.model_max_length(), self.limit];
        limits.into_iter().flatten().fold(self.config.max_position_embeddings, usize::min)
    }

    /// What the layers need to know, in evaluation.
    pub fn context(&self) -> Context<'_> {
        Context::eval(&self.config)
    }

    /// Tokenizes texts (or pairs of texts), in parallel. What is too long loses its end and is
    /// counted, or is refused if `strict`.
    pub fn prepare(&self, inputs: &[Input], strict: bool) -> Result<Prepared, Error> {
        let limit = self.max_length();
        let truncation =
            Truncation { max_length: limit, strategy: Strategy::LongestFirst, stride: 0 };
        let mut encodings = self.tokenizer.encode_batch(inputs);
        let mut prepared = Prepared::default();
        for (index, (encoding, &input)) in encodings.iter_mut().zip(inputs).enumerate() {
            let tokens = encoding.len();
            prepared.lengths.push(tokens);
            if tokens > limit {
                if strict {
                    return Err(TextProblem::TooLong { tokens, limit }.of(index));
                }
                *encoding = self.tokenizer.encode_truncated(input, &truncation).first;
                // The special tokens stay, even where the limit has no room for them.
                if encoding.len() > limit {
                    return Err(TextProblem::TooLong { tokens: encoding.len(), limit }.of(index));
                }
                prepared.truncated += 1;
            }
            if encoding.special_tokens_mask.iter().all(|&special| special) {
                prepared.empty += 1;
            }
        }
        prepared.encodings = encodings;
        Ok(prepared)
    }

    /// Lays encodings end to end.
    pub fn batch(&self, encodings: &[Encoding]) -> Result<Batch, Error> {
        let mut batch = Batch::new();
        for encoding in encodings {
            batch.push(&encoding.ids, &encoding.token_types);
        }
        batch.check(&self.config)?;
        Ok(batch)
    }

    /// Cuts encodings into batches of a size that keeps the memory small, runs `work` on each, and
    /// joins the results in order.
    pub fn map_batches<T>(
        &self,
        encodings: &[Encoding],
        mut work: impl FnMut(&[Encoding], &Batch) -> Result<Vec<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut results = Vec::with_capacity(encodings.len());
        for piece in pieces(encodings) {
            results.extend(work(piece, &self.batch(piece)?)?);
        }
        Ok(results)
    }
}

impl Pipeline {
    /// What the model says to a batch, which must have passed [`Batch::check`]: the head's results, not all hidden states.
    ///
    /// # Errors
    /// A number of it is infinite or NaN: whatever were made of it would look like an answer.
    pub(crate) fn infer(&self, batch: &Batch) -> Result<Outputs, Error> {
        let (model, context) = (&self.model, self.context());
        let outputs = match model.head.reads_first() {
            true => model.infer_first(batch, &context),
            false => model.infer(batch, &context),
        };
        let logits = outputs.logits.iter().flatten();
        let spans = [&outputs.start_logits, &outputs.end_logits].into_iter().flatten().flatten();
        if logits.chain(spans).all(|logit| logit.is_finite()) {
            return Ok(outputs);
        }
        Err(Error::NotFinite { what: format!("a score of {}", self.directory.display()) })
    }

    /// Refuses a model whose head is none of `heads`.
    pub fn require(
        &self,
        task: &'static str,
        needed: &'static str,
        heads: &[HeadKind],
    ) -> Result<(), Error> {
        let found = self.model.head.kind();
        if heads.contains(&found) {
            return Ok(());
        }
        Err(Error::WrongHead { path: self.directory.clone(), task, needed, found })
    }
}

/// Consecutive encodings, about `TOKENS` tokens together; a single longer one stands alone.
fn pieces(encodings: &[Encoding]) -> Vec<&[Encoding]> {
    // Enough rows for the matrix products to be efficient, and a few tens of megabytes of
    // activations in a base model.
    const TOKENS: usize = 2048;
    let mut pieces = Vec::new();
    let (mut start, mut tokens) = (0, 0);
    for (index, encoding) in encodings.iter().enumerate() {
        if index > start && tokens + encoding.len() > TOKENS {
            pieces.push(&encodings[start..index]);
            (start, tokens) = (index, 0);
        }
        tokens += encoding.len();
    }
    if start < encodings.len() {
        pieces.push(&encodings[start..]);
    }
    pieces
}
