//! The page as a whole: what is on it, what is not, and that nothing of the data becomes markup.

mod numbers;

use super::*;
use crate::text::Text;
use bert_data::texts::{Target, TextExample};
use bert_nn::Real;
use bert_pipeline::explain::{Baseline, Explanation, Word};
use bert_train::tasks::texts::{Targets, TextOutcome, TextSet};

fn text(line: u64, first: &str, label: &str) -> TextExample {
    TextExample {
        line,
        id: None,
        first: first.to_owned(),
        second: None,
        target: Some(Target::Class(label.to_owned())),
    }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn set(targets: Targets) -> TextSet {
    TextSet { encodings: Vec::new(), targets }
}

/// Probabilities, and their logarithms for logits.
fn outcome(scores: &[&[Real]]) -> TextOutcome {
    let logits = scores.iter().map(|row| row.iter().map(|p| p.ln()).collect()).collect();
    TextOutcome { logits, scores: scores.iter().map(|row| row.to_vec()).collect() }
}

#[track_caller]
fn assert_has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "there is no {part:?} in\n{page}");
    }
}

const HOSTILE: &str =
    "<script>alert(\"x\")</script>' onload=\"y\" & \u{202e}\u{5d0} 👩\u{200d}👧 \u{0} `";

fn hostile() -> String {
    format!("{HOSTILE}{}", "<b>".repeat(33_333))
}

fn explained(text: &str, label: &str) -> Explained {
    let word = |start: usize, end: usize, weight: Real| Word {
        word: text.chars().skip(start).take(end - start).collect(),
        sequence: 0,
        start,
        end,
        integrated_gradient: weight,
        occlusion_logit: weight,
        occlusion_score: weight,
    };
    Explained {
        place: "line 3".to_owned(),
        text: Text { number: 1, first: text.to_owned(), second: None },
        gold: "bug".to_owned(),
        explanation: Explanation {
            label: label.to_owned(),
            score: 0.75,
            logit: 1.5,
            baseline: Baseline::Mask,
            baseline_logit: -0.25,
            steps: 16,
            sum: 1.75,
            error: 0.0,
            complete: true,
            words: vec![word(0, 3, 1.0), word(4, 7, -0.5)],
        },
    }
}

#[test]
fn whatever_the_data_holds_is_escaped_and_cut() {
    let hostile = hostile();
    let label = format!("{HOSTILE}{}", "l".repeat(10_000));
    let labels = [label.clone(), "other".to_owned()];
    let examples = [text(1, &hostile, &label), text(2, &hostile, "other")];
    let pairs = examples.clone().map(|e| TextExample { second: Some(hostile.clone()), ..e });
    let set = set(Targets::Classes(vec![0, 1]));
    let outcome = outcome(&[&[0.1, 0.9], &[0.9, 0.1]]);
    let report = Report {
        title: HOSTILE.to_owned(),
        task: HOSTILE.to_owned(),
        measured_on: "dev",
        scores: vec![("accuracy".to_owned(), 0.0), (HOSTILE.to_owned(), 1.0)],
        test: vec![(HOSTILE.to_owned(), 0.5)],
        seeds: None,
        settings: vec![(hostile.clone(), hostile.clone())],
        data: Some(Data {
            counts: vec![(HOSTILE.to_owned(), 2)],
            lengths: Some(Lengths { tokens: vec![3, 100_000], limit: 512, truncated: 1 }),
            balance: Some(Balance::of_labels("class", &labels, &examples, &examples)),
            odd: Some(OddTexts::of(&examples, &examples, "dev")),
            notes: vec![hostile.clone()],
        }),
        curves: Curves::default(),
        results: Some(text_results(&labels, &pairs, &set, &outcome)),
        explanations: vec![explained(&hostile, &label)],
    };
    let page = report.page();
    assert!(page.len() < 120_000, "{}", page.len());
    for part in ["<script", "<b><b>", "alert(\"x\")", "onload=\"", "\u{0}"] {
        assert!(!page.contains(part), "{part:?} is in the page");
    }
    assert_has(
        &page,
        &[
            "&lt;script&gt;alert(&quot;x&quot;)",
            "&lt;b&gt;…</td>",
            "<bdi>&lt;script",
            "<td dir=\"auto\">&lt;script",
        ],
    );
    // In a paragraph it would turn all letters after it, so what came from the data is in cells.
    assert_only_own_elements(&page);
}

#[track_caller]
fn assert_only_own_elements(page: &str) {
    const OWN: [&str; 36] = [
        "!DOCTYPE",
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "h1",
        "h2",
        "h3",
        "p",
        "code",
        "div",
        "b",
        "br",
        "span",
        "table",
        "tr",
        "th",
        "td",
        "figure",
        "figcaption",
        "svg",
        "rect",
        "text",
        "g",
        "line",
        "circle",
        "polyline",
        "bdi",
        "small",
        "path",
        "defs",
        "use",
        "i",
        "pre",
    ];
    for element in page.split('<').skip(1) {
        let name = element.trim_start_matches('/').split([' ', '>']).next().unwrap();
        assert!(OWN.contains(&name), "<{name}");
    }
    for outside in ["src=", "href=", "url(", "@import", "<script", "<link", "<img", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for element in [
        "div", "b", "span", "table", "tr", "th", "td", "figure", "svg", "text", "g", "bdi", "small",
    ] {
        let count = |tag: &str| page.matches(tag).count();
        let opened = count(&format!("<{element}>")) + count(&format!("<{element} "));
        assert_eq!(opened, count(&format!("</{element}>")), "{element}");
    }
}

type Fill<'a> = Box<dyn Fn(&mut Report<'a>) + 'a>;

