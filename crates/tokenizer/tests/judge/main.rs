//! Everything against the judge: Hugging Face's `tokenizers` crate.

mod data;
mod files;
mod judge;
mod property;
mod special;
mod train_vocab;
mod windows;
