//! Questions with several endings, of which one is right.

use super::{EvaluationSet, NamedScores, largest, mean, surprise};
use crate::{Error, Example, Sequence};
use bert_nn::Real;
use bert_pipeline::{Chooser, Pipeline, Prepared};
use bert_tokenizer::{Encoding, Input};

/// A question as the model takes it: a sequence for each ending.
pub type Choices = Vec<Encoding>;

/// Tokenizes questions, each a beginning and its endings. Also returns what happened to the sequences on the way
/// (without the encodings themselves).
///
/// # Errors
/// A sequence is too long, if `strict`. The error counts questions.
pub fn tokenized(
    pipeline: &Pipeline,
    questions: &[(&str, &[String])],
    strict: bool,
) -> Result<(Vec<Choices>, Prepared), Error> {
    let pairs = questions
        .iter()
        .flat_map(|&(first, endings)| endings.iter().map(move |ending| Input::Pair(first, ending)));
    let question = |sequence: usize| {
        let ends = questions.iter().scan(0, |end, (_, endings)| {
            *end += endings.len();
            Some(*end)
        });
        ends.take_while(|&end| end <= sequence).count()
    };
    let mut prepared = pipeline
        .prepare(&pairs.collect::<Vec<_>>(), strict)
        .map_err(|error| error.renumbered(question))?;
    let mut encodings = std::mem::take(&mut prepared.encodings).into_iter();
    let of = |(_, endings): &(&str, &[String])| encodings.by_ref().take(endings.len()).collect();
    Ok((questions.iter().map(of).collect(), prepared))
}

/// An example to train on.
pub fn example(choices: &Choices, right: u32) -> Example {
    Example::Choice(choices.iter().map(Sequence::from).collect(), right)
}

/// Questions to measure a model with.
#[derive(Debug, Clone)]
pub struct ChoiceSet {
    /// The questions.
    pub questions: Vec<Choices>,
    /// The number of the right ending of each.
    pub right: Vec<u32>,
}

impl ChoiceSet {
    /// The number that each ending gets, question by question.
    ///
    /// # Errors
    /// The model does not choose.
    pub fn logits(&self, pipeline: &Pipeline) -> Result<Vec<Vec<Real>>, Error> {
        let mut all = Chooser::new(pipeline)?.logits(&self.questions.concat())?.into_iter();
        let of = |choices: &Choices| all.by_ref().take(choices.len()).collect();
        Ok(self.questions.iter().map(of).collect())
    }

    /// Loss and accuracy.
    pub fn named_scores(&self, logits: &[Vec<Real>]) -> NamedScores {
        let each = || logits.iter().zip(self.right.iter().map(|&right| right as usize));
        let losses: Vec<_> = each().map(|(logits, right)| surprise(logits, right)).collect();
        let hits: Vec<_> =
            each().map(|(logits, right)| f64::from(largest(logits) == right)).collect();
        vec![("loss".to_owned(), mean(&losses)), ("accuracy".to_owned(), mean(&hits))]
    }
}

impl EvaluationSet for ChoiceSet {
    fn scores(&self, pipeline: &Pipeline) -> Result<NamedScores, Error> {
        Ok(self.named_scores(&self.logits(pipeline)?))
    }
}
