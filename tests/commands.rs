//! The program as a whole: what each subcommand prints and writes, on the committed fixtures.

use crate::support::{
    Copy, Run, argument, at, bert, bert_reading, command, finish, integers, keys, read_tensors,
    reals,
};
use bert_testkit::{assert_close, fixture};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

fn embeddings(run: &Run) -> Vec<Vec<f32>> {
    let vector = |line: Value| serde_json::from_value(line["embedding"].clone()).unwrap();
    run.json().into_iter().map(vector).collect()
}

fn close(name: &str, found: &[f32], expected: &[f32], tolerance: f64) {
    let real = |values: &[f32]| values.iter().map(|&v| v as bert_nn::Real).collect::<Vec<_>>();
    assert_close(name, &real(found), &real(expected), tolerance);
}

#[test]
fn tokenize_prints_tokens_or_json() {
    let model = at("toy");
    let run = bert(&["tokenize", "--model", &model, "The dog's Bone!"]);
    assert_eq!(run.ok(), "[CLS] the dog ' s bone ! [SEP]\n");
    let run = bert(&["tokenize", "--model", &model, "--json", "É dog zebra"]);
    // Letters and signs stand in the vocabulary in this order, "dog" on its line.
    assert_eq!(keys(&run.json()[0]), ["tokens", "ids", "token_types", "offsets"]);
    let tokens = json!(["[CLS]", "e", "dog", "z", "##e", "##b", "##r", "##a", "[SEP]"]);
    let offsets =
        json!([[0, 0], [0, 1], [2, 5], [6, 7], [7, 8], [8, 9], [9, 10], [10, 11], [0, 0]]);
    let vocabulary = fs::read_to_string(fixture("toy/vocab.txt")).unwrap();
    let id = |token: &Value| vocabulary.lines().position(|line| Some(line) == token.as_str());
    let ids: Vec<_> = tokens.as_array().unwrap().iter().map(|token| id(token).unwrap()).collect();
    let types = [0; 9];
    assert_eq!(
        run.json()[0],
        json!({"tokens": tokens, "ids": ids, "token_types": types, "offsets": offsets})
    );
}

#[test]
fn tokenize_takes_a_bare_vocabulary_pairs_and_a_length() {
    let vocabulary = at("toy/vocab.txt");
    let plain = ["tokenize", "--vocab", &vocabulary];
    let with = |more: &[&str]| bert(&[&plain, more].concat());
    assert_eq!(with(&["The dog"]).ok(), "[CLS] the dog [SEP]\n");
    assert_eq!(with(&["--cased", "The dog"]).ok(), "[CLS] [UNK] dog [SEP]\n");
    for pair in [&["the dog", "a cat eats"][..], &["the dog\ta cat eats"]] {
        let line = with(&[&["--pairs", "--json"], pair].concat()).json().remove(0);
        assert_eq!(line["tokens"].as_array().unwrap().len(), 8);
        assert_eq!(line["token_types"], json!([0, 0, 0, 0, 1, 1, 1, 1]));
        // The second half's places count from its own beginning.
        assert_eq!(line["offsets"][4], json!([0, 1]));
    }
    let run = with(&["--max-length", "4", "the dog eats", "a cat"]);
    assert_eq!(run.ok(), "[CLS] the dog [SEP]\n[CLS] a cat [SEP]\n");
    run.warns(&["1 text cut"]);
    let run = with(&["--pairs", "--max-length", "6", "the dog", "a cat eats"]);
    assert_eq!(run.ok(), "[CLS] the [SEP] a cat [SEP]\n");
    // Without --max-length nothing is cut, whatever the model takes.
    let long = bert(&["tokenize", "--model", &at("toy"), &"dog ".repeat(100)]);
    assert_eq!(long.ok().split_whitespace().count(), 102);
}

#[test]
fn every_line_of_standard_input_gives_one_line() {
    let model = at("toy");
    for subcommand in ["tokenize", "encode"] {
        let args = [subcommand, "--model", &model];
        for (input, lines) in [
            (&b"a dog\n\nthe cat\r\n \nlast\n"[..], 5),
            (b"a dog\n\nthe cat\r\n \nlast", 5),
            (b"a\rdog", 1),
            (b"\n", 1),
            ("a\u{2028}dog\u{85}cat\n".as_bytes(), 1),
        ] {
            let run = bert_reading(&args, input);
            assert_eq!(run.ok().lines().count(), lines, "{input:?}");
        }
        let many = "a dog\n".repeat(600);
        assert_eq!(bert_reading(&args, many.as_bytes()).ok().lines().count(), 600);
    }
    let run = bert_reading(&["tokenize", "--model", &model], b"the cat\r\n\na");
    assert_eq!(run.ok(), "[CLS] the cat [SEP]\n[CLS] [SEP]\n[CLS] a [SEP]\n");
}

