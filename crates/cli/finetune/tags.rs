//! `bert finetune tag`: a tag for each word, for names and the like.

use super::about::About;
use super::parts::{Part, Parts};
use super::step_args::BaseArgs;
use super::training_args::TrainingArgs;
use super::{FileArgs, Measured, Prepared, Task, Write};
use crate::common::{named_notes, say};
use crate::report::{Balance, OddTexts, Report, TagResults};
use anyhow::{Result, anyhow, ensure};
use bert_data::Error;
use bert_data::split::split_at_random;
use bert_data::tagged::{TaggedFile, TaggedOptions, TaggedSentence};
use bert_model::HeadKind;
use bert_pipeline::Pipeline;
use bert_train::tasks::tags::{self, TagSet, TaggedWords, marks_entities};
use serde_json::{Value, json};
use std::path::Path;

/// Tag words: names, places and other entities, or parts of speech
///
/// Files have a word and its tag on each line, a blank line between sentences (CoNLL). Tags may be IOB1, IOB2 or IOBES;
/// the model learns IOB2.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert finetune tag --model DIR --train train.conll --dev dev.conll --output names
  bert finetune tag --model DIR --train eng.train --tag-column 3 --output names")]
pub struct Args {
    #[command(flatten)]
    pub data: TagDataArgs,
    #[command(flatten)]
    pub training: TrainingArgs,
}

/// The files of tagged words.
#[derive(clap::Args)]
pub struct TagDataArgs {
    #[command(flatten)]
    pub files: FileArgs,
    #[command(flatten, next_help_heading = "Words in columns")]
    pub columns: TagColumns,
}

/// Where words and tags stand.
#[derive(clap::Args, Debug, Clone)]
pub struct TagColumns {
    /// The column of the words, from 0 [default: the first]
    #[arg(long, value_name = "N")]
    word_column: Option<usize>,
    /// The column of the tags, from 0 [default: the last]
    #[arg(long, value_name = "N")]
    tag_column: Option<usize>,
    /// Tags that break their scheme are read as conlleval reads them, and counted
    #[arg(long)]
    mend_tags: bool,
}

impl TagColumns {
    /// Reads a file that must have tags.
    pub fn read_tagged(&self, path: &Path) -> Result<TaggedFile> {
        let file = self.read(path, false)?;
        ensure!(
            file.sentences.iter().all(|sentence| sentence.tags.is_some()),
            "{}: there are no tags in it",
            path.display()
        );
        Ok(file)
    }

    /// Reads a file that must have tags, and none that a model does not know.
    pub fn read_known(&self, path: &Path, labels: &[String]) -> Result<TaggedFile> {
        let file = self.read_tagged(path)?;
        for sentence in &file.sentences {
            for (word, tag) in sentence.tags.iter().flatten().enumerate() {
                ensure!(
                    labels.contains(tag),
                    "{}: line {}: expected one of the tags {}, found {tag:?}",
                    path.display(),
                    sentence.line + word as u64,
                    labels.join(" ")
                );
            }
        }
        Ok(file)
    }

    /// Reads a file and says what one should know of it. `words_only`: its tags do not matter.
    pub fn read(&self, path: &Path, words_only: bool) -> Result<TaggedFile> {
        let options = TaggedOptions {
            word_column: self.word_column,
            tag_column: self.tag_column,
            words_only,
            scheme: None,
            mend: self.mend_tags,
        };
        let file = TaggedFile::read(path, &options).map_err(|error| match error {
            Error::Tag { .. } => anyhow!("{error} (--mend-tags reads such tags as conlleval does)"),
            error => error.into(),
        })?;
        named_notes(path, &file.notes).iter().for_each(|note| say(note));
        Ok(file)
    }
}

/// Tagged words to learn from, and to be measured by.
pub struct Tags {
    labels: Vec<String>,
    parts: Parts<TaggedSentence>,
}

impl From<TaggedFile> for Part<TaggedSentence> {
    fn from(file: TaggedFile) -> Self {
        Self { path: file.path, examples: file.sentences, notes: file.notes }
    }
}

impl TagDataArgs {
    /// Reads everything. `seed` decides which sentences are set aside.
    pub fn read(&self, seed: u64) -> Result<Tags> {
        let file = self.columns.read_tagged(&self.files.train)?;
        let labels = file.labels();
        ensure!(
            labels.len() > 1,
            "{}: all words have the tag {}, so there is nothing to tell apart",
            file.path.display(),
            labels.join("")
        );
        let read = |path: &Path| Ok(self.columns.read_known(path, &labels)?.into());
        let split =
            |sentences, share| Ok(split_at_random(sentences, share, seed, |place, _| place));
        let parts = Parts::read(&self.files, file.into(), "sentences", read, split)?;
        Ok(Tags { labels, parts })
    }
}

