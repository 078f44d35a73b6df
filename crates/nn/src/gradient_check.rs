//! Is a gradient right? The loss itself can tell: change one number a little and see what happens.
//!
//! ```text
//! central:     (f(x + h) − f(x − h)) / 2h                                  error ~ h²
//! four points: (8·(f(x + h) − f(x − h)) − (f(x + 2h) − f(x − 2h))) / 12h   error ~ h⁴
//! ```
//!
//! A small step leaves rounding, a large one the curvature of f. In `f32` neither formula is good
//! for every tensor, so both are computed, each with the step that suits it, and the better one
//! counts: a wrong gradient agrees with neither. Under the feature `f64` the check is thousands of
//! times sharper.
//!
//! Single elements are not compared: the smallest ones drown in rounding. A tensor's error is
//! ‖numeric − analytic‖ / max(‖analytic‖, 0.001·‖all gradients‖).
//!
//! To check a layer of your own, put it and its inputs into a [`Point`] and call [`check_layer`].

use crate::random::generator;
use crate::tensors::{Begin, join};
use crate::{TensorMut, TensorRef, Tensors};
use bert_kernels::Real;
use ndarray::Array2;
use ndarray_rand::rand_distr::{Distribution, Normal};
use std::fmt;

/// How a derivative is computed from values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Formula {
    /// From x ± h.
    Central,
    /// From x ± h and x ± 2h.
    FourPoints,
}

/// Whether `Real` is an `f64`.
const WIDE: bool = size_of::<Real>() == size_of::<f64>();

/// Both formulas with the step at which each is best for whole models, found by `bert gradcheck
/// --tensor`.
pub const METHODS: [(Formula, f64); 2] = if WIDE {
    [(Formula::Central, 1e-5), (Formula::FourPoints, 1e-3)]
} else {
    [(Formula::Central, 1e-2), (Formula::FourPoints, 1e-1)]
};

/// The largest error that counts as agreement. In `f32`, rounding and these steps leave up to 6e-4
/// of a whole model's gradients; in `f64`, 3e-10.
pub const LIMIT: f64 = if WIDE { 1e-7 } else { 1e-3 };

/// A tensor's error is never divided by less than this share of the norm of all gradients: of a
/// gradient that is zero only rounding is left.
pub const FLOOR: f64 = 1e-3;

/// What was found for one tensor.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// ‖analytic‖, the Euclidean norm of the gradient under test.
    pub norm: f64,
    /// ‖numeric − analytic‖ / max(‖analytic‖, 0.001·‖all gradients‖), of the better formula.
    pub error: f64,
}

/// What was found for all tensors.
#[derive(Debug, Clone)]
pub struct Report {
    /// A row for each tensor, in the order of [`Tensors`].
    pub rows: Vec<Row>,
    /// The norm of all gradients under test together.
    pub norm: f64,
}

impl Row {
    /// Whether the gradient is right. NaN never is.
    pub fn passed(&self) -> bool {
        self.error <= LIMIT
    }
}

impl Report {
    /// Whether every gradient is right. None at all is no success.
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(Row::passed)
    }

    /// Panics with the table if a gradient is wrong. For tests.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.passed(), "a gradient is wrong:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(6);
        writeln!(f, "{:<width$}  {:<10} {:>10} {:>10}", "tensor", "shape", "‖analytic‖", "error")?;
        for row in &self.rows {
            let (shape, verdict) =
                (format!("{:?}", row.shape), if row.passed() { "" } else { "  WRONG" });
            let (name, norm, error) = (&row.name, row.norm, row.error);
            writeln!(f, "{name:<width$}  {shape:<10} {norm:>10.4} {error:>10.1e}{verdict}")?;
        }
        Ok(())
    }
}

// ANCHOR: check
/// Compares `gradients` at `point` with what `loss` itself says, tensor by tensor. `point` is
/// changed and put back.
pub fn check<P: Tensors>(point: &mut P, gradients: &P, mut loss: impl FnMut(&P) -> f64) -> Report {
    let analytic = gradients.tensors();
    let total = norm(analytic.iter().flat_map(|tensor| tensor.values).map(|&g| f64::from(g)));
    let mut rows = Vec::new();
    for (index, tensor) in analytic.iter().enumerate() {
        let errors = METHODS.map(|(formula, step)| {
            error(point, index, tensor.values, total, formula, step, &mut loss)
        });
        rows.push(Row {
            name: tensor.name.clone(),
            shape: tensor.shape.clone(),
            norm: norm(tensor.values.iter().map(|&g| f64::from(g))),
            error: if errors.iter().any(|e| e.is_nan()) {
                f64::NAN
            } else {
                errors[0].min(errors[1])
            },
        });
    }
    Report { rows, norm: total }
}