#[test]
fn each_section_is_there_with_its_data_and_not_without() {
    let labels = strings(&["bug", "wish"]);
    let examples = [text(2, "it broke", "bug"), text(3, "please add", "wish")];
    let set = set(Targets::Classes(vec![0, 1]));
    let outcome = outcome(&[&[0.9, 0.1], &[0.7, 0.3]]);
    let nothing =
        || Data { counts: vec![], lengths: None, balance: None, odd: None, notes: vec![] };
    let fills: Vec<(&[&str], Fill)> = vec![
        (&["Summary"], Box::new(|r| r.scores = vec![("accuracy".to_owned(), 0.5)])),
        (&["Settings"], Box::new(|r| r.settings = vec![("--lr".to_owned(), "5e-5".to_owned())])),
        (&["Data"], Box::new(move |r| r.data = Some(nothing()))),
        (
            &["Data", "Lengths"],
            Box::new(move |r| {
                let lengths = Some(Lengths { tokens: vec![4, 5], limit: 128, truncated: 0 });
                r.data = Some(Data { lengths, ..nothing() });
            }),
        ),
        (
            &["Data", "Class balance"],
            Box::new(|r| {
                let balance = Some(Balance::of_labels("class", &labels, &examples, &[]));
                r.data = Some(Data { balance, ..nothing() });
            }),
        ),
        (
            &["Data", "Duplicates, contradictions, empty texts"],
            Box::new(|r| {
                r.data = Some(Data { odd: Some(OddTexts::of(&examples, &[], "dev")), ..nothing() });
            }),
        ),
        (&["Learning curves"], Box::new(|r| r.curves.train_loss = vec![(1.0, 0.7), (2.0, 0.5)])),
        (
            &["Which class was taken for which", "Calibration", "The worst errors"],
            Box::new(|r| {
                r.results = Some(text_results(&labels, &examples, &set, &outcome));
            }),
        ),
        (
            &["Which words speak for the answer"],
            Box::new(|r| r.explanations = vec![explained("bad one", "bug")]),
        ),
    ];
    let headings = |page: &str| -> Vec<String> {
        let pieces = page.split("<h").skip(1).filter(|piece| piece.starts_with(['2', '3']));
        let name = |piece: &str| piece[2..piece.find("</h").unwrap()].to_owned();
        pieces.map(name).collect()
    };
    assert_eq!(headings(&Report::default().page()), Vec::<String>::new());
    let mut all = Report::default();
    for (expected, fill) in &fills {
        let mut report = Report::default();
        fill(&mut report);
        let found = headings(&report.page());
        assert_eq!(found.iter().filter(|h| !h.starts_with("line ")).collect::<Vec<_>>(), *expected);
        fill(&mut all);
    }
    let order = [
        "Summary",
        "Settings",
        "Data",
        "Learning curves",
        "Which class was taken for which",
        "Calibration",
        "The worst errors",
        "Which words speak for the answer",
    ];
    let page = all.page();
    let sections: Vec<_> =
        headings(&page).into_iter().filter(|h| order.contains(&h.as_str())).collect();
    assert_eq!(sections, order);
    assert_only_own_elements(&page);
}

#[test]
fn much_data_makes_a_small_page() {
    let labels: Vec<String> = (0..300).map(|n| format!("class {n}")).collect();
    let long = "word ".repeat(200);
    let examples: Vec<_> = (0..6_000).map(|n| text(n, &long, &labels[n as usize % 300])).collect();
    let set = set(Targets::Classes((0..6_000).map(|n| n % 300).collect()));
    // Always the class after the right one, or the right one.
    let row = |n: usize| -> Vec<Real> {
        (0..300).map(|class| if class == (n + n % 2) % 300 { 0.701 } else { 0.001 }).collect()
    };
    let scores: Vec<Vec<Real>> = (0..6_000).map(row).collect();
    let scores: Vec<&[Real]> = scores.iter().map(Vec::as_slice).collect();
    let outcome = outcome(&scores);
    let report = Report {
        measured_on: "dev",
        data: Some(Data {
            counts: vec![],
            lengths: Some(Lengths { tokens: (0..200_000).collect(), limit: 512, truncated: 9 }),
            balance: Some(Balance::of_labels("class", &labels, &examples, &examples)),
            odd: Some(OddTexts::of(&examples, &examples, "dev")),
            notes: vec!["note".to_owned(); 1_000],
        }),
        curves: Curves {
            train_loss: (0..100_000).map(|n| (f64::from(n), 1.0)).collect(),
            dev_loss: (0..100_000).map(|n| (f64::from(n), 2.0)).collect(),
            scores: vec![(
                "accuracy".to_owned(),
                (0..100_000).map(|n| (f64::from(n), 0.5)).collect(),
            )],
            kept: Kept::Best(7),
        },
        results: Some(text_results(&labels, &examples, &set, &outcome)),
        explanations: (0..100).map(|_| explained(&long, "bug")).collect(),
        ..Report::default()
    };
    let page = report.page();
    assert!(page.len() < 350_000, "{}", page.len());
    assert_has(
        &page,
        &["3000 examples have another class than predicted; 50 of them below", "271 other classes"],
    );
    assert_eq!(page.matches(">0.701</td>").count(), 50);
}
