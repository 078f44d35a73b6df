//! The best that one can say who does not see all of a masked pair: only that a word is masked,
//! only where it stands, or only what stands before it.

use super::TinyWorld;
use super::inside::{Seen, inside, normalise, outside, words};
use super::posterior::{Evidence, Shown};
use crate::Replacement;

/// What is known of masked words before anything of the pair is seen.
pub(super) struct Priors {
    /// How often each token \[V\] is the masked word.
    pub unigram: Vec<f64>,
    /// The same for the masked words at one position of one of the two sentences,
    /// `[sentence][position]`; empty where no word can stand.
    pub position: [Vec<Vec<f64>>; 2],
}

// ANCHOR: priors
impl Priors {
    pub(super) fn new(world: &TinyWorld) -> Self {
        let (grammar, documents) = (&world.grammar, &world.documents);
        let longest = grammar.longest();
        let anything = vec![1.0; grammar.states()];
        let blank = vec![Seen::BLANK; longest];
        // How often each word stands at each place of a sentence, however long that is.
        let counts = |starts: &[f64]| -> Vec<Vec<f64>> {
            let before = outside(grammar, starts, &blank);
            let at = |place: usize| words(grammar, &before[place], &Seen::BLANK, &anything);
            (0..longest).map(at).collect()
        };
        let mut position = [0, 1].map(|_| vec![vec![0.0; grammar.tokens]; 2 * longest + 2]);
        for (place, counts) in counts(&documents.first).iter().enumerate() {
            add(&mut position[0][1 + place], counts);
        }
        for length in 1..=longest {
            // The second sentence begins two places behind the end of the first.
            let first = inside(grammar, &blank[..length]);
            let coupling = documents.couple(&first[0][..grammar.starts], &anything);
            for (place, counts) in counts(&coupling.second).iter().enumerate() {
                add(&mut position[1][length + 2 + place], counts);
            }
        }
        let mut unigram = vec![0.0; grammar.tokens];
        position.iter().flatten().for_each(|counts| add(&mut unigram, counts));
        let shares = |counts| normalise(counts).unwrap_or_default();
        Self {
            unigram: shares(unigram),
            position: position.map(|counts| counts.into_iter().map(shares).collect()),
        }
    }
}
// ANCHOR_END: priors

fn add(to: &mut [f64], what: &[f64]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}

// ANCHOR: left
impl TinyWorld {
    /// For each masked word the probabilities \[V\] given only the tokens before it, and that it is
    /// a word: not how long its sentence is. In the second sentence, all of the first lies before.
    pub(super) fn left_context(
        &self,
        shown: &Shown,
        evidence: &Evidence,
        replacement: Replacement,
    ) -> Option<Vec<Vec<f64>>> {
        let anything = vec![1.0; self.grammar.states()];
        let starts = [&self.documents.first, &evidence.coupling.second];
        let outside = [0, 1].map(|i| outside(&self.grammar, starts[i], &evidence.seen[i]));
        let left_context = |&(sentence, place, _): &(usize, usize, u32)| {
            let token = shown.tokens[sentence][place];
            let seen = self.seen_at_chosen(token, replacement);
            normalise(words(&self.grammar, &outside[sentence][place], &seen, &anything))
        };
        shown.masked.iter().map(left_context).collect()
    }
}
// ANCHOR_END: left
