//! The heads: what is put on top of the encoder for a task.
//!
//! - [`masked_lm`]: which word belongs at each place
//! - [`next_sentence`]: whether the second text follows the first
//! - [`pre_training`]: both, as BERT was pre-trained
//! - [`sequence_classification`]: one label, several, or a number for each sequence
//! - [`token_classification`]: one label for each token
//! - [`question_answering`]: where an answer begins and ends
//! - [`multiple_choice`]: which of several texts fits best
//!
//! - [`labels`]: what is right, for each head; [`padded_labels`]: from transformers' arrays
//! - [`loss`]: from hidden states and labels to the loss, and back
//! - [`classifier`]: dropout and a linear layer, which three heads share
//!
//! The pooler belongs to the heads that use it.

pub mod classifier;
mod kind;
pub mod labels;
pub mod loss;
pub mod masked_lm;
pub mod multiple_choice;
pub mod next_sentence;
pub mod padded_labels;
pub mod pre_training;
pub mod question_answering;
pub mod sequence_classification;
pub mod token_classification;

pub use kind::HeadKind;
pub use labels::Labels;
pub use loss::{HeadCache, Part};
pub use masked_lm::MaskedLm;
pub use multiple_choice::MultipleChoice;
pub use next_sentence::NextSentence;
pub use padded_labels::PaddedLabels;
pub use pre_training::PreTraining;
pub use question_answering::QuestionAnswering;
pub use sequence_classification::SequenceClassification;
pub use token_classification::TokenClassification;

use crate::{Batch, Config, Context, Outputs, Pooler};
use bert_nn::tensors::Begin;
use bert_nn::{Embedding, Real, TensorMut, TensorRef, Tensors};
use ndarray::Array2;

/// What stands on top of the encoder.
// A model has one head: boxing the larger ones would save nothing and hide them.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq)]
pub enum Head {
    /// Nothing but, perhaps, a pooler: a model that gives hidden states.
    None(Bare),
    /// Which word belongs at each place.
    MaskedLm(MaskedLm),
    /// Whether the second text follows the first.
    NextSentence(NextSentence),
    /// Both of the above.
    PreTraining(PreTraining),
    /// One label, several, or a number for each sequence.
    SequenceClassification(SequenceClassification),
    /// One label for each token.
    TokenClassification(TokenClassification),
    /// Where an answer begins and ends.
    QuestionAnswering(QuestionAnswering),
    /// Which of several texts fits best.
    MultipleChoice(MultipleChoice),
}

/// No head; some models come with a pooler all the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Bare {
    /// Present where the file has one.
    pub pooler: Option<Pooler>,
}

bert_nn::tensors!(Bare { pooler => "bert.pooler" });

impl Head {
    /// All zeros, in the configuration's sizes. `pooler` matters only for a model without a head:
    /// the other heads have one or not by their nature.
    pub fn zeros(kind: HeadKind, config: &Config, pooler: bool) -> Self {
        match kind {
            HeadKind::None => {
                Self::None(Bare { pooler: pooler.then(|| Pooler::zeros(config.hidden_size)) })
            }
            HeadKind::MaskedLm => Self::MaskedLm(MaskedLm::zeros(config)),
            HeadKind::NextSentence => Self::NextSentence(NextSentence::zeros(config)),
            HeadKind::PreTraining => Self::PreTraining(PreTraining::zeros(config)),
            HeadKind::SequenceClassification => {
                Self::SequenceClassification(SequenceClassification::zeros(config))
            }
            HeadKind::TokenClassification => {
                Self::TokenClassification(TokenClassification::zeros(config))
            }
            HeadKind::QuestionAnswering => {
                Self::QuestionAnswering(QuestionAnswering::zeros(config))
            }
            HeadKind::MultipleChoice => Self::MultipleChoice(MultipleChoice::zeros(config)),
        }
    }

    // ANCHOR: apply_head
    /// What the head makes of the last hidden states [T, H]. `words` is the word embeddings' table,
    /// which a masked-LM head shares.
    pub fn apply(
        &self,
        hidden: Array2<Real>,
        words: &Embedding,
        batch: &Batch,
        context: &Context,
    ) -> Outputs {
        let pooled = self.pooler().map(|p| p.forward(hidden.view(), batch.first_rows()));
        let mut outputs = Outputs {
            last_hidden_state: hidden,
            pooler_output: pooled, // [B, H]
            mlm_logits: None,
            nsp_logits: None,
            logits: None,
            start_logits: None,
            end_logits: None,
        };
        let hidden = &outputs.last_hidden_state;
        let pooled = || outputs.pooler_output.clone().expect("this head has a pooler");
        match self {
            Head::None(_) => {}
            Head::MaskedLm(head) => {
                outputs.mlm_logits = Some(head.forward(hidden.view(), words, context).0);
            }
            Head::NextSentence(head) => outputs.nsp_logits = Some(head.forward(pooled().view())),
            Head::PreTraining(head) => {
                outputs.nsp_logits = Some(head.seq_relationship.forward(pooled().view()));
                let logits = head.masked_lm.forward(hidden.view(), words, context).0;
                outputs.mlm_logits = Some(logits);
            }
            Head::SequenceClassification(head) => {
                outputs.logits = Some(head.forward(pooled(), context).0);
            }
            Head::TokenClassification(head) => {
                outputs.logits = Some(head.forward(hidden.clone(), context).0);
            }
            Head::QuestionAnswering(head) => {
                let (start, end) = head.forward(hidden.view());
                (outputs.start_logits, outputs.end_logits) = (Some(start), Some(end));
            }
            Head::MultipleChoice(head) => {
                outputs.logits = Some(head.forward(pooled(), context).0);
            }
        }
        outputs
    }
    // ANCHOR_END: apply_head

