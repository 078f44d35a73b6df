#!/usr/bin/env bash
# Trains the model that is built into the program anew (half an hour on two quiet cores), and makes its reference outputs.
#   tests/reference/make_tiny_world.sh [--check]
# The same bits come out on every machine: the instruction set is forced, Cargo.lock fixes the libraries, and the
# number of threads does not matter. With --check, nothing is replaced: the new files are compared with the committed
# ones, byte by byte.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../.."
model="$root/crates/checkpoint/tiny-world"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# ANCHOR: command
cd "$root"
cargo build --release --locked
BERT_ISA=avx2 target/release/bert pretrain --tiny-world --steps 96000 --seed 1 \
  --eval-sequences 4000 --eval-every 4000 --output "$work/model"
# ANCHOR_END: command

files=(config.json model.safetensors tokenizer_config.json vocab.txt eval_results.txt)
if [[ "${1:-}" == "--check" ]]; then
  for file in "${files[@]}"; do cmp "$work/model/$file" "$model/$file"; done
  echo "make_tiny_world: the built-in model is what the script makes"
  exit
fi
for file in "${files[@]}"; do cp "$work/model/$file" "$model/$file"; done
"$here/make_env.sh"
"$root/.cache/python/bin/python" "$here/make_tiny_world.py"
