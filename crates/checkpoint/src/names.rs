//! The spellings of a tensor's name.
//!
//! The same weights are about under three spellings: with and without `bert.` in front, and
//! LayerNorm as `weight`/`bias` or as the older `gamma`/`beta` (bert-base-uncased itself uses the
//! older one). The model knows one spelling, that of transformers' `named_parameters()`.
//!
//! Google's own checkpoints have another: `/` for `.`, `layer_3` for `layer.3`, and matrices called
//! `kernel`, which are [in, out].

use crate::tensorflow;

/// The MLM decoder's matrix: the word embeddings a second time.
pub const DECODER_WEIGHT: &str = "cls.predictions.decoder.weight";
/// The MLM decoder's bias under its second name.
pub const DECODER_BIAS: &str = "cls.predictions.decoder.bias";
/// The MLM decoder's bias.
pub const PREDICTIONS_BIAS: &str = "cls.predictions.bias";
/// The table to which the MLM decoder is tied.
pub const WORD_EMBEDDINGS: &str = "bert.embeddings.word_embeddings.weight";

// ANCHOR: canonical
/// The model's name for a tensor; none for a buffer that holds no weights.
pub fn canonical(name: &str) -> Option<String> {
    if name.ends_with("position_ids") {
        return None; // 0, 1, 2, …: old files carry the positions themselves
    }
    let body = ["embeddings.", "encoder.", "pooler."].iter().any(|part| name.starts_with(part));
    let name = if body { format!("bert.{name}") } else { name.to_owned() };
    let name = match name.strip_suffix("LayerNorm.gamma") {
        Some(parent) => format!("{parent}LayerNorm.weight"),
        None => name,
    };
    Some(match name.strip_suffix("LayerNorm.beta") {
        Some(parent) => format!("{parent}LayerNorm.bias"),
        None => name,
    })
}
// ANCHOR_END: canonical

/// What a tensor of a file in this format ([`TensorFile::format`](crate::TensorFile::format)) is to the model.
pub(crate) fn meaning(format: &str, name: &str) -> Meaning {
    if format == tensorflow::FORMAT {
        return google(name);
    }
    let weights = |name| Meaning::Weights { name, transposed: false };
    canonical(name).map_or(Meaning::Buffer, weights)
}

/// What a tensor of a file is to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Weights.
    Weights {
        /// The model's name for them.
        name: String,
        /// Whether they are [in, out] in the file, where the model has [out, in].
        transposed: bool,
    },
    /// Something that follows from the configuration: the positions 0, 1, 2, …
    Buffer,
    /// Something of the training that made them: an optimizer's moments, how many steps there were.
    Training,
}

// ANCHOR: google
/// The model's name for a tensor in Google's spelling (`modeling.py`, `run_pretraining.py`,
/// `run_classifier.py`, `run_squad.py` in google-research/bert).
pub fn google(name: &str) -> Meaning {
    let (parent, last) = name.rsplit_once('/').unwrap_or(("", name));
    if is_training(name, last) {
        return Meaning::Training;
    }
    let weights = |name: String, transposed| Meaning::Weights { name, transposed };
    let head = match name {
        "cls/predictions/output_bias" => Some(PREDICTIONS_BIAS),
        "cls/seq_relationship/output_weights" => Some("cls.seq_relationship.weight"),
        "cls/seq_relationship/output_bias" => Some("cls.seq_relationship.bias"),
        "cls/squad/output_weights" => Some("qa_outputs.weight"),
        "cls/squad/output_bias" => Some("qa_outputs.bias"),
        "output_weights" => Some("classifier.weight"),
        "output_bias" => Some("classifier.bias"),
        _ => None,
    };
    if let Some(head) = head {
        return weights(head.to_owned(), false); // [out, in]: multiplied by their transpose
    }
    let (last, transposed) = match last {
        "kernel" => ("weight", true),
        "word_embeddings" | "position_embeddings" | "token_type_embeddings" => {
            return weights(format!("{}.weight", dotted(name)), false);
        }
        other => (other, false),
    };
    let name = if parent.is_empty() { last.to_owned() } else { format!("{parent}/{last}") };
    let name = dotted(&name);
    weights(canonical(&name).unwrap_or(name), transposed)
}
// ANCHOR_END: google

/// `layer_3/attention` as `layer.3.attention`
fn dotted(name: &str) -> String {
    let part = |part: &str| match part.strip_prefix("layer_") {
        Some(number) if number.bytes().all(|digit| digit.is_ascii_digit()) => {
            format!("layer.{number}")
        }
        _ => part.to_owned(),
    };
    name.split('/').map(part).collect::<Vec<_>>().join(".")
}

