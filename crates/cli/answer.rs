//! `bert answer`: the piece of a context that answers a question.

use crate::common::{ModelArgs, counted, print_answers, warn};
use crate::text::{Text, TextArgs};
use anyhow::Result;
use bert_pipeline::Answerer;
use bert_pipeline::answer::Answer;
use std::num::NonZeroUsize;

/// Find the answer to a question in each text
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert answer --model tests/fixtures/toy-answer --question \"who bites the man?\" \"the dog bites the man.\"
  bert answer --model DIR --pairs --top-k 3 --json < questions-and-contexts.tsv

A context that is too long for the model is cut into overlapping windows; nothing of it is lost.
With --pairs each line is a question, a TAB and a context.")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The question; the texts are the contexts
    #[arg(long, value_name = "TEXT", required_unless_present = "pairs", conflicts_with = "pairs")]
    question: Option<String>,
    /// How many answers for each context
    #[arg(long, value_name = "N", default_value = "1")]
    top_k: NonZeroUsize,
    /// How many tokens an answer may have
    #[arg(long, value_name = "N", default_value = "15")]
    max_answer_length: NonZeroUsize,
    /// How many tokens neighbouring windows share [default: 128, or half a window if that is less]
    #[arg(long, value_name = "N")]
    doc_stride: Option<usize>,
    /// How many tokens a window may have, question included; never more than the model takes
    #[arg(long, value_name = "N", default_value = "384")]
    max_length: NonZeroUsize,
    /// One JSON list per context: {score, start, end, answer}, best first; start and end count
    /// characters
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    texts: TextArgs,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    let pipeline = args.model.open()?;
    let mut answerer = Answerer::new(&pipeline)?;
    answerer.top_k = args.top_k.get();
    answerer.max_answer_length = args.max_answer_length.get();
    answerer.doc_stride = args.doc_stride;
    answerer.max_length = args.max_length.get();
    let mut empty = 0;
    let answer = |texts: &[Text]| {
        let pairs: Vec<_> = texts.iter().map(|text| question_and_context(args, text)).collect();
        let answers = answerer.answer(&pairs)?;
        empty += answers.iter().filter(|answers| answers.is_empty()).count();
        Ok(answers)
    };
    let done = print_answers(&args.texts, args.json, answer, |answers| {
        answers.iter().map(readable).collect::<Vec<_>>().join("\t")
    });
    if empty > 0 {
        warn(&format!("{} without a word: there is no answer", counted(empty, "context")));
    }
    done
}

fn question_and_context<'a>(args: &'a Args, text: &'a Text) -> (&'a str, &'a str) {
    match (&args.question, &text.second) {
        (None, Some(context)) => (&text.first, context),
        (question, _) => (question.as_deref().unwrap_or_default(), &text.first),
    }
}

/// `the dog 0.912 [0, 7]`
fn readable(answer: &Answer) -> String {
    let Answer { score, start, end, answer } = answer;
    format!("{answer} {score:.3} [{start}, {end}]")
}
