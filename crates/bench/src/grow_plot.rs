//! The plots of `grow`: points that were measured, and dashed lines that were counted.

use crate::grow::{Point, Series, What};
use bert_plot::{Axis, Plot, Scale, colors::SERIES};

/// What is drawn upwards.
#[derive(Clone, Copy, PartialEq)]
pub enum Quantity {
    Time,
    Memory,
}

const MIB: f64 = (1 << 20) as f64;

impl Quantity {
    fn of(self, point: &Point) -> f64 {
        match self {
            Self::Time => point.measured.seconds.median,
            Self::Memory => point.measured.memory.peak as f64,
        }
    }

    /// What was counted: the operations at the rate of the best of `points`; over the threads, an equal share of the time of one.
    fn counted(self, what: What, point: &Point, points: &[&Point]) -> f64 {
        let seconds = |point: &Point| point.measured.seconds.median;
        let rate = |point: &&Point| point.operations / seconds(point);
        match (self, what) {
            (Self::Memory, _) => point.counted_bytes,
            (Self::Time, What::Threads) => {
                seconds(points[0]) * (points[0].threads as f64 / point.threads as f64)
            }
            (Self::Time, _) => point.operations / points.iter().map(rate).fold(0.0, f64::max),
        }
    }

    /// Round values for the axis, each with its name, rising.
    fn ticks(self) -> Vec<(f64, String)> {
        let named = |values: &[(f64, &str)]| {
            values.iter().map(|&(value, name)| (value, name.to_owned())).collect()
        };
        match self {
            Self::Time => named(&[
                (1e-4, "0.1 ms"),
                (1e-3, "1 ms"),
                (1e-2, "10 ms"),
                (1e-1, "100 ms"),
                (1.0, "1 s"),
                (10.0, "10 s"),
                (100.0, "100 s"),
            ]),
            Self::Memory => (3..16)
                .map(|power| {
                    let mebibytes = 1 << power;
                    let name = match mebibytes >> 10 {
                        0 => format!("{mebibytes} MiB"),
                        gibibytes => format!("{gibibytes} GiB"),
                    };
                    (f64::from(mebibytes) * MIB, name)
                })
                .collect(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Time => "a step",
            Self::Memory => "peak memory",
        }
    }

    fn counted_name(self, what: What) -> &'static str {
        match (self, what) {
            (Self::Memory, _) => "dashed: counted by hand",
            (Self::Time, What::Threads) => "dashed: an equal share for each thread",
            (Self::Time, _) => "dashed: counted operations at the best rate",
        }
    }
}

/// An SVG with both axes logarithmic: what grows in proportion has slope 1.
pub fn draw(series: &Series, quantity: Quantity) -> String {
    let points = &series.points;
    let lines = lines(series);
    let counted = |point: &Point, line: &[&Point]| quantity.counted(series.what, point, line);
    let values = lines
        .iter()
        .flat_map(|line| line.iter().flat_map(|point| [quantity.of(point), counted(point, line)]));
    let (low, high) = values.fold((f64::MAX, 0.0), |(low, high), x| (x.min(low), x.max(high)));
    let ticks = quantity.ticks();
    let below = ticks.iter().rev().find(|(tick, _)| *tick <= low).unwrap_or(&ticks[0]).0;
    let above = ticks.iter().find(|(tick, _)| *tick >= high).unwrap_or(&ticks[ticks.len() - 1]).0;
    let places: Vec<_> = points.iter().map(|point| series.what.place(point)).collect();
    let (first, last) =
        places.iter().fold((f64::MAX, 0.0), |(low, high), &x| (x.min(low), x.max(high)));
    let x = Axis {
        scale: Scale::Logarithmic,
        low: first / 1.3,
        high: last * 1.3,
        label: series.what.label(),
    };
    let y = Axis { scale: Scale::Logarithmic, low: below, high: above, label: "" };
    let mut plot = Plot::new(x, y);
    let mut named: Vec<String> = Vec::new();
    for (point, &place) in points.iter().zip(&places) {
        let name = series.what.tick(point);
        if !named.contains(&name) {
            plot.x_tick(place, &name);
            named.push(name);
        }
    }
    for (tick, name) in ticks.iter().filter(|(tick, _)| (below..=above).contains(tick)) {
        plot.y_tick(*tick, name);
    }
    for (line, color) in lines.iter().zip(SERIES) {
        let at = |value: &dyn Fn(&Point) -> f64| -> Vec<_> {
            line.iter().map(|point| (series.what.place(point), value(point))).collect()
        };
        plot.guide(&at(&|point| counted(point, line)));
        let name = if series.what == What::Threads { line[0].size } else { quantity.name() };
        plot.line_with_dots(name, color, &at(&|point| quantity.of(point)));
    }
    plot.line(quantity.counted_name(series.what), "#888888", &[]);
    plot.finish()
}

/// The points of each line: over the threads, one for each size of the model.
fn lines(series: &Series) -> Vec<Vec<&Point>> {
    if series.what != What::Threads {
        return vec![series.points.iter().collect()];
    }
    series.points.chunk_by(|a, b| a.size == b.size).map(|line| line.iter().collect()).collect()
}

impl What {
    fn label(self) -> &'static str {
        match self {
            Self::Tokens => "tokens of the sequence",
            Self::Batch => "sequences of 128 tokens",
            Self::Threads => "threads",
            Self::Size => "parameters",
        }
    }

    fn place(self, point: &Point) -> f64 {
        let number = match self {
            Self::Tokens => point.tokens,
            Self::Batch => point.sequences,
            Self::Threads => point.threads,
            Self::Size => point.parameters,
        };
        number as f64
    }

    fn tick(self, point: &Point) -> String {
        match self {
            Self::Size => format!("{} {:.1} M", point.size, point.parameters as f64 / 1e6),
            _ => self.place(point).to_string(),
        }
    }
}