#[test]
fn encode_pools_as_it_says() {
    let model = at("toy");
    let with =
        |more: &[&str]| bert(&[&["encode", "--model", &model, "the dog bites"], more].concat());
    let line = with(&[]).json().remove(0);
    assert_eq!(keys(&line), ["text", "embedding"]);
    assert_eq!(line["text"], "the dog bites");
    let mean = embeddings(&with(&[])).remove(0);
    assert_eq!(mean.len(), 64);
    let each = with(&["--pooling", "none"]).json().remove(0);
    let each: Vec<Vec<f32>> = serde_json::from_value(each["embedding"].clone()).unwrap();
    assert_eq!(each.len(), 5);
    let column = |h: usize| each.iter().map(|row| row[h]).sum::<f32>() / 5.0;
    close("mean", &mean, &(0..64).map(column).collect::<Vec<_>>(), 1e-6);
    assert_eq!(embeddings(&with(&["--pooling", "cls"]))[0], each[0]);
    let unit = embeddings(&with(&["--normalize"])).remove(0);
    let length = |vector: &[f32]| vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    assert!((length(&unit) - 1.0).abs() < 1e-5 && (length(&mean) - 1.0).abs() > 0.1);
    let scaled: Vec<_> = mean.iter().map(|value| value / length(&mean)).collect();
    close("direction", &unit, &scaled, 1e-5);
    let wide = embeddings(&with(&["--layers", "-1,-2"])).remove(0);
    assert_eq!(wide[..64], mean);
    assert_eq!(wide[64..], embeddings(&with(&["--layers", "0"]))[0]);
}

#[test]
fn encode_agrees_with_the_reference() {
    // A text whose tokens are the first row of the reference batch, read back through the vocabulary.
    let reference = read_tensors(&fixture("toy/reference.safetensors"));
    let column = |name: &str| {
        let bytes = &reference[name].2;
        bytes.as_chunks::<8>().0.iter().map(|&b| i64::from_le_bytes(b)).collect::<Vec<_>>()
    };
    let (ids, types, mask) =
        (column("input_ids"), column("token_type_ids"), column("attention_mask"));
    let vocabulary = fs::read_to_string(fixture("toy/vocab.txt")).unwrap();
    let vocabulary: Vec<_> = vocabulary.lines().collect();
    let hidden = reals(&reference["hidden_states.2"]);
    let mut halves = [Vec::new(), Vec::new()];
    let tokens: Vec<_> = (0..15).filter(|&t| mask[t] == 1).collect();
    for &t in &tokens {
        let token = vocabulary[ids[t] as usize];
        if token != "[CLS]" && token != "[SEP]" {
            halves[types[t] as usize].push(token);
        }
    }
    let [first, second] = halves.map(|half| half.join(" ").replace(" ##", ""));
    let model = at("toy");
    let mut args = vec!["encode", "--model", &model, "--pooling", "none", &first];
    if !second.is_empty() {
        args.extend([second.as_str(), "--pairs"]);
    }
    let line = bert(&args).json().remove(0);
    let found: Vec<Vec<f32>> = serde_json::from_value(line["embedding"].clone()).unwrap();
    let expected: Vec<_> = tokens.iter().flat_map(|&t| hidden[t * 64..][..64].to_vec()).collect();
    close("hidden_states.2", &found.concat(), &expected, 2e-5);
}

#[test]
fn encode_writes_googles_form() {
    let args = ["encode", "--model", &at("toy"), "--format", "google", "--layers", "-1,-2"];
    let run = bert_reading(&args, b"a dog\nthe cat\n");
    let lines = run.json();
    assert_eq!(lines.iter().map(|line| &line["linex_index"]).collect::<Vec<_>>(), [0, 1]);
    let features = lines[1]["features"].as_array().unwrap();
    let tokens: Vec<_> = features.iter().map(|feature| &feature["token"]).collect();
    assert_eq!(tokens, ["[CLS]", "the", "cat", "[SEP]"]);
    let layers = features[1]["layers"].as_array().unwrap();
    assert_eq!(layers.iter().map(|layer| &layer["index"]).collect::<Vec<_>>(), [-1, -2]);
    let plain = bert(&["encode", "--model", &at("toy"), "--pooling", "none", "the cat"]).json();
    for (h, value) in layers[0]["values"].as_array().unwrap().iter().enumerate() {
        let text = value.to_string();
        assert!(text.split_once('.').is_some_and(|(_, decimals)| decimals.len() <= 6), "{text}");
        let exact = plain[0]["embedding"][1][h].as_f64().unwrap();
        assert!((value.as_f64().unwrap() - exact).abs() < 6e-7);
    }
}

