//! The numbers on the page, task by task, counted by hand.

use super::*;
use bert_data::squad::{GoldAnswer, Place};
use bert_data::{ChoiceQuestion, Question, TaggedSentence};
use bert_pipeline::n_best::{Candidate, NBest};
use bert_train::tasks::answers::AnswerOutcome;

/// A page of nothing but results.
fn page_of<'a>(results: Box<dyn Results + 'a>) -> String {
    Report { measured_on: "dev", results: Some(results), ..Report::default() }.page()
}

/// The cells of the row that begins with a text.
#[track_caller]
fn row(page: &str, first: &str) -> Vec<String> {
    let begin = format!("<tr><td dir=\"auto\">{first}</td>");
    let from = page.find(&begin).unwrap_or_else(|| panic!("no row of {first:?} in\n{page}"));
    let row = &page[from..from + page[from..].find("</tr>").unwrap()];
    let inside =
        |cell: &str| cell[cell.find("<td").unwrap()..].split_once('>').unwrap().1.to_owned();
    let plain = |cell: &str| inside(cell).replace("<bdi>", "").replace("</bdi>", "");
    row.split("</td>").filter(|cell| cell.contains("<td")).map(plain).collect()
}

#[test]
fn the_numbers_of_classes_are_those_handed_in() {
    let labels = strings(&["bug", "wish"]);
    let examples: Vec<_> = (0..10).map(|n| text(n + 2, &format!("text {n}"), "bug")).collect();
    // Right are all but the examples 3 and 7, of which 7 is the worse.
    let set = set(Targets::Classes(vec![0, 0, 0, 0, 0, 0, 1, 1, 1, 1]));
    let (bug, wish): (&[Real], &[Real]) = (&[0.75, 0.25], &[0.25, 0.75]);
    let outcome = outcome(&[bug, bug, bug, wish, bug, bug, wish, &[0.875, 0.125], wish, wish]);
    let report = Report {
        measured_on: "test",
        scores: vec![("accuracy".to_owned(), 0.8), ("matthews_correlation".to_owned(), 0.583_333)],
        results: Some(text_results(&labels, &examples, &set, &outcome)),
        ..Report::default()
    };
    let page = report.page();
    // The interval is statsmodels' proportion_confint(8, 10, method="wilson"): 0.49016, 0.94332.
    assert_has(
        &page,
        &[
            "<b>0.8000</b>accuracy",
            "<b>0.5833</b>Matthews correlation",
            "on the 10 examples of the test data",
            "Accuracy: 8 of 10.",
            "between 0.490 and 0.943",
            "most frequent class would have an accuracy of 0.6000",
            "bug taken for wish: 1 of 6",
            "wish taken for bug: 1 of 4",
            "wish taken for wish: 3 of 4",
            // Nine confidences of 3/4, of which eight are right, and one of 7/8 that is wrong:
            // 9/10 · |8/9 − 3/4| + 1/10 · 7/8 = 0.2125
            "calibration error is 0.2125",
            "mean probability is 0.762, and 0.800 of its predictions are right",
            // 24 pairs of a wish and a bug; (0.75 above 0.25: 15) + (ties: 3 · ½) = 16.5; the wish of 0.125 is below all
            "under the curve is 0.6875",
            "2 examples have another class than predicted; 2 of them below",
        ],
    );
    let table = &page[page.find("Precision: ").unwrap()..];
    assert_eq!(row(table, "bug")[..5], ["bug", "0.833", "0.833", "0.833", "6"]);
    assert_eq!(
        row(&page, "line 9"),
        ["line 9", "text 7", "wish", "0.125", "bug", "0.875", "2.079"]
    );
    assert_eq!(
        row(&page, "line 5"),
        ["line 5", "text 3", "bug", "0.250", "wish", "0.750", "1.386"]
    );
    assert!(page.find("line 9").unwrap() < page.find("line 5").unwrap(), "the worst comes first");
}

