//! Labels as transformers takes them, arrays over a padded batch, made into packed ones.

use super::Labels;
use crate::config::Problem;
use crate::{Batch, Config, Error, HeadKind};
use bert_nn::Real;
use ndarray::{Array2, ArrayD, ArrayView2, Ix1, Ix2};

/// transformers' label arrays, under its names. -100 is no label.
#[derive(Debug, Clone, Default)]
pub struct PaddedLabels {
    /// [B, S] of masked LM and tokens, `[B]` of sequences, next sentence by itself and regression,
    /// [B, C] of several labels, \[questions] of multiple choice.
    pub labels: Option<ArrayD<i64>>,
    /// `[B]`.
    pub next_sentence_label: Option<ArrayD<i64>>,
    /// `[B]`: columns of the padded batch; one that is past the last means no answer.
    pub start_positions: Option<ArrayD<i64>>,
    /// `[B]`.
    pub end_positions: Option<ArrayD<i64>>,
}

/// transformers' `ignore_index`.
const NONE: i64 = -100;

impl PaddedLabels {
    /// The labels that a head of this kind is trained with, packed like `batch`, which
    /// [`Batch::from_padded`] made from columns 0 to `width` - 1. What other heads would want is
    /// passed over.
    pub fn pack(
        &self,
        kind: HeadKind,
        config: &Config,
        batch: &Batch,
        width: usize,
    ) -> Result<Labels, Error> {
        let b = batch.sequences();
        let labels = || of(kind, "labels", &self.labels);
        let next_sentence = || {
            let array = of(kind, "next_sentence_label", &self.next_sentence_label)?;
            column("next_sentence_label", array, b)
        };
        let position = |name, array| positions(name, of(kind, name, array)?, batch, width);
        let packed = match (kind, config.problem()) {
            (HeadKind::None, _) => return Err(Error::HeadWithoutLoss),
            (HeadKind::MaskedLm | HeadKind::TokenClassification, _) => {
                Labels::Tokens(tokens(labels()?, batch, width)?)
            }
            // transformers' class for this head alone takes them as `labels`, and once took the longer name.
            (HeadKind::NextSentence, _) if self.labels.is_some() => {
                Labels::Sequences(column("labels", labels()?, b)?)
            }
            (HeadKind::NextSentence, _) => Labels::Sequences(next_sentence()?),
            (HeadKind::PreTraining, _) => Labels::PreTraining {
                tokens: tokens(labels()?, batch, width)?,
                sequences: next_sentence()?,
            },
            (HeadKind::SequenceClassification, Problem::SingleLabel) => {
                Labels::Sequences(column("labels", labels()?, b)?)
            }
            (HeadKind::SequenceClassification, Problem::MultiLabel) => {
                Labels::MultiLabel(multi_label(labels()?, b, config.classes())?)
            }
            (HeadKind::SequenceClassification, Problem::Regression) => {
                Labels::Numbers(numbers(labels()?, b, config.classes())?)
            }
            (HeadKind::QuestionAnswering, _) => Labels::Spans {
                start: position("start_positions", &self.start_positions)?,
                end: position("end_positions", &self.end_positions)?,
            },
            (HeadKind::MultipleChoice, _) => choices(labels()?, b)?,
        };
        packed.check(kind, batch, config)?;
        Ok(packed)
    }
}

fn of<'a>(
    head: HeadKind,
    name: &'static str,
    array: &'a Option<ArrayD<i64>>,
) -> Result<&'a ArrayD<i64>, Error> {
    array.as_ref().ok_or(Error::MissingLabels { name, head })
}

fn wrong_shape(name: &'static str, array: &ArrayD<i64>, expected: String) -> Error {
    Error::LabelShape { name, found: array.shape().to_vec(), expected }
}

/// -100 is none, what is not negative is a class; whether it is one of the head's is checked later.
fn label(name: &'static str, place: &[usize], found: i64) -> Result<Option<u32>, Error> {
    if found == NONE {
        return Ok(None);
    }
    let expected = || "a label is a whole number from 0 on, or -100 for none".to_owned();
    let place = || place.to_vec();
    u32::try_from(found).map(Some).map_err(|_| Error::LabelValue {
        name,
        place: place(),
        found,
        expected: expected(),
    })
}

