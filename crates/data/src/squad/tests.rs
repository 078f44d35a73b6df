//! Files of questions: real ones, each quirk by itself, and what Google's script would have written.

use super::*;
use bert_testkit::{fixture, shared};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::HashSet;
use std::fs;

const ONE: &str = r#"{"version": "2.0", "extra": 1, "data": [{"title": "T", "paragraphs": [{"context": "Ann slept.",
 "qas": [{"id": "a", "question": "Who?", "answers": [{"text": "Ann", "answer_start": 0, "extra": null}]},
  {"id": 7, "question": "Why?", "answers": [], "is_impossible": true, "plausible_answers": []}]}]}]}"#;

fn parse_as(name: &str, text: &str, options: SquadOptions) -> Result<SquadFile, Error> {
    SquadFile::parse(text.as_bytes(), Path::new(name), &options)
}

fn read(text: &str) -> SquadFile {
    parse_as("f.json", text, SquadOptions::default()).unwrap()
}

fn refused(text: &str) -> String {
    parse_as("f.json", text, SquadOptions::default()).unwrap_err().to_string()
}

/// A file with one question about "Zürich, née Turicum, is née.", whose answer it is.
fn answered(text: &str, start: usize) -> String {
    let context = "Zürich, née Turicum, is née.";
    format!(
        r#"{{"data": [{{"paragraphs": [{{"context": "{context}", "qas": [{{"id": "a", "question": "?",
        "answers": [{{"text": "{text}", "answer_start": {start}}}]}}]}}]}}]}}"#
    )
}

#[test]
fn xquad_has_its_paragraphs_and_every_answer_stands_at_its_character() {
    let Some(folder) = shared("data/xquad") else { return };
    let mut ids = Vec::new();
    for language in ["en", "de"] {
        let path = folder.join(format!("xquad.{language}.json"));
        let strict = SquadOptions { strict: true, ..Default::default() };
        let file = SquadFile::read(&path, &strict).unwrap();
        let questions = &file.questions;
        let paragraphs: HashSet<_> = questions.iter().map(|q| &q.context).collect();
        assert_eq!((paragraphs.len(), questions.len()), (240, 1_190), "{language}");
        assert_eq!((file.version.as_deref(), file.notes.len()), (Some("1.1"), 0));
        assert!(questions.iter().all(|q| q.answers.len() == 1 && !q.is_impossible));
        for question in questions {
            let GoldAnswer { text, start } = &question.answers[0];
            let found: String =
                question.context.chars().skip(start.unwrap()).take(text.chars().count()).collect();
            assert_eq!(&found, text, "{language}: {}", question.id);
        }
        // In German some answers come after letters of two bytes: offsets in bytes would be others.
        let moved = questions.iter().filter(|q| {
            let before: String = q.context.chars().take(q.answers[0].start.unwrap()).collect();
            before.len() != before.chars().count()
        });
        assert!(moved.count() > if language == "de" { 900 } else { 0 }, "{language}");
        ids.push(questions.iter().map(|q| q.id.clone()).collect::<Vec<_>>());
    }
    assert_eq!(ids[0], ids[1], "the same questions in the same order");
}

#[test]
fn keys_that_mean_nothing_here_are_passed_over_and_ids_may_be_numbers() {
    let file = read(&format!("\u{feff}\n{ONE}\n"));
    let [who, why] = &file.questions[..] else { panic!("{file:?}") };
    assert_eq!(
        (&*who.id, &*who.title, &*who.question, &*who.context),
        ("a", "T", "Who?", "Ann slept.")
    );
    assert_eq!(who.answers, [GoldAnswer { text: "Ann".to_owned(), start: Some(0) }]);
    assert_eq!(
        (who.is_impossible, who.place.to_string()),
        (false, "data[0].paragraphs[0].qas[0]".to_owned())
    );
    assert_eq!((&*why.id, why.is_impossible, why.answers.len()), ("7", true, 0));
    assert!(Arc::ptr_eq(&who.context, &why.context));
    assert_eq!((file.version.as_deref(), file.notes.len()), (Some("2.0"), 0));
}

