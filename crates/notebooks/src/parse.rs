//! Markdown → cells.
//!
//! Only fences matter here. As in CommonMark a fence is three or more backticks or tildes, indented
//! by at most three spaces, and is closed by at least as many of the same.

use std::ops::Range;

use anyhow::{Result, anyhow, bail};

/// A notebook: its lines, and the cells among them. Indices of lines count from 0, [`Cell::line`]
/// from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notebook {
    /// The number as in the file's name, such as `01`.
    pub number: String,
    /// The path from the project's root, such as `notebooks-md/01-tokens.md`.
    pub path: String,
    /// The lines of the page.
    pub lines: Vec<String>,
    /// What runs, from top to bottom.
    pub cells: Vec<Cell>,
}

/// Something that runs, and the place in the page for what it prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The line that opens the cell, or the line of the command.
    pub at: usize,
    /// What runs.
    pub source: Source,
    /// The lines of the page that say what it prints.
    pub expected: Range<usize>,
    /// The lines of the page that an update replaces: `expected`, and the fences around it.
    pub output: Range<usize>,
}

/// What runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The lines of a ` ```rust ` cell.
    Rust(Range<usize>),
    /// One command of a ` ```console ` block, in one line.
    Console(String),
}

impl Cell {
    /// The number of its first line, counted from 1.
    pub fn line(&self) -> usize {
        self.at + 1
    }
}

impl Notebook {
    /// Finds the cells of the page `text`. `path` is the one shown in messages.
    ///
    /// # Errors
    /// A fence is not closed, an output block belongs to no cell, a word after ` ```rust ` or
    /// ` ```console ` is unknown, or a console block holds something else than `bert` commands. The
    /// message names the file and the line.
    pub fn parse(path: &str, text: &str) -> Result<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let number = name.split('-').next().unwrap_or(name).to_owned();
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let cells = Parser { lines: &lines, cells: Vec::new(), printed: false }.cells();
        let cells = cells.map_err(|(at, what)| anyhow!("{path}:{}: {what}", at + 1))?;
        Ok(Self { number, path: path.to_owned(), lines, cells })
    }

    /// Whether the page runs the `bert` command.
    pub fn has_console(&self) -> bool {
        self.cells.iter().any(|cell| matches!(cell.source, Source::Console(_)))
    }
}

/// A message and the index of the line it is about.
type Located<T> = std::result::Result<T, (usize, String)>;

struct Parser<'a> {
    lines: &'a [String],
    cells: Vec<Cell>,
    /// Nothing but blank lines has come since the last Rust cell: an output block is its own.
    printed: bool,
}

