#!/usr/bin/env bash
# Makes every fixture anew, or with --check makes them in a temporary folder and compares them with the committed ones.
#   tests/reference/make_all.sh [--check]
# Dropout masks are taken from the committed files; make_gradients.py --program BERT has our program draw them anew.
# The toy models' training takes about ten minutes. On another processor than the one that made the committed files the
# last bits of trained weights may differ; --check then says so, and the committed ones count.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
fixtures="$(cd "$here/.." && pwd)/fixtures"
"$here/make_env.sh"
python="$here/../../.cache/python/bin/python"

out="$fixtures"
if [[ "${1:-}" == "--check" ]]; then
  out="$(mktemp -d)"
  trap 'rm -rf "$out"' EXIT
fi

"$python" "$here/make_fixtures.py" --out "$out"
"$python" "$here/make_gradients.py" --self-test
"$python" "$here/make_gradients.py" --out "$out"
"$python" "$here/make_ablations.py" --out "$out"
"$python" "$here/make_training.py" --out "$out"
"$python" "$here/make_pretraining.py" --out "$out"
"$python" "$here/make_finetune_curves.py" --out "$out"
"$python" "$here/make_toy.py" --out "$out"
"$python" "$here/make_finetuned.py" --out "$out"
"$python" "$here/make_published.py" --out "$out"
"$python" "$here/make_explain.py" --out "$out"
"$python" "$here/make_optimizers.py" --out "$out"
"$python" "$here/make_metrics.py" --out "$out"
"$python" "$here/make_vocab.py" --out "$out"
"$python" "$here/make_instances.py" --out "$out"
"$python" "$here/make_tables.py" --out "$out"
"$python" "$here/make_task_files.py" --out "$out"
"$python" "$here/make_n_best.py" --out "$out"
"$python" "$here/make_int8.py" --out "$out"
"$here/make_env_tensorflow.sh"
"$here/../../.cache/python-tensorflow/bin/python" "$here/make_tensorflow.py" --out "$out"
"$python" "$here/make_pytorch.py" --out "$out"
python3 "$here/fetch_minilm.py"
"$python" "$here/make_minilm.py" --out "$out"
"$python" "$here/make_minilm_gradients.py" --out "$out"

if [[ "$out" != "$fixtures" ]]; then
  # Keys in PyTorch's old form are addresses in memory (make_pytorch.py reads those files back itself), and no two TorchScript
  # programs are alike.
  diff -r --exclude=README.md --exclude='*-old-*.bin' --exclude=refused-script.bin "$out" "$fixtures"
  echo "make_all: the committed fixtures are what the scripts make"
fi
