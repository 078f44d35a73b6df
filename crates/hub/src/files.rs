//! Which of a repository's files make a model.

/// The tokenizer's files; one of the first two is needed.
const TOKENIZER: [&str; 4] =
    ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"];
/// The configuration, by its names.
const CONFIGS: [&str; 2] = ["config.json", "bert_config.json"];
/// The weights in one file, and the list of their parts with what the parts begin and end with. The first form that is there is
/// taken, as transformers does.
const WEIGHTS: [(&str, &str, &str); 5] = [
    ("model.safetensors", "", ""),
    ("model.safetensors.index.json", "model-", ".safetensors"),
    ("pytorch_model.bin", "", ""),
    ("pytorch_model.bin.index.json", "pytorch_model-", ".bin"),
    ("bert_model.ckpt.index", "bert_model.ckpt.data-", ""),
];

// ANCHOR: wanted
/// Of a repository's files, those that are needed: configuration, tokenizer, and the weights in one form. `Err` says what is missing.
pub fn wanted<'a>(there: &[&'a str]) -> Result<Vec<&'a str>, &'static str> {
    let find = |name: &str| there.iter().copied().find(|file| *file == name);
    let config = CONFIGS.iter().find_map(|name| find(name)).ok_or("a config.json")?;
    let tokenizer: Vec<_> = TOKENIZER.iter().filter_map(|name| find(name)).collect();
    if !tokenizer.iter().any(|name| TOKENIZER[..2].contains(name)) {
        return Err("a tokenizer.json or vocab.txt");
    }
    let form = WEIGHTS.iter().find_map(|(name, first, last)| Some((find(name)?, first, last)));
    let (weights, first, last) = form.ok_or("weights in a form that is read")?;
    let is_part = |file: &&&str| {
        !first.is_empty() && file.starts_with(first) && file.ends_with(last) && **file != weights
    };
    let parts = there.iter().filter(is_part).copied();
    Ok([config].into_iter().chain(tokenizer).chain([weights]).chain(parts).collect())
}
// ANCHOR_END: wanted

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
            "tokenizer.json",
            "vocab.txt",
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
            "model.safetensors.index.json",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
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
            ["bert_model.ckpt.index", "bert_model.ckpt.data-00000-of-00001"]
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
    }
}
