//! Integrated gradients (Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks",
//! 2017).
//!
//! ```text
//! x                    the embeddings' output for the text           [S, H]
//! x′                   the same for the baseline                      [S, H]
//! F                    a logit, as a function of such vectors
//!
//! attribution of token s = Σ over H of (x − x′) ∘ ∫₀¹ F'(x′ + α·(x − x′)) dα
//! ```
//!
//! Along the path from x′ to x the logit changes by the gradient times the way, point by point, so the
//! attributions add up to F(x) − F(x′): the fundamental theorem of calculus. The integral is computed
//! by the midpoint rule, α = (k + ½)/m; whether m was enough is seen by the sum.
//!
//! The gradient is taken at `hidden_states.0`, behind the LayerNorm of the embeddings and not at the
//! words' own vectors: there a point half-way between two words would be stretched to a vector of
//! ordinary length at once, and the path would not be a straight one.

use super::{Baseline, Explainer};
use crate::Error;
use bert_model::Keep;
use bert_model::embedded_classifier::EmbeddedClassifierGrads;
use bert_nn::Real;
use bert_tokenizer::Encoding;
use ndarray::{Array2, Axis};

/// What each token of a text adds to a logit.
#[derive(Debug, Clone, PartialEq)]
pub struct IntegratedGradients {
    /// One for each token; exactly 0 for the `[CLS]` and `[SEP]` that the tokenizer put in, which are
    /// in the baseline too.
    pub attributions: Vec<Real>,
    /// All of them together.
    pub sum: Real,
    /// F(x), the logit of the text.
    pub logit: Real,
    /// F(x′), the logit of the baseline.
    pub baseline_logit: Real,
    /// How many points of the path were looked at.
    pub steps: usize,
}

/// How far the sum may be from the change of the logit.
pub const LIMIT: Real = 0.01;

/// Where the attributions cancel, the change of the logit is next to nothing and no measure for an
/// error: then this share of their sizes is.
pub const FLOOR: Real = 0.1;

/// Of one batch. In a base model the activations of so many tokens take 230 MB, and matrix products
/// do not get much faster with more of them.
const TOKENS: usize = 512;

impl IntegratedGradients {
    /// The sum minus the change of the logit.
    pub fn error(&self) -> Real {
        self.sum - (self.logit - self.baseline_logit)
    }

    // ANCHOR: complete
    /// Whether the attributions add up to the change of the logit, within [`LIMIT`] of that change
    /// (or of [`FLOOR`] · Σ |attributions|, where that is more).
    pub fn is_complete(&self) -> bool {
        let sizes: Real = self.attributions.iter().map(|attribution| attribution.abs()).sum();
        let change = (self.logit - self.baseline_logit).abs();
        self.error().abs() <= LIMIT * change.max(FLOOR * sizes)
    }
    // ANCHOR_END: complete
}

/// The straight way from the baseline to the text, [S, H] each.
struct Path {
    baseline: Array2<Real>,
    text: Array2<Real>,
}

