//! Comparing with numbers that others published for official checkpoints: a few values of a hidden
//! state or of logits, or the best words for a mask. Whoever has the checkpoint can check this
//! program against them without running any other.

use crate::fill_mask::MaskFiller;
use crate::reference::padded;
use crate::{Error, Pipeline};
use bert_model::trace::{Traced, output_tensors};
use bert_model::{Batch, HeadKind};
use bert_nn::Real;
use ndarray::{Array2, ArrayD, Axis, Slice};
use serde::Deserialize;
use std::path::Path;

/// How far a logit or a hidden state may be from the published figure, which has four decimals.
pub const TOLERANCE: Real = 1e-4;

/// One published example.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// The checkpoint's name on the Hub.
    pub model: String,
    /// The head that it takes, by our name.
    pub head: String,
    /// Where the numbers were published.
    pub source: String,
    /// Which output: a name of a reference file, `last_hidden_state`, or `fill_mask`.
    pub output: String,
    input_ids: Option<Vec<Vec<i64>>>,
    attention_mask: Option<Vec<Vec<i64>>>,
    token_type_ids: Option<Vec<Vec<i64>>>,
    text: Option<String>,
    /// First and last token, counted from 0.
    rows: Option<[usize; 2]>,
    /// First and last column, counted from 0.
    columns: Option<[usize; 2]>,
    #[serde(default)]
    expected: Vec<Vec<Real>>,
    #[serde(default)]
    expected_top: Vec<(String, Real)>,
}

/// What became of one example.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The largest difference from the published figures.
    Compared {
        /// NaN or infinity if the values cannot be compared at all.
        difference: Real,
        /// Whether it is small enough.
        passed: bool,
    },
    /// The file lacks the head that the example needs.
    NoHead,
}

#[derive(Deserialize)]
struct List {
    cases: Vec<Case>,
}

/// The examples that are built in.
pub fn built_in() -> Vec<Case> {
    let bytes = include_bytes!("published-values.json");
    parse(bytes, Path::new("published-values.json")).expect("the built-in list is tested")
}

/// Reads a list of examples. `path` only names the file in messages.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Vec<Case>, Error> {
    let wrong = |problem: String| Error::Published { path: path.to_owned(), problem };
    let list: List = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    for (index, case) in list.cases.iter().enumerate() {
        case.check().map_err(|problem| wrong(format!("case {index}: {problem}")))?;
    }
    Ok(list.cases)
}

impl Case {
    /// Whether the example is about the checkpoint of this name, with or without its owner.
    pub fn is_about(&self, name: &str) -> bool {
        self.model == name || self.model.rsplit('/').next() == Some(name)
    }

    fn check(&self) -> Result<(), String> {
        self.head.parse::<HeadKind>().map_err(|error| error.to_string())?;
        if self.output == "fill_mask" {
            return match (&self.text, self.expected_top.is_empty()) {
                (Some(_), false) => Ok(()),
                _ => Err("fill_mask needs text and expected_top".to_owned()),
            };
        }
        let Some(ids) = &self.input_ids else { return Err("input_ids are missing".to_owned()) };
        if ids.is_empty() {
            return Err("input_ids are empty".to_owned());
        }
        if self.expected.is_empty() {
            return Err("expected is missing".to_owned());
        }
        let width = ids.first().map_or(0, Vec::len);
        for array in [&self.input_ids, &self.attention_mask, &self.token_type_ids] {
            let Some(array) = array else { continue };
            if array.len() != ids.len() || array.iter().any(|row| row.len() != width) {
                return Err(
                    "input_ids, attention_mask and token_type_ids differ in shape".to_owned()
                );
            }
        }
        for ends in [self.rows, self.columns].into_iter().flatten() {
            if ends[0] > ends[1] {
                return Err(format!("the range {} to {} is empty", ends[0], ends[1]));
            }
        }
        Ok(())
    }

    /// Runs the example. The model must be under the erf GELU where its file leaves a doubt.
    pub fn run(&self, pipeline: &Pipeline) -> Result<Outcome, Error> {
        if !self.fits(pipeline.model.head.kind()) {
            return Ok(Outcome::NoHead);
        }
        let difference =
            if self.output == "fill_mask" { self.words(pipeline)? } else { self.values(pipeline)? };
        Ok(Outcome::Compared { difference, passed: difference <= TOLERANCE })
    }

