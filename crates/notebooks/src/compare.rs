//! Are two outputs the same, up to the last digits of measured numbers?
//!
//! Another processor adds in another order, and the last digits differ. So a number with a decimal
//! point or an exponent, and a percentage, may differ by one unit of its last printed place or by
//! [`RELATIVE`]; the spaces around it, which line up columns, do not count. A whole number is exact
//! in a text, where it counts or names something: an id, a length. In a figure it is a rounded
//! coordinate or colour, and may differ by one. All else is compared exactly, `NaN` and `inf` too.

use std::ops::Range;

/// The largest difference of two measured numbers, as a part of the larger one.
const RELATIVE: f64 = 2e-3;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What a cell prints.
    Text,
    /// An SVG.
    Figure,
}

/// The lines that differ: those of `expected`, and those of `found` in their place. `None` when
/// the two are the same.
pub(crate) fn difference<E: AsRef<str>, F: AsRef<str>>(
    expected: &[E],
    found: &[F],
    kind: Kind,
) -> Option<(Range<usize>, Range<usize>)> {
    let is_same = |pair: &(&E, &F)| same(pair.0.as_ref(), pair.1.as_ref(), kind);
    let start = expected.iter().zip(found).take_while(is_same).count();
    if start == expected.len() && start == found.len() {
        return None;
    }
    let (left, right) = (&expected[start..], &found[start..]);
    let end = left.iter().rev().zip(right.iter().rev()).take_while(is_same).count();
    Some((start..expected.len() - end, start..found.len() - end))
}

/// Whether two lines are the same.
pub(crate) fn same(expected: &str, found: &str, kind: Kind) -> bool {
    let (expected, found) = (tokens(expected, kind), tokens(found, kind));
    expected.len() == found.len() && expected.iter().zip(&found).all(|(a, b)| a.agrees(b))
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Text(&'a str),
    /// `unit` is one in the last printed place, or 0 for a number that must be exact.
    Number {
        value: f64,
        unit: f64,
    },
}

impl Token<'_> {
    fn agrees(&self, other: &Token<'_>) -> bool {
        match (self, other) {
            (Token::Text(a), Token::Text(b)) => a == b,
            (Token::Number { value: a, unit: first }, Token::Number { value: b, unit: second }) => {
                // The finer unit of the two: 0.3 and 0.34 are not the same.
                let unit = if *first == 0.0 || *second == 0.0 {
                    first.max(*second)
                } else {
                    first.min(*second)
                };
                let relative = if unit > 0.0 { RELATIVE * a.abs().max(b.abs()) } else { 0.0 };
                // 1.1 − 1.0 is a little more than 0.1 in binary.
                a == b || (a - b).abs() <= (unit * (1.0 + 1e-6)).max(relative)
            }
            _ => false,
        }
    }
}

/// Cuts a line into numbers and what stands between them.
fn tokens(line: &str, kind: Kind) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut text_start, mut at) = (0, 0);
    let mut after_measured = false;
    while at < line.len() {
        let Some((length, numbers)) = numbers_at(line, at, kind) else {
            at += line[at..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let measured = numbers.iter().any(|&(_, unit)| unit > 0.0);
        push_text(&mut tokens, &line[text_start..at], after_measured, measured);
        tokens.extend(numbers.into_iter().map(|(value, unit)| Token::Number { value, unit }));
        after_measured = measured;
        at += length;
        text_start = at;
    }
    push_text(&mut tokens, &line[text_start..], after_measured, false);
    tokens
}

fn push_text<'a>(tokens: &mut Vec<Token<'a>>, text: &'a str, trim_start: bool, trim_end: bool) {
    let text = if trim_start { text.trim_start_matches(' ') } else { text };
    let text = if trim_end { text.trim_end_matches(' ') } else { text };
    if !text.is_empty() {
        tokens.push(Token::Text(text));
    }
}

/// The number that begins at this byte, or the three of a colour such as `#1f77b4`: how many bytes
/// they take, and each with its unit.
fn numbers_at(line: &str, at: usize, kind: Kind) -> Option<(usize, Vec<(f64, f64)>)> {
    if let Some(colour) = colour_at(&line[at..]).filter(|_| kind == Kind::Figure) {
        return Some((7, colour));
    }
    let bytes = line.as_bytes();
    let before = at.checked_sub(1).map(|before| bytes[before]);
    // The `-` of `2-1` or of `layer-1` is no sign.
    let may_sign =
        !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b".)".contains(&byte));
    let sign = usize::from(b"+-".contains(&bytes[at]) && may_sign);
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(at + sign);
    if whole == 0 {
        return None;
    }
    let mut end = at + sign + whole;
    let mut places = 0;
    if bytes.get(end) == Some(&b'.') {
        places = digits(end + 1);
        end += if places > 0 { places + 1 } else { 0 };
    }
    let mantissa_end = end;
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let length = bytes.get(end + 1 + sign).map_or(0, |_| digits(end + 1 + sign));
        end += if length > 0 { 1 + sign + length } else { 0 };
    }
    let exponent: i32 = line[mantissa_end..end].get(1..).unwrap_or("").parse().unwrap_or(0);
    let is_exact =
        places == 0 && end == mantissa_end && kind == Kind::Text && bytes.get(end) != Some(&b'%');
    let last_place = exponent.saturating_sub(i32::try_from(places).unwrap_or(i32::MAX));
    let unit = if is_exact { 0.0 } else { 10f64.powi(last_place) };
    Some((end - at, vec![(line[at..end].parse().ok()?, unit)]))
}

