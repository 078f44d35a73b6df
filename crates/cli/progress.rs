//! How a training is told: a bar on a terminal, a plain line from time to time elsewhere.

use crate::common::{say, warn};
use bert_hub::hub::Listener;
use bert_model::HeadKind;
use bert_train::{Error, Event};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// The least time between two plain lines.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts what there is no telling how much there is of. Seen on a terminal only.
pub fn spinner(what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style(&format!("{{spinner}} {{pos}} {what}, {{per_sec}}, {{elapsed}}")));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Counts up to a total, with a message. Seen on a terminal only.
pub fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    bar.with_style(style("{bar:24} {pos}/{len}  {msg}  {eta} left"))
}

/// How the download of a model goes: a bar for each file on a terminal, a line elsewhere.
#[derive(Default)]
pub struct Download {
    file: String,
    bar: Option<ProgressBar>,
}

impl Listener for Download {
    fn begin(&mut self, file: &str, size: usize) {
        // A file that was interrupted begins again.
        if self.file != file {
            self.file = file.to_owned();
            say(&format!("{file}, {:.1} MB", size as f64 / 1e6));
        }
        let bar = ProgressBar::with_draw_target(Some(size as u64), ProgressDrawTarget::stderr());
        self.bar = Some(
            bar.with_style(style("{bar:24} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left")),
        );
    }

    fn more(&mut self, size: usize) {
        self.bar.iter().for_each(|bar| bar.inc(size as u64));
    }

    fn end(&mut self) {
        self.bar.take().iter().for_each(ProgressBar::finish_and_clear);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is fixed").progress_chars("━╸ ")
}

/// Listens to a run.
pub struct Progress {
    head: HeadKind,
    bar: ProgressBar,
    terminal: bool,
    total: u64,
    /// Tokens since the last line of metrics, and since when.
    tokens: Cell<u64>,
    since: Cell<Instant>,
    /// When a plain line was last written, and at which step.
    told: Cell<Option<Instant>>,
    began: (Instant, u64),
    latest: RefCell<String>,
}

impl Progress {
    /// For a run that stands at `step` of `total`; `head` is the model's.
    pub fn new(head: HeadKind, step: u64, total: u64) -> Self {
        let terminal = io::stderr().is_terminal();
        let bar = bar(total).with_position(step);
        bar.reset_eta();
        Self {
            head,
            bar,
            terminal,
            total,
            tokens: Cell::new(0),
            since: Cell::new(Instant::now()),
            told: Cell::new(None),
            began: (Instant::now(), step),
            latest: RefCell::default(),
        }
    }

    /// Tells what has happened.
    pub fn tell(&self, event: Event) {
        match event {
            Event::Step(done) => {
                self.tokens.set(self.tokens.get() + done.tokens);
                self.bar.set_position(done.step);
                if done.step == self.total {
                    self.bar.finish_and_clear();
                }
            }
            Event::Metrics(step, line) => self.metrics(step, line),
            Event::Evaluated(step, judged) => {
                let summary = readable(&judged.summary(self.head));
                self.line(&format!("step {step}, held out: {summary}"));
            }
            Event::Slower(factor) => {
                let percent = 100.0 * factor;
                self.line(&format!("no better: from now on {percent:.4} % of the learning rate"));
            }
            Event::StoppedEarly(step) => {
                self.bar.finish_and_clear();
                self.line(&format!("no better for long: the training ends after step {step}"));
            }
            Event::Saved(path) => self.line(&format!("saved {}", path.display())),
            Event::NotSaved(error) => self.warn("no checkpoint was written", &error),
            Event::NotLogged(error) => self.warn("a line of metrics was not written", &error),
        }
    }

    fn metrics(&self, step: u64, line: &Map<String, Value>) {
        let seconds = self.since.replace(Instant::now()).elapsed().as_secs_f64();
        let rate = self.tokens.replace(0) as f64 / seconds.max(1e-9);
        let text = format!("{}, {rate:.0} tokens/s", readable(line));
        self.bar.set_message(text.clone());
        self.latest.replace(text);
        let due = self.told.get().is_none_or(|told| told.elapsed() >= INTERVAL);
        if !self.terminal && (due || step == self.total) {
            self.told.set(Some(Instant::now()));
            say(&format!(
                "step {step}/{}: {}, {}",
                self.total,
                self.latest.borrow(),
                self.left(step)
            ));
        }
    }

    fn left(&self, step: u64) -> String {
        let (began, first) = self.began;
        let each = began.elapsed().as_secs_f64() / (step - first).max(1) as f64;
        let seconds = (each * (self.total - step) as f64).round() as u64;
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        match (hours, minutes) {
            (0, 0) => format!("{seconds} s left"),
            (0, _) => format!("{minutes} min {seconds} s left"),
            _ => format!("{hours} h {minutes} min left"),
        }
    }

    fn warn(&self, what: &str, error: &Error) {
        self.bar.suspend(|| warn(&format!("{what}, the run goes on: {error}")));
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| say(text));
    }
}

/// `loss 3.214 (masked words 2.621, 43.1 % right; next sentence 0.593, 66.2 % right)`, or `loss 0.431, accuracy 0.812, f1 0.773`.
pub fn readable(line: &Map<String, Value>) -> String {
    let number = |key: &str| line.get(key).and_then(Value::as_f64);
    let part = |key: &str, name: &str| {
        let loss = number(&format!("{key}_loss"))?;
        let right = number(&format!("{key}_accuracy"))
            .map_or(String::new(), |share| format!(", {:.1} % right", 100.0 * share));
        Some(format!("{name} {loss:.3}{right}"))
    };
    let loss = format!("loss {:.3}", number("loss").unwrap_or(f64::NAN));
    let parts = [part("masked_lm", "masked words"), part("next_sentence", "next sentence")];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if !parts.is_empty() {
        return format!("{loss} ({})", parts.join("; "));
    }
    let is_score = |key: &str| !["loss", "learning_rate", "gradient_norm"].contains(&key);
    let scores = line.iter().filter(|(key, _)| is_score(key));
    let told = scores.filter_map(|(key, value)| Some(format!("{key} {:.3}", value.as_f64()?)));
    std::iter::once(loss).chain(told).collect::<Vec<_>>().join(", ")
}
