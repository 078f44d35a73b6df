#!/usr/bin/env bash
# A checkpoint of BERT-Mini's names and shapes, written by TensorFlow: our program computes from it what transformers' model does
# that was filled with the same weights.
#   tests/reference/check_tensorflow.sh [--program BERT]
# Needs some 300 MB in the folder for temporary files. Makes both Python environments if they are not there.
set -euo pipefail
cd "$(dirname "$0")/../.."
bert="${CARGO_TARGET_DIR:-target}/release/bert"
if [[ "${1:-}" == --program ]]; then
    bert="$2"
else
    cargo build --quiet --release
fi
tests/reference/make_env.sh
tests/reference/make_env_tensorflow.sh
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
.cache/python-tensorflow/bin/python tests/reference/check_tensorflow.py write "$work"
.cache/python/bin/python tests/reference/check_tensorflow.py expect "$work"
# By tanh, as bert_config.json is read; by erf, when it is asked for.
"$bert" verify --model "$work/model" --reference "$work/tanh.safetensors" 2>"$work/notes" | tee "$work/verified"
grep -q '^hidden_states\.4 .* ok$' "$work/verified"
grep 'tensors of the optimizer passed over' "$work/notes"
"$bert" verify --model "$work/model" --reference "$work/erf.safetensors" --activation gelu 2>"$work/notes"
# The two are not the same: with the other one it fails.
"$bert" verify --model "$work/model" --reference "$work/erf.safetensors" >"$work/other" 2>/dev/null && noticed=no || noticed=yes
if [[ $noticed == no ]] || ! grep -q '^hidden_states\.4 .* OFF$' "$work/other"; then
    echo "verify did not notice the other activation" >&2
    exit 1
fi
echo "our program reads what TensorFlow wrote, and computes what transformers does"
