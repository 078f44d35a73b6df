//! Comparing every tensor with another program's.
//!
//! A reference file is a safetensors file that holds a padded batch (`input_ids`, `token_type_ids`
//! and `attention_mask`, [B, S], 64-bit integers) and what another program computed from it:
//! `hidden_states.0` to `hidden_states.L` [B, S, H], `attentions.0` to `attentions.L-1`
//! [B, N, S, S], `pooler_output` [B, H], `mlm_logits` [B, S, V], `nsp_logits` [B, 2], `logits`
//! [B, C] or [B, S, C], `start_logits` and `end_logits` [B, S]; only what the model has. Padded places
//! are not compared. Where a mask hides a sequence's first token, neither is what is pooled from it:
//! other programs pool column 0 even then.

use crate::Error;
use bert_checkpoint::{Stored, TensorFile};
use bert_model::heads::PaddedLabels;
use bert_model::trace::{NamedTensor, Traced, trace};
use bert_model::{Batch, Config, Context, HeadKind, Labels, Model};
use bert_nn::Real;
use ndarray::{Array2, Array3, ArrayD, Axis, Dimension, IxDyn};
use std::path::Path;

/// A batch and what another program made of it.
pub struct Reference {
    file: TensorFile,
    /// The batch, packed.
    pub batch: Batch,
    /// `S`: how wide the padded batch was.
    pub width: usize,
}

/// One line of the comparison.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The tensor.
    pub name: String,
    /// Its shape in the reference file.
    pub shape: Vec<usize>,
    /// The largest difference; NaN if a value is.
    pub difference: f64,
    /// How large it may be: tolerance · max(1, largest reference value).
    pub limit: f64,
    /// Where the largest difference is, and both values: ours, the reference's.
    pub worst: Option<(Vec<usize>, Real, Real)>,
}

impl Comparison {
    /// Whether the tensor agrees. NaN never does.
    pub fn passed(&self) -> bool {
        self.difference <= self.limit
    }
}

