//! Memory over the length of a sequence, as an SVG.

use crate::attention::Memory;
use std::fmt::Write;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 360.0;
/// Left, right, top, bottom.
const MARGINS: [f64; 4] = [80.0, 20.0, 40.0, 50.0];

/// Both axes are logarithmic, so that what grows with the tokens has slope 1 and what grows with their square slope 2.
pub fn draw(memory: &[Memory]) -> String {
    let [left, right, top, bottom] = MARGINS;
    let first = memory.first().map_or(1, |m| m.tokens) as f64;
    let last = memory.last().map_or(2, |m| m.tokens) as f64;
    let (low, high) = (64.0 * 1024.0_f64, 1024.0 * 1024.0 * 1024.0_f64);
    let x = |tokens: f64| {
        left + (WIDTH - left - right) * (tokens / first).log2() / (last / first).log2()
    };
    let y = |bytes: f64| {
        HEIGHT - bottom - (HEIGHT - top - bottom) * (bytes / low).log2() / (high / low).log2()
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n"
    );
    for (label, bytes) in [
        ("64 KiB", low),
        ("1 MiB", 1_048_576.0),
        ("16 MiB", 16_777_216.0),
        ("256 MiB", 268_435_456.0),
    ] {
        let y = y(bytes);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
            WIDTH - right,
            left - 8.0,
            y + 4.0
        );
    }
    for Memory { tokens, .. } in memory {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tokens}</text>",
            x(*tokens as f64),
            HEIGHT - bottom + 20.0
        );
    }
    let lines: [(&str, &str, fn(&Memory) -> usize); 2] = [
        ("what attention takes", "#3182bd", |m| m.bytes),
        ("all scores of a layer, if they were stored", "#bbb", |m| m.all_scores),
    ];
    for (row, (name, color, bytes)) in lines.into_iter().enumerate() {
        let points: Vec<_> = memory
            .iter()
            .map(|m| format!("{:.1},{:.1}", x(m.tokens as f64), y((bytes(m) as f64).max(low))))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2.5\"/>\
             <rect x=\"{left}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{color}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{name}</text>",
            points.join(" "),
            10.0 + 18.0 * row as f64,
            left + 22.0,
            16.0 + 18.0 * row as f64
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">tokens of the sequence</text>\n</svg>",
        (left + WIDTH - right) / 2.0,
        HEIGHT - 10.0
    );
    svg
}
