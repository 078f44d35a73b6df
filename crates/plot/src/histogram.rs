//! How often whole numbers occur, in bins of equal width: the lengths of texts, say.

use crate::colors::BLUE;
use crate::curves::{Axis, Plot, Scale};
use crate::ticks::nice;

const MOST_BINS: usize = 40;
/// Larger numbers count as this one: so large that an `f64` tells neighbours apart.
const MOST: usize = 1_000_000_000;
const REST: &str = "#9ecae1";

/// The bins of a histogram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins {
    /// What the first bin begins with.
    pub from: usize,
    /// How many different numbers a bin holds.
    pub width: usize,
    /// How many values are in each bin.
    pub counts: Vec<usize>,
    /// How many values lie beyond the last bin.
    pub beyond: usize,
}

impl Bins {
    /// Of a few values that are far larger than the others, a histogram would have one bar and a long
    /// nothing: what lies above one and a half times the 99th percentile is only counted.
    pub fn of(values: &[usize]) -> Self {
        let mut sorted: Vec<usize> = values.iter().map(|&value| value.min(MOST)).collect();
        sorted.sort_unstable();
        let (Some(&from), Some(&longest)) = (sorted.first(), sorted.last()) else {
            return Self { from: 0, width: 1, counts: vec![0], beyond: 0 };
        };
        let far = sorted[(sorted.len() - 1) * 99 / 100] / 2 * 3;
        let to = longest.min(far.max(from));
        let width = round_up((to - from) / MOST_BINS + 1);
        let from = from / width * width;
        let mut counts = vec![0; (to - from) / width + 1];
        let mut beyond = 0;
        for value in sorted {
            match counts.get_mut((value - from) / width) {
                Some(count) => *count += 1,
                None => beyond += 1,
            }
        }
        Self { from, width, counts, beyond }
    }

    /// What the bin after the last one would begin with.
    fn end(&self) -> usize {
        self.from + self.width * self.counts.len()
    }
}

/// The next of 1, 2, 5, 10, 20, 50, …
fn round_up(width: usize) -> usize {
    let powers = (0..19).map(|power| 10_usize.pow(power));
    let mut round = powers.flat_map(|power| [1, 2, 5].map(|m| m * power));
    round.find(|&round| round >= width).unwrap_or(width)
}

/// The bins of `values`, and `marks`: values that a reader should find, with their names. What lies
/// far beyond the others is one pale bar at the end. An SVG.
pub fn histogram(
    values: &[usize],
    marks: &[(String, usize)],
    x_label: &'static str,
    y_label: &'static str,
) -> String {
    let bins = Bins::of(values);
    let rest = if bins.beyond > 0 { 2 * bins.width } else { 0 };
    let (low, high) = (bins.from as f64, (bins.end() + rest) as f64);
    let most = bins.counts.iter().chain([&bins.beyond]).copied().max().unwrap_or(0).max(1) as f64;
    let head_room = 1.0 + 0.06 * (1 + marks.len()) as f64; // for the names of the marks
    let x = Axis { scale: Scale::Linear, low, high, label: x_label };
    let y = Axis { scale: Scale::Linear, low: 0.0, high: most * head_room, label: y_label };
    let mut plot = Plot::new(x, y);
    let y_step = nice(most).max(1.0);
    for tick in 0..=(most / y_step) as usize {
        let value = tick as f64 * y_step;
        plot.y_tick(value, &format!("{value}"));
    }
    let end = bins.end() as f64;
    let x_step = nice(end - low).max(1.0);
    let first = (low / x_step).ceil() as usize;
    for value in (first..).map(|tick| tick as f64 * x_step).take_while(|&value| value <= end) {
        plot.x_tick(value, &format!("{value}"));
    }
    for (place, &count) in bins.counts.iter().enumerate() {
        let from = bins.from + place * bins.width;
        let (last, to) = (from + bins.width - 1, from + bins.width);
        let range = if last == from { from.to_string() } else { format!("{from} to {last}") };
        let title = format!("{range}: {count}");
        plot.bar((from as f64, to as f64), count as f64, BLUE, &title);
    }
    if bins.beyond > 0 {
        let place = (end + 0.5 * bins.width as f64, high);
        let title = format!("{} and more: {}", bins.end(), bins.beyond);
        plot.bar(place, bins.beyond as f64, REST, &title);
    }
    let marks: Vec<_> = marks.iter().map(|(name, value)| (name.clone(), *value as f64)).collect();
    plot.marks(&marks);
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bin_and_the_far_ones_are_counted() {
        let mut values: Vec<usize> = (5..=104).collect();
        values.push(100_000);
        let bins = Bins::of(&values);
        assert_eq!((bins.from, bins.width, bins.beyond), (5, 5, 1));
        assert_eq!(bins.counts.iter().sum::<usize>() + bins.beyond, values.len());
        assert_eq!(bins.counts[..3], [5, 5, 5]);
        let near = Bins::of(&values[..100]);
        assert_eq!((near.counts.len(), near.counts[19], near.beyond), (20, 5, 0));
        assert_eq!(Bins::of(&[7]), Bins { from: 7, width: 1, counts: vec![1], beyond: 0 });
    }

    #[test]
    fn few_values_and_equal_values_and_none_are_drawn() {
        for values in [vec![], vec![7], vec![7; 50], vec![0, usize::MAX / 4], vec![usize::MAX; 3]] {
            let bins = Bins::of(&values);
            assert_eq!(bins.counts.iter().sum::<usize>() + bins.beyond, values.len());
            let svg = histogram(&values, &[("<limit>".to_owned(), 7)], "tokens", "texts");
            assert!(!svg.contains("NaN") && !svg.contains("inf") && !svg.contains("<limit>"));
        }
    }
}
