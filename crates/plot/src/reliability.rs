//! Is the model right as often as it says? (Guo et al., "On Calibration of Modern Neural Networks",
//! 2017, figure 1.)

use crate::colors::{BLUE, ORANGE};
use crate::curves::{Axis, Plot, Scale};
use crate::text::short_count;
use bert_metrics::Bin;

/// A bar for each of `bins`, as high as the share of right answers in it, a dot where its mean
/// confidence would have it, and the number of its predictions above. A square SVG.
pub fn reliability_diagram(bins: &[Bin]) -> String {
    let axis = |label| Axis { scale: Scale::Linear, low: 0.0, high: 1.0, label };
    let mut plot = Plot::square(axis("how sure the model was"), axis("how often it was right"));
    plot.unit_ticks();
    let filled = || bins.iter().filter(|bin| bin.count > 0);
    for bin in filled() {
        let title = format!(
            "{} predictions between {:.2} and {:.2}: mean confidence {:.3}, right {:.3}",
            bin.count, bin.from, bin.to, bin.confidence, bin.accuracy
        );
        plot.bar((bin.from, bin.to), bin.accuracy, BLUE, &title);
    }
    plot.guide(&[(0.0, 0.0), (1.0, 1.0)]);
    // A confidence that is not finite has no place.
    let expected: Vec<_> = filled()
        .map(|bin| ((bin.from + bin.to) / 2.0, bin.confidence))
        .filter(|(_, confidence)| confidence.is_finite())
        .collect();
    plot.line_with_dots("how sure it was, in the mean of each bin", ORANGE, &expected);
    for bin in filled() {
        plot.note(((bin.from + bin.to) / 2.0, 1.0), &short_count(bin.count as u64));
    }
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_metrics::reliability;

    #[test]
    fn bins_with_predictions_have_a_bar_and_a_count_and_empty_ones_have_none() {
        let bins = reliability(&[0.95, 0.95, 0.55, f64::NAN], &[true, false, true, false], 10);
        let svg = reliability_diagram(&bins);
        assert!(
            svg.contains("2 predictions between 0.90 and 1.00: mean confidence 0.950, right 0.500")
        );
        assert_eq!(svg.matches(" predictions between").count(), 3);
        assert!(!svg.replace("mean confidence NaN", "").contains("NaN"));
        assert!(reliability_diagram(&[]).ends_with("</svg>\n"));
    }
}
