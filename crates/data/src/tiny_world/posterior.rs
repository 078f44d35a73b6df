//! What can be known of a masked pair: the best possible predictions.
//!
//! The sentences of a pair are bound together by how they begin, and by nothing else. With s and s′
//! the beginnings and I₁, I₂ the inside sums of what is seen of the sentences,
//!
//! ```text
//! probability of what is seen
//!     = Σ first(s) · I₁(s) · [½ · next(s′ after s) + ½ · random(s′)] · I₂(s′)
//! ```
//!
//! Leave I₂ in and I₁ out, and what remains for each s is how the first sentence's words should be
//! expected to begin, given the second one: the start of its outside sums.

use super::documents::{Documents, RANDOM_NEXT, follow};
use super::inside::{Seen, inside, normalise, outside, words};
use super::instances::MASKED;
use super::{Replacement, TinyWorld};
use crate::Instance;

// ANCHOR: coupling
/// How what is known of one sentence bears on the other.
pub(super) struct Coupling {
    /// The weight of each beginning of the first sentence, given the second.
    pub first: Vec<f64>,
    /// Of each beginning of the second, given the first.
    pub second: Vec<f64>,
    /// The weight of the pair, with its second sentence the next one.
    pub next: f64,
    /// And with a random one.
    pub random: f64,
}

impl Documents {
    /// `inside_first` and `inside_second`: for each beginning of a sentence, how likely what is
    /// seen of it is.
    pub(super) fn couple(&self, inside_first: &[f64], inside_second: &[f64]) -> Coupling {
        let product =
            |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
        let dot = |a: &[f64], b: &[f64]| -> f64 { product(a, b).iter().sum() };
        let firsts = product(&self.first, inside_first);
        let next = follow(&firsts, &self.next);
        let all: f64 = firsts.iter().sum();
        let mix = |next: f64, random: f64| (1.0 - RANDOM_NEXT) * next + RANDOM_NEXT * random;
        let by_random = dot(&self.random, inside_second);
        let by_next: Vec<f64> = self.next.iter().map(|next| dot(next, inside_second)).collect();
        let of_first = |(start, share): (usize, &f64)| share * mix(by_next[start / 2], by_random);
        let of_second = |(next, random): (&f64, &f64)| mix(*next, all * random);
        Coupling {
            first: self.first.iter().enumerate().map(of_first).collect(),
            second: next.iter().zip(&self.random).map(of_second).collect(),
            next: (1.0 - RANDOM_NEXT) * dot(&next, inside_second),
            random: RANDOM_NEXT * all * by_random,
        }
    }
}

impl Coupling {
    /// P(the second sentence is a random one); none if what is seen is impossible.
    pub(super) fn random_next(&self) -> Option<f64> {
        let all = self.next + self.random;
        (all > 0.0).then(|| self.random / all)
    }
}
// ANCHOR_END: coupling

/// What an instance shows, sentence by sentence.
pub(super) struct Shown<'a> {
    /// The tokens of each sentence.
    pub tokens: [&'a [u32]; 2],
    /// For each masked word the sentence, the place in it, and the word.
    pub masked: Vec<(usize, usize, u32)>,
}

impl<'a> Shown<'a> {
    /// Takes an instance apart; none if it has not the form of a pair.
    pub(super) fn new(instance: &'a Instance) -> Option<Self> {
        let ids = &instance.token_ids;
        // Not by looking for [SEP]: a masked word may show one.
        let first = instance.token_types.iter().take_while(|&&kind| kind == 0).count();
        let last = ids.len().checked_sub(1)?;
        let tokens = [ids.get(1..first.checked_sub(1)?)?, ids.get(first..last)?];
        let masked = instance.masked_positions.iter().zip(&instance.masked_ids);
        let place = |(&position, &word): (&u32, &u32)| {
            let position = position as usize;
            let (sentence, start) = if position < first { (0, 1) } else { (1, first) };
            let place = position.checked_sub(start)?;
            (place < tokens[sentence].len()).then_some((sentence, place, word))
        };
        Some(Self { tokens, masked: masked.map(place).collect::<Option<_>>()? })
    }
}

// ANCHOR: likelihoods
impl TinyWorld {
    /// What `token` at a place says of the word there, if it is not known whether it is a chosen
    /// one.
    pub(super) fn seen(&self, token: u32, replacement: Replacement) -> Seen {
        let chosen = self.seen_at_chosen(token, replacement);
        let more = (1.0 - MASKED) + MASKED * chosen.more;
        Seen { any: MASKED * chosen.any, shown: token, more }
    }

    /// And if it is known to be chosen.
    pub(super) fn seen_at_chosen(&self, token: u32, replacement: Replacement) -> Seen {
        let random = replacement.random / self.vocabulary().len() as f64;
        let mask = if token == self.mask { replacement.mask } else { 0.0 };
        let keep = 1.0 - replacement.mask - replacement.random;
        Seen { any: mask + random, shown: token, more: keep }
    }
}
// ANCHOR_END: likelihoods

/// The inside sums of both sentences, and how they bear on each other.
pub(super) struct Evidence {
    pub seen: [Vec<Seen>; 2],
    pub inside: [Vec<Vec<f64>>; 2],
    pub coupling: Coupling,
}

// ANCHOR: posterior
impl TinyWorld {
    pub(super) fn evidence(&self, shown: &Shown, replacement: Replacement) -> Evidence {
        let see = |tokens: &[u32]| tokens.iter().map(|&id| self.seen(id, replacement)).collect();
        let seen: [Vec<Seen>; 2] = shown.tokens.map(see);
        let inside = [0, 1].map(|sentence| inside(&self.grammar, &seen[sentence]));
        let starts = |sentence: usize| &inside[sentence][0][..self.grammar.starts];
        let coupling = self.documents.couple(starts(0), starts(1));
        Evidence { seen, inside, coupling }
    }

    /// For each masked word of an instance, the exact probability \[V\] of every token to be the
    /// word that stood there, given all that the instance shows: no model can expect a lower loss.
    /// `replacement` is what the instance was made with; its `masked_ids` play no part. None if
    /// tiny world cannot say this.
    pub fn posterior(
        &self,
        instance: &Instance,
        replacement: Replacement,
    ) -> Option<Vec<Vec<f64>>> {
        let shown = Shown::new(instance)?;
        let evidence = self.evidence(&shown, replacement);
        self.posterior_of(&shown, &evidence, replacement)
    }

    pub(super) fn posterior_of(
        &self,
        shown: &Shown,
        evidence: &Evidence,
        replacement: Replacement,
    ) -> Option<Vec<Vec<f64>>> {
        let Evidence { seen, inside, coupling } = evidence;
        let starts = [&coupling.first, &coupling.second];
        let outside = [0, 1].map(|i| outside(&self.grammar, starts[i], &seen[i]));
        let posterior = |&(sentence, place, _): &(usize, usize, u32)| {
            let (before, after) = (&outside[sentence][place], &inside[sentence][place + 1]);
            let token = shown.tokens[sentence][place];
            let seen = self.seen_at_chosen(token, replacement);
            normalise(words(&self.grammar, before, &seen, after))
        };
        shown.masked.iter().map(posterior).collect()
    }

    /// The exact probability that the second sentence is a random one, given what the instance
    /// shows. None if tiny world cannot say this.
    pub fn random_next(&self, instance: &Instance, replacement: Replacement) -> Option<f64> {
        self.evidence(&Shown::new(instance)?, replacement).coupling.random_next()
    }
}
// ANCHOR_END: posterior
