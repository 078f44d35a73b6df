//! What every optimizer is told for one step, and the walk over its tensors.

use bert_kernels::{Real, keep_dropped};
use bert_nn::{TensorMut, Tensors};
use std::borrow::Cow;

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
    /// Changes the parameters and takes the gradients away, ready for the next backward pass (see
    /// [`forget`]). One pass over each tensor, on all threads. A gradient that is absent is zero.
    /// Those that are not finite spoil the parameters and the optimizer's state: see
    /// [`crate::global_norm`].
    fn step(&mut self, parameters: &mut P, gradients: &mut P, update: &Update);
}
// ANCHOR_END: optimizer

// ANCHOR: forget
/// Takes all gradients away: they are [absent](Tensors::absent_like), which stands for zero, until a backward pass makes them anew. So their
/// memory is free for the activations of the next forward pass, and those leave it to the gradients layer by layer: the two are never
/// there together.
pub fn forget<P: Tensors>(gradients: &mut P) {
    let absent = gradients.absent_like();
    keep_dropped(|| *gradients = absent);
}
// ANCHOR_END: forget

/// The numbers of a gradient for a tensor of `len`: zeros if it is absent.
pub(crate) fn numbers<'a>(gradient: &'a TensorMut, len: usize) -> Cow<'a, [Real]> {
    match &*gradient.values {
        [] => Cow::Owned(vec![0.0; len]),
        values => Cow::Borrowed(values),
    }
}

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
