//! Where the texts come from: the arguments, or standard input line by line.

use crate::common::expect_usage;
use crate::common::say;
use anyhow::{Context, Result, bail, ensure};
use bert_tokenizer::Input;
use std::io::{self, BufRead, IsTerminal};

/// The texts of a subcommand.
#[derive(clap::Args)]
pub struct TextArgs {
    /// The texts; without any, standard input is read, one text per line
    #[arg(value_name = "TEXT")]
    texts: Vec<String>,
    /// Each text is a pair, its halves separated by a TAB (or two arguments, one after the other)
    #[arg(long)]
    pub pairs: bool,
}

/// One text or pair, and where it stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Line of standard input or place among the arguments, counted from 1.
    pub number: usize,
    /// The text, or the first of the pair.
    pub first: String,
    /// The second of the pair.
    pub second: Option<String>,
}

impl Text {
    /// As the tokenizer takes it.
    pub fn input(&self) -> Input<'_> {
        match &self.second {
            Some(second) => Input::from((self.first.as_str(), second.as_str())),
            None => Input::from(self.first.as_str()),
        }
    }
}

impl TextArgs {
    /// Calls `work` with a few texts at a time, in order, without holding the others. No text at all
    /// is an error.
    pub fn for_each_chunk(&self, mut work: impl FnMut(&[Text]) -> Result<()>) -> Result<()> {
        if !self.texts.is_empty() {
            return work(&self.arguments()?);
        }
        let stdin = io::stdin();
        let terminal = stdin.is_terminal();
        if terminal {
            say("reading texts from the terminal, one per line; end with Ctrl-D");
        }
        // A person wants an answer after each line; a pipe wants full batches.
        let size = if terminal { 1 } else { 256 };
        let seen = chunks_of_lines(stdin.lock(), self.pairs, size, &mut work)?;
        ensure!(
            seen > 0,
            "there is no input: neither a text as an argument nor a line on standard input"
        );
        Ok(())
    }

    /// All texts at once, for what needs to see all of them.
    pub fn all(&self) -> Result<Vec<Text>> {
        let mut all = Vec::new();
        self.for_each_chunk(|chunk| {
            all.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(all)
    }

    fn arguments(&self) -> Result<Vec<Text>> {
        if !self.pairs || self.texts.iter().any(|text| text.contains('\t')) {
            let numbered = self.texts.iter().enumerate();
            let text = |(index, text): (usize, &String)| {
                parse(text, index + 1, self.pairs)
                    .with_context(|| format!("argument {}", index + 1))
            };
            return numbered.map(text).collect();
        }
        let count = self.texts.len();
        expect_usage(count.is_multiple_of(2), || {
            format!("--pairs with {count} arguments: the last one has no partner")
        })?;
        let pair = |(index, pair): (usize, &[String])| Text {
            number: index + 1,
            first: pair[0].clone(),
            second: Some(pair[1].clone()),
        };
        Ok(self.texts.chunks(2).enumerate().map(pair).collect())
    }
}

/// Reads lines and hands them on in chunks of `size`. Returns how many there were.
fn chunks_of_lines(
    mut reader: impl BufRead,
    pairs: bool,
    size: usize,
    work: &mut impl FnMut(&[Text]) -> Result<()>,
) -> Result<usize> {
    let (mut chunk, mut bytes, mut seen) = (Vec::with_capacity(size), Vec::new(), 0);
    loop {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes).context("standard input")? == 0 {
            break;
        }
        seen += 1;
        match text_of_line(&bytes, seen, pairs) {
            Ok(text) => chunk.push(text),
            Err(error) => {
                // The lines before the bad one get their answers all the same.
                if !chunk.is_empty() {
                    work(&chunk)?;
                }
                return Err(error);
            }
        }
        if chunk.len() == size {
            work(&chunk)?;
            chunk.clear();
        }
    }
    if !chunk.is_empty() {
        work(&chunk)?;
    }
    Ok(seen)
}

fn text_of_line(bytes: &[u8], number: usize, pairs: bool) -> Result<Text> {
    let place = || format!("standard input, line {number}");
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = std::str::from_utf8(line).with_context(place)?;
    parse(line, number, pairs).with_context(place)
}

fn parse(line: &str, number: usize, pairs: bool) -> Result<Text> {
    if !pairs {
        return Ok(Text { number, first: line.to_owned(), second: None });
    }
    let halves: Vec<_> = line.split('\t').collect();
    let [first, second] = halves[..] else {
        bail!("a pair has one TAB between its halves; there are {}", halves.len() - 1);
    };
    Ok(Text { number, first: first.to_owned(), second: Some(second.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], pairs: bool) -> Result<Vec<Text>> {
        let mut all = Vec::new();
        chunks_of_lines(bytes, pairs, 2, &mut |chunk| {
            all.extend_from_slice(chunk);
            Ok(())
        })?;
        Ok(all)
    }

    fn firsts(bytes: &[u8]) -> Vec<String> {
        lines(bytes, false).unwrap().into_iter().map(|text| text.first).collect()
    }

    #[test]
    fn only_a_line_feed_ends_a_line_and_empty_lines_are_texts() {
        assert_eq!(firsts(b"a\rb\n\nc"), ["a\rb", "", "c"]);
        assert_eq!(firsts("a\u{2028}b\n".as_bytes()), ["a\u{2028}b"]);
        assert_eq!(firsts(b""), [""; 0]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let message = |bytes, pairs| format!("{:#}", lines(bytes, pairs).unwrap_err());
        assert!(message(b"ok\n\xFF\n", false).starts_with("standard input, line 2: invalid utf-8"));
        assert!(message(b"a\tb\nc\td\n\na", true).contains("line 3: a pair has one TAB"));
        assert!(message(b"a\tb\tc", true).ends_with("there are 2"));
    }

    #[test]
    fn two_arguments_make_a_pair() {
        let args = |texts: &[&str]| TextArgs {
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
            pairs: true,
        };
        let pair = args(&["a", "b"]).all().unwrap();
        assert_eq!(pair, args(&["a\tb"]).all().unwrap());
        assert_eq!(pair[0].second.as_deref(), Some("b"));
        assert!(args(&["a", "b", "c"]).all().is_err());
    }
}
