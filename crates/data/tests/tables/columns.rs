//! Which columns are read.

use crate::{firsts, message, texts};
use bert_data::Error;
use bert_data::table::{Column, Format};
use bert_data::texts::{Columns, Need, TextFile, TextOptions};

/// A table with these columns in which each cell holds its column's name in capitals.
fn file(header: &str, columns: Columns, target: Need) -> Result<TextFile, Error> {
    let text = format!("{header}\n{}\n", header.to_uppercase());
    let mut options = TextOptions { columns, target, ..TextOptions::default() };
    options.table.header = Some(true);
    texts(Format::Csv, &text, &options)
}

/// The names of text, pair, label and id in a table with these columns; a dash for none.
fn found(header: &str, columns: Columns, target: Need) -> String {
    let file = file(header, columns, target).unwrap();
    let example = &file.examples[0];
    assert_eq!(example.first, file.columns.text.to_uppercase());
    assert_eq!(example.second, file.columns.pair.as_ref().map(|name| name.to_uppercase()));
    assert_eq!(example.id, file.columns.id.as_ref().map(|name| name.to_uppercase()));
    let dash = |name: Option<&String>| name.cloned().unwrap_or_else(|| "-".to_owned());
    let used = &file.columns;
    let (pair, id) = (dash(used.pair.as_ref()), dash(used.id.as_ref()));
    format!("{} {pair} {} {id}", used.text, dash(used.labels.first()))
}

fn of(text: &str) -> Option<Column> {
    Some(Column::from(text))
}

#[test]
fn columns_are_found_by_their_names() {
    let by_name = |header| found(header, Columns::default(), Need::Always);
    assert_eq!(by_name("text,label"), "text - label -");
    assert_eq!(by_name("Label,year,Review,idx"), "Review - Label idx");
    assert_eq!(by_name("sentence1,sentence2,label"), "sentence1 sentence2 label -");
    assert_eq!(by_name("hypothesis,gold_label,premise"), "premise hypothesis gold_label -");
    assert_eq!(by_name("id,question1,question2,score"), "question1 question2 score id");
    assert_eq!(by_name("text,text2,class"), "text text2 class -");
    // A second text is read only where the names belong together.
    assert_eq!(by_name("premise,sentence2,label"), "premise - label -");
}

#[test]
fn of_two_columns_the_one_that_is_not_the_label_is_the_text() {
    assert_eq!(found("foo,category", Columns::default(), Need::Always), "foo - category -");
    let text = Columns { text: of("foo"), ..Columns::default() };
    assert_eq!(found("foo,bar", text.clone(), Need::Always), "foo - bar -");
    assert_eq!(found("foo,bar", text, Need::IfThere), "foo - - -");
    let labels = Columns { labels: vec![Column::from("0")], ..Columns::default() };
    assert_eq!(found("foo,bar", labels, Need::Always), "bar - foo -");
}

#[test]
fn what_is_asked_for_counts_before_any_name() {
    let columns = Columns { text: of("title"), ..Columns::default() };
    assert_eq!(found("text,title,label", columns, Need::Always), "title - label -");
    let columns = Columns { text: of("b"), pair: of("0"), ..Columns::default() };
    assert_eq!(found("a,b,c,label", columns, Need::Always), "b a label -");
    let columns =
        Columns { labels: vec![Column::from("b")], id: of("label"), ..Columns::default() };
    assert_eq!(found("text,b,label", columns, Need::Always), "text - b label");
    let columns = Columns { text: of("premise"), ..Columns::default() };
    assert_eq!(
        found("text,premise,hypothesis,label", columns, Need::Always),
        "premise hypothesis label -"
    );
}

#[test]
fn where_two_may_be_meant_it_is_an_error_that_lists_them_and_the_flag() {
    let error = |header| message(file(header, Columns::default(), Need::Always));
    let expected = |what, flag, there| {
        format!("table: which column holds {what}? Say {flag}; it may be one of: {there}")
    };
    assert_eq!(error("title,a,body,label"), expected("the text", "--text-column", "title, body"));
    assert_eq!(error("text,label,score"), expected("the label", "--label-column", "label, score"));
    assert_eq!(error("text,label,id,idx"), expected("the id", "--id-column", "id, idx"));
    assert_eq!(error("a,b"), expected("the text", "--text-column", "a, b"));
    assert_eq!(error("a,b,text"), expected("the label", "--label-column", "a, b, text"));
    let columns = Columns { text: of("a"), pair: of("0"), ..Columns::default() };
    let twice = message(file("a,b", columns, Need::Always));
    assert_eq!(twice, "table: column a is asked for twice: as --text-column and as --pair-column");
}

#[test]
fn for_prediction_the_label_may_be_absent_or_in_doubt() {
    let by_name = |header| found(header, Columns::default(), Need::IfThere);
    assert_eq!(by_name("id,text"), "text - - id");
    assert_eq!(by_name("anything"), "anything - - -");
    assert_eq!(by_name("text,label"), "text - label -");
    assert_eq!(by_name("text,label,score"), "text - - -");
    let file = file("text,label,score", Columns::default(), Need::IfThere).unwrap();
    assert_eq!(file.notes, ["the label is not read: it may be label, score; say --label-column"]);
}

#[test]
fn a_file_without_a_header_is_read_by_numbers() {
    let columns = Columns { text: of("2"), labels: vec![Column::from("0")], ..Columns::default() };
    let options = TextOptions { columns, ..TextOptions::default() };
    let file = texts(Format::Tsv, "x\t1\tfirst\ny\t2\tsecond\n", &options).unwrap();
    assert_eq!(firsts(&file), ["first", "second"]);
    assert_eq!((&*file.columns.text, &*file.columns.labels), ("2", &["0".to_owned()][..]));
}

#[test]
fn every_row_is_one_example_whatever_stands_in_it() {
    let text = "text,label\n,a\n\" \",b\n\"x\n\n\",a\nlabel,text\n";
    let file = texts(Format::Csv, text, &TextOptions::default()).unwrap();
    assert_eq!(firsts(&file), ["", " ", "x\n\n", "label"]);
    assert_eq!((file.empty_texts.count, &file.empty_texts.lines[..]), (2, &[2, 3][..]));
    assert_eq!(file.notes, ["empty texts: 2 (lines 2, 3)"]);
    assert_eq!(file.examples.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 3, 4, 7]);
    let error = message(texts(Format::Csv, "text,label\n", &TextOptions::default()));
    assert_eq!(error, "table: there is no row to read in this file");
}
