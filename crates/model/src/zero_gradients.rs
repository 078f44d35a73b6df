//! Gradients that are zero by mathematics, whatever the weights. Floating-point arithmetic leaves
//! some noise there, so they are listed and not divided by; and Adam, which divides by the
//! gradient's size, turns that noise into steps.

use crate::HeadKind;

// ANCHOR: zero
/// Why the gradient of tensor `name` is zero in a model of `layers` layers with this head; none if
/// it is not.
pub fn zero_by_mathematics(kind: HeadKind, layers: usize, name: &str) -> Option<&'static str> {
    if name.ends_with("attention.self.key.bias") {
        // query·(key + b) = query·key + query·b: the same for every key.
        return Some("adds the same to all scores of a query: softmax ignores it");
    }
    let last_norm =
        format!("bert.encoder.layer.{}.output.LayerNorm.bias", layers.saturating_sub(1));
    match kind {
        HeadKind::QuestionAnswering if name == "qa_outputs.bias" || name == last_norm => {
            Some("adds the same to the scores of all tokens: softmax ignores it")
        }
        HeadKind::MultipleChoice if name == "classifier.bias" => {
            Some("adds the same to the scores of all choices: softmax ignores it")
        }
        _ => None,
    }
}
// ANCHOR_END: zero
