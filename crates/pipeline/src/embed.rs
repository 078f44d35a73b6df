//! A vector for each text, and how alike two texts are.

use crate::{Error, Pipeline};
use bert_model::{Batch, packed::Step};
use bert_nn::Real;
use bert_nn::view::rows;
use bert_tokenizer::Encoding;
use ndarray::{Array1, Array2, ArrayView1, Axis, concatenate};

/// How the vectors of a text's tokens become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The mean over all tokens, `[CLS]` and `[SEP]` included.
    Mean,
    /// The first token's vector.
    Cls,
    /// Every token keeps its own.
    None,
}

/// Turns texts into vectors.
pub struct Embedder<'a> {
    pipeline: &'a Pipeline,
    /// Numbers of encoder layers, counted from 0.
    layers: Vec<usize>,
    /// How the vectors of a text's tokens become one.
    pub pooling: Pooling,
    /// Whether each vector is divided by its length.
    pub normalize: bool,
}

impl<'a> Embedder<'a> {
    /// The last layer's mean, not normalised.
    pub fn new(pipeline: &'a Pipeline) -> Self {
        let last = pipeline.config.num_hidden_layers - 1;
        Self { pipeline, layers: vec![last], pooling: Pooling::Mean, normalize: false }
    }

    /// Takes the vectors from these layers, as Google's extract_features counts them: 0 is the
    /// first encoder layer, −1 the last. Several layers are put side by side.
    pub fn with_layers(mut self, layers: &[isize]) -> Result<Self, Error> {
        let count = self.pipeline.config.num_hidden_layers;
        let number = |&layer: &isize| {
            let counted = if layer < 0 { count as isize + layer } else { layer };
            let number = usize::try_from(counted).ok().filter(|&number| number < count);
            number.ok_or(Error::Layer { layer, count })
        };
        self.layers = layers.iter().map(number).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// For each encoding one row, [1, H] (or [S, H] without pooling). With several layers the rows
    /// are as many times as wide.
    pub fn embed(&self, encodings: &[Encoding]) -> Result<Vec<Array2<Real>>, Error> {
        self.pipeline.map_batches(encodings, |_, batch| {
            let layers = self.layers(batch);
            let views: Vec<_> = layers.iter().map(|layer| layer.view()).collect();
            let hidden = concatenate(Axis(1), &views).expect("all layers have T rows"); // [T, layers·H]
            Ok(batch
                .ranges()
                .map(|range| self.pool(rows(hidden.view(), range).to_owned()))
                .collect())
        })
    }

    /// For each encoding the hidden states [S, H] of each layer asked for, in the order asked.
    pub fn embed_layers(&self, encodings: &[Encoding]) -> Result<Vec<Vec<Array2<Real>>>, Error> {
        self.pipeline.map_batches(encodings, |_, batch| {
            let layers = self.layers(batch);
            let of = |range: std::ops::Range<usize>| {
                layers.iter().map(|layer| rows(layer.view(), range.clone()).to_owned()).collect()
            };
            Ok(batch.ranges().map(of).collect())
        })
    }

    /// The hidden states [T, H] of each layer asked for, in the order asked.
    fn layers(&self, batch: &Batch) -> Vec<Array2<Real>> {
        let mut kept = vec![Array2::zeros((0, 0)); self.layers.len()];
        self.pipeline.model.hidden_in_steps(batch, &self.pipeline.context(), |step| {
            let Step::Layer(number, output) = step else { return };
            for (place, _) in self.layers.iter().enumerate().filter(|&(_, &layer)| layer == number)
            {
                kept[place] = output.to_owned();
            }
        });
        kept
    }

    /// [S, H] → [1, H], or as it was without pooling.
    fn pool(&self, tokens: Array2<Real>) -> Array2<Real> {
        let mut pooled = match self.pooling {
            Pooling::Mean => mean_of_rows(&tokens).insert_axis(Axis(0)),
            Pooling::Cls => rows(tokens.view(), 0..1).to_owned(),
            Pooling::None => tokens,
        };
        if self.normalize {
            pooled.rows_mut().into_iter().for_each(|mut row| {
                let length = norm(row.view());
                // A vector of zeros has no direction.
                if length > 0.0 {
                    row /= length;
                }
            });
        }
        pooled
    }
}

/// [S, H] → [H]. Row after row, so that the order of the additions, and with it the last bit, does not
/// depend on how the array lies in memory.
fn mean_of_rows(tokens: &Array2<Real>) -> Array1<Real> {
    let sum = tokens.outer_iter().fold(Array1::zeros(tokens.ncols()), |sum, row| sum + row);
    sum / tokens.nrows() as Real
}

// ANCHOR: cosine
/// The cosine of the angle between two vectors: 1 for the same direction, 0 at right angles, −1 for
/// opposite ones. 0 if one of them is all zeros.
pub fn cosine(a: ArrayView1<Real>, b: ArrayView1<Real>) -> Real {
    let lengths = norm(a) * norm(b);
    if lengths == 0.0 { 0.0 } else { a.dot(&b) / lengths }
}
// ANCHOR_END: cosine

/// The cosine of every pair of rows: `vectors` [n, H] → [n, n].
pub fn cosine_matrix(vectors: &[Array1<Real>]) -> Array2<Real> {
    let n = vectors.len();
    Array2::from_shape_fn((n, n), |(i, j)| cosine(vectors[i].view(), vectors[j].view()))
}

fn norm(vector: ArrayView1<Real>) -> Real {
    vector.dot(&vector).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn cosine_sees_direction_and_not_length() {
        let (east, north) = (array![1.0, 0.0], array![0.0, 3.0]);
        let matrix = cosine_matrix(&[east.clone(), north, east * -5.0, array![0.0, 0.0]]);
        assert_eq!(matrix.row(0), array![1.0, 0.0, -1.0, 0.0]);
        assert_eq!(matrix.column(3), array![0.0, 0.0, 0.0, 0.0]);
    }
}
