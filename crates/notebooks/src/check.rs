//! Compares the pages with a run, and describes the differences.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::compare::{Kind, difference};
use crate::run::Outputs;
use crate::{Cell, Notebook, Project, Source, parse};

/// Of a long difference or a long line, this much is shown.
const SHOWN_LINES: usize = 12;
const SHOWN_CHARACTERS: usize = 160;

/// Says for one notebook, after its run, what is not as the page says. Empty when all is well.
///
/// # Errors
/// A figure cannot be read.
pub fn differences(
    project: &Project,
    notebook: &Notebook,
    outputs: &Outputs,
) -> Result<Vec<String>> {
    let mut found = cells(notebook, outputs);
    let kept = figures(&project.kept_figures(notebook))?;
    let drawn = figures(&project.drawn_figures(notebook))?;
    found.extend(figure_differences(notebook, &kept, &drawn));
    Ok(found)
}

fn cells(notebook: &Notebook, outputs: &Outputs) -> Vec<String> {
    let pairs = notebook.cells.iter().zip(outputs);
    pairs.filter_map(|(cell, printed)| cell_difference(notebook, cell, printed)).collect()
}

fn cell_difference(notebook: &Notebook, cell: &Cell, printed: &[String]) -> Option<String> {
    let page = parse::without_blank_end(&notebook.lines[cell.expected.clone()]);
    let (expected, found) = difference(page, printed, Kind::Text)?;
    let line = cell.expected.start + expected.start + 1;
    let what = match (&cell.source, cell.output.is_empty()) {
        (Source::Rust(_), true) => "this cell prints, and has no ```text output block",
        _ => "the output is not what the page says",
    };
    // Where there is no output yet, the line of the cell itself helps more than the one after it.
    let line = if cell.output.is_empty() { cell.line() } else { line };
    Some(describe(&format!("{}:{line}: {what}", notebook.path), &page[expected], &printed[found]))
}

/// The title, and under it both sides.
fn describe<E: AsRef<str>, F: AsRef<str>>(title: &str, expected: &[E], found: &[F]) -> String {
    let expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
    let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
    // A figure may be one long line: what both sides begin with is then left out.
    let pairs = expected.iter().zip(&found).map(|(a, b)| common_start(a, b));
    let skip = pairs.min().unwrap_or(0).saturating_sub(SHOWN_CHARACTERS / 4);
    format!("{title}\n{}{}", side("expected", &expected, skip), side("found   ", &found, skip))
}

/// How many characters two lines have in common at their start.
fn common_start(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count()
}

fn side(name: &str, lines: &[&str], skip: usize) -> String {
    if lines.is_empty() {
        return format!("  {name} (nothing)\n");
    }
    let mut text = String::new();
    for line in lines.iter().take(SHOWN_LINES) {
        let shown: String = line.chars().skip(skip).take(SHOWN_CHARACTERS).collect();
        let before = if skip > 0 { "… " } else { "" };
        let after = if line.chars().count() > skip + SHOWN_CHARACTERS { " …" } else { "" };
        text.push_str(&format!("  {name} | {before}{shown}{after}\n"));
    }
    if lines.len() > SHOWN_LINES {
        text.push_str(&format!("  {name} … and {} more lines\n", lines.len() - SHOWN_LINES));
    }
    text
}

/// The SVG files in a folder by name; none where there is no folder.
pub(crate) fn figures(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut figures = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(figures);
    }
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".svg") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            figures.insert(name, text);
        }
    }
    Ok(figures)
}

fn figure_differences(
    notebook: &Notebook,
    kept: &BTreeMap<String, String>,
    drawn: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (name, svg) in drawn {
        let link = format!("figures/{}/{name}", notebook.number);
        let shown = notebook.lines.iter().position(|line| line.contains(&format!("]({link})")));
        let place = format!("{}:{}", notebook.path, shown.map_or(1, |line| line + 1));
        if shown.is_none() {
            found.push(format!(
                "{place}: a cell draws {name}, but no line shows it: ![…]({link})\n"
            ));
        }
        let Some(old) = kept.get(name) else {
            found.push(format!("{place}: the figure {link} is not there yet\n"));
            continue;
        };
        let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), svg.lines().collect());
        if let Some((old_lines, new_lines)) = difference(&old, &new, Kind::Figure) {
            let title = format!("{place}: {link}:{} differs", old_lines.start + 1);
            found.push(describe(&title, &old[old_lines], &new[new_lines]));
        }
    }
    for name in kept.keys().filter(|name| !drawn.contains_key(*name)) {
        let link = format!("figures/{}/{name}", notebook.number);
        found.push(format!("{}:1: no cell draws {link} any more\n", notebook.path));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Notebook {
        Notebook::parse("notebooks-md/01-a.md", text).expect("a good page")
    }

    fn one(name: &str, svg: &str) -> BTreeMap<String, String> {
        BTreeMap::from([(name.to_owned(), svg.to_owned())])
    }

    #[test]
    fn a_difference_is_told_at_its_own_line_of_the_page() {
        let page = page("```rust\n```\n\n```text output\na\nb\nc\n\n```\n");
        let differences =
            |printed: [&str; 3]| cells(&page, &vec![printed.map(str::to_owned).to_vec()]);
        assert_eq!(differences(["a", "b", "c"]), [""; 0]);
        let expected = "notebooks-md/01-a.md:6: the output is not what the page says\n  \
                        expected | b\n  found    | x\n";
        assert_eq!(differences(["a", "x", "c"]), [expected]);
    }

    #[test]
    fn the_differing_part_of_a_long_line_is_shown() {
        let long = |end: &str| format!("<path d='{}{end}'/>", "L1.0,2.0".repeat(100));
        let text = describe("title", &[long("M5.0")], &[long("M7.0")]);
        assert!(text.contains("M5.0") && text.contains("M7.0"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 200), "{text}");
    }

    #[test]
    fn of_many_lines_the_first_are_shown() {
        let text = describe("title", &["x"; 100], &["y"; 0]);
        assert_eq!(text.lines().count(), 1 + SHOWN_LINES + 1 + 1, "{text}");
        assert!(
            text.contains("and 88 more lines") && text.contains("found    (nothing)"),
            "{text}"
        );
    }

    #[test]
    fn a_figure_must_be_drawn_kept_and_shown() {
        let shown = page("text\n![what](figures/01/a.svg)\n");
        let none = BTreeMap::new();
        let (one_a, other_a) = (one("a.svg", "<svg/>\n"), one("a.svg", "<SVG/>\n"));
        assert_eq!(figure_differences(&shown, &one_a, &one_a), [""; 0]);
        for (page, kept, drawn, part) in [
            (&shown, &none, &one_a, "md:2: the figure figures/01/a.svg is not there yet"),
            (&shown, &one_a, &none, "no cell draws figures/01/a.svg"),
            (&shown, &one_a, &other_a, "md:2: figures/01/a.svg:1 differs"),
            (&page(""), &one_a, &one_a, "no line shows it"),
        ] {
            let found = figure_differences(page, kept, drawn);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(part), "{found:?}");
        }
    }
}
