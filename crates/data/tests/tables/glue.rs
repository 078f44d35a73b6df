//! Files as GLUE's and XNLI's: small ones made here, with the quirks of the genuine ones.

use crate::message;
use bert_data::Error;
use bert_data::texts::{Glue, GlueMetric, Need, Problem, Target, TextFile};
use std::fs;

fn read(task: Glue, text: &str, language: &str, need: Need) -> Result<TextFile, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.tsv");
    fs::write(&path, text).unwrap();
    task.read(path, language, need)
}

/// Each example as `first | second | target | id`.
fn shown(file: &TextFile) -> Vec<String> {
    let show = |example: &bert_data::texts::TextExample| {
        let target = match &example.target {
            Some(Target::Class(class)) => class.clone(),
            Some(Target::Number(number)) => number.to_string(),
            Some(Target::Labels(_)) => panic!("no task has several labels"),
            None => "-".to_owned(),
        };
        let dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!("{} | {} | {target} | {}", example.first, dash(&example.second), dash(&example.id))
    };
    file.examples.iter().map(show).collect()
}

fn labelled(task: Glue, text: &str) -> Vec<String> {
    shown(&read(task, text, "en", Need::Always).unwrap())
}

fn test_set(task: Glue, text: &str) -> Vec<String> {
    let message = message(read(task, text, "en", Need::Always));
    assert!(message.contains("there is no column with labels"), "{message}");
    shown(&read(task, text, "en", Need::IfThere).unwrap())
}

#[test]
fn cola_has_a_header_in_its_test_set_only() {
    let train = "gj04\t1\t\tOur friends won't buy this.\nbc01\t0\t*\tHe \"ran it.\n";
    let expected = ["Our friends won't buy this. | - | 1 | -", "He \"ran it. | - | 0 | -"];
    assert_eq!(labelled(Glue::Cola, train), expected);
    let test = "index\tsentence\n0\tBill whistled.\n";
    assert_eq!(test_set(Glue::Cola, test), ["Bill whistled. | - | - | 0"]);
}

#[test]
fn the_columns_of_each_task_are_where_they_should_be() {
    let sst = "sentence\tlabel\nhide new secretions \t0\n";
    assert_eq!(labelled(Glue::Sst2, sst), ["hide new secretions  | - | 0 | -"]);
    let sst = "index\tsentence\n7\tuneasy mishmash\n";
    assert_eq!(test_set(Glue::Sst2, sst), ["uneasy mishmash | - | - | 7"]);

    // With its byte order mark, and quotes that nobody closes.
    let mrpc = "\u{feff}Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n\
                1\t70\t71\t\"He\tShe\r\n0\t72\t73\tIt\tThey \"\r\n";
    assert_eq!(labelled(Glue::Mrpc, mrpc), ["\"He | She | 1 | -", "It | They \" | 0 | -"]);
    let mrpc = "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\ta\tb\n";
    assert_eq!(test_set(Glue::Mrpc, mrpc), ["a | b | - | 0"]);

    let stsb = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2";
    let train =
        format!("{stsb}\tscore\n4\tg\tf\t2012\t1\tn\tn\tA plane .\tAn air plane .\t4.750\n");
    assert_eq!(labelled(Glue::Stsb, &train), ["A plane . | An air plane . | 4.75 | 4"]);
    let test = format!("{stsb}\n4\tg\tf\t2012\t1\tn\tn\ta\tb\n");
    assert_eq!(test_set(Glue::Stsb, &test), ["a | b | - | 4"]);

    let nli = "index\tsentence1\tsentence2\tlabel\n3\ta\tb\tnot_entailment\n";
    assert_eq!(labelled(Glue::Rte, nli), ["a | b | not_entailment | 3"]);
    assert_eq!(labelled(Glue::Qnli, nli), ["a | b | not_entailment | 3"]);
    assert_eq!(labelled(Glue::Wnli, "index\ts\tt\tlabel\n3\ta\tb\t1\n"), ["a | b | 1 | 3"]);
    for task in [Glue::Rte, Glue::Qnli, Glue::Wnli] {
        assert_eq!(test_set(task, "index\ts\tt\n3\ta\tb\n"), ["a | b | - | 3"]);
    }
}

#[test]
fn the_label_of_mnli_is_the_last_column() {
    let common = "index\tpromptID\tpairID\tgenre\tb1\tb2\tp1\tp2\tsentence1\tsentence2";
    let row = "0\t1\t1n\tg\t(\t(\t(\t(\ta\tb";
    let train = format!("{common}\tlabel1\tgold_label\n{row}\tneutral\tentailment\n");
    assert_eq!(labelled(Glue::Mnli, &train), ["a | b | entailment | 0"]);
    let names = "label1\tlabel2\tlabel3\tlabel4\tlabel5\tgold_label";
    let dev = format!("{common}\t{names}\n{row}\tn\tn\tn\tn\tn\tcontradiction\n");
    assert_eq!(labelled(Glue::Mnli, &dev), ["a | b | contradiction | 0"]);
    assert_eq!(test_set(Glue::Mnli, &format!("{common}\n{row}\n")), ["a | b | - | 0"]);
}

