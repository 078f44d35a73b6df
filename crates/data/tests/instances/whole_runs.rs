//! Blocks and passes as a training meets them, and what is refused.

use bert_data::blocks::Blocks;
use bert_data::{
    CorpusSource, Documents, Error, Form, Instance, Masking, Replacement, Settings, Source,
};
use bert_testkit::{fixture, shared};
use bert_tokenizer::{Options, Tokenizer};
use rayon::ThreadPoolBuilder;
use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

type Texts = Vec<Vec<String>>;

fn tokenizer(vocabulary: &Path) -> Tokenizer {
    Tokenizer::from_vocab_file(vocabulary, Options::default()).unwrap()
}

/// Documents of one to six sentences, each in its own words: its numbers.
fn texts(documents: usize) -> Texts {
    let sentence = |d: usize, s: usize| format!("the {d} dog sees {s} cat and a letter .");
    (0..documents).map(|d| (0..1 + d % 6).map(|s| sentence(d, s)).collect()).collect()
}

fn source(documents: usize, settings: Settings) -> CorpusSource<Texts> {
    CorpusSource::new(texts(documents), tokenizer(&fixture("toy/vocab.txt")), settings).unwrap()
}

/// Small blocks, so that there are several.
fn small() -> Settings {
    let block_bytes = NonZeroU64::new(1_000).unwrap();
    Settings { max_length: 40, block_bytes, ..Settings::default() }
}

fn pass(source: &impl Source, epoch: u64) -> Vec<Vec<Instance>> {
    (0..source.blocks(epoch).unwrap()).map(|block| source.block(epoch, block).unwrap()).collect()
}

#[test]
fn the_same_instances_come_from_any_number_of_threads() {
    for form in [Form::Pairs, Form::FullSentences] {
        let made = [1, 2, 3, 8].map(|threads| {
            let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| pass(&source(60, Settings { form, ..small() }), 1))
        });
        assert!(made[0].len() > 5 && made[0].iter().all(|block| block.len() > 2));
        assert!(made.iter().all(|one| *one == made[0]));
    }
}

#[test]
fn a_block_is_the_same_whatever_was_made_before() {
    let run = source(60, small());
    let (first, second) = (pass(&run, 0), pass(&run, 1));
    let fresh = source(60, small());
    assert_eq!(fresh.block(1, 3).unwrap(), second[3]);
    assert_eq!(fresh.block(0, 2).unwrap(), first[2]);
    assert_eq!(fresh.block(1, 0).unwrap(), second[0]);
}

#[test]
fn each_pass_reads_each_document_once_in_an_order_of_its_own() {
    let texts = texts(60);
    let [first, second] = [0, 1].map(|pass| Blocks::new(&texts, pass, 1_000, 2, 12345));
    let read = |blocks: &Blocks| -> Vec<usize> {
        (0..blocks.len()).flat_map(|block| blocks.documents(block).to_vec()).collect()
    };
    for blocks in [&first, &second] {
        let mut numbers = read(blocks);
        numbers.sort_unstable();
        assert_eq!(numbers, (0..60).collect::<Vec<_>>());
    }
    assert_ne!(read(&first), read(&second));
    let size = |number: &usize| texts.size_of(*number);
    for block in 0..first.len() - 1 {
        let documents = first.documents(block);
        let (last, before) = documents.split_last().unwrap();
        let bytes: u64 = before.iter().map(size).sum();
        assert!(bytes < 1_000 && bytes + size(last) >= 1_000, "{documents:?}");
    }
}

#[test]
fn a_block_has_two_documents_if_there_are_two() {
    for documents in 2..9 {
        let blocks = Blocks::new(&texts(documents), 0, 1, 2, 7);
        let counts: Vec<_> = (0..blocks.len()).map(|b| blocks.documents(b).len()).collect();
        assert_eq!(counts.iter().sum::<usize>(), documents);
        assert!(counts.iter().all(|&count| count == 2 || count == 3), "{counts:?}");
    }
}

#[test]
fn full_sentences_lose_no_token_and_repeat_none() {
    let run = source(60, Settings { form: Form::FullSentences, ..small() });
    let special = *run.tokenizer().special();
    let mut expected: Vec<u32> = Vec::new();
    for sentence in run.documents().iter().flatten() {
        let encoding = run.tokenizer().encode(sentence);
        expected.extend(&encoding.ids[1..encoding.len() - 1]);
    }
    let mut found: Vec<u32> = Vec::new();
    for instance in pass(&run, 0).concat() {
        let ids = instance.original_ids();
        assert!(ids.len() <= 40 && ids[0] == special.cls && ids[ids.len() - 1] == special.sep);
        assert!(instance.token_types.iter().all(|&kind| kind == 0));
        assert_eq!(instance.is_random_next, None);
        found.extend(ids.iter().filter(|&&id| id != special.cls && id != special.sep));
    }
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected);
}

fn sorted(instances: Vec<Vec<Instance>>) -> Vec<Instance> {
    let mut all = instances.concat();
    all.sort_by(|a, b| {
        (&a.token_ids, &a.masked_positions).cmp(&(&b.token_ids, &b.masked_positions))
    });
    all
}

