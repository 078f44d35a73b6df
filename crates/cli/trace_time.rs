//! `bert trace --time`: where the time of one text goes.

use crate::common::{ModelArgs, Results, say};
use anyhow::{Context as _, Result};
use bert_checkpoint::write_atomically;
use bert_kernels::{fma_peak, isa};
use bert_model::cost::{Cost, cost};
use bert_model::packed::{Part, Step};
use bert_model::{Batch, PackedModel};
use bert_pipeline::Pipeline;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// What is asked beside the text.
#[derive(clap::Args, Debug)]
pub struct TimeArgs {
    /// Show where the time goes, part by part, instead of the tensors
    #[arg(long, conflicts_with_all = ["batch", "output"])]
    pub time: bool,
    /// How often the text is run; the medians are shown
    #[arg(long, value_name = "N", default_value = "21", requires = "time", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    runs: u32,
    /// Also draw the shares into this file
    #[arg(long, value_name = "FILE", requires = "time")]
    svg: Option<std::path::PathBuf>,
}

const PARTS: [(Part, &str); 9] = [
    (Part::Embeddings, "embeddings"),
    (Part::QueryKeyValue, "query, key, value"),
    (Part::Attention, "attention"),
    (Part::AttentionOutput, "attention output"),
    (Part::AttentionNorm, "add, LayerNorm"),
    (Part::Intermediate, "intermediate, activation"),
    (Part::Output, "output"),
    (Part::OutputNorm, "add, LayerNorm"),
    (Part::Head, "pooler, head"),
];

/// A part, all layers together.
#[derive(Serialize)]
struct Line {
    part: &'static str,
    times: usize,
    milliseconds: f64,
    share: f64,
    gflop: f64,
    megabytes: f64,
    gflop_per_second: f64,
    of_peak: f64,
}

#[derive(Serialize)]
struct Report {
    tokens: usize,
    threads: usize,
    isa: &'static str,
    peak_gflop_per_second: f64,
    parts: Vec<Line>,
    together: Line,
}

/// Runs `text` through the model and shows what each part took.
pub fn run(
    model: &ModelArgs,
    args: &TimeArgs,
    json: bool,
    prepare: impl FnOnce(&Pipeline<PackedModel>) -> Result<Batch>,
) -> Result<()> {
    let pipeline = model.open()?;
    let batch = prepare(&pipeline)?;
    let report = measure(&pipeline, &batch, args.runs);
    let mut results = Results::new();
    if json {
        results.json(&report)?;
    } else {
        table(&report).lines().try_for_each(|line| results.line(line))?;
    }
    results.flush()?;
    if let Some(path) = &args.svg {
        write_atomically(path, |file| file.write_all(drawing(&report).as_bytes()))
            .with_context(|| path.display().to_string())?;
        say(&format!("drawn into {}", path.display()));
    }
    Ok(())
}

fn measure(pipeline: &Pipeline<PackedModel>, batch: &Batch, runs: u32) -> Report {
    let context = pipeline.context();
    let warm_up = Instant::now();
    while warm_up.elapsed() < Duration::from_millis(200) {
        pipeline.model.infer(batch, &context);
    }
    let mut seconds = vec![Vec::new(); PARTS.len() + 1];
    let mut peaks = Vec::new();
    for _ in 0..runs {
        let mut of_run = [0.0; PARTS.len()];
        let start = Instant::now();
        let mut before = start;
        pipeline.model.infer_in_steps(batch, &context, |step| {
            if let Step::Part(part, _) = step {
                let now = Instant::now();
                of_run[place(part)] += (now - before).as_secs_f64();
                before = now;
            }
        });
        seconds[PARTS.len()].push(start.elapsed().as_secs_f64());
        for (all, one) in seconds.iter_mut().zip(of_run) {
            all.push(one);
        }
        peaks.push(fma_peak(Duration::from_millis(40))); // in between, because the clock rate changes
    }
    let (peak, layers) = (median(&mut peaks), pipeline.config.num_hidden_layers);
    let whole = median(seconds.last_mut().expect("the last one is the whole"));
    let (mut parts, mut sum): (Vec<Line>, Cost) = Default::default();
    for (&(part, name), seconds) in PARTS.iter().zip(&mut seconds) {
        let times = if matches!(part, Part::Embeddings | Part::Head) { 1 } else { layers };
        let cost = cost(part, batch, &pipeline.config, &pipeline.model.head);
        let cost = Cost { operations: cost.operations * times, bytes: cost.bytes * times };
        sum = sum + cost;
        parts.push(line(name, times, median(seconds), whole, cost, peak));
    }
    Report {
        tokens: batch.tokens(),
        threads: rayon::current_num_threads(),
        isa: isa().name(),
        peak_gflop_per_second: peak / 1e9,
        parts,
        together: line("together", 1, whole, whole, sum, peak),
    }
}