impl Reference {
    /// Reads the batch; the expected tensors follow when they are compared.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::new(TensorFile::open(path)?)
    }

    /// As [`Reference::open`], of a file that is open already.
    pub fn new(file: TensorFile) -> Result<Self, Error> {
        let input_ids = integers(&file, "input_ids")?;
        let (rows, width) = input_ids.dim();
        let or = |name: &str, default: i64| match file.shape(name) {
            Some(_) => integers(&file, name),
            None => Ok(Array2::from_elem((rows, width), default)),
        };
        let types = or("token_type_ids", 0)?;
        let mask = or("attention_mask", 1)?;
        let batch = Batch::from_padded(input_ids.view(), types.view(), mask.view())
            .map_err(in_file(file.path()))?;
        Ok(Self { file, batch, width })
    }

    /// Refuses a batch that the model cannot take. Not even columns without a token may lie beyond
    /// its positions: the padded attention maps grow with the square of the width.
    pub fn check(&self, config: &Config) -> Result<(), Error> {
        let limit = config.max_position_embeddings;
        if self.width > limit {
            let shape = vec![self.batch.sequences(), self.width];
            return Err(self.wrong_shape("input_ids", shape, format!("at most {limit} columns")));
        }
        self.batch.check(config).map_err(in_file(self.file.path()))
    }

    fn wrong_shape(&self, tensor: &str, found: Vec<usize>, expected: String) -> Error {
        let path = self.file.path().to_owned();
        Error::ReferenceShape { path, tensor: tensor.to_owned(), found, expected }
    }

    /// Whether the file holds this tensor.
    pub fn has(&self, name: &str) -> bool {
        self.file.shape(name).is_some()
    }

    /// The labels that the file holds for this head.
    pub fn labels(&self, kind: HeadKind, config: &Config) -> Result<Labels, Error> {
        let array = |name: &str| match self.file.shape(name) {
            None => Ok(None),
            Some(_) => {
                let (shape, values) = self.file.integers(name)?;
                Ok::<_, Error>(Some(
                    ArrayD::from_shape_vec(shape, values).expect("as long as its shape"),
                ))
            }
        };
        let padded = PaddedLabels {
            labels: array("labels")?,
            next_sentence_label: array("next_sentence_label")?,
            start_positions: array("start_positions")?,
            end_positions: array("end_positions")?,
        };
        padded.pack(kind, config, &self.batch, self.width).map_err(in_file(self.file.path()))
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Runs the batch through the model and compares every tensor that the file holds. What the file
    /// holds and the model does not give comes last, with an infinite difference.
    pub fn compare(
        &self,
        model: &Model,
        config: &Config,
        tolerance: f64,
    ) -> Result<Vec<Comparison>, Error> {
        self.check(config)?;
        let choice = model.head.kind() == HeadKind::MultipleChoice;
        let (mut lines, mut problem) = (Vec::new(), None);
        trace(model, &self.batch, &Context::eval(config), |(name, ours)| {
            if self.has(&name) && problem.is_none() {
                match self.compare_one(&name, &ours, choice, tolerance) {
                    Ok(line) => lines.push(line),
                    Err(error) => problem = Some(error),
                }
            }
        });
        if let Some(error) = problem {
            return Err(error);
        }
        let expected = |name: &&str| is_output(name) && !lines.iter().any(|l| l.name == **name);
        let absent: Vec<_> = self.file.names().filter(expected).map(|n| self.absent(n)).collect();
        lines.extend(absent);
        Ok(lines)
    }

    /// Tensors of the file that `lines` say nothing about and that are no part of the batch: a name
    /// that nobody computes, perhaps misspelt.
    pub fn not_compared(&self, lines: &[Comparison]) -> Vec<String> {
        const INPUTS: [&str; 4] = ["input_ids", "token_type_ids", "attention_mask", "pooled_valid"];
        let unknown =
            |name: &&str| !INPUTS.contains(name) && !lines.iter().any(|line| line.name == **name);
        self.file.names().filter(unknown).map(str::to_owned).collect()
    }

    fn absent(&self, name: &str) -> Comparison {
        let shape = self.file.shape(name).expect("the name is from the file").to_vec();
        Comparison {
            name: name.to_owned(),
            shape,
            difference: f64::INFINITY,
            limit: 0.0,
            worst: None,
        }
    }

    /// `choice`: the model is a multiple-choice one, whose `logits` may be [questions, choices] in the
    /// file; ours has one row for each choice.
    fn compare_one(
        &self,
        name: &str,
        ours: &Traced,
        choice: bool,
        tolerance: f64,
    ) -> Result<Comparison, Error> {
        let ours = padded(ours, &self.batch, self.width);
        let (shape, values) = self.file.reals(name)?;
        let regrouped = choice && name == "logits" && values.len() == ours.len();
        let fits = shape == ours.shape() || regrouped;
        if !fits {
            return Err(self.wrong_shape(name, shape, format!("{:?}", ours.shape())));
        }
        let theirs = ArrayD::from_shape_vec(ours.raw_dim(), values).expect("the lengths agree");
        let compared = self.compared(name, ours.ndim());
        let (mut difference, mut largest, mut worst) = (0.0, 0.0_f64, None);
        // ANCHOR: differences
        for ((place, &found), &expected) in ours.indexed_iter().zip(&theirs) {
            if !compared(place.slice()) {
                continue;
            }
            largest = largest.max(f64::from(expected).abs());
            let apart = (f64::from(found) - f64::from(expected)).abs();
            // NaN is worse than any number, and stays the worst.
            if apart > difference || (apart.is_nan() && !f64::is_nan(difference)) || worst.is_none()
            {
                difference = apart;
                worst = Some((place.slice().to_vec(), found, expected));
            }
        }
        let limit = tolerance * largest.max(1.0);
        // ANCHOR_END: differences
        Ok(Comparison { name: name.to_owned(), shape, difference, limit, worst })
    }

    /// Which places of a tensor count: real tokens; pooled rows whose first token is not hidden.
    fn compared(&self, name: &str, dimensions: usize) -> impl Fn(&[usize]) -> bool {
        let mut real = Array2::from_elem((self.batch.sequences(), self.width), false);
        let mut pooled = Vec::new();
        for (sequence, rows) in self.batch.ranges().enumerate() {
            pooled.push(self.batch.positions[rows.start] == 0);
            for row in rows {
                real[[sequence, self.batch.positions[row] as usize]] = true;
            }
        }
        let per_token = dimensions == 3 || name == "start_logits" || name == "end_logits";
        move |place| match place {
            &[b, _, query, key] => real[[b, query]] && real[[b, key]],
            &[b, s, ..] if per_token => real[[b, s]],
            &[b, ..] => pooled[b],
            [] => true,
        }
    }
}

