//! In which width a command multiplies.

use crate::common::{ModelArgs, expect_usage};
use anyhow::Result;
use bert_kernels::{MatmulPrecision, with_precision};
use bert_pipeline::Pipeline;
use serde_json::{Value, json};

/// The same for every command that has the choice.
#[derive(clap::Args, Debug, Clone, Copy)]
pub struct PrecisionArgs {
    /// Round the numbers of the large products to bfloat16: sooner where the processor has instructions for that (AMX,
    /// AVX-512 BF16), and slightly other results everywhere
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

    /// Reads a model, whose encoder then multiplies so: it is packed here, and packing decides. Its head stays in full width.
    pub fn open(self, model: &ModelArgs) -> Result<Pipeline> {
        let pipeline = with_precision(self.precision(), || model.open())?;
        expect_usage(!(self.bf16 && pipeline.model.is_quantised()), || {
            format!("--bf16: {} computes with 8 bits", pipeline.directory.display())
        })?;
        Ok(pipeline)
    }
}
