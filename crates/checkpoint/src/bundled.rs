//! The model that is built into the program: `--model tiny-world` works everywhere and needs no file.
//!
//! It was pre-trained on tiny world. `tiny-world/README.md` says by which command.

use std::path::Path;

/// The files of a model, in the program itself.
#[derive(Debug)]
pub struct Bundle {
    /// What it is asked for by, where a directory could stand.
    pub name: &'static str,
    files: &'static [(&'static str, &'static [u8])],
}

macro_rules! files {
    ($($name:literal),+) => {
        &[$(($name, include_bytes!(concat!("../tiny-world/", $name)))),+]
    };
}

/// Pre-trained on tiny world, with both heads.
pub static TINY_WORLD: Bundle = Bundle {
    name: "tiny-world",
    files: files!["config.json", "model.safetensors", "tokenizer_config.json", "vocab.txt"],
};

/// What transformers computed with it: a reference file, as `bert verify` compares with.
/// `tests/reference/make_tiny_world.py` made it.
pub static REFERENCE: &[u8] = include_bytes!("../tiny-world/reference.safetensors");

/// The model of this name. A directory of that name is `./tiny-world`.
pub fn find(path: &Path) -> Option<&'static Bundle> {
    (path.as_os_str() == TINY_WORLD.name).then_some(&TINY_WORLD)
}

impl Bundle {
    /// Names and contents.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &'static [u8])> {
        self.files.iter().copied()
    }

    /// The contents of a file that it has.
    pub(crate) fn file(&self, name: &str) -> &'static [u8] {
        let (_, bytes) = self.files().find(|(known, _)| *known == name).expect("listed above");
        bytes
    }
}
