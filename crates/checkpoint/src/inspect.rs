//! What a file or a directory holds, without its numbers.

use crate::heads::{Verdict, decide};
use crate::names::{DECODER_BIAS, DECODER_WEIGHT, Meaning, PREDICTIONS_BIAS, meaning};
use crate::quantised::matrix_of;
use crate::source::{Source, tiny};
use crate::{Dtype, Error, LoadOptions, ModelDirectory, TensorFile};
use bert_model::{Config, HeadKind, Model};
use bert_nn::Tensors;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a directory holds.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Sizes and names.
    pub config: Config,
    /// The head that its tensors make.
    pub head: Verdict,
    /// Its weights' file.
    pub contents: Contents,
    /// What hinders the weights from becoming this configuration's model with this head, if anything does.
    pub problem: Option<String>,
}

/// What a file of tensors holds.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The file.
    pub path: PathBuf,
    /// What its format is called.
    pub format: &'static str,
    /// In the file's order, which is by name.
    pub tensors: Vec<Listed>,
    /// What was passed over in the file, one sentence each.
    pub notes: Vec<String>,
}

/// A tensor of a file.
#[derive(Debug, Clone)]
pub struct Listed {
    /// As in the file.
    pub name: String,
    /// The model's name, if it is of a model.
    pub canonical: Option<String>,
    /// As in the file.
    pub shape: Vec<usize>,
    /// How a number is stored.
    pub dtype: Dtype,
    /// Whether it is [in, out], where the model has [out, in].
    pub transposed: bool,
    /// Where it belongs.
    pub part: Part,
}

impl Listed {
    /// How many numbers it has.
    pub fn numbers(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Where a tensor belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The three tables and their LayerNorm.
    Embeddings,
    /// A layer of the encoder, counted from 0.
    Layer(usize),
    /// The dense layer over `[CLS]`.
    Pooler,
    /// What stands on top.
    Head,
    /// A second time what another tensor of the file is: the decoder tied to the word embeddings.
    Copy,
    /// The steps between the codes of an 8-bit matrix.
    Scale,
    /// What follows from the configuration.
    Buffer,
    /// An optimizer's, or a count of steps.
    Training,
    /// No BERT has a tensor of that name.
    Unknown,
}

impl Part {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embeddings => "embeddings",
            Self::Layer(_) => "layers",
            Self::Pooler => "pooler",
            Self::Head => "head",
            Self::Copy => "copies",
            Self::Scale => "scales",
            Self::Buffer => "buffers",
            Self::Training => "training",
            Self::Unknown => "unknown",
        }
    }

    /// Whether its numbers are parameters.
    pub fn is_of_model(self) -> bool {
        self <= Self::Head
    }
}

/// Looks into a model directory.
///
/// # Errors
/// It cannot be read.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let directory = ModelDirectory::open(path)?;
    let config = directory.config(None)?;
    let file = directory.weights()?;
    let contents = Contents::new(&file, Some(&config));
    let source = Source::of_config(file, &config)?;
    let head = decide(&source.canonical_names(), &config);
    let problem = match &head {
        Verdict::Head(kind) => source.check(*kind, &config, &LoadOptions::default()),
        Verdict::Ambiguous(_) => Ok(()),
    };
    let problem = problem.err().map(|error| error.to_string());
    Ok(Inspection { config, head, contents, problem })
}

