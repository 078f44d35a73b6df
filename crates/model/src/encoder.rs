//! The encoder: `L` equal layers, one after the other.

use crate::encoder_layer::EncoderLayerCache;
use crate::{Config, Context, EncoderLayer};
use bert_nn::Real;
use ndarray::Array2;

/// The parameters of all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    /// `L` layers.
    pub layer: Vec<EncoderLayer>,
}

bert_nn::tensors!(Encoder { layer => "layer" });

impl Encoder {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self { layer: vec![EncoderLayer::zeros(config); config.num_hidden_layers] }
    }

    // ANCHOR: infer
    /// `hidden` [T, H] → [T, H]. Nothing is kept: each layer's activations are dropped with it.
    pub fn infer(&self, hidden: Array2<Real>, bounds: &[usize], context: &Context) -> Array2<Real> {
        let mut hidden = hidden; // [T, H]
        for (number, layer) in self.layer.iter().enumerate() {
            (hidden, _) = layer.forward(hidden.view(), bounds, number, context); // [T, H]
        }
        hidden
    }
    // ANCHOR_END: infer

    /// As [`Encoder::infer`], calling `seen` with each layer's number, output and activations.
    pub fn trace(
        &self,
        hidden: Array2<Real>,
        bounds: &[usize],
        context: &Context,
        mut seen: impl FnMut(usize, &Array2<Real>, &EncoderLayerCache),
    ) -> Array2<Real> {
        let mut hidden = hidden; // [T, H]
        for (number, layer) in self.layer.iter().enumerate() {
            let (output, cache) = layer.forward(hidden.view(), bounds, number, context); // [T, H]
            seen(number, &output, &cache);
            hidden = output;
        }
        hidden
    }
}
