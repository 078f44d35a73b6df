//! Which of a repository's files make a model.

use bert_checkpoint::directory::{CONFIGS, WEIGHTS_FILES};
use bert_checkpoint::tokenizer_files::NAMES as TOKENIZER;

// ANCHOR: wanted
/// Of a repository's files, those that are needed: configuration, tokenizer, and the weights in one form, the first that is there, as
/// transformers does. What lists the parts of the weights comes last. `Err` says what is missing.
pub fn wanted<'a>(there: &[&'a str]) -> Result<Vec<&'a str>, &'static str> {
    let find = |name: &str| there.iter().copied().find(|file| *file == name);
    let config = CONFIGS.iter().find_map(|name| find(name)).ok_or("a config.json")?;
    let tokenizer: Vec<_> = TOKENIZER.iter().filter_map(|name| find(name)).collect();
    if !tokenizer.iter().any(|name| ["vocab.txt", "tokenizer.json"].contains(name)) {
        return Err("a tokenizer.json or vocab.txt");
    }
    let weights = WEIGHTS_FILES.iter().find_map(|name| find(name));
    let weights = weights.ok_or("weights in a form that is read")?;
    let parts: Vec<_> = there.iter().copied().filter(|file| is_part(file, weights)).collect();
    if is_index(weights) && !are_all(&parts) {
        return Err("some of the parts of its weights");
    }
    Ok([config].into_iter().chain(tokenizer).chain(parts).chain([weights]).collect())
}
// ANCHOR_END: wanted

fn is_index(weights: &str) -> bool {
    weights.ends_with(".index.json") || weights.ends_with(".index")
}

/// Whether a file is a part of the weights that an index lists: of `pytorch_model.bin.index.json` the files `pytorch_model-….bin`, of
/// `bert_model.ckpt.index` the files `bert_model.ckpt.data-…`.
fn is_part(file: &str, index: &str) -> bool {
    if let Some(whole) = index.strip_suffix(".index.json") {
        let (stem, ending) = whole.rsplit_once('.').unwrap_or((whole, ""));
        let middle = file.strip_prefix(stem).and_then(|rest| rest.strip_suffix(ending));
        return middle.is_some_and(|middle| middle.starts_with('-'));
    }
    let whole = index.strip_suffix(".index");
    let rest = whole.and_then(|whole| file.strip_prefix(whole));
    rest.is_some_and(|rest| rest.starts_with(".data-"))
}

/// Whether there are as many parts as their names say: `…-00001-of-00003…`.
fn are_all(parts: &[&str]) -> bool {
    let count = |part: &str| -> Option<usize> {
        let digits = part.split_once("-of-")?.1;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok()
    };
    !parts.is_empty() && parts.iter().all(|part| count(part).is_none_or(|n| n == parts.len()))
}

/// For whoever fetches them by hand, without a list of what there is: the usual ones.
pub const USUAL: [&str; 4] =
    ["config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_of_the_weights_is_taken_and_all_its_parts() {
        let all = [
            ".gitattributes",
            "README.md",
            "config.json",
            "flax_model.msgpack",
            "model.safetensors",
            "pytorch_model.bin",
            "tf_model.h5",
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.txt",
            "coreml/model.mlpackage",
        ];
        let expected = [
            "config.json",
            "vocab.txt",
            "tokenizer.json",
            "tokenizer_config.json",
            "model.safetensors",
        ];
        assert_eq!(wanted(&all).unwrap(), expected);
        let sharded = [
            "config.json",
            "vocab.txt",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
            "pytorch_model.bin",
        ];
        let parts = [
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
        ];
        assert_eq!(wanted(&sharded).unwrap()[2..], parts);
        let google = [
            "bert_config.json",
            "vocab.txt",
            "bert_model.ckpt.data-00000-of-00001",
            "bert_model.ckpt.index",
            "bert_model.ckpt.meta",
        ];
        assert_eq!(
            wanted(&google).unwrap()[2..],
            ["bert_model.ckpt.data-00000-of-00001", "bert_model.ckpt.index"]
        );
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(wanted(&["vocab.txt", "model.safetensors"]), Err("a config.json"));
        assert_eq!(
            wanted(&["config.json", "model.safetensors"]),
            Err("a tokenizer.json or vocab.txt")
        );
        assert_eq!(
            wanted(&["config.json", "vocab.txt", "tf_model.h5"]),
            Err("weights in a form that is read")
        );
        // Half a download is no model.
        let half = [
            "config.json",
            "vocab.txt",
            "model-00001-of-00002.safetensors",
            "model.safetensors.index.json",
        ];
        assert_eq!(wanted(&half), Err("some of the parts of its weights"));
    }
}
