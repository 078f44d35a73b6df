//! How the training went.

use super::meanings::{is_bounded, meaning};
use bert_plot::colors::{BLUE, ORANGE, SERIES};
use bert_plot::{Curve, Page, loss_curve, metric_curves};
use bert_train::Watch;

/// A curve of more points is thinned out.
const MOST_POINTS: usize = 400;

/// (step, value) of each measurement.
pub type Points = Vec<(f64, f64)>;

/// What was measured on the way.
#[derive(Debug, Clone, Default)]
pub struct Curves {
    /// The loss of the training data.
    pub train_loss: Points,
    /// The loss of the dev data.
    pub dev_loss: Points,
    /// Scores on the dev data, by name.
    pub scores: Vec<(String, Points)>,
    /// Whose weights were kept.
    pub kept: Kept,
}

/// Which step's weights were kept.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Kept {
    /// Nobody knows.
    #[default]
    Unknown,
    /// The last one's.
    Last,
    /// Those of the best evaluation, after so many steps.
    Best(u64),
}

impl Kept {
    /// `best`: whether a training kept its best weights.
    pub fn of(best: bool, watch: &Watch) -> Self {
        let step = watch.best.filter(|_| best).map(|best| best.step);
        step.map_or(Self::Last, Self::Best)
    }
}

impl Curves {
    pub(super) fn section(&self, page: &mut Page) {
        if self.train_loss.is_empty() && self.dev_loss.is_empty() {
            return;
        }
        page.heading("Learning curves");
        page.paragraph(
            "The training loss says how well the model knows what it was shown, the dev loss how well it judges what it was \
             not shown. Both should fall. Where the dev loss rises again while the training loss goes on falling, the model \
             learns the training data by heart: over-fitting.",
        );
        if let Some(reading) = self.reading() {
            page.paragraph(&reading);
        }
        let mut curves =
            vec![Curve { name: "training", color: SERIES[5], points: thinned(&self.train_loss) }];
        if !self.dev_loss.is_empty() {
            curves.push(Curve { name: "dev", color: BLUE, points: thinned(&self.dev_loss) });
        }
        if let Some(least) = least(&self.dev_loss) {
            curves.push(Curve { name: "least dev loss", color: ORANGE, points: vec![least] });
        }
        page.figures(&[loss_curve(&curves, &[])], "Loss over the steps of the training.");
        self.draw_scores(page);
    }

    fn draw_scores(&self, page: &mut Page) {
        let bounded =
            self.scores.iter().filter(|(name, points)| is_bounded(name) && !points.is_empty());
        let bounded: Vec<_> =
            bounded.map(|(name, points)| (meaning(name).title, share(thinned(points)))).collect();
        if !bounded.is_empty() {
            let (caption, step) = match self.kept {
                Kept::Best(step) => {
                    (format!(" The weights of step {step} were kept."), Some(step as f64))
                }
                Kept::Last => (" The weights of the last step were kept.".to_owned(), None),
                Kept::Unknown => (String::new(), None),
            };
            let caption = format!("Scores on the dev data.{caption}");
            page.figures(&[metric_curves(&bounded, step)], &caption);
        }
    }

    /// What the dev loss did, in words.
    fn reading(&self) -> Option<String> {
        let (step, low) = least(&self.dev_loss)?;
        let &(last, end) = self.dev_loss.last()?;
        (last > step).then(|| match end > 1.05 * low {
            true => format!(
                "The dev loss was least at step {step} ({low:.4}) and is {end:.4} in the end: from there on it over-fitted. \
                 Fewer epochs, or `--epochs auto`, would end there."
            ),
            false => format!("The dev loss was least at step {step} ({low:.4}) and has hardly changed since."),
        })
    }
}

/// The point of the least value, the first of equals.
fn least(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let finite = points.iter().copied().filter(|(_, value)| value.is_finite());
    finite.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Every so many points, and the last.
fn thinned(points: &[(f64, f64)]) -> Points {
    let every = points.len().div_ceil(MOST_POINTS).max(1);
    let mut kept: Points = points.iter().copied().step_by(every).collect();
    if let Some(&last) = points.last().filter(|last| kept.last() != Some(last)) {
        kept.push(last);
    }
    kept
}

/// Per cent, as the evaluation of SQuAD has them, become shares.
fn share(mut points: Points) -> Points {
    if points.iter().any(|&(_, score)| score > 1.0) {
        points.iter_mut().for_each(|(_, score)| *score /= 100.0);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_thinned_and_keeps_its_ends() {
        let points: Points = (0..100_000).map(|n| (f64::from(n), 1.0)).collect();
        let kept = thinned(&points);
        assert!(kept.len() <= MOST_POINTS + 1);
        assert_eq!((kept[0].0, kept[kept.len() - 1].0), (0.0, 99_999.0));
        assert_eq!(thinned(&points[..3]), points[..3]);
    }

    #[test]
    fn over_fitting_is_told_from_a_loss_that_stays() {
        let reading = |end| {
            let dev_loss = vec![(1.0, 0.9), (2.0, 0.5), (3.0, end)];
            Curves { dev_loss, ..Curves::default() }.reading()
        };
        assert!(reading(0.8).unwrap().contains("over-fitted"));
        assert!(reading(0.51).unwrap().contains("hardly changed"));
        assert_eq!(reading(0.4), None);
    }
}