fn place(part: Part) -> usize {
    PARTS.iter().position(|&(other, _)| other == part).expect("every part has a line")
}

fn line(part: &'static str, times: usize, seconds: f64, whole: f64, cost: Cost, peak: f64) -> Line {
    let rate = cost.operations as f64 / seconds.max(1e-12);
    Line {
        part,
        times,
        milliseconds: seconds * 1e3,
        share: seconds / whole,
        gflop: cost.operations as f64 / 1e9,
        megabytes: cost.bytes as f64 / 1e6,
        gflop_per_second: rate / 1e9,
        of_peak: rate / peak,
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "{} tokens, {} threads, {}, peak {:.0} GFLOP/s; medians\n\n{:<26} {:>9} {:>6} {:>9} {:>8} {:>9} {:>8}\n",
        report.tokens,
        report.threads,
        report.isa,
        report.peak_gflop_per_second,
        "part",
        "ms",
        "share",
        "GFLOP",
        "MB",
        "GFLOP/s",
        "of peak"
    );
    for line in report.parts.iter().chain([&report.together]) {
        let times = if line.times > 1 { format!("{} × ", line.times) } else { String::new() };
        let (name, percent, of_peak) =
            (format!("{times}{}", line.part), line.share * 100.0, line.of_peak * 100.0);
        let _ = writeln!(
            text,
            "{name:<26} {:>9.3} {percent:>5.1}% {:>9.4} {:>8.2} {:>9.1} {of_peak:>7.1}%",
            line.milliseconds, line.gflop, line.megabytes, line.gflop_per_second
        );
    }
    text
}

/// One bar for each part: its length is its share of the time, the dark piece the share that the same operations would take at the
/// machine's peak.
fn drawing(report: &Report) -> String {
    const ROW: usize = 28;
    let height = ROW * (report.parts.len() + 2) + 20;
    let longest = report.parts.iter().map(|line| line.share).fold(1e-9, f64::max);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"720\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"15\">{} tokens, {:.2} ms, {} threads, {}</text>\n",
        report.tokens, report.together.milliseconds, report.threads, report.isa
    );
    for (row, line) in report.parts.iter().enumerate() {
        let y = ROW * (row + 1) + 18;
        let width = 380.0 * line.share / longest;
        let at_peak = width * line.of_peak.min(1.0);
        let _ = write!(
            svg,
            "<text x=\"16\" y=\"{text}\">{}</text>\n\
             <rect x=\"210\" y=\"{y}\" width=\"{width:.1}\" height=\"18\" fill=\"#9ecae1\"/>\n\
             <rect x=\"210\" y=\"{y}\" width=\"{at_peak:.1}\" height=\"18\" fill=\"#3182bd\"/>\n\
             <text x=\"{after:.1}\" y=\"{text}\">{:.2} ms, {:.1} %</text>\n",
            line.part,
            line.milliseconds,
            line.share * 100.0,
            text = y + 14,
            after = 218.0 + width,
        );
    }
    let y = height - 12;
    let _ = write!(
        svg,
        "<text x=\"16\" y=\"{y}\" fill=\"#555\">dark: what the same operations take at the peak of {:.0} GFLOP/s</text>\n</svg>\n",
        report.peak_gflop_per_second
    );
    svg
}
