//! How numbers are stored.

use std::fmt;

/// How a number is stored; all little-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE 754, 8 bytes.
    F64,
    /// IEEE 754, 4 bytes.
    F32,
    /// IEEE 754, 2 bytes.
    F16,
    /// The upper half of an `F32`.
    BF16,
    /// 8 bytes.
    I64,
    /// 4 bytes.
    I32,
    /// 2 bytes.
    I16,
    /// 1 byte.
    I8,
    /// 1 byte, no sign.
    U8,
    /// 1 byte, 0 or 1.
    Bool,
    /// One that weights do not have, by its format's name. It is listed, and not read.
    Other(String),
}

impl Dtype {
    /// Bytes of a number; none if that is not known.
    pub fn width(&self) -> Option<usize> {
        Some(match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other(_) => return None,
        })
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Other(name) => f.write_str(name),
            known => write!(f, "{known:?}"),
        }
    }
}
