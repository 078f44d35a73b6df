//! Weights in every published form: what `inspect` sees, what `convert` makes of them, and names on the Hub.

use crate::support::{Copy, Desk, at, bert, command, finish, read_tensors};
use bert_testkit::fixture;
use safetensors::tensor::Dtype;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const GOOGLE: &str = "weights/tensorflow/pretrain";

#[test]
fn inspect_lists_what_a_checkpoint_of_googles_holds() {
    let run = bert(&["inspect", &at(GOOGLE)]);
    let lines: Vec<&str> = run.ok().lines().collect();
    assert!(lines[0].ends_with("bert_model.ckpt.index: TensorFlow checkpoint"), "{}", lines[0]);
    let line = |start: &str| *lines.iter().find(|line| line.trim().starts_with(start)).unwrap();
    // Two layers of the same shapes are one line, by Google's names.
    let query = line("bert/encoder/layer_*/attention/self/query/kernel");
    assert!(query.contains("[8, 8]") && query.contains("F32   ×2  ([in, out])"), "{query}");
    assert!(!run.stdout.contains("adam_m") && line("training").contains("not counted (--all"));
    assert!(line("configuration:").contains("2 layers of width 8, 2 heads, feed-forward 12"));
    assert!(line("tokenizer:").contains("17 tokens, lower-cased"));
    assert_eq!(line("head:"), "head: pre_training");
    // By hand, from the sizes: the three tables and their LayerNorm; a layer's four matrices of 8·8, two of 8·12, their biases and
    // two LayerNorms; the pooler; the head's dense layer, LayerNorm and biases.
    let of_layer = 4 * (8 * 8 + 8) + (8 * 12 + 12) + (12 * 8 + 8) + 4 * 8;
    for (part, numbers) in [
        ("embeddings ", (17 + 9 + 2) * 8 + 2 * 8),
        ("layers ", 2 * of_layer),
        ("pooler ", 8 * 8 + 8),
        ("head ", (8 * 8 + 8) + 2 * 8 + 17 + (2 * 8 + 2)),
    ] {
        let columns: Vec<&str> = line(part).split_whitespace().collect();
        assert_eq!(columns[1], numbers.to_string(), "{part}");
    }
    let all = bert(&["inspect", "--all", &at(GOOGLE)]);
    assert!(
        all.ok().contains("bert/encoder/layer_1/attention/self/query/kernel "),
        "{}",
        all.stdout
    );
    assert!(!all.stdout.contains("layer_*"));
    let line =
        |start: &str| all.stdout.lines().find(|line| line.trim().starts_with(start)).unwrap();
    assert!(line("bert/pooler/dense/kernel/adam_m").ends_with("(of the training)"));
    assert!(line("global_step").contains("I64"));
}