#[test]
fn encode_writes_files_as_a_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (path, model) = (folder.path().join("vectors"), at("toy"));
    let output = argument(&path);
    let tensor = ["encode", "--model", &model, "--format", "safetensors", "--output", &output];
    let printed = bert_reading(&["encode", "--model", &model], b"a dog\nthe old cat\n");
    assert_eq!(bert_reading(&tensor, b"a dog\nthe old cat\n").ok(), "");
    let vectors = &read_tensors(&path)["embeddings"];
    assert_eq!(vectors.1, [2, 64]);
    assert_eq!(reals(vectors), embeddings(&printed).concat());
    bert_reading(&[&tensor[..], &["--pooling", "none"]].concat(), b"a dog\nthe old cat\n").ok();
    let tensors = read_tensors(&path);
    assert_eq!(tensors["embeddings"].1, [9, 64]);
    assert_eq!(tensors["bounds"], integers(&[3], &[0, 4, 9]));

    let lines = ["encode", "--model", &model, "--output", &output];
    assert_eq!(bert_reading(&lines, b"a dog\nthe old cat\n").ok(), "");
    assert_eq!(fs::read_to_string(&path).unwrap(), printed.stdout);
    // The last line spoils the run after the first chunk was written.
    let spoilt = [b"a dog\n".repeat(300), b"\xFF\n".to_vec()].concat();
    for args in [&lines[..], &tensor] {
        bert_reading(args, &spoilt).refuses(&["line 301"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), printed.stdout);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn fill_mask_answers_as_the_reference_pipeline() {
    let bytes = fs::read(fixture("toy/pipelines.json")).unwrap();
    let cases: Value = serde_json::from_slice(&bytes).unwrap();
    let mut compared = 0;
    for case in cases["cases"].as_array().unwrap() {
        let (text, top_k) = (case["text"].as_str().unwrap(), case["top_k"].as_u64().unwrap_or(5));
        let top_k = top_k.to_string();
        let (model, mut targets) = (at("toy"), String::new());
        let mut args = vec!["fill-mask", "--model", &model, "--json", "--top-k", &top_k, text];
        if let Some(words) = case["targets"].as_array() {
            let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap()).collect();
            targets.push_str(&words.join(","));
            args.extend(["--targets", &targets]);
        }
        let found = bert(&args).json().remove(0);
        // One mask: a plain list there; here always one list for each mask.
        let expected = match &case["results"] {
            one if one[0].is_object() => json!([one]),
            several => several.clone(),
        };
        assert_eq!(keys(&found[0][0]), ["score", "token", "token_str", "sequence"]);
        let (found, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
        assert_eq!(found.len(), expected.len(), "{text}");
        for (found, expected) in found.iter().zip(expected) {
            let (found, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
            assert_eq!(found.len(), expected.len(), "{text}");
            for (found, expected) in found.iter().zip(expected) {
                for key in ["token", "token_str", "sequence"] {
                    assert_eq!(found[key], expected[key], "{text}");
                }
                let score = |value: &Value| value["score"].as_f64().unwrap();
                assert!((score(found) - score(expected)).abs() < 2e-5, "{found} {expected}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 10);
}

#[test]
fn fill_mask_takes_several_masks_and_targets() {
    let model = at("toy");
    let run = bert(&["fill-mask", "--model", &model, "the [MASK] bites the [MASK] ."]);
    let masks: Vec<_> = run.ok().trim_end().split('\t').collect();
    assert_eq!(masks.len(), 2);
    assert!(masks.iter().all(|mask| mask.split(", ").count() == 5), "{masks:?}");
    let text = "the dog [MASK] the man .";
    let all = bert(&["fill-mask", "--model", &model, "--json", "--top-k", "298", text]).json();
    let args = ["fill-mask", "--model", &model, "--json", "--targets", "sees,bites,cat", text];
    let some = bert(&args).json();
    let words: Vec<_> = some[0][0].as_array().unwrap().iter().map(|s| &s["token_str"]).collect();
    assert_eq!(words, ["bites", "sees", "cat"]);
    for one in some[0][0].as_array().unwrap() {
        assert!(all[0][0].as_array().unwrap().contains(one), "the same score without targets");
    }
}

#[test]
fn similar_gives_the_cosines_of_the_embeddings() {
    let (model, texts) = (at("toy"), ["the dog barks", "a cat sleeps", "the dog barks"]);
    let with = |args: &[&str]| bert(&[args, &["--model", &model], &texts[..]].concat());
    let unit = embeddings(&with(&["encode", "--normalize"]));
    let result = with(&["similar", "--json"]).json().remove(0);
    assert_eq!(result["texts"], json!(texts));
    let cosine: Vec<Vec<f32>> = serde_json::from_value(result["cosine"].clone()).unwrap();
    for (a, row) in unit.iter().zip(&cosine) {
        let expected = unit.iter().map(|b| a.iter().zip(b).map(|(x, y)| x * y).sum());
        close("cosine", row, &expected.collect::<Vec<f32>>(), 1e-5);
    }
    assert!(cosine[0][2] > 0.99999 && cosine[0][1] < 0.99);
    let run = with(&["similar"]);
    let first = format!(" 1.000 {:6.3}  1.000  the dog barks", cosine[0][1]);
    assert_eq!(run.ok().lines().next().unwrap().trim(), first.trim());
    let lines = texts.join("\n");
    assert_eq!(bert_reading(&["similar", "--model", &model], lines.as_bytes()).ok(), run.stdout);
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let (model, batch) = (at("toy"), at("toy/reference.safetensors"));
    let folder = tempfile::tempdir().unwrap();
    let input = "the dog bites the man .\na cat sleeps\n\nthe old king reads a book\n".repeat(90);
    let results = ["1", "2", "3"].map(|threads| {
        let path = folder.path().join(threads);
        let args = ["--threads", threads, "encode", "--model", &model];
        let encoded = bert_reading(&args, input.as_bytes()).ok().to_owned();
        let args = ["trace", "--threads", threads, "--model", &model, "--batch", &batch];
        bert(&[&args[..], &["--output", &argument(&path)]].concat()).ok();
        (encoded, fs::read(path).unwrap())
    });
    assert!(results[0] == results[1] && results[1] == results[2]);
}

#[test]
fn an_output_that_is_closed_early_is_no_error() {
    let model = at("toy");
    for subcommand in ["tokenize", "encode", "fill-mask"] {
        let mut child =
            command(&[subcommand, "--model", &model]).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || {
            // Far more than the pipes hold; it stops when the program does.
            for _ in 0..20_000 {
                if input.write_all(b"the dog [MASK] the man .\n").is_err() {
                    return;
                }
            }
            panic!("the program read on after its output was closed");
        });
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        assert!(!first.is_empty());
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    }
}

#[test]
fn a_closed_standard_error_is_no_panic() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(&["encode", "--model", &at("toy"), ""]);
    command.stderr(writer);
    assert_eq!(finish(command, b"").ok().lines().count(), 1);
}

#[test]
fn a_wrong_command_line_ends_with_two_and_help_with_examples() {
    let model = at("toy");
    for args in [
        &[][..],
        &["nothing"],
        &["encode"],
        &["encode", "--model", &model, "--pooling", "max", "a"],
        &["encode", "--model", &model, "--head", "tail", "a"],
        &["fill-mask", "--model", &model, "--top-k", "0", "a"],
        &["tokenize", "--model", &model, "--vocab", "x", "a"],
        &["tokenize", "--model", &model, "--cased", "a"],
        &["trace", "--model", &model],
        &["verify", "--model", &model],
        &["--threads", "0", "tokenize", "--model", &model, "a"],
    ] {
        let run = bert(args);
        assert_eq!(run.code, Some(2), "{args:?}");
        assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "{args:?}");
    }
    let help = bert(&["--help"]).ok().to_owned();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    // What a command does may go on in lines that are further in.
    let lines = listed.take_while(|line| !line.is_empty());
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names: Vec<_> =
        names.filter(|name| !name.is_empty()).filter(|name| *name != "help").collect();
    assert!(names.len() >= 6 && names.contains(&"fill-mask"), "{names:?}");
    for name in names {
        let help = bert(&[name, "--help"]);
        assert!(help.ok().contains("Example"), "{name}");
        assert!(help.stdout.contains(&format!("bert {name} ")), "{name}");
    }
}

#[test]
fn fill_mask_shows_each_target_once_and_no_gap_of_the_vocabulary() {
    let text = "the dog [MASK] the man .";
    let args =
        ["fill-mask", "--model", &at("toy"), "--json", "--targets", "bites,sees,bites", text];
    let words: Vec<_> = words_of(&bert(&args).json()[0][0]);
    assert_eq!(words, ["bites", "sees"]);
    // A blank line keeps its number, and no token has it.
    let vocab = fs::read_to_string(fixture("toy/vocab.txt")).unwrap();
    let model = Copy::of("toy").write("vocab.txt", vocab.replace("\nchases\n", "\n\n"));
    let words =
        words_of(&model.run("fill-mask", &["--json", "--top-k", "9999", text]).json()[0][0]);
    assert_eq!(words.len(), vocab.lines().count() - 1);
    assert!(!words.contains(&String::new()) && !words.contains(&"chases".to_owned()));
}

fn words_of(suggestions: &Value) -> Vec<String> {
    let words = suggestions.as_array().unwrap().iter();
    words.map(|one| one["token_str"].as_str().unwrap().to_owned()).collect()
}
