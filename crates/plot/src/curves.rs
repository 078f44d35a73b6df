//! A plot with two axes, as an SVG.
//!
//! ```
//! use bert_plot::{Axis, Plot, Scale};
//!
//! let x = Axis { scale: Scale::Linear, low: 0.0, high: 2.0, label: "step" };
//! let y = Axis { scale: Scale::Linear, low: 0.0, high: 4.0, label: "" };
//! let mut plot = Plot::new(x, y);
//! plot.x_tick(1.0, "1");
//! plot.y_tick(4.0, "4");
//! plot.line("loss", "#3182bd", &[(0.0, 3.5), (1.0, 1.0), (2.0, 0.25)]);
//! assert!(plot.finish().starts_with("<svg"));
//! ```

use crate::text::escape;
use std::fmt::Write;

const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 55.0;

/// How distances on an axis stand for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal distances are equal differences.
    Linear,
    /// Equal distances are equal ratios; `low` is above 0.
    Logarithmic,
}

/// From where to where, and what stands below.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// Linear or logarithmic.
    pub scale: Scale,
    /// The smallest value.
    pub low: f64,
    /// The largest.
    pub high: f64,
    /// What the values are.
    pub label: &'static str,
}

impl Axis {
    /// 0 at `low`, 1 at `high`; what lies outside is moved to the edge.
    fn place(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }
}

/// Drawn piece by piece.
#[derive(Debug)]
pub struct Plot {
    x: Axis,
    y: Axis,
    width: f64,
    height: f64,
    /// Free space to the right of the plot.
    right: f64,
    svg: String,
    /// Where the next name may begin, in each of the two rows above the plot.
    free: [f64; 2],
}

impl Plot {
    /// Nothing but the axes.
    pub fn new(x: Axis, y: Axis) -> Self {
        Self::with_margin(x, y, RIGHT)
    }

    /// With room for `right` units of text beside the plot, which is 680 wide in all.
    pub fn with_margin(x: Axis, y: Axis, right: f64) -> Self {
        Self::sized(x, y, right, WIDTH, HEIGHT)
    }

    /// Of which the inside is a square: for axes that mean the same.
    pub fn square(x: Axis, y: Axis) -> Self {
        let inside = HEIGHT - TOP - BOTTOM + 60.0;
        Self::sized(x, y, RIGHT, LEFT + inside + RIGHT, TOP + inside + BOTTOM)
    }