#[test]
fn inspect_takes_every_form_and_says_it_as_json() {
    for (path, format) in [
        ("toy", "safetensors"),
        ("toy/model.safetensors", "safetensors"),
        ("weights/pytorch/model/pytorch_model.bin", "PyTorch"),
        ("weights/pytorch/sharded/pytorch_model.bin.index.json", "sharded"),
        ("weights/pytorch/sharded/model.safetensors.index.json", "sharded"),
        ("weights/tensorflow/numbers/numbers.ckpt.index", "TensorFlow checkpoint"),
        ("weights/tensorflow/numbers/numbers.ckpt", "TensorFlow checkpoint"),
    ] {
        let found = bert(&["inspect", "--json", &at(path)]).json().remove(0);
        assert_eq!(found["format"], format, "{path}");
        assert!(!found["tensors"].as_array().unwrap().is_empty(), "{path}");
    }
    let toy = bert(&["inspect", "--json", &at("toy")]).json().remove(0);
    let stored = read_tensors(&fixture("toy/model.safetensors"));
    let tensors = toy["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), stored.len());
    for tensor in tensors {
        let (dtype, shape, _) = &stored[tensor["name"].as_str().unwrap()];
        assert_eq!(tensor["shape"], json!(shape));
        assert_eq!(tensor["dtype"], format!("{dtype:?}"));
    }
    assert_eq!((&toy["problem"], &toy["heads"]), (&Value::Null, &json!(["pre_training"])));
    assert_eq!(toy["tokenizer"]["lower_case"], true);
    let built_in = bert(&["inspect", "tiny-world"]);
    assert!(built_in.ok().contains("head: pre_training"), "{}", built_in.stdout);
}

#[test]
fn inspect_says_what_would_not_load_and_what_no_bert_has() {
    let more = Copy::of("toy").tensors("model.safetensors", |tensors| {
        tensors.insert(
            "bert.encoder.layer.0.gate.weight".to_owned(),
            (Dtype::F32, vec![1], vec![0; 4]),
        );
        tensors.remove("bert.pooler.dense.bias");
    });
    let run = bert(&["inspect", &more.argument()]);
    let text = run.ok();
    let line = |part: &str| text.lines().find(|line| line.contains(part)).unwrap_or("");
    assert!(line("layer.0.gate.weight").ends_with("(no BERT has it)"), "{text}");
    assert!(line("does not load:").contains("bert.pooler.dense.bias"), "{text}");
    let short = Copy::of("toy").configured("num_hidden_layers", json!(1));
    let text = bert(&["inspect", &short.argument()]).stdout;
    assert!(
        text.contains("bert.encoder.layer.1.output.dense.weight")
            && text.contains("(no BERT has it)")
    );
    let wrong = Copy::of("toy").tensors("model.safetensors", |tensors| {
        let bias = tensors.get_mut("bert.pooler.dense.bias").unwrap();
        bias.1 = vec![bias.1[0] / 2, 2];
    });
    let text = bert(&["inspect", &wrong.argument()]).stdout;
    assert!(text.lines().last().unwrap().contains("does not load:"), "{text}");
    assert!(text.lines().last().unwrap().contains("bert.pooler.dense.bias"), "{text}");
    let found = bert(&["inspect", "--json", &wrong.argument()]).json().remove(0);
    assert!(found["problem"].as_str().unwrap().contains("bert.pooler.dense.bias"));
    let words = Copy::of("toy");
    let more = fs::read_to_string(words.file("vocab.txt")).unwrap() + "onemore\n";
    let found =
        bert(&["inspect", "--json", &words.write("vocab.txt", more).argument()]).json().remove(0);
    assert!(found["problem"].as_str().unwrap().contains("tokens, and embeddings for"), "{found}");
    let long = Copy::of("toy").configured("num_hidden_layers", json!(1_000_000));
    assert!(bert(&["inspect", &long.argument()]).ok().contains("does not load:"));
    let desk = Desk::new();
    let nothing = desk.at("nothing.bin");
    bert(&["inspect", &nothing]).refuses(&["nothing.bin", "nothing of that name"]);
    let broken = desk.file("broken.safetensors", [7; 40]);
    bert(&["inspect", &broken]).refuses(&["broken.safetensors: not a whole safetensors file"]);
}

#[test]
fn googles_files_become_hugging_faces_and_compute_the_same() {
    let desk = Desk::new();
    let (output, reference) =
        (desk.at("converted"), at(&format!("{GOOGLE}/reference.safetensors")));
    let run = bert(&["convert", "--model", &at(GOOGLE), "--output", &output]);
    assert_eq!(run.ok().trim_end(), output);
    assert!(run.stderr.contains("of the optimizer passed over"), "{}", run.stderr);
    // By transformers, from the same arrays: make_tensorflow.py.
    let verified = bert(&["verify", "--model", &output, "--reference", &reference]);
    assert!(
        verified.ok().lines().any(|line| line.starts_with("mlm_logits")),
        "{}",
        verified.stdout
    );
    let config: Value = serde_json::from_str(&desk.read("converted/config.json")).unwrap();
    assert_eq!(config["hidden_act"], "gelu_new"); // what Google's "gelu" means
    assert_eq!(config["dtype"], "float32");
    let tokenizer: Value =
        serde_json::from_str(&desk.read("converted/tokenizer_config.json")).unwrap();
    assert_eq!(tokenizer["do_lower_case"], true);
    let texts = |model: &str| bert(&["tokenize", "--model", model, "A b"]).ok().to_owned();
    assert_eq!(texts(&output), texts(&at(GOOGLE)));
    bert(&["convert", "--model", &at(GOOGLE), "--output", &output])
        .refuses(&["converted", "there is something already"]);
}

#[test]
fn half_as_wide_numbers_are_rounded_to_the_nearest_and_said_to_be() {
    let desk = Desk::new();
    let stored = read_tensors(&fixture("toy/model.safetensors"));
    for (name, dtype, kept) in [("f16", Dtype::F16, 11), ("bf16", Dtype::BF16, 8)] {
        let output = desk.at(name);
        let run = bert(&["convert", "--model", &at("toy"), "--output", &output, "--dtype", name]);
        run.ok();
        let told = run.stderr.lines().find_map(|line| line.strip_prefix("largest rounding: "));
        let told: f32 = told.unwrap().split(',').next().unwrap().parse().unwrap();
        let written = read_tensors(&desk.path(name).join("model.safetensors"));
        let mut largest = 0.0_f32;
        for (tensor, (found, shape, bytes)) in &written {
            assert_eq!((found, shape), (&dtype, &stored[tensor].1), "{tensor}");
            let halves = bytes.as_chunks().0.iter().map(|&half| match dtype {
                Dtype::F16 => half::f16::from_le_bytes(half).to_f32(),
                _ => half::bf16::from_le_bytes(half).to_f32(),
            });
            for (half, &whole) in halves.zip(stored[tensor].2.as_chunks().0) {
                let whole = f32::from_le_bytes(whole);
                // Half a unit in the last place that is kept, or of the smallest number that f16 knows.
                let limit = (whole.abs() * 0.5_f32.powi(kept)).max(0.5_f32.powi(25));
                assert!((half - whole).abs() <= limit, "{tensor}: {whole} became {half}");
                largest = largest.max((half - whole).abs());
            }
        }
        assert!((told - largest).abs() <= 0.06 * largest, "{told} {largest}");
        bert(&["fill-mask", "--model", &output, "the [MASK] bites the man ."]).ok();
    }
    let huge = Copy::of("toy").tensors("model.safetensors", |tensors| {
        let bias = tensors.get_mut("bert.pooler.dense.bias").unwrap();
        bias.2[..4].copy_from_slice(&70000.0_f32.to_le_bytes());
    });
    let output = desk.at("huge");
    huge.run("convert", &["--output", &output, "--dtype", "f16"])
        .refuses(&["bert.pooler.dense.bias holds 70000", "beyond f16"]);
    assert!(!Path::new(&output).exists());
    huge.run("convert", &["--output", &output, "--dtype", "bf16"]).ok();
    huge.run("convert", &["--output", &output, "--dtype", "f8"])
        .refuses_usage(&["f32, f16 or bf16"]);
}

#[test]
fn verify_lists_the_checkpoints_that_figures_are_published_for() {
    let run = bert(&["verify", "--list"]);
    let models: Vec<_> = run.ok().lines().filter(|line| !line.starts_with(' ')).collect();
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/pipeline/src/published-values.json");
    let list: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    for case in list["cases"].as_array().unwrap() {
        let model = case["model"].as_str().unwrap();
        assert_eq!(models.iter().filter(|known| **known == model).count(), 1, "{model}");
        assert!(run.stdout.contains(case["source"].as_str().unwrap()));
    }
    bert(&["verify", "--list", "--published"]).refuses_usage(&["--list"]);
    bert(&["verify", "--published"]).refuses_usage(&["required arguments"]);
}

/// Google's files never say it.
#[test]
fn whether_texts_are_lower_cased_is_read_from_the_vocabulary_and_kept() {
    let desk = Desk::new();
    let cased = Copy::of(GOOGLE);
    fs::remove_file(cased.file("reference.safetensors")).unwrap();
    let words = fs::read_to_string(cased.file("vocab.txt")).unwrap();
    let last = words.lines().last().unwrap();
    let cased = cased.write("vocab.txt", words.replace(last, "Dog"));
    let tokens = |model: &str| {
        let run = bert(&["tokenize", "--model", model, "--json", "Dog"]);
        run.json()[0]["tokens"].as_array().unwrap().iter().any(|token| token == "Dog")
    };
    assert!(tokens(&cased.argument()));
    let inspected = bert(&["inspect", &cased.argument()]);
    assert!(
        inspected.ok().contains("cased (as the vocabulary has it; no file says)"),
        "{}",
        inspected.stdout
    );
    // Of what is made of it, the file says it.
    let (converted, tuned) = (desk.at("converted"), desk.at("tuned"));
    cased.run("convert", &["--output", &converted]).warns(&["the vocabulary has capital letters"]);
    let train = desk.file("train.csv", "text,label\nDog,a\nDog,b\nDog,a\nDog,b\n");
    let more = [
        "--train",
        &train,
        "--dev",
        &train,
        "--epochs",
        "1",
        "--max-length",
        "8",
        "--output",
        &tuned,
    ];
    bert(&[&["finetune", "classify", "--model", &cased.argument()], &more[..]].concat()).ok();
    for (model, folder) in [(&converted, "converted"), (&tuned, "tuned")] {
        let config: Value =
            serde_json::from_str(&desk.read(&format!("{folder}/tokenizer_config.json"))).unwrap();
        assert_eq!(config["do_lower_case"], false, "{folder}");
        assert!(tokens(model), "{folder}");
    }
    // One word of the user's among many does not make a vocabulary cased.
    let mut many = (0..60).fold(words, |words, number| format!("{words}word{number}\n"));
    many += "URL\n";
    let url = desk.file("vocab.txt", many);
    let folder = Path::new(&url).parent().unwrap().to_str().unwrap().to_owned();
    assert!(!tokens(&folder));
}

/// Without a network, from a cache that is laid out as Hugging Face's.
#[test]
fn a_name_on_the_hub_is_found_in_the_cache_or_fetched_by_hand() {
    let desk = Desk::new();
    let offline = |args: &[&str]| {
        let mut command = command(args);
        command
            .env_remove("HF_ENDPOINT")
            .env("HF_HUB_OFFLINE", "1")
            .env("HF_HUB_CACHE", desk.path("hub"));
        finish(command, b"")
    };
    let model = ["--model", "owner/toy"];
    let text = "the [MASK] bites the man .";
    let ask = [&["fill-mask"], &model[..], &[text]].concat();
    let run = offline(&ask);
    run.refuses(&["owner/toy is not in", "HF_HUB_OFFLINE"]);
    for file in ["config.json", "vocab.txt", "model.safetensors"] {
        let address = format!("https://huggingface.co/owner/toy/resolve/main/{file}");
        assert!(run.stderr.contains(&address), "{}", run.stderr);
    }
    offline(&["download", "owner/toy"]).refuses(&["owner/toy", "HF_HUB_OFFLINE"]);
    bert(&["download", "toy"]).refuses_usage(&["owner/model"]);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let folder = desk.path("hub/models--owner--toy");
    fs::create_dir_all(folder.join("refs")).unwrap();
    fs::write(folder.join("refs/main"), commit).unwrap();
    let snapshot = folder.join("snapshots").join(commit);
    fs::create_dir_all(&snapshot).unwrap();
    for name in ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"] {
        fs::copy(fixture("toy").join(name), snapshot.join(name)).unwrap();
    }
    let expected = bert(&["fill-mask", "--model", &at("toy"), text]);
    assert_eq!(offline(&ask).ok(), expected.ok());
    for name in ["owner/toy@main", &format!("owner/toy@{commit}")] {
        let ask = ["fill-mask", "--model", name, text];
        assert_eq!(offline(&ask).ok(), expected.ok(), "{name}");
    }
    assert!(offline(&["inspect", "owner/toy"]).ok().contains("head: pre_training"));
    assert_eq!(offline(&["download", "owner/toy"]).ok().trim_end(), snapshot.to_str().unwrap());
    let ask = ["fill-mask", "--model", "owner/toy@other", text];
    offline(&ask).refuses(&["owner/toy@other is not in"]);
}
