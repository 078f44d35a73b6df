//! `bert instances`: what it writes, shows and refuses.

use crate::support::{Run, argument, at, bert, command, finish, keys};
use bert_data::{Replacement, TinyWorld};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// A corpus of words of the toy model, and a folder around it.
struct Corpus {
    folder: TempDir,
    path: String,
}

const TEXTS: &str = "The dog bites the man.\nHe runs to the house.\nThe dog sleeps in the garden.\n\n\
    A queen lives in the castle.\nShe reads a book every morning.\n\n\
    Anna drinks tea in Copenhagen.\nPeter drinks milk.\nThey like bread and soup.\n";

impl Corpus {
    fn of(text: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = argument(&folder.path().join("texts.txt"));
        fs::write(&path, text).unwrap();
        Self { folder, path }
    }

    fn file(&self, name: &str) -> String {
        argument(&self.folder.path().join(name))
    }

    fn run(&self, more: &[&str]) -> Run {
        bert(&[&["instances", "--corpus", &self.path, "--model", &at("toy")], more].concat())
    }

    /// The lines that `--output` writes.
    fn lines(&self, more: &[&str]) -> Vec<Value> {
        let output = self.file("instances.jsonl");
        self.run(&[&["--output", &output], more].concat()).ok();
        let text = fs::read_to_string(output).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

#[test]
fn instances_are_written_as_json_lines() {
    let corpus = Corpus::of(TEXTS);
    let lines = corpus.lines(&["--max-length", "20"]);
    assert!(lines.len() >= 3);
    for line in &lines {
        let names =
            "tokens token_ids token_types masked_positions masked_tokens masked_ids is_random_next";
        assert_eq!(keys(line).join(" "), names);
        let (tokens, places) = (list(&line["tokens"]), list(&line["masked_positions"]));
        assert!(tokens.len() <= 20 && line["is_random_next"].is_boolean());
        assert_eq!((&tokens[0], &tokens[tokens.len() - 1]), (&json!("[CLS]"), &json!("[SEP]")));
        assert_eq!(tokens.len(), list(&line["token_types"]).len());
        assert_eq!(places.len(), list(&line["masked_tokens"]).len());
        // Names and ids say the same.
        let vocabulary = fs::read_to_string(at("toy/vocab.txt")).unwrap();
        let vocabulary: Vec<_> = vocabulary.lines().collect();
        for (names, ids) in [("tokens", "token_ids"), ("masked_tokens", "masked_ids")] {
            for (name, id) in list(&line[names]).iter().zip(list(&line[ids])) {
                assert_eq!(name, vocabulary[id.as_u64().unwrap() as usize]);
            }
        }
    }
    let output = corpus.file("again.jsonl");
    let run = corpus.run(&["--max-length", "20", "--output", &output]);
    assert_eq!(run.ok(), "");
    assert!(run.stderr.contains(&format!("{} instances, ", lines.len())), "{}", run.stderr);
    assert!(
        run.stderr.contains("to be guessed") && run.stderr.contains("a random text follows in")
    );
}

#[test]
fn the_same_file_comes_from_any_number_of_threads_and_another_from_another_seed() {
    let corpus = Corpus::of(TEXTS.repeat(30));
    let bytes = |more: &[&str]| {
        let output = corpus.file("instances.jsonl");
        corpus.run(&[&["--output", &output], more].concat()).ok();
        fs::read(output).unwrap()
    };
    let first = bytes(&["--threads", "1"]);
    assert_eq!(bytes(&["--threads", "2"]), first);
    assert_eq!(bytes(&["--threads", "3"]), first);
    assert_ne!(bytes(&["--seed", "7"]), first);
}

#[test]
fn each_setting_of_instances_does_what_it_says() {
    let corpus = Corpus::of(TEXTS);
    let once = corpus.lines(&["--max-length", "20"]);
    let three = corpus.lines(&["--max-length", "20", "--dupe-factor", "3"]);
    assert_eq!(three[..once.len()], once);
    assert!(three.len() > 2 * once.len());

    let every = ["--masked-lm-prob", "1", "--max-predictions", "99"];
    let hidden = |more: &[&str]| {
        let lines = corpus.lines(&[&every, more].concat());
        let mut all = Vec::new();
        for line in &lines {
            for (place, original) in
                list(&line["masked_positions"]).iter().zip(list(&line["masked_tokens"]))
            {
                let shown = line["tokens"][place.as_u64().unwrap() as usize].clone();
                all.push((shown, original.clone()));
            }
        }
        assert!(all.len() > 30);
        all
    };
    let all = hidden(&["--mask-share", "1", "--random-share", "0"]);
    assert!(all.iter().all(|(shown, _)| shown == "[MASK]"));
    let all = hidden(&["--mask-share", "0", "--random-share", "0"]);
    assert!(all.iter().all(|(shown, original)| shown == original));
    let all = hidden(&["--mask-share", "0", "--random-share", "1"]);
    assert!(all.iter().filter(|(shown, original)| shown == original).count() < all.len() / 10);

    for line in corpus.lines(&["--max-predictions", "1", "--short-seq-prob", "1"]) {
        assert_eq!(list(&line["masked_positions"]).len(), 1);
    }
    let repeated = Corpus::of(TEXTS.repeat(10));
    let lengths = |share| {
        let lines = repeated.lines(&["--max-length", "30", "--short-seq-prob", share]);
        lines.iter().map(|line| list(&line["tokens"]).len()).collect::<Vec<_>>()
    };
    let mean = |lengths: Vec<usize>| lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
    assert!(mean(lengths("1")) < mean(lengths("0")) - 1.0);
    let text = |lines: &[Value]| lines.iter().map(Value::to_string).collect::<String>();
    let full = corpus.lines(&["--full-sentences", "--max-length", "16"]);
    assert!(full.iter().all(|line| line["is_random_next"].is_null()));
    assert!(full.iter().all(|line| list(&line["token_types"]).iter().all(|kind| kind == 0)));
    assert_ne!(text(&corpus.lines(&["--whole-word-masking"])), text(&corpus.lines(&[])));

    // Two sentences in a line are one, unless the program is to find them.
    let running = Corpus::of("The dog bites. The man runs.\n\nA queen\nreads a book.");
    let common =
        ["--max-length", "8", "--full-sentences", "--mask-share", "0", "--random-share", "0"];
    let tokens = |line: &Value| {
        let tokens: Vec<_> = list(&line["tokens"]).iter().map(|t| t.as_str().unwrap()).collect();
        tokens.join(" ")
    };
    let lines = running.lines(&[&common[..], &["--split-sentences"]].concat());
    let mut sentences: Vec<_> = lines.iter().map(tokens).collect();
    sentences.sort_unstable();
    let expected = [
        "[CLS] a queen reads a book . [SEP]",
        "[CLS] the dog bites . [SEP]",
        "[CLS] the man runs . [SEP]",
    ];
    assert_eq!(sentences, expected);

    let vocabulary = at("toy/vocab.txt");
    let bare = |more: &[&str]| {
        let args =
            ["instances", "--corpus", &running.path, "--vocab", &vocabulary, "--full-sentences"];
        bert(&[&args[..], more].concat()).ok().to_owned()
    };
    assert!(!bare(&[]).contains("[UNK]") && bare(&["--cased"]).contains("[UNK]"));
}

#[test]
fn instances_are_shown_with_what_they_hide() {
    let corpus = Corpus::of(TEXTS);
    let common = ["--max-length", "20", "--masked-lm-prob", "0.5"];
    let shown = corpus.run(&[&common[..], &["--show", "2"]].concat());
    let lines = corpus.lines(&common);
    for (number, line) in lines[..2].iter().enumerate() {
        let count = list(&line["tokens"]).len();
        let next = if line["is_random_next"] == true { "a random text" } else { "the next text" };
        let heading = format!("{number}: {next} follows; {count} tokens, ");
        assert!(shown.ok().lines().any(|line| line.starts_with(&heading)), "{}", shown.stdout);
        for (place, original) in
            list(&line["masked_positions"]).iter().zip(list(&line["masked_tokens"]))
        {
            let token = line["tokens"][place.as_u64().unwrap() as usize].as_str().unwrap();
            assert!(shown.ok().contains(&format!(" {token}⟨{}⟩ ", original.as_str().unwrap())));
        }
    }
    assert!(!shown.ok().contains("2: ") && !shown.ok().contains('\u{1b}'), "{}", shown.stdout);
    let second = corpus.run(&[&common[..], &["--show-index", "1"]].concat());
    assert_eq!(second.ok().lines().count(), 4, "{}", second.stdout);
    assert!(second.ok().contains("\n1: "));
    assert_eq!(corpus.run(&["--show", "1"]).ok().lines().count(), 4, "a legend and an instance");
    assert_eq!(corpus.run(&["--show", "1", "--full-sentences"]).ok().lines().count(), 3);
    corpus.run(&["--show-index", "999"]).refuses(&["--show-index 999", "there are ", "from 0"]);
}

#[test]
fn colours_are_for_terminals_and_for_whoever_forces_them() {
    let corpus = Corpus::of(TEXTS);
    let coloured = |variables: &[(&str, &str)]| {
        let mut command =
            command(&["instances", "--corpus", &corpus.path, "--model", &at("toy"), "--show", "1"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
        command.envs(variables.iter().copied());
        finish(command, b"").ok().contains("\u{1b}[")
    };
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
}

#[test]
fn the_built_in_language_needs_no_corpus() {
    let run = bert(&["instances", "--tiny-world", "--show-index", "70", "--seed", "3"]);
    let world = TinyWorld::new();
    let drawn = world.instance(3, 70, Replacement::PLAIN);
    let words = drawn.token_ids.iter().map(|&id| world.vocabulary()[id as usize].as_str());
    let told = run.ok();
    let shown = told.lines().skip(2).flat_map(|line| line.split_whitespace());
    let shown = shown.map(|word| word.split('⟨').next().unwrap());
    assert!(shown.eq(words), "{told}");
    let wrong = bert(&["instances", "--tiny-world", "--output", "x"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn a_paragraph_on_each_line_is_noticed_where_pairs_are_made() {
    let warned = |corpus: &Corpus, more: &[&str]| {
        let run = corpus.run(more);
        run.ok();
        run.stderr.contains("--split-sentences finds its sentences")
    };
    let lines = Corpus::of("The dog bites.\n\nThe man runs. He hides.\n\nThe cat sleeps.\n");
    assert!(warned(&lines, &[]));
    assert!(!warned(&lines, &["--split-sentences"]));
    assert!(!warned(&lines, &["--full-sentences"]));
    assert!(!warned(&Corpus::of("The dog bites.\nHe barks.\n\nThe man runs.\nHe hides.\n"), &[]));
}

#[test]
fn instances_of_bad_input_are_refused_in_one_line() {
    let one = Corpus::of("The dog bites.\nThe man runs.\n");
    let advice = ["at least two documents", "a blank line", "--full-sentences"];
    one.run(&[]).refuses(&advice);
    one.run(&["--full-sentences"]).ok();
    one.run(&["--output", &one.file("none/instances.jsonl")]).refuses(&advice);
    let corpus = Corpus::of(TEXTS);
    corpus
        .run(&["--output", &corpus.file("none/instances.jsonl")])
        .refuses(&["none/instances.jsonl"]);
    corpus.run(&["--output", &corpus.path]).refuses_usage(&["that is a file to read from"]);

    Corpus::of("").run(&[]).refuses(&["texts.txt", "no text"]);
    Corpus::of(" \n\n\n").run(&[]).refuses(&["texts.txt", "no text"]);
    Corpus::of(b"a dog\n\nthe \xff cat").run(&[]).refuses(&["texts.txt", "line 3", "UTF-8"]);
    let unseen = Corpus::of("\u{ad}\n\n\u{ad}\n");
    unseen.run(&[]).refuses(&["no token in these texts"]);
    let output = unseen.file("instances.jsonl");
    unseen.run(&["--output", &output]).refuses(&["no token in these texts"]);
    bert(&["instances", "--corpus", "no/such*.txt", "--model", &at("toy")])
        .refuses(&["no/such*.txt"]);
    let vocabulary = corpus.file("vocab.txt");
    fs::write(&vocabulary, "[UNK]\n[CLS]\n[SEP]\n[PAD]\ndog\n").unwrap();
    let args = ["instances", "--corpus", &corpus.path, "--vocab", &vocabulary];
    bert(&args).refuses(&["vocab.txt", "mask_token", "[MASK]"]);

    for (wrong, expected) in [
        (&["--max-length", "4"][..], "at least 5"),
        (&["--masked-lm-prob", "1.5"], "from 0 to 1"),
        (&["--masked-lm-prob", "NaN"], "from 0 to 1"),
        (&["--max-predictions", "0"], "at least 1"),
        (&["--mask-share", "0.9", "--random-share", "0.2"], "together at most 1"),
        (&["--dupe-factor", "0"], "--dupe-factor"),
        (&["--full-sentences", "--short-seq-prob", "0.5"], "--short-seq-prob"),
        (&["--show", "1", "--output", "x"], "--output"),
    ] {
        corpus.run(wrong).refuses_usage(&[expected]);
    }
}
