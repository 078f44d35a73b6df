//! The question-answering head: where an answer begins and ends (Devlin et al., 2018, section 4.2).
//!
//! ```text
//! logits = hidden·Wᵀ + b     [T, 2]: column 0 scores a beginning, column 1 an end
//! ```
//!
//! No dropout stands before it, in Google's code as in transformers.

use crate::Config;
use bert_nn::{Linear, Real};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, stack};

/// The parameters of the head.
#[derive(Debug, Clone, PartialEq)]
pub struct QuestionAnswering {
    /// `[2, H]`.
    pub qa_outputs: Linear,
}

bert_nn::tensors!(QuestionAnswering { qa_outputs => "qa_outputs" });

impl QuestionAnswering {
    /// All zeros, in the configuration's sizes.
    pub fn zeros(config: &Config) -> Self {
        Self { qa_outputs: Linear::zeros(config.hidden_size, 2) }
    }

    // ANCHOR: forward
    /// `hidden` [T, H] → the scores of each token as a beginning and as an end, `[T]` each.
    pub fn forward(&self, hidden: ArrayView2<Real>) -> (Array1<Real>, Array1<Real>) {
        let logits = self.qa_outputs.forward(hidden); // [T, 2]
        (logits.column(0).to_owned(), logits.column(1).to_owned())
    }
    // ANCHOR_END: forward

    // ANCHOR: backward
    /// Gradient of the loss with respect to `hidden` [T, H], from those with respect to both
    /// scores, `[T]` each; adds the layer's own gradients to `grads`.
    pub fn backward(
        &self,
        hidden: ArrayView2<Real>,
        d_start: ArrayView1<Real>,
        d_end: ArrayView1<Real>,
        grads: &mut QuestionAnswering,
    ) -> Array2<Real> {
        let d_logits = stack(Axis(1), &[d_start, d_end]).expect("one score for each token"); // [T, 2]
        self.qa_outputs.backward(hidden, d_logits.view(), &mut grads.qa_outputs)
    }
    // ANCHOR_END: backward
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::gradient_check::{Point, check_layer, random};

    #[test]
    fn gradients_are_what_finite_differences_say() {
        let config = Config { hidden_size: 4, ..Config::default() };
        let mut head = QuestionAnswering::zeros(&config);
        head.qa_outputs.weight = random(2, 4, 1);
        check_layer(
            &Point::new(head, [random(3, 4, 2)]),
            |at| {
                let (start, end) = at.layer.forward(at.inputs[0].view());
                stack(Axis(0), &[start.view(), end.view()]).unwrap() // [2, T]
            },
            |at, d_output, grads| {
                let (hidden, d_start, d_end) =
                    (at.inputs[0].view(), d_output.row(0), d_output.row(1));
                grads.inputs[0] += &at.layer.backward(hidden, d_start, d_end, &mut grads.layer);
            },
        )
        .assert_passed();
    }
}
