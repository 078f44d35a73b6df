//! Header or none.

use crate::{cells, message, options, rows};
use bert_data::Error;
use bert_data::table::{Column, Format, Rows, TableOptions};

fn table(text: &str, header: Option<bool>, asked: &[&str]) -> Result<Rows, Error> {
    let asked = asked.iter().map(|&column| Column::from(column)).collect();
    rows(text, &TableOptions { asked, ..options(Format::Csv, header) })
}

/// Whether there is a header; no row may be lost either way.
fn has_header(text: &str, header: Option<bool>, asked: &[&str]) -> bool {
    let mut table = table(text, header, asked).unwrap();
    let found = table.by_ref().map(Result::unwrap).count();
    let has_header = table.header().is_some();
    assert_eq!(found + usize::from(has_header), text.lines().count());
    has_header
}

#[test]
fn a_known_name_makes_a_header() {
    assert!(has_header("Text,mood\na,b\n", None, &[]));
    assert!(has_header("foo, LABEL \na,b\n", None, &[]));
    assert!(has_header("x,y,Sentence2\na,b,c\n", None, &["0"]));
}

#[test]
fn a_column_asked_for_by_name_means_a_header_and_by_number_none() {
    assert!(has_header("foo,bar\na,b\n", None, &["0", "bar"]));
    assert!(!has_header("foo,bar\na,b\n", None, &["0", "1"]));
}

#[test]
fn what_is_told_counts_whatever_the_row_says() {
    assert!(!has_header("text,label\na,b\n", Some(false), &[]));
    assert!(has_header("what is it ?,a b c d e f\na,b\n", Some(true), &[]));
}

#[test]
fn a_doubt_is_an_error_that_shows_the_row() {
    let error = message(table("foo,bar\na,b\n", None, &[]));
    assert!(error.contains("--header or --no-header"), "{error}");
    assert!(error.ends_with("It reads: \"foo\" \"bar\""), "{error}");
    // The label of this row happens to be the name of a column; its text is plainly no name.
    let error = message(table("What is the capital of France ?,title\n", None, &[]));
    assert!(error.contains("--header or --no-header"), "{error}");
}

#[test]
fn the_names_are_without_the_white_space_around_them() {
    let mut table = table("\u{feff}\n id ,\"text\"\n1,a\n", None, &[]).unwrap();
    assert_eq!(table.header().unwrap(), ["id", "text"]);
    assert_eq!(cells(&[table.next().unwrap().unwrap()]), [["1", "a"]]);
    assert_eq!(table.place(&Column::from("text")).unwrap(), 1);
}

#[test]
fn digits_are_a_number_and_an_equals_sign_makes_them_a_name() {
    let table = table("2020,=a,1,b\n", Some(true), &[]).unwrap();
    let place = |column: &str| table.place(&Column::from(column));
    assert_eq!(
        ["3", "=2020", "==a", "=1", "b", "=b"].map(|c| place(c).unwrap()),
        [3, 0, 1, 2, 3, 3]
    );
    let missing = |column| format!("table: there is no column {column}; there are: 2020, =a, 1, b");
    assert_eq!(message(place("c")), missing("\"c\""));
    assert_eq!(message(place("4")), missing("4 (counted from 0)"));
    let many = "99999999999999999999999";
    assert!(message(place(many)).contains("there is no column"));
}

#[test]
fn a_missing_column_is_an_error_that_lists_those_there_are() {
    let none = table("a,b,c\n", Some(false), &[]).unwrap();
    let error = message(none.place(&Column::from("text")));
    let expected = "table: there is no column \"text\"; there are: 3 without names, numbers 0 to 2";
    assert_eq!(error, expected);
    let twice = table("a,b,a\n", Some(true), &[]).unwrap();
    assert!(message(twice.place(&Column::from("a"))).contains("columns 0 and 2"));
    assert_eq!(twice.place(&Column::from("2")).unwrap(), 2);
}
