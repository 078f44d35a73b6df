//! Draws the figures of the chapter "Reading a report" from invented data:
//! `cargo run -p bert-plot --example report_figures -- docs/src/figures`.

use bert_metrics::{Confusion, reliability, roc_curve};
use bert_plot::colors::{BLUE, ORANGE, SERIES};
use bert_plot::{
    Curve, Series, bar_chart, confusion_matrix, histogram, loss_curve, metric_curves,
    reliability_diagram, roc_plot, scatter,
};
use std::path::Path;
use std::{env, fs, io};

/// The others are for whoever changes a plot and wants to look at it: `--all` draws them too.
const IN_THE_BOOK: [&str; 3] = ["overfitting", "confusion", "reliability"];

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "docs/src/figures".to_owned());
    let all = env::args().any(|argument| argument == "--all");
    for (name, svg) in pictures() {
        if all || IN_THE_BOOK.contains(&name) {
            fs::write(Path::new(&folder).join(format!("report_{name}.svg")), svg)?;
        }
    }
    Ok(())
}

fn pictures() -> Vec<(&'static str, String)> {
    vec![
        ("overfitting", overfitting()),
        ("scores", scores()),
        ("confusion", confusion()),
        ("many_classes", many_classes()),
        ("reliability", over_confident()),
        ("roc", roc()),
        ("lengths", lengths()),
        ("classes", classes()),
        ("scatter", numbers()),
    ]
}

/// Numbers from 0 to below 1 that look random (Steele, Lea and Flood, SplitMix, 2014).
fn noise(mut state: u64) -> impl FnMut() -> f64 {
    move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as f64 / 2_f64.powi(64)
    }
}

/// The training loss falls to nothing; the dev loss turns at step 140.
fn overfitting() -> String {
    let mut noise = noise(1);
    let train = (1..=60).map(|n| {
        let step = f64::from(n) * 10.0;
        (step, 1.1 * (-step / 130.0).exp() + 0.06 * noise())
    });
    let dev = |step: f64| 0.42 + 0.68 * (-step / 60.0).exp() + 0.0007 * (step - 60.0).max(0.0);
    let dev: Vec<_> = (1..=15).map(|n| (f64::from(n) * 40.0, dev(f64::from(n) * 40.0))).collect();
    let best = dev.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1));
    let curves = [
        Curve { name: "training", color: SERIES[5], points: train.collect() },
        Curve { name: "dev", color: BLUE, points: dev },
        Curve { name: "least dev loss", color: ORANGE, points: best.into_iter().collect() },
    ];
    loss_curve(&curves, &[])
}

fn scores() -> String {
    let mut noise = noise(2);
    let mut curve = |top: f64| -> Vec<_> {
        let score = |step: f64, noise: f64| top * (1.0 - (-step / 90.0).exp()) + 0.03 * noise;
        (1..=15).map(|n| (f64::from(n) * 40.0, score(f64::from(n) * 40.0, noise()))).collect()
    };
    let curves = [("accuracy", curve(0.9)), ("macro_f1", curve(0.8)), ("matthews", curve(0.7))];
    metric_curves(&curves, Some(240.0))
}

fn confusion() -> String {
    let counts = [[96, 3, 21], [2, 58, 4], [37, 2, 77]];
    confusion_matrix(&["bug", "question", "wish"], &of_counts(&counts.map(|row| row.to_vec())))
}

fn many_classes() -> String {
    let mut noise = noise(3);
    let names: Vec<String> = (0..30).map(|n| format!("department number {n}")).collect();
    let count = |gold: usize, predicted: usize, noise: f64| match gold == predicted {
        true => 20 + (400.0 * noise) as usize,
        false => (8.0 * noise * noise) as usize,
    };
    let row = |gold| (0..30).map(|predicted| count(gold, predicted, noise())).collect();
    let counts: Vec<Vec<usize>> = (0..30).map(row).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    confusion_matrix(&names, &of_counts(&counts))
}

fn of_counts(counts: &[Vec<usize>]) -> Confusion {
    let mut confusion = Confusion::new(counts.len());
    for (gold, row) in counts.iter().enumerate() {
        for (predicted, &count) in row.iter().enumerate() {
            (0..count).for_each(|_| confusion.add(gold, predicted));
        }
    }
    confusion
}

/// Two thousand answers. Most have a confidence of nearly 1, of which a sixth are wrong.
fn answers() -> (Vec<f64>, Vec<bool>) {
    let mut noise = noise(4);
    let answer = |_| {
        let confidence = 1.0 - 0.62 * noise().powi(4);
        (confidence, noise() < 0.30 + 0.54 * confidence)
    };
    (0..2_000).map(answer).unzip()
}

fn over_confident() -> String {
    let (confidences, right) = answers();
    reliability_diagram(&reliability(&confidences, &right, 10))
}

fn roc() -> String {
    let mut noise = noise(5);
    let example = |n: usize| {
        (n.is_multiple_of(3), (noise() + if n.is_multiple_of(3) { 0.6 } else { 0.0 }) / 1.6)
    };
    let (positive, scores): (Vec<_>, Vec<_>) = (0..600).map(example).unzip();
    roc_plot(&roc_curve(&positive, &scores))
}

/// Most texts have about twenty tokens; a few were copied with everything around them.
fn lengths() -> String {
    let mut noise = noise(6);
    let mut lengths: Vec<usize> = (0..1_500)
        .map(|_| (6.0 + 14.0 * (0.4 - noise().ln()) * (0.5 + noise())) as usize)
        .collect();
    lengths.extend([400, 411, 690]);
    lengths.sort_unstable();
    let percentile = |percent: usize| lengths[(lengths.len() - 1) * percent / 100];
    let marks = [50, 90, 99].map(|percent| (format!("{percent} %"), percentile(percent)));
    let limit = [("limit".to_owned(), 64)];
    histogram(&lengths, &[marks.as_slice(), &limit].concat(), "tokens", "texts")
}

fn classes() -> String {
    let train =
        Series { name: "training", color: SERIES[0], counts: vec![912, 1203, 85], total: 2200 };
    let dev = Series { name: "dev", color: SERIES[1], counts: vec![101, 134, 9], total: 244 };
    bar_chart(&["bug", "question", "a wish that has a very long name"], &[train, dev])
}

fn numbers() -> String {
    let mut noise = noise(7);
    let pair = |n: u32| {
        let gold = f64::from(n % 11) / 2.0;
        (gold, 0.6 + 0.8 * gold + 1.4 * (noise() - 0.5))
    };
    let (gold, predicted): (Vec<_>, Vec<_>) = (0..400).map(pair).unzip();
    scatter(&gold, &predicted)
}
