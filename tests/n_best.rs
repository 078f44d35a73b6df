//! The n best answers to a question against the SQuAD program of transformers 4, which is Google's: which they are, in
//! which order, their probabilities, the null odds, and what is answered at a threshold.

use bert_checkpoint::LoadOptions;
use bert_nn::Real;
use bert_pipeline::answer::SpanLogits;
use bert_pipeline::n_best::{NBest, NBestOptions};
use bert_pipeline::windows::question_windows;
use bert_pipeline::{Answerer, Pipeline};
use bert_testkit::fixture;
use bert_tokenizer::Encoding;
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    question: String,
    context: String,
    max_length: usize,
    shared: usize,
    unit: f64,
    start: Vec<Vec<i32>>,
    end: Vec<Vec<i32>>,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    n: usize,
    longest: usize,
    version_2: bool,
    best: Vec<(String, f64, f64, f64)>,
    null_odds: Option<f64>,
    chosen: Vec<(f64, String)>,
}

impl Case {
    /// The windows, which must be as many and as long as theirs.
    fn windows(&self, pipeline: &Pipeline) -> Vec<Encoding> {
        let (tokenizer, shared) = (&pipeline.tokenizer, Some(self.shared));
        let found =
            question_windows(tokenizer, &self.question, &self.context, self.max_length, shared);
        let found = found.unwrap();
        let lengths: Vec<_> = found.iter().map(Encoding::len).collect();
        let theirs: Vec<_> = self.start.iter().map(Vec::len).collect();
        assert_eq!(lengths, theirs, "the windows of {:?}", self.context);
        found
    }

    fn logits(&self) -> Vec<SpanLogits> {
        let row = |units: &Vec<i32>| -> Vec<Real> {
            units.iter().map(|&units| (f64::from(units) * self.unit) as Real).collect()
        };
        self.start.iter().zip(&self.end).map(|(start, end)| (row(start), row(end))).collect()
    }
}

/// Sums and differences of the fixture's logits are exact, so what is compared is equal or wrong.
fn assert_as_theirs(found: &NBest, run: &Run, context: &str) {
    let ours: Vec<_> = found
        .candidates
        .iter()
        .map(|one| (&*one.text, f64::from(one.start_logit), f64::from(one.end_logit)))
        .collect();
    let theirs: Vec<_> =
        run.best.iter().map(|(text, start, end, _)| (&**text, *start, *end)).collect();
    let settings = format!("n {}, longest {}, {context:?}", run.n, run.longest);
    assert_eq!(ours, theirs, "{settings}");
    for (one, (.., probability)) in found.candidates.iter().zip(&run.best) {
        let off = (f64::from(one.probability) - probability).abs();
        assert!(off < 1e-6, "{}: {off} off, {settings}", one.text);
        let stands = one.place.map(|(start, end)| -> String {
            context.chars().skip(start).take(end - start).collect()
        });
        assert_eq!(stands.unwrap_or_else(|| one.text.clone()), one.text, "{settings}");
    }
    if let Some(odds) = run.null_odds {
        assert_eq!(f64::from(found.null_odds), odds, "null odds, {settings}");
    }
    for (threshold, text) in &run.chosen {
        let answer = match run.version_2 {
            true => found.text_or_none(*threshold as Real),
            false => found.text(),
        };
        assert_eq!(answer, text, "at {threshold}, {settings}");
    }
}

#[test]
fn the_n_best_answers_are_those_of_the_squad_program() {
    let file = std::fs::read(fixture("n_best/n_best.json")).unwrap();
    let Cases { cases } = serde_json::from_slice(&file).unwrap();
    let pipeline = Pipeline::open(&fixture("toy-answer"), &LoadOptions::default()).unwrap();
    let mut answerer = Answerer::new(&pipeline).unwrap();
    // What the runs reach: their own text untouched, "no answer" among the n and behind them, no span.
    let (mut plain, mut within, mut behind, mut no_span) = (0, 0, 0, 0);
    for case in &cases {
        let (windows, logits) = (case.windows(&pipeline), case.logits());
        for run in &case.runs {
            answerer.max_answer_length = run.longest;
            let options = NBestOptions { n: run.n, no_answer: run.version_2 };
            let found = answerer.choose(&case.context, &windows, &logits, options);
            assert_as_theirs(&found, run, &case.context);
            plain += usize::from(case.kind == "plain");
            no_span += usize::from(found.candidates.iter().all(|one| one.place.is_none()));
            let rank = found.candidates.iter().position(|one| one.text.is_empty());
            behind += usize::from(rank.is_some_and(|rank| rank == run.n));
            within += usize::from(rank.is_some_and(|rank| rank + 1 < found.candidates.len()));
        }
    }
    let runs: usize = cases.iter().map(|case| case.runs.len()).sum();
    assert!(runs >= 250 && plain >= 150, "{runs} runs, {plain} of plain texts");
    assert!(within >= 20 && behind >= 20 && no_span >= 20, "{within}, {behind}, {no_span}");
}

/// Theirs dies of it: without a token there is no window, and nothing to say but "no answer".
#[test]
fn a_context_without_a_token_has_no_answer() {
    let pipeline = Pipeline::open(&fixture("toy-answer"), &LoadOptions::default()).unwrap();
    let answerer = Answerer::new(&pipeline).unwrap();
    let found = answerer.choose(" ", &[], &[], NBestOptions { n: 20, no_answer: true });
    let texts: Vec<_> = found.candidates.iter().map(|one| one.text.as_str()).collect();
    assert_eq!(texts, ["empty", ""]);
    assert_eq!(found.text_or_none(100.0), "");
}
