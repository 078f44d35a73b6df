//! What the parts of a forward pass cost at least: operations, and bytes to and from memory.

use crate::packed::Part;
use crate::{Batch, Config, Head};
use bert_nn::{Real, Tensors};

/// The least that a part can cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Additions, multiplications and divisions; a function such as exp or erf counts as one.
    pub operations: usize,
    /// Each operand once, each result once.
    pub bytes: usize,
}

/// A product [m, k]·[k, n] with a bias.
fn linear(m: usize, k: usize, n: usize) -> Cost {
    Cost { operations: 2 * m * k * n + m * n, bytes: size(m * k + k * n + n + m * n) }
}

fn size(numbers: usize) -> usize {
    numbers * size_of::<Real>()
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let operations = self.operations + other.operations;
        Self { operations, bytes: self.bytes + other.bytes }
    }
}

/// What `part` (of one layer) costs for `batch`.
pub fn cost(part: Part, batch: &Batch, config: &Config, head: &Head) -> Cost {
    let (t, h, f) = (batch.tokens(), config.hidden_size, config.intermediate_size);
    // Per number: the sum with the residual, two for the mean and the variance each, subtraction, division, weight, bias.
    let norm = Cost { operations: 9 * t * h, bytes: size(3 * t * h + 2 * h) };
    match part {
        Part::Embeddings => Cost { operations: 10 * t * h, bytes: size(4 * t * h + 2 * h) },
        Part::QueryKeyValue => linear(t, h, 3 * h),
        Part::Attention => {
            let pairs: usize = batch.ranges().map(|rows| rows.len() * rows.len()).sum();
            let softmax = 6 * pairs * config.num_attention_heads;
            Cost { operations: 4 * pairs * h + softmax, bytes: size(4 * t * h) }
        }
        Part::AttentionOutput => linear(t, h, h),
        Part::AttentionNorm | Part::OutputNorm => norm,
        Part::Intermediate => {
            let wide = linear(t, h, f);
            Cost { operations: wide.operations + 5 * t * f, ..wide }
        }
        Part::Output => linear(t, f, h),
        Part::Head => of_head(batch, config, head),
    }
}

/// The products of pooler and head; the rest of a head is nothing beside them.
fn of_head(batch: &Batch, config: &Config, head: &Head) -> Cost {
    let (t, h) = (batch.tokens(), config.hidden_size);
    let mut sum = Cost::default();
    for tensor in head.tensors().into_iter().filter(|tensor| tensor.shape.len() == 2) {
        let pooled = head.pooler().is_some() && !tensor.name.starts_with("cls.predictions");
        let rows = if pooled { batch.sequences() } else { t };
        sum = sum + linear(rows, tensor.shape[1], tensor.shape[0]);
    }
    if head.masked_lm().is_some() {
        sum = sum + linear(t, h, config.vocab_size);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HeadKind;

    /// The products of BERT-base, counted by hand: 24·S·H² for the linear layers and 4·S²·H for
    /// attention, 12 times.
    #[test]
    fn the_parts_of_bert_base_add_up_to_its_formula() {
        let config = Config::default();
        let head = Head::zeros(HeadKind::PreTraining, &config, true);
        let mut batch = Batch::new();
        batch.push(&[1; 128], &[0; 128]);
        let parts = [
            Part::QueryKeyValue,
            Part::Attention,
            Part::AttentionOutput,
            Part::AttentionNorm,
            Part::Intermediate,
            Part::Output,
            Part::OutputNorm,
        ];
        let layer = parts.map(|part| cost(part, &batch, &config, &head));
        let operations: usize = layer.iter().map(|cost| cost.operations).sum();
        let products = 24 * 128 * 768 * 768 + 4 * 128 * 128 * 768;
        assert_eq!(products * 12, 22_347_251_712); // 22.35 GFLOP
        let small = operations - products;
        assert!(small * 100 < products, "{small} operations on single numbers");
        // The weights of one layer: 7,087,872 parameters.
        let bytes: usize = layer.iter().map(|cost| cost.bytes).sum();
        let weights = size(7_087_872);
        assert!(bytes > weights && 2 * bytes < 3 * weights, "{bytes}");
        // Pooler and next sentence once, masked LM for each token.
        let of_head = cost(Part::Head, &batch, &config, &head).operations;
        let by_hand = 2 * (768 * 768 + 2 * 768) + 2 * 128 * (768 * 768 + 768 * 30_522);
        assert!(of_head > by_hand && of_head < by_hand + by_hand / 100, "{of_head}, {by_hand}");
    }
}
