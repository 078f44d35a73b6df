//! The heads' names: ours on the command line, transformers' in `architectures`.

use std::fmt;
use std::str::FromStr;

/// Which head a model has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeadKind {
    /// Hidden states only.
    None,
    /// `cls.predictions.*`.
    MaskedLm,
    /// `cls.seq_relationship.*`.
    NextSentence,
    /// Both of the above.
    PreTraining,
    /// `classifier.*` on the pooled output.
    SequenceClassification,
    /// `classifier.*` on each token.
    TokenClassification,
    /// `qa_outputs.*`.
    QuestionAnswering,
    /// `classifier.*` with one output, on the pooled output.
    MultipleChoice,
}

// (kind, our name, transformers' class)
const NAMES: [(HeadKind, &str, &str); 8] = [
    (HeadKind::None, "none", "BertModel"),
    (HeadKind::MaskedLm, "masked_lm", "BertForMaskedLM"),
    (HeadKind::NextSentence, "next_sentence", "BertForNextSentencePrediction"),
    (HeadKind::PreTraining, "pre_training", "BertForPreTraining"),
    (HeadKind::SequenceClassification, "sequence_classification", "BertForSequenceClassification"),
    (HeadKind::TokenClassification, "token_classification", "BertForTokenClassification"),
    (HeadKind::QuestionAnswering, "question_answering", "BertForQuestionAnswering"),
    (HeadKind::MultipleChoice, "multiple_choice", "BertForMultipleChoice"),
];

impl HeadKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::MaskedLm,
        Self::NextSentence,
        Self::PreTraining,
        Self::SequenceClassification,
        Self::TokenClassification,
        Self::QuestionAnswering,
        Self::MultipleChoice,
    ];

    /// Our name, as on the command line: `masked_lm`.
    pub fn name(self) -> &'static str {
        self.names().0
    }

    /// transformers' class, as in `architectures`: `BertForMaskedLM`.
    pub fn architecture(self) -> &'static str {
        self.names().1
    }

    /// The head of one of transformers' classes.
    pub fn from_architecture(class: &str) -> Option<Self> {
        NAMES.iter().find(|(_, _, known)| *known == class).map(|&(kind, ..)| kind)
    }

    /// Whether the tensor belongs to this head alone (the pooler and the body do not count).
    pub fn owns(self, tensor: &str) -> bool {
        let prefixes: &[&str] = match self {
            Self::None => &[],
            Self::MaskedLm => &["cls.predictions."],
            Self::NextSentence => &["cls.seq_relationship."],
            Self::PreTraining => &["cls.predictions.", "cls.seq_relationship."],
            Self::SequenceClassification | Self::TokenClassification | Self::MultipleChoice => {
                &["classifier."]
            }
            Self::QuestionAnswering => &["qa_outputs."],
        };
        prefixes.iter().any(|prefix| tensor.starts_with(prefix))
    }

    fn names(self) -> (&'static str, &'static str) {
        let (_, name, class) = NAMES[self as usize];
        (name, class)
    }
}

impl fmt::Display for HeadKind {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// There is no head of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no head {0:?}; the heads are {known}", known = NAMES.map(|(_, name, _)| name).join(", "))]
pub struct UnknownHead(String);

impl FromStr for HeadKind {
    type Err = UnknownHead;

    fn from_str(text: &str) -> Result<Self, UnknownHead> {
        let found = NAMES.iter().find(|(_, name, _)| *name == text);
        found.map(|&(kind, ..)| kind).ok_or_else(|| UnknownHead(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_both_its_names() {
        for kind in HeadKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(HeadKind::from_architecture(kind.architecture()), Some(kind));
        }
        assert_eq!(HeadKind::from_architecture("RobertaForMaskedLM"), None);
        let error = "mlm".parse::<HeadKind>().unwrap_err().to_string();
        assert!(error.contains("\"mlm\"") && error.contains("masked_lm"), "{error}");
    }
}
