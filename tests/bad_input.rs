//! Whatever is wrong with the input, the program says so in one line that names the file or the
//! argument, and ends with exit code 1. It never panics.

use crate::support::{
    Copy, Tensor, Tensors, argument, at, bert, bert_reading, integers, write_tensors,
};
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use std::fs;

const WORDS: &str = "bert.embeddings.word_embeddings.weight";

#[test]
fn what_is_no_model_directory_is_told_what_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let nowhere = argument(&path.join("nowhere"));
    bert(&["encode", "--model", &nowhere, "a"]).refuses(&[&nowhere, "nothing of that name"]);
    bert(&["tokenize", "--model", &nowhere, "a"]).refuses(&[&nowhere]);
    let empty = argument(path);
    bert(&["encode", "--model", &empty, "a"]).refuses(&[
        &empty,
        "config.json",
        "bert_config.json",
        "an empty directory",
    ]);
    bert(&["tokenize", "--model", &empty, "a"]).refuses(&[&empty, "vocab.txt", "tokenizer.json"]);
    let file = at("toy/config.json");
    bert(&["encode", "--model", &file, "a"]).refuses(&[&file, "it is a file"]);
    bert(&["tokenize", "--vocab", &nowhere, "a"]).refuses(&[&nowhere]);
}

#[test]
fn each_missing_file_is_named() {
    for (name, said) in [
        ("config.json", vec!["config.json", "bert_config.json", "model.safetensors"]),
        ("model.safetensors", vec!["looked for model.safetensors", "vocab.txt"]),
        ("vocab.txt", vec!["vocab.txt", "tokenizer.json"]),
    ] {
        let model = Copy::of("toy");
        fs::remove_file(model.file(name)).unwrap();
        let directory = model.argument();
        model.run("encode", &["a"]).refuses(&[&[directory.as_str()][..], &said].concat());
    }
}

#[test]
fn a_weights_file_that_is_cut_or_corrupt_is_refused() {
    let whole = fs::read(at("toy/model.safetensors")).unwrap();
    let header = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let refused = |bytes: &[u8]| {
        let model = Copy::of("toy").write("model.safetensors", bytes);
        let file = argument(&model.file("model.safetensors"));
        model.run("encode", &["a"]).refuses(&[&file, "not a whole safetensors file"]);
    };
    for length in [0, 1, 7, 8, 9, header - 1, header, header + 1, whole.len() - 1] {
        refused(&whole[..length]);
    }
    // A linear congruence is noise enough.
    let noise = (0..5_000_u64).map(|i| (i.wrapping_mul(6_364_136_223_846_793_005) >> 56) as u8);
    refused(&noise.collect::<Vec<_>>());
    let lie = |from: &str, to: &str| {
        let text = String::from_utf8(whole[8..header].to_vec()).unwrap().replacen(from, to, 1);
        assert_eq!(text.len(), header - 8, "a lie of the same length");
        refused(&[&whole[..8], text.as_bytes(), &whole[header..]].concat());
    };
    lie("[298,64]", "[299,64]");
    lie("\"F32\"", "\"F64\"");
    lie("\"shape\"", "\"shame\"");
    refused(&[&u64::MAX.to_le_bytes(), &whole[8..]].concat());
    refused(&[&[&whole[..], &[0]].concat()[..]].concat());
}