/// The error of tensor `index`, whose gradient is claimed to be `analytic`. `total` is the norm of
/// all gradients.
pub fn error<P: Tensors>(
    point: &mut P,
    index: usize,
    analytic: &[Real],
    total: f64,
    formula: Formula,
    step: f64,
    loss: &mut impl FnMut(&P) -> f64,
) -> f64 {
    let differences = analytic.iter().enumerate().map(|(element, &analytic)| {
        derivative(point, index, element, formula, step, loss) - f64::from(analytic)
    });
    let difference = norm(differences);
    let size = norm(analytic.iter().map(|&g| f64::from(g))).max(FLOOR * total);
    // Nothing against nothing agrees.
    if difference == 0.0 { 0.0 } else { difference / size }
}

/// The derivative of `loss` with respect to one number, from values of `loss`.
fn derivative<P: Tensors>(
    point: &mut P,
    tensor: usize,
    element: usize,
    formula: Formula,
    step: f64,
    loss: &mut impl FnMut(&P) -> f64,
) -> f64 {
    let x = point.tensors()[tensor].values[element];
    let mut value_at = |x: Real| {
        point.tensors_mut()[tensor].values[element] = x;
        loss(point)
    };
    let h = step as Real;
    let near = value_at(x + h) - value_at(x - h);
    let result = match formula {
        // A step that x is too coarse for changes nothing.
        Formula::Central if x + h == x - h => 0.0,
        // x + h and x − h as they are after rounding.
        Formula::Central => near / (f64::from(x + h) - f64::from(x - h)),
        Formula::FourPoints => {
            let far = value_at(x + 2.0 * h) - value_at(x - 2.0 * h);
            (8.0 * near - far) / (12.0 * step)
        }
    };
    point.tensors_mut()[tensor].values[element] = x;
    result
}
// ANCHOR_END: check

/// The Euclidean norm.
pub fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|x| x * x).sum::<f64>().sqrt()
}

/// A layer and its inputs: all that a gradient is taken with respect to.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<L> {
    /// The layer; `()` for a function without parameters.
    pub layer: L,
    /// Its inputs, named `input.0`, `input.1`, …
    pub inputs: Vec<Array2<Real>>,
}

impl<L: Tensors> Point<L> {
    /// A layer at some inputs.
    pub fn new(layer: L, inputs: impl Into<Vec<Array2<Real>>>) -> Self {
        Self { layer, inputs: inputs.into() }
    }
}

impl<L: Tensors> Tensors for Point<L> {
    fn collect<'a>(&'a self, name: &str, list: &mut Vec<TensorRef<'a>>) {
        self.layer.collect(name, list);
        self.inputs.collect(&join(name, "input"), list);
    }

    fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<TensorMut<'a>>) {
        self.layer.collect_mut(name, list);
        self.inputs.collect_mut(&join(name, "input"), list);
    }

    fn new_like(&self, arrays: Begin) -> Self {
        Self { layer: self.layer.new_like(arrays), inputs: self.inputs.new_like(arrays) }
    }
}

