//! From what a pickle holds to tensors with names.
//!
//! What is saved is a dictionary of names and tensors, `model.state_dict()`. Trainers put more into a file: the state dict
//! under the key `state_dict` (PyTorch Lightning), `model_state_dict` or `model`, beside the optimizer's. So:
//!
//! 1. Where the outermost dictionary holds a tensor, or none of these keys, it is the state dict; else the first of these
//!    keys that is there, and what lies beside it is passed over, by name.
//! 2. In the state dict, a dictionary within a dictionary gives names joined by dots.
//! 3. What is no tensor is passed over and counted.

use super::archive::shown;
use super::pickle::Pickle;
use super::values::{Budget, Object, Storage, Tensor, Value};
use crate::tensor_file::Entry;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::ops::Range;

/// The keys under which trainers put a state dict.
const WRAPPERS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// Dictionaries within dictionaries; deeper ones hold no weights.
const DEEPEST: usize = 8;

/// Where the bytes of each storage are in the file, by its key.
pub(super) type Storages<'a> = BTreeMap<&'a str, Range<usize>>;

type Pairs<'a> = [(Value<'a>, Value<'a>)];

/// Tensors by name, and what was passed over, one sentence each.
pub(super) type Found = (BTreeMap<String, Entry>, Vec<String>);

/// Finds the tensors of a pickle.
pub(super) fn tensors(
    pickle: &Pickle,
    storages: &Storages,
    budget: &mut Budget,
) -> Result<Found, String> {
    let objects = &pickle.objects;
    let Some(Object::Dict(root)) = pickle.root.object(objects) else {
        return Err("it holds something else than a dictionary of names and tensors".to_owned());
    };
    let mut collector =
        Collector { objects, storages, budget, entries: BTreeMap::new(), others: 0 };
    let mut notes = Vec::new();
    // ANCHOR: wrapped
    match wrapped(root, objects) {
        Some((key, state_dict)) => {
            collector.collect("", state_dict, 0)?;
            notes.extend(beside(key, root));
        }
        None => collector.collect("", root, 0)?,
    }
    // ANCHOR_END: wrapped
    match collector.others {
        0 => {}
        1 => notes.push("passed over: 1 value of the file that is no tensor".to_owned()),
        others => {
            notes.push(format!("passed over: {others} values of the file that are no tensors"))
        }
    }
    Ok((collector.entries, notes))
}

/// The state dict within the outermost dictionary, if that is only its wrapping.
fn wrapped<'a, 'b>(
    root: &Pairs<'a>,
    objects: &'b [Object<'a>],
) -> Option<(&'static str, &'b Pairs<'a>)> {
    let is_tensor = |value: &Value| matches!(value.object(objects), Some(Object::Tensor(_)));
    if root.iter().any(|(_, value)| is_tensor(value)) {
        return None;
    }
    WRAPPERS.into_iter().find_map(|wrapper| {
        let is_it = |(key, _): &&(Value, Value)| matches!(key, Value::Text(key) if *key == wrapper);
        match root.iter().rev().find(is_it)?.1.object(objects) {
            Some(Object::Dict(state_dict)) => Some((wrapper, state_dict.as_slice())),
            _ => None,
        }
    })
}

/// What lies beside the state dict in its wrapping.
fn beside(wrapper: &str, root: &Pairs) -> Option<String> {
    const SHOWN: usize = 8;
    let others = || {
        root.iter().filter_map(|(key, _)| match key {
            Value::Text(key) if *key != wrapper => Some(shown(key)),
            _ => None,
        })
    };
    let more = match others().count().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names: Vec<_> = others().take(SHOWN).collect();
    let list =
        || format!("passed over, beside the weights under {wrapper}: {}{more}", names.join(", "));
    (!names.is_empty()).then(list)
}

