//! The spellings of a tensor's name.
//!
//! The same weights are about under three spellings: with and without `bert.` in front, and
//! LayerNorm as `weight`/`bias` or as the older `gamma`/`beta` (bert-base-uncased itself uses the
//! older one). The model knows one spelling, that of transformers' `named_parameters()`.

/// The MLM decoder's matrix: the word embeddings a second time.
pub const DECODER_WEIGHT: &str = "cls.predictions.decoder.weight";
/// The MLM decoder's bias under its second name.
pub const DECODER_BIAS: &str = "cls.predictions.decoder.bias";
/// The MLM decoder's bias.
pub const PREDICTIONS_BIAS: &str = "cls.predictions.bias";
/// The table to which the MLM decoder is tied.
pub const WORD_EMBEDDINGS: &str = "bert.embeddings.word_embeddings.weight";

// ANCHOR: canonical
/// The model's name for a tensor; none for a buffer that holds no weights.
pub fn canonical(name: &str) -> Option<String> {
    if name.ends_with("position_ids") {
        return None; // 0, 1, 2, …: old files carry the positions themselves
    }
    let body = ["embeddings.", "encoder.", "pooler."].iter().any(|part| name.starts_with(part));
    let name = if body { format!("bert.{name}") } else { name.to_owned() };
    let name = match name.strip_suffix("LayerNorm.gamma") {
        Some(parent) => format!("{parent}LayerNorm.weight"),
        None => name,
    };
    Some(match name.strip_suffix("LayerNorm.beta") {
        Some(parent) => format!("{parent}LayerNorm.bias"),
        None => name,
    })
}
// ANCHOR_END: canonical

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn every_spelling_leads_to_one_name() {
        let wanted = "bert.encoder.layer.3.attention.output.LayerNorm.weight";
        for spelling in [
            wanted,
            "encoder.layer.3.attention.output.LayerNorm.weight",
            "bert.encoder.layer.3.attention.output.LayerNorm.gamma",
            "encoder.layer.3.attention.output.LayerNorm.gamma",
        ] {
            assert_eq!(canonical(spelling).as_deref(), Some(wanted));
        }
        let head = "cls.predictions.transform.LayerNorm.beta";
        assert_eq!(canonical(head).unwrap(), "cls.predictions.transform.LayerNorm.bias");
        assert_eq!(canonical("classifier.bias").unwrap(), "classifier.bias");
        assert_eq!(canonical("pooler.dense.bias").unwrap(), "bert.pooler.dense.bias");
    }

    #[test]
    fn positions_are_no_weights() {
        assert_eq!(canonical("bert.embeddings.position_ids"), None);
        assert_eq!(canonical("embeddings.position_ids"), None);
    }
}