    /// Which head this is.
    pub fn kind(&self) -> HeadKind {
        match self {
            Self::None(_) => HeadKind::None,
            Self::MaskedLm(_) => HeadKind::MaskedLm,
            Self::NextSentence(_) => HeadKind::NextSentence,
            Self::PreTraining(_) => HeadKind::PreTraining,
            Self::SequenceClassification(_) => HeadKind::SequenceClassification,
            Self::TokenClassification(_) => HeadKind::TokenClassification,
            Self::QuestionAnswering(_) => HeadKind::QuestionAnswering,
            Self::MultipleChoice(_) => HeadKind::MultipleChoice,
        }
    }

    /// Whether it reads nothing but the pooler's output.
    pub fn reads_first(&self) -> bool {
        matches!(
            self,
            Self::NextSentence(_) | Self::SequenceClassification(_) | Self::MultipleChoice(_)
        )
    }

    /// The masked-LM part, where there is one: by itself, or as half of the pre-training head.
    pub fn masked_lm(&self) -> Option<&MaskedLm> {
        match self {
            Self::MaskedLm(head) => Some(head),
            Self::PreTraining(head) => Some(&head.masked_lm),
            _ => None,
        }
    }

    /// The pooler's gradients, of a head that has one.
    fn pooler_mut(&mut self) -> Option<&mut Pooler> {
        match self {
            Self::None(head) => head.pooler.as_mut(),
            Self::NextSentence(head) => Some(&mut head.pooler),
            Self::PreTraining(head) => Some(&mut head.pooler),
            Self::SequenceClassification(head) => Some(&mut head.pooler),
            Self::MultipleChoice(head) => Some(&mut head.pooler),
            Self::MaskedLm(_) | Self::TokenClassification(_) | Self::QuestionAnswering(_) => None,
        }
    }

    /// The pooler, where there is one.
    pub fn pooler(&self) -> Option<&Pooler> {
        match self {
            Self::None(head) => head.pooler.as_ref(),
            Self::NextSentence(head) => Some(&head.pooler),
            Self::PreTraining(head) => Some(&head.pooler),
            Self::SequenceClassification(head) => Some(&head.pooler),
            Self::MultipleChoice(head) => Some(&head.pooler),
            Self::MaskedLm(_) | Self::TokenClassification(_) | Self::QuestionAnswering(_) => None,
        }
    }
}

/// Does the same to whichever head it is.
macro_rules! each_head {
    ($head:expr, $inner:ident => $action:expr) => {
        match $head {
            Head::None($inner) => $action,
            Head::MaskedLm($inner) => $action,
            Head::NextSentence($inner) => $action,
            Head::PreTraining($inner) => $action,
            Head::SequenceClassification($inner) => $action,
            Head::TokenClassification($inner) => $action,
            Head::QuestionAnswering($inner) => $action,
            Head::MultipleChoice($inner) => $action,
        }
    };
}

impl Tensors for Head {
    fn collect<'a>(&'a self, name: &str, list: &mut Vec<TensorRef<'a>>) {
        each_head!(self, head => head.collect(name, list));
    }

    fn collect_mut<'a>(&'a mut self, name: &str, list: &mut Vec<TensorMut<'a>>) {
        each_head!(self, head => head.collect_mut(name, list));
    }

    fn new_like(&self, arrays: Begin) -> Self {
        match self {
            Self::None(head) => Self::None(head.new_like(arrays)),
            Self::MaskedLm(head) => Self::MaskedLm(head.new_like(arrays)),
            Self::NextSentence(head) => Self::NextSentence(head.new_like(arrays)),
            Self::PreTraining(head) => Self::PreTraining(head.new_like(arrays)),
            Self::SequenceClassification(head) => {
                Self::SequenceClassification(head.new_like(arrays))
            }
            Self::TokenClassification(head) => Self::TokenClassification(head.new_like(arrays)),
            Self::QuestionAnswering(head) => Self::QuestionAnswering(head.new_like(arrays)),
            Self::MultipleChoice(head) => Self::MultipleChoice(head.new_like(arrays)),
        }
    }
}