impl Parser<'_> {
    fn cells(mut self) -> Located<Vec<Cell>> {
        let mut at = 0;
        while at < self.lines.len() {
            let Some(fence) = Fence::open(&self.lines[at]) else {
                self.printed &= self.lines[at].trim().is_empty();
                at += 1;
                continue;
            };
            let close = (at + 1..self.lines.len())
                .find(|&line| fence.is_closed_by(&self.lines[line]))
                .ok_or_else(|| (at, "this fence is never closed".to_owned()))?;
            self.block(&fence, at, close)?;
            at = close + 1;
        }
        Ok(self.cells)
    }

    fn block(&mut self, fence: &Fence<'_>, open: usize, close: usize) -> Located<()> {
        let after_cell = std::mem::replace(&mut self.printed, false);
        let words: Vec<&str> = fence.info.split_whitespace().collect();
        match words[..] {
            ["rust"] => {
                let source = Source::Rust(open + 1..close);
                let nothing = close + 1..close + 1;
                let (expected, output) = (nothing.clone(), nothing);
                self.cells.push(Cell { at: open, source, expected, output });
                self.printed = true;
            }
            ["console"] => self.console(open, close)?,
            ["text", "output"] => match self.cells.last_mut() {
                Some(cell) if after_cell => {
                    cell.expected = open + 1..close;
                    cell.output.end = close + 1;
                }
                _ => return Err((open, "this output stands under no Rust cell".to_owned())),
            },
            ["rust" | "console", ".noeval"] => {}
            [language @ ("rust" | "console"), word, ..] => {
                let known = "the only word it may have is `.noeval`";
                return Err((open, format!("unknown word `{word}` after `{language}`; {known}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// One cell for each `$ command`; what stands under it is what it prints.
    fn console(&mut self, open: usize, close: usize) -> Located<()> {
        let mut at = open + 1;
        while at < close {
            let Some(first) = self.lines[at].strip_prefix("$ ") else {
                return Err((at, "a console block begins with `$ bert …`".to_owned()));
            };
            let mut command = first.to_owned();
            let mut end = at + 1;
            while command.ends_with('\\') && end < close {
                command.pop();
                command.push_str(self.lines[end].trim_start());
                end += 1;
            }
            // Whatever else stands in a console block is for the reader, and not ours to start.
            if !command.starts_with("bert ") && !command.contains("| bert ") {
                let what = format!("only `bert` commands are run, not `{command}`");
                return Err((at, format!("{what}; write ```console .noeval to show it only")));
            }
            let next = (end..close).find(|&line| self.lines[line].starts_with("$ "));
            let output = end..next.unwrap_or(close);
            let (expected, source) = (output.clone(), Source::Console(command));
            self.cells.push(Cell { at, source, expected, output });
            at = next.unwrap_or(close);
        }
        Ok(())
    }
}

/// An opening fence.
struct Fence<'a> {
    mark: char,
    length: usize,
    info: &'a str,
}

impl<'a> Fence<'a> {
    fn open(line: &'a str) -> Option<Self> {
        let text = line.trim_start_matches(' ');
        let mark = text.chars().next().filter(|mark| "`~".contains(*mark))?;
        let info = text.trim_start_matches(mark);
        let length = text.len() - info.len();
        // Three backticks and more of them in the same line are inline code.
        let is_fence = line.len() - text.len() <= 3 && length >= 3 && !info.contains('`');
        is_fence.then_some(Self { mark, length, info })
    }

    fn is_closed_by(&self, line: &str) -> bool {
        Fence::open(line).is_some_and(|other| {
            other.mark == self.mark && other.length >= self.length && other.info.trim().is_empty()
        })
    }
}

/// The lines without the blank ones at the end, which no output has either.
pub(crate) fn without_blank_end(lines: &[String]) -> &[String] {
    let end = lines.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    &lines[..end]
}

/// A fence of backticks that none of `lines` closes.
pub(crate) fn fence_around(lines: &[String]) -> String {
    let longest = lines.iter().filter_map(|line| Some(Fence::open(line)?.length)).max();
    "`".repeat(longest.map_or(3, |length| length + 1))
}

/// Refuses an output that would be read as something else inside a console block.
pub(crate) fn fits_console(cell: &Cell, path: &str, lines: &[String]) -> Result<()> {
    let bad = lines.iter().find(|line| line.starts_with("$ ") || Fence::open(line).is_some());
    match bad {
        Some(line) => {
            bail!("{path}:{}: printed `{line}`, which ends a console output", cell.line())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::generate;

    fn parse(page: &str) -> Notebook {
        Notebook::parse("notebooks-md/07-test.md", page).expect("a good page")
    }

    #[track_caller]
    fn refused(page: &str, line: usize, word: &str) {
        let error = Notebook::parse("notebooks-md/07-test.md", page).expect_err(word).to_string();
        assert!(error.starts_with(&format!("notebooks-md/07-test.md:{line}: ")), "{error}");
        assert!(error.contains(word), "{error}");
    }

    #[test]
    fn an_output_belongs_to_the_cell_directly_above() {
        let page = parse("```rust\na();\n```\n\n```text output\n1\n2\n```\n```rust\nb();\n```\n");
        assert_eq!(page.number, "07");
        assert_eq!(page.cells[0].source, Source::Rust(1..2));
        assert_eq!(page.cells[0].expected, 5..7);
        assert_eq!(page.cells[0].output, 3..8);
        assert_eq!(page.cells[1].line(), 9);
        assert!(page.cells[1].output.is_empty());
        refused("```rust\na();\n```\nprose\n```text output\n1\n```\n", 5, "no Rust cell");
        refused("```rust\n```\n```rs\n```\n```text output\n```\n", 5, "no Rust cell");
    }

    #[test]
    fn each_command_of_a_console_block_has_its_own_output() {
        let page = parse("```console\n$ bert a \\\n    b\none\n$ echo c | bert d\n```\n");
        let commands: Vec<_> = page.cells.iter().map(|cell| &cell.source).collect();
        let (first, second) = ("bert a b".to_owned(), "echo c | bert d".to_owned());
        assert_eq!(commands, [&Source::Console(first), &Source::Console(second)]);
        assert_eq!(page.cells[0].output, 3..4);
        assert_eq!(page.cells[1].output, 5..5);
        assert!(page.has_console());
    }

    #[test]
    fn blocks_of_other_kinds_do_not_run() {
        let inner = "```rust\nnot ours\n```\n";
        let page = format!(
            "````markdown\n{inner}````\n~~~\n{inner}~~~\n```rust .noeval\n$\n```\n\
             ```console .noeval\n$ rm x\n```\n```rust,ignore\n```\n`a` ```rust`b`\n"
        );
        assert_eq!(parse(&page).cells, []);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        refused("a\n\n```rust\nlet a = 1;\n", 3, "never closed");
        refused("````\n```\n", 1, "never closed");
        refused("```rust .noevil\n```\n", 1, ".noevil");
        refused("```console\n$ rm -r x\n```\n", 2, "rm -r x");
        refused("```console\nbert\n```\n", 2, "$ bert");
    }

    proptest! {
        #[test]
        fn each_line_of_the_page_is_one_line_of_the_program(
            lines in prop::collection::vec(prop_oneof![
                Just("```rust".to_owned()), Just("```".to_owned()), Just("````".to_owned()),
                Just("```console".to_owned()), Just("$ bert x \\".to_owned()),
                Just("```text output".to_owned()), Just("let x = r\"a".to_owned()), "\\PC{0,20}",
            ], 0..40)
        ) {
            let text = lines.join("\n");
            if let Ok(page) = Notebook::parse("notebooks-md/01-a.md", &text) {
                let program = generate::program(&page);
                let program: Vec<&str> = program.split('\n').collect();
                // The program has one line more, which closes it, and ends with a line break.
                prop_assert_eq!(program.len(), page.lines.len() + 2);
                for cell in &page.cells {
                    let marker = program[cell.at];
                    let is_marked = marker.contains(&format!("::notebook::cell({});", cell.line()));
                    let is_run = marker.contains(&format!("::notebook::console({}, ", cell.line()));
                    prop_assert!(is_marked || is_run, "{}", marker);
                    if let Source::Rust(code) = &cell.source {
                        for line in code.clone() {
                            prop_assert_eq!(program[line], &page.lines[line]);
                        }
                    }
                }
            }
        }
    }
}
