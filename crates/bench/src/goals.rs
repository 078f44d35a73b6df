//! What a measurement is held to.

use crate::turns::Spread;
use serde::Serialize;

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
}

impl Row {
    pub fn new(what: &str, against: &str, goal: Goal, measured: Spread) -> Self {
        let met = match goal {
            Goal::AtLeast(least) => measured.median >= least,
            Goal::AtMost(most) => measured.median <= most,
        };
        Self { what: what.to_owned(), against: against.to_owned(), goal, measured, met }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, "≥ {least:.2}"),
            Self::AtMost(most) => write!(f, "≤ {most:.2}"),
        }
    }
}

impl std::fmt::Display for Row {
    /// A line of a Markdown table.
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { what, against, goal, measured, met } = self;
        let met = if *met { "yes" } else { "no" };
        write!(f, "| {what} | {against} | {goal} | {measured} | {met} |")
    }
}

/// Figures that fill lines of the table.
pub trait Rows: Serialize {
    fn rows(&self) -> Vec<Row>;
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