#[test]
fn tensors_that_do_not_fit_the_configuration_are_named() {
    let broken = |change: fn(&mut Tensors), said: &[&str]| {
        let model = Copy::of("toy").tensors("model.safetensors", change);
        let file = argument(&model.file("model.safetensors"));
        model.run("encode", &["a"]).refuses(&[&[file.as_str()], said].concat());
    };
    broken(|all| all.get_mut(WORDS).unwrap().1 = vec![149, 128], &[WORDS, "[149, 128]"]);
    let bias = "bert.encoder.layer.1.output.dense.bias";
    broken(
        |all| all.get_mut("bert.encoder.layer.1.output.dense.bias").unwrap().1 = vec![8, 8],
        &[bias, "[8, 8]", "[64]"],
    );
    broken(
        |all| {
            let bias = "bert.encoder.layer.1.output.dense.bias";
            all.insert(bias.to_owned(), integers(&[64], &[1; 64]));
        },
        &[bias, "I64", "F32"],
    );
    broken(|all| drop(all.remove("bert.encoder.layer.1.output.dense.bias")), &["missing", bias]);
    broken(|all| drop(all.remove(WORDS)), &["missing", WORDS]);
    broken(
        |all| {
            let one = all["bert.embeddings.LayerNorm.weight"].clone();
            all.insert("bert.embeddings.LayerNorm.gamma".to_owned(), one);
        },
        &["two spellings", "LayerNorm.gamma", "LayerNorm.weight"],
    );
}

#[test]
fn impossible_configurations_are_refused_with_the_field() {
    let configured = |field: &str, value: Value, said: &[&str]| {
        let model = Copy::of("toy").configured(field, value);
        let directory = model.argument();
        model.run("encode", &["a"]).refuses(&[&[directory.as_str()], said].concat());
    };
    for (field, value) in [
        ("hidden_size", json!(0)),
        ("num_hidden_layers", json!(0)),
        ("num_attention_heads", json!(7)),
        ("intermediate_size", json!((1_u64 << 24) + 1)),
        ("vocab_size", json!(u64::MAX)),
        ("hidden_dropout_prob", json!(1.5)),
        ("layer_norm_eps", json!(-1)),
        ("is_decoder", json!(true)),
        ("position_embedding_type", json!("relative_key")),
        ("id2label", json!({"1": "one", "5": "five"})),
    ] {
        configured(field, value, &["config.json", field]);
    }
    configured("hidden_act", json!("gelu_fast"), &["config.json", "hidden_act", "gelu_fast"]);
    for value in [json!("many"), json!(-3), json!(2.5)] {
        configured("hidden_size", value, &["config.json", "line"]);
    }
    let model = Copy::of("toy").write("config.json", "{\n\"hidden_size\": ");
    model.run("encode", &["a"]).refuses(&["config.json", "line 2"]);
    Copy::of("toy")
        .run("encode", &["--activation", "gelo", "a"])
        .refuses_usage(&["gelo", "gelu_new"]);
}

#[test]
fn a_vocabulary_larger_than_the_model_is_refused() {
    let vocabulary = fs::read_to_string(at("toy/vocab.txt")).unwrap();
    let model = Copy::of("toy").write("vocab.txt", format!("{}\nextra\n", vocabulary.trim_end()));
    let directory = model.argument();
    model.run("encode", &["a"]).refuses(&[&directory, "299 tokens", "vocab_size", "298"]);
}

#[test]
fn a_corrupt_tokenizer_is_refused_with_its_file() {
    for (model, name) in [("toy", "tokenizer_config.json"), ("parity/even-tag", "tokenizer.json")] {
        for bytes in [
            &b"{"[..],
            b"[]",
            b"\xFF\xFE",
            b"",
            b"{\"model\": {\"vocab\": 3}, \"do_lower_case\": 3}",
        ] {
            let model = Copy::of(model).write(name, bytes);
            let file = argument(&model.file(name));
            model.run("tokenize", &["a"]).refuses(&[&file]);
            model.run("encode", &["a"]).refuses(&[&file]);
        }
    }
    let model = Copy::of("toy").write("vocab.txt", "just\nwords\n");
    model.run("tokenize", &["a"]).refuses(&["vocab.txt", "[UNK]"]);
    let model = Copy::of("toy").write("vocab.txt", b"[PAD]\n\xFF\n");
    model.run("tokenize", &["a"]).refuses(&["vocab.txt"]);
}

