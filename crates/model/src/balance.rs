//! How the inputs of 8-bit layers and their weights are balanced.
//!
//! In a trained model some numbers of every token's vector are far larger than the rest, and so are some columns of the weights. What is
//! large takes the codes away from all else in its row. With factors b, x·b and w/b have the same product as x and w; they are chosen so
//! that neither side has all of the trouble:
//!
//! > b\[k] = √(maxⱼ|w\[j, k]| / rms x\[k]), divided by the median of all, and none beyond 1/4 and 4
//!
//! The root mean square is taken over the tokens of a few sample texts. Xiao et al., "SmoothQuant", 2022, equation 4, have the largest
//! number of the samples in its place; where samples are few, that depends too much on a single token.

use crate::encoder_layer::attention_settings;
use crate::{Batch, Context, EncoderLayer, Model};
use bert_kernels::activate_rows;
use bert_nn::Real;
use ndarray::{Array1, Array2, Axis};

/// Samples may be silent where another text is loud: no factor beyond this, or one part of it.
const MOST: f64 = 4.0;
/// A number that is smaller in all samples counts as this large.
const SMALLEST: f64 = 1e-6;

/// How large the inputs \[in] of a layer's four products are: root mean squares over tokens. In order: query, key and value; attention's
/// output; feed-forward's first and second.
pub(crate) type Sizes = [Array1<f64>; 4];

/// Of each layer, over the tokens of all `samples`, of which there is one at least.
pub(crate) fn input_sizes(model: &Model, samples: &[Batch], context: &Context) -> Vec<Sizes> {
    let (hidden, wide) = (context.config.hidden_size, context.config.intermediate_size);
    let zeros = || [hidden, hidden, hidden, wide].map(Array1::zeros);
    let mut sums: Vec<Sizes> = model.bert.encoder.layer.iter().map(|_| zeros()).collect();
    for batch in samples {
        let (mut hidden, _) = model.bert.embeddings.forward(batch, context); // [T, H]
        for (number, layer) in model.bert.encoder.layer.iter().enumerate() {
            let (output, cache) = layer.forward(hidden.view(), &batch.bounds, number, context);
            let settings = attention_settings(number, context);
            let attended = layer.attention.output_again(&cache.attention, &settings); // [T, H]
            let feed_forward = cache.feed_forward.expect("nothing is left out");
            let mut activation = feed_forward.intermediate; // [T, F]
            activate_rows(context.config.activation(), activation.view_mut());
            let inputs = [hidden, cache.attention.context, attended, activation];
            for (sum, input) in sums[number].iter_mut().zip(inputs) {
                *sum += &input.mapv(|x| f64::from(x).powi(2)).sum_axis(Axis(0));
            }
            hidden = output;
        }
    }
    let tokens: usize = samples.iter().map(Batch::tokens).sum();
    let root = |sum: Array1<f64>| sum.mapv(|sum| (sum / tokens as f64).sqrt());
    sums.into_iter().map(|sums| sums.map(root)).collect()
}

/// The factors \[in] of a layer's four products, from how large their inputs are.
pub(crate) fn factors(layer: &EncoderLayer, sizes: &Sizes) -> [Array1<Real>; 4] {
    let (attention, feed_forward) = (&layer.attention, &layer.feed_forward);
    let weights: [&[&Array2<Real>]; 4] = [
        &[&attention.query.weight, &attention.key.weight, &attention.value.weight],
        &[&attention.output.weight],
        &[&feed_forward.intermediate.weight],
        &[&feed_forward.output.weight],
    ];
    std::array::from_fn(|product| factors_of(weights[product], &sizes[product]))
}

/// Those of weights [out, in] that read the same input.
fn factors_of(weights: &[&Array2<Real>], sizes: &Array1<f64>) -> Array1<Real> {
    let largest = |k: usize| {
        let numbers = weights.iter().flat_map(|weight| weight.column(k));
        numbers.fold(SMALLEST, |largest, &w| largest.max(f64::from(w.abs())))
    };
    let ratio = |(k, size): (usize, &f64)| (largest(k) / size.max(SMALLEST)).sqrt();
    let ratios: Vec<_> = sizes.iter().enumerate().map(ratio).collect();
    let mut sorted = ratios.clone();
    sorted.sort_by(f64::total_cmp);
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(1.0);
    ratios.into_iter().map(|ratio| (ratio / median).clamp(1.0 / MOST, MOST) as Real).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn factors_are_those_of_the_formula() {
        // Ratios 16, 1, 1/16, 1e4: roots 4, 1, 1/4, 100; the upper median is 4.
        let first = array![[16.0, 1.0, -2.0, 1.0], [0.0, 0.5, 1.0, 1.0]];
        let second = array![[1.0, -1.0, 0.0, 0.0]];
        let sizes = array![1.0, 1.0, 32.0, 1e-4];
        let factors = factors_of(&[&first, &second], &sizes);
        let expected = array![1.0, 0.25, 0.25, 4.0]; // the last two would be 1/16 and 25
        assert!((factors - expected).iter().all(|x: &Real| x.abs() < 1e-6));
        // A number that no sample has, or no weight.
        let factors = factors_of(&[&array![[0.0, 1.0, 1.0]]], &array![1.0, 1.0, 0.0]);
        assert!((factors - array![0.25, 1.0, 4.0]).iter().all(|x: &Real| x.abs() < 1e-6));
    }
}
