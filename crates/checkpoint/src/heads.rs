//! Which head a file holds.
//!
//! It follows from the tensors. Only `classifier.*` is shared by three heads: there `architectures`
//! in the configuration decides, or the caller.

use bert_model::{Config, HeadKind};
use std::collections::BTreeSet;

/// What the names in a file say about its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This one.
    Head(HeadKind),
    /// Several would fit, and nothing says which.
    Ambiguous(Vec<HeadKind>),
}

// ANCHOR: decide
/// The head of a file with these (canonical) tensor names.
pub fn decide(names: &BTreeSet<&str>, config: &Config) -> Verdict {
    let fitting = fitting(names);
    match fitting.as_slice() {
        [] => Verdict::Head(HeadKind::None),
        // Whatever `architectures` says: bert-base-uncased names masked LM and holds both heads.
        &[one] => Verdict::Head(one),
        _ => match config.named_heads().into_iter().find(|named| fitting.contains(named)) {
            Some(named) => Verdict::Head(named),
            None => Verdict::Ambiguous(fitting),
        },
    }
}
// ANCHOR_END: decide

/// The heads whose tensors are there.
pub fn fitting(names: &BTreeSet<&str>) -> Vec<HeadKind> {
    let has = |prefix: &str| names.iter().any(|name| name.starts_with(prefix));
    let mut heads = Vec::new();
    match (has("cls.predictions."), has("cls.seq_relationship.")) {
        (true, true) => heads.push(HeadKind::PreTraining),
        (true, false) => heads.push(HeadKind::MaskedLm),
        (false, true) => heads.push(HeadKind::NextSentence),
        (false, false) => {}
    }
    if has("classifier.") {
        heads.push(HeadKind::SequenceClassification);
        heads.push(HeadKind::TokenClassification);
        heads.push(HeadKind::MultipleChoice);
    }
    if has("qa_outputs.") {
        heads.push(HeadKind::QuestionAnswering);
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(names: &[&str], architecture: Option<&str>) -> Verdict {
        let architectures = architecture.map(|name| vec![name.to_owned()]);
        let config = Config { architectures, ..Config::default() };
        decide(&names.iter().copied().collect(), &config)
    }

    #[test]
    fn the_tensors_decide() {
        let predictions = "cls.predictions.bias";
        let relationship = "cls.seq_relationship.bias";
        for (names, head) in [
            (vec![], HeadKind::None),
            (vec![predictions], HeadKind::MaskedLm),
            (vec![relationship], HeadKind::NextSentence),
            (vec![predictions, relationship], HeadKind::PreTraining),
            (vec!["qa_outputs.bias"], HeadKind::QuestionAnswering),
        ] {
            assert_eq!(verdict(&names, None), Verdict::Head(head));
        }
    }

    #[test]
    fn what_the_file_holds_counts_and_not_what_architectures_says() {
        let both = ["cls.predictions.bias", "cls.seq_relationship.bias"];
        let named = Some("BertForMaskedLM");
        assert_eq!(verdict(&both, named), Verdict::Head(HeadKind::PreTraining));
        assert_eq!(verdict(&[], named), Verdict::Head(HeadKind::None));
        // A name that does not fit the shared tensors settles nothing.
        assert!(matches!(verdict(&["classifier.bias"], named), Verdict::Ambiguous(_)));
    }

    #[test]
    fn a_classifier_needs_to_be_named() {
        assert!(matches!(verdict(&["classifier.bias"], None), Verdict::Ambiguous(_)));
        assert_eq!(
            verdict(&["classifier.bias"], Some("BertForTokenClassification")),
            Verdict::Head(HeadKind::TokenClassification)
        );
        // A name that is not BERT's says nothing.
        assert!(matches!(verdict(&["classifier.bias"], Some("Other")), Verdict::Ambiguous(_)));
    }
}