#[test]
fn a_limit_too_small_for_cls_and_sep_is_no_panic() {
    let limited = |limit: usize| {
        let settings = format!("{{\"do_lower_case\": true, \"model_max_length\": {limit}}}");
        Copy::of("toy").write("tokenizer_config.json", settings)
    };
    limited(0).run("encode", &["a dog"]).refuses(&["tokenizer_config.json", "model_max_length"]);
    limited(1).run("encode", &["a dog"]).refuses(&["text 1: 2 tokens", "takes 1 at most"]);
    let both = ["--pairs", "a dog", "b"];
    limited(2).run("encode", &both).refuses(&["text 1: 3 tokens", "takes 2 at most"]);
    let run = limited(2).run("encode", &["a dog"]);
    run.warns(&["1 text longer than 2 tokens", "1 text without a word"]);
}

#[test]
fn a_batch_file_is_checked_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (file, model) = (folder.path().join("batch.safetensors"), at("toy"));
    let path = argument(&file);
    let refused = |tensors: &[(&str, Tensor)], said: &[&str]| {
        let all = tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone()));
        write_tensors(&file, &all.collect());
        let said = [&[path.as_str()], said].concat();
        bert(&["trace", "--model", &model, "--batch", &path]).refuses(&said);
        bert(&["verify", "--model", &model, "--reference", &path]).refuses(&said);
    };
    let ids = integers(&[1, 2], &[2, 3]);
    refused(&[("input_ids", integers(&[1, 2], &[2, 298]))], &["token id 298", "0 to 297"]);
    refused(&[("input_ids", integers(&[1, 2], &[2, -1]))], &["input_ids [0, 1] is -1"]);
    refused(&[("input_ids", integers(&[2], &[2, 3]))], &["input_ids", "[B, S]"]);
    refused(
        &[("input_ids", (Dtype::F32, vec![1, 1], vec![0; 4]))],
        &["input_ids", "F32", "integers"],
    );
    refused(&[("input_ids", integers(&[0, 2], &[]))], &["input_ids", "[0, 2]"]);
    refused(&[("input_ids", integers(&[2, 0], &[]))], &["input_ids", "[2, 0]"]);
    refused(&[("input_ids", integers(&[1, 65], &[2; 65]))], &["64"]);
    refused(&[("attention_mask", ids.clone())], &["no tensor input_ids", "attention_mask"]);
    let with = |name, tensor| [("input_ids", ids.clone()), (name, tensor)];
    refused(&with("attention_mask", integers(&[1, 2], &[0, 0])), &["sequence 0", "no token"]);
    refused(&with("attention_mask", integers(&[1, 2], &[1, 7])), &["attention_mask [0, 1] is 7"]);
    refused(&with("attention_mask", integers(&[2, 1], &[1, 1])), &["attention_mask", "[2, 1]"]);
    refused(&with("token_type_ids", integers(&[1, 2], &[0, 2])), &["token type 2", "0 to 1"]);
    // Columns without a token cost a square of memory too.
    let (mut mask, long) = (vec![0; 1 << 20], vec![1, 1 << 20]);
    mask[0] = 1;
    let wide = ("input_ids", integers(&long, &vec![2; 1 << 20]));
    refused(&[wide, ("attention_mask", integers(&long, &mask))], &["1048576", "64"]);
    fs::write(&file, "no tensors").unwrap();
    bert(&["trace", "--model", &model, "--batch", &path]).refuses(&[&path]);
    let missing = argument(&folder.path().join("missing"));
    bert(&["verify", "--model", &model, "--reference", &missing]).refuses(&[&missing]);
}

#[test]
fn a_reference_that_cannot_be_compared_is_named() {
    let model = Copy::of("toy").tensors("reference.safetensors", |all| {
        all.get_mut("pooler_output").unwrap().1 = vec![64, 3];
    });
    let file = argument(&model.file("reference.safetensors"));
    let run = model.run("verify", &["--reference", &file]);
    run.refuses(&[&file, "pooler_output", "[64, 3]", "[3, 64]"]);
    assert_eq!(run.stderr.matches(&file).count(), 1, "{}", run.stderr);
    let model = Copy::of("toy").tensors("reference.safetensors", |all| {
        all.retain(|name, _| name.starts_with("input") || name == "attention_mask");
    });
    let file = argument(&model.file("reference.safetensors"));
    model.run("verify", &["--reference", &file]).refuses(&[&file, "no tensor to compare"]);
}

