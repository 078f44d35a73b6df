//! Texts and what is to be predicted of them: a class, several labels, a number.
//!
//! ```
//! use bert_data::table::{Format, TableOptions};
//! use bert_data::texts::{Labels, TextOptions, TextRows};
//!
//! let file = "text,label\n\"dogs bark, loudly\",dog\nthey purr,cat\n".as_bytes();
//! let table = TableOptions { format: Some(Format::Csv), ..TableOptions::default() };
//! let options = TextOptions { table, ..TextOptions::default() };
//! let file = TextRows::from_reader(file, "animals", &options)?.collect_file()?;
//! let labels = Labels::found_in(&file)?;
//! assert_eq!(file.examples[0].first, "dogs bark, loudly");
//! assert_eq!(labels.names(), ["cat", "dog"]);
//! # Ok::<(), bert_data::Error>(())
//! ```
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`example`]: a text or two, and the target
//! - [`columns`]: which columns they are read from
//! - `cells`: one row to one example
//! - [`rows`]: the examples of a file, one after the other or all at once
//! - [`labels`]: the names of the classes, and their order
//! - [`glue`]: the files of the GLUE tasks
//! - [`folder`]: a folder of texts for each class
//! - [`mod@split`]: parting off a dev set

mod cells;
pub mod columns;
pub mod example;
pub mod folder;
pub mod glue;
pub mod labels;
pub mod rows;
pub mod split;

pub use columns::{Columns, UsedColumns};
pub use example::{Problem, Target, TextExample, TextFile};
pub use folder::read_folder;
pub use glue::{Glue, GlueMetric};
pub use labels::Labels;
pub use rows::{Need, TextOptions, TextRows, read_texts};
pub use split::{Split, split};
