//! The old form, which `torch.save` wrote before 1.6 and still writes when it is asked to.
//!
//! ```text
//! pickle   the number 0x1950a86a20f9469cfc6c, by which the form is known
//! pickle   the number 1001, the form's version
//! pickle   what machine wrote it (the numbers are little-endian on any)
//! pickle   the state dict
//! pickle   a list of storage keys
//! then for each key:
//!   8 bytes  how many numbers
//!   …        the numbers
//! ```
//!
//! The keys were addresses in the writer's memory. Source: `_legacy_save` in `torch/serialization.py`.

use super::archive::shown;
use super::opcodes::{FRAME, LONG1, PROTO, STOP};
use super::pickle::{self, Pickle};
use super::state_dict::{Found, Storages, tensors};
use super::values::{Budget, Object, Value};
use std::collections::BTreeMap;

/// 0x1950a86a20f9469cfc6c, lowest byte first.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
const VERSION: i64 = 1001;

/// Whether the first pickle is the magic number.
pub(super) fn recognises(bytes: &[u8]) -> bool {
    let Some([PROTO, 2..=5, rest @ ..]) = bytes.get(..) else { return false };
    // Protocols 4 and 5 put the length first.
    let rest = match rest {
        [FRAME, _, _, _, _, _, _, _, _, rest @ ..] => rest,
        rest => rest,
    };
    let number = rest.strip_prefix(&[LONG1, 10]).and_then(|rest| rest.strip_prefix(&MAGIC));
    number.is_some_and(|rest| rest.starts_with(&[STOP]))
}

/// The tensors of a file of the old form.
// ANCHOR: pickles
pub(super) fn read(bytes: &[u8], budget: &mut Budget) -> Result<Found, String> {
    let magic = pickle::read(bytes, 0, budget)?;
    let version = pickle::read(bytes, magic.end, budget)?;
    if !matches!(version.root, Value::Int(VERSION)) {
        return Err(format!("the version of the form is {:?}, expected {VERSION}", version.root));
    }
    let machine = pickle::read(bytes, version.end, budget)?;
    let state_dict = pickle::read(bytes, machine.end, budget)?;
    let keys = pickle::read(bytes, state_dict.end, budget)?;
    let storages = storages(bytes, &state_dict, &keys)?;
    tensors(&state_dict, &storages, budget)
}
// ANCHOR_END: pickles

/// Where the storages are. How wide their numbers are stands only in the state dict.
fn storages<'a>(
    bytes: &[u8],
    state_dict: &Pickle<'a>,
    keys: &Pickle<'a>,
) -> Result<Storages<'a>, String> {
    let mut widths = BTreeMap::new();
    for object in &state_dict.objects {
        let Object::Storage(storage) = object else { continue };
        let width = storage.kind.width;
        if *widths.entry(storage.key).or_insert(width) != width {
            return Err(format!("storage {} has numbers of two widths", shown(storage.key)));
        }
    }
    let Some(Object::List(list)) = keys.root.object(&keys.objects) else {
        return Err("the list of storages is missing".to_owned());
    };
    let (mut places, mut at) = (Storages::new(), keys.end);
    for key in list {
        let Value::Text(key) = *key else {
            return Err("the key of a storage is no string".to_owned());
        };
        let width = widths
            .get(key)
            .ok_or_else(|| format!("storage {} belongs to no tensor", shown(key)))?;
        let cut = || format!("storage {} is cut off (the download may have been, too)", shown(key));
        let (length, rest) = bytes.get(at..).and_then(<[_]>::split_first_chunk).ok_or_else(cut)?;
        let length = usize::try_from(i64::from_le_bytes(*length))
            .ok()
            .and_then(|length| length.checked_mul(*width));
        let length = length.filter(|&length| length <= rest.len()).ok_or_else(cut)?;
        let start = at + 8;
        at = start + length;
        if places.insert(key, start..at).is_some() {
            return Err(format!("there are two storages {}", shown(key)));
        }
    }
    match bytes.len() - at {
        0 => Ok(places),
        more => Err(format!("{more} bytes follow the last storage")),
    }
}
