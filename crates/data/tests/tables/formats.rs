//! What is a row in each format, and what is refused.

use crate::{cells, lines, message, options, read, rows};
use bert_data::table::{Cell, Format, ShortRows, TableOptions};
use std::fmt::Write;
use std::path::Path;

const ALL: [Format; 4] = [Format::Csv, Format::Tsv, Format::Json, Format::Jsonl];

#[test]
fn tsv_without_quoting_keeps_the_rows_that_quoting_would_lose() {
    // As in MRPC: every seventh text begins with a quote that nobody closes on its line.
    let mut text = "\u{feff}Quality\t#1 String\t#2 String\n".to_owned();
    for number in 0..70 {
        let quote = if number % 7 == 3 { "\"" } else { "" };
        writeln!(text, "1\t{quote}He said {number} .\tHe has said {number} .").unwrap();
    }
    let mut table = rows(text.clone(), &options(Format::Tsv, Some(true))).unwrap();
    let ours: Vec<_> = table.by_ref().map(Result::unwrap).collect();
    assert_eq!(table.header().unwrap()[0], "Quality");
    assert_eq!(lines(&ours), (2..=71).collect::<Vec<u64>>());
    assert_eq!(cells(&ours)[3], ["1", "\"He said 3 .", "He has said 3 ."]);

    let mut quoting = csv::ReaderBuilder::new();
    let quoting = quoting.delimiter(b'\t').flexible(true).from_reader(text.as_bytes());
    let with_quoting = quoting.into_records().count();
    assert!(with_quoting < 70, "quoting has found {with_quoting} rows: nothing is shown here");
}

#[test]
fn only_a_line_feed_ends_a_row_of_tsv() {
    let text = "a\tb\rc\r\nd\u{2028}e\tf\u{85}g\u{b}h\ni\r\r\tj\r\r\n";
    let found = read(Format::Tsv, text).unwrap();
    let expected = [["a", "b\rc"], ["d\u{2028}e", "f\u{85}g\u{b}h"], ["i\r\r", "j\r"]];
    assert_eq!(cells(&found), expected);
    assert_eq!(lines(&found), [1, 2, 3]);
}

#[test]
fn a_line_break_within_quotes_is_part_of_a_csv_field() {
    let text = "\"one\ntwo, three\",a\r\n\"say \"\"four\"\"\r\nfive\",b\rsix,\"\"\n";
    let found = read(Format::Csv, text).unwrap();
    let expected = [["one\ntwo, three", "a"], ["say \"four\"\r\nfive", "b"], ["six", ""]];
    assert_eq!(cells(&found), expected);
    assert_eq!(lines(&found), [1, 3, 5]);
}

#[test]
fn a_byte_order_mark_is_dropped_in_each_format() {
    let bodies = ["text,label\na,b\n", "text\tlabel\na\tb\n", "[{\"text\":\"a\",\"label\":\"b\"}]"];
    let bodies = [bodies[0], bodies[1], bodies[2], "{\"text\":\"a\",\"label\":\"b\"}\n"];
    for (format, body) in ALL.into_iter().zip(bodies) {
        let mut table = rows(format!("\u{feff}{body}"), &options(format, None)).unwrap();
        assert_eq!(table.header().unwrap(), ["text", "label"], "{format:?}");
        assert_eq!(cells(&[table.next().unwrap().unwrap()]), [["a", "b"]], "{format:?}");
        assert!(table.next().is_none(), "{format:?}");
    }
}

#[test]
fn blank_lines_at_the_end_are_no_rows_and_those_between_are_counted() {
    let bodies = [
        (Format::Csv, "\na,b\n\n\nc,d\n \n\n\n"),
        (Format::Tsv, "\na\tb\n\r\n\nc\td\n \n\n\r\n"),
        (Format::Jsonl, "\n[\"a\",\"b\"]\n\n \n[\"c\",\"d\"]\n \n\n\n"),
    ];
    for (format, body) in bodies {
        let mut table = rows(body, &options(format, Some(false))).unwrap();
        let found: Vec<_> = table.by_ref().map(Result::unwrap).collect();
        assert_eq!(cells(&found), [["a", "b"], ["c", "d"]], "{format:?}");
        assert_eq!(lines(&found), [2, 5], "{format:?}");
        assert_eq!(table.skipped().blank.lines, [1, 3, 4], "{format:?}");
        let note = "passed over blank lines between rows: 3 (lines 1, 3, 4)";
        assert_eq!(table.skipped().notes(), [note]);
    }
}

#[test]
fn in_a_list_of_texts_a_blank_line_between_two_is_an_empty_text() {
    let mut table = rows("a\n\n\nb\n\n\n", &options(Format::Tsv, Some(false))).unwrap();
    let found: Vec<_> = table.by_ref().map(Result::unwrap).collect();
    assert_eq!(cells(&found), [["a"], [""], [""], ["b"]]);
    assert_eq!(lines(&found), [1, 2, 3, 4]);
    assert_eq!(table.skipped().count(), 0);
}

