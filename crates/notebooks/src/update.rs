//! Writes the outputs of a run into the pages.

use std::fs;

use anyhow::Result;

use crate::project::replace;
use crate::run::Outputs;
use crate::{Notebook, Project, Source, check, parse};

/// Writes what the cells have printed into the page, and the figures they have drawn into its
/// folder; a figure that no cell draws any more is removed. Says which files have changed.
///
/// # Errors
/// A file cannot be written, or what a command prints does not fit into a console block.
pub fn update(project: &Project, notebook: &Notebook, outputs: &Outputs) -> Result<Vec<String>> {
    let mut changed = Vec::new();
    let kept_folder = project.kept_figures(notebook);
    let mut kept = check::figures(&kept_folder)?;
    for (name, svg) in check::figures(&project.drawn_figures(notebook))? {
        if kept.remove(&name).as_ref() != Some(&svg) {
            replace(&kept_folder.join(&name), &svg)?;
            changed.push(format!("figures/{}/{name}", notebook.number));
        }
    }
    for name in kept.keys() {
        fs::remove_file(kept_folder.join(name))?;
        changed.push(format!("figures/{}/{name} (removed)", notebook.number));
    }
    let lines = rewritten(notebook, outputs)?;
    if lines != notebook.lines {
        replace(&project.root.join(&notebook.path), &(lines.join("\n") + "\n"))?;
        changed.push(notebook.path.clone());
    }
    Ok(changed)
}

/// The lines of the page with these outputs.
fn rewritten(notebook: &Notebook, outputs: &Outputs) -> Result<Vec<String>> {
    let mut lines = notebook.lines.clone();
    // From the bottom up, so that the places of what is still to come stay right.
    for (cell, printed) in notebook.cells.iter().zip(outputs).rev() {
        let block = match &cell.source {
            Source::Console(_) => {
                parse::fits_console(cell, &notebook.path, printed)?;
                printed.clone()
            }
            Source::Rust(_) if printed.is_empty() => Vec::new(),
            Source::Rust(_) => {
                let fence = parse::fence_around(printed);
                let mut block = vec![String::new(), format!("{fence}text output")];
                block.extend_from_slice(printed);
                block.push(fence);
                block
            }
        };
        lines.splice(cell.output.clone(), block);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# A page

```rust
println!(\"a\");
```


```text output
old
```

```rust
let silent = 1;
```

```text output
said something once
```

```console
$ bert a
old

$ bert b
```

```rust
println!(\"new\");
```
The end.
";

    const UPDATED: &str = "\
# A page

```rust
println!(\"a\");
```

```text output
a
b
```

```rust
let silent = 1;
```

```console
$ bert a
one
$ bert b
two
```

```rust
println!(\"new\");
```

````text output
```
````
The end.
";

    fn updated(page: &str) -> String {
        let notebook = Notebook::parse("notebooks-md/01-a.md", page).expect("a good page");
        let outputs = [vec!["a", "b"], vec![], vec!["one"], vec!["two"], vec!["```"]];
        let outputs = outputs.map(|lines| lines.into_iter().map(str::to_owned).collect()).to_vec();
        rewritten(&notebook, &outputs).expect("outputs that fit").join("\n") + "\n"
    }

    #[test]
    fn outputs_are_replaced_added_and_removed() {
        assert_eq!(updated(PAGE), UPDATED);
    }

    #[test]
    fn a_second_update_changes_nothing() {
        assert_eq!(updated(UPDATED), UPDATED);
    }

    #[test]
    fn an_output_that_would_end_its_console_block_is_refused() {
        let page = "```console\n$ bert a\n```\n";
        let notebook = Notebook::parse("notebooks-md/01-a.md", page).expect("a good page");
        for line in ["```", "$ bert b"] {
            let error = rewritten(&notebook, &vec![vec![line.to_owned()]]).expect_err(line);
            assert!(error.to_string().starts_with("notebooks-md/01-a.md:2:"), "{error}");
        }
    }
}
