//! Predictions in the three files of Google's `run_squad.py`, byte by byte as Python's
//! `json.dumps(…, indent=4)` writes them: questions in the order in which they are given, letters
//! beyond ASCII as `\u00e9`, numbers as `1e-05`.

use serde::ser::{Serialize, Serializer};
use serde_json::ser::{Formatter, PrettyFormatter};
use std::io::{self, Write};

/// One of the best answers to a question. Its keys are written in this order.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct NBest {
    /// Its text; empty for "no answer".
    pub text: String,
    /// The softmax of the sums of the two logits over this question's best answers.
    pub probability: f64,
    /// Of its first token.
    pub start_logit: f64,
    /// Of its last token.
    pub end_logit: f64,
}

// ANCHOR: write
/// Writes `predictions.json`: for each question's id the text of the answer, empty for "no answer".
///
/// # Errors
/// What the writer says.
pub fn write_predictions<'a>(
    out: &mut impl Write,
    answers: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> io::Result<()> {
    write(out, answers)
}

/// Writes `nbest_predictions.json`: for each question's id its best answers, the best first.
///
/// # Errors
/// What the writer says. A number that JSON has not: NaN or an infinity.
pub fn write_nbest<'a>(
    out: &mut impl Write,
    answers: impl IntoIterator<Item = (&'a str, &'a [NBest])>,
) -> io::Result<()> {
    let answers: Vec<_> = answers.into_iter().collect();
    for (id, best) in &answers {
        for NBest { probability, start_logit, end_logit, .. } in *best {
            [probability, start_logit, end_logit].iter().try_for_each(|&&n| check(id, n))?;
        }
    }
    write(out, answers)
}

/// Writes `null_odds.json`: for each question's id the score of "no answer" less that of the best
/// answer.
///
/// # Errors
/// What the writer says. A number that JSON has not: NaN or an infinity.
pub fn write_null_odds<'a>(
    out: &mut impl Write,
    odds: impl IntoIterator<Item = (&'a str, f64)>,
) -> io::Result<()> {
    let odds: Vec<_> = odds.into_iter().collect();
    odds.iter().try_for_each(|&(id, number)| check(id, number))?;
    write(out, odds)
}
// ANCHOR_END: write

fn check(id: &str, number: f64) -> io::Result<()> {
    if number.is_finite() {
        return Ok(());
    }
    let problem = format!("question {id}: a score is {number}, which no JSON file can hold");
    Err(io::Error::new(io::ErrorKind::InvalidData, problem))
}

fn write<'a, V: Serialize>(
    out: &mut impl Write,
    pairs: impl IntoIterator<Item = (&'a str, V)>,
) -> io::Result<()> {
    let format = AsPython(PrettyFormatter::with_indent(b"    "));
    let mut json = serde_json::Serializer::with_formatter(&mut *out, format);
    json.collect_map(pairs)?;
    out.write_all(b"\n")
}

/// The layout of `json.dumps(…, indent=4)`.
struct AsPython(PrettyFormatter<'static>);

/// What `PrettyFormatter` does as Python does.
macro_rules! as_pretty {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $name<W: ?Sized + Write>(&mut self, out: &mut W $(, $argument: $kind)*) -> io::Result<()> {
            self.0.$name(out $(, $argument)*)
        }
    )*};
}

impl Formatter for AsPython {
    as_pretty! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }

    fn write_f64<W: ?Sized + Write>(&mut self, out: &mut W, value: f64) -> io::Result<()> {
        write!(out, "{}", repr(value)?)
    }

    /// All but printable ASCII as UTF-16 in hexadecimal. Quotes, backslashes and control characters
    /// are not in `fragment`.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            if matches!(character, ' '..='~') {
                write!(out, "{character}")?;
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }
}

/// A number as Python writes it. `serde_json` finds the same digits: the fewest that mean this number,
/// of several the nearest, and of two as near the even one (the standard library takes the upper).
/// Only the exponent differs. Python's has a sign and at least two digits, and begins below 1e-4.
fn repr(value: f64) -> serde_json::Result<String> {
    let text = serde_json::to_string(&value)?;
    let (sign, number) = text.split_at(usize::from(text.starts_with('-')));
    if let Some((digits, exponent)) = number.split_once('e') {
        let (below, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent.trim_start_matches('+')),
        };
        return Ok(format!("{sign}{digits}e{below}{exponent:0>2}"));
    }
    Ok(match number.strip_prefix("0.0000") {
        None => text,
        Some(digits) => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}e-05")
        }
    })
}