#[test]
fn the_numbers_of_the_data_are_those_handed_in() {
    let labels = strings(&["bug", "wish"]);
    let train = [
        text(2, "It broke", "bug"),
        text(3, "it  broke", "wish"),
        text(4, "hm", "bug"),
        text(5, "?", "bug"),
    ];
    let dev = [text(2, "IT BROKE", "bug"), text(3, "new", "wish"), text(4, "new", "wish")];
    let data = Data {
        counts: vec![("training".to_owned(), 4), ("dev".to_owned(), 3)],
        lengths: Some(Lengths { tokens: (1..=200).collect(), limit: 150, truncated: 50 }),
        balance: Some(Balance::of_labels("class", &labels, &train, &dev)),
        odd: Some(OddTexts::of(&train, &dev, "dev")),
        notes: strings(&["dev.csv: 3 rows, `one` skipped"]),
    };
    let scores = vec![("accuracy".to_owned(), 0.5)];
    let test = vec![("loss".to_owned(), 0.25), ("accuracy".to_owned(), 0.75)];
    let seeds = Seeds {
        score: "accuracy",
        all: vec![(3, 0.5, Some(0.75)), (1, 0.25, Some(0.875))],
        best: 3,
    };
    let report = Report {
        data: Some(data),
        measured_on: "dev",
        scores,
        test,
        seeds: Some(seeds),
        ..Report::default()
    };
    let page = report.page();
    assert_has(
        &page,
        &[
            "Of their texts 1 are in the training data as well",
            "On the test data",
            ">0.7500<",
            "<tr><td>seed 1</td><td class=\"number\">0.2500</td><td class=\"number\">0.8750</td></tr>",
            "<tr><td>mean</td><td class=\"number\">0.3750</td><td class=\"number\">0.8125</td></tr>",
            // The square root of ((1/8)² + (1/8)²) / (2 − 1).
            "<tr><td>standard deviation</td><td class=\"number\">0.1768</td><td class=\"number\">0.0884</td></tr>",
            "<tr><td>training</td><td class=\"number\">4</td></tr>",
            "Half of the training texts have at most 100 tokens, 90 % at most 180, 99 % at most 198; the longest has 200.",
            "The limit is 150: of 50 texts (25.0 %)",
            "dev.csv: 3 rows, 'one' skipped",
            ">3 (75.0 %)<",
            ">1 (25.0 %)<",
            ">2 (66.7 %)<",
            ">1 (33.3 %)<",
            "that repeat an earlier one</td><td class=\"number\">1<",
            "is in the training data</td><td class=\"number\">1<",
            "texts with several labels</td><td class=\"number\">1<",
            "two letters or digits</td><td class=\"number\">1<",
            "33.3 % of the dev data was in the training data",
        ],
    );
    let conflict = &page[page.find("Contradictions").unwrap()..];
    assert_eq!(
        row(conflict, "It broke"),
        ["It broke", "bug (2), wish (1)", "training line 2, training line 3, dev line 2"]
    );
}

#[test]
fn a_class_that_nothing_is_measured_with_is_named() {
    let labels = strings(&["bug", "question", "wish"]);
    let train = [text(2, "a", "bug"), text(3, "b", "question"), text(4, "c", "wish")];
    let page = |dev: &[TextExample]| {
        let balance = Some(Balance::of_labels("class", &labels, &train, dev));
        let (counts, notes) = (Vec::new(), Vec::new());
        let data = Data { counts, lengths: None, balance, odd: None, notes };
        Report { data: Some(data), measured_on: "test", ..Report::default() }.page()
    };
    let named = "No test example has the class: question, wish. Of these the scores say nothing.";
    assert_has(&page(&train[..1]), &[named]);
    assert!(!page(&train).contains("Of these") && !page(&[]).contains("Of these"));
}

