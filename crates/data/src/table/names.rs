//! What columns are usually called. Capitals do not count.

/// Names of the column that holds the text, or the first of two.
pub const TEXT: [&str; 18] = [
    "text",
    "sentence",
    "sentence1",
    "text1",
    "text_a",
    "review",
    "title",
    "question",
    "question1",
    "premise",
    "content",
    "body",
    "comment",
    "tweet",
    "headline",
    "message",
    "utterance",
    "document",
];

/// Names of two columns that belong together: the first text, and the second.
pub const PAIRS: [(&str, &str); 10] = [
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("text", "text2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("text", "text_pair"),
    ("text", "pair"),
    ("sentence", "sentence2"),
    ("sentence", "pair"),
];

/// Names of the column that holds the label, or the number to be predicted.
pub const LABEL: [&str; 11] = [
    "label",
    "labels",
    "class",
    "category",
    "target",
    "score",
    "sentiment",
    "gold_label",
    "rating",
    "stars",
    "intent",
];

/// Names of the column that tells rows apart.
pub const ID: [&str; 4] = ["id", "idx", "index", "guid"];

/// Whether a name is any of these.
pub fn is_known(name: &str) -> bool {
    is_one_of(name, &TEXT)
        || is_one_of(name, &LABEL)
        || is_one_of(name, &ID)
        || PAIRS.iter().any(|(_, second)| name.eq_ignore_ascii_case(second))
}

/// Whether a name is in a list, capitals or not.
pub fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|known| name.eq_ignore_ascii_case(known))
}
