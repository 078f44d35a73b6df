//! Every row of real data sets. The counts are those that the data's own description gives.

use bert_data::texts::{Labels, Need, TextOptions, read_texts};
use bert_testkit::shared;

#[test]
fn every_film_review_is_read() {
    let Some(folder) = shared("data/sentence_polarity") else { return };
    // The negative and positive ones by `cut -f2 | sort | uniq -c`.
    for (name, counts) in [("train.tsv", [4810, 4786]), ("dev.tsv", [521, 545])] {
        let file = read_texts(folder.join(name), &TextOptions::default()).unwrap();
        assert_eq!(file.examples.len() as u64, counts.iter().sum::<u64>());
        assert_eq!((&*file.columns.text, &*file.columns.labels[0]), ("sentence", "label"));
        let labels = Labels::found_in(&file).unwrap();
        assert_eq!(labels.names(), ["0", "1"]);
        assert_eq!(labels.counts(&file).unwrap(), counts);
        assert!(file.notes.is_empty(), "{:?}", file.notes);
        // It has the layout of SST-2.
        let glue =
            bert_data::texts::Glue::Sst2.read(folder.join(name), "en", Need::Always).unwrap();
        assert_eq!(glue.examples, file.examples);
    }
}

#[test]
fn every_question_is_read() {
    let Some(folder) = shared("data/question_classes") else { return };
    // Counted with Python's csv module.
    let cases = [
        ("train.csv", 5452, [86, 1162, 1250, 1223, 835, 896]),
        ("test.csv", 500, [9, 138, 94, 65, 81, 113]),
    ];
    for (name, total, counts) in cases {
        let file = read_texts(folder.join(name), &TextOptions::default()).unwrap();
        assert_eq!(file.examples.len(), total);
        let labels = Labels::found_in(&file).unwrap();
        assert_eq!(labels.names(), ["ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"]);
        assert_eq!(labels.counts(&file).unwrap(), counts);
        assert!(file.notes.is_empty(), "{:?}", file.notes);
    }
}
