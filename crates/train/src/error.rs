/// What can go wrong in a step of training. The step is then not applied: parameters and optimizer
/// are as before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A batch or its labels do not fit the model, or there is no label at all.
    #[error(transparent)]
    Batch(#[from] bert_model::Error),
    /// The loss is not a number, or infinite.
    #[error("step {step}: the loss of {name} is {value}; the step was not applied")]
    Loss {
        /// Counted from 0.
        step: u64,
        /// The name of its labels.
        name: &'static str,
        /// NaN or an infinity.
        value: f64,
    },
    /// A gradient is not a number, or infinite.
    #[error("step {step}: the gradient of {tensor} is not finite; the step was not applied")]
    Gradient {
        /// Counted from 0.
        step: u64,
        /// The first such tensor.
        tensor: String,
    },
}
