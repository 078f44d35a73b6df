//! Bars side by side: how large each class is, in the training data and in the dev data.

use crate::text::{escape, fit};
use std::fmt::Write;

const BAR: f64 = 15.0;
const GAP: f64 = 10.0;
const NAMES: f64 = 190.0;
const LENGTH: f64 = 350.0;
const NUMBERS: f64 = 160.0;
const TOP: f64 = 34.0;

/// Counts of one kind.
#[derive(Debug, Clone)]
pub struct Series<'a> {
    /// What stands above the chart.
    pub name: &'a str,
    /// As in SVG.
    pub color: &'a str,
    /// A count for each group.
    pub counts: Vec<u64>,
    /// Of how many: a bar is as long as its share of this.
    pub total: u64,
}

impl Series<'_> {
    fn share(&self, group: usize) -> f64 {
        if self.total == 0 { 0.0 } else { self.counts[group] as f64 / self.total as f64 }
    }
}

/// A bar for each series in each of `groups`, with its count and its share. An SVG.
pub fn bar_chart(groups: &[&str], series: &[Series]) -> String {
    assert!(series.iter().all(|s| s.counts.len() == groups.len()), "a count for each group");
    let group_height = series.len() as f64 * BAR + GAP;
    let width = NAMES + LENGTH + NUMBERS;
    let height = TOP + groups.len() as f64 * group_height + GAP;
    let shares = series.iter().flat_map(|s| (0..groups.len()).map(|group| s.share(group)));
    let longest = shares.fold(1e-9, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (place, series) in series.iter().enumerate() {
        let x = NAMES + 150.0 * place as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"8\" width=\"16\" height=\"10\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"18\">{}</text>",
            series.color,
            x + 22.0,
            escape(&fit(series.name, 9.0))
        );
    }
    for (group, name) in groups.iter().enumerate() {
        let y = TOP + group as f64 * group_height;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            NAMES - 8.0,
            y + (group_height - GAP) / 2.0 + 4.5,
            escape(&fit(name, (NAMES - 12.0) / 13.0))
        );
        for (place, series) in series.iter().enumerate() {
            let (share, count) = (series.share(group), series.counts[group]);
            let (y, length) = (y + place as f64 * BAR, LENGTH * share / longest);
            let _ = writeln!(
                svg,
                "<rect x=\"{NAMES}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{}\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\">{count} ({:.1} %)</text>",
                BAR - 1.0,
                series.color,
                NAMES + length + 6.0,
                y + BAR - 3.5,
                100.0 * share
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_shares_and_say_counts() {
        let train = Series { name: "training", color: "#000000", counts: vec![30, 10], total: 40 };
        let dev = Series { name: "dev", color: "#111111", counts: vec![0, 0], total: 0 };
        let svg = bar_chart(&["bug", "<wish>"], &[train, dev]);
        assert!(svg.contains(">30 (75.0 %)<") && svg.contains(">10 (25.0 %)<"));
        assert!(svg.contains(&format!("width=\"{LENGTH:.1}\"")));
        assert!(svg.contains(&format!("width=\"{:.1}\"", LENGTH / 3.0)));
        assert!(svg.contains("&lt;wish&gt;") && !svg.contains("NaN"));
    }
}
