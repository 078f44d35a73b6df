//! Each test counts how often each outcome comes up and compares with what the procedure promises.
//! Seeds are fixed, so a test passes always or never; one in ten thousand seeds would fail by chance.

use crate::pieces;
use bert_data::next_sentence::{Pair, Pairs};
use bert_data::{Document, Instance, Masking, Pieces, Replacement};
use bert_nn::random::Draws;

/// The chi-squared statistic: Σ (found − expected)² / expected.
fn chi_squared(found: &[usize], shares: &[f64]) -> f64 {
    let total = found.iter().sum::<usize>() as f64;
    let term = |(&found, share): (&usize, &f64)| {
        let expected = total * share;
        assert!(expected >= 5.0, "too few for a chi-squared test: {expected}");
        (found as f64 - expected).powi(2) / expected
    };
    found.iter().zip(shares).map(term).sum()
}

/// What a chi-squared statistic passes once in 10,000 times (Wilson and Hilferty, 1931; by at most a
/// tenth too large, at one degree of freedom).
fn limit(degrees: usize) -> f64 {
    let spread = 2.0 / (9.0 * degrees as f64);
    degrees as f64 * (1.0 - spread + 3.719 * spread.sqrt()).powi(3)
}

#[track_caller]
fn assert_shares(found: &[usize], shares: &[f64]) {
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12, "shares of {shares:?}");
    let (statistic, limit) = (chi_squared(found, shares), limit(shares.len() - 1));
    assert!(statistic < limit, "{found:?} for {shares:?}: {statistic} is above {limit}");
}

#[track_caller]
fn assert_equal_shares(found: &[usize]) {
    assert_shares(found, &vec![1.0 / found.len() as f64; found.len()]);
}

const CLS: u32 = 2;
const SEP: u32 = 3;
const MASK: u32 = 4;

/// `[CLS]`, these tokens, `[SEP]`.
fn sequence(tokens: impl IntoIterator<Item = u32>) -> Instance {
    let mut token_ids = vec![CLS];
    token_ids.extend(tokens);
    token_ids.push(SEP);
    Instance {
        token_types: vec![0; token_ids.len()],
        token_ids,
        masked_positions: Vec::new(),
        masked_ids: Vec::new(),
        is_random_next: None,
    }
}

/// The same sequence, masked many times.
fn masked<'a>(
    masking: Masking,
    original: &'a Instance,
    pieces: &'a Pieces,
    times: usize,
) -> impl Iterator<Item = Instance> + 'a {
    (0..times).map(move |time| {
        let mut instance = original.clone();
        masking.mask(&mut instance, pieces, &mut Draws::new(1, "test", 0, time as u64));
        assert_eq!(instance.original_ids(), original.token_ids);
        instance
    })
}

#[test]
fn the_limit_of_the_tests_is_that_of_the_tables() {
    // scipy.stats.chi2.isf(1e-4, degrees)
    let table = [(1, 15.137), (2, 18.421), (10, 35.564), (100, 161.319)];
    for (degrees, expected) in table {
        assert!((limit(degrees) / expected - 1.0).abs() < 0.1, "{degrees}: {}", limit(degrees));
    }
}

#[test]
fn every_token_is_hidden_as_often_and_no_special_one_ever() {
    let pieces = pieces(200, 0);
    let original = sequence(5..131); // 128 with [CLS] and [SEP]
    const TIMES: usize = 20_000;
    let mut times_hidden = [0; 128];
    for instance in masked(Masking::default(), &original, &pieces, TIMES) {
        assert_eq!(instance.masked_positions.len(), 19); // 0.15 · 128 = 19.2
        assert!(instance.masked_positions.is_sorted_by(|a, b| a < b));
        for &place in &instance.masked_positions {
            times_hidden[place as usize] += 1;
        }
    }
    assert_eq!((times_hidden[0], times_hidden[127]), (0, 0));
    // 19 of 126 without putting back: the statistic is smaller than that of independent choices by
    // (126 − 19) / (126 − 1).
    let statistic = chi_squared(&times_hidden[1..127], &[1.0 / 126.0; 126]) * 125.0 / 107.0;
    assert!(statistic < limit(125), "{statistic}");
}