/// A key as part of a tensor's name.
fn name(key: Value) -> Option<String> {
    match key {
        Value::Text(text) => Some(text.to_owned()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

struct Collector<'a, 'b> {
    objects: &'b [Object<'a>],
    storages: &'b Storages<'b>,
    budget: &'b mut Budget,
    entries: BTreeMap<String, Entry>,
    /// How many values are no tensors.
    others: usize,
}

impl<'a> Collector<'a, '_> {
    fn collect(&mut self, prefix: &str, pairs: &Pairs<'a>, depth: usize) -> Result<(), String> {
        for (key, value) in pairs {
            let object = match value.object(self.objects) {
                Some(object @ (Object::Tensor(_) | Object::Dict(_))) => Some(object),
                _ => None,
            };
            // A key is copied only for what has a name.
            let Some((object, key)) = object.and_then(|object| Some((object, name(*key)?))) else {
                self.budget.spend(1)?;
                self.others += 1;
                continue;
            };
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            // One dictionary may stand under many names, and a name in many names.
            self.budget.spend(size_of::<Entry>() + name.len())?;
            match object {
                Object::Tensor(tensor) => self.add(name, tensor)?,
                Object::Dict(pairs) if depth < DEEPEST => self.collect(&name, pairs, depth + 1)?,
                _ => self.others += 1,
            }
        }
        Ok(())
    }

    fn add(&mut self, name: String, tensor: &Tensor) -> Result<(), String> {
        self.budget.spend(2 * size_of_val(&*tensor.shape))?;
        let entry = entry(tensor, self.storages)
            .map_err(|problem| format!("tensor {}: {problem}", shown(&name)))?;
        match self.entries.entry(name) {
            Vacant(place) => place.insert(entry),
            Occupied(taken) => return Err(format!("there are two tensors {}", shown(taken.key()))),
        };
        Ok(())
    }
}

/// Where a tensor's numbers are in the file.
// ANCHOR: entry
fn entry(tensor: &Tensor, storages: &Storages) -> Result<Entry, String> {
    let Tensor { storage, kind, offset, shape, strides } = tensor;
    let bytes = part(storage, storages)?;
    let contiguous = is_contiguous(shape, strides);
    let numbers = shape.iter().try_fold(1_usize, |numbers, &size| numbers.checked_mul(size));
    let outside = || {
        format!("shape {shape:?} from number {offset} on leaves its storage {}", shown(storage.key))
    };
    let place = match (numbers.and_then(|numbers| numbers.checked_mul(kind.width)), contiguous) {
        (Some(0), _) => bytes.start..bytes.start,
        (Some(length), _) => {
            let start =
                offset.checked_mul(kind.width).and_then(|skipped| bytes.start.checked_add(skipped));
            let start = start.filter(|&start| start <= bytes.end).ok_or_else(outside)?;
            let end = start.checked_add(length).filter(|&end| end <= bytes.end);
            match (end, contiguous) {
                (Some(end), true) => start..end,
                // To the end of the storage, whatever strides ask for: the index is checked against that.
                (Some(_), false) => start..bytes.end,
                (None, true) => return Err(outside()),
                (None, false) => {
                    return Err(format!(
                        "its {length} bytes are made of {} (expanded, or overlapping): save a copy of it (.contiguous())",
                        bytes.end - start
                    ));
                }
            }
        }
        (None, _) => return Err(format!("the impossible shape {shape:?}")),
    };
    let strides = (!contiguous).then(|| strides.clone());
    Ok(Entry { dtype: kind.dtype(), shape: shape.clone(), strides, file: 0, place, checksum: None })
}
// ANCHOR_END: entry

/// The bytes of a storage, or of the part of it that is meant.
fn part(storage: &Storage, storages: &Storages) -> Result<Range<usize>, String> {
    let Storage { key, kind, length, part: (from, to) } = *storage;
    let found = storages
        .get(key)
        .ok_or_else(|| format!("its storage {} is not in the file", shown(key)))?;
    let wanted = length.checked_mul(kind.width).filter(|&wanted| wanted == found.len());
    if wanted.is_none() {
        let found = found.len();
        return Err(format!(
            "its storage {} has {found} bytes, expected {length} times {}",
            shown(key),
            kind.width
        ));
    }
    Ok(found.start + from * kind.width..found.start + to * kind.width)
}

/// Whether the numbers lie row by row without gaps. A stride along a single place, or of a tensor without numbers, means nothing.
fn is_contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1_usize;
    let mut steps = shape.iter().zip(strides).rev();
    shape.contains(&0)
        || steps.all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected = expected.saturating_mul(size);
            fits
        })
}
