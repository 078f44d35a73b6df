//! What stays as it was before training.
//!
//! The lower layers of a pre-trained model know what every text needs: words and how they hang
//! together. With little data it can be better, and it is always faster, to leave them alone. A
//! gradient that nobody uses is not computed: the backward pass ends above the last frozen layer, and
//! the forward pass keeps nothing of what lies below.

use std::fmt;
use std::str::FromStr;

// ANCHOR: freeze
/// The lowest part of a model, which is not trained. The pooler and the head always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Freeze {
    /// How many layers, with the embeddings below them; none: not even those.
    layers: Option<usize>,
}

impl Freeze {
    /// Everything is trained.
    pub const NOTHING: Self = Self { layers: None };
    /// The embeddings: the three tables and their LayerNorm.
    pub const EMBEDDINGS: Self = Self::layers(0);
    /// The embeddings and all layers.
    pub const ALL: Self = Self::layers(usize::MAX);

    /// The embeddings and the first `count` layers.
    pub const fn layers(count: usize) -> Self {
        Self { layers: Some(count) }
    }

    /// Whether the embeddings are left alone.
    pub fn embeddings(self) -> bool {
        self.layers.is_some()
    }

    /// Whether layer `number`, counted from 0, is left alone.
    pub fn layer(self, number: usize) -> bool {
        self.layers.is_some_and(|count| number < count)
    }

    /// Whether a parameter is left alone; `name` as in transformers' `named_parameters`.
    pub fn parameter(self, name: &str) -> bool {
        let of_layer = |rest: &str| rest.split('.').next().and_then(|number| number.parse().ok());
        match name.strip_prefix("bert.encoder.layer.").and_then(of_layer) {
            Some(number) => self.layer(number),
            None => self.embeddings() && name.starts_with("bert.embeddings."),
        }
    }
}
// ANCHOR_END: freeze

/// `nothing`, `embeddings`, a number of layers, or `all`.
impl fmt::Display for Freeze {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self.layers {
            None => formatter.write_str("nothing"),
            Some(0) => formatter.write_str("embeddings"),
            Some(usize::MAX) => formatter.write_str("all"),
            Some(count) => write!(formatter, "{count}"),
        }
    }
}

/// There is no such part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected nothing, embeddings, all, or how many layers; found {0:?}")]
pub struct UnknownPart(String);

/// As [`Freeze`] is displayed.
impl FromStr for Freeze {
    type Err = UnknownPart;

    fn from_str(text: &str) -> Result<Self, UnknownPart> {
        match text {
            "nothing" => Ok(Self::NOTHING),
            "embeddings" => Ok(Self::EMBEDDINGS),
            "all" => Ok(Self::ALL),
            count => count.parse().map(Self::layers).map_err(|_| UnknownPart(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, HeadKind, Model};
    use bert_nn::Tensors;

    #[test]
    fn every_part_is_read_as_it_is_written() {
        for freeze in [Freeze::NOTHING, Freeze::EMBEDDINGS, Freeze::layers(7), Freeze::ALL] {
            assert_eq!(freeze.to_string().parse(), Ok(freeze));
        }
        assert!("-1".parse::<Freeze>().is_err() && "pooler".parse::<Freeze>().is_err());
    }

    #[test]
    fn a_parameter_is_frozen_with_its_part_and_the_head_never_is() {
        let config = Config {
            vocab_size: 5,
            hidden_size: 2,
            num_hidden_layers: 12,
            num_attention_heads: 1,
            ..Config::default()
        };
        let model = Model::zeros(HeadKind::SequenceClassification, &config, true);
        let names: Vec<_> = model.tensors().into_iter().map(|tensor| tensor.name).collect();
        let frozen = |freeze: Freeze| names.iter().filter(|name| freeze.parameter(name)).count();
        assert_eq!(frozen(Freeze::NOTHING), 0);
        assert_eq!(frozen(Freeze::EMBEDDINGS), 5);
        // Layers 0 and 1, and not 10 and 11 with them.
        assert_eq!(frozen(Freeze::layers(2)), 5 + 2 * 16);
        assert_eq!(frozen(Freeze::ALL), 5 + 12 * 16);
        assert_eq!(names.len(), 5 + 12 * 16 + 4);
    }
}
