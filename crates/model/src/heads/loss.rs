//! From hidden states and labels to the loss, and back.
//!
//! A head's loss has one part or two, each a mean of its own: masked words and next sentences;
//! beginnings and ends. The parts stay sums until all batches of a step are known:
//!
//! ```text
//! loss = Σ over the parts of share · sum / count
//! ```
//!
//! **Kept for the backward pass:** the pooled output, H numbers for each sequence, and what each
//! head keeps: see its file.

use super::{Head, Labels, MaskedLm, masked_lm::MaskedLmCache};
use crate::{Batch, Context, Error};
use bert_nn::choice::ChoiceCache;
use bert_nn::cross_entropy::{CrossEntropyCache, Weighting};
use bert_nn::embedding::EmbeddingGrads;
use bert_nn::view::add_rows;
use bert_nn::{
    Accuracy, Embedding, Loss, Real, binary_cross_entropy, choice, cross_entropy,
    mean_squared_error,
};
use ndarray::{Array2, ArrayView2, Axis};
use std::ops::AddAssign;

// ANCHOR: part
/// A part of a loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// The name of its labels, as in transformers.
    pub name: &'static str,
    /// What its mean counts in the whole: 1, or 1/2 for the beginnings and ends of answers.
    pub share: f64,
    /// Sum and count.
    pub loss: Loss,
    /// How many labels were the likeliest class; none where labels are no classes of a row (several
    /// labels, numbers, places in a text).
    pub accuracy: Option<Accuracy>,
}

impl AddAssign for Part {
    /// The same part of another batch.
    fn add_assign(&mut self, other: Self) {
        self.loss += other.loss;
        if let (Some(accuracy), Some(other)) = (&mut self.accuracy, other.accuracy) {
            *accuracy += other;
        }
    }
}

/// The gradient of the whole loss with respect to each part's sum: share / count. `parts` are those
/// of the whole step.
///
/// # Errors
/// Where a part has no label at all: its mean is not defined.
pub fn loss_gradients(parts: &[Part]) -> Result<Vec<Real>, Error> {
    let factor = |part: &Part| {
        let factor = part.share / part.loss.count;
        if part.loss.count > 0.0 {
            Ok(factor as Real)
        } else {
            Err(Error::NoLabel { name: part.name })
        }
    };
    parts.iter().map(factor).collect()
}

/// The whole loss: Σ share · mean.
pub fn total(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.share * part.loss.mean()).sum()
}
// ANCHOR_END: part

/// What one forward pass of a head leaves behind.
#[derive(Debug, Clone)]
pub struct HeadCache {
    /// [B, H].
    pooled: Option<Array2<Real>>,
    kept: Kept,
}

#[derive(Debug, Clone)]
enum Kept {
    MaskedLm(MaskedWords),
    NextSentence(CrossEntropyCache),
    PreTraining(MaskedWords, CrossEntropyCache),
    /// One class, and what dropout left of the input.
    Class(Array2<Real>, CrossEntropyCache),
    /// What dropout left of the input, and the logits: several classes, or numbers.
    Logits(Array2<Real>, Array2<Real>),
    Spans(ChoiceCache, ChoiceCache),
    Choices(Array2<Real>, ChoiceCache),
}

/// The masked places of a batch.
#[derive(Debug, Clone)]
struct MaskedWords {
    rows: Vec<usize>,
    labels: Vec<Option<u32>>,
    /// [M, H].
    hidden: Array2<Real>,
    cache: MaskedLmCache,
    loss: CrossEntropyCache,
}

const WRONG_LABELS: &str = "labels and gradients are checked to be of the same head";

