//! A directory whose weights have 8 bits, as `bert quantize` writes it.
//!
//! The weights lie in `model.int8.safetensors`: another name than usual, so that a program that knows nothing of this finds no weights
//! and says so, instead of taking codes for weights. Each of the encoder's matrices has its usual name and is `I8` [out, in]; beside it
//! lies `NAME_scale`, `F32` \[out], the step from one code to the next, and there may be a `NAME_balance`, `F32` \[in]:
//! weight\[j, k] = scale\[j] · code\[j, k] · balance\[k], and inputs are multiplied by it before they become codes. Query, key and value read
//! the same input; the query's balance is that of all three. All other tensors are as usual. `config.json` is the model's own, and says `"quantization_config": {"quant_method": "bert_by_hand_int8"}`.

use crate::directory::CONFIG;
use crate::source::{Source, Stored as InFile};
use crate::{Error, Stored, TokenizerFiles, write_atomically, write_tensors};
use bert_kernels::Quantised;
use bert_model::{Config, Model, QuantisedModel};
use bert_nn::Tensors;
use ndarray::{Array1, Array2};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::path::Path;

/// The weights' file.
pub const WEIGHTS: &str = "model.int8.safetensors";
/// What stands behind a matrix's name in that of its scales.
pub const SCALE: &str = "_scale";
/// What stands behind a matrix's name in that of its balance.
pub const BALANCE: &str = "_balance";
const KEY: &str = "quantization_config";
const METHOD: &str = "bert_by_hand_int8";

/// Whether a configuration says that its weights have 8 bits.
pub fn is_quantised(config: &Config) -> bool {
    let method = config.other.get(KEY).and_then(|settings| settings.get("quant_method"));
    method == Some(&Value::from(METHOD))
}

/// The matrix whose scales, or balance, have this name.
pub(crate) fn matrix_of(name: &str) -> Option<&str> {
    let matrix = name.strip_suffix(SCALE).or_else(|| name.strip_suffix(BALANCE))?;
    QuantisedModel::is_matrix(matrix).then_some(matrix)
}

/// Writes configuration, weights and the tokenizer's files into `directory`, which is made if need be. The weights come last, so a
/// new directory with weights is whole.
///
/// # Errors
/// A file cannot be written.
pub fn save_quantised(
    directory: &Path,
    config: &Config,
    model: &QuantisedModel,
    tokenizer: &TokenizerFiles,
) -> Result<(), Error> {
    fs::create_dir_all(directory).map_err(Error::io(directory))?;
    for (name, bytes) in tokenizer.files() {
        write_atomically(&directory.join(name), |file| file.write_all(bytes))?;
    }
    let mut config = config.clone();
    let head = model.rest().head.kind();
    config.architectures = Some(vec![head.architecture().to_owned()]);
    config.other.insert(KEY.to_owned(), json!({ "quant_method": METHOD, "bits": 8 }));
    let json = config.to_json("float32");
    write_atomically(&directory.join(CONFIG), |file| file.write_all(json.as_bytes()))?;
    write_tensors(&directory.join(WEIGHTS), stored(model))
}

/// The tensors of the file.
fn stored(model: &QuantisedModel) -> Vec<(String, Stored<'_>)> {
    let mut all = Vec::new();
    for tensor in model.rest().tensors() {
        let Some(matrix) = model.matrices().get(&tensor.name) else {
            all.push((tensor.name, Stored::reals(tensor.shape, tensor.values)));
            continue;
        };
        let codes = matrix.codes.as_slice().expect("row by row");
        let scales = matrix.scales.as_slice().expect("a vector");
        let scale = format!("{}{SCALE}", tensor.name);
        all.push((scale, Stored::reals(vec![scales.len()], scales)));
        let balance = matrix.balance.as_slice().expect("a vector");
        let is_own = QuantisedModel::balanced_with(&tensor.name) == tensor.name;
        if is_own && balance.iter().any(|&factor| factor != 1.0) {
            let name = format!("{}{BALANCE}", tensor.name);
            all.push((name, Stored::reals(vec![balance.len()], balance)));
        }
        all.push((tensor.name, Stored::Codes { shape: tensor.shape, values: codes }));
    }
    all
}

impl Source {
    /// Refuses what the kernels cannot compute with. `config` says that the weights have 8 bits.
    pub(crate) fn check_quantised(&self, config: &Config) -> Result<(), Error> {
        let inputs = config.hidden_size.max(config.intermediate_size);
        if inputs <= QuantisedModel::MOST_INPUTS {
            return Ok(());
        }
        let (path, largest) = (self.file.path().to_owned(), QuantisedModel::MOST_INPUTS);
        Err(Error::TooWide { path, inputs, largest })
    }

    /// The codes, scales and balance of the matrix `canonical`.
    pub(crate) fn read_codes(
        &self,
        matrix: &InFile,
        canonical: &str,
        shape: [usize; 2],
    ) -> Result<Quantised, Error> {
        let name = &matrix.name;
        let values = self.file.codes(name, &shape)?;
        if let Some(place) = values.iter().position(|&code| code == i8::MIN) {
            let (path, tensor) = (self.file.path().to_owned(), name.clone());
            return Err(Error::Code { path, tensor, place });
        }
        let mut scales = vec![0.0; shape[0]];
        let scale = format!("{name}{SCALE}");
        self.file.read_into(&scale, &shape[..1], &mut scales)?;
        self.check_finite(&scale, &scales)?;
        let codes = Array2::from_shape_vec(shape, values).expect("as many as the shape says");
        let mut balance = vec![1.0; shape[1]];
        if let Some(stored) = self.names.get(&balance_of(canonical)) {
            self.file.read_into(&stored.name, &shape[1..], &mut balance)?;
            self.check_finite(&stored.name, &balance)?;
        }
        Ok(Quantised { codes, scales: Array1::from(scales), balance: Array1::from(balance) })
    }
}

/// The name of a matrix's balance.
pub(crate) fn balance_of(matrix: &str) -> String {
    format!("{}{BALANCE}", QuantisedModel::balanced_with(matrix))
}

/// The size that the same model has in full width: 4 bytes for each number.
pub fn full_size(model: &Model) -> usize {
    model.tensors().iter().map(|tensor| 4 * tensor.values.len()).sum()
}
