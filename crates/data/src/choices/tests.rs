//! Questions with choices: both forms, and what is wrong with them.

use super::*;
use proptest::prelude::*;

const SWAG: &str = "\u{feff},video-id,fold-ind,startphrase,sent1,sent2,gold-source,ending0,ending1,ending2,ending3,label\r
0,v1,1,x,Ann is tired.,She,gold,sleeps.,\"runs, and\nruns.\",\"says \"\"no\"\".\",eats.,1\r
\r
1,v2,2,x,Bob is here.,,gold,He sits.,He stands.,,,0\r
2,v3,3,x,C.,D,gold,a,b,c,d,\r
";

fn parse(name: &str, text: &str) -> Result<Vec<ChoiceQuestion>, Error> {
    ChoiceFile::parse(text.as_bytes(), Path::new(name)).map(|file| file.questions)
}

fn refused(name: &str, text: &str) -> String {
    parse(name, text).unwrap_err().to_string()
}

fn question(
    line: u64,
    id: Option<&str>,
    first: &str,
    seconds: &[&str],
    label: Option<usize>,
) -> ChoiceQuestion {
    ChoiceQuestion {
        line,
        id: id.map(str::to_owned),
        first: first.to_owned(),
        seconds: seconds.iter().map(|&second| second.to_owned()).collect(),
        label,
    }
}

#[test]
fn swag_is_read_with_its_quotes_line_breaks_and_missing_endings() {
    let endings = ["She sleeps.", "She runs, and\nruns.", "She says \"no\".", "She eats."];
    let expected = [
        question(2, None, "Ann is tired.", &endings, Some(1)),
        question(5, None, "Bob is here.", &["He sits.", "He stands."], Some(0)),
        question(6, None, "C.", &["D a", "D b", "D c", "D d"], None),
    ];
    assert_eq!(parse("swag.csv", SWAG).unwrap(), expected);
}

#[test]
fn a_label_of_the_csv_may_be_the_text_of_an_ending() {
    let rows = "id,sent1,ending0,ending1,label\nq,a,yes,no,no\nr,a,yes,no, 0 \n";
    let expected = [
        question(2, Some("q"), "a", &["yes", "no"], Some(1)),
        question(3, Some("r"), "a", &["yes", "no"], Some(0)),
    ];
    assert_eq!(parse("f.csv", rows).unwrap(), expected);
}

#[test]
fn lines_of_json_are_read_with_either_name_of_a_key_and_any_number_of_choices() {
    let lines = r#"{"id": 3, "context": "a", "choices": ["x", "y", "2"], "label": "2", "other": []}

{"question": "q", "endings": ["x", "y"], "label": 1}
{"context": "c", "question": "q", "choices": ["x", "y"], "label": "x"}
{"context": "c", "choices": ["x", "x"], "label": "1"}
{"context": "c", "choices": ["x", "y"], "label": null}
{"context": "c", "choices": ["x", "y"], "label": ""}"#;
    let expected = [
        question(1, Some("3"), "a", &["x", "y", "2"], Some(2)),
        question(3, None, "q", &["x", "y"], Some(1)),
        question(4, None, "c", &["q x", "q y"], Some(0)),
        question(5, None, "c", &["x", "x"], Some(1)),
        question(6, None, "c", &["x", "y"], None),
        question(7, None, "c", &["x", "y"], None),
    ];
    assert_eq!(parse("f.jsonl", lines).unwrap(), expected);
    assert_eq!(parse("f", lines).unwrap(), expected);
}

