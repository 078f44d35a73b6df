#!/usr/bin/env bash
# Makes the Python environment of the fixture scripts and of the other side of bert-bench: .cache/python under the workspace root.
# Does nothing when it is already there and was made from the same requirements.txt.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.cache/python"
stamp="$venv/requirements.sha256"
wanted="$(sha256sum <"$here/requirements.txt" | cut -d' ' -f1)"

if [[ -x "$venv/bin/python" && -f "$stamp" && "$(cat "$stamp")" == "$wanted" ]]; then
  echo "make_env: $venv is up to date"
  exit 0
fi

command -v python3 >/dev/null || { echo "make_env: python3 (3.11 or newer) was not found" >&2; exit 1; }
[[ -x "$venv/bin/python" ]] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --no-cache-dir --quiet --disable-pip-version-check --requirement "$here/requirements.txt"
"$venv/bin/python" -c 'import accelerate, numpy, onnx, onnxruntime, safetensors, scipy, seqeval, sklearn, tokenizers, torch, transformers'

# The stamp comes last, so that an interrupted install is made again.
echo "$wanted" >"$stamp.tmp"
mv "$stamp.tmp" "$stamp"
echo "make_env: $venv is ready"