fn column(
    name: &'static str,
    array: &ArrayD<i64>,
    length: usize,
) -> Result<Vec<Option<u32>>, Error> {
    if array.shape() != [length] {
        return Err(wrong_shape(name, array, format!("[{length}]")));
    }
    array.iter().enumerate().map(|(place, &found)| label(name, &[place], found)).collect()
}

/// [B, S] → a label for each real token, in packed order.
fn tokens(array: &ArrayD<i64>, batch: &Batch, width: usize) -> Result<Vec<Option<u32>>, Error> {
    let name = "labels";
    let expected = (batch.sequences(), width);
    let padded: ArrayView2<i64> = match array.view().into_dimensionality::<Ix2>() {
        Ok(padded) if padded.dim() == expected => padded,
        _ => return Err(wrong_shape(name, array, format!("[{}, {}]", expected.0, expected.1))),
    };
    let mut real = Array2::from_elem(expected, false);
    let mut packed = Vec::with_capacity(batch.tokens());
    for (sequence, rows) in batch.ranges().enumerate() {
        for row in rows {
            let place = [sequence, batch.positions[row] as usize];
            real[place] = true;
            packed.push(label(name, &place, padded[place])?);
        }
    }
    for ((sequence, column), &found) in padded.indexed_iter() {
        if found != NONE && !real[[sequence, column]] {
            let expected = "attention_mask hides this place: only -100 may stand here".to_owned();
            return Err(Error::LabelValue { name, place: vec![sequence, column], found, expected });
        }
    }
    Ok(packed)
}

/// Columns of the padded batch → tokens counted within their sequence.
fn positions(
    name: &'static str,
    array: &ArrayD<i64>,
    batch: &Batch,
    width: usize,
) -> Result<Vec<Option<u32>>, Error> {
    let columns = column(name, array, batch.sequences())?;
    let sequences = columns.into_iter().zip(batch.ranges()).enumerate();
    sequences
        .map(|(sequence, (column, rows))| match column {
            // Answers that were cut off with the end of the text: transformers ignores them too.
            Some(column) if column as usize >= width => Ok(None),
            None => Ok(None),
            Some(column) => {
                let place = batch.positions[rows].iter().position(|&at| at == column);
                place.map(|place| Some(place as u32)).ok_or_else(|| Error::LabelValue {
                    name,
                    place: vec![sequence],
                    found: i64::from(column),
                    expected: "attention_mask hides this column: no answer can stand there"
                        .to_owned(),
                })
            }
        })
        .collect()
}

fn multi_label(array: &ArrayD<i64>, rows: usize, classes: usize) -> Result<Array2<Real>, Error> {
    if array.shape() != [rows, classes] {
        return Err(wrong_shape("labels", array, format!("[{rows}, {classes}]")));
    }
    for (place, &found) in array.indexed_iter() {
        if !(0..=1).contains(&found) {
            let place = ndarray::Dimension::slice(&place).to_vec();
            let expected = "each class is 1 (yes) or 0 (no)".to_owned();
            return Err(Error::LabelValue { name: "labels", place, found, expected });
        }
    }
    numbers(array, rows, classes)
}

/// [B, C], or [B] where there is one output.
fn numbers(array: &ArrayD<i64>, rows: usize, classes: usize) -> Result<Array2<Real>, Error> {
    if array.shape() != [rows, classes] && (classes > 1 || array.shape() != [rows]) {
        let expected =
            if classes == 1 { format!("[{rows}]") } else { format!("[{rows}, {classes}]") };
        return Err(wrong_shape("labels", array, expected));
    }
    let values = array.iter().map(|&value| value as Real).collect();
    Ok(Array2::from_shape_vec((rows, classes), values).expect("the shape was checked"))
}

/// \[questions]: each question has as many choices, and they stand one after the other.
fn choices(array: &ArrayD<i64>, rows: usize) -> Result<Labels, Error> {
    let questions = array.view().into_dimensionality::<Ix1>().map_or(0, |labels| labels.len());
    if questions == 0 || !rows.is_multiple_of(questions) {
        let expected = format!("[questions], of which {rows} sequences are a multiple");
        return Err(wrong_shape("labels", array, expected));
    }
    let bounds = (0..=questions).map(|question| question * rows / questions).collect();
    Ok(Labels::Choices { bounds, right: column("labels", array, questions)? })
}
