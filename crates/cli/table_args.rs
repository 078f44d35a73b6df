//! Which columns of which table.

use crate::common::{Usage, expect_usage, named_notes, say, warn};
use anyhow::Result;
use bert_data::table::{Column, Format, TableOptions};
use bert_data::texts::{
    Columns, Glue, Labels, Need, Problem, TextFile, TextOptions, TextRows, UsedColumns,
    read_folder, read_texts,
};
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

/// How texts, and perhaps labels, are read.
#[derive(clap::Args, Debug, Clone)]
pub struct TableArgs {
    /// The column of the text, by name or by number from 0 (a name of digits with = before it)
    /// [default: found where the names leave no doubt]
    #[arg(long, value_name = "COLUMN", conflicts_with = "glue")]
    text_column: Option<Column>,
    /// The column of a second text
    #[arg(long, value_name = "COLUMN", conflicts_with = "glue")]
    pair_column: Option<Column>,
    /// The column of the label; several with commas where a text may have several labels, each then says 0 or 1
    #[arg(long, value_name = "COLUMN", conflicts_with = "glue", value_delimiter = ',')]
    label_column: Vec<Column>,
    /// The column of the examples' names
    #[arg(long, value_name = "COLUMN", conflicts_with = "glue")]
    id_column: Option<Column>,
    /// csv, tsv (never quoted), json or jsonl [default: by the file's extension]
    #[arg(long, value_name = "FORMAT", conflicts_with = "glue")]
    format: Option<Format>,
    /// The first row is a header [default: found out]
    #[arg(long, conflicts_with = "no_header")]
    header: bool,
    /// The first row is data
    #[arg(long)]
    no_header: bool,
    /// What stands between several labels in one cell [default: a comma]
    #[arg(long, value_name = "TEXT")]
    label_separator: Option<String>,
    /// The files are those of a GLUE task: cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli, or xnli
    #[arg(long, value_name = "TASK")]
    pub glue: Option<Glue>,
    /// With --glue xnli: the language to read
    #[arg(long, value_name = "CODE", default_value = "en", requires = "glue")]
    language: String,
    /// What is to be predicted: the model says it, or what it is trained for.
    #[arg(skip)]
    problem: Problem,
    /// See [`Columns::of_another_file`].
    #[arg(skip)]
    of_another_file: bool,
}

impl TableArgs {
    /// The same, for something that is to be predicted.
    pub fn for_problem(&self, problem: Problem) -> Result<Self> {
        let fits = self.glue.is_none_or(|glue| glue.problem() == problem);
        expect_usage(fits, || "--glue: the model was trained for another kind of task".to_owned())?;
        let several = problem == Problem::MultiLabel;
        let one =
            "here each text has one label (bert finetune classify --multi-label gives several)";
        for (flag, given) in [
            ("--label-separator", self.label_separator.is_some()),
            ("--label-column with several columns", self.label_column.len() > 1),
        ] {
            expect_usage(several || !given, || format!("{flag}: {one}"))?;
        }
        Ok(Self { problem, ..self.clone() })
    }

    /// The same, for a file that belongs to one whose texts and labels were read from these columns. What the user says comes
    /// first.
    pub fn with_columns(&self, used: &UsedColumns) -> Self {
        let Columns { text, pair, labels, of_another_file, .. } = used.again.clone();
        let own = &self.label_column;
        Self {
            text_column: self.text_column.clone().or(text),
            pair_column: self.pair_column.clone().or(pair),
            label_column: if own.is_empty() { labels } else { own.clone() },
            of_another_file,
            ..self.clone()
        }
    }

    /// The labels and their order, where the task fixes them.
    pub fn labels(&self) -> Option<Labels> {
        self.glue.and_then(Glue::labels)
    }

    /// All examples of a file, or of a folder with one folder of texts for each class. Says what one should know of
    /// them.
    pub fn read(&self, path: &Path, need: Need) -> Result<TextFile> {
        self.warn_of_semicolons(path);
        let file = match self.glue {
            Some(glue) => glue.read(path, &self.language, need)?,
            None if path.is_dir() => self.folder(path)?,
            None => read_texts(path, &self.options(need))?,
        };
        if self.glue.is_none() && path.is_file() {
            say(&format!("{}: columns: {}", path.display(), file.columns));
        }
        named_notes(path, &file.notes).iter().for_each(|note| say(note));
        Ok(file)
    }

    /// The examples of a stream, one after the other.
    pub fn stream(
        &self,
        reader: impl BufRead + Send + 'static,
        name: &Path,
        need: Need,
    ) -> Result<TextRows> {
        if self.glue.is_some() {
            let hint = "--glue: a file is wanted as --input, no stream";
            return Err(Usage(hint.to_owned()).into());
        }
        Ok(TextRows::from_reader(reader, name, &self.options(need))?)
    }

    /// Half of the world's spreadsheets write semicolons into a .csv. As commas they would be read as one long cell.
    pub fn warn_of_semicolons(&self, path: &Path) {
        let csv = self.format.map_or_else(|| Format::of(path).ok(), Some) == Some(Format::Csv);
        // What is read of a pipe is gone.
        if !csv || self.glue.is_some() || !path.is_file() {
            return;
        }
        let mut first = String::new();
        let read =
            File::open(path).and_then(|file| BufReader::new(file.take(4096)).read_line(&mut first));
        if read.is_err() || first.contains(',') {
            return;
        }
        if let Some(sign) = [';', '\t'].into_iter().find(|&sign| first.contains(sign)) {
            warn(&format!(
                "{}: there is no comma in the first row, but {sign:?}: if that stands between the cells, write the file with commas, or \
                 with tabs and --format tsv",
                path.display()
            ));
        }
    }

    fn folder(&self, path: &Path) -> Result<TextFile> {
        expect_usage(self.problem == Problem::SingleLabel, || {
            format!("{}: a folder for each class gives each text one label", path.display())
        })?;
        Ok(read_folder(path)?)
    }

    fn options(&self, target: Need) -> TextOptions {
        let header = match (self.header, self.no_header) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        let columns = Columns {
            text: self.text_column.clone(),
            pair: self.pair_column.clone(),
            labels: self.label_column.clone(),
            id: self.id_column.clone(),
            of_another_file: self.of_another_file,
        };
        TextOptions {
            table: TableOptions { format: self.format, header, ..TableOptions::default() },
            columns,
            problem: self.problem,
            separator: self.label_separator.clone().unwrap_or_else(|| ",".to_owned()),
            target,
        }
    }
}
