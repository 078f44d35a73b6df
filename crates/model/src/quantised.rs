//! A model whose encoder computes with 8 bits: its matrices are codes, and a scale for each output.
//!
//! The six matrices of each layer are nearly all that a forward pass multiplies. All else keeps its full width: the tables, from which
//! one row is read for each token; biases and LayerNorm, which are small; pooler and head, whose result is read directly.
//!
//! Such a model answers, and does not train: a step of training changes a weight by less than the step from one code to the next.

use crate::balance::{Sizes, factors, input_sizes};
use crate::{Batch, Context, EncoderLayer, Model};
use bert_kernels::{PackedInt8, Quantised, quantise_rows};
use bert_nn::{Linear, Real};
use ndarray::{Array2, ArrayView2};
use std::collections::BTreeMap;

/// Body and head, the encoder's matrices as codes.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantisedModel {
    /// All else. The encoder's matrices are zeros there, which take no memory so long as nobody touches them.
    rest: Model,
    /// The encoder's matrices [out, in], by name.
    matrices: BTreeMap<String, Quantised>,
}

/// A model as a directory holds it.
#[derive(Debug, Clone)]
pub enum AnyModel {
    /// All numbers in full width.
    Plain(Box<Model>),
    /// The encoder's matrices in 8 bits.
    Quantised(Box<QuantisedModel>),
}

/// The linear layers of an encoder layer, by their names in it. No other tensor is in 8 bits.
const PARTS: [&str; 6] = [
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
];

fn parts_mut(layer: &mut EncoderLayer) -> [&mut Linear; 6] {
    let EncoderLayer { attention, feed_forward } = layer;
    [
        &mut attention.query,
        &mut attention.key,
        &mut attention.value,
        &mut attention.output,
        &mut feed_forward.intermediate,
        &mut feed_forward.output,
    ]
}

/// Which of the four products of a layer each part belongs to: query, key and value read the same input.
const PRODUCTS: [usize; 6] = [0, 0, 0, 1, 2, 3];

/// The name of a part's matrix.
fn matrix(layer: usize, part: &str) -> String {
    format!("bert.encoder.layer.{layer}.{part}.weight")
}

impl QuantisedModel {
    /// The most inputs that a linear layer may have: the sums have 32 bits.
    pub const MOST_INPUTS: usize = PackedInt8::MOST_INPUTS;

    /// Quantises matrix after matrix; `seen` is called with each, its name and its codes.
    ///
    /// # Panics
    /// Where a linear layer has more than [`QuantisedModel::MOST_INPUTS`] inputs.
    pub fn new(model: Model, seen: impl FnMut(&str, ArrayView2<Real>, &Quantised)) -> Self {
        Self::with_sizes(model, None, seen)
    }

    /// As [`QuantisedModel::new`], and balances matrices and what they are multiplied with: nearer to full width for a trained model.
    /// How large the inputs are is seen from `samples`; without any, nothing is balanced.
    ///
    /// # Panics
    /// As [`QuantisedModel::new`].
    pub fn balanced(
        model: Model,
        samples: &[Batch],
        context: &Context,
        seen: impl FnMut(&str, ArrayView2<Real>, &Quantised),
    ) -> Self {
        let sizes = (!samples.is_empty()).then(|| input_sizes(&model, samples, context));
        Self::with_sizes(model, sizes, seen)
    }

    fn with_sizes(
        mut model: Model,
        sizes: Option<Vec<Sizes>>,
        mut seen: impl FnMut(&str, ArrayView2<Real>, &Quantised),
    ) -> Self {
        let mut matrices = BTreeMap::new();
        for (number, layer) in model.bert.encoder.layer.iter_mut().enumerate() {
            let balance = sizes.as_ref().map(|sizes| factors(layer, &sizes[number]));
            let parts = PARTS.into_iter().zip(PRODUCTS).zip(parts_mut(layer));
            for ((part, product), linear) in parts {
                let inputs = linear.weight.ncols();
                assert!(inputs <= Self::MOST_INPUTS, "{part}: {inputs} inputs are too many");
                let (name, weight) = (matrix(number, part), linear.weight.view());
                let quantised = match &balance {
                    Some(balance) => Quantised::balanced(weight, balance[product].clone()),
                    None => quantise_rows(weight),
                };
                seen(&name, linear.weight.view(), &quantised);
                linear.weight = Array2::zeros(linear.weight.dim());
                matrices.insert(name, quantised);
            }
        }
        Self { rest: model, matrices }
    }

    /// Puts a model together. `rest` has the encoder's matrices as zeros.
    ///
    /// # Panics
    /// Where a matrix is missing or has another shape.
    pub fn from_parts(mut rest: Model, matrices: BTreeMap<String, Quantised>) -> Self {
        for (number, layer) in rest.bert.encoder.layer.iter_mut().enumerate() {
            for (part, linear) in PARTS.into_iter().zip(parts_mut(layer)) {
                let found = matrices.get(&matrix(number, part)).map(|codes| codes.codes.dim());
                assert_eq!(found, Some(linear.weight.dim()), "layer {number}, {part}");
            }
        }
        Self { rest, matrices }
    }

    /// Whether a tensor of this name is one of the encoder's matrices.
    pub fn is_matrix(name: &str) -> bool {
        let inner = |name: &str| -> Option<bool> {
            let name = name.strip_prefix("bert.encoder.layer.")?.strip_suffix(".weight")?;
            let (number, part) = name.split_once('.')?;
            Some(number.parse::<usize>().is_ok() && PARTS.contains(&part))
        };
        inner(name).unwrap_or(false)
    }

    /// The matrix by whose name the balance of this one goes: query, key and value read the same input, and have the query's.
    pub fn balanced_with(name: &str) -> String {
        let same = |part| name.strip_suffix(part).map(|layer| format!("{layer}query.weight"));
        same("key.weight").or_else(|| same("value.weight")).unwrap_or_else(|| name.to_owned())
    }

    /// All but the encoder's matrices, which are zeros there.
    pub fn rest(&self) -> &Model {
        &self.rest
    }

    /// The encoder's matrices by name.
    pub fn matrices(&self) -> &BTreeMap<String, Quantised> {
        &self.matrices
    }

    /// The model of full width that computes what the codes stand for.
    pub fn dequantised(self) -> Model {
        let Self { rest: mut model, mut matrices } = self;
        for (number, layer) in model.bert.encoder.layer.iter_mut().enumerate() {
            for (part, linear) in PARTS.into_iter().zip(parts_mut(layer)) {
                let codes = matrices.remove(&matrix(number, part));
                linear.weight = codes.expect("checked when it was put together").dequantise();
            }
        }
        model
    }

    /// All but the matrices, and these, to be taken out by layer and part.
    pub(crate) fn into_parts(self) -> (Model, impl FnMut(usize, &str) -> Quantised) {
        let mut matrices = self.matrices;
        let take = move |layer, part: &str| {
            matrices.remove(&matrix(layer, part)).expect("checked when it was put together")
        };
        (self.rest, take)
    }
}
