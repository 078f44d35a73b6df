//! `bert pretrain`: what it leaves behind, and that nothing which happens to it changes the result.

use crate::support::{Run, argument, bert, command, finish};
use bert_nn::random::Draws;
use bert_testkit::shared;
use serde_json::Value;
use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A run of a very small model on tiny world.
struct Small {
    folder: TempDir,
    steps: u64,
}

impl Small {
    fn new(steps: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = r#"{"vocab_size": 400, "hidden_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64,
            "hidden_dropout_prob": 0.1}"#;
        fs::write(folder.path().join("config.json"), config).unwrap();
        Self { folder, steps }
    }

    fn output(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn args(&self, output: &str, more: &[&str]) -> Vec<String> {
        let config = argument(&self.output("config.json"));
        let (steps, output) = (self.steps.to_string(), argument(&self.output(output)));
        let args = ["pretrain", "--tiny-world", "--dropout", "0.1", "--eval-sequences", "20"];
        let given = ["--config", &config, "--steps", &steps, "--batch-size", "4"];
        let all = [&args[..], &given, &["--output", &output], more].concat();
        all.into_iter().map(str::to_owned).collect()
    }

    fn command(&self, output: &str, more: &[&str]) -> Command {
        let args = self.args(output, more);
        command(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn run(&self, output: &str, more: &[&str]) -> Run {
        finish(self.command(output, more), b"")
    }

    fn weights(&self, output: &str) -> Vec<u8> {
        fs::read(self.output(output).join("model.safetensors")).unwrap()
    }

    fn checkpoints(&self, output: &str) -> Vec<PathBuf> {
        let folder = self.output(output).join("checkpoints");
        let mut names = names(&folder);
        names.retain(|name| name.starts_with("step-"));
        names.sort();
        names.iter().map(|name| folder.join(name)).collect()
    }
}

#[test]
fn a_run_leaves_a_model_its_metrics_results_and_curve() {
    let small = Small::new(30);
    let more = ["--save-every", "10", "--keep", "2", "--eval-every", "10"];
    small.run("out", &more).ok();
    let out = small.output("out");
    let filled = bert(&["fill-mask", "--model", &argument(&out), "the dog [MASK] the man ."]);
    assert_eq!(filled.ok().lines().count(), 1);
    let results = fs::read_to_string(out.join("eval_results.txt")).unwrap();
    let keys: Vec<_> = results.lines().map(|line| line.split(" = ").next().unwrap()).collect();
    let google = [
        "global_step",
        "loss",
        "masked_lm_accuracy",
        "masked_lm_loss",
        "masked_lm_optimum", // the one that Google's program cannot know
        "next_sentence_accuracy",
        "next_sentence_loss",
    ];
    assert_eq!(keys, google);
    let metrics = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let lines: Vec<Value> =
        metrics.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().filter(|line| line["loss"].is_f64()).count(), 30);
    assert_eq!(lines.iter().filter(|line| line["eval_loss"].is_f64()).count(), 3);
    let curve = fs::read_to_string(out.join("loss.svg")).unwrap();
    assert!(curve.contains("order ignored") && curve.contains("optimum"));
    let kept = small.checkpoints("out");
    let names: Vec<_> = kept.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["step-00000020", "step-00000030"]);
    // A checkpoint is a model like any other.
    bert(&["fill-mask", "--model", &argument(&kept[0]), "the [MASK] ."]).ok();
}

