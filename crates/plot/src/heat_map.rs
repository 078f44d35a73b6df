//! A matrix as shades: who attends to whom.

use crate::text::escape;
use std::fmt::Write;

const CELL: f64 = 22.0;
const CHARACTER: f64 = 6.6; // of the font's width at its size, about
const MARGIN: f64 = 8.0;

/// `values` from 0 to 1, a list for each of `rows` with a number for each of `columns`. The darker, the
/// larger; each cell tells its number to whoever points at it. An SVG of its natural size.
pub fn heat_map(title: &str, rows: &[&str], columns: &[&str], values: &[Vec<f64>]) -> String {
    let longest = |names: &[&str]| names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let left = MARGIN + longest(rows) as f64 * CHARACTER + MARGIN;
    let top = 24.0 + longest(columns) as f64 * CHARACTER + MARGIN;
    let width = left + columns.len() as f64 * CELL + MARGIN;
    let height = top + rows.len() as f64 * CELL + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" fill=\"#ffffff\"/>\n\
         <text x=\"{MARGIN}\" y=\"16\" font-weight=\"bold\">{}</text>\n",
        escape(title)
    );
    for (column, name) in columns.iter().enumerate() {
        let (x, y) = (left + (column as f64 + 0.65) * CELL, top - MARGIN);
        let _ = writeln!(
            svg,
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\">{}</text>",
            escape(name)
        );
    }
    for (row, (name, values)) in rows.iter().zip(values).enumerate() {
        let y = top + row as f64 * CELL;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left - MARGIN,
            y + 0.65 * CELL,
            escape(name)
        );
        for ((column, value), other) in values.iter().enumerate().zip(columns) {
            let x = left + column as f64 * CELL;
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{CELL}\" height=\"{CELL}\" fill=\"{}\" \
                 stroke=\"#eeeeee\"><title>{} → {}: {value:.3}</title></rect>",
                shade(*value),
                escape(name),
                escape(other)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// White at 0, dark blue at 1.
fn shade(value: f64) -> String {
    let value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    let between = |white: f64, dark: f64| (white + (dark - white) * value).round() as u8;
    format!("#{:02x}{:02x}{:02x}", between(255.0, 8.0), between(255.0, 48.0), between(255.0, 107.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_the_darker_and_names_are_no_markup() {
        assert_eq!((shade(0.0), shade(1.0)), ("#ffffff".to_owned(), "#08306b".to_owned()));
        assert_eq!(shade(f64::NAN), "#ffffff");
        let map = heat_map("a & b", &["<x>"], &["y", "z"], &[vec![0.25, 0.75]]);
        assert!(map.contains("a &amp; b") && map.contains("&lt;x&gt; → z: 0.750"));
        assert!(!map.contains("<x>"));
        assert_eq!(map.matches("<title>").count(), 2);
    }
}
