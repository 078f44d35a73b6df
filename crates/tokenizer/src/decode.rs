//! Ids back to text.

use std::collections::{HashMap, HashSet};

use crate::Vocab;
use crate::added::AddedToken;
use crate::vocab::CONTINUATION;

/// Applied in this order to each piece with the space before it.
const PIECE_RULES: [(&str, &str); 11] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

fn clean(
    mut text: String,
    rules: impl Iterator<Item = &'static (&'static str, &'static str)>,
) -> String {
    for (from, to) in rules {
        if text.contains(from) {
            text = text.replace(from, to);
        }
    }
    text
}

/// What decoding needs to know about added tokens.
pub(crate) struct Decoder {
    /// Added tokens that are matched in the normalised text come back normalised.
    spelled: HashMap<u32, String>,
    special: HashSet<String>,
    /// Whether each piece is cleaned up by itself, whatever the caller wants (`decoder.cleanup`).
    pub(crate) clean_up_pieces: bool,
}

impl Decoder {
    pub(crate) fn new(
        added: &[AddedToken],
        spelled: HashMap<u32, String>,
        clean_up_pieces: bool,
    ) -> Self {
        let special = added.iter().filter(|token| token.special).map(|token| token.content.clone());
        Decoder { spelled, special: special.collect(), clean_up_pieces }
    }

    // ANCHOR: decode
    pub(crate) fn decode(
        &self,
        vocab: &Vocab,
        ids: &[u32],
        skip_special_tokens: bool,
        clean_up: bool,
    ) -> String {
        let spelled =
            |id: &u32| self.spelled.get(id).map(String::as_str).or_else(|| vocab.token(*id));
        let tokens = ids.iter().filter_map(spelled);
        let tokens = tokens.filter(|&token| !skip_special_tokens || !self.special.contains(token));
        let mut text = String::new();
        for (index, token) in tokens.enumerate() {
            let piece = match token.strip_prefix(CONTINUATION) {
                _ if index == 0 => token.to_owned(),
                Some(rest) => rest.to_owned(),
                None => format!(" {token}"),
            };
            let rules = PIECE_RULES.iter().filter(|_| self.clean_up_pieces);
            text.push_str(&clean(piece, rules));
        }
        let rules = PIECE_RULES.iter().filter(|(from, _)| clean_up && *from != " do not");
        clean(text, rules)
    }
    // ANCHOR_END: decode
}
