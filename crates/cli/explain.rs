//! `bert explain`: which words speak for a class, and which against it.

use crate::common::{ModelArgs, Reader, Results, expect_output, for_each_answer, say, warn};
use crate::explain_view::{View, add_to_page};
use crate::text::{Text, TextArgs};
use anyhow::{Context, Result};
use bert_checkpoint::write_atomically;
use bert_pipeline::Explainer;
use bert_pipeline::explain::{Baseline, Explanation};
use bert_plot::Page;
use bert_tokenizer::Input;
use clap::ValueEnum;
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// See which words speak for a classifier's answer, and which against it
///
/// Two answers for each word: its integrated gradient (its share of the change of the logit, from the
/// text with all words hidden to the text itself), and occlusion (how much the logit falls when this
/// word alone is hidden). In colour on a terminal; where there are no colours (NO_COLOR, a pipe), as
/// a table.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  bert explain --model tests/fixtures/toy-classify \"the bread is not good.\"
  bert explain --model tests/fixtures/toy-classify --label positive \"the bread is not good.\"
  bert explain --model DIR --html page.html < texts.txt

A line of --json: label, score, logit, baseline, baseline_logit, steps, sum (of all integrated
gradients), error (sum minus the change of the logit), complete (whether that is within 1 %), words:
a list of {word, sequence, start, end, integrated_gradient, occlusion_logit, occlusion_score}.")]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The class to explain [default: for each text the one that the model puts first]
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// What stands in the place of the words at the beginning of the path: [MASK], [PAD], or vectors
    /// of zeros
    #[arg(long, value_enum, default_value = "mask")]
    baseline: BaselineName,
    /// At how many points of the path to take the gradient at most; as few as suffice are taken
    #[arg(long, value_name = "N", default_value = "512")]
    max_steps: NonZeroUsize,
    /// One JSON object per text
    #[arg(long)]
    json: bool,
    /// Write a page with all texts, shaded
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Refuse a text that is too long for the model instead of cutting it
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    texts: TextArgs,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum BaselineName {
    Mask,
    Pad,
    Zero,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Result<()> {
    if let Some(path) = &args.html {
        expect_output(path, [].into_iter())?;
    }
    let pipeline = args.model.open_plain()?;
    let mut explainer = Explainer::new(&pipeline)?;
    if let Some(label) = &args.label {
        explainer = explainer.with_label(label)?;
    }
    explainer.max_steps = args.max_steps.get();
    explainer.baseline = match args.baseline {
        BaselineName::Mask => Baseline::Mask,
        BaselineName::Pad => Baseline::Pad,
        BaselineName::Zero => Baseline::Zero,
    };
    let mut reader = Reader::new(&pipeline, args.strict);
    let mut output = Output::new(args);
    let explain = |texts: &[Text]| {
        let inputs: Vec<Input> = texts.iter().map(Text::input).collect();
        let found = reader.read(texts, |encodings| explainer.explain(&inputs, encodings))?;
        Ok(texts.iter().cloned().zip(found).collect())
    };
    for_each_answer(&args.texts, explain, |explained| output.hand_out(&explained))?;
    args.html.as_ref().map_or(Ok(()), |path| output.write(path))
}

/// Where the explanations go.
struct Output {
    results: Results,
    json: bool,
    view: View,
    page: Option<Page>,
    /// How many texts have gone there.
    texts: usize,
}

impl Output {
    fn new(args: &Args) -> Self {
        let colour = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let page = args.html.as_ref().map(|_| crate::explain_view::page());
        Self { results: Results::new(), json: args.json, view: View { colour }, page, texts: 0 }
    }

    fn hand_out(&mut self, explained: &[(Text, Explanation)]) -> Result<()> {
        for (text, explanation) in explained {
            if self.json {
                self.results.json(explanation)?;
            } else {
                let before = if self.texts == 0 { self.view.legend() } else { "\n" };
                let drawn = self.view.draw(text, explanation);
                self.results.line(&format!("{before}{drawn}"))?;
            }
            if let Some(page) = &mut self.page {
                add_to_page(page, text, explanation);
            }
            self.texts += 1;
            if !explanation.complete {
                warn(&incomplete(text.number, explanation));
            }
        }
        self.results.flush()
    }

    fn write(self, path: &Path) -> Result<()> {
        let Some(page) = self.page else { return Ok(()) };
        let page = page.finish();
        write_atomically(path, |file| file.write_all(page.as_bytes()))
            .with_context(|| path.display().to_string())?;
        say(&format!("the page: {}", path.display()));
        Ok(())
    }
}

fn incomplete(number: usize, explanation: &Explanation) -> String {
    let Explanation { steps, error, sum, .. } = explanation;
    format!(
        "text {number}: after {steps} steps the integrated gradients add up to {sum:.3}, which is off by \
         {error:+.3}; more steps (--max-steps) come nearer"
    )
}
