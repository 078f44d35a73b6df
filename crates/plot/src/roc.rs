//! What a classifier of two classes can do at any threshold.

use crate::colors::{BLUE, ORANGE};
use crate::curves::{Axis, Plot, Scale};
use bert_metrics::RocPoint;

/// Two neighbours that are nearer than this, on the way along the curve, are one to the eye.
const APART: f64 = 0.004;

/// The curve, the diagonal on which guesses lie, and a dot at the threshold of one half. A square SVG.
pub fn roc_plot(points: &[RocPoint]) -> String {
    let axis = |label| Axis { scale: Scale::Linear, low: 0.0, high: 1.0, label };
    let x = axis("false alarms: share of the negatives");
    let mut plot = Plot::square(x, axis("found: share of the positives"));
    plot.unit_ticks();
    plot.guide(&[(0.0, 0.0), (1.0, 1.0)]);
    plot.line("all thresholds", BLUE, &thinned(points));
    let half = points.iter().take_while(|point| point.threshold >= 0.5).last();
    if let Some(point) = half {
        plot.dots("threshold 0.5", ORANGE, &[place(point)]);
    }
    plot.finish()
}

fn place(point: &RocPoint) -> (f64, f64) {
    (point.false_positive_rate, point.true_positive_rate)
}

/// Without the points that nobody would miss: the first, the last and those some way apart stay.
fn thinned(points: &[RocPoint]) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (number, (x, y)) in points.iter().map(place).enumerate() {
        // Both coordinates only grow.
        let apart = kept.last().is_none_or(|last| x + y - last.0 - last.1 >= APART);
        if apart || number + 1 == points.len() {
            kept.push((x, y));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_metrics::roc_curve;

    #[test]
    fn a_curve_of_a_hundred_thousand_points_is_thinned_and_stays_where_it_was() {
        let positive: Vec<bool> = (0..100_000).map(|n| n % 2 == 0).collect();
        let scores: Vec<f64> = (0..100_000).map(f64::from).collect();
        let kept = thinned(&roc_curve(&positive, &scores));
        assert!(kept.len() <= 502, "{}", kept.len());
        assert_eq!((kept[0], kept[kept.len() - 1]), ((0.0, 0.0), (1.0, 1.0)));
        assert!(kept.iter().all(|(x, y)| (x - y).abs() < 1e-4));
    }

    #[test]
    fn corners_stay() {
        let corners = thinned(&roc_curve(&[true, false], &[0.9, 0.1]));
        assert_eq!(corners, [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0)]);
    }

    #[test]
    fn the_dot_is_at_the_last_threshold_that_is_no_less_than_a_half() {
        let svg = roc_plot(&roc_curve(&[true, true, false, false], &[0.9, 0.5, 0.4, 0.1]));
        assert!(svg.contains("<circle cx=\"90.0\" cy=\"50.0\""), "{svg}");
        assert!(roc_plot(&[]).ends_with("</svg>\n"));
    }
}
