//! The files of the GLUE tasks (Wang et al., 2018) and of XNLI (Conneau et al., 2018).
//!
//! They are TSV without quoting, each with columns of its own. A test set has no labels and other
//! columns; the first row tells which of the two a file is. The order of the labels is that of
//! Google's `run_classifier.py` and of the GLUE processors of transformers (MNLI: contradiction,
//! entailment, neutral). The `datasets` library numbers MNLI's otherwise: entailment, neutral,
//! contradiction. Where a model states its labels, theirs is the order that counts.

use super::columns::Places;
use super::{Labels, Need, Problem, Target, TextExample, TextFile, TextRows};
use crate::Error;
use crate::table::{Format, Rows, ShortRows, TableOptions};
use std::path::Path;
use std::str::FromStr;

/// A task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glue {
    /// Whether a sentence is grammatical.
    Cola,
    /// Whether a sentence of a film review is positive.
    Sst2,
    /// Whether two sentences say the same.
    Mrpc,
    /// How alike two sentences are, from 0 to 5.
    Stsb,
    /// Whether two questions ask the same.
    Qqp,
    /// Whether a premise entails a hypothesis, contradicts it, or neither.
    Mnli,
    /// Whether a sentence answers a question.
    Qnli,
    /// Whether one text entails another.
    Rte,
    /// Whether a sentence stays true when a pronoun is replaced by what it stands for.
    Wnli,
    /// As MNLI, in fifteen languages.
    Xnli,
}

/// What a task is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GlueMetric {
    /// The share of right answers.
    Accuracy,
    /// F1 of the class 1.
    F1,
    /// Matthews correlation.
    Matthews,
    /// Pearson correlation.
    Pearson,
    /// Spearman rank correlation.
    Spearman,
}

impl GlueMetric {
    /// In small letters, as in a file of results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::F1 => "f1",
            Self::Matthews => "matthews",
            Self::Pearson => "pearson",
            Self::Spearman => "spearman",
        }
    }
}

const ALL: [(&str, Glue); 10] = [
    ("cola", Glue::Cola),
    ("sst2", Glue::Sst2),
    ("mrpc", Glue::Mrpc),
    ("stsb", Glue::Stsb),
    ("qqp", Glue::Qqp),
    ("mnli", Glue::Mnli),
    ("qnli", Glue::Qnli),
    ("rte", Glue::Rte),
    ("wnli", Glue::Wnli),
    ("xnli", Glue::Xnli),
];

impl FromStr for Glue {
    type Err = Error;

    /// As `cola`, `SST-2`, `sts-b`: capitals and hyphens do not count.
    fn from_str(text: &str) -> Result<Self, Error> {
        let name = text.to_ascii_lowercase().replace('-', "");
        let task = ALL.iter().find(|(known, _)| *known == name);
        task.map(|(_, task)| *task).ok_or_else(|| Error::Setting {
            name: "glue",
            expected: ALL.map(|(name, _)| name).join(", "),
            found: text.to_owned(),
        })
    }
}

// ANCHOR: layout
/// Where things stand in a row, counted from 0.
struct Layout {
    header: bool,
    text: usize,
    pair: Option<usize>,
    label: Option<usize>,
    id: Option<usize>,
    /// The column of a row's language, where a file has several.
    language: Option<usize>,
}

impl Glue {
    /// `first` is a file's first row.
    fn layout(self, first: &[String]) -> Layout {
        let begins_with = |name: &str| first.first().is_some_and(|cell| cell.trim() == name);
        let with = |text, pair, label, id| Layout {
            header: true,
            text,
            pair,
            // A test set's rows end before the label.
            label: Some(label).filter(|&label| label < first.len()),
            id,
            language: None,
        };
        let test = |text, pair| Layout { label: None, ..with(text, pair, 0, Some(0)) };
        match self {
            Self::Cola | Self::Sst2 if begins_with("index") => test(1, None),
            Self::Cola => Layout { header: false, ..with(3, None, 1, None) },
            Self::Sst2 => with(0, None, 1, None),
            Self::Mrpc if begins_with("index") => test(3, Some(4)),
            Self::Mrpc => with(3, Some(4), 0, None),
            Self::Stsb => with(7, Some(8), 9, Some(0)),
            Self::Qqp if first.len() < 6 => test(1, Some(2)),
            Self::Qqp => with(3, Some(4), 5, Some(0)),
            // The label is the last column: behind it there are those of single judges in the dev
            // set, and none in the training set.
            Self::Mnli => with(8, Some(9), first.len().max(11) - 1, Some(0)),
            Self::Qnli | Self::Rte | Self::Wnli => with(1, Some(2), 3, Some(0)),
            Self::Xnli if begins_with("language") => {
                Layout { language: Some(0), ..with(6, Some(7), 1, None) }
            }
            Self::Xnli => with(0, Some(1), 2, None),
        }
    }
}
// ANCHOR_END: layout

