//! Answers as the SQuAD evaluation wants them: the n best, and whether there is one at all.
//!
//! A span's score is the sum of its two logits, start and end. Of spans that read the same, wherever they stand, only the
//! best counts. The n best over all windows share a softmax; "no answer" is the pair (`[CLS]`, `[CLS]`), whose score is
//! the least of all windows: a question is unanswerable only where no window answers it.
//!
//! Source: google-research/bert, `run_squad.py`, `write_predictions`, and its port in transformers 4, `squad_metrics.py`,
//! `compute_predictions_logits`, which this follows entry by entry (`tests/n_best.rs`). One thing is ours: the text.
//! They join the tokens and look for them again in the words around (`get_final_text`), and where that fails they give all
//! those words. Here a text is cut from the context at the place of its tokens, widened to whole words. The two differ where
//! a word has several tokens, letters that normalising takes away, or a sign twice, and where words are more than a space
//! apart. [`Answerer::answer`] instead follows transformers' pipeline, which takes the probabilities of each window by
//! itself.

use crate::Pipeline;
use crate::answer::{Answerer, Span, SpanLogits, place};
use crate::windows::context_around;
use bert_kernels::softmax_row;
use bert_nn::Real;
use bert_tokenizer::Encoding;
use std::borrow::Borrow;
use std::collections::HashSet;

/// What is given where not one span is allowed, with a score of 0. It is SQuAD's programs' word, and compares as theirs.
pub const NO_SPAN: &str = "empty";

/// The null odds of a context without a token: the score of "no answer" that their search for the least begins with.
/// (Google's program never meets one, transformers' fails.)
const NOTHING_READ: Real = 1e6;

/// One of the n best answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// What stands there; nothing where it is "no answer", [`NO_SPAN`] where there is no span.
    pub text: String,
    /// Where it begins, in characters of the context, and ends; none where `text` does not stand in it.
    pub place: Option<(usize, usize)>,
    /// Its share among the n best.
    pub probability: Real,
    /// The logit of its first token.
    pub start_logit: Real,
    /// The logit of its last token.
    pub end_logit: Real,
}

impl Candidate {
    /// An answer that stands nowhere.
    fn nowhere(text: &str, (start_logit, end_logit): (Real, Real)) -> Self {
        Self { text: text.to_owned(), place: None, probability: 0.0, start_logit, end_logit }
    }

    /// The sum of both logits.
    fn score(&self) -> Real {
        self.start_logit + self.end_logit
    }
}

/// What there is to say to one question.
#[derive(Debug, Clone, PartialEq)]
pub struct NBest {
    /// Best first, but [`NO_SPAN`] before anything; at least one.
    pub candidates: Vec<Candidate>,
    /// Score of "no answer" minus that of the best answer.
    pub null_odds: Real,
}

impl NBest {
    /// The best text, never "no answer".
    pub fn text(&self) -> &str {
        let best = self.candidates.iter().find(|candidate| !candidate.text.is_empty());
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
    /// The n best answers, from the logits (start, end) of each window of a context.
    pub fn choose(
        &self,
        context: &str,
        windows: &[Encoding],
        logits: &[SpanLogits],
        options: NBestOptions,
    ) -> NBest {
        let mut spans: Vec<(usize, Span)> = Vec::new();
        for (number, (start, end)) in logits.iter().enumerate() {
            let likely = self.likely_spans(windows, number, start, end, options.n);
            spans.extend(likely.into_iter().map(|span| (number, span)));
        }
        spans.sort_by(|a, b| b.1.score.total_cmp(&a.1.score)); // equals stay in the order found
        let mut seen = HashSet::new();
        let new = |candidate: &Candidate| seen.insert(candidate.text.clone());
        let candidates = spans
            .iter()
            .map(|(number, span)| candidate(context, &windows[*number], &logits[*number], span));
        let mut best: Vec<_> = candidates.filter(new).take(options.n).collect();
        if best.is_empty() {
            best.push(Candidate::nowhere(NO_SPAN, (0.0, 0.0)));
        }
        let null = Candidate::nowhere("", least_null(logits).unwrap_or_default());
        let null_odds =
            if logits.is_empty() { NOTHING_READ } else { null.score() - best[0].score() };
        if options.no_answer {
            let better = |other: &Candidate| other.place.is_none() || other.score() >= null.score();
            let rank = best.partition_point(better);
            best.insert(rank, null);
            best.truncate(options.n.max(rank + 1)); // behind all n, it is one more
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

/// What a span says in its window.
fn candidate(
    context: &str,
    window: &Encoding,
    (start, end): &SpanLogits,
    span: &Span,
) -> Candidate {
    let answer = place(window, context, span);
    Candidate {
        text: answer.answer,
        place: Some((answer.start, answer.end)),
        probability: 0.0,
        start_logit: start[span.first],
        end_logit: end[span.last],
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

/// The logits of (`[CLS]`, `[CLS]`) in the window where their sum is least; the first of equals.
fn least_null(logits: &[SpanLogits]) -> Option<(Real, Real)> {
    let nulls = logits.iter().map(|(start, end)| (start[0], end[0]));
    nulls.min_by(|a, b| (a.0 + a.1).total_cmp(&(b.0 + b.1)))
}

/// The candidates' probabilities: a softmax over their scores.
fn share_out(candidates: &mut [Candidate]) {
    let mut scores: Vec<Real> = candidates.iter().map(Candidate::score).collect();
    softmax_row(&mut scores);
    for (candidate, score) in candidates.iter_mut().zip(scores) {
        candidate.probability = score;
    }
}