    fn sized(x: Axis, y: Axis, right: f64, width: f64, height: f64) -> Self {
        // A plot of full width grows with its page. A smaller one would look coarse.
        let natural = match width < WIDTH {
            true => format!(" width=\"{width}\" height=\"{height}\""),
            false => String::new(),
        };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\"{natural} font-family=\"sans-serif\" font-size=\"13\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
             <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\n",
            (LEFT + width - right) / 2.0,
            height - 12.0,
            x.label
        );
        if !y.label.is_empty() {
            let _ = writeln!(
                svg,
                "<text transform=\"translate(14 {:.0}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                (TOP + height - BOTTOM) / 2.0,
                y.label
            );
        }
        Self { x, y, width, height, right, svg, free: [LEFT; 2] }
    }

    fn at(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let across = LEFT + (self.width - LEFT - self.right) * self.x.place(x);
        (across, self.height - BOTTOM - (self.height - TOP - BOTTOM) * self.y.place(y))
    }

    /// A value below the x axis.
    pub fn x_tick(&mut self, value: f64, name: &str) {
        let (x, y) = self.at((value, self.y.low));
        let _ = writeln!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            y + 18.0,
            escape(name)
        );
    }

    /// A value beside the y axis, and a line across.
    pub fn y_tick(&mut self, value: f64, name: &str) {
        let (x, y) = self.at((self.x.low, value));
        let _ = writeln!(
            self.svg,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            self.width - self.right,
            x - 8.0,
            y + 4.0,
            escape(name)
        );
    }

    /// A line through `points` (a dot if there is one), named above the plot; points that are not finite are left out.
    /// `color` as in SVG.
    pub fn line(&mut self, name: &str, color: &str, points: &[(f64, f64)]) {
        let points: Vec<_> =
            points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        if let [point] = points[..] {
            return self.dots(name, color, &[point]);
        }
        self.stroke(&points, &format!("stroke=\"{color}\" stroke-width=\"2.5\""));
        self.name(name, color);
    }

    /// A thin dashed line that has no name: what the others are compared with.
    pub fn guide(&mut self, points: &[(f64, f64)]) {
        self.stroke(points, "stroke=\"#888888\" stroke-dasharray=\"5 4\"");
    }

    fn stroke(&mut self, points: &[(f64, f64)], style: &str) {
        let place = |&point: &(f64, f64)| {
            let (x, y) = self.at(point);
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<_> = points.iter().map(place).collect();
        let points = points.join(" ");
        let _ = writeln!(self.svg, "<polyline points=\"{points}\" fill=\"none\" {style}/>");
    }

    /// A line through `points`, with a dot at each.
    pub fn line_with_dots(&mut self, name: &str, color: &str, points: &[(f64, f64)]) {
        self.stroke(points, &format!("stroke=\"{color}\" stroke-width=\"1.5\""));
        self.dots(name, color, points);
    }

    /// A bar from the x axis up to `value`, over `from` to `to`. `title` is shown where somebody points
    /// at it.
    pub fn bar(&mut self, (from, to): (f64, f64), value: f64, color: &str, title: &str) {
        let (left, top) = self.at((from, value));
        let (right, bottom) = self.at((to, self.y.low));
        let _ = writeln!(
            self.svg,
            "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{color}\">\
             <title>{}</title></rect>",
            left + 0.5,
            (right - left - 1.0).max(0.5),
            bottom - top,
            escape(title)
        );
    }

    /// Dashed lines upwards at some values, each with its name beside its upper end, the next name a
    /// line below the one before; values outside of the axis are left out.
    pub fn marks(&mut self, marks: &[(String, f64)]) {
        let inside = |(_, value): &&(String, f64)| (self.x.low..=self.x.high).contains(value);
        let marks: Vec<_> = marks.iter().filter(inside).collect();
        for (row, (name, value)) in marks.into_iter().enumerate() {
            let (x, bottom) = self.at((*value, self.y.low));
            let y = TOP + 10.0 + 16.0 * row as f64;
            let (anchor, side) = match self.x.place(*value) > 0.6 {
                true => ("end", -6.0),
                false => ("start", 6.0),
            };
            let _ = writeln!(
                self.svg,
                "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"#333333\" \
                 stroke-dasharray=\"5 4\"/>\
                 <text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" stroke=\"#ffffff\" \
                 stroke-width=\"4\" paint-order=\"stroke\">{}</text>",
                y - 10.0,
                x + side,
                escape(name)
            );
        }
    }

    /// A few words above a place.
    pub fn note(&mut self, point: (f64, f64), text: &str) {
        let (x, y) = self.at(point);
        let _ = writeln!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\">{}</text>",
            y - 5.0,
            escape(text)
        );
    }

    /// Ticks from 0 to 1 on both axes.
    pub(crate) fn unit_ticks(&mut self) {
        for tick in 0..=5 {
            let value = f64::from(tick) / 5.0;
            self.x_tick(value, &format!("{value:.1}"));
            self.y_tick(value, &format!("{value:.1}"));
        }
    }

    /// Dashed lines across at some values, named in the margin to the right; names that would lie on
    /// each other are moved apart.
    pub fn levels(&mut self, levels: &[(&str, f64)]) {
        const APART: f64 = 15.0;
        let mut placed: Vec<_> =
            levels.iter().map(|&(name, value)| (name, self.at((self.x.high, value)).1)).collect();
        placed.sort_by(|a, b| a.1.total_cmp(&b.1));
        let mut lowest = f64::NEG_INFINITY;
        for (name, y) in placed {
            let label = y.max(lowest + APART);
            lowest = label;
            let end = self.width - self.right;
            let _ = writeln!(
                self.svg,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{end}\" y2=\"{y:.1}\" stroke=\"#777777\" stroke-dasharray=\"5 4\"/>\
                 <line x1=\"{end}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{label:.1}\" stroke=\"#bbbbbb\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" fill=\"#444444\">{}</text>",
                end + 10.0,
                end + 13.0,
                label + 4.0,
                escape(name)
            );
        }
    }

    /// A small dot one can see through at each of `points`, without a name.
    pub fn cloud(&mut self, color: &str, points: &[(f64, f64)]) {
        for &point in points {
            let (x, y) = self.at(point);
            let _ = writeln!(
                self.svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\" fill=\"{color}\" fill-opacity=\"0.45\"/>"
            );
        }
    }

    /// A dot at each of `points`, named above the plot unless the name is empty.
    pub fn dots(&mut self, name: &str, color: &str, points: &[(f64, f64)]) {
        for &point in points {
            let (x, y) = self.at(point);
            let _ = writeln!(
                self.svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4.5\" fill=\"{color}\"/>"
            );
        }
        self.name(name, color);
    }

    fn name(&mut self, name: &str, color: &str) {
        if name.is_empty() {
            return;
        }
        let row = usize::from(self.free[1] < self.free[0]);
        let (x, y) = (self.free[row], 14.0 + 18.0 * row as f64);
        self.free[row] += 48.0 + 7.0 * name.chars().count() as f64;
        let _ = writeln!(
            self.svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"16\" height=\"5\" fill=\"{color}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            y - 2.0,
            x + 24.0,
            y + 5.0,
            escape(name)
        );
    }

    /// The SVG.
    pub fn finish(mut self) -> String {
        self.svg.push_str("</svg>\n");
        self.svg
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_that_is_not_finite_is_left_out_and_the_others_stay() {
        let axis = Axis { scale: Scale::Logarithmic, low: 0.01, high: 1.0, label: "" };
        let mut plot = Plot::new(axis, axis);
        plot.line("", "#000000", &[(0.1, f64::NAN), (0.1, 0.1), (f64::INFINITY, 0.1), (1.0, 1.0)]);
        let svg = plot.finish();
        assert!(svg.contains("points=\"375.0,187.5 660.0,50.0\""), "{svg}");
    }
}
