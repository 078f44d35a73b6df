//! The configuration of a model: sizes, rates, names of classes.
//!
//! Two dialects are read: Hugging Face's `config.json` and Google's `bert_config.json`. Keys that
//! mean nothing here are kept and written back, so that saving loses nothing.

mod check;
pub mod sizes;

use crate::{Error, HeadKind};
use bert_nn::Activation;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Whose file it is. They say `gelu` and mean different functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// `config.json`: `gelu` is the exact form, with erf.
    HuggingFace,
    /// `bert_config.json`: `gelu` is the tanh form, as Google's code computes it since February
    /// 2019. The models of 2018 were trained with erf: the file leaves a doubt.
    Google,
}

/// What the logits of a sequence classifier mean, and so its loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// One class of several is right: cross-entropy.
    SingleLabel,
    /// Each class is right or not: binary cross-entropy.
    MultiLabel,
    /// A number, or several: mean squared error.
    Regression,
}

/// Sizes, rates and names. Fields are named as in the JSON files; the defaults are BERT-Base's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Classes of models that transformers could build from the same files; decides the head.
    pub architectures: Option<Vec<String>>,
    /// `V`.
    pub vocab_size: usize,
    /// `H`.
    pub hidden_size: usize,
    /// `L`.
    pub num_hidden_layers: usize,
    /// `N`; divides `H`.
    pub num_attention_heads: usize,
    /// `F`.
    pub intermediate_size: usize,
    /// As written in the file; see [`Config::activation`].
    pub hidden_act: String,
    /// Dropout on embeddings and on each block's result.
    pub hidden_dropout_prob: f64,
    /// Dropout on attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// Dropout before a classifier; `hidden_dropout_prob` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classifier_dropout: Option<f64>,
    /// The longest sequence.
    pub max_position_embeddings: usize,
    /// How many token types (segments); absent means 2, as in transformers (Google's code says 16,
    /// but every file that Google published states 2).
    pub type_vocab_size: usize,
    /// Standard deviation of fresh weights.
    pub initializer_range: f64,
    /// Added to the variance in LayerNorm; Google's files lack it and mean 1e-12.
    pub layer_norm_eps: f64,
    /// The id of `[PAD]`.
    pub pad_token_id: Option<u32>,
    /// `single_label_classification`, `multi_label_classification` or `regression`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<String>,
    /// The classes' names, by number written as a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id2label: Option<BTreeMap<String, String>>,
    /// The number of classes where no names are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_labels: Option<usize>,
    /// All other keys, kept to be written back.
    #[serde(flatten)]
    pub other: Map<String, Value>,
    /// Whose file it was; none means Hugging Face's.
    #[serde(skip)]
    pub flavour: Option<Flavour>,
}

// ANCHOR: defaults
impl Default for Config {
    fn default() -> Self {
        Self {
            architectures: None,
            vocab_size: 30_522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3_072,
            hidden_act: "gelu".to_owned(),
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            classifier_dropout: None,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            pad_token_id: Some(0),
            problem_type: None,
            id2label: None,
            num_labels: None,
            other: Map::new(),
            flavour: None,
        }
    }
}
// ANCHOR_END: defaults

impl Config {
    /// Reads and checks a configuration. `path` only names the file in messages.
    pub fn from_bytes(bytes: &[u8], path: &Path, flavour: Flavour) -> Result<Self, Error> {
        let config = Self::unchecked(bytes, path, flavour)?;
        config.check(path)?;
        Ok(config)
    }

    /// As [`Config::from_bytes`], with another activation than the file's, by one of transformers'
    /// names. The file's own may then be any.
    pub fn with_activation(
        bytes: &[u8],
        path: &Path,
        flavour: Flavour,
        name: &str,
    ) -> Result<Self, Error> {
        let mut config = Self::unchecked(bytes, path, flavour)?;
        config.hidden_act = name.to_owned();
        config.flavour = Some(Flavour::HuggingFace);
        config.check(path)?;
        Ok(config)
    }

    fn unchecked(bytes: &[u8], path: &Path, flavour: Flavour) -> Result<Self, Error> {
        let json = |source| Error::Json { path: path.to_owned(), source };
        let mut config: Self = serde_json::from_slice(bytes).map_err(json)?;
        config.flavour = Some(flavour);
        Ok(config)
    }