#[test]
fn hidden_tokens_show_mask_or_themselves_or_any_token_8_to_1_to_1() {
    const WORDS: usize = 45;
    let pieces = pieces(WORDS, 0);
    let size = pieces.size(); // with the special tokens
    let own = 7;
    let original = sequence([own; 126]);
    for replacement in [Replacement::BERT, Replacement { mask: 0.5, random: 0.4 }] {
        let masking = Masking { replacement, ..Masking::default() };
        let mut shown = vec![0; size];
        for instance in masked(masking, &original, &pieces, 10_000) {
            for &place in &instance.masked_positions {
                shown[instance.token_ids[place as usize] as usize] += 1;
            }
        }
        let by_chance = replacement.random / size as f64;
        let mut shares = vec![by_chance; size];
        shares[MASK as usize] += replacement.mask;
        shares[own as usize] += 1.0 - replacement.mask - replacement.random;
        assert_shares(&shown, &shares);
        // The same in three heaps: no token's share is hidden among the many.
        let (mask, kept) = (MASK as usize, own as usize);
        let other = |list: &[f64]| list.iter().sum::<f64>() - list[mask] - list[kept];
        let counts: Vec<f64> = shown.iter().map(|&count| count as f64).collect();
        assert_shares(
            &[shown[mask], shown[kept], other(&counts) as usize],
            &[shares[mask], shares[kept], other(&shares)],
        );
    }
}

#[test]
fn whole_words_are_hidden_whole_and_each_as_often() {
    // 20 words of three pieces.
    let pieces = pieces(20, 40);
    let word = |word: u32| [5 + word, 25 + 2 * word, 26 + 2 * word];
    let original = sequence((0..20).flat_map(word));
    let masking = Masking { whole_words: true, ..Masking::default() };
    let mut times_hidden = [0; 20];
    for instance in masked(masking, &original, &pieces, 10_000) {
        // 0.15 · 62 = 9.3, and three words are 9.
        assert_eq!(instance.masked_positions.len(), 9);
        for places in instance.masked_positions.chunks(3) {
            assert_eq!(places[0] % 3, 1, "{:?}", instance.masked_positions);
            assert_eq!([places[0] + 1, places[0] + 2], places[1..]);
            times_hidden[places[0] as usize / 3] += 1;
        }
    }
    let statistic = chi_squared(&times_hidden, &[0.05; 20]) * 19.0 / 17.0; // 3 of 20
    assert!(statistic < limit(19), "{statistic}");
}

#[test]
fn never_more_are_hidden_than_allowed() {
    let pieces = pieces(20, 40);
    for (tokens, whole_words) in [(126, false), (126, true), (30, true)] {
        // A word of two pieces, a word of one, …
        let original = sequence((0..tokens).map(|place| if place % 3 == 1 { 30 } else { 5 }));
        for max_predictions in [1, 2, 5] {
            let masking = Masking { whole_words, max_predictions, ..Masking::default() };
            let mut most = 0;
            for instance in masked(masking, &original, &pieces, 200) {
                most = most.max(instance.masked_positions.len());
            }
            let share = (0.15 * f64::from(tokens + 2)).round() as usize;
            assert_eq!(most, max_predictions.min(share));
        }
    }
}

/// Documents whose sentences all have `length` tokens, no two of which are the same: token n of
/// sentence s of document d is ((d · sentences) + s) · length + n.
fn documents(documents: usize, sentences: usize, length: usize) -> Vec<Document> {
    let mut next = 0;
    let mut sentence = || {
        next += length as u32;
        (next - length as u32..next).collect::<Vec<_>>()
    };
    (0..documents).map(|_| (0..sentences).map(|_| sentence()).collect()).collect()
}

/// The pairs of all documents in many passes, with the document's number.
fn pairs(
    documents: &[Document],
    max_length: usize,
    short: f64,
    passes: u64,
) -> Vec<(usize, Vec<Pair>)> {
    let one = |pass, own| {
        let mut draws = Draws::new(1, "test", pass, own as u64);
        let mut pairs = Pairs::new(documents, own, max_length, short, &mut draws);
        (own, std::iter::from_fn(|| pairs.next_pair(&mut draws)).collect())
    };
    (0..passes).flat_map(|pass| (0..documents.len()).map(move |own| one(pass, own))).collect()
}