fn colour_at(text: &str) -> Option<Vec<(f64, f64)>> {
    let digits = text.strip_prefix('#')?.get(..6)?;
    let is_colour = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_longer = text.as_bytes().get(7).is_some_and(u8::is_ascii_hexdigit);
    (is_colour && !is_longer).then_some(())?;
    let channel = |from| u8::from_str_radix(&digits[from..from + 2], 16).ok();
    Some([channel(0)?, channel(2)?, channel(4)?].map(|value| (f64::from(value), 1.0)).to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn same_text(expected: &str, found: &str) -> bool {
        same(expected, found, Kind::Text)
    }

    #[test]
    fn measured_numbers_may_differ_in_the_last_place() {
        for (expected, found) in [
            ("loss 0.6931", "loss 0.6932"),
            ("1.234e-5", "1.235e-5"),
            ("-0.12", "-0.13"),
            ("12%", "13%"),
            ("12.5 %", "12.6 %"),
            ("[0.10, -0.00]", "[0.10, 0.00]"),
            ("1.0e3", "1.1E+03"),
            ("0.9999999", "1"),
        ] {
            assert!(same_text(expected, found), "{expected} and {found}");
            assert!(same_text(found, expected), "{found} and {expected}");
        }
    }

    #[test]
    fn larger_differences_are_found() {
        for (expected, found) in [
            ("0.69", "0.71"),
            ("1.234e-5", "1.244e-5"),
            ("1.234e-5", "1.234e-6"),
            ("-0.12", "0.12"),
            ("12%", "14%"),
            ("0.3", "0.34"),
            ("1.5", "NaN"),
            ("inf", "-inf"),
            ("0.5 ok", "0.5 OK"),
            ("1.5 2.5", "1.5"),
            // A hyphen after a word is no sign.
            ("x-0.00", "x0.00"),
        ] {
            assert!(!same_text(expected, found), "{expected} and {found}");
            assert!(!same_text(found, expected), "{found} and {expected}");
        }
    }

    #[test]
    fn large_measured_numbers_may_differ_by_two_thousandths() {
        assert!(same_text("1000.00", "1002.00"));
        assert!(!same_text("1000.00", "1002.01"));
    }

    #[test]
    fn whole_numbers_in_a_text_are_exact() {
        for (expected, found) in [
            ("[101, 2023]", "[101, 2024]"),
            ("layer-1", "layer-2"),
            ("30522", "30523"),
            ("a  1", "a 1"),
        ] {
            assert!(!same_text(expected, found), "{expected} and {found}");
            assert!(same_text(expected, expected));
        }
    }

    #[test]
    fn nan_and_words_with_digits_are_text() {
        assert!(same_text("nan NaN inf", "nan NaN inf"));
        assert!(same_text("[unused12] é9 2-1", "[unused12] é9 2-1"));
        assert!(!same_text("nan", "NaN"));
    }

    #[test]
    fn spaces_that_line_up_measured_numbers_do_not_count() {
        assert!(same_text("dog    9.996   x", "dog   10.002  x"));
        assert!(!same_text("dog  x", "dog x"));
    }

    #[test]
    fn figures_may_differ_by_one_in_rounded_coordinates_and_colours() {
        let same = |a, b| same(a, b, Kind::Figure);
        assert!(same("<rect x='10' fill='#1f77b4'/>", "<rect x='11' fill='#1e78b4'/>"));
        assert!(same("M10.0-5.0L3,4", "M10.1-5.1L3,5"));
        assert!(!same("<rect x='10'/>", "<rect x='12'/>"));
        assert!(!same("#1f77b4", "#1f77b6"));
        assert!(!same("M10-5", "M10,5"));
    }

    #[test]
    fn only_the_lines_that_differ_are_reported() {
        let expected = ["a", "b 1", "c"];
        assert_eq!(difference(&expected, &["a", "b 2", "c"], Kind::Text), Some((1..2, 1..2)));
        assert_eq!(difference(&expected, &["a", "c"], Kind::Text), Some((1..2, 1..1)));
        assert_eq!(difference(&["a"], &["a", "a"], Kind::Text), Some((1..1, 1..2)));
        assert_eq!(difference(&expected, &expected, Kind::Text), None);
        assert_eq!(difference(&["x"; 0], &["a"], Kind::Text), Some((0..0, 0..1)));
    }

    proptest! {
        #[test]
        fn every_line_is_the_same_as_itself(line in "\\PC*", dots in "[-+0-9.eE# %)a]{0,30}") {
            for line in [line, dots] {
                prop_assert!(same(&line, &line, Kind::Text));
                prop_assert!(same(&line, &line, Kind::Figure));
            }
        }

        #[test]
        fn a_rounded_number_agrees_with_its_neighbour(value in -1e4..1e4_f64, places in 1..6_usize) {
            let unit = 10f64.powi(-(places as i32));
            let print = |value: f64| format!("{value:.places$}");
            let (near, far) = (value + 0.9 * unit, value * 1.01 + 3.0 * unit * value.signum());
            prop_assert!(same_text(&print(value), &print(near)));
            prop_assert!(!same_text(&print(value), &print(far)));
        }
    }
}
