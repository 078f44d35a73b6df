//! A model becomes a directory in Hugging Face's layout, which transformers reads unchanged.

use crate::directory::{CONFIG, WEIGHTS};
use crate::{Error, Precision, TokenizerFiles, safetensors, write_atomically};
use ::safetensors::View;
use ::safetensors::tensor::{Dtype, serialize};
use bert_model::{Config, Model};
use bert_nn::{Real, TensorRef, Tensors};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes configuration, weights and the tokenizer's files into `directory`, which is made if need be.
///
/// The weights come last, so a new directory with weights is whole. Over an older model each file is
/// replaced by itself: a crash in between leaves the new configuration beside the old weights.
pub fn save(
    directory: &Path,
    config: &Config,
    model: &Model,
    tokenizer: &TokenizerFiles,
) -> Result<(), Error> {
    save_as(directory, config, model, tokenizer, Precision::F32)
}

/// As [`save`], with numbers of this width. What is beyond it becomes infinite: see [`Precision::rounding`].
pub fn save_as(
    directory: &Path,
    config: &Config,
    model: &Model,
    tokenizer: &TokenizerFiles,
    precision: Precision,
) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(Error::io(directory))?;
    for (name, bytes) in tokenizer.files() {
        write_atomically(&directory.join(name), |file| file.write_all(bytes))?;
    }
    let mut config = config.clone();
    config.architectures = Some(vec![model.head.kind().architecture().to_owned()]);
    let json = config.to_json(precision.dtype());
    write_atomically(&directory.join(CONFIG), |file| file.write_all(json.as_bytes()))?;
    write_tensors(&directory.join(WEIGHTS), named_as("", model, precision))
}

/// The tensors of a value, each name behind `prefix`.
pub fn named<'a>(prefix: &str, tensors: &'a impl Tensors) -> Vec<(String, Stored<'a>)> {
    named_as(prefix, tensors, Precision::F32)
}

fn named_as<'a>(
    prefix: &str,
    tensors: &'a impl Tensors,
    precision: Precision,
) -> Vec<(String, Stored<'a>)> {
    let stored = |tensor: TensorRef<'a>| {
        let values = Cow::Borrowed(tensor.values);
        (
            format!("{prefix}{}", tensor.name),
            Stored::Reals { shape: tensor.shape, values, precision },
        )
    };
    tensors.tensors().into_iter().map(stored).collect()
}

/// A tensor as it is written.
#[derive(Debug, Clone)]
pub enum Stored<'a> {
    /// Weights, and whatever else is computed with.
    Reals {
        /// Any number of dimensions.
        shape: Vec<usize>,
        /// Row by row.
        values: Cow<'a, [Real]>,
        /// How wide they are written.
        precision: Precision,
    },
    /// Written as 64-bit integers.
    Integers {
        /// Any number of dimensions.
        shape: Vec<usize>,
        /// Row by row.
        values: Vec<i64>,
    },
    /// Written as 8-bit integers.
    Codes {
        /// Any number of dimensions.
        shape: Vec<usize>,
        /// Row by row.
        values: &'a [i8],
    },
}

impl<'a> Stored<'a> {
    /// Numbers of full width, row by row.
    pub fn reals(shape: Vec<usize>, values: impl Into<Cow<'a, [Real]>>) -> Self {
        Self::Reals { shape, values: values.into(), precision: Precision::F32 }
    }
}

impl View for Stored<'_> {
    fn dtype(&self) -> Dtype {
        match self {
            Self::Reals { precision, .. } => precision.stored(),
            Self::Integers { .. } => Dtype::I64,
            Self::Codes { .. } => Dtype::I8,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Reals { shape, .. }
            | Self::Integers { shape, .. }
            | Self::Codes { shape, .. } => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Reals { values, precision, .. } => precision.bytes(values).into(),
            Self::Integers { values, .. } => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            Self::Codes { values, .. } => values.iter().map(|&code| code as u8).collect(),
        }
    }

    fn data_len(&self) -> usize {
        match self {
            Self::Reals { values, precision, .. } => values.len() * precision.width(),
            Self::Integers { values, .. } => values.len() * 8,
            Self::Codes { values, .. } => values.len(),
        }
    }
}

/// Writes named tensors into a safetensors file, replacing it as a whole.
pub fn write_tensors(path: &Path, tensors: Vec<(String, Stored)>) -> Result<(), Error> {
    // transformers refuses a file that does not say which framework's layout it is.
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = serialize(tensors, Some(metadata)).map_err(|error| Error::Corrupt {
        path: path.to_owned(),
        format: safetensors::FORMAT,
        problem: error.to_string(),
    })?;
    write_atomically(path, |file| file.write_all(&bytes))
}