impl Explainer<'_> {
    /// Token by token, for one class. The number of steps doubles from `first_steps` on until the
    /// attributions add up, or `max_steps` is reached.
    pub fn integrated_gradients(
        &self,
        encoding: &Encoding,
        class: usize,
    ) -> Result<IntegratedGradients, Error> {
        self.integrate(encoding, class, &mut self.classifier.zero_grads())
    }

    // ANCHOR: integrate
    /// `grads` receives the parameters' gradients, which nobody wants here.
    pub(super) fn integrate(
        &self,
        encoding: &Encoding,
        class: usize,
        grads: &mut EmbeddedClassifierGrads,
    ) -> Result<IntegratedGradients, Error> {
        let path = self.path(encoding)?;
        let way = &path.text - &path.baseline; // [S, H]
        let logit = self.logit(&path.text, class);
        let baseline_logit = self.logit(&path.baseline, class);
        let mut steps = self.first_steps.min(self.max_steps).max(1);
        loop {
            let gradient = self.mean_gradient(&path, class, steps, grads); // [S, H]
            let attributions = (&way * &gradient).sum_axis(Axis(1)).to_vec(); // [S]
            let sum = attributions.iter().sum();
            let found = IntegratedGradients { attributions, sum, logit, baseline_logit, steps };
            if found.is_complete() || steps > self.max_steps / 2 {
                return Ok(found);
            }
            steps *= 2;
        }
    }
    // ANCHOR_END: integrate

    // ANCHOR: mean_gradient
    /// The mean of F' over the midpoints of `steps` equal parts of the path, [S, H]. The points are
    /// independent of each other: as many as fit are the sequences of one batch.
    fn mean_gradient(
        &self,
        path: &Path,
        class: usize,
        steps: usize,
        grads: &mut EmbeddedClassifierGrads,
    ) -> Array2<Real> {
        let (tokens, hidden) = path.text.dim();
        let context = self.pipeline.context();
        let mut sum = Array2::zeros((tokens, hidden)); // [S, H]
        let alphas: Vec<_> = (0..steps).map(|k| (k as Real + 0.5) / steps as Real).collect();
        for alphas in alphas.chunks((TOKENS / tokens).max(1)) {
            let bounds: Vec<_> = (0..=alphas.len()).map(|point| point * tokens).collect();
            let points = path.points(alphas); // [B·S, H]
            let (logits, cache) = self.classifier.forward(points, &bounds, &context, Keep::All);
            // Of one logit of each sequence, and of nothing else.
            let mut d_logits = Array2::zeros(logits.raw_dim()); // [B, C]
            d_logits.column_mut(class).fill(1.0);
            let d_logits = d_logits.view();
            let d_points = self.classifier.backward(cache, d_logits, &bounds, &context, grads); // [B·S, H]
            d_points.axis_chunks_iter(Axis(0), tokens).for_each(|gradient| sum += &gradient);
        }
        sum / steps as Real
    }
    // ANCHOR_END: mean_gradient

    fn logit(&self, embedded: &Array2<Real>, class: usize) -> Real {
        let (bounds, context) = ([0, embedded.nrows()], self.pipeline.context());
        let embedded = embedded.clone();
        let (logits, _) = self.classifier.forward(embedded, &bounds, &context, Keep::InputOnly); // [1, C]
        logits[[0, class]]
    }

    // ANCHOR: path
    /// Where the path begins and where it ends.
    fn path(&self, encoding: &Encoding) -> Result<Path, Error> {
        let special = self.pipeline.tokenizer.special();
        let is_word = |&token: &usize| !encoding.special_tokens_mask[token];
        let words = (0..encoding.len()).filter(is_word);
        let text = self.embed(encoding)?; // [S, H]
        let with_all = |id| {
            let mut hidden = encoding.clone();
            words.clone().for_each(|token| hidden.ids[token] = id);
            self.embed(&hidden)
        };
        let baseline = match self.baseline {
            Baseline::Mask => with_all(special.mask)?,
            Baseline::Pad => with_all(special.pad)?,
            Baseline::Zero => {
                let mut zero = text.clone();
                words.clone().for_each(|token| zero.row_mut(token).fill(0.0));
                zero
            }
        };
        Ok(Path { baseline, text })
    }
    // ANCHOR_END: path

    /// The embeddings' output of one sequence, [S, H].
    fn embed(&self, encoding: &Encoding) -> Result<Array2<Real>, Error> {
        let batch = self.pipeline.batch(std::slice::from_ref(encoding))?;
        Ok(self.pipeline.model.bert.embeddings.forward(&batch, &self.pipeline.context()).0)
    }
}

impl Path {
    /// x′ + α·(x − x′) for each α, laid end to end: [B·S, H].
    fn points(&self, alphas: &[Real]) -> Array2<Real> {
        let (tokens, hidden) = self.text.dim();
        let mut points = Array2::zeros((alphas.len() * tokens, hidden));
        for (mut point, &alpha) in points.axis_chunks_iter_mut(Axis(0), tokens).zip(alphas) {
            point.assign(&(&self.baseline + alpha * (&self.text - &self.baseline))); // [S, H]
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(attributions: &[Real], logit: Real) -> IntegratedGradients {
        IntegratedGradients {
            attributions: attributions.to_vec(),
            sum: attributions.iter().sum(),
            logit,
            baseline_logit: 1.0,
            steps: 16,
        }
    }

    #[test]
    fn the_sum_is_measured_by_the_change_or_by_what_cancels() {
        assert!(found(&[3.0, -1.0], 3.019).is_complete());
        assert!(!found(&[3.0, -1.0], 3.021).is_complete());
        assert!(!found(&[3.0, -1.0], 2.98).is_complete());
        // A change of nothing: a hundredth of a tenth of 4.
        assert!(found(&[2.0, -2.0], 1.0039).is_complete());
        assert!(!found(&[2.0, -2.0], 1.0041).is_complete());
        // Nothing explains nothing, and no change is no reason for an error.
        assert!(found(&[0.0, 0.0], 1.0).is_complete());
        assert!(!found(&[0.0, 0.0], 1.1).is_complete());
        assert!(!found(&[Real::NAN], 1.0).is_complete());
    }
}
