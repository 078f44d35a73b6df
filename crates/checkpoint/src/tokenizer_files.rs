//! The tokenizer's files of a model directory: handed on as they are when a model is saved.

use crate::{Error, bundled};
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

const CONFIG: &str = "tokenizer_config.json";
/// A tokenizer's files; one of the first two is needed.
pub const NAMES: [&str; 4] = ["vocab.txt", "tokenizer.json", CONFIG, "special_tokens_map.json"];

/// Names and contents of the files that a tokenizer is read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenizerFiles {
    files: Vec<(&'static str, Vec<u8>)>,
}

impl TokenizerFiles {
    /// Reads those that a model directory has, or a model that is built in.
    pub fn read(directory: &Path) -> Result<Self, Error> {
        let mut files = Vec::new();
        if let Some(bundle) = bundled::find(directory) {
            let tokenizers = bundle.files().filter(|(name, _)| NAMES.contains(name));
            return Ok(Self {
                files: tokenizers.map(|(name, bytes)| (name, bytes.into())).collect(),
            });
        }
        for name in NAMES {
            let path = directory.join(name);
            if path.is_file() {
                files.push((name, fs::read(&path).map_err(Error::io(&path))?));
            }
        }
        Ok(Self { files })
    }

    /// For a new model: `vocabulary` is the contents of a vocab.txt, `lower_case` and `max_length` (in
    /// tokens) become a tokenizer_config.json that transformers reads.
    pub fn new(vocabulary: Vec<u8>, lower_case: bool, max_length: usize) -> Self {
        let config = serde_json::json!({
            "do_lower_case": lower_case,
            "model_max_length": max_length,
            "tokenizer_class": "BertTokenizer",
        });
        let config = serde_json::to_string_pretty(&config).expect("plain data is always JSON");
        let config = (config + "\n").into_bytes();
        Self { files: vec![("vocab.txt", vocabulary), (CONFIG, config)] }
    }

    /// The same, with another limit (in tokens) in tokenizer_config.json. What is no JSON there stays as it is.
    pub fn with_limit(self, max_length: usize) -> Self {
        self.with(|config| {
            config.insert("model_max_length".to_owned(), max_length.into());
        })
    }

    /// The same, where no file says whether texts are lower-cased (Google's never do) with tokenizer_config.json saying so.
    pub fn with_case(self, lower_case: bool) -> Self {
        if self.files.is_empty() || self.files.iter().any(|(name, _)| *name == "tokenizer.json") {
            return self;
        }
        self.with(|config| {
            config.entry("do_lower_case").or_insert_with(|| lower_case.into());
            config.entry("tokenizer_class").or_insert_with(|| "BertTokenizer".into());
        })
    }

    /// Changes tokenizer_config.json, or makes one.
    fn with(mut self, change: impl FnOnce(&mut Map<String, Value>)) -> Self {
        let place = self.files.iter().position(|(name, _)| *name == CONFIG);
        let bytes = place.map_or(&b"{}"[..], |place| &self.files[place].1);
        if let Ok(Value::Object(mut config)) = serde_json::from_slice(bytes) {
            change(&mut config);
            let text = serde_json::to_string_pretty(&config).expect("it was JSON before");
            let written = (CONFIG, (text + "\n").into_bytes());
            match place {
                Some(place) => self.files[place] = written,
                None => self.files.push(written),
            }
        }
        self
    }

    /// Names and contents.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (*name, bytes.as_slice()))
    }
}