impl Glue {
    /// In small letters.
    pub fn name(self) -> &'static str {
        ALL.iter().find(|(_, task)| *task == self).expect("all of them are there").0
    }

    /// What is to be predicted.
    pub fn problem(self) -> Problem {
        if self == Self::Stsb { Problem::Regression } else { Problem::SingleLabel }
    }

    /// The labels in the model's order; none of STS-B, which has numbers.
    pub fn labels(self) -> Option<Labels> {
        let names: &[&str] = match self {
            Self::Stsb => return None,
            Self::Mnli | Self::Xnli => &["contradiction", "entailment", "neutral"],
            Self::Qnli | Self::Rte => &["entailment", "not_entailment"],
            Self::Cola | Self::Sst2 | Self::Mrpc | Self::Qqp | Self::Wnli => &["0", "1"],
        };
        Some(Labels::given(names.iter().copied()).expect("they differ"))
    }

    /// What the task is judged by; the first is the one to choose models by.
    pub fn metrics(self) -> &'static [GlueMetric] {
        match self {
            Self::Cola => &[GlueMetric::Matthews],
            Self::Mrpc | Self::Qqp => &[GlueMetric::Accuracy, GlueMetric::F1],
            Self::Stsb => &[GlueMetric::Pearson, GlueMetric::Spearman],
            _ => &[GlueMetric::Accuracy],
        }
    }

    /// Reads a file of this task: training, dev or test set. With [`Need::Always`] it must have
    /// labels. Of XNLI's dev and test set only the rows in `language` ("en") are read, the others counted.
    /// Short rows of QQP are passed over and counted, as others do; of any other task they are an
    /// error.
    ///
    /// # Errors
    /// It cannot be read, or is no file of this task: columns are missing, a label is none of the
    /// task's.
    pub fn read(
        self,
        path: impl AsRef<Path>,
        language: &str,
        need: Need,
    ) -> Result<TextFile, Error> {
        let path = path.as_ref();
        let layout = self.layout(&first_row(path)?);
        let short_rows = if self == Self::Qqp { ShortRows::Skip } else { ShortRows::Refuse };
        let rows = Rows::open(path, &TableOptions { short_rows, ..table(layout.header) })?;
        self.check_columns(&layout, &rows, need)?;
        let Layout { text, pair, id, .. } = layout;
        let labels = layout.label.into_iter().collect();
        let places = Places { text, pair, labels, id, notes: Vec::new() };
        let only = layout.language.map(|place| (place, language.to_owned()));
        let mut file = TextRows::with(rows, places, self.problem(), need, only).collect_file()?;
        if self == Self::Xnli {
            file.examples.iter_mut().for_each(mend);
        }
        if let Some(labels) = self.labels() {
            labels.counts(&file)?;
        }
        Ok(file)
    }

    fn check_columns(self, layout: &Layout, rows: &Rows, need: Need) -> Result<(), Error> {
        let Layout { text, pair, label, language, .. } = *layout;
        let last = [Some(text), pair, label, language].into_iter().flatten().max();
        let missing = |column| {
            let (path, there) = (rows.path().to_owned(), rows.columns());
            Err(Error::MissingColumn { path, column, there })
        };
        match last {
            Some(last) if last >= rows.width() => {
                missing(format!("{last} (counted from 0), which {} has", self.name()))
            }
            _ if label.is_none() && need == Need::Always => {
                missing("with labels, as in a test set".to_owned())
            }
            _ => Ok(()),
        }
    }
}

fn table(header: bool) -> TableOptions {
    let (format, header) = (Some(Format::Tsv), Some(header));
    TableOptions { format, header, ..TableOptions::default() }
}

fn first_row(path: &Path) -> Result<Vec<String>, Error> {
    let row = Rows::open(path, &table(false))?.next().transpose()?;
    let cells = row.map_or_else(Vec::new, |row| row.cells);
    Ok(cells.iter().map(|cell| cell.text().map_or_else(String::new, |text| text.into())).collect())
}

/// XNLI's training set says "contradictory" where its dev set says "contradiction".
fn mend(example: &mut TextExample) {
    if let Some(Target::Class(class)) = &mut example.target
        && class == "contradictory"
    {
        "contradiction".clone_into(class);
    }
}
