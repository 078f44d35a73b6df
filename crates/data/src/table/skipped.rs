//! What was passed over, so that it can be told.

use std::fmt;

/// How many lines are remembered.
const FIRST: usize = 5;

/// How often something was met, and where first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// How often.
    pub count: u64,
    /// The first lines, at most five.
    pub lines: Vec<u64>,
}

impl Counted {
    /// One more, on this line.
    pub fn add(&mut self, line: u64) {
        self.count += 1;
        if self.lines.len() < FIRST {
            self.lines.push(line);
        }
    }

    /// Whether it was met at all.
    pub fn any(&self) -> bool {
        self.count > 0
    }
}

/// "7 (lines 3, 5, 8, 9, 12, …)"
impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.lines.iter().map(u64::to_string).collect();
        let word = if self.count == 1 { "line" } else { "lines" };
        let more = if self.count > FIRST as u64 { ", …" } else { "" };
        write!(f, "{} ({word} {}{more})", self.count, lines.join(", "))
    }
}

/// The rows of a file that were not read, by the reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Blank lines between rows. Those at the end are no rows and not counted.
    pub blank: Counted,
    /// Rows with too few cells, where the format says to pass over them.
    pub short: Counted,
    /// Rows in another language than the one asked for.
    pub other_language: Counted,
}

impl Skipped {
    /// How many rows were not read.
    pub fn count(&self) -> u64 {
        self.blank.count + self.short.count + self.other_language.count
    }

    /// A sentence for each reason that there was.
    pub fn notes(&self) -> Vec<String> {
        let reasons = [
            (&self.blank, "blank lines between rows"),
            (&self.short, "rows with too few cells"),
            (&self.other_language, "rows in other languages"),
        ];
        let met = reasons.iter().filter(|(counted, _)| counted.any());
        met.map(|(counted, what)| format!("passed over {what}: {counted}")).collect()
    }
}
