//! Tiny world's ladder in pictures.

use bert_data::tiny_world::Ladder;
use bert_plot::{Curve, loss_curve};
use bert_train::lesson::rungs;

/// Name and loss of each rung, the loss in the name, too.
pub fn levels(ladder: &Ladder) -> Vec<(String, f64)> {
    let named = |(name, loss): (&str, f64)| (format!("{name} {loss:.3}"), loss);
    rungs(ladder).into_iter().map(named).collect()
}

/// Curves beside the ladder, as SVG.
pub fn drawing(curves: &[Curve], ladder: &Ladder) -> String {
    let levels = levels(ladder);
    let levels: Vec<_> = levels.iter().map(|(name, loss)| (name.as_str(), *loss)).collect();
    loss_curve(curves, &levels)
}
