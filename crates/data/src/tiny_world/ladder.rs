//! The ladder: what the best possible loss is for those who see more and more of a masked pair.
//!
//! ```text
//! loss = mean over the masked words of a set of instances of −ln p(the word)
//! ```
//!
//! with p the exact probability given what a rung's reader sees. A model may do better than a rung
//! only if it sees more, and better than the optimum never, but for luck; the luck is that of the
//! set, and the same for all.

use super::TinyWorld;
use super::less::Priors;
use super::posterior::Shown;
use crate::{Instance, Replacement};
use rayon::prelude::*;

// ANCHOR: ladder
/// The best possible masked-LM losses over a set of instances, in nats, and what is possible for
/// the next sentence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ladder {
    /// How many masked words the losses are means over.
    pub masked_words: usize,
    /// ln V: knowing how many tokens there are.
    pub uniform: f64,
    /// Knowing how often each word is masked.
    pub unigram: f64,
    /// Knowing that, for each position of either sentence.
    pub position: f64,
    /// Seeing what stands before, as a model does whose attention goes to the left only.
    pub left_context: f64,
    /// Seeing everything, but for the order of the words in each sentence, as a model without
    /// positions does. None unless every masked place shows `[MASK]`.
    pub order_ignored: Option<f64>,
    /// Seeing everything: the Bayes optimum.
    pub optimum: f64,
    /// Whether the second sentence is a random one, for the reader who sees everything.
    pub next_sentence: NextSentence,
    /// The same without order.
    pub next_sentence_order_ignored: Option<NextSentence>,
}

/// How well it can be told whether the second sentence of a pair is the next or a random one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NextSentence {
    /// The mean over the instances of −ln p(the right answer).
    pub loss: f64,
    /// The share of instances of which the right answer is the likelier one.
    pub accuracy: f64,
}
// ANCHOR_END: ladder

/// What one instance adds to a ladder: sums over its masked words.
#[derive(Default)]
struct Losses {
    words: usize,
    unigram: f64,
    position: f64,
    left_context: f64,
    order_ignored: f64,
    optimum: f64,
    /// The probability of the right answer.
    next: f64,
    next_order_ignored: f64,
}

impl TinyWorld {
    /// The ladder over a set of instances, usually [`TinyWorld::held_out`] ones, that were made
    /// with `replacement`. None if the set holds no masked word, or an instance that is not tiny
    /// world's.
    pub fn ladder(&self, instances: &[Instance], replacement: Replacement) -> Option<Ladder> {
        let priors = Priors::new(self);
        let losses = |instance: &Instance| self.losses(&priors, instance, replacement);
        let losses = instances.par_iter().map(losses).collect::<Option<Vec<_>>>()?;
        let masked_words: usize = losses.iter().map(|it| it.words).sum();
        let mean = |loss: fn(&Losses) -> f64| -> f64 {
            losses.iter().map(loss).sum::<f64>() / masked_words as f64
        };
        let next_sentence = |right: fn(&Losses) -> f64| NextSentence {
            loss: losses.iter().map(|it| -right(it).ln()).sum::<f64>() / losses.len() as f64,
            accuracy: losses.iter().filter(|it| right(it) > 0.5).count() as f64
                / losses.len() as f64,
        };
        let plain = replacement == Replacement::PLAIN;
        (masked_words > 0).then(|| Ladder {
            masked_words,
            uniform: (self.vocabulary().len() as f64).ln(),
            unigram: mean(|it| it.unigram),
            position: mean(|it| it.position),
            left_context: mean(|it| it.left_context),
            order_ignored: plain.then(|| mean(|it| it.order_ignored)),
            optimum: mean(|it| it.optimum),
            next_sentence: next_sentence(|it| it.next),
            next_sentence_order_ignored: plain.then(|| next_sentence(|it| it.next_order_ignored)),
        })
    }

    fn losses(
        &self,
        priors: &Priors,
        instance: &Instance,
        replacement: Replacement,
    ) -> Option<Losses> {
        let shown = Shown::new(instance)?;
        let is_random = instance.is_random_next?;
        let right = |random: f64| if is_random { random } else { 1.0 - random };
        let evidence = self.evidence(&shown, replacement);
        let loss = |predictions: Vec<Vec<f64>>| -> Option<f64> {
            let each = predictions.iter().zip(&shown.masked);
            each.map(|(probabilities, &(.., word))| Some(-probabilities.get(word as usize)?.ln()))
                .sum()
        };
        let mut losses = Losses {
            words: shown.masked.len(),
            left_context: loss(self.left_context(&shown, &evidence, replacement)?)?,
            optimum: loss(self.posterior_of(&shown, &evidence, replacement)?)?,
            next: right(evidence.coupling.random_next()?),
            ..Losses::default()
        };
        for (&position, &(sentence, _, word)) in instance.masked_positions.iter().zip(&shown.masked)
        {
            let word = word as usize;
            losses.unigram -= priors.unigram.get(word)?.ln();
            losses.position -= priors.position[sentence].get(position as usize)?.get(word)?.ln();
        }
        if replacement == Replacement::PLAIN {
            let (predictions, coupling) = self.without_order(&shown)?;
            losses.order_ignored = loss(predictions)?;
            losses.next_order_ignored = right(coupling.random_next()?);
        }
        Some(losses)
    }
}
