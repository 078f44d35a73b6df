//! What the index's keys and values mean: a tensor bundle.
//!
//! Each value is a message of protocol buffers, defined in TensorFlow's `tensor_bundle.proto`,
//! `tensor_shape.proto` and `versions.proto`. The empty key has the header; every other key is a
//! tensor's name. In a message, each field is its number and kind in one varint (`number · 8 +
//! kind`) and then its contents: a varint (kind 0), a length and as many bytes (kind 2) or 4 bytes
//! (kind 5). Fields that are 0 are left out, and fields that are not known are passed over.

use crate::tensor_file::Dtype;
use prost::Message;
use std::collections::BTreeMap;

// ANCHOR: messages
/// `BundleHeaderProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Header {
    /// Over how many data files the tensors are spread.
    #[prost(int32, tag = "1")]
    pub num_shards: i32,
    /// 0 little, 1 big.
    #[prost(int32, tag = "2")]
    pub endianness: i32,
    #[prost(message, optional, tag = "3")]
    pub version: Option<Version>,
}

/// `VersionDef`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Version {
    /// Which version of the format a reader must know.
    #[prost(int32, tag = "2")]
    pub min_consumer: i32,
}

/// `BundleEntryProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct BundleEntry {
    /// A `DataType`.
    #[prost(int32, tag = "1")]
    pub dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
    /// Which data file, from 0.
    #[prost(int32, tag = "3")]
    pub shard_id: i32,
    /// Where the tensor begins there.
    #[prost(int64, tag = "4")]
    pub offset: i64,
    /// How many bytes it has.
    #[prost(int64, tag = "5")]
    pub size: i64,
    /// Of these bytes, masked.
    #[prost(fixed32, tag = "6")]
    pub crc32c: u32,
    /// Of a tensor that is stored in pieces: which.
    #[prost(message, repeated, tag = "7")]
    pub slices: Vec<Slice>,
}

/// `TensorShapeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<Dim>,
    #[prost(bool, tag = "3")]
    pub unknown_rank: bool,
}

/// `TensorShapeProto.Dim`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dim {
    #[prost(int64, tag = "1")]
    pub size: i64,
}

/// `TensorSliceProto`; what is in it does not matter here.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Slice {}
// ANCHOR_END: messages

/// The newest version of the format that this reader knows; there has been no other.
const VERSION: i32 = 1;

/// Checks what the header promises; returns the number of shards.
pub(super) fn header(value: &[u8]) -> Result<i32, String> {
    let header = Header::decode(value).map_err(|error| format!("its header: {error}"))?;
    if header.endianness != 0 {
        return Err("its numbers are big-endian, which is not read".to_owned());
    }
    let version = header.version.unwrap_or_default().min_consumer;
    if version > VERSION {
        return Err(format!("it needs a reader of version {version} of the format, not {VERSION}"));
    }
    if header.num_shards < 1 {
        return Err(format!("its header says {} data files", header.num_shards));
    }
    Ok(header.num_shards)
}

/// A tensor as the index describes it.
pub(super) struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub shard: i32,
    pub offset: usize,
    pub size: usize,
    /// Not masked.
    pub checksum: u32,
}

/// Reads a tensor's entry.
pub(super) fn stored(name: &str, value: &[u8], shards: i32) -> Result<Stored, String> {
    let entry = BundleEntry::decode(value).map_err(|error| format!("tensor {name}: {error}"))?;
    if !entry.slices.is_empty() {
        return Err(format!(
            "tensor {name} is stored in slices (a partitioned variable), which are not read"
        ));
    }
    if !(0..shards).contains(&entry.shard_id) {
        let shard = entry.shard_id;
        return Err(format!("tensor {name} is in data file {shard}, and there are {shards}"));
    }
    let shape = entry.shape.unwrap_or_default();
    let sizes = shape.dim.iter().map(|dim| usize::try_from(dim.size));
    match (sizes.collect(), usize::try_from(entry.offset), usize::try_from(entry.size)) {
        (Ok(sizes), Ok(offset), Ok(size)) if !shape.unknown_rank => Ok(Stored {
            dtype: dtype(entry.dtype),
            shape: sizes,
            shard: entry.shard_id,
            offset,
            size,
            checksum: crate::crc32c::unmask(entry.crc32c),
        }),
        _ => Err(format!("tensor {name} has a shape, offset or size that is unknown or negative")),
    }
}

/// TensorFlow's `DataType` by its number (`types.proto`).
fn dtype(number: i32) -> Dtype {
    match number {
        1 => Dtype::F32,
        2 => Dtype::F64,
        3 => Dtype::I32,
        4 => Dtype::U8,
        5 => Dtype::I16,
        6 => Dtype::I8,
        9 => Dtype::I64,
        10 => Dtype::Bool,
        14 => Dtype::BF16,
        19 => Dtype::F16,
        7 => Dtype::Other("DT_STRING".to_owned()),
        8 => Dtype::Other("DT_COMPLEX64".to_owned()),
        17 => Dtype::Other("DT_UINT16".to_owned()),
        18 => Dtype::Other("DT_COMPLEX128".to_owned()),
        22 => Dtype::Other("DT_UINT32".to_owned()),
        23 => Dtype::Other("DT_UINT64".to_owned()),
        other => Dtype::Other(format!("DataType {other}")),
    }
}

/// The tensors of an index by name, and the number of data files.
pub(super) fn read(index: &[u8]) -> Result<(i32, BTreeMap<String, Stored>), String> {
    let (mut shards, mut tensors) = (None, BTreeMap::new());
    super::table::read(index, |key, value| {
        // The empty key sorts before all others.
        let Some(shards) = shards else {
            if !key.is_empty() {
                return Err("it does not begin with the header of a checkpoint".to_owned());
            }
            shards = Some(header(value)?);
            return Ok(());
        };
        // A slice's own entry has a key in code, beginning with 0. The tensor's entry, further
        // down, has its name.
        if key.first() == Some(&0) {
            return Ok(());
        }
        let name = str::from_utf8(key)
            .map_err(|_| format!("the name {} is not UTF-8", String::from_utf8_lossy(key)))?;
        let tensor = stored(name, value, shards)?;
        if tensors.insert(name.to_owned(), tensor).is_some() {
            return Err(format!("there are two tensors {name}"));
        }
        Ok(())
    })?;
    let shards = shards.ok_or("it is empty")?;
    Ok((shards, tensors))
}
