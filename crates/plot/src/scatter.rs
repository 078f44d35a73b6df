//! Predicted numbers over the right ones.

use crate::colors::BLUE;
use crate::curves::{Axis, Plot, Scale};
use crate::ticks::{decimals, nice};

/// More dots are one spot, and a large file.
pub const MOST_DOTS: usize = 1_000;

/// Larger numbers have no place on the axes.
const MOST: f64 = 1e30;

/// A dot for each pair of a right and a predicted number, of more than [`MOST_DOTS`] every so many.
/// On the diagonal all is right. What is not finite, or beyond 1e30, is left out. A square SVG.
pub fn scatter(gold: &[f64], predicted: &[f64]) -> String {
    assert_eq!(gold.len(), predicted.len(), "a prediction for each number");
    let pairs = gold.iter().copied().zip(predicted.iter().copied());
    let pairs: Vec<_> = pairs.filter(|(x, y)| x.abs() < MOST && y.abs() < MOST).collect();
    let numbers = || pairs.iter().flat_map(|&(x, y)| [x, y]);
    let low = numbers().fold(f64::INFINITY, f64::min);
    let high = numbers().fold(f64::NEG_INFINITY, f64::max);
    // Equal numbers, and none, need a range too.
    let (low, high) = match high - low {
        range if range > 1e-6 * high.abs().max(low.abs()) && range.is_finite() => (low, high),
        _ if pairs.is_empty() => (0.0, 1.0),
        _ => (low - low.abs().max(1.0), low + low.abs().max(1.0)),
    };
    let step = nice(high - low);
    let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
    let axis = |label| Axis { scale: Scale::Linear, low, high, label };
    let mut plot = Plot::square(axis("right"), axis("predicted"));
    for tick in 0..=((high - low) / step).round() as usize {
        let value = low + tick as f64 * step;
        let name = format!("{value:.*}", decimals(step).min(9));
        plot.x_tick(value, &name);
        plot.y_tick(value, &name);
    }
    plot.guide(&[(low, low), (high, high)]);
    let every = pairs.len().div_ceil(MOST_DOTS).max(1);
    let dots: Vec<_> = pairs.into_iter().step_by(every).collect();
    plot.cloud(BLUE, &dots);
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_dots_is_bounded_and_odd_numbers_are_left_out() {
        let numbers: Vec<f64> = (0..2_001).map(f64::from).collect();
        assert_eq!(scatter(&numbers, &numbers).matches("<circle").count(), 667);
        let odd = scatter(&[1.0, f64::NAN, 2.0], &[1.0, 1.0, f64::INFINITY]);
        assert!(
            odd.matches("<circle").count() == 1 && !odd.contains("NaN") && !odd.contains("inf")
        );
        assert!(
            !scatter(&[], &[]).contains("inf")
                && !scatter(&[f64::MAX], &[f64::MIN]).contains("NaN")
        );
    }

    #[test]
    fn what_is_right_lies_on_the_diagonal() {
        let svg = scatter(&[0.0, 5.0], &[0.0, 5.0]);
        assert!(
            svg.contains("cx=\"90.0\" cy=\"385.0\"") && svg.contains("cx=\"425.0\" cy=\"50.0\"")
        );
    }
}
