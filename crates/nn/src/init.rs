//! How a fresh layer gets its first weights.
//!
//! Biases begin at 0, LayerNorm scales at 1, all other weights are drawn from a normal distribution
//! with standard deviation 0.02. Google cuts that distribution off at two deviations
//! (`create_initializer` in `modeling.py`); Hugging Face does not. (It also zeroes the padding
//! token's row, which is left out here: no packed batch ever looks it up.) Which rule applies to a
//! tensor follows from its name and its shape: a weight of one axis is a LayerNorm's scale.

use crate::random::{generator, hash};
use crate::{TensorMut, Tensors};
use bert_kernels::Real;
use ndarray_rand::rand_distr::{Distribution, Normal};

/// The distribution of fresh weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initializer {
    /// Hugging Face's.
    Normal {
        /// Standard deviation (`initializer_range`).
        std: f64,
    },
    /// Google's: what lies further than two deviations from 0 is drawn again.
    TruncatedNormal {
        /// Standard deviation before the cut (`initializer_range`).
        std: f64,
    },
}

/// Fills every tensor by its name's rule. Each tensor has a generator of its own, named by the
/// seed and the tensor, so adding a layer changes no other layer's weights.
pub fn initialize(parameters: &mut impl Tensors, initializer: Initializer, seed: u64) {
    for tensor in parameters.tensors_mut() {
        initialize_tensor(tensor, initializer, seed);
    }
}

/// Fills one tensor by its name's rule.
pub fn initialize_tensor(tensor: TensorMut, initializer: Initializer, seed: u64) {
    if tensor.name.ends_with("bias") {
        tensor.values.fill(0.0);
    } else if tensor.shape.len() == 1 {
        tensor.values.fill(1.0);
    } else {
        draw(tensor.values, initializer, seed, &tensor.name);
    }
}

fn draw(values: &mut [Real], initializer: Initializer, seed: u64, name: &str) {
    let mut random = generator(seed, "init", 0, hash(name.as_bytes()));
    let (std, limit) = match initializer {
        Initializer::Normal { std } => (std, f64::INFINITY),
        Initializer::TruncatedNormal { std } => (std, 2.0 * std),
    };
    let normal = Normal::new(0.0, std).expect("a standard deviation is finite and not negative");
    for value in values {
        let mut sample: f64 = normal.sample(&mut random);
        while sample.abs() > limit {
            sample = normal.sample(&mut random);
        }
        *value = sample as Real;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attention, LayerNorm, Linear};

    fn spread(initializer: Initializer) -> (f64, f64, f64) {
        let mut layer = Linear::zeros(300, 200);
        layer.bias.fill(5.0);
        initialize(&mut layer, initializer, 1);
        assert!(layer.bias.iter().all(|&b| b == 0.0));
        let values: Vec<f64> = layer.weight.iter().map(|&w| f64::from(w)).collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
        let largest = values.iter().fold(0.0, |largest: f64, v| largest.max(v.abs()));
        (mean, variance.sqrt(), largest)
    }

    #[test]
    fn normal_weights_have_the_stated_spread() {
        let (mean, std, largest) = spread(Initializer::Normal { std: 0.02 });
        // 60,000 draws: the mean's own deviation is 8e-5, the spread's 6e-5; allow five.
        assert!(mean.abs() < 4e-4, "{mean}");
        assert!((std - 0.02).abs() < 3e-4, "{std}");
        assert!(largest > 0.06, "{largest}");
    }

    #[test]
    fn truncated_weights_stay_within_two_deviations() {
        let (_, std, largest) = spread(Initializer::TruncatedNormal { std: 0.02 });
        assert!(largest <= 0.04, "{largest}");
        // A normal cut at two deviations keeps 0.8796 of its spread.
        assert!((std - 0.02 * 0.8796).abs() < 3e-4, "{std}");
    }

    #[test]
    fn a_layer_norm_by_itself_begins_with_a_scale_of_one() {
        let mut layer = LayerNorm::zeros(5);
        initialize(&mut layer, Initializer::Normal { std: 0.02 }, 1);
        assert!(layer.weight.iter().all(|&w| w == 1.0) && layer.bias.iter().all(|&b| b == 0.0));
    }

    #[test]
    fn names_decide_and_each_tensor_has_its_own_numbers() {
        let mut block = Attention::zeros(8);
        initialize(&mut block, Initializer::Normal { std: 0.02 }, 1);
        assert!(block.layer_norm.weight.iter().all(|&w| w == 1.0));
        assert!(block.layer_norm.bias.iter().all(|&b| b == 0.0));
        assert_ne!(block.query.weight, block.key.weight);
    }
}