impl Head {
    // ANCHOR: loss
    /// `hidden` [T, H] and the labels → the parts of the loss. The labels must have passed
    /// [`Labels::check`].
    pub fn loss(
        &self,
        hidden: ArrayView2<Real>,
        words: &Embedding,
        batch: &Batch,
        labels: &Labels,
        context: &Context,
    ) -> (Vec<Part>, HeadCache) {
        let weighting = context.weighting_of(self.kind());
        let output = self.pooler().map(|p| p.forward(hidden, batch.first_rows())); // [B, H]
        let pooled = || output.clone().expect("this head has a pooler"); // [B, H]
        let (losses, kept) = match (self, labels) {
            (Head::MaskedLm(head), Labels::Tokens(labels)) => {
                let (loss, masked) = masked_words(head, hidden, words, labels, context);
                (vec![(loss, Some(masked.loss.accuracy))], Kept::MaskedLm(masked))
            }
            (Head::NextSentence(head), Labels::Sequences(labels)) => {
                let logits = head.forward(pooled().view()); // [B, 2]
                let (loss, cache) = cross_entropy::forward(logits, labels, Weighting::default());
                (vec![(loss, Some(cache.accuracy))], Kept::NextSentence(cache))
            }
            (Head::PreTraining(head), Labels::PreTraining { tokens, sequences }) => {
                let (masked_loss, masked) =
                    masked_words(&head.masked_lm, hidden, words, tokens, context);
                let logits = head.seq_relationship.forward(pooled().view()); // [B, 2]
                let (next_loss, next) =
                    cross_entropy::forward(logits, sequences, Weighting::default());
                let of_words = (masked_loss, Some(masked.loss.accuracy));
                (vec![of_words, (next_loss, Some(next.accuracy))], Kept::PreTraining(masked, next))
            }
            (Head::SequenceClassification(head), Labels::Sequences(labels)) => {
                let (logits, dropped) = head.forward(pooled(), context); // [B, C]
                let (loss, cache) = cross_entropy::forward(logits, labels, weighting);
                (vec![(loss, Some(cache.accuracy))], Kept::Class(dropped, cache))
            }
            (Head::SequenceClassification(head), Labels::MultiLabel(targets)) => {
                let (logits, dropped) = head.forward(pooled(), context); // [B, C]
                let loss = binary_cross_entropy::forward(logits.view(), targets.view());
                (vec![(loss, None)], Kept::Logits(dropped, logits))
            }
            (Head::SequenceClassification(head), Labels::Numbers(targets)) => {
                let (logits, dropped) = head.forward(pooled(), context); // [B, C]
                let loss = mean_squared_error::forward(logits.view(), targets.view());
                (vec![(loss, None)], Kept::Logits(dropped, logits))
            }
            (Head::TokenClassification(head), Labels::Tokens(labels)) => {
                let (logits, dropped) = head.forward(hidden.to_owned(), context); // [T, C]
                let (loss, cache) = cross_entropy::forward(logits, labels, weighting);
                (vec![(loss, Some(cache.accuracy))], Kept::Class(dropped, cache))
            }
            (Head::QuestionAnswering(head), Labels::Spans { start, end }) => {
                let (start_logits, end_logits) = head.forward(hidden); // [T] each
                // Each sequence is a choice among its own tokens.
                let (start_loss, start) = choice::forward(start_logits, &batch.bounds, start);
                let (end_loss, end) = choice::forward(end_logits, &batch.bounds, end);
                (vec![(start_loss, None), (end_loss, None)], Kept::Spans(start, end))
            }
            (Head::MultipleChoice(head), Labels::Choices { bounds, right }) => {
                let (scores, dropped) = head.forward(pooled(), context); // [B, 1]
                let (loss, cache) = choice::forward(scores.column(0).to_owned(), bounds, right);
                (vec![(loss, None)], Kept::Choices(dropped, cache))
            }
            _ => panic!("{WRONG_LABELS}"),
        };
        let mut parts = labels.parts(weighting.class_weights);
        for (part, (loss, accuracy)) in parts.iter_mut().zip(losses) {
            (part.loss, part.accuracy) = (loss, accuracy);
        }
        (parts, HeadCache { pooled: output, kept })
    }
    // ANCHOR_END: loss

