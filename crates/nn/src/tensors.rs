//! One trait for everything that walks over parameters.
//!
//! Saving, loading, counting, and later the optimizer and the gradient check all need the same
//! three facts about each tensor: its name in the checkpoint, its shape, its numbers. A layer says
//! them once, with the [`tensors!`](crate::tensors!) macro.

use bert_kernels::Real;
use ndarray::{Array, Dimension};

/// One parameter tensor, to be read.
#[derive(Debug, Clone)]
pub struct TensorRef<'a> {
    /// The checkpoint's name, such as `bert.embeddings.LayerNorm.weight`.
    pub name: String,
    /// Its shape, `[out, in]` for a linear weight.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub values: &'a [Real],
}

/// One parameter tensor, to be changed in place.
#[derive(Debug)]
pub struct TensorMut<'a> {
    /// The checkpoint's name, such as `bert.embeddings.LayerNorm.weight`.
    pub name: String,
    /// Its shape, `[out, in]` for a linear weight.
    pub shape: Vec<usize>,
    /// Its numbers, row by row.
    pub values: &'a mut [Real],
}

/// Something made of parameter tensors: an array, a layer, a whole model.
///
/// The order of the tensors is fixed, so two values of one type (parameters and their gradients,
/// say) can be walked side by side.
pub trait Tensors: Sized {
    /// Appends every tensor to `list`, its name beginning with `name`.
    fn collect<'a>(&'a self, name: &str, list: &mut Vec<TensorRef<'a>>);

    /// Appends every tensor to `list` for changing, its name beginning with `name`.
    fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<TensorMut<'a>>);

    /// The same shapes, filled with zeros: where gradients and moments begin.
    fn zeros_like(&self) -> Self;

    /// Every tensor, in the fixed order.
    fn tensors(&self) -> Vec<TensorRef<'_>> {
        let mut list = Vec::new();
        self.collect("", &mut list);
        list
    }

    /// Every tensor for changing, in the fixed order.
    fn tensors_mut(&mut self) -> Vec<TensorMut<'_>> {
        let mut list = Vec::new();
        self.collect_mut("", &mut list);
        list
    }

    /// How many numbers there are in all.
    fn parameter_count(&self) -> usize {
        self.tensors().iter().map(|tensor| tensor.values.len()).sum()
    }
}

/// The name of the first tensor with a number that is NaN or infinite; none if all are finite.
pub fn not_finite(tensors: &impl Tensors) -> Option<String> {
    let list = tensors.tensors();
    list.into_iter().find(|t| t.values.iter().any(|x| !x.is_finite())).map(|tensor| tensor.name)
}

/// Joins two parts of a checkpoint name with a dot; an empty part adds nothing.
pub fn join(parent: &str, child: &str) -> String {
    match (parent, child) {
        ("", name) | (name, "") => name.to_owned(),
        (parent, child) => format!("{parent}.{child}"),
    }
}

// Parameters are made by `zeros` and never transposed in place, so they are always contiguous.
const CONTIGUOUS: &str = "a parameter array is contiguous in row-major order";

impl<D: Dimension> Tensors for Array<Real, D> {
    fn collect<'a>(&'a self, name: &str, list: &mut Vec<TensorRef<'a>>) {
        let values = self.as_slice().expect(CONTIGUOUS);
        list.push(TensorRef { name: name.to_owned(), shape: self.shape().to_vec(), values });
    }

    fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<TensorMut<'a>>) {
        let shape = self.shape().to_vec();
        let values = self.as_slice_mut().expect(CONTIGUOUS);
        list.push(TensorMut { name: name.to_owned(), shape, values });
    }

    fn zeros_like(&self) -> Self {
        Array::zeros(self.raw_dim())
    }
}

/// No parameters at all.
impl Tensors for () {
    fn collect<'a>(&'a self, _name: &str, _list: &mut Vec<TensorRef<'a>>) {}

    fn collect_mut<'a>(&'a mut self, _name: &str, _list: &mut Vec<TensorMut<'a>>) {}

    fn zeros_like(&self) -> Self {}
}