    /// The activation that `hidden_act` names. Checked when the file is read.
    pub fn activation(&self) -> Activation {
        activation_named(&self.hidden_act, self.flavour.unwrap_or(Flavour::HuggingFace))
            .expect("hidden_act was checked when the configuration was read")
    }

    /// Whether the file says `gelu` without saying which of its two forms.
    pub fn activation_in_doubt(&self) -> bool {
        self.flavour == Some(Flavour::Google) && self.hidden_act == "gelu"
    }

    /// Replaces the activation, by one of transformers' names. Returns whether the name is known.
    pub fn set_activation(&mut self, name: &str) -> bool {
        let known = activation_named(name, Flavour::HuggingFace).is_some();
        if known {
            self.hidden_act = name.to_owned();
            self.flavour = Some(Flavour::HuggingFace);
        }
        known
    }

    /// `C`, the number of classes: as many as have names; 2 where nothing is said.
    pub fn classes(&self) -> usize {
        self.id2label.as_ref().map(BTreeMap::len).or(self.num_labels).unwrap_or(2)
    }

    /// The classes' names in order; `LABEL_0`, `LABEL_1`, … where none are given.
    pub fn labels(&self) -> Vec<String> {
        let name = |class: usize| {
            let given = self.id2label.as_ref().and_then(|labels| labels.get(&class.to_string()));
            given.cloned().unwrap_or_else(|| format!("LABEL_{class}"))
        };
        (0..self.classes()).map(name).collect()
    }

    /// Names the classes, in both directions as transformers expects it.
    pub fn set_labels(&mut self, labels: &[String]) {
        let numbered = || labels.iter().enumerate();
        let label2id: Map<_, _> = numbered().map(|(i, l)| (l.clone(), i.into())).collect();
        self.id2label = Some(numbered().map(|(i, l)| (i.to_string(), l.clone())).collect());
        self.num_labels = None;
        self.other.insert("label2id".to_owned(), Value::Object(label2id));
    }

    /// What a sequence classifier is trained for, as transformers decides it from whole-number
    /// labels.
    pub fn problem(&self) -> Problem {
        match self.problem_type.as_deref() {
            Some("regression") => Problem::Regression,
            Some("multi_label_classification") => Problem::MultiLabel,
            None if self.classes() == 1 => Problem::Regression,
            _ => Problem::SingleLabel,
        }
    }

    /// The heads that `architectures` names, in order; names that are not BERT's are left out.
    pub fn named_heads(&self) -> Vec<HeadKind> {
        let names = self.architectures.iter().flatten();
        names.filter_map(|name| HeadKind::from_architecture(name)).collect()
    }

    /// The configuration as it is written to `config.json`: complete, in Hugging Face's meaning. `dtype`: how the weights are
    /// written, by PyTorch's name.
    pub fn to_json(&self, dtype: &str) -> String {
        let mut written = self.clone();
        written.hidden_act = match (self.hidden_act.as_str(), self.activation()) {
            ("gelu", Activation::GeluTanh) => "gelu_new".to_owned(),
            (name, _) => name.to_owned(),
        };
        written.other.insert("model_type".to_owned(), "bert".into());
        // However the file they came from stored them: transformers loads in the type that is named here.
        written.other.shift_remove("torch_dtype");
        written.other.insert("dtype".to_owned(), dtype.into());
        let json = serde_json::to_string_pretty(&written).expect("plain data is always JSON");
        json + "\n"
    }
}

// `gelu` stands first: its meaning depends on whose file it is.
const ACTIVATIONS: [(&str, Activation); 8] = [
    ("gelu", Activation::GeluExact),
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("tanh", Activation::Tanh),
    ("linear", Activation::Linear),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
];