#[test]
fn a_text_over_the_limit_is_cut_and_counted_or_refused() {
    let (model, long) =
        (at("toy"), format!("{}\nshort\n{}\n", "dog ".repeat(70), "cat ".repeat(63)));
    let run = bert_reading(&["encode", "--model", &model], long.as_bytes());
    run.warns(&["2 texts longer than 64 tokens"]);
    assert_eq!(run.stdout.lines().count(), 3);
    let run = bert_reading(&["encode", "--strict", "--model", &model], long.as_bytes());
    run.refuses(&["text 1", "72 tokens", "64"]);
    // Beyond the first chunk the number still counts from the beginning.
    let late = format!("{}{long}", "a\n".repeat(300));
    for subcommand in ["encode", "similar"] {
        let run = bert_reading(&[subcommand, "--strict", "--model", &model], late.as_bytes());
        run.refuses(&["text 301"]);
    }
    bert(&["encode", "--strict", "--model", &model, &"dog ".repeat(62)]).ok();
    bert(&["trace", "--model", &model, &"dog ".repeat(70)]).warns(&["cut to 64 tokens"]);
    bert(&["trace", "--strict", "--model", &model, &"dog ".repeat(70)]).refuses(&["72 tokens"]);
}

#[test]
fn standard_input_is_checked_line_by_line() {
    let model = at("toy");
    for subcommand in ["tokenize", "encode", "similar"] {
        let args = [subcommand, "--model", &model];
        bert_reading(&args, b"ok\nb\xC3\n").refuses(&["standard input, line 2", "utf-8"]);
        bert(&args).refuses(&["there is no input", "standard input"]);
    }
    bert(&["fill-mask", "--model", &model]).refuses(&["there is no input"]);
    let pairs = ["tokenize", "--pairs", "--model", &model];
    bert_reading(&pairs, b"a\tb\nalone\n").refuses(&["line 2", "TAB"]);
    bert_reading(&pairs, b"a\tb\tc\n").refuses(&["line 1", "TAB"]);
    bert(&["tokenize", "--pairs", "--model", &model, "a\tb", "c"]).refuses(&["argument 2", "TAB"]);
    bert(&["tokenize", "--pairs", "--model", &model, "a", "b", "c"])
        .refuses_usage(&["3 arguments"]);
}

#[test]
fn an_empty_text_has_its_row_and_is_counted() {
    let model = at("toy");
    for subcommand in ["encode", "tokenize"] {
        let run = bert_reading(&[subcommand, "--model", &model], b"\na dog\n \n");
        run.warns(&["2 texts without a word"]);
        assert_eq!(run.stdout.lines().count(), 3);
    }
    bert(&["trace", "--model", &model, ""]).warns(&["1 text without a word"]);
}

#[test]
fn a_task_that_the_model_cannot_do_names_the_head() {
    let (toy, classify) = (at("toy"), at("parity/even-classify"));
    let args = ["fill-mask", "--model", &classify, "a [MASK]"];
    bert(&args).refuses(&[&classify, "masked_lm", "sequence_classification"]);
    bert(&["encode", "--model", &classify, "--head", "masked_lm", "a"]).refuses(&[
        &classify,
        "no masked_lm head",
        "cls.predictions",
    ]);
    bert_reading(&["fill-mask", "--model", &toy], b"a [MASK]\nno hole\n")
        .refuses(&["text 2", "[MASK]"]);
    let args = ["fill-mask", "--model", &toy, "--targets", "dog,doghouse", "a [MASK]"];
    bert(&args).refuses(&["doghouse", "no single token"]);
    for layer in ["2", "-3"] {
        bert(&["encode", "--model", &toy, "--layers", layer, "a"]).refuses(&[layer, "0 to 1"]);
    }
    bert(&["similar", "--model", &toy, "alone"]).refuses(&["only one text"]);
    bert(&["encode", "--model", &toy, "--format", "safetensors", "a"]).refuses_usage(&["--output"]);
    bert(&["tokenize", "--model", &toy, "--max-length", "1", "a"])
        .refuses_usage(&["--max-length 1"]);
    let long = format!("{} [MASK]", "dog ".repeat(100));
    bert(&["fill-mask", "--model", &toy, &long]).refuses(&["no [MASK] in its first 64 tokens"]);
    bert(&["verify", "--model", &toy, "--published"]).refuses(&["toy", "bert-base-uncased"]);
}

