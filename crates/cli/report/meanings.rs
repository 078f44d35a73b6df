//! What a score says, for somebody who has never met it.

/// A score in words.
pub struct Meaning<'a> {
    /// What it is called.
    pub title: &'a str,
    /// What it says; empty for a name that is not known.
    pub text: &'static str,
}

const MEANINGS: [(&str, &str, &str); 18] = [
    ("accuracy", "accuracy", "How much is right: 1 is all."),
    ("f1", "F1", "How well what is looked for is found: the balance of precision and recall."),
    (
        "macro_f1",
        "macro F1",
        "The F1 of each class, averaged: a rare class counts as much as a common one.",
    ),
    ("micro_f1", "micro F1", "The F1 over all labels taken together: common labels decide."),
    (
        "matthews_correlation",
        "Matthews correlation",
        "1 if all is right, 0 for guesses, however uneven the classes are.",
    ),
    (
        "roc_auc",
        "ROC-AUC",
        "How often an example of the second class is ranked above one of the first: 0.5 for guesses.",
    ),
    ("subset_accuracy", "subset accuracy", "How many examples have exactly the right labels."),
    ("precision", "precision", "How much of what was found is right."),
    ("recall", "recall", "How much of what is there was found."),
    (
        "pearson",
        "Pearson correlation",
        "1 if predictions lie on a rising line over the right numbers.",
    ),
    ("spearmanr", "Spearman correlation", "1 if predictions rise whenever the right numbers do."),
    ("mse", "mean squared error", "The mean of the squared differences: large ones weigh most."),
    ("mae", "mean absolute error", "By how much a prediction is off, on average."),
    ("exact_match", "exact match, %", "How many answers are the right text, word for word."),
    ("exact", "exact match, %", "How many answers are the right text, word for word."),
    ("total", "questions", "How many there are."),
    (
        "best_f1",
        "best F1, %",
        "What the best threshold for \"no answer\" would give, found on these very questions.",
    ),
    (
        "loss",
        "loss",
        "The mean surprise at the right answer, in nats; the squared error of numbers. 0 is best.",
    ),
];

/// The meaning of a score's name.
pub fn meaning(name: &str) -> Meaning<'_> {
    let known = MEANINGS.iter().find(|(known, ..)| *known == name);
    known.map_or(Meaning { title: name, text: "" }, |&(_, title, text)| Meaning { title, text })
}

/// Whether a score lies between −1 and 1, or between 0 and 100 where it is in per cent: such can be
/// drawn together.
pub fn is_bounded(name: &str) -> bool {
    !matches!(name, "loss" | "mse" | "mae" | "total")
        && !name.ends_with("_total")
        && !name.ends_with("_thresh")
}
