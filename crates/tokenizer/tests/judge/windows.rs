//! Truncation, strides and overflow windows.

use bert_tokenizer::{Encoding, Input, Strategy, Truncation};
use tokenizers::{TruncationDirection, TruncationParams, TruncationStrategy};

use crate::judge::{Judge, Pair, assert_same, pairs};

const LONG: &str = "The quick brown fox, unaffable as ever, jumps over 13 lazy dogs; größere Füchse don't (中文 too)!";
const SHORT: &str = "Who jumps over what?";

/// The judge cuts only after everything is tokenized, so that no window is lost: it is given whole encodings.
fn judged(
    judge: &mut Judge,
    first: &str,
    second: Option<&str>,
    truncation: &Truncation,
) -> Option<tokenizers::Encoding> {
    let strategy = match truncation.strategy {
        Strategy::LongestFirst => TruncationStrategy::LongestFirst,
        Strategy::OnlyFirst => TruncationStrategy::OnlyFirst,
        Strategy::OnlySecond => TruncationStrategy::OnlySecond,
    };
    let (max_length, stride) = (truncation.max_length, truncation.stride);
    judge.with_truncation(None).unwrap();
    let plain = &*judge;
    // Made anew, because the judge would remember that each text was the first when it was encoded alone.
    let bare = |text: &str, token_type: u32| {
        let encoding = plain.encode_char_offsets(text, false).unwrap();
        tokenizers::Encoding::new(
            encoding.get_ids().to_vec(),
            vec![token_type; encoding.len()],
            encoding.get_tokens().to_vec(),
            encoding.get_word_ids().to_vec(),
            encoding.get_offsets().to_vec(),
            encoding.get_special_tokens_mask().to_vec(),
            encoding.get_attention_mask().to_vec(),
            vec![],
            Default::default(),
        )
    };
    let (first, second) = (bare(first, 0), second.map(|text| bare(text, 1)));
    let params =
        TruncationParams { direction: TruncationDirection::Right, max_length, strategy, stride };
    judge.with_truncation(Some(params)).ok()?;
    judge.post_process(first, second, true).ok()
}

fn compare(pair: &mut Pair, first: &str, second: Option<&str>, truncation: &Truncation) -> bool {
    let input = second.map_or(Input::Single(first), |second| Input::Pair(first, second));
    let ours = pair.ours.try_encode_truncated(input, truncation);
    let Ok(ours) = ours else {
        return false;
    };
    let Some(judge) = judged(&mut pair.judge, first, second, truncation) else {
        // It refuses a stride that is too wide even where there is nothing to cut.
        assert!(ours.overflow.is_empty(), "{first:?} {second:?} {truncation:?}");
        return false;
    };
    let what = (first, second, truncation);
    assert_same(&ours.first, &judge, &what);
    assert_eq!(ours.overflow.len(), judge.get_overflowing().len(), "windows of {what:?}");
    for (window, judge) in ours.overflow.iter().zip(judge.get_overflowing()) {
        assert_same(window, judge, &what);
    }
    assert_eq!(pair.ours.encode_truncated(input, truncation), ours);
    true
}

#[test]
fn all_strategies_lengths_and_strides_give_the_judges_windows() {
    let mut compared = 0;
    let mut pair = pairs().remove(0);
    for strategy in [Strategy::LongestFirst, Strategy::OnlyFirst, Strategy::OnlySecond] {
        for max_length in 5..60 {
            for stride in 0..9 {
                let truncation = Truncation { max_length, strategy, stride };
                let texts = [
                    (LONG, None),
                    (LONG, Some(SHORT)),
                    (SHORT, Some(LONG)),
                    (LONG, Some(LONG)),
                    (SHORT, Some("")),
                ];
                for (first, second) in texts {
                    compared += usize::from(compare(&mut pair, first, second, &truncation));
                }
            }
        }
    }
    assert!(compared > 3_000, "only {compared} compared");
}

#[test]
fn what_we_refuse_the_judge_refuses_too() {
    let mut pair = pairs().remove(0);
    for (strategy, first, second) in [
        (Strategy::OnlySecond, LONG, None),
        (Strategy::OnlySecond, LONG, Some(SHORT)),
        (Strategy::OnlyFirst, SHORT, Some(LONG)),
    ] {
        let truncation = Truncation { max_length: 10, strategy, stride: 0 };
        let input = second.map_or(Input::Single(first), |second| Input::Pair(first, second));
        let error = pair.ours.try_encode_truncated(input, &truncation).unwrap_err().to_string();
        assert!(error.starts_with("cannot truncate to 10 tokens: "), "{error}");
        assert!(judged(&mut pair.judge, first, second, &truncation).is_none());
        assert!(pair.ours.encode_truncated(input, &truncation).first.len() <= 10);
    }
}

#[test]
fn no_length_and_no_stride_ends_in_a_panic_and_every_token_is_in_a_window() {
    let tokenizer = &pairs()[0].ours;
    let whole = tokenizer.encode(LONG);
    for max_length in 0..40 {
        for stride in [0, 1, 5, 40, usize::MAX] {
            let truncation = Truncation { max_length, strategy: Strategy::LongestFirst, stride };
            let windows = tokenizer.encode_truncated(LONG, &truncation);
            let all: Vec<&Encoding> =
                std::iter::once(&windows.first).chain(&windows.overflow).collect();
            assert!(all.iter().all(|window| window.len() <= max_length.max(2)));
            let seen = |offsets| {
                max_length < 3 || all.iter().any(|window| window.offsets.contains(offsets))
            };
            assert!(whole.offsets.iter().all(seen), "{truncation:?}");
            tokenizer.encode_truncated((LONG, SHORT), &truncation);
        }
    }
}
