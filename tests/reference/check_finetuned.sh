#!/usr/bin/env bash
# Fine-tunes the toy model for each task with our program, has transformers load what was saved, and compares the answers of
# both. Needs the Python environment (make_env.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cargo build --quiet --release
bert="${CARGO_TARGET_DIR:-target}/release/bert"
check() { .cache/python/bin/python tests/reference/check_finetuned.py "$@"; }
finetune() { # TASK FILE OUTPUT
    "$bert" finetune "$1" --model tests/fixtures/toy --train "$work/$2" --lr 1e-3 --epochs 2 --output "$work/$3" 2>"$work/$3.log" \
        || { cat "$work/$3.log" >&2; exit 1; }
}
check --data "$work"

finetune classify texts.csv classified
"$bert" classify --model "$work/classified" --json <"$work/texts.txt" >"$work/classes.jsonl"
check "$work/classified" "$work/texts.txt" "$work/classes.jsonl"

finetune tag tags.conll tagged
for aggregation in none simple; do
    "$bert" tag --model "$work/tagged" --aggregation $aggregation --json <"$work/texts.txt" >"$work/entities.jsonl"
    check "$work/tagged" "$work/texts.txt" "$work/entities.jsonl"
done

finetune answer questions.json answered
"$bert" answer --model "$work/answered" --pairs --top-k 3 --json <"$work/questions.txt" >"$work/answers.jsonl"
check "$work/answered" "$work/questions.txt" "$work/answers.jsonl"
echo "transformers reads every fine-tuned model and gives the same answers"
