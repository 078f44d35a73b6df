//! What a cell calls to show an SVG.

use std::io::{self, Error, ErrorKind};
use std::path::Path;
use std::{env, fs};

/// The environment variable in which `cargo notebook` names the folder for the figures.
pub(crate) const FIGURES: &str = "BERT_NOTEBOOK_FIGURES";

/// Shows a figure: `figure("attention.svg", &svg)?`.
///
/// Under `cargo notebook` it goes into a file, which the page shows with
/// `![what it shows](figures/NN/attention.svg)`. In Jupyter it appears under the cell.
///
/// # Errors
/// The name is not a plain file name that ends in `.svg`, or the file cannot be written.
pub fn figure(name: &str, svg: &str) -> io::Result<()> {
    let is_plain = name.ends_with(".svg") && !name.contains(['/', '\\']) && !name.starts_with('.');
    if !is_plain {
        let message = format!("figure `{name}`: expected a plain file name that ends in .svg");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    match env::var_os(FIGURES) {
        Some(folder) => write(Path::new(&folder), name, svg),
        // This is how a program tells evcxr, the Rust kernel, that its output is a picture.
        None => {
            println!("EVCXR_BEGIN_CONTENT image/svg+xml\n{}\nEVCXR_END_CONTENT", svg.trim_end());
            Ok(())
        }
    }
}

fn write(folder: &Path, name: &str, svg: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join(name);
    fs::write(&path, svg.trim_end().to_owned() + "\n")
        .map_err(|error| Error::new(error.kind(), format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        for name in ["../up.svg", "a/b.svg", ".svg", "picture.png", "c:\\d.svg"] {
            let error = figure(name, "<svg/>").expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
