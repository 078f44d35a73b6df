//! Gradients that are zero by mathematics, whatever the weights. Floating-point arithmetic leaves
//! some noise there, so they are listed and not divided by; and Adam, which divides by the
//! gradient's size, turns that noise into steps.

use crate::{Context, HeadKind};

// ANCHOR: zero
/// Why the gradient of tensor `name` is zero in a model with this head; none if it is not.
pub fn zero_by_mathematics(kind: HeadKind, context: &Context, name: &str) -> Option<&'static str> {
    if is_left_out(context, name) {
        return Some("left out of the model: nothing depends on it");
    }
    if name.ends_with("attention.self.key.bias") {
        // query·(key + b) = query·key + query·b: the same for every key.
        return Some("adds the same to all scores of a query: softmax ignores it");
    }
    let makes_scores = ["query", "key"].iter().any(|it| name.contains(&format!(".self.{it}.")));
    let pooled = matches!(
        kind,
        HeadKind::NextSentence | HeadKind::SequenceClassification | HeadKind::MultipleChoice
    );
    if context.ablation.left_to_right && pooled && makes_scores {
        return Some("the head looks at the first token, which sees only itself, in full");
    }
    match kind {
        HeadKind::QuestionAnswering
            if name == "qa_outputs.bias" || Some(name) == last_bias(context).as_deref() =>
        {
            Some("adds the same to the scores of all tokens: softmax ignores it")
        }
        HeadKind::MultipleChoice if name == "classifier.bias" => {
            Some("adds the same to the scores of all choices: softmax ignores it")
        }
        _ => None,
    }
}
// ANCHOR_END: zero

/// Whether the tensor belongs to a part that the model goes without.
fn is_left_out(context: &Context, name: &str) -> bool {
    let out = context.ablation;
    let in_layer = name.starts_with("bert.encoder.layer.");
    let in_feed_forward = in_layer && !name.contains(".attention.");
    (out.no_positions && name == "bert.embeddings.position_embeddings.weight")
        || (out.no_layer_norm && in_layer && name.contains(".LayerNorm."))
        || (out.no_feed_forward && in_feed_forward)
}

/// The bias that is added last to the hidden states, the same to every token; none where dropout
/// comes after it.
fn last_bias(context: &Context) -> Option<String> {
    let layers = context.config.num_hidden_layers;
    assert!(layers > 0, "a model has at least one layer");
    let block = if context.ablation.no_feed_forward { ".attention" } else { "" };
    let part = if !context.ablation.no_layer_norm {
        "LayerNorm"
    } else if context.hidden_dropout("feed-forward output", layers - 1).is_off() {
        "dense"
    } else {
        return None;
    };
    Some(format!("bert.encoder.layer.{}{block}.output.{part}.bias", layers - 1))
}