#[test]
fn a_classifier_of_unknown_kind_is_asked_about() {
    let model = Copy::of("parity/even-classify").configured("architectures", Value::Null);
    model.run("encode", &["a"]).refuses(&["model.safetensors", "token_classification", "--head"]);
    model.run("encode", &["--head", "sequence_classification", "a"]).ok();
    let wrong = Copy::of("parity/even-base-prefixed")
        .configured("architectures", json!(["BertForMaskedLM"]));
    wrong.run("encode", &["a"]).ok();
    wrong.run("fill-mask", &["a [MASK]"]).refuses(&["masked_lm or pre_training", "none"]);
    wrong.run("encode", &["--head", "masked_lm", "a"]).refuses(&["no masked_lm head"]);
}

#[test]
fn weights_that_are_not_numbers_are_refused_by_name() {
    for (value, name) in [(f32::NAN, "NaN"), (f32::NEG_INFINITY, "-inf")] {
        let model = Copy::of("toy").tensors("model.safetensors", |all| {
            let bytes = &mut all.get_mut("bert.encoder.layer.0.output.dense.weight").unwrap().2;
            bytes[8..12].copy_from_slice(&value.to_le_bytes());
        });
        let place = "bert.encoder.layer.0.output.dense.weight holds";
        model.run("encode", &["a dog"]).refuses(&["model.safetensors", place, name, "element 2"]);
    }
}

#[test]
fn texts_before_one_at_fault_are_answered() {
    let model = at("toy");
    // Line 3 has no mask, line 4 is too long: the first of both ends the run.
    let lines = format!("the [MASK] bites\na [MASK]\nno hole\n{}\n", "[MASK] ".repeat(70));
    let run = bert_reading(&["fill-mask", "--strict", "--model", &model], lines.as_bytes());
    run.refuses(&["text 3", "no [MASK] in it"]);
    assert_eq!(run.stdout.lines().count(), 2, "{}", run.stdout);
    // What was counted is told all the same.
    let lines = format!("a dog\n \na cat\n{}\n", "dog ".repeat(70));
    let run = bert_reading(&["encode", "--strict", "--model", &model], lines.as_bytes());
    run.refuses(&["text 4", "72 tokens"]);
    assert_eq!(run.stdout.lines().count(), 3);
    assert!(run.stderr.contains("1 text without a word"), "{}", run.stderr);
}

#[test]
fn lines_before_a_bad_one_are_answered() {
    let model = at("toy");
    let run = bert_reading(&["tokenize", "--model", &model], b"a dog\na cat\n\xFF\na man\n");
    run.refuses(&["standard input, line 3"]);
    assert_eq!(run.stdout, "[CLS] a dog [SEP]\n[CLS] a cat [SEP]\n");
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let (model, folder) = (at("toy"), tempfile::tempdir().unwrap());
    let missing = argument(&folder.path().join("no/such/file"));
    let directory = argument(folder.path());
    // Nobody may create files there, not even root.
    for output in [missing.as_str(), &directory, "/proc/vectors"] {
        for format in ["jsonl", "safetensors"] {
            let args = ["encode", "--model", &model, "--format", format, "--output", output, "a"];
            bert(&args).refuses(&[output]);
        }
        bert(&["trace", "--model", &model, "--output", output, "a"]).refuses(&[output]);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
