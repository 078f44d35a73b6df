//! The same rows as others find, and no panic on any bytes.

use crate::{cells, lines, options, read, rows};
use bert_data::Error;
use bert_data::table::{Format, Row};
use bert_testkit::fixture;
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::io::{BufReader, Cursor};

type Table = Vec<Vec<String>>;

/// Cases that Python's csv module has read (`tests/reference/make_tables.py`).
fn cases(format: &str) -> Vec<Value> {
    let text = fs::read_to_string(fixture("tables/tables.json")).unwrap();
    let mut all: Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(all[format].take()).unwrap()
}

fn compare(format: Format, case: &Value) {
    let text = case["text"].as_str().unwrap();
    let found = read(format, text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let expected: Table = serde_json::from_value(case["rows"].clone()).unwrap();
    assert_eq!(cells(&found), expected, "{text:?}");
    if let Ok(expected) = serde_json::from_value::<Vec<u64>>(case["lines"].clone()) {
        assert_eq!(lines(&found), expected, "{text:?}");
    }
}

#[test]
fn csv_is_read_as_pythons_csv_module_reads_it() {
    let cases = cases("csv");
    assert_eq!(cases.len(), 200);
    cases.iter().for_each(|case| compare(Format::Csv, case));
}

#[test]
fn tsv_is_read_as_python_reads_it_without_quoting() {
    let cases = cases("tsv");
    assert_eq!(cases.len(), 100);
    let mut lost = 0;
    for case in &cases {
        compare(Format::Tsv, case);
        let rows = case["rows"].as_array().unwrap().len() as u64;
        lost += u64::from(case["rows_with_quoting"].as_u64().unwrap() < rows);
    }
    assert!(lost > 20, "quoting loses rows in {lost} cases only: the cases show nothing");
}

/// The rows that the `csv` crate finds, all of the same width, or none.
fn by_the_csv_crate(text: &str) -> Option<Table> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let records: Result<Vec<csv::StringRecord>, _> = reader.into_records().collect();
    let table = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    Some(records.ok()?.iter().map(table).collect())
}

fn by_us(format: Format, bytes: &[u8], window: usize) -> (Vec<Row>, Option<String>) {
    let reader = BufReader::with_capacity(window, Cursor::new(bytes.to_vec()));
    let rows = bert_data::table::Rows::from_reader(reader, "table", &options(format, Some(false)));
    let (mut found, mut error) = (Vec::new(), None);
    match rows {
        Err(refused) => error = Some(refused.to_string()),
        Ok(rows) => {
            for row in rows {
                match row {
                    Ok(row) => found.push(row),
                    Err(refused) => error = Some(refused.to_string()),
                }
            }
        }
    }
    (found, error)
}

/// Bytes that mean something to one of the formats, and some that do not.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let special = prop::sample::select(&b"\",\t\r\n[]{}:\\ab1 \xEF\xBB\xBF\xFF\xFE\0-nulltrue"[..]);
    prop::collection::vec(prop_oneof![8 => special, 1 => any::<u8>()], 0..60)
}

/// Rows of cells, all as many.
fn table(cell: &'static str) -> impl Strategy<Value = Table> {
    let row = move |width| prop::collection::vec(cell, width);
    (1_usize..5).prop_flat_map(move |width| prop::collection::vec(row(width), 1..8))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_the_csv_crate_writes_reads_back(
        table in table("[a-z\",\r\n\t é\u{2028}]{0,6}"),
        style in 0_usize..3,
        crlf: bool,
    ) {
        use csv::QuoteStyle::{Always, Necessary, NonNumeric};
        let style = [Necessary, Always, NonNumeric][style];
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new();
        let writer = writer.quote_style(style).terminator(end);
        let mut writer = writer.from_writer(Vec::new());
        for row in &table {
            writer.write_record(row).unwrap();
        }
        let found = read(Format::Csv, writer.into_inner().unwrap()).unwrap();
        prop_assert_eq!(cells(&found), table);
    }

    #[test]
    fn any_csv_is_read_as_the_csv_crate_reads_it(text in "[ab\",\r\n]{0,40}") {
        let Some(expected) = by_the_csv_crate(&text) else { return Ok(()) };
        match read(Format::Csv, text.clone()) {
            Ok(found) => prop_assert_eq!(cells(&found), expected),
            Err(Error::EmptyTable { .. }) => prop_assert!(expected.is_empty()),
            // The crate takes the rest of the file into the field, whatever is added to it.
            Err(Error::OpenQuote { .. }) => {
                let longer = by_the_csv_crate(&format!("{text}\nZ"));
                let last = longer.unwrap().pop().unwrap().pop().unwrap();
                prop_assert!(last != "Z");
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn what_tsv_can_hold_reads_back(
        table in table("[a-z\", é\u{85}\u{2028}]{1,6}"),
    ) {
        let text: String = table.iter().map(|row| row.join("\t") + "\n").collect();
        let found = read(Format::Tsv, text).unwrap();
        prop_assert_eq!(cells(&found), table);
    }

    #[test]
    fn no_bytes_make_a_panic_and_how_they_arrive_makes_no_difference(
        bytes in bytes(),
        window in 1_usize..9,
    ) {
        for format in [Format::Csv, Format::Tsv, Format::Json, Format::Jsonl] {
            prop_assert_eq!(by_us(format, &bytes, window), by_us(format, &bytes, 1 << 16));
        }
    }

    #[test]
    fn any_json_reads_back(
        table in prop::collection::vec(("\\PC{0,8}", any::<i64>()), 1..6),
        pretty: bool,
    ) {
        let row = |(a, b): &(String, i64)| serde_json::json!({"a": a, "b": b});
        let values = Value::from_iter(table.iter().map(row));
        let text = if pretty { format!("{values:#}") } else { format!("{values}") };
        let list = read(Format::Json, text).unwrap();
        prop_assert_eq!(list.len(), table.len());
        for (row, (a, b)) in list.iter().zip(&table) {
            prop_assert_eq!(row.cells[0].text().unwrap(), a.as_str());
            prop_assert_eq!(row.cells[1].text().unwrap(), b.to_string());
        }
        let values = values.as_array().unwrap().iter();
        let text: String = values.map(|value| format!("{value}\n")).collect();
        let by_line = read(Format::Jsonl, text).unwrap();
        let same = list.iter().zip(&by_line).all(|(a, b)| a.cells == b.cells);
        prop_assert!(same && list.len() == by_line.len());
    }
}

#[test]
fn rows_are_handed_out_before_the_end_has_been_read() {
    // The reader would fail at the first byte behind the second row.
    struct Fails;
    impl std::io::Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("read on"))
        }
    }
    let texts = [
        (Format::Csv, "a,b\nc,d\n"),
        (Format::Tsv, "a\tb\nc\td\n"),
        (Format::Json, "[[\"a\",\"b\"],[\"c\",\"d\"]"),
        (Format::Jsonl, "[\"a\",\"b\"]\n[\"c\",\"d\"]\n"),
    ];
    for (format, text) in texts {
        let reader = std::io::Read::chain(Cursor::new(text), BufReader::new(Fails));
        let options = options(format, Some(false));
        let mut rows = bert_data::table::Rows::from_reader(reader, "pipe", &options).unwrap();
        let two = [rows.next().unwrap().unwrap(), rows.next().unwrap().unwrap()];
        assert_eq!(cells(&two), [["a", "b"], ["c", "d"]], "{format:?}");
        assert_eq!(rows.next().unwrap().unwrap_err().to_string(), "pipe: read on");
    }
    assert!(rows("a", &options(Format::Tsv, Some(false))).is_ok());
}