#[test]
fn a_finished_run_says_so_and_another_one_is_never_written_over() {
    let small = Small::new(4);
    small.run("out", &[]).ok();
    let weights = small.weights("out");
    small.run("out", &[]).refuses(&["out holds a run at step 4", "--resume", "--output"]);
    let again = small.run("out", &["--resume"]);
    again.ok();
    assert!(again.stderr.contains("the run is finished: 4 steps"), "{}", again.stderr);
    let other = Small { steps: 5, ..small };
    let refused = other.run("out", &["--resume", "--lr", "0.5", "--accumulate", "2"]);
    assert_eq!(refused.code, Some(1));
    for line in [
        "--lr: the run has 0.001, now 0.5",
        "--steps (or --epochs): the run has 4, now 5",
        "--accumulate: the run has 1, now 2",
    ] {
        assert!(refused.stderr.contains(line), "{}", refused.stderr);
    }
    assert_eq!(other.weights("out"), weights);
    // A model without checkpoints is somebody's work, too.
    fs::remove_dir_all(other.output("out/checkpoints")).unwrap();
    for how in [&[][..], &["--resume"]] {
        other.run("out", how).refuses(&["out holds", "would be overwritten", "--output"]);
    }
    assert_eq!(other.weights("out"), weights);
    // And so is a vocabulary.
    fs::create_dir(other.output("mine")).unwrap();
    fs::write(other.output("mine/vocab.txt"), "mine").unwrap();
    other.run("mine", &[]).refuses(&["mine holds vocab.txt, which would be overwritten"]);
    assert_eq!(names(&other.output("mine")), ["vocab.txt"]);
}

