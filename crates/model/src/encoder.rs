//! The encoder: `L` equal layers, one after the other.
//!
//! The backward pass goes through them from the last to the first. What it needs of each layer is
//! either kept, or computed again from the layer's input when its turn comes ("gradient
//! checkpointing", Chen et al., 2016):
//!
//! | [`Keep`] | numbers for each token | BERT-base | price |
//! |---|---|---|---|
//! | `All` | L·(7·H + F) | 406 KB | – |
//! | `InputOnly` | L·H, and one layer's 6·H + F | 68 KB | a second forward pass |
//!
//! Both give the same bits: dropout is asked again under the same names.

use crate::encoder_layer::EncoderLayerCache;
use crate::{Config, Context, EncoderLayer};
use bert_nn::Real;
use ndarray::{Array2, ArrayView2};

// ANCHOR: keep
/// What a forward pass keeps of each layer for the backward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Every activation.
    #[default]
    All,
    /// The layer's input; the rest is computed again.
    InputOnly,
}
// ANCHOR_END: keep

/// The parameters of all layers.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    /// `L` layers.
    pub layer: Vec<EncoderLayer>,
}

bert_nn::tensors!(Encoder { layer => "layer" });

/// The gradients of an encoder have its shapes.
pub type EncoderGrads = Encoder;

/// What one forward pass leaves behind, a piece for each layer that is trained.
#[derive(Debug, Clone)]
pub struct EncoderCache {
    layers: Vec<KeptLayer>,
}

#[derive(Debug, Clone)]
struct KeptLayer {
    number: usize,
    /// [T, H].
    input: Array2<Real>,
    /// None where it is to be computed again.
    cache: Option<EncoderLayerCache>,
}

impl Encoder {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        // Each made anew: a copy would touch its memory, and zeros from the system take none until they are written to.
        let layers = 0..config.num_hidden_layers;
        Self { layer: layers.map(|_| EncoderLayer::zeros(config)).collect() }
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

    // ANCHOR: forward
    /// `hidden` [T, H] → [T, H], and what the backward pass needs.
    pub fn forward(
        &self,
        hidden: Array2<Real>,
        bounds: &[usize],
        context: &Context,
        keep: Keep,
    ) -> (Array2<Real>, EncoderCache) {
        let mut hidden = hidden; // [T, H]
        let mut layers = Vec::with_capacity(self.layer.len());
        for (number, layer) in self.layer.iter().enumerate() {
            let (output, cache) = layer.forward(hidden.view(), bounds, number, context); // [T, H]
            let cache = (keep == Keep::All).then_some(cache);
            if !context.freeze.layer(number) {
                layers.push(KeptLayer { number, input: hidden, cache });
            }
            hidden = output;
        }
        (hidden, EncoderCache { layers })
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to what came in [T, H], from the one with respect to what
    /// came out [T, H]; adds the layers' gradients to `grads`. `seen` is called with the gradient
    /// of each layer's output and the layer's number, from the last to the first. With frozen layers
    /// it ends above them, and returns the gradient of what came into the lowest that is not frozen.
    pub fn backward(
        &self,
        cache: EncoderCache,
        d_output: Array2<Real>,
        bounds: &[usize],
        context: &Context,
        grads: &mut EncoderGrads,
        mut seen: impl FnMut(usize, ArrayView2<Real>),
    ) -> Array2<Real> {
        let mut d_hidden = d_output; // [T, H]
        for kept in cache.layers.into_iter().rev() {
            let number = kept.number;
            seen(number, d_hidden.view());
            let (layer, grads) = (&self.layer[number], &mut grads.layer[number]);
            let input = kept.input.view();
            let cache =
                kept.cache.unwrap_or_else(|| layer.forward(input, bounds, number, context).1);
            d_hidden = layer.backward(input, cache, d_hidden, bounds, number, context, grads); // [T, H]
        }
        d_hidden
    }
    // ANCHOR_END: backward

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