fn activation_named(name: &str, flavour: Flavour) -> Option<Activation> {
    if name == "gelu" && flavour == Flavour::Google {
        return Some(Activation::GeluTanh);
    }
    ACTIVATIONS.iter().find(|(known, _)| *known == name).map(|&(_, activation)| activation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Config, Error> {
        Config::from_bytes(json.as_bytes(), Path::new("config.json"), Flavour::HuggingFace)
    }

    fn message(json: &str) -> String {
        read(json).unwrap_err().to_string()
    }

    #[test]
    fn absent_fields_take_bert_bases_values() {
        let config = read(r#"{"hidden_size": 128, "num_attention_heads": 2}"#).unwrap();
        assert_eq!((config.hidden_size, config.vocab_size), (128, 30_522));
        assert_eq!((config.type_vocab_size, config.pad_token_id), (2, Some(0)));
        assert_eq!(config.layer_norm_eps, 1e-12);
        assert_eq!(config.classes(), 2);
        assert_eq!(config.labels(), ["LABEL_0", "LABEL_1"]);
    }

    #[test]
    fn the_number_of_classes_is_the_number_of_names_and_order_is_by_number() {
        let labels: Vec<_> = (0..11).map(|i| format!(r#""{i}": "name{i}""#)).collect();
        let config = read(&format!(r#"{{"id2label": {{{}}}}}"#, labels.join(","))).unwrap();
        assert_eq!(config.classes(), 11);
        // "10" sorts before "2" as a text.
        assert_eq!(config.labels()[10], "name10");
        assert_eq!(config.labels()[2], "name2");
    }

    #[test]
    fn gelu_means_erf_to_hugging_face_and_tanh_to_google() {
        let bytes = br#"{"hidden_act": "gelu"}"#;
        let path = Path::new("bert_config.json");
        let mut google = Config::from_bytes(bytes, path, Flavour::Google).unwrap();
        assert_eq!(google.activation(), Activation::GeluTanh);
        assert!(google.activation_in_doubt());
        // Written for transformers, it must go on meaning tanh.
        assert!(google.to_json("float32").contains(r#""hidden_act": "gelu_new""#));
        assert!(google.set_activation("gelu"));
        assert_eq!(google.activation(), Activation::GeluExact);
        assert!(!google.activation_in_doubt());
        assert!(!google.set_activation("gelu_fast"));
        assert_eq!(read(r#"{}"#).unwrap().activation(), Activation::GeluExact);
    }

    #[test]
    fn every_activation_of_the_published_files_is_known() {
        for (name, activation) in ACTIVATIONS {
            let config = read(&format!(r#"{{"hidden_act": "{name}"}}"#)).unwrap();
            assert_eq!(config.activation(), activation);
        }
    }

    #[test]
    fn impossible_values_are_refused_with_the_fields_name() {
        for (json, field) in [
            (r#"{"hidden_size": 0}"#, "hidden_size"),
            (r#"{"hidden_size": 99999999999}"#, "hidden_size"),
            (r#"{"num_attention_heads": 5}"#, "num_attention_heads"),
            (r#"{"hidden_act": "gelu_fast"}"#, "hidden_act"),
            (r#"{"hidden_dropout_prob": 1.0}"#, "hidden_dropout_prob"),
            (r#"{"attention_probs_dropout_prob": -0.1}"#, "attention_probs_dropout_prob"),
            (r#"{"classifier_dropout": 7}"#, "classifier_dropout"),
            (r#"{"layer_norm_eps": -1e-9}"#, "layer_norm_eps"),
            (r#"{"model_type": "roberta"}"#, "model_type"),
            (r#"{"position_embedding_type": "relative_key"}"#, "position_embedding_type"),
            (r#"{"is_decoder": true}"#, "is_decoder"),
            (r#"{"id2label": {"1": "a", "2": "b"}}"#, "id2label"),
            (r#"{"id2label": {}}"#, "id2label"),
            (r#"{"num_labels": 0}"#, "num_labels"),
        ] {
            let message = message(json);
            assert!(message.starts_with(&format!("config.json: {field}: ")), "{json}: {message}");
        }
    }

    #[test]
    fn text_that_is_no_json_is_refused_with_line_and_column() {
        assert!(message("{\n\"hidden_size\": \"x\"}").contains("line 2"));
        assert!(message("").starts_with("config.json: not a readable configuration"));
    }

    #[test]
    fn the_written_type_is_that_of_the_written_weights() {
        let config = read(r#"{"dtype": "float16", "torch_dtype": "bfloat16"}"#).unwrap();
        let again = read(&config.to_json("float32")).unwrap();
        assert_eq!(again.other["dtype"], "float32");
        assert!(!again.other.contains_key("torch_dtype"));
    }

    #[test]
    fn unknown_keys_survive_being_read_and_written() {
        let config = read(r#"{"finetuning_task": "mrpc", "hidden_size": 24}"#).unwrap();
        let again = read(&config.to_json("float32")).unwrap();
        assert_eq!(again.other["finetuning_task"], "mrpc");
        assert_eq!(again.hidden_size, 24);
        assert_eq!(again.other["model_type"], "bert");
    }
}