#[test]
fn what_is_wrong_is_said_with_file_and_line() {
    let row =
        |row: &str| refused("f.csv", &format!("sent1,sent2,ending0,ending1,label\n\n{row}\n"));
    let allowed =
        "f.csv: line 3: expected a label from 0 to 1, the text of a choice, or none, found";
    assert_eq!(row("a,b,c,d,2"), format!("{allowed} \"2\""));
    assert_eq!(row("a,b,c,d,-1"), format!("{allowed} \"-1\""));
    assert_eq!(row("a,b,c,d,e"), format!("{allowed} \"e\""));
    assert_eq!(row("a,b,c,,0"), "f.csv: line 3: expected at least 2 choices, found 1");
    assert_eq!(row("a,b,,d,0"), "f.csv: line 3: expected a text, found choice 0 empty");
    assert_eq!(
        row(" ,b,c,d,0"),
        "f.csv: line 3: expected a text in the column \"sent1\", found nothing"
    );
    assert_eq!(row("a,b,c,d"), "f.csv: line 3: expected 5 cells, as in the first row, found 4");
    assert_eq!(
        refused("f.csv", "sent1,ending0,label\n"),
        "f.csv: there is no column \"ending1\"; there are: sent1, ending0, label"
    );
    assert_eq!(refused("f.csv", "sent1,ending0,ending1\n\n"), "f.csv: there is no question in it");
    assert_eq!(refused("f.csv", ""), "f.csv: the file is empty, or has only blank lines");

    let line = |line: &str| refused("f.jsonl", &format!("\n{line}\n"));
    let allowed =
        "f.jsonl: line 2: expected a label from 0 to 1, the text of a choice, or none, found";
    assert_eq!(
        line(r#"{"context": "a", "choices": ["x", "y"], "label": 2}"#),
        format!("{allowed} \"2\"")
    );
    assert_eq!(
        line(r#"{"context": "a", "choices": ["x", "y"], "label": -1}"#),
        format!("{allowed} \"-1\"")
    );
    assert_eq!(
        line(r#"{"context": "a", "choices": ["x", "y"], "label": "z"}"#),
        format!("{allowed} \"z\"")
    );
    // Which of the two?
    assert_eq!(
        line(r#"{"context": "a", "choices": ["x", "x"], "label": "x"}"#),
        format!("{allowed} \"x\"")
    );
    assert_eq!(
        line(r#"{"context": "a", "choices": ["x", "y"], "label": 0.5}"#),
        "f.jsonl: line 2, column 53: at label: expected the number of a choice, from 0, or its text"
    );
    assert_eq!(
        line(r#"{"context": "a", "choices": ["x"]}"#),
        "f.jsonl: line 2: expected at least 2 choices, found 1"
    );
    assert_eq!(line(r#"{"context": "a"}"#), "f.jsonl: line 2, column 16: missing field `choices`");
    assert_eq!(
        line(r#"{"choices": ["x", "y"]}"#),
        "f.jsonl: line 2: expected the key `context` or `question`, found neither"
    );
    assert_eq!(
        line(r#"{"context": " ", "choices": ["x", "y"]}"#),
        "f.jsonl: line 2: expected a text to begin with, found an empty one"
    );
    assert_eq!(
        line("{"),
        "f.jsonl: line 2, column 1: this is not JSON: EOF while parsing an object"
    );
}

/// Files that are nearly right: right ones with a few bytes changed.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let json = r#"{"id": 1, "context": "é", "choices": ["x", "y"], "label": "0"}"#;
    let right = prop::sample::select(vec![SWAG.to_owned(), json.to_owned()]);
    let change =
        (any::<prop::sample::Index>(), prop::sample::select(b"{}[]\",:0-1e\\ \r\n\xff\0".to_vec()));
    (right, prop::collection::vec(change, 0..4)).prop_map(|(text, changes)| {
        let mut bytes = text.into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_make_it_panic(
        bytes in prop_oneof![nearly(), prop::collection::vec(any::<u8>(), 0..100)],
        name in prop::sample::select(vec!["f.csv", "f.jsonl", "f"]),
    ) {
        let Ok(file) = ChoiceFile::parse(&bytes, Path::new(name)) else { return Ok(()) };
        let lines = bytes.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count() as u64 + 1;
        for question in &file.questions {
            prop_assert!(question.seconds.len() >= 2 && (1..=lines).contains(&question.line));
            prop_assert!(question.label.is_none_or(|label| label < question.seconds.len()));
        }
    }
}