#[test]
fn an_empty_list_of_answers_means_that_there_is_none_and_a_missing_one_is_told() {
    let without = ONE.replace(r#", "is_impossible": true"#, "");
    let file = read(&without);
    assert!(file.questions[1].is_impossible);
    assert_eq!(file.notes, ["1 question with an empty list of answers: taken for unanswerable"]);
    let missing = without.replace(r#""answers": [],"#, "");
    assert_eq!(
        refused(&missing),
        "f.json: data[0].paragraphs[0].qas[1]: expected the key `answers`, found none"
    );
    let file = parse_as("f.json", &missing, SquadOptions { without_answers: true, strict: false });
    assert!(!file.unwrap().questions[1].is_impossible);
    let both = ONE.replacen("\"answers\"", "\"is_impossible\": true, \"answers\"", 1);
    let file = read(&both);
    assert_eq!((file.questions[0].answers.len(), file.questions[0].is_impossible), (0, true));
    assert!(file.notes[0].contains("1 question said to be unanswerable and with answers"));
}

#[test]
fn an_answer_that_is_not_at_its_offset_is_counted_repaired_or_refused() {
    let start = |file: &SquadFile| file.questions[0].answers[0].start;
    assert_eq!(start(&read(&answered("Turicum", 12))), Some(12));

    let mut file = read(&answered("Turicum", 14));
    let expected = Misplaced {
        id: "a".to_owned(),
        place: file.questions[0].place,
        question: 0,
        answer: 0,
        start: 14,
        found: "ricum, ".to_owned(),
        elsewhere: Some(12),
    };
    assert_eq!((start(&file), &file.misplaced[..]), (None, &[expected][..]));
    assert_eq!((file.repair(), start(&file), file.misplaced.len()), (1, Some(12), 0));

    // Twice in the text, not at all, behind its end, and nothing at all.
    for (text, place, found) in [("née", 0, "Zür"), ("Bern", 99, ""), ("", 3, "")] {
        let mut file = read(&answered(text, place));
        assert_eq!(
            (&*file.misplaced[0].found, file.misplaced[0].elsewhere),
            (found, None),
            "{text}"
        );
        assert_eq!((file.repair(), start(&file), file.misplaced.len()), (0, None, 1), "{text}");
    }

    let strict = SquadOptions { strict: true, ..Default::default() };
    assert_eq!(
        parse_as("f.json", &answered("Turicum", 14), strict).unwrap_err().to_string(),
        "f.json: data[0].paragraphs[0].qas[0]: expected the answer \"Turicum\" of question a at \
         character 14, found \"ricum, \""
    );
}

#[test]
fn a_question_on_each_line_may_leave_out_its_id_and_its_answers() {
    let lines = r#"{"id": "x", "question": "Who?", "context": "Ann slept.", "answers": [{"text": "slept", "answer_start": 4}]}

{"question": "Who?", "context": "Ann slept.", "answers": {"text": ["Ann", "slept"], "answer_start": [0, 4]}}
{"question": "Who?", "context": "Ann slept.", "answers": {"text": [], "answer_start": []}}
"#;
    for name in ["f.json", "f.jsonl"] {
        let file = parse_as(name, lines, SquadOptions::default()).unwrap();
        let found: Vec<_> =
            file.questions.iter().map(|q| (&*q.id, q.answers.len(), q.is_impossible)).collect();
        assert_eq!(found, [("x", 1, false), ("3", 2, false), ("4", 0, true)]);
        assert_eq!(
            file.questions[1].answers[1],
            GoldAnswer { text: "slept".to_owned(), start: Some(4) }
        );
        assert_eq!(file.questions[1].place, Place::Line(3));
    }
    let bare = "{\"question\": \"Who?\", \"context\": \"Ann slept.\"}\r\n";
    assert_eq!(refused(bare), "f.json: line 1: expected the key `answers`, found none");
    let options = SquadOptions { without_answers: true, ..Default::default() };
    assert_eq!(parse_as("f.json", bare, options).unwrap().questions.len(), 1);
    assert_eq!(
        parse_as("f.jsonl", "\n{\"question\": 1}\n", options).unwrap_err().to_string(),
        "f.jsonl: line 2, column 14: at question: invalid type: integer `1`, expected a string"
    );
    // The name says what the line does not.
    assert_eq!(
        parse_as("f.jsonl", "{\"context\": \"a\"}", options).unwrap_err().to_string(),
        "f.jsonl: line 1, column 16: missing field `question`"
    );
    let uneven =
        r#"{"question": "?", "context": "a", "answers": {"text": ["a"], "answer_start": []}}"#;
    assert_eq!(
        refused(uneven),
        "f.json: line 1: expected an answer_start for each text of `answers`, found 0 for 1 text"
    );
}

#[test]
fn what_is_not_squad_is_said_with_its_place() {
    assert_eq!(
        refused(""),
        "f.json: line 1, column 0: this is not JSON: EOF while parsing a value"
    );
    assert_eq!(
        refused("{\"data\": [\n1,]}"),
        "f.json: line 2, column 1: at data[0]: invalid type: integer `1`, expected struct Article"
    );
    assert_eq!(
        refused("{\n\"data\": [}"),
        "f.json: line 2, column 10: this is not JSON: expected value"
    );
    assert_eq!(
        refused("{\"data\": []}\n1"),
        "f.json: line 2, column 1: this is not JSON: trailing characters"
    );
    assert_eq!(refused("{\"data\": []}"), "f.json: there is no question in it");
    assert_eq!(refused("{\"dota\": []}"), "f.json: line 1, column 12: missing field `data`");
    let no_id = ONE.replace(r#""id": 7, "#, "");
    assert_eq!(
        refused(&no_id),
        "f.json: line 3, column 85: at data[0].paragraphs[0].qas[1]: missing field `id`"
    );
    let nameless = ONE.replace(r#""id": 7"#, r#""id": []"#);
    assert_eq!(
        refused(&nameless),
        "f.json: line 3, column 11: at data[0].paragraphs[0].qas[1].id: expected a text or a number"
    );
    let nowhere = ONE.replace(r#""answer_start": 0"#, r#""answer_start": -1"#);
    let told = refused(&nowhere);
    assert!(
        told.contains("at data[0].paragraphs[0].qas[0].answers: expected a list of answers"),
        "{told}"
    );
    let twice = ONE.replace(r#""id": 7"#, r#""id": "a""#);
    assert_eq!(
        refused(&twice),
        "f.json: the id a is given twice: at data[0].paragraphs[0].qas[0] and at data[0].paragraphs[0].qas[1]"
    );
    let empty = ONE.replace("Ann slept.", " ");
    assert_eq!(
        refused(&empty),
        "f.json: data[0].paragraphs[0].qas[0]: expected a text to ask about, found an empty context"
    );
    let deep = "[".repeat(100_000);
    assert!(refused(&deep).starts_with("f.json: line 1, column"), "{}", &refused(&deep)[..80]);
}

#[test]
fn predictions_are_written_as_pythons_json_writes_them() {
    let expected =
        |name: &str| fs::read_to_string(fixture(&format!("task_files/{name}.json"))).unwrap();
    let pairs = |text: &str| -> Vec<(String, Value)> {
        serde_json::from_str::<serde_json::Map<_, _>>(text).unwrap().into_iter().collect()
    };
    let text = expected("predictions");
    let values = pairs(&text);
    let mut out = Vec::new();
    write_predictions(&mut out, values.iter().map(|(id, text)| (&**id, text.as_str().unwrap())))
        .unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text);

    let text = expected("null_odds");
    let values = pairs(&text);
    let mut out = Vec::new();
    write_null_odds(&mut out, values.iter().map(|(id, odds)| (&**id, odds.as_f64().unwrap())))
        .unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text);

    let text = expected("nbest_predictions");
    let of = |value: &Value| NBest {
        text: value["text"].as_str().unwrap().to_owned(),
        probability: value["probability"].as_f64().unwrap(),
        start_logit: value["start_logit"].as_f64().unwrap(),
        end_logit: value["end_logit"].as_f64().unwrap(),
    };
    let values: Vec<(_, Vec<_>)> = pairs(&text)
        .into_iter()
        .map(|(id, best)| (id, best.as_array().unwrap().iter().map(of).collect()))
        .collect();
    let mut out = Vec::new();
    write_nbest(&mut out, values.iter().map(|(id, best)| (&**id, &best[..]))).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), text);
}

#[test]
fn a_score_that_is_no_number_is_refused() {
    let error = write_null_odds(&mut Vec::new(), [("a", 1.0), ("b", f64::NAN)]).unwrap_err();
    assert_eq!(error.to_string(), "question b: a score is NaN, which no JSON file can hold");
    let best =
        NBest { text: String::new(), probability: 1.0, start_logit: 0.0, end_logit: f64::INFINITY };
    assert!(write_nbest(&mut Vec::new(), [("a", &[best][..])]).is_err());
}

/// Files that are nearly right: a right one with a few bytes changed.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let lines =
        r#"{"question": "é?", "context": "né", "answers": {"text": ["é"], "answer_start": [1]}}"#;
    let right = prop::sample::select(vec![ONE.to_owned(), answered("née", 9), lines.to_owned()]);
    let change =
        (any::<prop::sample::Index>(), prop::sample::select(b"{}[]\",:0-1ea\\ \n\xff\0u".to_vec()));
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
        name in prop::sample::select(vec!["f.json", "f.jsonl"]),
        without_answers in any::<bool>(),
        strict in any::<bool>(),
    ) {
        let options = SquadOptions { without_answers, strict };
        let Ok(mut file) = SquadFile::parse(&bytes, Path::new(name), &options) else { return Ok(()) };
        let listed = file.misplaced.len();
        prop_assert!(!strict || listed == 0);
        let answers = || file.questions.iter().flat_map(|q| &q.answers);
        prop_assert_eq!(answers().filter(|answer| answer.start.is_none()).count(), listed);
        file.repair();
        for question in &file.questions {
            for GoldAnswer { text, start } in &question.answers {
                if let Some(start) = *start {
                    let rest: String = question.context.chars().skip(start).collect();
                    prop_assert!(rest.starts_with(&**text));
                }
            }
        }
    }
}