#[test]
fn a_ragged_row_is_an_error_that_names_the_line() {
    for (format, separator) in [(Format::Csv, ","), (Format::Tsv, "\t")] {
        let short = read(format, "a,b,c\n1,2,3\n\n4,5\n6,7,8\n".replace(',', separator));
        let expected = "table: line 4: expected 3 cells, as in the first row, found 2";
        assert_eq!(message(short), expected);
        let long = read(format, "a,b\n1,2,3\n".replace(',', separator));
        let expected = "table: line 2: expected 2 cells, as in the first row, found 3";
        assert_eq!(message(long), expected);
    }
    // Where short rows are to be passed over, they are counted; long ones stay an error.
    let skip = TableOptions { short_rows: ShortRows::Skip, ..options(Format::Tsv, Some(false)) };
    let mut table = rows("a\tb\n1\n2\t3\n4\n", &skip).unwrap();
    assert_eq!(table.by_ref().map(Result::unwrap).count(), 2);
    assert_eq!(table.skipped().short.lines, [2, 4]);
    let long: Result<Vec<_>, _> = rows("a\tb\n1\t2\t3\n", &skip).unwrap().collect();
    assert!(message(long).contains("line 2: expected 2"));
}

#[test]
fn a_quote_that_is_never_closed_is_an_error_and_takes_no_rows_with_it() {
    let error = message(read(Format::Csv, "a,b\n\"c\nd\",e\nf,\"g\nh,i\nj,k\n"));
    assert!(error.starts_with("table: line 4: a quote opens a field here"), "{error}");
    // The same in the middle of a field is an ordinary character.
    let found = read(Format::Csv, "a,5\" pipe\nb,\"c\"d\"\n").unwrap();
    assert_eq!(cells(&found), [["a", "5\" pipe"], ["b", "cd\""]]);
}

#[test]
fn what_is_no_text_is_refused_with_its_line() {
    for format in ALL {
        let utf16: Vec<u8> = "\u{feff}a".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let error = message(read(format, utf16));
        assert!(
            error.starts_with("table: line 1: expected text in UTF-8, found the mark of UTF-16")
        );
        for nothing in ["", "\u{feff}", "\n", "\r\n\n"] {
            let error = message(read(format, nothing));
            assert_eq!(error, "table: the file is empty, or has only blank lines", "{nothing:?}");
        }
    }
    for (format, row) in [(Format::Csv, "\"a\nb\",c\n"), (Format::Tsv, "a\tb\nc\td\n")] {
        let with = |bytes: &[u8]| [row.as_bytes(), bytes].concat();
        let latin = format!("table: line {} is not valid UTF-8 text", 3);
        assert_eq!(message(read(format, with(b"caf\xE9 au lait"))), latin);
        let zero = "table: line 3: expected text in UTF-8, found a byte 0: this is no text file";
        assert_eq!(message(read(format, with(b"a\0b"))), zero);
    }
    // Within a field, the line is that of the byte and not of the row.
    let error = message(read(Format::Csv, b"a,b\n\"c\nd\n\xE9\",e\n".to_vec()));
    assert_eq!(error, "table: line 4 is not valid UTF-8 text");
    // Two halves of a character in two fields are no character.
    let error = message(read(Format::Csv, b"a,b\n\xE2\x82,\xAC\n".to_vec()));
    assert_eq!(error, "table: line 2 is not valid UTF-8 text");
}

#[test]
fn an_error_ends_the_rows() {
    let mut table = rows("a,b\nc\nd,e\n", &options(Format::Csv, Some(false))).unwrap();
    assert!(table.next().unwrap().is_ok());
    assert!(table.next().unwrap().is_err());
    assert!(table.next().is_none());
}

