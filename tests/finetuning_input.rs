//! What is wrong with the data of a task is said with file and line, before anything is written.

use crate::support::{Run, argument, at, bert};
use std::fs;
use std::path::Path;

/// `bert finetune TASK` on a file of this name and content.
fn finetune(folder: &Path, task: &str, name: &str, text: &[u8], more: &[&str]) -> Run {
    let train = folder.join(name);
    fs::write(&train, text).unwrap();
    let (train, output) = (argument(&train), argument(&folder.join("out")));
    let args = ["finetune", task, "--model", "tiny-world", "--train", &train, "--output", &output];
    let epochs = if more.contains(&"--epochs") { &[][..] } else { &["--epochs", "1"] };
    let run = bert(&[&args[..], epochs, more].concat());
    if run.code != Some(0) {
        assert!(!folder.join("out").exists(), "nothing was begun");
    }
    run
}

#[test]
fn tables_that_cannot_be_learnt_from_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let classify = |name: &str, text: &str, more: &[&str]| {
        finetune(folder, "classify", name, text.as_bytes(), more)
    };
    let good = "text,label\na,x\nb,y\nc,x\nd,y\n";
    classify("a.csv", good, &["--text-column", "title"]).refuses(&[
        "a.csv",
        "no column \"title\"",
        "text, label",
    ]);
    classify("a.csv", "text,label\na,x\nb,y,z\n", &[])
        .refuses(&["a.csv", "line 3", "2 cells", "found 3"]);
    classify("a.csv", "text,label\na,x\nb,x\n", &[]).refuses(&["a.csv", "only \"x\""]);
    classify("a.csv", "text,label\na,x\nb,\n", &[]).refuses(&["a.csv", "line 3", "label"]);
    classify("a.csv", "text,label\n", &[]).refuses(&["a.csv", "no row"]);
    classify("a.csv", "", &[]).refuses(&["a.csv", "empty"]);
    classify("a.csv", "text,label\na,1\nb,nan\n", &["--regression"])
        .refuses(&["line 3", "finite number"]);
    classify("a.csv", good, &["--labels", "x,z"]).refuses(&["line 3", "y", "x, z"]);
    classify("a.xyz", good, &[]).refuses(&["a.xyz", "--format"]);
    classify("a.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \n", &[])
        .refuses(&["line 2"]);
    classify("a.csv", "a,x\nb,y\n", &[]).refuses(&["--header or --no-header", "a"]);
    finetune(folder, "classify", "b.csv", b"text,label\na,x\nb\xff,y\n", &[])
        .refuses(&["b.csv", "line 3", "UTF-8"]);
    finetune(folder, "classify", "b.csv", b"\x00\x01\x02text", &[]).refuses(&["b.csv"]);
    // A dev file with other columns, and one with another label.
    let dev = folder.join("dev.csv");
    let dev_path = argument(&dev);
    fs::write(&dev, "sentence,label\na,x\n").unwrap();
    classify("a.csv", good, &["--dev", &dev_path, "--text-column", "text"])
        .refuses(&["dev.csv", "text"]);
    fs::write(&dev, "text,label\na,q\n").unwrap();
    classify("a.csv", good, &["--dev", &dev_path]).refuses(&["dev.csv", "line 2", "q", "x, y"]);
    // The command line.
    classify("a.csv", good, &["--epochs", "auto", "--dev-fraction", "0"])
        .refuses_usage(&["--epochs auto"]);
    classify("a.csv", good, &["--lr", "0"]).refuses_usage(&["--lr"]);
    classify("a.csv", good, &["--class-weights", "1,2,3"])
        .refuses_usage(&["3 numbers for 2 classes"]);
    classify("a.csv", "text,label\na,x\nb,y\n", &[]).refuses(&["a.csv", "--dev-fraction 0"]);
    let semicolons = classify("a.csv", "text;label\na;x\nb;y\n", &[]);
    assert!(semicolons.stderr.contains("there is no comma in the first row, but ';'"));
    semicolons.refuses(&["a.csv"]);
    // A model that has learnt nothing is told from others.
    let slow = ["--lr", "1e-9", "--dev-fraction", "0.5"];
    classify("a.csv", good, &slow).warns(&["nothing to do with the right ones", "lr-find"]);
    fs::remove_dir_all(folder.join("out")).unwrap();
    let smooth = ["--regression", "--label-smoothing", "0.1"];
    classify("a.csv", "text,label\na,1\nb,2\n", &smooth).refuses_usage(&["--label-smoothing"]);
    classify("a.csv", good, &["--max-length", "1000"]).refuses(&["--max-length 1000", "64"]);
    assert_eq!(classify("a.csv", good, &["--freeze", "pooler"]).code, Some(2));
    // And what can be learnt from is learnt from.
    classify("a.csv", good, &[]).ok();
}

