//! The piece of a context that answers a question.
//!
//! The head scores each token as a beginning and as an end (Devlin et al., 2018, section 4.2). A
//! span's score is the product of its two probabilities. A long context is cut into overlapping
//! windows, each with the whole question. All of it follows the question-answering pipeline of
//! transformers 4, with one departure: its last versions add up the scores of answers that read the
//! same, so that a score can pass 1 and a frequent word beats a sure one. Here a place that several
//! windows show counts once, with its best score.

use crate::windows::question_windows;
use crate::{Error, Pipeline};
use bert_checkpoint::LoadOptions;
use bert_kernels::softmax_row;
use bert_model::HeadKind;
use bert_nn::Real;
use bert_tokenizer::Encoding;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;

/// Answers questions. Needs a question-answering head.
pub struct Answerer<P = Pipeline> {
    pipeline: P,
    /// How many answers for each context, at most.
    pub top_k: usize,
    /// How many tokens an answer may have.
    pub max_answer_length: usize,
    /// How many tokens neighbouring windows share; none means 128, or half of the window's length if
    /// that is less.
    pub doc_stride: Option<usize>,
    /// How many tokens a window may have, question and special tokens included; never more than the
    /// model takes.
    pub max_length: usize,
}

/// A piece of the context.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Answer {
    /// The probability of this beginning times that of this end, in the window that shows it best.
    pub score: Real,
    /// Where it begins, in characters of the context.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What stands there.
    pub answer: String,
}

/// The logits of beginnings and of ends, `[S]` each.
pub type SpanLogits = (Vec<Real>, Vec<Real>);

/// First and last token of an answer.
pub(crate) struct Span {
    pub score: Real,
    pub first: usize,
    pub last: usize,
}

impl Answerer {
    /// Reads a model directory.
    ///
    /// # Errors
    /// It cannot be read, or answers no questions.
    pub fn load(directory: &Path) -> Result<Self, Error> {
        Self::new(Pipeline::open(directory, &LoadOptions::default())?)
    }
}

impl<P: Borrow<Pipeline>> Answerer<P> {
    /// The best answer, of 15 tokens at most, from windows of 384 tokens. Refuses a model that cannot
    /// answer.
    pub fn new(pipeline: P) -> Result<Self, Error> {
        let heads = [HeadKind::QuestionAnswering];
        pipeline.borrow().require("answer", "question_answering", &heads)?;
        Ok(Self { pipeline, top_k: 1, max_answer_length: 15, doc_stride: None, max_length: 384 })
    }

    /// What it reads texts with.
    pub fn pipeline(&self) -> &Pipeline {
        self.pipeline.borrow()
    }

    /// For each (question, context) the answers, best first; none for a context without a token.
    pub fn answer(&self, pairs: &[(&str, &str)]) -> Result<Vec<Vec<Answer>>, Error> {
        let windows = self.windows_of(pairs)?;
        let flat: Vec<Encoding> = windows.iter().flatten().cloned().collect();
        let each = flat.iter().zip(self.logits(&flat)?);
        let mut spans = each.map(|(window, (start, end))| self.spans(window, &start, &end));
        let each = pairs.iter().zip(&windows);
        Ok(each
            .map(|((_, context), windows)| {
                let found = windows.iter().zip(&mut spans);
                let found = found.flat_map(|(window, spans)| {
                    spans.into_iter().map(|span| place(window, context, &span))
                });
                self.merge(found)
            })
            .collect())
    }

    /// The logits of each window.
    pub fn logits(&self, windows: &[Encoding]) -> Result<Vec<SpanLogits>, Error> {
        self.pipeline().map_batches(windows, |_, batch| {
            let outputs = self.pipeline().infer(batch)?;
            let message = "checked when the answerer was made";
            let (start, end) = (outputs.start_logits, outputs.end_logits);
            let (start, end) = (start.expect(message).to_vec(), end.expect(message).to_vec()); // [T]
            let of = |range: Range<usize>| (start[range.clone()].to_vec(), end[range].to_vec());
            Ok(batch.ranges().map(of).collect())
        })
    }

    /// The windows of each (question, context).
    fn windows_of(&self, pairs: &[(&str, &str)]) -> Result<Vec<Vec<Encoding>>, Error> {
        let numbered = pairs.iter().enumerate();
        numbered
            .map(|(index, &pair)| self.windows(pair).map_err(|error| error.counted_from(index)))
            .collect()
    }

    /// The windows of one context, none if it has no token. An error counts from text 0.
    pub fn windows(&self, (question, context): (&str, &str)) -> Result<Vec<Encoding>, Error> {
        let max_length = self.max_length.min(self.pipeline().max_length());
        let tokenizer = &self.pipeline().tokenizer;
        question_windows(tokenizer, question, context, max_length, self.doc_stride)
    }

    // ANCHOR: spans
    /// The best spans of one window, best first. `start` and `end` [S] are its logits.
    fn spans(&self, window: &Encoding, start: &[Real], end: &[Real]) -> Vec<Span> {
        let tells = |place: usize| window.sequence_ids[place] == Some(1);
        let probabilities = |logits: &[Real]| {
            // [CLS], which stands for "no answer", takes part in the softmax, but is no answer.
            let masked =
                |(place, &logit)| if place == 0 || tells(place) { logit } else { -10000.0 };
            let mut row: Vec<Real> = logits.iter().enumerate().map(masked).collect();
            softmax_row(&mut row);
            row
        };
        let (start, end) = (probabilities(start), probabilities(end));
        let mut spans = Vec::new();
        for first in (0..window.len()).filter(|&place| tells(place)) {
            let beyond = window.len().min(first.saturating_add(self.max_answer_length));
            for last in (first..beyond).filter(|&place| tells(place)) {
                spans.push(Span { score: start[first] * end[last], first, last });
            }
        }
        spans.sort_by(|a, b| b.score.total_cmp(&a.score));
        spans.truncate(self.top_k);
        spans
    }
    // ANCHOR_END: spans

    /// The best of all windows, each place once.
    fn merge(&self, found: impl Iterator<Item = Answer>) -> Vec<Answer> {
        let mut answers: Vec<Answer> = found.collect();
        answers.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut seen = HashSet::new();
        answers.retain(|answer| seen.insert((answer.start, answer.end)));
        answers.truncate(self.top_k);
        answers
    }
}

/// Tokens as characters of the context, widened to whole words (as far as the window shows them).
pub(crate) fn place(window: &Encoding, context: &str, span: &Span) -> Answer {
    let same_word = |token: usize| {
        move |&other: &usize| {
            window.sequence_ids[other] == Some(1)
                && window.word_ids[other] == window.word_ids[token]
        }
    };
    let first = (0..=span.first).find(same_word(span.first)).unwrap_or(span.first);
    let last = (span.last..window.len()).rfind(same_word(span.last)).unwrap_or(span.last);
    let (start, end) = (window.offsets[first].0, window.offsets[last].1);
    let answer = context.chars().skip(start).take(end - start).collect();
    Answer { score: span.score, start, end, answer }
}

impl Pipeline {
    /// The best answer to one question, if the context has any word: the short way.
    pub fn answer(&self, question: &str, context: &str) -> Result<Option<Answer>, Error> {
        Ok(Answerer::new(self)?.answer(&[(question, context)])?.remove(0).pop())
    }
}