/// Runs a batch and returns every intermediate tensor in the form of a reference file, with the
/// batch itself.
pub fn trace_to_tensors(
    model: &Model,
    config: &Config,
    batch: &Batch,
    width: usize,
) -> Vec<(String, Stored<'static>)> {
    let mut tensors = batch_tensors(batch, width);
    trace(model, batch, &Context::eval(config), |(name, tensor): NamedTensor| {
        tensors.push(stored(name, &tensor, batch, width));
    });
    tensors
}

/// A tensor as it is written to a file, padded.
pub(crate) fn stored(
    name: String,
    tensor: &Traced,
    batch: &Batch,
    width: usize,
) -> (String, Stored<'static>) {
    let array = padded(tensor, batch, width);
    let (shape, values) = (array.shape().to_vec(), array.into_raw_vec_and_offset().0);
    (name, Stored::reals(shape, values))
}

/// The batch in the form of a reference file.
pub fn batch_tensors(batch: &Batch, width: usize) -> Vec<(String, Stored<'static>)> {
    let column = |numbers: &[u32]| -> Array2<Real> {
        let values = numbers.iter().map(|&number| number as Real).collect();
        Array2::from_shape_vec((numbers.len(), 1), values).expect("one column")
    };
    let ones = vec![1; batch.tokens()];
    [
        ("input_ids", &batch.token_ids),
        ("token_type_ids", &batch.token_types),
        ("attention_mask", &ones),
    ]
    .map(|(name, numbers)| {
        let padded = batch.to_padded(column(numbers).view(), width); // [B, S, 1]
        // Ids are far below 2²⁴: an f32 holds them exactly.
        let values = padded.iter().map(|&value| value as i64).collect();
        (name.to_owned(), Stored::Integers { shape: vec![batch.sequences(), width], values })
    })
    .into()
}

/// Packed to padded, zeros where there is no token; `width` is `S`.
pub fn padded(tensor: &Traced, batch: &Batch, width: usize) -> ArrayD<Real> {
    match tensor {
        Traced::Tokens(rows) => batch.to_padded(rows.view(), width).into_dyn(), // [B, S, X]
        Traced::TokenScores(scores) => {
            let column = scores.view().insert_axis(Axis(1)); // [T, 1]
            batch.to_padded(column, width).remove_axis(Axis(2)).into_dyn() // [B, S]
        }
        Traced::Sequences(rows) => rows.clone().into_dyn(), // [B, X]
        Traced::Attention(maps) => padded_attention(maps, batch, width),
    }
}

/// [N, S, S] of each sequence → [B, N, S, S].
fn padded_attention(maps: &[Array3<Real>], batch: &Batch, width: usize) -> ArrayD<Real> {
    let heads = maps.first().map_or(0, |map| map.dim().0);
    let mut all = ArrayD::zeros(IxDyn(&[maps.len(), heads, width, width]));
    for (sequence, (map, rows)) in maps.iter().zip(batch.ranges()).enumerate() {
        let positions = &batch.positions[rows];
        for ((head, query, key), &value) in map.indexed_iter() {
            let (query, key) = (positions[query] as usize, positions[key] as usize);
            all[[sequence, head, query, key]] = value;
        }
    }
    all
}

fn is_output(name: &str) -> bool {
    const OUTPUTS: [&str; 6] =
        ["pooler_output", "mlm_logits", "nsp_logits", "logits", "start_logits", "end_logits"];
    name.starts_with("hidden_states.") || name.starts_with("attentions.") || OUTPUTS.contains(&name)
}

fn integers(file: &TensorFile, name: &str) -> Result<Array2<i64>, Error> {
    let (shape, values) = file.integers(name)?;
    match shape[..] {
        [rows, columns] if rows > 0 && columns > 0 => {
            let array = Array2::from_shape_vec((rows, columns), values);
            Ok(array.expect("the header was checked"))
        }
        _ => Err(Error::ReferenceShape {
            path: file.path().to_owned(),
            tensor: name.to_owned(),
            found: shape,
            expected: "[B, S], both at least 1".to_owned(),
        }),
    }
}

pub(crate) fn in_file(path: &Path) -> impl FnOnce(bert_model::Error) -> Error {
    let path = path.to_owned();
    move |problem| Error::ReferenceBatch { path, problem }
}