#[test]
fn short_rows_of_qqp_are_passed_over_and_counted() {
    let train = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n\
                 0\t1\t2\ta ?\tb ?\t0\n3\t4\t5\tc ?\n6\t7\t8\td ?\te ?\t1\n";
    let file = read(Glue::Qqp, train, "en", Need::Always).unwrap();
    assert_eq!(shown(&file), ["a ? | b ? | 0 | 0", "d ? | e ? | 1 | 6"]);
    assert_eq!(file.skipped.short.lines, [3]);
    assert_eq!(file.notes, ["passed over rows with too few cells: 1 (line 3)"]);
    let test = "id\tquestion1\tquestion2\n0\ta ?\tb ?\n";
    assert_eq!(test_set(Glue::Qqp, test), ["a ? | b ? | - | 0"]);
    // Of any other task they are an error.
    let short = message(read(Glue::Rte, "i\ts\tt\tl\n0\ta\tb\n", "en", Need::Always));
    assert!(short.contains("line 2: expected 4 cells"), "{short}");
}

#[test]
fn xnli_is_read_in_one_language() {
    let train = "premise\thypo\tlabel\na\tb\tcontradictory\nc\td\tneutral\n";
    assert_eq!(labelled(Glue::Xnli, train), ["a | b | contradiction | -", "c | d | neutral | -"]);
    let header = "language\tgold_label\tx\tx\tx\tx\tsentence1\tsentence2\tpromptID";
    let dev = format!(
        "{header}\nde\tneutral\t\t\t\t\tein\tzwei\t1\nen\tentailment\t\t\t\t\tone\ttwo\t1\n\
         de\tneutral\t\t\t\t\tdrei\tvier\t2\n"
    );
    let file = read(Glue::Xnli, &dev, "en", Need::Always).unwrap();
    assert_eq!(shown(&file), ["one | two | entailment | -"]);
    assert_eq!(file.notes, ["passed over rows in other languages: 2 (lines 2, 4)"]);
    assert_eq!(read(Glue::Xnli, &dev, "de", Need::Always).unwrap().examples.len(), 2);
    let none = message(read(Glue::Xnli, &dev, "fr", Need::Always));
    assert!(none.starts_with("language: expected one of those in"), "{none}");
}

#[test]
fn a_file_of_another_task_is_refused() {
    let wrong = message(read(Glue::Stsb, "sentence\tlabel\na\t1\n", "en", Need::Always));
    assert!(wrong.contains("there is no column 8 (counted from 0), which stsb has"), "{wrong}");
    let wrong =
        message(read(Glue::Sst2, "sentence\tlabel\na\t1\nb\tpositive\n", "en", Need::Always));
    assert!(
        wrong.ends_with("line 3: expected one of the labels 0, 1, found \"positive\""),
        "{wrong}"
    );
}

#[test]
fn tasks_have_the_labels_and_metrics_of_the_published_programs() {
    // The labels of run_classifier.py and of transformers' GLUE processors; the metrics of its
    // `glue_compute_metrics`.
    let nli: &[&str] = &["contradiction", "entailment", "neutral"];
    let two: &[&str] = &["entailment", "not_entailment"];
    let bits: &[&str] = &["0", "1"];
    let expected: [(&str, &[&str], &[&str]); 10] = [
        ("CoLA", bits, &["matthews"]),
        ("SST-2", bits, &["accuracy"]),
        ("mrpc", bits, &["accuracy", "f1"]),
        ("STS-B", &[], &["pearson", "spearman"]),
        ("qqp", bits, &["accuracy", "f1"]),
        ("mnli", nli, &["accuracy"]),
        ("QNLI", two, &["accuracy"]),
        ("rte", two, &["accuracy"]),
        ("wnli", bits, &["accuracy"]),
        ("xnli", nli, &["accuracy"]),
    ];
    for (name, labels, metrics) in expected {
        let task: Glue = name.parse().unwrap();
        assert_eq!(task.name(), name.to_lowercase().replace('-', ""));
        let found = task.labels().map_or_else(Vec::new, |labels| labels.names().to_vec());
        assert_eq!(found, labels, "{name}");
        assert_eq!(task.problem() == Problem::Regression, labels.is_empty());
        let found: Vec<_> = task.metrics().iter().copied().map(GlueMetric::name).collect();
        assert_eq!(found, metrics, "{name}");
    }
    assert!(message("sst3".parse::<Glue>()).starts_with("glue: expected cola, sst2, mrpc"));
}
