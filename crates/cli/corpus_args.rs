//! Which texts, and how sentences stand in them.

use crate::common::{counted, warn};
use anyhow::Result;
use bert_data::Corpus;
use bert_data::corpus::Form;
use std::path::PathBuf;

/// Texts; a command that takes them takes `--tiny-world` instead.
#[derive(clap::Args)]
pub struct CorpusArgs {
    /// Text files, or patterns such as 'texts/*.txt': one sentence per line, a blank line between
    /// documents
    #[arg(long, value_name = "FILE", num_args = 1.., required_unless_present = "tiny_world")]
    corpus: Vec<PathBuf>,
    /// The corpus is running text: find its sentences
    #[arg(long)]
    pub split_sentences: bool,
}

impl CorpusArgs {
    /// Opens the texts, and says what one should know of them. `pairs`: whether they are for next-sentence prediction.
    pub fn open(&self, pairs: bool) -> Result<Corpus> {
        let corpus = self.open_others(&self.corpus)?;
        if pairs {
            warn_of_single_lines(&corpus);
        }
        Ok(corpus)
    }

    /// Other texts of the same form.
    pub fn open_others(&self, patterns: &[PathBuf]) -> Result<Corpus> {
        let form = if self.split_sentences { Form::RunningText } else { Form::SentencePerLine };
        let corpus = Corpus::open(patterns, form)?;
        corpus.notes().iter().for_each(|note| warn(note));
        Ok(corpus)
    }
}

/// Paragraphs of running text, one on each line, look like documents of one sentence.
fn warn_of_single_lines(corpus: &Corpus) {
    let (documents, lines) = (corpus.documents() as u64, corpus.lines());
    if corpus.form() == Form::SentencePerLine && 2 * lines < 3 * documents {
        let documents = counted(documents as usize, "document");
        warn(&format!(
            "{documents} have {lines} lines: with so few sentences each, nearly every pair is a random one. Are the lines running \
             text? --split-sentences finds its sentences"
        ));
    }
}