#[test]
fn half_the_chunks_of_two_get_a_random_next_and_all_chunks_of_one() {
    const DOCUMENTS: usize = 20;
    const SENTENCES: usize = 7;
    let all = documents(DOCUMENTS, SENTENCES, 10);
    let (mut next_or_random, mut last) = ([0; 2], 0);
    let mut others = [0; DOCUMENTS - 1];
    // Two sentences fill a sequence, so a random text begins at any sentence and ends with the same.
    let mut starts = [0; SENTENCES];
    for (own, pairs) in pairs(&all, 23, 0.0, 400) {
        for Pair { first, second, is_random_next } in pairs {
            let first = first[0] as usize / 10;
            let second = second[0] as usize / 10;
            assert_eq!(first / SENTENCES, own);
            if first % SENTENCES == SENTENCES - 1 {
                assert!(is_random_next, "nothing follows");
                last += 1;
            } else {
                next_or_random[usize::from(is_random_next)] += 1;
            }
            if is_random_next {
                let distance = (second / SENTENCES + DOCUMENTS - own) % DOCUMENTS;
                assert!(distance > 0, "a random text of the same document");
                others[distance - 1] += 1;
                starts[second % SENTENCES] += 1;
            } else {
                assert_eq!(second, first + 1, "the next sentence");
            }
        }
    }
    assert!(last > 1_000, "{last} chunks of one");
    assert_shares(&next_or_random, &[0.5, 0.5]);
    assert_equal_shares(&others);
    assert_equal_shares(&starts);
}

#[test]
fn a_chunk_is_split_anywhere_and_what_was_not_used_comes_again() {
    let all = documents(20, 15, 4);
    let mut splits = [0; 4];
    for (_, pairs) in pairs(&all, 23, 0.0, 200) {
        let mut used = Vec::new();
        for Pair { first, second, is_random_next } in pairs {
            assert!(first.len() + second.len() <= 20);
            // Five sentences fill a sequence. The last chunks of a document may have fewer.
            if !is_random_next && first.len() + second.len() == 20 {
                splits[first.len() / 4 - 1] += 1;
            }
            used.extend(first);
            if !is_random_next {
                used.extend(second);
            }
        }
        let start = used[0];
        assert_eq!(used, (start..start + 60).collect::<Vec<_>>(), "each sentence once, in order");
    }
    assert_equal_shares(&splits);
}

#[test]
fn one_document_in_ten_aims_for_a_length_between_2_and_the_longest() {
    let all = documents(30, 100, 1);
    let mut targets = [0; 11]; // 2, 3, …, 12
    for (_, pairs) in pairs(&all, 15, 0.1, 2_000) {
        // With sentences of one token, a chunk is exactly as long as it should be.
        let whole = pairs[..pairs.len() - 1].iter().filter(|pair| !pair.is_random_next);
        let lengths: Vec<_> = whole.map(|pair| pair.first.len() + pair.second.len()).collect();
        assert!(lengths.iter().all(|length| length == &lengths[0]), "{lengths:?}");
        if let Some(length) = lengths.first() {
            targets[length - 2] += 1;
        }
    }
    let mut shares = [0.1 / 11.0; 11];
    shares[10] += 0.9;
    assert_shares(&targets, &shares);
}

#[test]
fn half_of_what_is_cut_off_stood_in_front_and_the_longer_text_is_cut() {
    let all = documents(20, 6, 30);
    let mut front_or_back = [0; 2];
    for (_, pairs) in pairs(&all, 23, 0.0, 40) {
        for Pair { first, second, .. } in pairs {
            assert_eq!((first.len(), second.len()), (10, 10));
            for text in [first, second] {
                assert!(text.is_sorted_by(|a, b| a + 1 == *b), "a stretch of a sentence: {text:?}");
                front_or_back[0] += text[0] as usize % 30;
                front_or_back[1] += 29 - text[9] as usize % 30;
            }
        }
    }
    assert_shares(&front_or_back, &[0.5, 0.5]);
}
