//! How the loss of a training came down, beside the losses that it is compared with.

use crate::curves::{Axis, Plot, Scale};
use crate::ticks::{decimals, nice};

/// A training, or an evaluation on the way.
#[derive(Debug, Clone)]
pub struct Curve<'a> {
    /// What stands above the plot.
    pub name: &'a str,
    /// As in SVG.
    pub color: &'a str,
    /// (step, loss).
    pub points: Vec<(f64, f64)>,
}

/// Curves over steps, and `levels`: names and losses, drawn as lines across. An SVG.
pub fn loss_curve(curves: &[Curve], levels: &[(&str, f64)]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points).filter(|(_, y)| y.is_finite());
    let steps = points().fold(1.0, |most: f64, &(step, _)| most.max(step));
    let losses = || points().map(|&(_, loss)| loss).chain(levels.iter().map(|&(_, loss)| loss));
    let highest = losses().fold(0.0, f64::max).max(1e-3);
    let lowest = losses().fold(highest, f64::min);
    let y_step = nice((highest - lowest).max(1e-3 * highest));
    // From the nice number below; a little air keeps a curve off the axis.
    let low = ((lowest / y_step - 0.2).floor() * y_step).max(0.0);
    let x = Axis { scale: Scale::Linear, low: 0.0, high: steps, label: "step" };
    let y = Axis { scale: Scale::Linear, low, high: highest + 0.2 * y_step, label: "loss, nats" };
    let mut plot = Plot::with_margin(x, y, if levels.is_empty() { 20.0 } else { 170.0 });
    let x_step = nice(steps);
    for tick in 0..=(steps / x_step) as usize {
        let step = tick as f64 * x_step;
        plot.x_tick(step, &format!("{step}"));
    }
    let decimals = decimals(y_step);
    for tick in 0..=((y.high - low) / y_step) as usize {
        let loss = low + tick as f64 * y_step;
        plot.y_tick(loss, &format!("{loss:.decimals$}"));
    }
    plot.levels(levels);
    for curve in curves {
        plot.line(curve.name, curve.color, &curve.points);
    }
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_not_finite_or_no_loss_at_all_is_drawn_as_nothing() {
        for points in [vec![], vec![(0.0, f64::NAN)], vec![(5.0, 0.0)]] {
            let curve = Curve { name: "loss", color: "#000000", points };
            let svg = loss_curve(&[curve], &[]);
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }

    #[test]
    fn names_of_near_levels_do_not_lie_on_each_other() {
        let curve = Curve { name: "loss", color: "#000000", points: vec![(10.0, 5.0)] };
        let svg = loss_curve(&[curve], &[("a", 1.01), ("b", 1.0), ("c", 0.99)]);
        let place = |name: &str| -> f64 {
            let before = &svg[..svg.find(&format!(">{name}</text>")).unwrap()];
            let y = &before[before.rfind(" y=\"").unwrap() + 4..];
            y[..y.find('"').unwrap()].parse().unwrap()
        };
        assert!(place("b") - place("a") > 14.9 && place("c") - place("b") > 14.9);
    }
}
