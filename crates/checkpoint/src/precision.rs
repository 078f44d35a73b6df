//! How wide a number is written, and what of it is lost.

use crate::Error;
use ::safetensors::tensor::Dtype;
use bert_nn::{Real, Tensors};
use half::{bf16, f16};
use std::path::Path;
use std::str::FromStr;

/// How wide numbers are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    /// 4 bytes: as they are computed with.
    #[default]
    F32,
    /// 2 bytes, IEEE 754: three digits, up to 65504.
    F16,
    /// 2 bytes, the upper half of an f32: two digits, and the f32's range.
    BF16,
}

/// By their names here, in a configuration, and in safetensors.
const NAMES: [(Precision, &str, &str, Dtype); 3] = [
    (Precision::F32, "f32", "float32", Dtype::F32),
    (Precision::F16, "f16", "float16", Dtype::F16),
    (Precision::BF16, "bf16", "bfloat16", Dtype::BF16),
];

impl FromStr for Precision {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = NAMES.iter().find(|(_, known, ..)| *known == name);
        found
            .map(|(precision, ..)| *precision)
            .ok_or_else(|| "f32, f16 or bf16 is wanted".to_owned())
    }
}

/// What writing in fewer bits has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Rounding {
    /// The largest difference between a number and what is written of it.
    pub largest: Real,
    /// The tensor in which it occurs.
    pub tensor: String,
}

impl Precision {
    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// What `config.json` calls it.
    pub fn dtype(self) -> &'static str {
        NAMES[self as usize].2
    }

    /// What safetensors calls it.
    pub(crate) fn stored(self) -> Dtype {
        NAMES[self as usize].3
    }

    /// Bytes of a number.
    pub fn width(self) -> usize {
        if self == Self::F32 { 4 } else { 2 }
    }

    /// Little-endian.
    // `Real` is an f64 under the feature of that name.
    #[allow(clippy::unnecessary_cast)]
    pub(crate) fn bytes(self, values: &[Real]) -> Vec<u8> {
        let values = values.iter().map(|&value| value as f32);
        match self {
            Self::F32 => values.flat_map(f32::to_le_bytes).collect(),
            Self::F16 => values.flat_map(|value| f16::from_f32(value).to_le_bytes()).collect(),
            Self::BF16 => values.flat_map(|value| bf16::from_f32(value).to_le_bytes()).collect(),
        }
    }

    /// The number that is read back.
    // As above.
    #[allow(clippy::unnecessary_cast)]
    fn rounded(self, value: Real) -> Real {
        let value = value as f32;
        let rounded = match self {
            Self::F32 => value,
            Self::F16 => f16::from_f32(value).to_f32(),
            Self::BF16 => bf16::from_f32(value).to_f32(),
        };
        rounded as Real
    }

    // ANCHOR: rounding
    /// What is lost when these tensors are written in this precision.
    ///
    /// # Errors
    /// A number is beyond it: it would be read back as infinite. `path` is where it would be written.
    pub fn rounding(self, tensors: &impl Tensors, path: &Path) -> Result<Rounding, Error> {
        let mut rounding = Rounding { largest: 0.0, tensor: String::new() };
        for tensor in tensors.tensors() {
            for &value in tensor.values {
                let rounded = self.rounded(value);
                if !rounded.is_finite() {
                    let (path, tensor, precision) = (path.to_owned(), tensor.name, self.name());
                    return Err(Error::TooLarge { path, tensor, value, precision });
                }
                if (rounded - value).abs() > rounding.largest {
                    rounding.largest = (rounded - value).abs();
                    rounding.tensor.clone_from(&tensor.name);
                }
            }
        }
        Ok(rounding)
    }
    // ANCHOR_END: rounding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_name_and_has_its_width() {
        for precision in [Precision::F32, Precision::F16, Precision::BF16] {
            assert_eq!(precision.name().parse(), Ok(precision));
            assert_eq!(precision.bytes(&[1.0, 2.0]).len(), 2 * precision.width());
        }
        assert!("float32".parse::<Precision>().is_err());
    }

    #[test]
    fn halves_round_to_the_nearest_and_ties_to_even() {
        // 1 + 2^-11 lies in the middle between 1 and the next f16, 1 + 2^-10.
        let tie = 1.0 + (0.5 as Real).powi(11);
        assert_eq!(Precision::F16.rounded(tie), 1.0);
        assert_eq!(
            Precision::F16.rounded(tie + (0.5 as Real).powi(20)),
            1.0 + (0.5 as Real).powi(10)
        );
        assert_eq!(Precision::BF16.rounded(1.0 + (0.5 as Real).powi(8)), 1.0);
        assert_eq!(Precision::F16.bytes(&[1.0, -2.0]), [0x00, 0x3c, 0x00, 0xc0]);
        assert_eq!(Precision::BF16.bytes(&[1.0, -2.0]), [0x80, 0x3f, 0x00, 0xc0]);
        assert_eq!(Precision::F16.rounded(65519.0), 65504.0);
        assert!(Precision::F16.rounded(65520.0).is_infinite());
    }
}
