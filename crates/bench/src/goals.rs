//! What a measurement is held to.

use crate::machine::Machine;
use crate::turns::{Spread, TurnArgs};
use anyhow::Result;
use serde::Serialize;
use serde_json::json;

/// How far a figure has to go.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// A line of the table of `all`: one figure and its goal.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub what: String,
    /// Whom or what the figure compares with.
    pub against: String,
    pub goal: Goal,
    pub measured: Spread,
    /// Whether the median reaches the goal.
    pub met: bool,
    /// Digits that the table shows behind the point.
    #[serde(skip)]
    digits: usize,
}

impl Row {
    pub fn new(what: &str, against: &str, goal: Goal, measured: Spread) -> Self {
        let met = match goal {
            Goal::AtLeast(least) => measured.median >= least,
            Goal::AtMost(most) => measured.median <= most,
        };
        Self { what: what.to_owned(), against: against.to_owned(), goal, measured, met, digits: 2 }
    }

    /// Shown with so many digits behind the point.
    pub fn digits(self, digits: usize) -> Self {
        Self { digits, ..self }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(2);
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least:.digits$}"),
            Self::AtMost(most) => write!(f, "≤ {most:.digits$}"),
        }
    }
}

impl std::fmt::Display for Row {
    /// A line of a Markdown table.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { what, against, goal, measured, met, digits } = self;
        let met = if *met { "yes" } else { "no" };
        write!(f, "| {what} | {against} | {goal:.digits$} | {measured:.digits$} | {met} |")
    }
}

/// Figures that fill lines of the table.
pub trait Rows: Serialize {
    fn rows(&self) -> Vec<Row>;
}

/// Writes what a measurement gave, under its name, where the user wants it.
pub fn report(
    turns: &TurnArgs,
    name: &str,
    (machine, figures): (Machine, impl Rows),
) -> Result<()> {
    turns.write_json(&json!({ "machine": machine, name: figures }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_at_its_very_figure_and_never_by_what_is_no_number() {
        let met =
            |goal, median| Row::new("", "", goal, Spread { median, min: median, max: median }).met;
        assert!(met(Goal::AtLeast(1.5), 1.5) && !met(Goal::AtLeast(1.5), 1.49));
        assert!(met(Goal::AtMost(0.6), 0.6) && !met(Goal::AtMost(0.6), 0.61));
        assert!(!met(Goal::AtLeast(1.5), f64::NAN) && !met(Goal::AtMost(0.6), f64::NAN));
    }
}
