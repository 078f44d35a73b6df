//! Sentences in words, and a tag for each word.
//!
//! A word's tag is asked of its first token; the others count for nothing (Devlin et al., 2018, section
//! 5.3). A sentence that is longer than the model comes in windows, and each word counts in one of
//! them.

use super::{EvaluationSet, NamedScores, largest, mean, surprise};
use crate::{Error, Example, Sequence};
use bert_metrics::{Confusion, EntityEvaluation};
use bert_nn::Real;
use bert_pipeline::windows::{WordWindow, word_windows};
use bert_pipeline::{Pipeline, Tagger};
use bert_tokenizer::Encoding;
use rayon::prelude::*;

/// A sentence as the model takes it.
#[derive(Debug, Clone)]
pub struct TaggedWords {
    /// How many words it has.
    pub words: usize,
    /// One, if it is not longer than the model.
    pub windows: Vec<WordWindow>,
}

/// Tokenizes sentences, on all threads.
pub fn tokenized<S: AsRef<str> + Sync>(
    pipeline: &Pipeline,
    sentences: &[&[S]],
) -> Vec<TaggedWords> {
    let max_length = pipeline.max_length();
    let of = |sentence: &&[S]| {
        let words: Vec<&str> = sentence.iter().map(AsRef::as_ref).collect();
        let windows = word_windows(&pipeline.tokenizer, &words, max_length);
        TaggedWords { words: words.len(), windows }
    };
    sentences.par_iter().map(of).collect()
}

// ANCHOR: examples
/// Examples to train on, one for each window: `tags` holds the number of each word's tag.
pub fn examples(sentence: &TaggedWords, tags: &[u32]) -> Vec<Example> {
    let of = |window: &WordWindow| {
        let mut labels = vec![None; window.encoding.len()];
        window.words.iter().for_each(|&(token, word)| labels[token] = Some(tags[word]));
        (!window.words.is_empty()).then(|| Example::Tags(Sequence::from(&window.encoding), labels))
    };
    sentence.windows.iter().filter_map(of).collect()
}
// ANCHOR_END: examples

/// The logits \[C\] of each word; none for a word without a token, such as a lone control character.
pub type WordLogits = Vec<Option<Vec<Real>>>;

// ANCHOR: predict
/// Asks the model for each word of each sentence.
///
/// # Errors
/// The model does not tag.
pub fn word_logits(
    pipeline: &Pipeline,
    sentences: &[TaggedWords],
) -> Result<Vec<WordLogits>, Error> {
    let tagger = Tagger::new(pipeline)?;
    let windows = sentences.iter().flat_map(|sentence| &sentence.windows);
    let encodings: Vec<Encoding> = windows.map(|window| window.encoding.clone()).collect();
    let mut logits = tagger.logits(&encodings)?.into_iter();
    let of = |sentence: &TaggedWords| {
        let mut words = vec![None; sentence.words];
        for (window, logits) in sentence.windows.iter().zip(&mut logits) {
            for &(token, word) in &window.words {
                words[word] = Some(logits.row(token).to_vec());
            }
        }
        words
    };
    Ok(sentences.iter().map(of).collect())
}
// ANCHOR_END: predict

/// The best tag of each word; `O` where there is nothing to tell it from.
pub fn best_tags<'a>(labels: &'a [String], words: &WordLogits) -> Vec<&'a str> {
    let outside = || labels.iter().find(|label| *label == "O").map_or("O", String::as_str);
    let best = |logits: &Option<Vec<Real>>| match logits {
        Some(logits) => labels[largest(logits)].as_str(),
        None => outside(),
    };
    words.iter().map(best).collect()
}

/// Whether labels mark entities (`B-PER`), or words by themselves (`NOUN`).
pub fn marks_entities(labels: &[String]) -> bool {
    labels.iter().any(|label| label.starts_with("B-") || label.starts_with("I-"))
}

/// Sentences to measure a model with.
#[derive(Debug, Clone)]
pub struct TagSet {
    /// The sentences.
    pub sentences: Vec<TaggedWords>,
    /// The tags of their words.
    pub tags: Vec<Vec<String>>,
}

impl TagSet {
    /// Entities found and missed, by type.
    pub fn evaluation(&self, labels: &[String], words: &[WordLogits]) -> EntityEvaluation {
        let mut evaluation = EntityEvaluation::default();
        for (gold, words) in self.tags.iter().zip(words) {
            evaluation.add(gold, &best_tags(labels, words));
        }
        evaluation
    }

    /// The mean loss over all words whose tag the model knows.
    pub fn loss(&self, labels: &[String], words: &[WordLogits]) -> f64 {
        let all = self.tags.iter().flatten().zip(words.iter().flatten());
        let of = |(tag, logits): (&String, &Option<Vec<Real>>)| {
            let right = labels.iter().position(|label| label == tag)?;
            Some(surprise(logits.as_ref()?, right))
        };
        mean(&all.filter_map(of).collect::<Vec<_>>())
    }

    /// Loss and scores by name: of entities where the labels mark any, else of words.
    pub fn named_scores(&self, labels: &[String], words: &[WordLogits]) -> NamedScores {
        let named = |(name, score): (&str, f64)| (name.to_owned(), score);
        if !marks_entities(labels) {
            let confusion = self.confusion(labels, words);
            let macro_f1 = confusion.macro_average().f1;
            let loss = self.loss(labels, words);
            return [("loss", loss), ("accuracy", confusion.accuracy()), ("macro_f1", macro_f1)]
                .map(named)
                .into();
        }
        let evaluation = self.evaluation(labels, words);
        let micro = evaluation.micro_average();
        [
            ("loss", self.loss(labels, words)),
            ("precision", micro.precision),
            ("recall", micro.recall),
            ("f1", micro.f1),
            ("accuracy", evaluation.word_accuracy()),
        ]
        .map(named)
        .into()
    }

    /// Word by word, of the words whose tag the model knows.
    pub fn confusion(&self, labels: &[String], words: &[WordLogits]) -> Confusion {
        let mut confusion = Confusion::new(labels.len());
        let place = |tag: &str| labels.iter().position(|label| label == tag);
        for (gold, words) in self.tags.iter().zip(words) {
            for (gold, predicted) in gold.iter().zip(best_tags(labels, words)) {
                if let (Some(gold), Some(predicted)) = (place(gold), place(predicted)) {
                    confusion.add(gold, predicted);
                }
            }
        }
        confusion
    }
}

impl EvaluationSet for TagSet {
    fn scores(&self, pipeline: &Pipeline) -> Result<NamedScores, Error> {
        let words = word_logits(pipeline, &self.sentences)?;
        Ok(self.named_scores(&pipeline.config.labels(), &words))
    }
}
