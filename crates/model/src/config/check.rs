//! What a configuration may not say.

use super::{ACTIVATIONS, Config, Flavour, activation_named};
use crate::Error;
use serde_json::Value;
use std::path::Path;

impl Config {
    /// Refuses what no model can have. `path` only names the file.
    pub(super) fn check(&self, path: &Path) -> Result<(), Error> {
        let wrong = |field: &'static str, problem: String| {
            Err(Error::Field { path: path.to_owned(), field, problem })
        };
        match self.other.get("model_type") {
            None => {}
            Some(Value::String(model_type)) if model_type == "bert" => {}
            Some(other) => {
                return wrong("model_type", format!("only \"bert\" is read, not {other}"));
            }
        }
        match self.other.get("position_embedding_type") {
            None | Some(Value::Null) => {}
            Some(Value::String(kind)) if kind == "absolute" => {}
            Some(other) => {
                let problem = format!("only \"absolute\" positions are BERT's, not {other}");
                return wrong("position_embedding_type", problem);
            }
        }
        for key in ["is_decoder", "add_cross_attention"] {
            if self.other.get(key) == Some(&Value::Bool(true)) {
                return wrong(key, "is true, but only encoders are read".to_owned());
            }
        }
        for (field, value) in self.sizes() {
            // A larger size would overflow the computation of a tensor's length.
            if value == 0 || value > 1 << 24 {
                return wrong(field, format!("{value} is not between 1 and {}", 1 << 24));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
            return wrong(
                "num_attention_heads",
                format!("{heads} heads do not divide hidden_size {hidden} evenly"),
            );
        }
        if activation_named(&self.hidden_act, Flavour::HuggingFace).is_none() {
            let known = ACTIVATIONS.map(|(name, _)| name).join(", ");
            return wrong("hidden_act", format!("{:?} is not one of {known}", self.hidden_act));
        }
        for (field, rate) in self.rates() {
            if !(0.0..1.0).contains(&rate) {
                return wrong(field, format!("{rate} is not a rate from 0 up to (not with) 1"));
            }
        }
        for (field, value) in
            [("layer_norm_eps", self.layer_norm_eps), ("initializer_range", self.initializer_range)]
        {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(field, format!("{value} is not a finite number from 0 on"));
            }
        }
        if self.num_labels.is_some_and(|classes| classes == 0 || classes > 1 << 20) {
            let problem = format!("{} is not between 1 and {}", self.classes(), 1 << 20);
            return wrong("num_labels", problem);
        }
        if let Some(labels) = &self.id2label {
            let expected = (0..labels.len()).find(|class| !labels.contains_key(&class.to_string()));
            if labels.is_empty() || expected.is_some() {
                let keys: Vec<_> = labels.keys().map(String::as_str).collect();
                let problem = format!("the keys must be 0, 1, 2, …, found [{}]", keys.join(", "));
                return wrong("id2label", problem);
            }
        }
        Ok(())
    }

    fn sizes(&self) -> [(&'static str, usize); 7] {
        [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
        ]
    }

    fn rates(&self) -> [(&'static str, f64); 3] {
        [
            ("hidden_dropout_prob", self.hidden_dropout_prob),
            ("attention_probs_dropout_prob", self.attention_probs_dropout_prob),
            ("classifier_dropout", self.classifier_dropout.unwrap_or(0.0)),
        ]
    }
}
