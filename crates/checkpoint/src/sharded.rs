//! Several files of tensors as one: an index in JSON says which file holds which tensor.
//!
//! ```text
//! {"metadata": {"total_size": 1340}, "weight_map": {"embeddings.LayerNorm.bias": "model-00001-of-00002.safetensors", …}}
//! ```
//!
//! transformers writes it beside the files (`model.safetensors.index.json`, `pytorch_model.bin.index.json`) where the weights
//! are too large for one. Each name must be that of a file in the same folder: an index is no way to another place.
//! Source: `save_pretrained` in transformers' `modeling_utils.py`.

use crate::error::{listed, tensors};
use crate::tensor_file::Index;
use crate::{Error, TensorFile};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path};

/// What the format is called.
pub(crate) const FORMAT: &str = "sharded";

#[derive(Deserialize)]
struct Shards {
    weight_map: BTreeMap<String, String>,
}

/// Opens the files that an index names. Tensors of theirs that it does not name are passed over and listed, as in transformers.
// ANCHOR: shards
pub(crate) fn index(path: &Path) -> Result<Index, Error> {
    let corrupt = |problem| Error::Corrupt { path: path.to_owned(), format: FORMAT, problem };
    let json = fs::read(path).map_err(Error::io(path))?;
    let Shards { weight_map } =
        serde_json::from_slice(&json).map_err(|error| corrupt(error.to_string()))?;
    let shards: BTreeSet<&String> = weight_map.values().collect();
    let (mut files, mut entries, mut notes, mut unnamed) =
        (Vec::new(), BTreeMap::new(), Vec::new(), Vec::new());
    for shard in shards {
        check_name(shard).map_err(corrupt)?;
        let first = files.len();
        let file = path.with_file_name(shard);
        if !file.is_file() {
            return Err(corrupt(format!("the file {shard} is missing")));
        }
        let mut part = TensorFile::open(&file)?.into_index();
        files.append(&mut part.files);
        notes.append(&mut part.notes);
        for (name, mut entry) in part.entries {
            if weight_map.get(&name) != Some(shard) {
                unnamed.push(name);
                continue;
            }
            entry.file += first;
            entries.insert(name, entry);
        }
    }
    if let Some((name, shard)) = weight_map.iter().find(|(name, _)| !entries.contains_key(*name)) {
        return Err(corrupt(format!("tensor {name} should be in {shard}, which lacks it")));
    }
    if !unnamed.is_empty() {
        let (count, names) = (tensors(unnamed.len()), listed(&unnamed));
        notes.push(format!("passed over: {count} that the index does not name: {names}"));
    }
    Ok(Index { files, entries, notes })
}
// ANCHOR_END: shards

/// A plain file name, and not that of another index.
fn check_name(shard: &str) -> Result<(), String> {
    let mut parts = Path::new(shard).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(name)), None) if name == shard);
    if !plain || shard.contains(['/', '\\', ':', '\0']) {
        return Err(format!(
            "{shard:?} is no plain file name; an index names files of its own folder"
        ));
    }
    if shard.ends_with(".json") {
        return Err(format!("{shard:?} is itself an index"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::safetensors::tensor::{Dtype, TensorView};

    fn shard(folder: &Path, name: &str, tensors: &[(&str, f32)]) {
        let bytes: Vec<_> =
            tensors.iter().map(|(name, value)| (*name, value.to_le_bytes())).collect();
        let views = bytes
            .iter()
            .map(|(name, bytes)| (*name, TensorView::new(Dtype::F32, vec![1], bytes).unwrap()));
        fs::write(folder.join(name), ::safetensors::serialize(views, None).unwrap()).unwrap();
    }

    fn open(folder: &Path, weight_map: &str) -> Result<TensorFile, Error> {
        let path = folder.join("model.safetensors.index.json");
        fs::write(
            &path,
            format!(r#"{{"metadata": {{"total_size": 8}}, "weight_map": {{{weight_map}}}}}"#),
        )
        .unwrap();
        TensorFile::open(&path)
    }

    #[test]
    fn each_tensor_is_read_from_the_file_that_the_index_names() {
        let folder = tempfile::tempdir().unwrap();
        shard(folder.path(), "a.safetensors", &[("x", 1.0), ("y", 2.0)]);
        shard(folder.path(), "b.safetensors", &[("x", 3.0), ("z", 4.0), ("w", 5.0)]);
        let file = open(
            folder.path(),
            r#""z": "b.safetensors", "y": "a.safetensors", "x": "b.safetensors""#,
        )
        .unwrap();
        assert_eq!(file.names().collect::<Vec<_>>(), ["x", "y", "z"]);
        for (name, value) in [("x", 3.0), ("y", 2.0), ("z", 4.0)] {
            assert_eq!(file.reals(name).unwrap(), (vec![1], vec![value]));
        }
        assert_eq!(file.notes(), ["passed over: 2 tensors that the index does not name: x, w"]);
    }

    #[test]
    fn an_index_that_promises_too_much_or_leaves_its_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        shard(folder.path(), "a.safetensors", &[("x", 1.0)]);
        fs::create_dir(folder.path().join("sub")).unwrap();
        shard(folder.path(), "sub/a.safetensors", &[("x", 1.0)]);
        let absolute = format!(r#""x": "{}""#, folder.path().join("a.safetensors").display());
        for (weight_map, expected) in [
            (r#""x": "b.safetensors""#, "the file b.safetensors is missing"),
            (
                r#""x": "a.safetensors", "y": "a.safetensors""#,
                "tensor y should be in a.safetensors, which lacks it",
            ),
            (r#""x": "sub/a.safetensors""#, r#""sub/a.safetensors" is no plain file name"#),
            (r#""x": "./a.safetensors""#, r#""./a.safetensors" is no plain file name"#),
            (r#""x": "sub/../a.safetensors""#, "is no plain file name"),
            (r#""x": "sub\\a.safetensors""#, "is no plain file name"),
            (r#""x": "c:a.safetensors""#, "is no plain file name"),
            (r#""x": "a.safetensors\u0000""#, "is no plain file name"),
            (r#""x": """#, r#""" is no plain file name"#),
            (r#""x": "..""#, r#"".." is no plain file name"#),
            (r#""x": ".""#, r#""." is no plain file name"#),
            (&absolute, "is no plain file name"),
            (
                r#""x": "model.safetensors.index.json""#,
                r#""model.safetensors.index.json" is itself an index"#,
            ),
            (r#""x": "sub""#, "the file sub is missing"),
            (r#""x": 7"#, "invalid type: integer `7`, expected a string"),
            (r#""x": "a.safetensors""#, ""),
        ] {
            let message = open(folder.path(), weight_map)
                .err()
                .map_or(String::new(), |error| error.to_string());
            assert!(
                message.contains(expected) && message.is_empty() == expected.is_empty(),
                "{weight_map}: {message}"
            );
        }
    }

    #[test]
    fn a_damaged_shard_is_named_itself() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.safetensors"), [0; 9]).unwrap();
        let message = open(folder.path(), r#""x": "a.safetensors""#).err().unwrap().to_string();
        assert!(message.contains("a.safetensors: not a whole safetensors file"), "{message}");
    }

    #[test]
    fn what_is_no_index_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for json in ["", "[]", "{}", r#"{"weight_map": []}"#, &"[".repeat(100_000)] {
            let path = folder.path().join("x.json");
            fs::write(&path, json).unwrap();
            let message = TensorFile::open(&path).err().unwrap().to_string();
            assert!(message.contains("x.json: not a whole sharded file"), "{message}");
        }
    }
}
