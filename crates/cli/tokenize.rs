//! `bert tokenize`: text to tokens.

use crate::common::{Results, counted, expect_usage, warn, warn_of_empty};
use crate::text::{Text, TextArgs};
use crate::tokenizer_args::TokenizerArgs;
use anyhow::Result;
use bert_tokenizer::{Encoding, Strategy, Tokenizer, Truncation};
use serde::Serialize;

/// Show the tokens of a text, [CLS] and [SEP] included
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert tokenize --model tests/fixtures/toy \"The dog bites the man.\"
  bert tokenize --vocab vocab.txt --json < texts.txt > tokens.jsonl
  bert tokenize --model tests/fixtures/toy --pairs \"who bites ?\" \"the dog bites\"")]
pub struct Args {
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// Cut each text (or pair, the longer half first) to this many tokens
    #[arg(long, value_name = "N")]
    max_length: Option<usize>,
    /// One JSON object per line: tokens, ids, token_types, and offsets in characters of the text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    texts: TextArgs,
}

#[derive(Serialize)]
struct Line<'a> {
    tokens: Vec<&'a str>,
    ids: &'a [u32],
    token_types: &'a [u32],
    offsets: &'a [(usize, usize)],
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let tokenizer = args.tokenizer.open()?;
    if let Some(length) = args.max_length {
        let special = if args.texts.pairs { 3 } else { 2 };
        expect_usage(length >= special, || {
            format!("--max-length {length}: [CLS] and [SEP] alone are {special} tokens")
        })?;
    }
    let (mut results, mut cut, mut empty) = (Results::new(), 0, 0);
    args.texts.for_each_chunk(|texts| {
        for text in texts {
            let (encoding, truncated) = encode(&tokenizer, text, args.max_length);
            cut += usize::from(truncated);
            empty += usize::from(encoding.special_tokens_mask.iter().all(|&special| special));
            let tokens = encoding.tokens(&tokenizer);
            if args.json {
                results.json(&Line {
                    tokens,
                    ids: &encoding.ids,
                    token_types: &encoding.token_types,
                    offsets: &encoding.offsets,
                })?;
            } else {
                results.line(&tokens.join(" "))?;
            }
        }
        results.flush()
    })?;
    if cut > 0 {
        warn(&format!("{} cut to --max-length", counted(cut, "text")));
    }
    if empty > 0 {
        warn_of_empty(empty);
    }
    Ok(())
}

fn encode(tokenizer: &Tokenizer, text: &Text, max_length: Option<usize>) -> (Encoding, bool) {
    let Some(max_length) = max_length else { return (tokenizer.encode(text.input()), false) };
    let truncation = Truncation { max_length, strategy: Strategy::LongestFirst, stride: 0 };
    let windows = tokenizer.encode_truncated(text.input(), &truncation);
    (windows.first, !windows.overflow.is_empty())
}
