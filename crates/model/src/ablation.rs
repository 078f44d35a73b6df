//! Parts that can be left out, to see what they are good for. The field calls that an ablation.
//!
//! What is left out is left out of both directions: a model without a part is a model like any
//! other, and is trained as such. Its parameters stay where they are, so that a checkpoint fits;
//! those that nothing depends on any more have a gradient of zero.
//!
//! BERT has all parts, so everything here is off unless it is asked for.

use std::fmt;
use std::str::FromStr;

// ANCHOR: ablation
/// What is left out; [`Ablation::default`] is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ablation {
    /// The position's vector is not added to the word's.
    pub no_positions: bool,
    /// Neither block of a layer adds its input to its result.
    pub no_residual: bool,
    /// Neither block of a layer normalises its sum. The LayerNorms of the embeddings and of the
    /// masked-LM head stay: they belong to no layer. Without the first, a fresh model's layers
    /// would also be given numbers of size √3·0.02 = 0.035 in place of 1, and one could not tell
    /// which of the two makes the difference.
    pub no_layer_norm: bool,
    /// Scores are not divided by √D.
    pub no_scale: bool,
    /// A layer is its attention block alone: what that gives is the layer's output. The
    /// feed-forward block's own residual and LayerNorm go with it.
    pub no_feed_forward: bool,
    /// A token sees itself and what stands to its left.
    pub left_to_right: bool,
}
// ANCHOR_END: ablation

/// One part, as named on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switch {
    /// Such as `no-positions`.
    pub name: &'static str,
    /// What is left out, in a sentence.
    pub removes: &'static str,
    /// This part and no other.
    pub ablation: Ablation,
}

impl Ablation {
    /// Nothing.
    pub const NONE: Self = Self {
        no_positions: false,
        no_residual: false,
        no_layer_norm: false,
        no_scale: false,
        no_feed_forward: false,
        left_to_right: false,
    };

    // ANCHOR: all
    /// Each part by itself.
    pub const ALL: [Switch; 6] = [
        Switch {
            name: "no-positions",
            removes: "The position embeddings: a word has the same vector wherever it stands.",
            ablation: Self { no_positions: true, ..Self::NONE },
        },
        Switch {
            name: "no-residual",
            removes: "Both residuals of each layer: a block's result replaces its input.",
            ablation: Self { no_residual: true, ..Self::NONE },
        },
        Switch {
            name: "no-layer-norm",
            removes: "Both LayerNorms of each layer: a sum is passed on as large as it is.",
            ablation: Self { no_layer_norm: true, ..Self::NONE },
        },
        Switch {
            name: "no-scale",
            removes: "The division of attention scores by the root of the head's width.",
            ablation: Self { no_scale: true, ..Self::NONE },
        },
        Switch {
            name: "no-feed-forward",
            removes: "The feed-forward block of each layer: attention is all that is left.",
            ablation: Self { no_feed_forward: true, ..Self::NONE },
        },
        Switch {
            name: "left-to-right",
            removes: "The view to the right: a token sees itself and what stands before it.",
            ablation: Self { left_to_right: true, ..Self::NONE },
        },
    ];
    // ANCHOR_END: all

    /// Whether everything that `other` leaves out is left out here, too.
    pub fn contains(mut self, mut other: Self) -> bool {
        self.parts().iter().zip(other.parts()).all(|(here, there)| **here || !*there)
    }

    /// The parts in the order of [`Ablation::ALL`].
    fn parts(&mut self) -> [&mut bool; 6] {
        [
            &mut self.no_positions,
            &mut self.no_residual,
            &mut self.no_layer_norm,
            &mut self.no_scale,
            &mut self.no_feed_forward,
            &mut self.left_to_right,
        ]
    }
}

/// The names with a comma between; `none` for nothing.
impl fmt::Display for Ablation {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let mut ablation = *self;
        let parts = ablation.parts().into_iter().zip(Self::ALL);
        let names: Vec<_> = parts.filter(|(out, _)| **out).map(|(_, part)| part.name).collect();
        let names = names.join(",");
        formatter.write_str(if names.is_empty() { "none" } else { &names })
    }
}

/// There is no part of this name that could be left out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no ablation {0:?}; the ablations are {known}", known = Ablation::ALL.map(|part| part.name).join(", "))]
pub struct UnknownAblation(String);

/// As [`Ablation`] is displayed.
impl FromStr for Ablation {
    type Err = UnknownAblation;

    fn from_str(text: &str) -> Result<Self, UnknownAblation> {
        let mut ablation = Self::NONE;
        if text == "none" {
            return Ok(ablation);
        }
        for name in text.split(',') {
            let found = Self::ALL.iter().position(|part| part.name == name);
            let part = found.ok_or_else(|| UnknownAblation(name.to_owned()))?;
            *ablation.parts()[part] = true;
        }
        Ok(ablation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_is_read_as_it_is_written() {
        for bits in 0..64 {
            let mut ablation = Ablation::default();
            for (part, out) in ablation.parts().into_iter().enumerate() {
                *out = bits >> part & 1 == 1;
            }
            assert_eq!(ablation.to_string().parse(), Ok(ablation));
        }
        assert_eq!(Ablation::default().to_string(), "none");
        let ablation = Ablation { no_scale: true, left_to_right: true, ..Ablation::NONE };
        assert_eq!(ablation.to_string(), "no-scale,left-to-right");
    }

    #[test]
    fn a_combination_contains_its_parts_and_no_others() {
        let both: Ablation = "no-scale,left-to-right".parse().unwrap();
        let contained = Ablation::ALL.into_iter().filter(|part| both.contains(part.ablation));
        let names: Vec<_> = contained.map(|part| part.name).collect();
        assert_eq!(names, ["no-scale", "left-to-right"]);
    }

    #[test]
    fn every_switch_has_its_own_name_and_unknown_ones_are_refused() {
        for part in Ablation::ALL {
            assert_eq!(part.ablation.to_string(), part.name);
        }
        for unknown in ["", "no-dropout", "no-scale,", "no-scale, left-to-right", "none,no-scale"] {
            let error = unknown.parse::<Ablation>().unwrap_err().to_string();
            assert!(error.contains("no-positions, no-residual"), "{error}");
        }
    }
}