fn is_training(name: &str, last: &str) -> bool {
    // Beside each variable, under its name: the moments of Google's optimizer, and of TensorFlow's
    // own Adam.
    const SLOTS: [&str; 6] = [
        "adam_m",
        "adam_v",
        "Adam",
        "Adam_1",
        "AdamWeightDecayOptimizer",
        "AdamWeightDecayOptimizer_1",
    ];
    const COUNTERS: [&str; 4] = ["global_step", "beta1_power", "beta2_power", "save_counter"];
    let slot = name != last && SLOTS.contains(&last);
    // What TensorFlow 2 saves by itself ends in this.
    let name = name.strip_suffix("/.ATTRIBUTES/VARIABLE_VALUE").unwrap_or(name);
    slot || COUNTERS.contains(&name) || name == "_CHECKPOINTABLE_OBJECT_GRAPH"
}

#[cfg(test)]
mod tests {
    use super::{Meaning, canonical, google};

    #[test]
    fn googles_names_lead_to_the_models() {
        for (theirs, ours, transposed) in [
            ("bert/embeddings/word_embeddings", "bert.embeddings.word_embeddings.weight", false),
            ("bert/embeddings/LayerNorm/gamma", "bert.embeddings.LayerNorm.weight", false),
            ("bert/embeddings/LayerNorm/beta", "bert.embeddings.LayerNorm.bias", false),
            (
                "bert/encoder/layer_11/attention/self/query/kernel",
                "bert.encoder.layer.11.attention.self.query.weight",
                true,
            ),
            (
                "bert/encoder/layer_0/attention/output/dense/bias",
                "bert.encoder.layer.0.attention.output.dense.bias",
                false,
            ),
            ("bert/pooler/dense/kernel", "bert.pooler.dense.weight", true),
            (
                "cls/predictions/transform/LayerNorm/gamma",
                "cls.predictions.transform.LayerNorm.weight",
                false,
            ),
            (
                "cls/predictions/transform/dense/kernel",
                "cls.predictions.transform.dense.weight",
                true,
            ),
            ("cls/predictions/output_bias", "cls.predictions.bias", false),
            ("cls/seq_relationship/output_weights", "cls.seq_relationship.weight", false),
            ("cls/seq_relationship/output_bias", "cls.seq_relationship.bias", false),
            ("output_weights", "classifier.weight", false),
            ("output_bias", "classifier.bias", false),
            ("cls/squad/output_weights", "qa_outputs.weight", false),
            ("cls/squad/output_bias", "qa_outputs.bias", false),
            // Not BERT's: it is listed as unused under some name.
            ("layer_norm_scale/kernel", "layer_norm_scale.weight", true),
            ("kernel", "weight", true),
        ] {
            let expected = Meaning::Weights { name: ours.to_owned(), transposed };
            assert_eq!(google(theirs), expected, "{theirs}");
        }
    }

    #[test]
    fn what_belongs_to_the_training_is_no_weight() {
        for name in [
            "bert/pooler/dense/kernel/adam_m",
            "bert/pooler/dense/kernel/adam_v",
            "output_bias/Adam",
            "output_bias/Adam_1",
            "global_step",
            "beta1_power",
            "beta2_power",
            "save_counter",
            "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
            "_CHECKPOINTABLE_OBJECT_GRAPH",
        ] {
            assert_eq!(google(name), Meaning::Training, "{name}");
        }
        // Only what stands beside a variable is an optimizer's.
        assert_ne!(google("Adam"), Meaning::Training);
        assert_ne!(google("bert/global_step"), Meaning::Training);
    }

    #[test]
    fn every_spelling_leads_to_one_name() {
        let wanted = "bert.encoder.layer.3.attention.output.LayerNorm.weight";
        for spelling in [
            wanted,
            "encoder.layer.3.attention.output.LayerNorm.weight",
            "bert.encoder.layer.3.attention.output.LayerNorm.gamma",
            "encoder.layer.3.attention.output.LayerNorm.gamma",
        ] {
            assert_eq!(canonical(spelling).as_deref(), Some(wanted));
        }
        let head = "cls.predictions.transform.LayerNorm.beta";
        assert_eq!(canonical(head).unwrap(), "cls.predictions.transform.LayerNorm.bias");
        assert_eq!(canonical("classifier.bias").unwrap(), "classifier.bias");
        assert_eq!(canonical("pooler.dense.bias").unwrap(), "bert.pooler.dense.bias");
    }

    #[test]
    fn positions_are_no_weights() {
        assert_eq!(canonical("bert.embeddings.position_ids"), None);
        assert_eq!(canonical("embeddings.position_ids"), None);
    }
}