/// Layers in a stack are numbered: `layer.0`, `layer.1`, …
impl<T: Tensors> Tensors for Vec<T> {
    fn collect<'a>(&'a self, name: &str, list: &mut Vec<TensorRef<'a>>) {
        for (index, item) in self.iter().enumerate() {
            item.collect(&join(name, &index.to_string()), list);
        }
    }

    fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<TensorMut<'a>>) {
        for (index, item) in self.iter_mut().enumerate() {
            item.collect_mut(&join(name, &index.to_string()), list);
        }
    }

    fn zeros_like(&self) -> Self {
        self.iter().map(Tensors::zeros_like).collect()
    }
}

impl<T: Tensors> Tensors for Option<T> {
    fn collect<'a>(&'a self, name: &str, list: &mut Vec<TensorRef<'a>>) {
        if let Some(item) = self {
            item.collect(name, list);
        }
    }

    fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<TensorMut<'a>>) {
        if let Some(item) = self {
            item.collect_mut(name, list);
        }
    }

    fn zeros_like(&self) -> Self {
        self.as_ref().map(Tensors::zeros_like)
    }
}

/// Implements [`Tensors`] for a struct: one line per field, with its name in the checkpoint.
///
/// A field that is forgotten does not compile, since `zeros_like` builds the whole struct.
///
/// ```
/// use bert_nn::{Real, Tensors};
/// use ndarray::{Array1, Array2};
///
/// struct Linear { weight: Array2<Real>, bias: Array1<Real> }
/// bert_nn::tensors!(Linear { weight => "weight", bias => "bias" });
///
/// let layer = Linear { weight: Array2::zeros((3, 2)), bias: Array1::zeros(3) };
/// assert_eq!(layer.tensors()[0].name, "weight");
/// assert_eq!(layer.parameter_count(), 9);
/// ```
#[macro_export]
macro_rules! tensors {
    ($layer:ty { $($field:ident => $name:literal),+ $(,)? }) => {
        impl $crate::Tensors for $layer {
            fn collect<'a>(&'a self, name: &str, list: &mut Vec<$crate::TensorRef<'a>>) {
                $( self.$field.collect(&$crate::tensors::join(name, $name), list); )+
            }

            fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<$crate::TensorMut<'a>>) {
                $( self.$field.collect_mut(&$crate::tensors::join(name, $name), list); )+
            }

            fn zeros_like(&self) -> Self {
                Self { $( $field: $crate::Tensors::zeros_like(&self.$field) ),+ }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array1, Array2, array};

    struct Pair {
        first: Array2<Real>,
        rest: Vec<Array1<Real>>,
        last: Option<Array1<Real>>,
    }
    tensors!(Pair { first => "first", rest => "rest", last => "" });

    fn pair() -> Pair {
        Pair {
            first: array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
            rest: vec![array![7.0], array![8.0, 9.0]],
            last: Some(array![10.0]),
        }
    }

    #[test]
    fn names_are_joined_by_dots_and_an_empty_part_adds_nothing() {
        let pair = pair();
        let mut list = Vec::new();
        pair.collect("top", &mut list);
        let names: Vec<_> = list.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!(names, ["top.first", "top.rest.0", "top.rest.1", "top"]);
        assert_eq!(list[0].shape, [2, 3]);
        assert_eq!(list[0].values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn the_lists_for_reading_and_for_changing_agree() {
        let mut pair = pair();
        let before: Vec<_> =
            pair.tensors().into_iter().map(|t| (t.name, t.shape, t.values.to_vec())).collect();
        let changed: Vec<_> =
            pair.tensors_mut().into_iter().map(|t| (t.name, t.shape, t.values.to_vec())).collect();
        assert_eq!(before, changed);
    }

    #[test]
    fn zeros_like_keeps_shapes_and_clears_numbers() {
        let pair = pair();
        let zeros = pair.zeros_like();
        assert_eq!(zeros.parameter_count(), 10);
        for (zero, tensor) in zeros.tensors().iter().zip(pair.tensors()) {
            assert_eq!(zero.shape, tensor.shape);
            assert!(zero.values.iter().all(|&x| x == 0.0));
        }
    }
}