#[test]
fn json_holds_rows_in_a_list_around_a_list_or_one_after_the_other() {
    let forms = [
        "[\n{\"a\": \"x, [1]\", \"b\": 1},\n {\"b\": -2.5, \"a\": \"y\\\"]\"}]\n",
        "{\"version\": {\"a\": []}, \"data\":\n[{\"a\": \"x, [1]\", \"b\": 1},\n\
         {\"a\": \"y\\\"]\", \"b\": -2.5}], \"n\": 2}",
        "\n{\"a\": \"x, [1]\", \"b\": 1}\n{\"a\": \"y\\\"]\",\n\"b\": -2.5}\n\n",
    ];
    for text in forms {
        let mut table = rows(text, &options(Format::Json, None)).unwrap();
        assert_eq!(table.header().unwrap(), ["a", "b"]);
        let found: Vec<_> = table.by_ref().map(Result::unwrap).collect();
        assert_eq!(lines(&found), [2, 3], "{text}");
        let number = |text: &str| Cell::Number(text.to_owned());
        assert_eq!(found[0].cells, [Cell::Text("x, [1]".to_owned()), number("1")]);
        assert_eq!(found[1].cells, [Cell::Text("y\"]".to_owned()), number("-2.5")]);
    }
    // A row that holds a list of objects is not mistaken for the object around all rows.
    let text = "{\"a\": [{}],\n\"b\": 1}\n\n{\"a\": [],\n\"b\": 2}\n{\"a\": [{}], \"b\": 3}";
    let found = read(Format::Json, text).unwrap();
    assert_eq!(lines(&found), [1, 4, 6]);
    assert_eq!(found[2].cells[1], Cell::Number("3".to_owned()));
    // Lists of cells have a header as CSV has.
    let mut table =
        rows("[[\"text\", \"label\"], [\"a\", 1]]", &options(Format::Json, None)).unwrap();
    assert_eq!(table.header().unwrap(), ["text", "label"]);
    assert_eq!(table.by_ref().count(), 1);
    // An object without rows in it is a row.
    let found = read(Format::Json, "{\"a\": \"b\"}").unwrap();
    assert_eq!(found[0].cells, [Cell::Text("b".to_owned())]);
}

#[test]
fn cells_of_json_keep_their_kind() {
    let text = r#"{"a":null,"b":true,"c":["x",1],"d":{"e":1},"f":[[]],"g":12345678901234567890}
{"c":[],"a":"y","h":1,"g":3}
{"h":2}"#;
    let mut table = rows(text, &options(Format::Jsonl, None)).unwrap();
    let found: Vec<_> = table.by_ref().map(Result::unwrap).collect();
    let list = Cell::List(vec!["x".to_owned(), "1".to_owned()]);
    let other = |what| Cell::Other(what);
    let first = [Cell::Missing, Cell::Bool(true), list, other("an object")];
    assert_eq!(found[0].cells[..4], first);
    assert_eq!(found[0].cells[4], other("a list of other things"));
    assert_eq!(found[0].cells[5], Cell::Number("12345678901234567890".to_owned()));
    assert_eq!(found[1].cells[0], Cell::Text("y".to_owned()));
    assert_eq!(found[1].cells[1..4], [Cell::Missing, Cell::List(vec![]), Cell::Missing]);
    assert_eq!(found[2].cells, vec![Cell::Missing; 6]);
    let note = "field \"h\" is not read: line 2 has it, and the first row has not";
    assert_eq!(table.notes(), [note]);
}

#[test]
fn wrong_json_is_refused_with_its_line() {
    let cases = [
        (Format::Json, "[\n{\"a\": 1},\n{\"a\":\n 1 2}]", "line 4: this is not JSON: expected `,`"),
        (
            Format::Json,
            "[\n{\"a\": 1}\n{\"a\": 2}]",
            "line 3: expected ',' or ']' behind a row, found '{'",
        ),
        (Format::Json, "[\n{\"a\": 1},\n", "line 3: this is not JSON: EOF"),
        (Format::Json, "[\n{\"a\": 1}", "line 2: expected ',' or ']' behind a row, found the end"),
        (Format::Json, "[{\"a\": 1}]\n]", "line 2: expected nothing more behind the list"),
        (Format::Json, "[{\"a\": 1},\n7]", "line 2: expected a row, an object or a list, found 7"),
        (Format::Json, "[{\"a\": 1},\n[7]]", "line 2: expected an object, as the first row is"),
        (Format::Json, "\n\"a\"", "line 2: expected a list or an object, found '\"'"),
        (
            Format::Json,
            "{\"a\": [{}], \"b\": [[]]}",
            "line 1: expected one list of rows, found several fields that hold one: \"a\", \"b\"",
        ),
        (Format::Jsonl, "{\"a\": 1}\n{\"a\":\n1}", "line 2: this is not JSON: EOF"),
        (Format::Jsonl, "[1]\n{\"a\": 1}", "line 2: expected a list, as the first row is"),
    ];
    for (format, text, expected) in cases {
        let error = message(read(format, text));
        assert!(error.starts_with(&format!("table: {expected}")), "{text}: {error}");
    }
    let deep = read(Format::Json, "[".repeat(100_000));
    assert!(message(deep).contains("recursion limit"));
}

#[test]
fn the_extension_says_the_format_unless_it_is_told() {
    let formats = ["a.csv", "a.TSV", "a.txt", "a.json", "b.a.jsonl", "a.ndjson"]
        .map(|name| Format::of(Path::new(name)).unwrap());
    let Ok([csv, tsv, json, jsonl]) = <[Format; 4]>::try_from(ALL.to_vec()) else { panic!() };
    assert_eq!(formats, [csv, tsv, tsv, json, jsonl, jsonl]);
    for name in ["a", "a.xlsx", ".csv"] {
        assert!(message(Format::of(Path::new(name))).contains("--format"));
    }
}
