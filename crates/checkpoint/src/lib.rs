//! Official weight files to model, and back.
//!
//! # Layout
//!
//! In reading order:
//!
//! - [`names`]: the spellings of a tensor's name, and the one that the model uses
//! - [`tensor_file`]: a file of tensors in any format, mapped into memory; numbers of any width become `Real`
//! - `safetensors`: what is where in Hugging Face's format
//! - `pytorch`: what is where in PyTorch's, whose files are programs, and none of them runs
//! - `tensorflow`: what is where in Google's
//! - `crc32c`: the checksum of Google's, block by block and tensor by tensor
//! - `sharded`: several files and an index, as one
//! - [`directory`]: which files make a model directory
//! - [`bundled`]: the model that is built into the program
//! - [`heads`]: which head a file holds
//! - `source`: a file under the model's names
//! - [`inspect`](mod@inspect): what a file or a directory holds, without its numbers
//! - `loaded`: what loading gives, and what there is to say about it
//! - [`load`](mod@load): a directory becomes a model; the sets of names must match
//! - [`atomic`]: files are replaced, never edited
//! - [`tokenizer_files`]: the tokenizer's files, handed on as they are
//! - [`precision`]: how wide a number is written
//! - [`quantised`]: a directory whose weights have 8 bits
//! - [`save`](mod@save): a model becomes a directory that transformers reads unchanged
#![forbid(unsafe_code)]

pub mod atomic;
pub mod bundled;
mod crc32c;
pub mod directory;
mod error;
pub mod heads;
pub mod inspect;
pub mod load;
mod loaded;
pub mod names;
pub mod precision;
mod pytorch;
pub mod quantised;
mod safetensors;
pub mod save;
mod sharded;
mod source;
pub mod tensor_file;
mod tensorflow;
pub mod tokenizer_files;

pub use atomic::{check_writable, write_atomically, write_directory};
pub use directory::ModelDirectory;
pub use error::Error;
pub use heads::Verdict;
pub use inspect::{Contents, Inspection, Listed, Part, inspect};
pub use load::{LoadOptions, load, load_any};
pub use loaded::Loaded;
pub use precision::{Precision, Rounding};
pub use quantised::{is_quantised, save_quantised};
pub use save::{Stored, named, save, save_as, write_tensors};
pub use tensor_file::{Dtype, TensorFile};
pub use tokenizer_files::TokenizerFiles;