#[test]
fn the_numbers_of_several_labels_and_of_regression() {
    let labels = strings(&["a", "b"]);
    let examples = [text(2, "first", "x"), text(3, "second", "x")];
    let several = set(Targets::MultiLabel(vec![vec![true, false], vec![true, true]]));
    let half = |p: Real| (p / (1.0 - p)).ln();
    let scores: [[Real; 2]; 2] = [[0.75, 0.75], [0.75, 0.25]];
    let logits = scores.map(|row| row.map(half).to_vec()).to_vec();
    let judged = TextOutcome { logits, scores: scores.map(|row| row.to_vec()).to_vec() };
    let page = page_of(text_results(&labels, &examples, &several, &judged));
    assert_eq!(row(&page, "a")[..5], ["a", "1.000", "1.000", "1.000", "2"]);
    assert_eq!(row(&page, "b")[..5], ["b", "0.000", "0.000", "0.000", "1"]);
    // All four decisions have a confidence of 3/4, and half of them are right.
    assert_has(&page, &["calibration error is 0.2500", "yes-or-no decision"]);
    assert_eq!(row(&page, "line 2")[2..5], ["a 0.750", "", "b 0.750"]);
    assert_eq!(row(&page, "line 3")[2..5], ["a 0.750", "b 0.250", ""]);

    let numbers = set(Targets::Numbers(vec![1.0, 3.0]));
    let judged =
        TextOutcome { logits: vec![vec![1.5], vec![3.0]], scores: vec![vec![1.5], vec![3.0]] };
    let page = page_of(text_results(&labels, &examples, &numbers, &judged));
    assert_has(&page, &["R² is 0.8750", "off most, no more than 50"]);
    assert_eq!(row(&page, "line 2"), ["line 2", "first", "1.0000", "1.5000", "0.5000"]);
    assert!(!page.contains("Calibration") && page.matches("<circle").count() == 2);
}

#[test]
fn the_numbers_of_tags() {
    let sentence = |words: &[&str], tags: &[&str]| TaggedSentence {
        line: 4,
        words: strings(words),
        tags: Some(strings(tags)),
    };
    let sentences = [
        sentence(&["Rome", "burns"], &["B-LOC", "O"]),
        sentence(&["Ann", "in", "rome"], &["B-PER", "O", "B-LOC"]),
    ];
    let predicted = [vec!["B-PER", "O"], vec!["B-PER", "O", "B-PER"]];
    let page = page_of(Box::new(TagResults { sentences: &sentences, predicted: &predicted }));
    assert_eq!(row(&page, "PER")[..5], ["PER", "0.333", "1.000", "0.500", "1"]);
    assert_eq!(row(&page, "LOC")[..5], ["LOC", "0.000", "0.000", "0.000", "2"]);
    assert_eq!(row(&page, "rome"), ["rome", "2", "2", "B-LOC taken for B-PER (2)"]);
    assert_has(
        &page,
        &["LOC taken for PER: 2 of 2", "2 sentences have an entity that was missed or invented"],
    );
    assert!(!page.contains("Calibration"));
    assert_only_own_elements(&page);
    let balance = Balance::of_entities(&sentences, &sentences[..1]);
    assert_eq!(
        (balance.names, balance.train, balance.dev),
        (strings(&["LOC", "PER"]), vec![2, 1], vec![1, 0])
    );
}