    fn fits(&self, head: HeadKind) -> bool {
        let wanted: HeadKind = self.head.parse().expect("checked when the list was read");
        let part = matches!(wanted, HeadKind::MaskedLm | HeadKind::NextSentence);
        wanted == HeadKind::None || wanted == head || (part && head == HeadKind::PreTraining)
    }

    fn words(&self, pipeline: &Pipeline) -> Result<Real, Error> {
        let text = self.text.as_deref().expect("checked when the list was read");
        let prepared = pipeline.prepare(&[text.into()], true)?;
        let mut filler = MaskFiller::new(pipeline)?;
        filler.top_k = self.expected_top.len();
        let found = filler.fill(&prepared.encodings)?.remove(0).remove(0);
        let apart = found.iter().zip(&self.expected_top).map(|(found, (word, score))| {
            if found.token_str == *word { (found.score - score).abs() } else { Real::INFINITY }
        });
        Ok(largest(apart))
    }

    fn values(&self, pipeline: &Pipeline) -> Result<Real, Error> {
        let (batch, width) = self.batch()?;
        batch.check(&pipeline.config)?;
        let outputs = pipeline.model.infer(&batch, &pipeline.context());
        let traced = if self.output == "last_hidden_state" {
            Some(Traced::Tokens(outputs.last_hidden_state))
        } else {
            let named = output_tensors(outputs);
            named.into_iter().find(|(name, _)| *name == self.output).map(|(_, tensor)| tensor)
        };
        let Some(traced) = traced else { return Ok(Real::INFINITY) };
        let found = self.cut(padded(&traced, &batch, width));
        let expected: Vec<Real> = self.expected.iter().flatten().copied().collect();
        if found.len() != expected.len() {
            return Ok(Real::INFINITY);
        }
        Ok(largest(found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs())))
    }

    /// The rows and columns that were published. Of an output with tokens, those of the first
    /// sequence.
    fn cut(&self, array: ArrayD<Real>) -> ArrayD<Real> {
        let per_token = array.ndim() == 3;
        let mut array = if per_token { array.index_axis_move(Axis(0), 0) } else { array };
        for (axis, ends) in [(0, self.rows), (1, self.columns)] {
            let Some([first, last]) = ends else { continue };
            let size = array.shape().get(axis).copied().unwrap_or(0);
            if last >= size {
                return ArrayD::zeros(ndarray::IxDyn(&[0]));
            }
            array.slice_axis_inplace(Axis(axis), Slice::from(first..last + 1));
        }
        array
    }

    fn batch(&self) -> Result<(Batch, usize), Error> {
        let ids = self.input_ids.as_ref().expect("checked when the list was read");
        let (rows, width) = (ids.len(), ids.first().map_or(0, Vec::len));
        let matrix = |values: &Option<Vec<Vec<i64>>>, default: i64| match values {
            None => Array2::from_elem((rows, width), default),
            Some(values) => {
                Array2::from_shape_fn((rows, width), |(row, column)| values[row][column])
            }
        };
        let (ids, mask) = (matrix(&self.input_ids, 0), matrix(&self.attention_mask, 1));
        let types = matrix(&self.token_type_ids, 0);
        Ok((Batch::from_padded(ids.view(), types.view(), mask.view())?, width))
    }
}

// NaN is the largest of all.
fn largest(differences: impl Iterator<Item = Real>) -> Real {
    differences.fold(0.0, |a, b| if a.is_nan() || b.is_nan() { Real::NAN } else { a.max(b) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_list_is_whole() {
        let cases = built_in();
        assert!(cases.len() >= 8);
        assert!(cases.iter().any(|case| case.is_about("bert-base-uncased")));
        assert!(cases.iter().any(|case| case.is_about("google-bert/bert-base-uncased")));
        assert!(cases.iter().all(|case| !case.is_about("base-uncased")));
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        let message =
            |json: &str| parse(json.as_bytes(), Path::new("list.json")).unwrap_err().to_string();
        assert!(message("[]").starts_with("list.json: not a list of published values"));
        let case = |rest: &str| {
            format!(r#"{{"cases": [{{"model": "m", "head": "none", "source": "s", {rest}}}]}}"#)
        };
        assert!(message(&case(r#""output": "logits""#)).contains("case 0: input_ids are missing"));
        assert!(message(&case(r#""output": "fill_mask""#)).contains("text and expected_top"));
        let ragged = r#""output": "logits", "input_ids": [[1, 2], [3]], "expected": [[1.0]]"#;
        assert!(message(&case(ragged)).contains("differ in shape"));
    }
}