impl Contents {
    /// Looks into a file of tensors.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Ok(Self::new(&TensorFile::open(path)?, None))
    }

    /// `config`: a layer that it does not have is unknown.
    fn new(file: &TensorFile, config: Option<&Config>) -> Self {
        let layers = config.map_or(usize::MAX, |config| config.num_hidden_layers);
        let known = known_names();
        let whole = file.names().any(|name| {
            matches!(meaning(file.format(), name), Meaning::Weights { name, .. } if name == PREDICTIONS_BIAS)
        });
        let list = |name: &str| {
            let (canonical, transposed, part) = match meaning(file.format(), name) {
                Meaning::Buffer => (None, false, Part::Buffer),
                Meaning::Training => (None, false, Part::Training),
                Meaning::Weights { name, transposed } => {
                    let part = match name.as_str() {
                        DECODER_BIAS if !whole => Part::Head, // alone, it is the bias itself
                        name if matrix_of(name).is_some() => Part::Scale,
                        name => part(name, &known, layers),
                    };
                    (Some(name), transposed, part)
                }
            };
            let shape = file.shape(name).expect("the name is from the file").to_vec();
            let dtype = file.dtype(name).expect("the name is from the file").clone();
            Listed { name: name.to_owned(), canonical, shape, dtype, transposed, part }
        };
        Self {
            path: file.path().to_owned(),
            format: file.format(),
            tensors: file.names().map(list).collect(),
            notes: file.notes().to_vec(),
        }
    }

    /// What the names say about the head.
    pub fn head(&self) -> Verdict {
        let named = |tensor: &Listed| tensor.canonical.clone();
        let names: Vec<_> = self.tensors.iter().filter_map(named).collect();
        decide(&names.iter().map(String::as_str).collect(), &Config::default())
    }
}

// ANCHOR: part
/// Where a tensor with this (canonical) name belongs, in a model of so many layers.
fn part(name: &str, known: &BTreeSet<String>, layers: usize) -> Part {
    let (layer, normal) = match layer_of(name) {
        Some((layer, rest)) => (Some(layer), format!("{LAYER}0.{rest}")),
        None => (None, name.to_owned()),
    };
    if !known.contains(&normal) {
        return Part::Unknown;
    }
    match layer {
        Some(layer) if layer < layers => Part::Layer(layer),
        Some(_) => Part::Unknown,
        None if name == DECODER_WEIGHT || name == DECODER_BIAS => Part::Copy,
        None if name.starts_with("bert.embeddings.") => Part::Embeddings,
        None if name.starts_with("bert.pooler.") => Part::Pooler,
        None => Part::Head,
    }
}
// ANCHOR_END: part

const LAYER: &str = "bert.encoder.layer.";

/// The number of the layer that a (canonical) name is of, and the name within it.
pub fn layer_of(name: &str) -> Option<(usize, &str)> {
    let (number, rest) = name.strip_prefix(LAYER)?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// The names of all tensors that a BERT of one layer may have, whatever its head: the models know them.
fn known_names() -> BTreeSet<String> {
    let names = |kind: HeadKind| {
        let model = Model::zeros(kind, &tiny(), true);
        model.tensors().into_iter().map(|tensor| tensor.name).collect::<Vec<_>>()
    };
    let copies = [DECODER_WEIGHT, DECODER_BIAS].map(str::to_owned);
    HeadKind::ALL.into_iter().flat_map(names).chain(copies).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::WORD_EMBEDDINGS;

    #[test]
    fn every_tensor_has_its_part_and_what_is_none_of_berts_is_unknown() {
        let known = known_names();
        for (name, expected) in [
            (WORD_EMBEDDINGS, Part::Embeddings),
            ("bert.embeddings.LayerNorm.bias", Part::Embeddings),
            ("bert.encoder.layer.3.attention.self.query.weight", Part::Layer(3)),
            ("bert.encoder.layer.12.attention.self.query.weight", Part::Unknown),
            ("bert.encoder.layer.0.attention.self.gate.weight", Part::Unknown),
            ("bert.encoder.layer.x.attention.self.query.weight", Part::Unknown),
            ("bert.pooler.dense.bias", Part::Pooler),
            ("cls.predictions.bias", Part::Head),
            ("cls.predictions.decoder.weight", Part::Copy),
            ("cls.predictions.decoder.bias", Part::Copy),
            ("cls.seq_relationship.weight", Part::Head),
            ("classifier.weight", Part::Head),
            ("qa_outputs.bias", Part::Head),
            ("roberta.embeddings.word_embeddings.weight", Part::Unknown),
        ] {
            assert_eq!(part(name, &known, 12), expected, "{name}");
        }
    }
}