    // ANCHOR: backward
    /// Gradient of the loss with respect to `hidden` [T, H], from the ones with respect to the
    /// parts' sums ([`loss_gradients`]); adds the head's own gradients to `grads` and a tied table's to
    /// `d_words`.
    pub fn backward(
        &self,
        hidden: ArrayView2<Real>,
        words: &Embedding,
        batch: &Batch,
        labels: &Labels,
        cache: HeadCache,
        d_losses: &[Real],
        context: &Context,
        grads: &mut Head,
        d_words: &mut EmbeddingGrads,
    ) -> Array2<Real> {
        let weighting = context.weighting_of(self.kind());
        let d_loss = d_losses[0];
        let output = cache.pooled;
        let pooled = || output.as_ref().expect("this head has a pooler").view(); // [B, H]
        let mut d_hidden = Array2::zeros(hidden.raw_dim()); // [T, H]
        let d_pooled = match (self, &mut *grads, labels, cache.kept) {
            (Head::MaskedLm(head), Head::MaskedLm(grads), _, Kept::MaskedLm(masked)) => {
                masked.backward(head, words, d_loss, context, grads, d_words, &mut d_hidden);
                None
            }
            (
                Head::NextSentence(head),
                Head::NextSentence(grads),
                Labels::Sequences(labels),
                Kept::NextSentence(cache),
            ) => {
                let d_logits = cross_entropy::backward(cache, labels, Weighting::default(), d_loss); // [B, 2]
                let grads = &mut grads.seq_relationship;
                Some(head.seq_relationship.backward(pooled(), d_logits.view(), grads))
            }
            (
                Head::PreTraining(head),
                Head::PreTraining(grads),
                Labels::PreTraining { sequences, .. },
                Kept::PreTraining(masked, next),
            ) => {
                let of_words = &mut grads.masked_lm;
                masked.backward(
                    &head.masked_lm,
                    words,
                    d_loss,
                    context,
                    of_words,
                    d_words,
                    &mut d_hidden,
                );
                let d_logits =
                    cross_entropy::backward(next, sequences, Weighting::default(), d_losses[1]); // [B, 2]
                let grads = &mut grads.seq_relationship;
                Some(head.seq_relationship.backward(pooled(), d_logits.view(), grads))
            }
            (
                Head::SequenceClassification(head),
                Head::SequenceClassification(grads),
                labels,
                kept,
            ) => {
                let (dropped, d_logits) = match (labels, kept) {
                    (Labels::Sequences(labels), Kept::Class(dropped, cache)) => {
                        (dropped, cross_entropy::backward(cache, labels, weighting, d_loss))
                    }
                    (Labels::MultiLabel(targets), Kept::Logits(dropped, logits)) => {
                        let (logits, targets) = (logits.view(), targets.view());
                        (dropped, binary_cross_entropy::backward(logits, targets, d_loss))
                    }
                    (Labels::Numbers(targets), Kept::Logits(dropped, logits)) => {
                        let (logits, targets) = (logits.view(), targets.view());
                        (dropped, mean_squared_error::backward(logits, targets, d_loss))
                    }
                    _ => panic!("{WRONG_LABELS}"),
                };
                Some(head.backward(dropped.view(), d_logits.view(), context, grads))
            }
            (
                Head::TokenClassification(head),
                Head::TokenClassification(grads),
                Labels::Tokens(labels),
                Kept::Class(dropped, cache),
            ) => {
                let d_logits = cross_entropy::backward(cache, labels, weighting, d_loss); // [T, C]
                d_hidden = head.backward(dropped.view(), d_logits.view(), context, grads);
                None
            }
            (
                Head::QuestionAnswering(head),
                Head::QuestionAnswering(grads),
                Labels::Spans { start, end },
                Kept::Spans(start_cache, end_cache),
            ) => {
                let d_start = choice::backward(start_cache, &batch.bounds, start, d_losses[0]);
                let d_end = choice::backward(end_cache, &batch.bounds, end, d_losses[1]);
                d_hidden = head.backward(hidden, d_start.view(), d_end.view(), grads);
                None
            }
            (
                Head::MultipleChoice(head),
                Head::MultipleChoice(grads),
                Labels::Choices { bounds, right },
                Kept::Choices(dropped, cache),
            ) => {
                let d_scores = choice::backward(cache, bounds, right, d_loss); // [B]
                let d_scores = d_scores.insert_axis(Axis(1)); // [B, 1]
                Some(head.backward(dropped.view(), d_scores.view(), context, grads))
            }
            _ => panic!("{WRONG_LABELS}"),
        };
        if let (Some(d_pooled), Some(pooler), Some(grads)) =
            (d_pooled, self.pooler(), grads.pooler_mut())
        {
            let (first, d_pooled) = (batch.first_rows(), d_pooled.view());
            pooler.backward(hidden, first, pooled(), d_pooled, grads, &mut d_hidden);
        }
        d_hidden
    }
    // ANCHOR_END: backward
}

// ANCHOR: masked_words
/// The loss of the labelled rows. The others are not even scored: a row of scores is as long as the
/// vocabulary.
fn masked_words(
    head: &MaskedLm,
    hidden: ArrayView2<Real>,
    words: &Embedding,
    labels: &[Option<u32>],
    context: &Context,
) -> (Loss, MaskedWords) {
    let rows: Vec<_> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
    let labels: Vec<_> = rows.iter().map(|&row| labels[row]).collect();
    let hidden = hidden.select(Axis(0), &rows); // [M, H]
    let (logits, cache) = head.forward(hidden.view(), words, context); // [M, V]
    let (loss, cross_entropy) = cross_entropy::forward(logits, &labels, Weighting::default());
    (loss, MaskedWords { rows, labels, hidden, cache, loss: cross_entropy })
}

impl MaskedWords {
    fn backward(
        self,
        head: &MaskedLm,
        words: &Embedding,
        d_loss: Real,
        context: &Context,
        grads: &mut MaskedLm,
        d_words: &mut EmbeddingGrads,
        d_hidden: &mut Array2<Real>,
    ) {
        let d_logits =
            cross_entropy::backward(self.loss, &self.labels, Weighting::default(), d_loss); // [M, V]
        let (hidden, d_logits) = (self.hidden.view(), d_logits.view());
        let d_rows = head.backward(hidden, words, self.cache, d_logits, context, grads, d_words); // [M, H]
        add_rows(d_hidden, &self.rows, d_rows.view());
    }
}
// ANCHOR_END: masked_words
