//! Hugging Face's format: a length (8 bytes), a JSON header with each tensor's type, shape and place, and the numbers themselves.
//!
//! The safetensors crate reads and checks the header.

use crate::tensor_file::{Bytes, Dtype, Entry, Index, refuse_pointer};
use ::safetensors::tensor::{Dtype as Stored, SafeTensors, TensorInfo};

/// What the format is called.
pub(crate) const FORMAT: &str = "safetensors";

/// What is where, counted from the beginning of the file. `Err` says what is wrong with it.
// ANCHOR: header
pub(crate) fn index(bytes: Bytes) -> Result<Index, String> {
    refuse_pointer(&bytes)?;
    // `deserialize` checks that the tensors lie end to end and fill the file exactly.
    SafeTensors::deserialize(&bytes).map_err(|error| {
        format!("{error} (if it was downloaded, the download may have been cut off)")
    })?;
    let (header, metadata) =
        SafeTensors::read_metadata(&bytes).map_err(|error| error.to_string())?;
    let data = header + 8; // the header's own length takes 8 bytes
    let entry = |info: &TensorInfo| Entry {
        dtype: dtype(info.dtype),
        shape: info.shape.clone(),
        strides: None,
        file: 0,
        place: data + info.data_offsets.0..data + info.data_offsets.1,
        checksum: None,
    };
    let entries = metadata.tensors().into_iter().map(|(name, info)| (name, entry(info))).collect();
    Ok(Index { files: vec![bytes], entries, notes: Vec::new() })
}
// ANCHOR_END: header

fn dtype(stored: Stored) -> Dtype {
    match stored {
        Stored::F64 => Dtype::F64,
        Stored::F32 => Dtype::F32,
        Stored::F16 => Dtype::F16,
        Stored::BF16 => Dtype::BF16,
        Stored::I64 => Dtype::I64,
        Stored::I32 => Dtype::I32,
        Stored::I16 => Dtype::I16,
        Stored::I8 => Dtype::I8,
        Stored::U8 => Dtype::U8,
        Stored::BOOL => Dtype::Bool,
        other => Dtype::Other(format!("{other:?}")),
    }
}
