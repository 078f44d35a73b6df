//! Windows over long texts: every word is judged once, by the window that shows most around it; and the n best answers are
//! those that trying all spans finds.

use bert_checkpoint::LoadOptions;
use bert_nn::Real;
use bert_nn::random::Draws;
use bert_pipeline::n_best::NBestOptions;
use bert_pipeline::windows::{question_windows, word_windows};
use bert_pipeline::{Answerer, Pipeline};
use bert_testkit::fixture;
use std::collections::HashSet;
use std::ops::Range;

const WORDS: [&str; 8] = ["the", "dog", "New", "Peterson", "zqxj", "bites", "\u{200b}", "é"];

/// min(left, right) and a hundredth of the length, of place `token` in `window`.
fn context(window: &Range<usize>, token: usize) -> f64 {
    let (left, right) = (token - window.start, window.end - 1 - token);
    left.min(right) as f64 + 0.01 * window.len() as f64
}

/// The window, of those that hold the token, that shows most around it; the first of equals.
fn judge(windows: &[Range<usize>], token: usize) -> usize {
    let holds = (0..windows.len()).filter(|&number| windows[number].contains(&token));
    holds
        .reduce(|best, other| {
            if context(&windows[other], token) > context(&windows[best], token) {
                other
            } else {
                best
            }
        })
        .expect("each token is in a window")
}

/// Windows of `room` tokens that share `stride`.
fn cut(tokens: usize, room: usize, stride: usize) -> Vec<Range<usize>> {
    let starts = (0..).map(|number| number * (room - stride));
    let windows = starts.map(|start| start..tokens.min(start + room));
    let mut done = false;
    windows.take_while(|window| !std::mem::replace(&mut done, window.end == tokens)).collect()
}

#[test]
fn every_word_is_judged_by_the_one_window_that_shows_most_around_it() {
    let pipeline = Pipeline::open(&fixture("toy-tag"), &LoadOptions::default()).unwrap();
    let tokenizer = &pipeline.tokenizer;
    let (mut draws, mut several) = (Draws::new(1, "windows", 0, 0), 0);
    for _ in 0..400 {
        let words: Vec<&str> = (0..1 + draws.below(40)).map(|_| WORDS[draws.below(8)]).collect();
        let max_length = 8 + draws.below(16);
        let whole = tokenizer.encode_words(&words);
        let word_of: Vec<u32> = whole.word_ids.iter().flatten().copied().collect();
        let expected_windows = cut(word_of.len(), max_length - 2, max_length / 4);
        let windows = word_windows(tokenizer, &words, max_length);
        several += usize::from(windows.len() > 1);
        assert_eq!(windows.len(), expected_windows.len(), "{words:?}");
        let mut expected = vec![Vec::new(); windows.len()];
        for word in 0..words.len() {
            // A word of which nothing is left has no token, and no judge.
            let Some(token) = word_of.iter().position(|&of| of as usize == word) else { continue };
            let window = judge(&expected_windows, token);
            expected[window].push((token - expected_windows[window].start + 1, word)); // [CLS]
        }
        let found: Vec<_> = windows.iter().map(|window| window.words.clone()).collect();
        assert_eq!(found, expected, "{words:?}, {max_length}");
    }
    assert!(several > 200, "only {several} texts were longer than a window");
}

#[test]
fn the_n_best_answers_are_those_that_trying_every_span_finds() {
    let pipeline = Pipeline::open(&fixture("toy-answer"), &LoadOptions::default()).unwrap();
    let mut answerer = Answerer::new(&pipeline).unwrap();
    answerer.max_answer_length = 5;
    let (mut draws, question) = (Draws::new(2, "n best", 0, 0), "who ?");
    for _ in 0..60 {
        // Words of one token each, so that a place in characters is a place in tokens.
        let words: Vec<&str> = (0..4 + draws.below(30))
            .map(|_| ["the", "dog", "man", "bites"][draws.below(4)])
            .collect();
        let text = words.join(" ");
        let windows = question_windows(&pipeline.tokenizer, question, &text, 16, Some(4)).unwrap();
        let mut number = || (draws.uniform() * 8.0 - 4.0) as Real;
        let logits: Vec<(Vec<Real>, Vec<Real>)> = windows
            .iter()
            .map(|window| (0..window.len()).map(|_| (number(), number())).unzip())
            .collect();
        // By hand: which tokens of the context each window shows, and every span of at most five.
        let asked = windows[0].sequence_ids.iter().filter(|&&id| id == Some(0)).count();
        let shown = cut(words.len(), 16 - asked - 3, 4);
        let mut spans = Vec::new();
        for (number, window) in shown.iter().enumerate() {
            let at = |token: usize| token - window.start + asked + 2; // [CLS], question, [SEP]
            for first in window.clone().filter(|&first| judge(&shown, first) == number) {
                for last in first..window.end.min(first + 5) {
                    let (start, end) = (logits[number].0[at(first)], logits[number].1[at(last)]);
                    spans.push((start + end, words[first..=last].join(" "), start, end));
                }
            }
        }
        spans.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut seen = HashSet::new();
        spans.retain(|span| seen.insert(span.1.clone()));
        let null =
            logits.iter().map(|(start, end)| start[0] + end[0]).fold(Real::INFINITY, Real::min);
        let options = NBestOptions { n: 10_000, no_answer: false };
        let found = answerer.choose(&text, &windows, &logits, options);
        assert_eq!(found.candidates.len(), spans.len());
        let total: Real = spans.iter().map(|span| (span.0 - spans[0].0).exp()).sum();
        for (candidate, (score, text, start, end)) in found.candidates.iter().zip(&spans) {
            assert_eq!(
                (&candidate.text, candidate.start_logit, candidate.end_logit),
                (text, *start, *end)
            );
            let probability = (score - spans[0].0).exp() / total;
            assert!((candidate.probability - probability).abs() < 1e-5);
        }
        assert_eq!(found.null_odds, null - spans[0].0);
        let few = answerer.choose(&text, &windows, &logits, NBestOptions { n: 3, no_answer: true });
        assert!(few.candidates.iter().any(|candidate| candidate.text.is_empty()));
    }
}