/// Tokenizes sentences.
pub fn tokenized(pipeline: &Pipeline, sentences: &[TaggedSentence]) -> Vec<TaggedWords> {
    let words: Vec<_> = sentences.iter().map(|sentence| sentence.words.as_slice()).collect();
    tags::tokenized(pipeline, &words)
}

/// Sentences to measure a model with.
fn set(pipeline: &Pipeline, part: &Part<TaggedSentence>) -> TagSet {
    let of = |sentence: &TaggedSentence| sentence.tags.clone().unwrap_or_default();
    let tags = part.examples.iter().map(of).collect();
    TagSet { sentences: tokenized(pipeline, &part.examples), tags }
}

impl Tags {
    /// Sentences that a finished model is measured with. `train`: what it learnt from, if that is known.
    pub fn measured(labels: Vec<String>, train: Option<TaggedFile>, test: TaggedFile) -> Self {
        Self { labels, parts: Parts::measured(train.map(Part::from), test.into()) }
    }

    fn number(&self, tag: &str) -> u32 {
        let place = self.labels.iter().position(|label| label == tag);
        place.expect("the labels are those of the training data") as u32
    }
}

impl Task for Tags {
    fn head(&self) -> HeadKind {
        HeadKind::TokenClassification
    }

    fn labels(&self) -> Option<Vec<String>> {
        Some(self.labels.clone())
    }

    fn class_counts(&self) -> Option<Vec<u64>> {
        let mut counts = vec![0; self.labels.len()];
        let train = &self.parts.train.examples;
        for tag in train.iter().flat_map(|sentence| sentence.tags.iter().flatten()) {
            counts[self.number(tag) as usize] += 1;
        }
        Some(counts)
    }

    fn score(&self) -> &'static str {
        if marks_entities(&self.labels) { "f1" } else { "accuracy" }
    }

    fn settings(&self) -> Vec<(&'static str, Value)> {
        let mut all = self.parts.settings();
        all.push(("tags", json!(self.labels)));
        all
    }

    fn describe(&self) -> String {
        format!("{} sentences, tags {}", self.parts.train.examples.len(), self.labels.join(" "))
    }

    fn prepare(&self, pipeline: &Pipeline, _: &BaseArgs) -> Result<Prepared> {
        let train = &self.parts.train.examples;
        let (mut examples, mut lengths) = (Vec::new(), Vec::new());
        for (sentence, words) in train.iter().zip(tokenized(pipeline, train)) {
            let numbers: Vec<_> =
                sentence.tags.iter().flatten().map(|tag| self.number(tag)).collect();
            examples.extend(tags::examples(&words, &numbers));
            lengths.push(words.windows.iter().map(|window| window.encoding.len()).sum());
        }
        let [dev, test] = self.parts.sets(|part| Ok(set(pipeline, part)))?;
        // What is too long comes in windows.
        Ok(Prepared { examples, dev, test, lengths, truncated: 0, empty: 0 })
    }

    fn measure(&self, pipeline: &Pipeline, _: bool) -> Result<Measured> {
        let Some(part) = self.parts.judge() else { return Ok(Measured::default()) };
        let (set, labels) = (set(pipeline, part), pipeline.config.labels());
        let words = tags::word_logits(pipeline, &set.sentences)?;
        let table = if marks_entities(&labels) {
            set.evaluation(&labels, &words).report(3)
        } else {
            set.confusion(&labels, &words).report(&labels, 3)
        };
        Ok(Measured { scores: set.named_scores(&labels, &words), table })
    }

    fn report(&self, mut about: About, pipeline: &Pipeline, write: Write) -> Result<()> {
        let (train, judged) = (&self.parts.train.examples, self.parts.judged());
        let entities = marks_entities(&self.labels);
        let balance = entities.then(|| Balance::of_entities(train, judged));
        let odd = OddTexts::of(train, judged, self.parts.judge_name());
        let report = about.report(&self.parts, balance, odd);
        let Some(part) = self.parts.judge() else { return write(&report) };
        let (labels, set) = (pipeline.config.labels(), set(pipeline, part));
        let words = tags::word_logits(pipeline, &set.sentences)?;
        let predicted: Vec<_> = words.iter().map(|words| tags::best_tags(&labels, words)).collect();
        write(&Report {
            scores: set.named_scores(&labels, &words),
            results: Some(Box::new(TagResults {
                sentences: &part.examples,
                predicted: &predicted,
            })),
            ..report
        })
    }
}
