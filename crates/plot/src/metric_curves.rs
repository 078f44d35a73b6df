//! How scores rose: accuracy, F1 and their kin over the steps of a training.

use crate::colors::SERIES;
use crate::curves::{Axis, Plot, Scale};
use crate::ticks::nice;

/// A curve for each name, (step, score); at most six. From 0 to 1, and from further below where a
/// correlation is negative. `best` marks the step whose weights were kept. An SVG.
pub fn metric_curves(curves: &[(&str, Vec<(f64, f64)>)], best: Option<f64>) -> String {
    let curves = &curves[..curves.len().min(SERIES.len())];
    let points = || curves.iter().flat_map(|(_, points)| points);
    let steps = points().map(|&(step, _)| step).chain(best).filter(|step| step.is_finite());
    let steps = steps.fold(1.0, f64::max);
    let scores = points().map(|&(_, score)| score).filter(|score| score.is_finite());
    let low = (scores.fold(0.0, f64::min).max(-1.0) * 5.0).floor() / 5.0;
    let x = Axis { scale: Scale::Linear, low: 0.0, high: steps, label: "step" };
    let y = Axis { scale: Scale::Linear, low, high: 1.0, label: "score" };
    let mut plot = Plot::new(x, y);
    let x_step = nice(steps);
    for tick in 0..=(steps / x_step) as usize {
        let step = tick as f64 * x_step;
        plot.x_tick(step, &format!("{step}"));
    }
    for tick in 0..=((1.0 - low) * 5.0).round() as usize {
        let score = low + tick as f64 / 5.0;
        plot.y_tick(score, &format!("{score:.1}"));
    }
    for ((name, points), color) in curves.iter().zip(SERIES) {
        plot.line(name, color, points);
    }
    plot.marks(&best.map(|step| ("kept".to_owned(), step)).into_iter().collect::<Vec<_>>());
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_have_the_whole_height_and_a_negative_one_has_more() {
        let above = metric_curves(&[("accuracy", vec![(0.0, 0.0), (10.0, 1.0)])], Some(10.0));
        assert!(above.contains("points=\"90.0,325.0 660.0,50.0\"") && above.contains(">kept<"));
        let high = metric_curves(&[("accuracy", vec![(0.0, 0.5), (10.0, 1.0)])], None);
        assert!(high.contains("points=\"90.0,187.5 660.0,50.0\""), "{high}");
        let below = metric_curves(&[("matthews", vec![(1.0, -0.25), (2.0, f64::NAN)])], None);
        assert!(below.contains(">-0.4<") && !below.contains("NaN"));
        assert!(metric_curves(&[], None).ends_with("</svg>\n"));
    }
}
