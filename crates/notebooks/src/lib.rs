//! Runs and checks the Markdown notebooks of `notebooks-md`.
//!
//! A notebook is plain Markdown. Its ` ```rust ` cells share one scope from top to bottom, its
//! ` ```console ` blocks run the `bert` command, and what they print stands in the page. This
//! crate turns each notebook into one Rust program, runs it, and shows, compares or rewrites the
//! outputs. The command is `cargo notebook`; inside a cell only [`figure`] and [`root`] are of use.
//!
//! # Layout
//!
//! In reading order:
//!
//! - `parse.rs`: Markdown → cells, and where the output of each stands in the page
//! - `generate.rs`: a notebook → a Rust program with the same line numbers; the package around it
//! - `support.rs`: not a module here: the few functions which that program calls while it runs
//! - `run.rs`: one `cargo build` for all programs; runs one and sorts its output by cell
//! - `compare.rs`: are two outputs the same, up to the last digits of measured numbers?
//! - `check.rs`: compares the pages with a run, and describes the differences
//! - `update.rs`: writes the outputs of a run into the pages
//! - `figure.rs`: what a cell calls to show an SVG
//! - `jupyter.rs`: sets up the Rust kernel of Jupyter
//! - `project.rs`: where everything lies; finds the notebooks
//! - `main.rs`: the command line
#![forbid(unsafe_code)]

pub mod check;
mod compare;
mod figure;
mod generate;
pub mod jupyter;
mod parse;
mod project;
pub mod run;
pub mod update;

pub use figure::figure;
pub use parse::{Cell, Notebook, Source};
pub use project::{Project, root};
