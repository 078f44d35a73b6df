//! Where the rows to predict for come from: read by a thread of their own, handed over in pieces.

use crate::common::{named_notes, say};
use crate::interrupt::stop_on_ctrl_c;
use crate::table_args::TableArgs;
use anyhow::{Context as _, Result, ensure};
use bert_data::Error;
use bert_data::texts::{Need, TextExample, TextRows};
use std::fs::File;
use std::io::{self, BufReader};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The most rows of a piece.
const PIECE: usize = 1024;
/// How long a Ctrl-C may wait.
const PATIENCE: Duration = Duration::from_millis(100);

/// Rows that come one after the other.
pub struct Source {
    name: PathBuf,
    rows: Receiver<Result<TextExample, Error>>,
    /// Gives back what it has read from, for what there is to say about it.
    reader: Option<JoinHandle<Option<TextRows>>>,
    notes: Vec<String>,
    /// Whether rows may take their time to come: then what is there is a piece.
    live: bool,
    stop: &'static AtomicBool,
}

impl Source {
    /// `-` is standard input.
    pub fn open(path: &Path, table: &TableArgs) -> Result<Self> {
        let stdin = path.as_os_str() == "-";
        let name = if stdin { Path::new("standard input") } else { path };
        // Rows of a pipe may take their time, too.
        let live = stdin || !(path.is_file() || path.is_dir());
        // Before anything is said: whoever has heard of us may press it.
        let stop = stop_on_ctrl_c("stopping after the rows at hand; Ctrl-C again stops at once");
        let (sender, rows) = sync_channel(PIECE);
        let reader = if !live && (table.glue.is_some() || path.is_dir()) {
            let examples = table.read(path, Need::IfThere)?.examples;
            thread::spawn(move || {
                // Nobody listens any more after an error, here and below.
                examples.into_iter().try_for_each(|example| sender.send(Ok(example))).ok();
                None
            })
        } else {
            let mut rows = if stdin {
                table.stream(BufReader::new(io::stdin()), name, Need::IfThere)?
            } else {
                table.warn_of_semicolons(path);
                let file = File::open(path).with_context(|| path.display().to_string())?;
                table.stream(BufReader::new(file), name, Need::IfThere)?
            };
            say(&format!("{}: columns: {}", name.display(), rows.columns()));
            thread::spawn(move || {
                rows.by_ref().try_for_each(|row| sender.send(row)).ok();
                Some(rows)
            })
        };
        let (name, notes) = (name.to_owned(), Vec::new());
        Ok(Self { name, rows, reader: Some(reader), notes, live, stop })
    }

    /// What messages call it.
    pub fn name(&self) -> &Path {
        &self.name
    }

    // ANCHOR: piece
    /// The next rows, none at the end, and what is wrong with the one after them.
    ///
    /// A person wants an answer after each line, a pipe soon, a file fast: of a file a piece is always full.
    ///
    /// # Errors
    /// Somebody has pressed Ctrl-C, and the rows at hand have been handed out.
    pub fn piece(&mut self) -> Result<(Vec<TextExample>, Option<Error>)> {
        let mut piece = Vec::new();
        while piece.len() < PIECE {
            let waits = piece.is_empty() || !self.live;
            let patience = if waits { PATIENCE } else { Duration::ZERO };
            match self.rows.recv_timeout(patience) {
                Ok(Ok(row)) => piece.push(row),
                Ok(Err(error)) => return Ok((piece, Some(error))),
                Err(RecvTimeoutError::Disconnected) => {
                    self.join();
                    break;
                }
                Err(RecvTimeoutError::Timeout) if waits => {}
                Err(RecvTimeoutError::Timeout) => break,
            }
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
        }
        ensure!(!piece.is_empty() || !self.stop.load(Ordering::Relaxed), "stopped by Ctrl-C");
        Ok((piece, None))
    }
    // ANCHOR_END: piece

    /// Waits for the end of the reader. If it has panicked, so does this thread: what it has read would look whole.
    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            let read = reader.join().unwrap_or_else(|panic| resume_unwind(panic));
            self.notes = read.map_or(Vec::new(), |rows| rows.notes());
        }
    }

    /// What a user should know, once all has been read.
    pub fn notes(&self) -> Vec<String> {
        named_notes(&self.name, &self.notes)
    }
}
