//! A weights file under the model's names.

use crate::names::{DECODER_BIAS, Meaning, PREDICTIONS_BIAS, meaning};
use crate::{Error, TensorFile, is_quantised};
use bert_model::{Config, QuantisedModel};
use bert_nn::Real;
use std::collections::{BTreeMap, BTreeSet};

/// A weights file under canonical names.
pub(crate) struct Source {
    pub file: TensorFile,
    /// Canonical name → where it is in the file.
    pub names: BTreeMap<String, Stored>,
    /// How many tensors are an optimizer's.
    pub of_optimizer: usize,
    /// Whether the encoder's matrices are codes of 8 bits.
    pub quantised: bool,
}

/// A tensor in the file.
#[derive(Clone)]
pub(crate) struct Stored {
    pub name: String,
    /// [in, out], where the model has [out, in].
    pub transposed: bool,
}

impl Source {
    /// Two tensors that mean the same are an error.
    pub fn new(file: TensorFile) -> Result<Self, Error> {
        let (mut names, mut of_optimizer) = (BTreeMap::new(), 0);
        for name in file.names() {
            let (canonical, transposed) = match meaning(file.format(), name) {
                Meaning::Weights { name, transposed } => (name, transposed),
                Meaning::Training => {
                    of_optimizer += 1;
                    continue;
                }
                Meaning::Buffer => continue,
            };
            let stored = Stored { name: name.to_owned(), transposed };
            if let Some(first) = names.insert(canonical, stored) {
                let (path, first, second) = (file.path().to_owned(), first.name, name.to_owned());
                return Err(Error::Duplicate { path, first, second });
            }
        }
        // An alias that stands alone is the bias itself.
        if !names.contains_key(PREDICTIONS_BIAS)
            && let Some(alias) = names.remove(DECODER_BIAS)
        {
            names.insert(PREDICTIONS_BIAS.to_owned(), alias);
        }
        Ok(Self { file, names, of_optimizer, quantised: false })
    }

    /// The same of the weights of this configuration, which says whether they have 8 bits.
    pub fn of_config(file: TensorFile, config: &Config) -> Result<Self, Error> {
        let quantised = is_quantised(config);
        let source = Self { quantised, ..Self::new(file)? };
        if quantised {
            source.check_quantised(config)?;
        }
        Ok(source)
    }

    /// Whether the tensor of this (canonical) name is stored as codes.
    pub fn has_codes(&self, name: &str) -> bool {
        self.quantised && QuantisedModel::is_matrix(name)
    }

    /// Copies a tensor's numbers into `values`, in the model's layout.
    pub fn read(&self, stored: &Stored, shape: &[usize], values: &mut [Real]) -> Result<(), Error> {
        match *shape {
            [rows, columns] if stored.transposed => {
                self.file.read_transposed_into(&stored.name, [rows, columns], values)
            }
            _ => self.file.read_into(&stored.name, shape, values),
        }
    }

    /// How many classes the classifier in the file has, if there is one.
    pub fn classes(&self) -> Option<usize> {
        let classifier = self.names.get("classifier.weight")?;
        self.file.shape(&classifier.name)?.first().copied().filter(|&classes| classes > 0)
    }

    /// The names in the model's spelling.
    pub fn canonical_names(&self) -> BTreeSet<&str> {
        self.names.keys().map(String::as_str).collect()
    }
}

/// The smallest configuration: sizes do not matter for names, and cost nothing.
pub(crate) fn tiny() -> Config {
    Config {
        vocab_size: 1,
        hidden_size: 1,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        intermediate_size: 1,
        max_position_embeddings: 1,
        ..Config::default()
    }
}
