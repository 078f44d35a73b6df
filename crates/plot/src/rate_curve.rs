//! The loss over the learning rate, and the rates that it suggests.

use crate::curves::{Axis, Plot, Scale};

/// `points`: (rate, loss). `suggestions`: names and (rate, loss). An SVG. Losses more than twice the first are not drawn: the
/// explosion at the end would hide the rest.
pub fn rate_curve(points: &[(f64, f64)], suggestions: &[(&str, f64, f64)]) -> String {
    let finite = points.iter().copied().filter(|&(rate, loss)| rate > 0.0 && loss.is_finite());
    let all: Vec<(f64, f64)> = finite.collect();
    let first = all.first().map_or(1.0, |&(_, loss)| loss);
    let drawn: Vec<_> = all.iter().copied().filter(|&(_, loss)| loss <= 2.0 * first).collect();
    let rates = || drawn.iter().map(|&(rate, _)| rate.log10());
    let low = rates().fold(f64::INFINITY, f64::min).min(0.0).floor().max(-300.0);
    let high = rates().fold(low + 1.0, f64::max).ceil();
    let losses = || drawn.iter().map(|&(_, loss)| loss);
    let top = losses().fold(1e-3, f64::max);
    let bottom = losses().fold(top, f64::min);
    let room = 0.1 * (top - bottom).max(1e-3 * top);
    let x = Axis {
        scale: Scale::Logarithmic,
        low: 10_f64.powf(low),
        high: 10_f64.powf(high),
        label: "learning rate",
    };
    let y = Axis {
        scale: Scale::Linear,
        low: (bottom - room).max(0.0),
        high: top + room,
        label: "loss, nats",
    };
    let mut plot = Plot::with_margin(x, y, 20.0);
    for power in low as i32..=high as i32 {
        plot.x_tick(10_f64.powi(power), &format!("1e{power}"));
    }
    for part in 0..=4 {
        let loss = y.low + (y.high - y.low) * f64::from(part) / 4.0;
        plot.y_tick(loss, &format!("{loss:.2}"));
    }
    plot.line("smoothed loss", "#9ecae1", &drawn);
    for (&(name, rate, loss), color) in suggestions.iter().zip(["#e6550d", "#31a354", "#756bb1"]) {
        plot.dots(name, color, &[(rate, loss)]);
    }
    plot.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_curve_is_drawn_and_an_explosion_is_left_out() {
        for points in [vec![], vec![(1e-5, f64::NAN)], vec![(1e-5, 1.0), (1e-4, 0.5), (1e-3, 1e9)]]
        {
            let svg = rate_curve(&points, &[("valley", 1e-4, 0.5)]);
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