#[test]
fn a_resumed_run_without_anything_to_go_on_from_begins_at_step_0_and_says_so() {
    let small = Small::new(3);
    let run = small.run("out", &["--resume"]);
    run.ok();
    assert!(run.stderr.contains("beginning at step 0"), "{}", run.stderr);
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_gives_the_same_result() {
    let small = Small::new(9);
    small.run("whole", &[]).ok();
    for (name, damage) in [
        ("model.safetensors", &b"cut"[..]),
        ("optimizer.safetensors", b""),
        ("training.json", b"{}"),
        ("checksums.txt", b"what\n"),
    ] {
        let _ = fs::remove_dir_all(small.output("out"));
        small.run("out", &["--save-every", "3", "--keep", "3"]).ok();
        // As if it had been killed after its second checkpoint, 6, which is damaged.
        let checkpoints = small.checkpoints("out");
        fs::remove_dir_all(&checkpoints[2]).unwrap();
        fs::remove_file(small.output("out/model.safetensors")).unwrap();
        fs::write(checkpoints[1].join(name), damage).unwrap();
        let run = small.run("out", &["--resume", "--keep", "1"]);
        run.warns(&["passed over", "damaged-step-00000006", name]);
        assert!(run.stderr.contains("step-00000003"), "{}", run.stderr);
        assert_eq!(small.weights("out"), small.weights("whole"), "{name}");
        // The damaged one took no good one's place.
        let [last] = &small.checkpoints("out")[..] else {
            panic!("{:?}", small.checkpoints("out"))
        };
        assert!(last.ends_with("step-00000009"), "{}", last.display());
    }
}

#[test]
fn what_is_damaged_or_unfinished_never_takes_the_place_of_a_whole_checkpoint() {
    let small = Small::new(9);
    small.run("out", &["--save-every", "4", "--keep", "9"]).ok();
    for path in small.checkpoints("out") {
        fs::write(path.join("model.safetensors"), "cut").unwrap();
    }
    // The finished model is all that is left of the run. It is not written over; without it, one begins again.
    let weights = small.weights("out");
    small.run("out", &["--resume"]).refuses(&["out holds", "would be overwritten"]);
    assert_eq!(small.weights("out"), weights);
    for entry in fs::read_dir(small.output("out")).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let unfinished = small.output("out/checkpoints/.step-00000007.tmp");
    fs::create_dir(&unfinished).unwrap();
    let run = small.run("out", &["--save-every", "2", "--keep", "2", "--resume"]);
    run.ok();
    assert!(run.stderr.contains("beginning at step 0"), "{}", run.stderr);
    let kept = small.checkpoints("out");
    let kept: Vec<_> = kept.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(kept, ["step-00000008", "step-00000009"]);
    for step in [4, 8, 9] {
        let aside = small.output(&format!("out/checkpoints/damaged-step-{step:08}"));
        assert_eq!(fs::read(aside.join("model.safetensors")).unwrap(), b"cut");
    }
    assert!(!unfinished.exists());
}

#[test]
fn a_run_can_go_on_with_recomputed_activations_and_ends_with_the_same_bits() {
    let small = Small::new(8);
    small.run("whole", &["--save-every", "4"]).ok();
    small.run("all", &["--recompute"]).ok();
    assert_eq!(small.weights("all"), small.weights("whole"));
    // As if the run had ended in the middle, for want of memory.
    fs::create_dir_all(small.output("half/checkpoints")).unwrap();
    let [from, to] =
        ["whole", "half"].map(|run| small.output(run).join("checkpoints/step-00000004"));
    fs::create_dir(&to).unwrap();
    for name in names(&from) {
        fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
    let run = small.run("half", &["--save-every", "4", "--resume", "--recompute"]);
    run.ok();
    assert!(run.stderr.contains("going on from"), "{}", run.stderr);
    assert_eq!(small.weights("half"), small.weights("whole"));
}

#[cfg(unix)]
#[test]
fn two_runs_in_one_directory_are_one_too_many() {
    let small = Small::new(100_000);
    let mut first = small.command("out", &["--save-every", "1"]).spawn().unwrap();
    wait_for("a checkpoint", || !newest(&small.output("out/checkpoints")).is_empty());
    let second = small.run("out", &["--resume"]);
    second.refuses(&["out/checkpoints: another process is training here"]);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_stops_at_once() {
    let small = Small::new(1_000_000);
    // One step of all this takes minutes.
    let long = ["--accumulate", "100000", "--save-every", "0"];
    let mut child = small.command("out", &long).spawn().unwrap();
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(told.any(|line| line.contains("parameters")), "how it begins");
    assert!(signal(&child, "-INT"));
    assert!(told.any(|line| line.contains("Ctrl-C again stops at once")));
    assert!(child.try_wait().unwrap().is_none(), "the first one waits for the step");
    assert!(signal(&child, "-INT"));
    wait_for("the end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// The short form of a proof in `tests/nightly/run`, which has a larger model and more passes.
#[test]
fn a_small_model_learns_googles_sample_text_by_heart() {
    let Some(data) = shared("data") else { return };
    let (text, vocab) = (data.join("sample_text/sample_text.txt"), "vocab/bert-uncased.txt");
    let (text, vocab) = (argument(&text), argument(&data.join(vocab)));
    let folder = tempfile::tempdir().unwrap();
    let out = argument(&folder.path().join("out"));
    let given = ["pretrain", "--corpus", &text, "--eval-corpus", &text, "--vocab", &vocab];
    // The same eleven instances again and again, as Google's measure has it: with new masks in every
    // pass it would take thousands of steps.
    let how = ["--config", "tiny", "--dupe-factor", "1", "--dropout", "0", "--lr", "4e-3"];
    let long = ["--steps", "60", "--batch-size", "8", "--save-every", "0", "--output", &out];
    bert(&[&given[..], &how, &long].concat()).ok();
    let results = fs::read_to_string(folder.path().join("out/eval_results.txt")).unwrap();
    let result = |key: &str| -> f64 {
        let value = results.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        value.unwrap().parse().unwrap()
    };
    assert!(result("masked_lm_accuracy") > 0.95, "{results}");
    assert_eq!(result("next_sentence_accuracy"), 1.0, "{results}");
}

/// Sends a signal; true if the process was still there.
#[cfg(unix)]
fn signal(child: &std::process::Child, name: &str) -> bool {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    status.success()
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not come");
        sleep(Duration::from_millis(5));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_stops_and_the_run_goes_on_as_if_nothing_had_happened() {
    let small = Small::new(400);
    small.run("whole", &[]).ok();
    let child = small.command("out", &[]).spawn().unwrap();
    let metrics = small.output("out/metrics.jsonl");
    wait_for("the first steps", || fs::metadata(&metrics).is_ok_and(|file| file.len() > 1000));
    assert!(signal(&child, "-INT"));
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("and saved; the same command with --resume goes on"), "{stderr}");
    assert_eq!(small.checkpoints("out").len(), 1);
    small.run("out", &["--resume"]).ok();
    assert_eq!(small.weights("out"), small.weights("whole"));
    let metrics = |name: &str| fs::read_to_string(small.output(name).join("metrics.jsonl"));
    assert_eq!(metrics("out").unwrap(), metrics("whole").unwrap());
}

/// `kill -9` at random moments, some of them while a checkpoint is being written. The long form of the
/// proof has more of them: `BERT_KILLS=40`.
#[cfg(unix)]
#[test]
fn killed_again_and_again_a_run_ends_with_the_same_bits() {
    let kills: usize = env::var("BERT_KILLS").map_or(10, |kills| kills.parse().unwrap());
    let small = Small::new(20 * kills as u64 + 200);
    small.run("whole", &["--save-every", "0", "--threads", "2"]).ok();
    let (mut killed, mut inside, mut runs) = (0, 0, 0);
    let mut draws = Draws::new(1, "kills", 0, 0);
    loop {
        let threads = if runs % 2 == 0 { "1" } else { "2" };
        let more = ["--save-every", "1", "--resume", "--threads", threads];
        let mut child = small.command("out", &more).stderr(Stdio::null()).spawn().unwrap();
        runs += 1;
        // Begin to count when it has begun to save: from then on it takes a step or saves.
        let steps = small.output("out/checkpoints");
        let before = newest(&steps);
        wait_for("a checkpoint, or the end", || {
            newest(&steps) > before || child.try_wait().unwrap().is_some()
        });
        // Some saves must have been hit, too: if none was by chance, go on.
        if killed < kills || (inside == 0 && killed < 10 * kills) {
            sleep(Duration::from_micros(draws.below(40_000) as u64));
        } else {
            child.wait().unwrap();
        }
        if child.try_wait().unwrap().is_some() {
            assert!(killed >= kills, "the run ended after {killed} of {kills} kills");
            break;
        }
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        killed += 1;
        inside += usize::from(unfinished(&steps));
    }
    assert!(small.run("out", &["--resume"]).stderr.contains("the run is finished"));
    assert_eq!(small.weights("out"), small.weights("whole"));
    assert!(inside > 0, "none of {killed} kills fell into a save");
    println!("{killed} kills, {inside} of them inside a save: the same bits");
}

/// The name of the newest checkpoint, empty if there is none.
fn newest(checkpoints: &Path) -> String {
    names(checkpoints)
        .into_iter()
        .filter(|name| name.starts_with("step-"))
        .max()
        .unwrap_or_default()
}

/// Whether a checkpoint was begun and not finished.
fn unfinished(checkpoints: &Path) -> bool {
    names(checkpoints).iter().any(|name| name.starts_with(".step-"))
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec![] };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A file larger than 75 kB cannot be written: as on a full disk, but for everything else.
#[cfg(target_os = "linux")]
#[test]
fn on_a_full_disk_the_last_good_checkpoint_stands_and_the_run_can_go_on_later() {
    let small = Small::new(400);
    small.run("whole", &[]).ok();
    let child = small.command("out", &["--save-every", "50"]).spawn().unwrap();
    let checkpoints = small.output("out/checkpoints");
    wait_for("the first checkpoint", || !newest(&checkpoints).is_empty());
    assert!(signal(&child, "-KILL"));
    child.wait_with_output().unwrap();
    let good = newest(&checkpoints);
    let args = small.args("out", &["--save-every", "50", "--resume"]);
    let mut limited = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -f 75; exec \"$0\" \"$@\"";
    limited.args(["-c", script, env!("CARGO_BIN_EXE_bert")]).args(args);
    limited.stdout(Stdio::piped()).stderr(Stdio::piped());
    let run = finish(limited, b"");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("no checkpoint was written, the run goes on"), "{}", run.stderr);
    assert!(run.stderr.contains("File too large"), "{}", run.stderr);
    assert_eq!(newest(&checkpoints), good);
    assert!(!unfinished(&checkpoints));
    let resumed = small.run("out", &["--resume"]);
    resumed.ok();
    assert!(!resumed.stderr.contains("passed over"), "{}", resumed.stderr);
    assert_eq!(small.weights("out"), small.weights("whole"));
}
