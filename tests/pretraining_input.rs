//! `bert pretrain`: what is wrong with texts, vocabulary, sizes or options is said before the first step.

use crate::support::{argument, bert};
use std::fs;

#[test]
fn what_cannot_be_trained_is_refused_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &[u8]| {
        fs::write(folder.join(name), text).unwrap();
        argument(&folder.join(name))
    };
    let words = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\n.\n";
    let vocab = write("vocab.txt", words.as_bytes());
    let no_mask = write("no-mask.txt", words.replace("[MASK]", "mask").as_bytes());
    let text = write("text.txt", b"a b c .\nb c d .\n\nc d a .\nd a b .\n");
    let one = write("one.txt", b"a b c .\nb c d .\n");
    let empty = write("empty.txt", b"\n\n");
    let latin = write("latin.txt", b"a b .\nb \xe9 .\n");
    let small_config = write(
        "small.json",
        br#"{"vocab_size": 8, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 32, "max_position_embeddings": 64}"#,
    );
    let out = argument(&folder.join("out"));
    let run = |corpus: &str, vocab: &str, more: &[&str]| {
        let args = ["pretrain", "--corpus", corpus, "--vocab", vocab, "--output", &out];
        bert(&[&args[..], &["--steps", "2"], more].concat())
    };
    run(&empty, &vocab, &[]).refuses(&["empty.txt"]);
    run(&argument(&folder.join("none*.txt")), &vocab, &[]).refuses(&["none*.txt"]);
    run(&one, &vocab, &[]).refuses(&["two documents", "blank line", "--full-sentences"]);
    run(&latin, &vocab, &[]).refuses(&["latin.txt", "line 2", "UTF-8"]);
    run(&text, &no_mask, &[]).refuses(&["no-mask.txt", "[MASK]"]);
    run(&text, &vocab, &["--config", &small_config]).refuses(&["10 tokens", "only 8"]);
    run(&text, &vocab, &["--max-length", "600"]).refuses(&["600 tokens", "512 positions"]);
    run(&text, &vocab, &["--eval-every", "2"]).refuses_usage(&["--eval-every", "--eval-corpus"]);
    run(&text, &vocab, &["--warmup", "50"]).refuses_usage(&["--warmup 50", "--steps"]);
    run(&text, &vocab, &["--init", "tiny-world"]).refuses_usage(&["--vocab", "--init"]);
    run(&text, &vocab, &["--config", "huge"])
        .refuses(&["--config huge", "tiny, mini, small, base"]);
    run(&text, &vocab, &["--batch-size", "0"]).code.filter(|&code| code == 2).unwrap();
    assert!(!folder.join("out").exists(), "nothing was begun");
    let nowhere = ["pretrain", "--tiny-world", "--steps", "2", "--output", "/proc/nowhere"];
    if cfg!(target_os = "linux") {
        bert(&nowhere).refuses(&["/proc/nowhere"]);
    }
    let foreign = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toy");
    let init = ["pretrain", "--tiny-world", "--init", foreign, "--steps", "2", "--output", &out];
    bert(&init).refuses(&["toy", "its vocabulary is not tiny world's"]);
    bert(&["pretrain", "--output", &out]).code.filter(|&code| code == 2).unwrap();
    bert(&["pretrain", "--tiny-world", "--epochs", "2", "--output", &out])
        .refuses_usage(&["--epochs", "never ends"]);
    // And what can be trained is trained, with both ways to say how long.
    run(&one, &vocab, &["--full-sentences"]).ok();
    fs::remove_dir_all(&out).unwrap();
    let args = ["pretrain", "--corpus", &text, "--vocab", &vocab, "--output", &out];
    let run = bert(&[&args[..], &["--epochs", "3", "--batch-size", "1"]].concat());
    run.ok();
    assert!(run.stderr.contains("an epoch has "), "{}", run.stderr);
}
