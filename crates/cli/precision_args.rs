//! In which width a command multiplies.

use bert_kernels::MatmulPrecision;
use serde_json::{Value, json};

/// The same for every command that has the choice.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct PrecisionArgs {
    /// Round the numbers of the large products to bfloat16: sooner where the processor has instructions for that (AVX-512 BF16),
    /// and slightly other results everywhere. Weights stay in full width while they learn
    #[arg(long)]
    bf16: bool,
}

impl PrecisionArgs {
    /// As the products take it.
    pub fn precision(self) -> MatmulPrecision {
        if self.bf16 { MatmulPrecision::Bf16 } else { MatmulPrecision::F32 }
    }

    /// What makes a training another.
    pub fn settings(self) -> Option<(&'static str, Value)> {
        self.bf16.then(|| ("--bf16", json!(true)))
    }
}
