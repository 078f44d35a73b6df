//! What every optimizer is told for one step, and the walk over its tensors.

use bert_kernels::{keep_dropped, untouched_zeros};
use bert_nn::{TensorMut, Tensors};

// ANCHOR: update
/// The part of a step that is not the same from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// The learning rate of this step: the peak rate times the schedule's factor.
    pub learning_rate: f64,
    /// The momentum (β₁ of Adam) of this step; none if it is the optimizer's own, as with every
    /// schedule but [`OneCycle`](crate::Schedule::OneCycle) and [`Triangular`](crate::Schedule::Triangular).
    pub momentum: Option<f64>,
    /// What each gradient is multiplied by before it is used: what
    /// [`clip_factor`](crate::clip_factor) says, or 1.
    pub gradient_scale: f64,
}
// ANCHOR_END: update

impl Update {
    /// A step with this learning rate, the optimizer's own momentum, and the gradients as they are.
    pub fn new(learning_rate: f64) -> Self {
        Self { learning_rate, momentum: None, gradient_scale: 1.0 }
    }
}

// ANCHOR: optimizer
/// Turns gradients into better parameters.
pub trait Optimizer<P: Tensors> {
    /// Changes the parameters and sets the gradients to zero, ready for the next backward pass. One
    /// pass over each tensor, on all threads. Gradients that are not finite spoil the parameters
    /// and the optimizer's state: see [`crate::global_norm`].
    fn step(&mut self, parameters: &mut P, gradients: &mut P, update: &Update);
}
// ANCHOR_END: optimizer

// ANCHOR: renew
/// Sets gradients to zero by new memory, which takes none until it is written to. So the old memory is free for the activations of the
/// next forward pass, and those make room for the gradients layer by layer: the two are never there together.
pub(crate) fn renew<P: Tensors>(gradients: &mut P) {
    let zeros = untouched_zeros(|| gradients.zeros_like());
    keep_dropped(|| *gradients = zeros);
}
// ANCHOR_END: renew

/// The tensors of several values of one type side by side: parameters, gradients, moments.
pub(crate) fn side_by_side<'a, P: Tensors, const N: usize>(
    values: [&'a mut P; N],
) -> impl Iterator<Item = [TensorMut<'a>; N]> {
    let lists = values.map(Tensors::tensors_mut);
    let counts = lists.each_ref().map(Vec::len);
    assert!(
        counts.iter().all(|&count| count == counts[0]),
        "parameters, gradients and the optimizer's state have {counts:?} tensors"
    );
    let mut lists = lists.map(Vec::into_iter);
    (0..counts[0])
        .map(move |_| lists.each_mut().map(|list| list.next().expect("all are of one length")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bert_nn::Linear;

    #[test]
    fn tensors_of_one_name_meet() {
        let [mut one, mut other] = [(); 2].map(|()| vec![Linear::zeros(2, 1); 2]);
        let names: Vec<_> = side_by_side([&mut one, &mut other])
            .map(|pair| pair.map(|tensor| tensor.name))
            .collect();
        let expected = ["0.weight", "0.bias", "1.weight", "1.bias"];
        assert_eq!(names, expected.map(|name| [name; 2].map(str::to_owned)));
    }

    #[test]
    #[should_panic(expected = "have [4, 2] tensors")]
    fn a_model_with_fewer_layers_is_refused() {
        let [mut two, mut one] = [2, 1].map(|layers| vec![Linear::zeros(2, 1); layers]);
        side_by_side([&mut two, &mut one]).for_each(drop);
    }
}
