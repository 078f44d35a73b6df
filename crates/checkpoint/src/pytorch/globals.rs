//! The functions and types that a pickle of weights may name, and what is done when it calls one.
//!
//! In Python a pickle may name any function of any module, and `pickle.load` calls it: that is how a file runs code. Here
//! a name is looked up in the short list below, and none of the functions on it is Python's: a call becomes a description of
//! a tensor. Source: `torch/_utils.py` (`_rebuild_*`), `torch/storage.py`.

use super::archive::shown;
use super::values::{Object, Storage, Tensor, Value};
use crate::Dtype;

/// A name that is known.
#[derive(Clone, Copy, Debug)]
pub(super) enum Global {
    /// `collections.OrderedDict`.
    OrderedDict,
    /// `_rebuild_tensor(storage, offset, size, stride)`, before torch 0.4.
    RebuildTensor,
    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata?)`.
    RebuildTensorV2,
    /// The same with the type of the numbers before `metadata`, over a storage of bytes; for types of torch 2.
    RebuildTensorV3,
    /// `_rebuild_parameter(tensor, requires_grad, hooks)`.
    RebuildParameter,
    /// The same, with attributes that somebody set on it.
    RebuildParameterWithState,
    /// `torch.Size(tuple)`.
    Size,
    /// `torch.device(name)`.
    Device,
    /// `torch.FloatStorage` and its kin.
    Storage(&'static Kind),
    /// `torch.float32` and its kin.
    Dtype(&'static Kind),
}

/// A type of numbers.
#[derive(Debug)]
pub(super) struct Kind {
    /// `torch.NAMEStorage`; empty: none.
    storage: &'static str,
    /// `torch.NAME`.
    pub name: &'static str,
    /// Bytes of a number.
    pub width: usize,
}

/// Bytes of which only the tensor says what they are.
const UNTYPED: Kind = Kind { storage: "Untyped", name: "untyped bytes", width: 1 };

// ANCHOR: kinds
const KINDS: [Kind; 26] = [
    Kind { storage: "Double", name: "float64", width: 8 },
    Kind { storage: "Float", name: "float32", width: 4 },
    Kind { storage: "Half", name: "float16", width: 2 },
    Kind { storage: "BFloat16", name: "bfloat16", width: 2 },
    Kind { storage: "Long", name: "int64", width: 8 },
    Kind { storage: "Int", name: "int32", width: 4 },
    Kind { storage: "Short", name: "int16", width: 2 },
    Kind { storage: "Char", name: "int8", width: 1 },
    Kind { storage: "Byte", name: "uint8", width: 1 },
    Kind { storage: "Bool", name: "bool", width: 1 },
    // Weights are none of these. They are listed, and not read.
    Kind { storage: "ComplexDouble", name: "complex128", width: 16 },
    Kind { storage: "ComplexFloat", name: "complex64", width: 8 },
    Kind { storage: "ComplexHalf", name: "complex32", width: 4 },
    Kind { storage: "", name: "uint64", width: 8 },
    Kind { storage: "", name: "uint32", width: 4 },
    Kind { storage: "", name: "uint16", width: 2 },
    Kind { storage: "", name: "float8_e4m3fn", width: 1 },
    Kind { storage: "", name: "float8_e4m3fnuz", width: 1 },
    Kind { storage: "", name: "float8_e5m2", width: 1 },
    Kind { storage: "", name: "float8_e5m2fnuz", width: 1 },
    Kind { storage: "", name: "float8_e8m0fnu", width: 1 },
    Kind { storage: "QInt8", name: "qint8", width: 1 },
    Kind { storage: "QUInt8", name: "quint8", width: 1 },
    Kind { storage: "QInt32", name: "qint32", width: 4 },
    Kind { storage: "QUInt4x2", name: "quint4x2", width: 1 },
    Kind { storage: "QUInt2x4", name: "quint2x4", width: 1 },
];
// ANCHOR_END: kinds

impl Kind {
    /// As every format has it.
    pub fn dtype(&self) -> Dtype {
        match self.name {
            "float64" => Dtype::F64,
            "float32" => Dtype::F32,
            "float16" => Dtype::F16,
            "bfloat16" => Dtype::BF16,
            "int64" => Dtype::I64,
            "int32" => Dtype::I32,
            "int16" => Dtype::I16,
            "int8" => Dtype::I8,
            "uint8" => Dtype::U8,
            "bool" => Dtype::Bool,
            other => Dtype::Other(other.to_owned()),
        }
    }
}

/// The name, if it is on the list. `Err` refuses it.
// ANCHOR: find
pub(super) fn find(module: &str, name: &str) -> Result<Global, String> {
    Ok(match (module, name) {
        ("collections", "OrderedDict") => Global::OrderedDict,
        ("torch._utils", "_rebuild_tensor") => Global::RebuildTensor,
        ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensorV2,
        ("torch._utils", "_rebuild_tensor_v3") => Global::RebuildTensorV3,
        ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
        ("torch._utils", "_rebuild_parameter_with_state") => Global::RebuildParameterWithState,
        ("torch", "Size") => Global::Size,
        ("torch", "device") => Global::Device,
        ("torch.storage", "UntypedStorage" | "_UntypedStorage") => Global::Storage(&UNTYPED),
        ("torch", name) => kind(name).ok_or_else(|| refused(module, name))?,
        _ => return Err(refused(module, name)),
    })
}
// ANCHOR_END: find

/// `FloatStorage`, or `float32`.
fn kind(name: &str) -> Option<Global> {
    if let Some(storage) = name.strip_suffix("Storage").filter(|storage| !storage.is_empty()) {
        let kind = KINDS.iter().find(|kind| kind.storage == storage)?;
        return Some(Global::Storage(kind));
    }
    KINDS.iter().find(|kind| kind.name == name).map(Global::Dtype)
}

fn refused(module: &str, name: &str) -> String {
    let name = shown(&format!("{module}.{name}"));
    format!(
        "refuses {name}: a file of weights needs no such thing (if it is your own, save the state dict alone: \
         torch.save(model.state_dict(), …))"
    )
}

/// What a call gives.
pub(super) enum Made<'a> {
    /// Something that is there already, or is of no use.
    Value(Value<'a>),
    /// Something new.
    Object(Object<'a>),
}

/// Obeys a call. `objects` are those of the pickle so far.
// ANCHOR: call
pub(super) fn call<'a>(
    global: Global,
    arguments: &[Value<'a>],
    objects: &[Object<'a>],
) -> Result<Made<'a>, String> {
    let tensor = |tensor: Tensor<'a>| Made::Object(Object::Tensor(Box::new(tensor)));
    Ok(match (global, arguments) {
        (Global::OrderedDict, []) => Made::Object(Object::Dict(Vec::new())),
        (Global::OrderedDict, &[pairs]) => Made::Object(Object::Dict(dict(pairs, objects)?)),
        (Global::RebuildTensor, &[storage, offset, size, stride]) => {
            tensor(rebuild(storage, offset, size, stride, None, objects)?)
        }
        (Global::RebuildTensorV2, &[storage, offset, size, stride, _, _, ref metadata @ ..]) => {
            refuse_negation(metadata, objects)?;
            tensor(rebuild(storage, offset, size, stride, None, objects)?)
        }
        (
            Global::RebuildTensorV3,
            &[
                storage,
                offset,
                size,
                stride,
                _,
                _,
                Value::Global(Global::Dtype(kind)),
                ref metadata @ ..,
            ],
        ) => {
            refuse_negation(metadata, objects)?;
            tensor(rebuild(storage, offset, size, stride, Some(kind), objects)?)
        }
        (Global::RebuildParameter, &[data, _, _])
        | (Global::RebuildParameterWithState, &[data, _, _, _]) => match data.object(objects) {
            Some(Object::Tensor(_)) => Made::Value(data),
            _ => return Err("a parameter is made of something that is no tensor".to_owned()),
        },
        (Global::Size, &[size]) => Made::Value(size),
        (Global::Device, _) => Made::Value(Value::Other),
        _ => return Err(format!("calls {global:?} with {} arguments", arguments.len())),
    })
}
// ANCHOR_END: call

/// Python 2 hands the pairs to the dictionary's constructor.
fn dict<'a>(
    pairs: Value<'a>,
    objects: &[Object<'a>],
) -> Result<Vec<(Value<'a>, Value<'a>)>, String> {
    let wrong = || "OrderedDict is made of something else than pairs".to_owned();
    let Some(Object::List(pairs) | Object::Tuple(pairs)) = pairs.object(objects) else {
        return Err(wrong());
    };
    let pair = |pair: &Value<'a>| match pair.object(objects) {
        Some(Object::List(pair) | Object::Tuple(pair)) if pair.len() == 2 => Ok((pair[0], pair[1])),
        _ => Err(wrong()),
    };
    pairs.iter().map(pair).collect()
}

/// A tensor is a storage and a way through it: `offset` numbers in, along strides.
fn rebuild<'a>(
    storage: Value<'a>,
    offset: Value<'a>,
    size: Value<'a>,
    stride: Value<'a>,
    dtype: Option<&'static Kind>,
    objects: &[Object<'a>],
) -> Result<Tensor<'a>, String> {
    let Some(&Object::Storage(storage)) = storage.object(objects) else {
        return Err("a tensor is made of something that is no storage".to_owned());
    };
    let offset = offset.count().ok_or("the offset of a tensor is no whole number from 0 on")?;
    let (shape, strides) = (counts("size", size, objects)?, counts("stride", stride, objects)?);
    if shape.len() != strides.len() {
        return Err(format!("a tensor has {} sizes and {} strides", shape.len(), strides.len()));
    }
    Ok(Tensor { storage, kind: dtype.unwrap_or(storage.kind), offset, shape, strides })
}

fn counts(what: &str, value: Value, objects: &[Object]) -> Result<Vec<usize>, String> {
    let Some(Object::Tuple(items)) = value.object(objects) else {
        return Err(format!("the {what} of a tensor is no tuple"));
    };
    let count = |item: &Value| {
        item.count().ok_or_else(|| {
            format!("the {what} of a tensor holds {item:?}, expected a whole number from 0 on")
        })
    };
    items.iter().map(count).collect()
}

/// A view may be stored with a note that its numbers are to be negated, or their complex conjugates taken.
fn refuse_negation(metadata: &[Value], objects: &[Object]) -> Result<(), String> {
    match metadata {
        [] | [Value::None] => Ok(()),
        [one] if matches!(one.object(objects), Some(Object::Dict(notes)) if notes.is_empty()) => Ok(()),
        _ => Err("a tensor is stored as a negated or conjugated view; save a copy of it (.resolve_neg())".to_owned()),
    }
}

/// A storage, as a persistent id describes it: ("storage", type, key, device, numbers), and in the old form either None or
/// (key, offset, numbers) of a part of it.
// ANCHOR: storage
pub(super) fn storage<'a>(id: Value<'a>, objects: &[Object<'a>]) -> Result<Storage<'a>, String> {
    let wrong = || "a persistent id is no storage".to_owned();
    let Some(Object::Tuple(id)) = id.object(objects) else { return Err(wrong()) };
    let (&[what, Value::Global(Global::Storage(kind)), Value::Text(key), _device, length], view) =
        (id.first_chunk::<5>().ok_or_else(wrong)?, &id[5..])
    else {
        return Err(wrong());
    };
    if !matches!(what, Value::Text("storage")) {
        return Err(wrong());
    }
    let length =
        length.count().ok_or_else(|| format!("storage {} has an impossible length", shown(key)))?;
    let part = match view {
        [] | [Value::None] => 0..length,
        [view] => part(*view, length, objects)
            .ok_or_else(|| format!("a part of storage {} lies outside of it", shown(key)))?,
        _ => return Err(wrong()),
    };
    Ok(Storage { key, kind, length, part: (part.start, part.end) })
}
// ANCHOR_END: storage

fn part(view: Value, length: usize, objects: &[Object]) -> Option<std::ops::Range<usize>> {
    let Some(Object::Tuple(view)) = view.object(objects) else { return None };
    let &[_key, offset, numbers] = view.as_slice() else { return None };
    let start = offset.count()?;
    let end = start.checked_add(numbers.count()?)?;
    (end <= length).then_some(start..end)
}
