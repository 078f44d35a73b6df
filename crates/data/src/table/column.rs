//! A column by name or by number.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

// ANCHOR: column
/// How a column is asked for. From text: digits are a number, anything else is a name. A name that
/// consists of digits, or begins with an equals sign, has an equals sign put before it: `=2020` is
/// the column called 2020.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// As the header calls it; capitals count, white space around it does not.
    Name(String),
    /// Its place, counted from 0.
    Number(usize),
}
// ANCHOR_END: column

impl FromStr for Column {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(name) = text.strip_prefix('=') {
            return Ok(Self::Name(name.to_owned()));
        }
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than a number holds are no place in any file.
        let number = digits.then(|| text.parse().unwrap_or(usize::MAX));
        Ok(number.map_or_else(|| Self::Name(text.to_owned()), Self::Number))
    }
}

impl From<&str> for Column {
    fn from(text: &str) -> Self {
        text.parse().unwrap_or_else(|never: Infallible| match never {})
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?}"),
            Self::Number(number) => write!(f, "{number} (counted from 0)"),
        }
    }
}