// ANCHOR: check_layer
/// Checks every parameter and every input of a layer in one call.
///
/// `forward` gives the layer's output; `backward` takes the gradient with respect to that output
/// and adds all that it finds to the gradients. The loss is Σ probe ∘ output with fixed random
/// numbers as the probe, so that the gradient of the output is the probe, and no two elements can
/// stand in for each other. `backward` is called once more with gradients that are
/// [absent](Tensors::absent_like), as they are in training, and must make the same of them.
///
/// # Panics
/// It does not.
///
/// ```
/// use bert_nn::Linear;
/// use bert_nn::gradient_check::{Point, check_layer, random};
///
/// let mut layer = Linear::zeros(3, 2);
/// layer.weight = random(2, 3, 1);
/// let point = Point::new(layer, [random(4, 3, 2)]);
/// let report = check_layer(
///     &point,
///     |at| at.layer.forward(at.inputs[0].view()),
///     |at, d_output, grads| {
///         let input = at.inputs[0].view();
///         grads.inputs[0] += &at.layer.backward(input, d_output.view(), &mut grads.layer);
///     },
/// );
/// assert!(report.passed(), "{report}");
/// ```
pub fn check_layer<L: Tensors + Clone>(
    point: &Point<L>,
    forward: impl Fn(&Point<L>) -> Array2<Real>,
    backward: impl Fn(&Point<L>, Array2<Real>, &mut Point<L>),
) -> Report {
    let output = forward(point);
    let probe = random(output.nrows(), output.ncols(), 0x9806e);
    let mut gradients = point.zeros_like();
    backward(point, probe.clone(), &mut gradients);
    let mut made = Point { layer: point.layer.absent_like(), inputs: point.inputs.zeros_like() };
    backward(point, probe.clone(), &mut made);
    for (made, gradient) in made.tensors().iter().zip(gradients.tensors()) {
        let same = if made.values.is_empty() {
            gradient.values.iter().all(|&x| x == 0.0)
        } else {
            let equal = |(a, b): (&Real, &Real)| a == b || (a.is_nan() && b.is_nan());
            made.values.iter().zip(gradient.values).all(equal)
        };
        assert!(same, "{}: the gradient is another one if it is absent at first", made.name);
    }
    check(&mut point.clone(), &gradients, |at| {
        let products =
            forward(at).into_iter().zip(&probe).map(|(y, &p)| f64::from(y) * f64::from(p));
        products.sum()
    })
}
// ANCHOR_END: check_layer

/// Standard normal numbers, for inputs and probes of checks; the same for the same seed.
pub fn random(rows: usize, columns: usize, seed: u64) -> Array2<Real> {
    let mut random = generator(seed, "gradient check", 0, 0);
    let normal = Normal::new(0.0, 1.0).expect("a standard deviation of 1");
    Array2::from_shape_simple_fn((rows, columns), || normal.sample(&mut random) as Real)
}

/// Moves biases and LayerNorms (every tensor of one axis) off the values with which they begin: at
/// 0 and 1 some mistakes do not show.
pub fn jitter(parameters: &mut impl Tensors) {
    for (number, tensor) in parameters.tensors_mut().into_iter().enumerate() {
        if tensor.shape.len() == 1 {
            let noise = random(1, tensor.values.len(), 1_000 + number as u64);
            tensor.values.iter_mut().zip(&noise).for_each(|(value, noise)| *value += 0.2 * noise);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// y = x², whose derivative is claimed to be `claim`·x.
    fn squares(claim: Real) -> Report {
        check_layer(
            &Point::new((), [random(3, 4, 1), random(2, 2, 2)]),
            |at| at.inputs[0].mapv(|x| x * x),
            |at, d_output, grads| grads.inputs[0] += &(&at.inputs[0] * &d_output * claim),
        )
    }

    #[test]
    fn a_right_gradient_passes_and_an_input_without_influence_has_none() {
        let report = squares(2.0);
        report.assert_passed();
        assert_eq!(report.rows[1].name, "input.1");
        assert_eq!((report.rows[1].norm, report.rows[1].error), (0.0, 0.0));
    }

    #[test]
    fn an_error_of_one_percent_is_found() {
        let report = squares(2.02);
        assert!(!report.passed(), "{report}");
        let error = report.rows[0].error;
        assert!((error - 0.02 / 2.02).abs() < 1e-3, "{error}");
    }

    #[test]
    #[should_panic(expected = "input.0  [3, 4]")]
    fn the_table_is_shown_where_a_gradient_is_wrong() {
        squares(1.0).assert_passed();
    }

    #[test]
    fn nan_is_never_right() {
        assert!(!squares(Real::NAN).passed());
    }

    #[test]
    fn the_point_is_put_back() {
        let mut point = Point::new((), [random(2, 2, 3)]);
        let before = point.clone();
        let report = check(&mut point, &before.zeros_like(), |_| 0.0);
        assert!(report.passed());
        assert_eq!(point, before);
    }
}