#[test]
fn a_head_for_other_classes_is_refused_and_replaced_only_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let train = folder.join("a.csv");
    fs::write(&train, "text,label\na,x\nb,y\nc,x\nd,y\n").unwrap();
    let (train, model) = (argument(&train), at("toy-classify"));
    let output = argument(&folder.join("out"));
    let args = ["finetune", "classify", "--model", &model, "--train", &train, "--output", &output];
    bert(&args).refuses(&["toy-classify", "has x,y", "--new-head"]);
    bert(&[&args[..], &["--new-head"]].concat()).ok();
    // The new model goes on with its own head.
    let (model, again) = (output, argument(&folder.join("again")));
    let args = ["finetune", "classify", "--model", &model, "--train", &train, "--output", &again];
    let run = bert(&args);
    run.ok();
    assert!(
        run.stderr.contains("going on with the sequence_classification head"),
        "{}",
        run.stderr
    );
    // The same classes in another order are no other classes.
    let turned = argument(&folder.join("turned"));
    let args = ["finetune", "classify", "--model", &model, "--train", &train, "--output", &turned];
    bert(&[&args[..], &["--labels", "y,x"]].concat())
        .refuses(&["x,y, in this order", "--labels x,y"]);
}

#[test]
fn tags_questions_and_choices_that_are_wrong_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = |task: &str, name: &str, text: &str, more: &[&str]| {
        finetune(folder, task, name, text.as_bytes(), more)
    };
    run("tag", "a.conll", "tom B-PER\nruns O\n\nin I-LOC\nrome B-PER\n", &[]).refuses(&[
        "a.conll",
        "line 4",
        "--mend-tags",
    ]);
    run("tag", "a.conll", "tom\nruns\n", &[]).refuses(&["a.conll", "no tags"]);
    let words = folder.join("words.conll");
    fs::write(&words, "tom\nruns\n").unwrap();
    let tagged = "tom B-PER\nruns O\n\ntom B-PER\nsits O\n";
    run("tag", "a.conll", tagged, &["--dev", &argument(&words)])
        .refuses(&["words.conll", "no tags"]);
    fs::write(&words, "tom B-GEO\nruns O\n").unwrap();
    run("tag", "a.conll", tagged, &["--dev", &argument(&words)]).refuses(&[
        "words.conll",
        "line 1",
        "O B-PER I-PER",
        "B-GEO",
    ]);
    run("tag", "a.conll", "tom B-PER\nruns O\n", &[])
        .refuses(&["too few sentences", "--dev-fraction 0"]);
    run("tag", "a.conll", "tom O\nruns O\n", &[]).refuses(&["a.conll", "all words have the tag O"]);
    run("answer", "a.json", "{\"data\": [{\"paragraphs\": [{\"qas\": []}]}]}", &[]).refuses(&[
        "a.json",
        "data[0].paragraphs[0]",
        "context",
    ]);
    run("answer", "a.json", "[1, 2]", &[]).refuses(&["a.json"]);
    let misplaced = "{\"question\": \"who\", \"context\": \"tom runs\", \"answers\": [{\"text\": \"tom\", \"answer_start\": 4}]}\n";
    run("answer", "a.jsonl", misplaced, &["--strict", "--dev-fraction", "0"])
        .refuses(&["a.jsonl", "line 1"]);
    run("answer", "a.jsonl", misplaced, &["--dev-fraction", "0"])
        .warns(&["1 answer not where the file says"]);
    fs::remove_dir_all(folder.join("out")).unwrap();
    run(
        "choose",
        "a.jsonl",
        "{\"context\": \"a\", \"endings\": [\"b\", \"c\"], \"label\": 2}\n",
        &[],
    )
    .refuses(&["a.jsonl", "line 1", "0 to 1"]);
    run("choose", "a.jsonl", "{\"context\": \"a\", \"endings\": [\"b\", \"c\"]}\n", &[])
        .refuses(&["line 1", "label"]);
}

#[test]
fn predictions_need_a_model_and_a_file_that_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| argument(&folder.path().join(name));
    fs::write(folder.path().join("a.csv"), "text,label\na,x\nb,y\n").unwrap();
    let (input, model) = (path("a.csv"), at("toy-classify"));
    bert(&["predict", "--model", "tiny-world", "--input", &input])
        .refuses(&["pre_training", "bert finetune"]);
    let args = ["predict", "--model", &model, "--input", &input, "--output"];
    bert(&[&args[..], &[&input]].concat()).refuses_usage(&["file to read from"]);
    bert(&[&args[..], &[&path("out.xml")]].concat())
        .refuses_usage(&["out.xml", ".csv, .tsv or .jsonl"]);
    bert(&["evaluate", "--model", &model, "--input", &input]).refuses(&["a.csv", "line 2", "x"]);
    bert(&["evaluate", "--model", &model, "--input", &input, "--glue", "stsb"])
        .refuses_usage(&["--glue", "another kind of task"]);
    bert(&["predict", "--model", &model, "--input", &path("none.csv")]).refuses(&["none.csv"]);
    // A bad row: those before it have their answers on standard output, and no file appears.
    fs::write(folder.path().join("b.csv"), "text,label\na,x\nb,y,z\n").unwrap();
    let bad = path("b.csv");
    let run = bert(&["predict", "--model", &model, "--input", &bad]);
    run.refuses(&["b.csv", "line 3"]);
    assert_eq!(run.stdout.lines().count(), 1);
    let output = path("out.csv");
    bert(&["predict", "--model", &model, "--input", &bad, "--output", &output])
        .refuses(&["line 3"]);
    assert!(!Path::new(&output).exists());
}