#[test]
fn the_numbers_of_answers() {
    let context = format!("{}Ann slept.", "x ".repeat(500));
    let question = |id: &str, question: &str, answer: &str| Question {
        id: id.to_owned(),
        title: "".into(),
        question: question.to_owned(),
        context: context.as_str().into(),
        answers: vec![GoldAnswer { text: answer.to_owned(), start: Some(1_000) }],
        is_impossible: false,
        place: Place::Line(1),
    };
    let questions = [
        question("q1", "Who slept?", "Ann"),
        question("q2", "\u{bf}who <slept>?", "Ann Lee"),
        question("q3", "What?", "slept"),
    ];
    let answer = |text: &str, probability| NBest {
        candidates: vec![Candidate {
            text: text.to_owned(),
            place: Some((0, 3)),
            probability,
            start_logit: 0.0,
            end_logit: 0.0,
        }],
        null_odds: -1.0,
    };
    let answers = vec![answer("Ann", 0.5), answer("Ann", 0.25), answer("<Ann>", 0.75)];
    let outcome = AnswerOutcome { answers, losses: vec![vec![1.0]; 3] };
    for no_answer in [false, true] {
        let results = AnswerResults { questions: &questions, outcome: &outcome, no_answer };
        let scores = vec![("exact_match".to_owned(), 100.0 / 3.0)];
        let report = Report {
            measured_on: "dev",
            scores,
            results: Some(Box::new(results)),
            ..Report::default()
        };
        let page = report.page();
        assert_has(&page, &["<b>33.33</b>exact match, %", "Exact match: 1 of 3."]);
        // "Ann" for "Ann Lee": F1 = 2 · 1 · ½ / (1 + ½) = 2/3.
        assert_eq!(row(&page, "who"), ["who", "2", "50.0", "83.3"]);
        assert_eq!(row(&page, "what"), ["what", "1", "0.0", "0.0"]);
        assert_eq!(row(&page, "all"), ["all", "3", "33.3", "55.6"]);
        assert_eq!(row(&page, "q3")[3..], ["slept", "&lt;Ann&gt;", "0.750", "0.0"]);
        assert_eq!(row(&page, "q2")[3..], ["Ann Lee", "Ann", "0.250", "66.7"]);
        assert!(page.find(">q3<").unwrap() < page.find(">q2<").unwrap() && !page.contains(">q1<"));
        assert_has(&page, &["x Ann slept.</td>"]);
        assert_only_own_elements(&page);
    }
}

#[test]
fn an_answer_that_is_none_is_called_so() {
    let question = |answers: &[&str]| Question {
        id: format!("q{}", answers.len()),
        title: "".into(),
        question: String::new(),
        context: "Ann slept.".into(),
        answers: answers.iter().map(|&a| GoldAnswer { text: a.to_owned(), start: None }).collect(),
        is_impossible: answers.is_empty(),
        place: Place::Line(1),
    };
    let candidate = |text: &str, place, probability| Candidate {
        text: text.to_owned(),
        place,
        probability,
        start_logit: 0.0,
        end_logit: 0.0,
    };
    let none = NBest {
        candidates: vec![candidate("", None, 0.75), candidate("Ann", Some((0, 3)), 0.25)],
        null_odds: 1.0,
    };
    let some = NBest { null_odds: -1.0, ..none.clone() };
    let questions = [question(&["Ann"]), question(&[])];
    let outcome = AnswerOutcome { answers: vec![none, some], losses: vec![vec![], vec![]] };
    let page = page_of(Box::new(AnswerResults {
        questions: &questions,
        outcome: &outcome,
        no_answer: true,
    }));
    assert_eq!(row(&page, "q1")[3..], ["Ann", "(none)", "0.750", "0.0"]);
    assert_eq!(row(&page, "q0")[3..], ["(none)", "Ann", "0.250", "0.0"]);
    assert_eq!(row(&page, "(no word)")[1..], ["2", "0.0", "0.0"]);
}

#[test]
fn the_numbers_of_choices() {
    let question = |line| ChoiceQuestion {
        line,
        id: None,
        first: "Ann was tired.".to_owned(),
        seconds: strings(&["She slept.", "She <ran>."]),
        label: Some(0),
    };
    let questions = [question(1), question(2)];
    let three = Real::ln(3.0);
    let logits = [vec![three, 0.0], vec![0.0, three]];
    let results = ChoiceResults { questions: &questions, right: &[0, 0], logits: &logits };
    let report = Report {
        scores: vec![("accuracy".to_owned(), 0.5)],
        results: Some(Box::new(results)),
        ..Report::default()
    };
    let page = report.page();
    assert_has(
        &page,
        &[
            "Accuracy: 1 of 2.",
            "at random would have an accuracy of 0.5000",
            "mean probability is 0.750, and 0.500 of its predictions are right",
            "calibration error is 0.2500",
        ],
    );
    assert_eq!(row(&page, "line 2")[2..], ["She slept.", "0.250", "She &lt;ran&gt;.", "0.750"]);
    assert_has(
        &page,
        &[
            "<td class=\"number\">1</td><td class=\"number\">2</td><td class=\"number\">1</td><td class=\"number\">1</td>",
        ],
    );
}
