//! Answers as the SQuAD evaluation wants them: the n best, and whether there is one at all.
//!
//! A span's score is the sum of its two logits, start and end. The n best over all windows share a
//! softmax; "no answer" is the pair (`[CLS]`, `[CLS]`), whose score is the least of all windows: a question
//! is unanswerable only where no window answers it. Source: google-research/bert, `run_squad.py`, `write_predictions`
//! (and transformers' `utils_qa.py`). [`Answerer::answer`] instead follows transformers' pipeline, which takes the
//! probabilities of each window by itself.

use crate::answer::{Answerer, Span, SpanLogits, place};
use crate::windows::context_around;
use crate::{Error, Pipeline};
use bert_kernels::softmax_row;
use bert_nn::Real;
use bert_tokenizer::Encoding;
use std::borrow::Borrow;

/// One of the n best answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What stands there; nothing where it is "no answer".
    pub text: String,
    /// Where it begins, in characters of the context, and ends.
    pub place: Option<(usize, usize)>,
    /// Its share among the n best.
    pub probability: Real,
    /// The logit of its first token.
    pub start_logit: Real,
    /// The logit of its last token.
    pub end_logit: Real,
}

/// What there is to say to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct NBest {
    /// Best first; at least one.
    pub candidates: Vec<Candidate>,
    /// Score of "no answer" minus that of the best answer.
    pub null_odds: Real,
}

impl NBest {
    /// The best text, never "no answer".
    pub fn text(&self) -> &str {
        let best = self.candidates.iter().find(|candidate| candidate.place.is_some());
        best.map_or("", |candidate| &candidate.text)
    }

    /// The best text, or nothing where "no answer" is better by more than the threshold.
    pub fn text_or_none(&self, threshold: Real) -> &str {
        if self.null_odds > threshold { "" } else { self.text() }
    }
}

/// How answers are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NBestOptions {
    /// How many answers are kept.
    pub n: usize,
    /// Whether "no answer" is among them (SQuAD 2.0).
    pub no_answer: bool,
}

impl Default for NBestOptions {
    fn default() -> Self {
        Self { n: 20, no_answer: false }
    }
}

impl<P: Borrow<Pipeline>> Answerer<P> {
    // ANCHOR: n_best
    /// For each (question, context) the n best answers.
    ///
    /// # Errors
    /// A question leaves no room for its context.
    pub fn n_best(
        &self,
        pairs: &[(&str, &str)],
        options: NBestOptions,
    ) -> Result<Vec<NBest>, Error> {
        let windows = self.windows_of(pairs)?;
        let flat: Vec<Encoding> = windows.iter().flatten().cloned().collect();
        let mut logits = self.logits(&flat)?.into_iter();
        let each = pairs.iter().zip(&windows);
        Ok(each
            .map(|(&(_, context), windows)| {
                let logits: Vec<_> = logits.by_ref().take(windows.len()).collect();
                self.choose(context, windows, &logits, options)
            })
            .collect())
    }

    /// From the logits (start, end) of each window.
    pub fn choose(
        &self,
        context: &str,
        windows: &[Encoding],
        logits: &[SpanLogits],
        options: NBestOptions,
    ) -> NBest {
        let mut candidates = Vec::new();
        let mut null: Option<(Real, Real)> = None;
        for (number, (start, end)) in logits.iter().enumerate() {
            if null.is_none_or(|(s, e)| start[0] + end[0] < s + e) {
                null = Some((start[0], end[0]));
            }
            for span in self.likely_spans(windows, number, start, end, options.n) {
                candidates.push((span, number));
            }
        }
        candidates.sort_by(|a, b| b.0.score.total_cmp(&a.0.score));
        let mut best: Vec<Candidate> = Vec::new();
        for (span, window) in candidates {
            let answer = place(&windows[window], context, &span);
            let place = Some((answer.start, answer.end));
            if best.len() < options.n && best.iter().all(|other| other.place != place) {
                let (start, end) = &logits[window];
                let (start_logit, end_logit) = (start[span.first], end[span.last]);
                let probability = 0.0;
                best.push(Candidate {
                    text: answer.answer,
                    place,
                    probability,
                    start_logit,
                    end_logit,
                });
            }
        }
        let (start_logit, end_logit) = null.unwrap_or_default();
        let found = best.first().map(|best| best.start_logit + best.end_logit);
        // Without any span, Google's program compares with an answer of score 0.
        let null_odds = start_logit + end_logit - found.unwrap_or(0.0);
        if options.no_answer || best.is_empty() {
            let (text, place) = (String::new(), None);
            best.push(Candidate { text, place, probability: 0.0, start_logit, end_logit });
        }
        share_out(&mut best);
        NBest { candidates: best, null_odds }
    }
    // ANCHOR_END: n_best

    /// Spans of the n likeliest first with the n likeliest last tokens.
    fn likely_spans(
        &self,
        windows: &[Encoding],
        number: usize,
        start: &[Real],
        end: &[Real],
        n: usize,
    ) -> Vec<Span> {
        let window = &windows[number];
        let (firsts, lasts) = (likeliest(start, n), likeliest(end, n));
        let mut spans = Vec::new();
        for &first in firsts.iter().filter(|&&first| judges(windows, number, first)) {
            for &last in &lasts {
                let told = window.sequence_ids[last] == Some(1);
                if told && last >= first && last - first < self.max_answer_length {
                    spans.push(Span { score: start[first] + end[last], first, last });
                }
            }
        }
        spans
    }
}

/// Best first; of equals the first.
fn likeliest(logits: &[Real], n: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..logits.len()).collect();
    places.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    places.truncate(n);
    places
}

/// Whether window `number` is the one that judges its `token`: of those that show it, the one that shows most around
/// it, the first of equals.
fn judges(windows: &[Encoding], number: usize, token: usize) -> bool {
    let window = &windows[number];
    if window.sequence_ids[token] != Some(1) {
        return false;
    }
    // A token is known by its place in the context.
    let (place, own) = (window.offsets[token], context_around(window, token));
    let seen = |window: &Encoding| {
        let at = |&other: &usize| {
            window.sequence_ids[other] == Some(1) && window.offsets[other] == place
        };
        (0..window.len()).find(at).map_or(f64::NEG_INFINITY, |other| context_around(window, other))
    };
    windows[..number].iter().all(|other| seen(other) < own)
        && windows[number + 1..].iter().all(|other| seen(other) <= own)
}

/// The candidates' probabilities: a softmax over their scores, best first afterwards.
fn share_out(candidates: &mut [Candidate]) {
    candidates
        .sort_by(|a, b| (b.start_logit + b.end_logit).total_cmp(&(a.start_logit + a.end_logit)));
    let mut scores: Vec<Real> =
        candidates.iter().map(|candidate| candidate.start_logit + candidate.end_logit).collect();
    softmax_row(&mut scores);
    for (candidate, score) in candidates.iter_mut().zip(scores) {
        candidate.probability = score;
    }
}
