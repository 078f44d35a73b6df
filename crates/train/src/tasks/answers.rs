//! Questions, each with a context in which the answer stands.
//!
//! A window that does not show the whole answer is taught to answer with `[CLS]`: "not here" (Devlin et
//! al., 2018, section 4.3; so do run_squad.py and transformers, for SQuAD 1.1 as for 2.0).

use super::{EvaluationSet, NamedScores, mean, surprise};
use crate::{Error, Example, Sequence};
use bert_data::squad::{GoldAnswer, Question};
use bert_metrics::squad::{Answered, evaluate_version_1, evaluate_version_2};
use bert_pipeline::answer::SpanLogits;
use bert_pipeline::n_best::{NBest, NBestOptions};
use bert_pipeline::windows::question_windows;
use bert_pipeline::{Answerer, Pipeline};
use bert_tokenizer::{Encoding, Tokenizer};
use rayon::prelude::*;
use std::ops::Range;

/// How questions and contexts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cutting {
    /// The longest window.
    pub max_length: usize,
    /// How many tokens of the context neighbouring windows share; none means 128, or half of a window if that is
    /// less.
    pub stride: Option<usize>,
    /// What a question may have; the rest is cut off.
    pub max_question: usize,
    /// What an answer may have.
    pub max_answer: usize,
}

impl Default for Cutting {
    /// Google's, the stride excepted: theirs is the step from window to window, ours what windows share.
    fn default() -> Self {
        Self { max_length: 384, stride: None, max_question: 64, max_answer: 30 }
    }
}

/// Where the first answer stands that is where its file says, in characters of the context.
fn place(question: &Question) -> Option<Range<usize>> {
    let stands = |answer: &GoldAnswer| Some((answer.start?, answer.text.chars().count()));
    let (start, length) = question.answers.iter().find_map(stands)?;
    Some(start..start + length)
}

/// Cuts questions that are too long. Returns how many there were.
pub fn cut_questions(tokenizer: &Tokenizer, questions: &mut [Question], max: usize) -> usize {
    let cut = |question: &mut Question| {
        let encoding = tokenizer.encode(question.question.as_str());
        let own = encoding.special_tokens_mask.iter().filter(|&&special| !special).count();
        if own > max {
            let end = encoding.offsets[max].1; // [CLS] is token 0
            question.question = question.question.chars().take(end).collect();
        }
        usize::from(own > max)
    };
    questions.par_iter_mut().map(cut).sum()
}

// ANCHOR: span
/// The first and the last token of the answer at `place` (characters of the context) in a window; none if the
/// window does not show all of it.
pub fn span(window: &Encoding, place: &Range<usize>) -> Option<(u32, u32)> {
    let tells = |&token: &usize| window.sequence_ids[token] == Some(1);
    let tokens = || (0..window.len()).filter(tells);
    let (first, last) = (tokens().next()?, tokens().next_back()?);
    if window.offsets[first].0 > place.start || window.offsets[last].1 < place.end {
        return None;
    }
    // The last token that begins no later than the answer, the first that ends no earlier.
    let begins = tokens().rfind(|&token| window.offsets[token].0 <= place.start)?;
    let ends = tokens().find(|&token| window.offsets[token].1 >= place.end)?;
    Some((begins as u32, ends.max(begins) as u32))
}
// ANCHOR_END: span

/// The windows of each question.
///
/// # Errors
/// A question leaves no room for its context. The error counts questions.
pub fn tokenized(
    pipeline: &Pipeline,
    questions: &[Question],
    cutting: &Cutting,
) -> Result<Vec<Vec<Encoding>>, Error> {
    let (tokenizer, max_length) =
        (&pipeline.tokenizer, cutting.max_length.min(pipeline.max_length()));
    let of = |(number, asked): (usize, &Question)| {
        let (question, context) = (&asked.question, &asked.context);
        question_windows(tokenizer, question, context, max_length, cutting.stride)
            .map_err(|error| error.counted_from(number))
    };
    let all: Result<Vec<_>, _> = questions.par_iter().enumerate().map(of).collect();
    Ok(all?)
}

/// Examples to train on, one for each window.
pub fn examples(question: &Question, windows: &[Encoding]) -> Vec<Example> {
    let place = place(question);
    let of = |window: &Encoding| {
        let found = place.as_ref().and_then(|place| span(window, place));
        let (first, last) = found.unwrap_or_default(); // [CLS]
        Example::Span(Sequence::from(window), first, last)
    };
    windows.iter().map(of).collect()
}

/// Questions to measure a model with.
#[derive(Debug, Clone)]
pub struct AnswerSet {
    /// The questions.
    pub questions: Vec<Question>,
    /// Their windows.
    pub windows: Vec<Vec<Encoding>>,
    /// How they were cut.
    pub cutting: Cutting,
    /// Whether some questions have no answer (SQuAD 2.0).
    pub no_answer: bool,
    /// How many answers are kept for each question.
    pub n_best: usize,
}

/// What a model says.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerOutcome {
    /// Of each question.
    pub answers: Vec<NBest>,
    /// The loss of each window: the mean of those of the answer's beginning and end.
    pub losses: Vec<Vec<f64>>,
}

impl AnswerSet {
    /// Asks the model.
    ///
    /// # Errors
    /// It does not answer questions.
    pub fn outcome(&self, pipeline: &Pipeline) -> Result<AnswerOutcome, Error> {
        let mut answerer = Answerer::new(pipeline)?;
        answerer.max_answer_length = self.cutting.max_answer;
        let options = NBestOptions { n: self.n_best, no_answer: self.no_answer };
        let mut logits = answerer.logits(&self.windows.concat())?.into_iter();
        let (mut answers, mut losses) = (Vec::new(), Vec::new());
        for (question, windows) in self.questions.iter().zip(&self.windows) {
            let logits: Vec<_> = logits.by_ref().take(windows.len()).collect();
            let place = place(question);
            let loss = |(window, (start, end)): (&Encoding, &SpanLogits)| {
                let right = place.as_ref().and_then(|place| span(window, place));
                let (first, last) = right.unwrap_or_default();
                (surprise(start, first as usize) + surprise(end, last as usize)) / 2.0
            };
            losses.push(windows.iter().zip(&logits).map(loss).collect());
            answers.push(answerer.choose(&question.context, windows, &logits, options));
        }
        Ok(AnswerOutcome { answers, losses })
    }

    /// Loss, exact match and F1, in per cent as the official programs tell them.
    pub fn named_scores(&self, outcome: &AnswerOutcome) -> NamedScores {
        let answered: Vec<Answered> = self
            .questions
            .iter()
            .zip(&outcome.answers)
            .map(|(question, answer)| Answered {
                gold: question.answers.iter().map(|answer| answer.text.as_str()).collect(),
                predicted: Some(answer.text()),
            })
            .collect();
        let mut named = vec![("loss", mean(&outcome.losses.concat()))];
        if self.no_answer {
            let odds: Vec<_> =
                outcome.answers.iter().map(|answer| f64::from(answer.null_odds)).collect();
            named.extend(evaluate_version_2(&answered, Some(&odds), 0.0).rows());
        } else {
            let means = evaluate_version_1(&answered);
            named.extend([("exact_match", means.exact), ("f1", means.f1)]);
        }
        named.into_iter().map(|(name, score)| (name.to_owned(), score)).collect()
    }
}

impl EvaluationSet for AnswerSet {
    fn scores(&self, pipeline: &Pipeline) -> Result<NamedScores, Error> {
        Ok(self.named_scores(&self.outcome(pipeline)?))
    }
}