#[test]
fn passes_differ_until_the_dupe_factor_is_reached() {
    for form in [Form::Pairs, Form::FullSentences] {
        let run = source(60, Settings { form, dupe_factor: NonZeroU64::new(2), ..small() });
        let [first, second, third] = [0, 1, 2].map(|epoch| pass(&run, epoch));
        assert_ne!(first, third, "another order");
        let [first, second, third] = [first, second, third].map(sorted);
        assert_ne!(first, second);
        assert_eq!(first, third);
        let endless = source(60, Settings { form, ..small() });
        assert_eq!(sorted(pass(&endless, 0)), first);
        assert_ne!(sorted(pass(&endless, 2)), first);
    }
}

#[test]
fn instances_of_real_text_keep_every_promise() {
    let (Some(addresses), Some(vocabulary)) =
        (shared("data/state_union/addresses.txt"), shared("data/vocab/bert-uncased.txt"))
    else {
        return;
    };
    let text = fs::read_to_string(addresses).unwrap();
    let texts: Texts =
        text.split("\n\n").map(|document| document.lines().map(str::to_owned).collect()).collect();
    assert!(texts.len() > 10, "{} documents", texts.len());
    let masking = Masking { whole_words: true, ..Masking::default() };
    let settings = Settings { masking, ..Settings::default() };
    let run = CorpusSource::new(texts, tokenizer(&vocabulary), settings).unwrap();
    let special = *run.tokenizer().special();
    let (mut hidden, mut tokens, mut random) = (0, 0, [0; 2]);
    for instance in pass(&run, 0).concat() {
        let ids = instance.original_ids();
        assert!(ids.len() <= 128 && ids.len() == instance.token_types.len());
        let seps: Vec<_> = (0..ids.len()).filter(|&place| ids[place] == special.sep).collect();
        assert_eq!((ids[0], seps.len(), seps[1]), (special.cls, 2, ids.len() - 1));
        let types = |place: usize| u32::from(place > seps[0]);
        assert!((0..ids.len()).all(|place| instance.token_types[place] == types(place)));
        let count = masking.count(ids.len());
        assert!(instance.masked_positions.len() <= count);
        let labels = instance.labels();
        for place in 1..ids.len() - 1 {
            let piece = run.tokenizer().vocab().token(ids[place]).unwrap();
            if piece.starts_with("##") && place - 1 != 0 && place - 1 != seps[0] {
                assert_eq!(labels[place].is_some(), labels[place - 1].is_some(), "{piece}");
            }
        }
        assert!([0, seps[0], seps[1]].iter().all(|&place| labels[place].is_none()));
        tokens += ids.len();
        hidden += instance.masked_positions.len();
        random[usize::from(instance.is_random_next.unwrap())] += 1;
    }
    let share = f64::from(hidden as u32) / tokens as f64;
    assert!((0.14..0.155).contains(&share), "{share} of the tokens are hidden");
    assert!(random[1] >= random[0], "{random:?}");
}

#[test]
fn settings_that_make_no_instance_are_refused_by_name() {
    let base = Settings::default;
    let masking = |masking: Masking| Settings { masking, ..base() };
    let replacement = |mask, random| {
        masking(Masking { replacement: Replacement { mask, random }, ..Masking::default() })
    };
    let cases = [
        (Settings { max_length: 4, ..base() }, "max_length: expected at least 5"),
        (Settings { short_sequence_probability: 1.5, ..base() }, "found 1.5"),
        (Settings { short_sequence_probability: f64::NAN, ..base() }, "found NaN"),
        (masking(Masking { rate: -0.1, ..Masking::default() }), "rate: expected a number from 0"),
        (masking(Masking { max_predictions: 0, ..Masking::default() }), "max_predictions"),
        (replacement(1.1, 0.0), "mask: expected a number from 0 to 1, found 1.1"),
        (replacement(0.8, -0.1), "random: "),
        (replacement(0.8, 0.3), "mask + random: expected at most 1"),
    ];
    for (settings, expected) in cases {
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    for (mask, random) in [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.9, 0.1), (0.7, 0.3)] {
        replacement(mask, random).check().unwrap();
    }
    let short = Settings { max_length: 5, ..small() };
    assert!(pass(&source(20, short), 0).concat().iter().all(|one| one.token_ids.len() <= 5));
}

#[test]
fn pairs_of_a_single_document_are_refused_with_advice() {
    let make = |texts: Texts, form| {
        let settings = Settings { form, ..small() };
        CorpusSource::new(texts, tokenizer(&fixture("toy/vocab.txt")), settings)
    };
    let error = make(texts(1), Form::Pairs).err().unwrap();
    assert!(matches!(error, Error::OneDocument));
    let text = error.to_string();
    assert!(text.contains("a blank line between documents") && text.contains("--full-sentences"));
    assert!(matches!(make(Vec::new(), Form::Pairs), Err(Error::NoDocument)));
    assert_eq!(pass(&make(texts(1), Form::FullSentences).unwrap(), 0).concat().len(), 1);
}

#[test]
fn settings_are_written_and_read_back() {
    let settings = Settings { dupe_factor: NonZeroU64::new(10), ..small() };
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    assert!(serde_json::from_str::<Settings>(r#"{"max_lenght": 3}"#).is_err());
}
