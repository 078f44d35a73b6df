//! One trait for everything that walks over parameters.
//!
//! Saving, loading, counting, and later the optimizer and the gradient check all need the same
//! three facts about each tensor: its name in the checkpoint, its shape, its numbers. A layer says
//! them once, with the [`tensors!`](crate::tensors!) macro.

use bert_kernels::{Real, zeros};
use ndarray::{Array, ArrayViewMut, Dimension};

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

/// How the arrays of a new value begin: see [`Tensors::new_like`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// In the same shapes, filled with zeros.
    Zeros,
    /// Empty, in place of zeros.
    Absent,
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

    /// A value of the same structure, its arrays in the state that is asked for.
    fn new_like(&self, arrays: Begin) -> Self;

    /// The same shapes, filled with zeros: where moments begin.
    fn zeros_like(&self) -> Self {
        self.new_like(Begin::Zeros)
    }

    /// The same structure of empty arrays: gradients that nobody has added to. They stand for zeros and take no memory. A backward pass
    /// makes those that it adds to: see [`or_zeros`].
    fn absent_like(&self) -> Self {
        self.new_like(Begin::Absent)
    }

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

// ANCHOR: or_zeros
/// The gradient of `parameter`, to add to. Where it is [absent](Tensors::absent_like), it is made first, of zeros.
pub fn or_zeros<'a, D: Dimension>(
    gradient: &'a mut Array<Real, D>,
    parameter: &Array<Real, D>,
) -> ArrayViewMut<'a, Real, D> {
    if gradient.is_empty() {
        let all = zeros(parameter.len());
        *gradient = Array::from_shape_vec(parameter.raw_dim(), all).expect("as many");
    }
    gradient.view_mut()
}
// ANCHOR_END: or_zeros

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

    fn new_like(&self, arrays: Begin) -> Self {
        Array::zeros(match arrays {
            Begin::Zeros => self.raw_dim(),
            Begin::Absent => D::zeros(self.ndim()),
        })
    }
}

/// No parameters at all.
impl Tensors for () {
    fn collect<'a>(&'a self, _name: &str, _list: &mut Vec<TensorRef<'a>>) {}

    fn collect_mut<'a>(&'a mut self, _name: &str, _list: &mut Vec<TensorMut<'a>>) {}

    fn new_like(&self, _arrays: Begin) -> Self {}
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

    fn new_like(&self, arrays: Begin) -> Self {
        self.iter().map(|item| item.new_like(arrays)).collect()
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

    fn new_like(&self, arrays: Begin) -> Self {
        self.as_ref().map(|item| item.new_like(arrays))
    }
}

/// Implements [`Tensors`] for a struct: one line per field, with its name in the checkpoint.
///
/// A field that is forgotten does not compile, since `new_like` builds the whole struct.
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

            fn new_like(&self, arrays: $crate::tensors::Begin) -> Self {
                Self { $( $field: self.$field.new_like(arrays) ),+ }
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

    #[test]
    fn absent_arrays_have_the_names_and_are_made_where_they_are_added_to() {
        let (pair, mut absent) = (pair(), pair().absent_like());
        assert_eq!(absent.parameter_count(), 0);
        for (empty, tensor) in absent.tensors().iter().zip(pair.tensors()) {
            assert_eq!(empty.name, tensor.name);
        }
        for expected in [1.0, 2.0] {
            let mut gradient = or_zeros(&mut absent.first, &pair.first);
            gradient += 1.0;
            assert_eq!(absent.first, Array2::from_elem((2, 3), expected));
        }
        assert!(absent.rest.iter().all(Array1::is_empty), "only what is added to is made");
    }
}
