#!/usr/bin/env bash
# Makes the Python environment with TensorFlow: .cache/python-tensorflow under the workspace root. One of its own, since TensorFlow
# and PyTorch get in each other's way. Does nothing when it is there already.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
venv="$root/.cache/python-tensorflow"
wanted="tensorflow-cpu==2.21.0 numpy==2.4.6 safetensors==0.8.0"

if [[ -x "$venv/bin/python" && "$(cat "$venv/requirements" 2>/dev/null)" == "$wanted" ]]; then
  echo "make_env_tensorflow: $venv is up to date"
  exit 0
fi
[[ -x "$venv/bin/python" ]] || python3 -m venv "$venv"
# shellcheck disable=SC2086 # three requirements
"$venv/bin/python" -m pip install --no-cache-dir --quiet --disable-pip-version-check $wanted
"$venv/bin/python" -c 'import tensorflow' 2>/dev/null

# The stamp comes last, so that an interrupted install is made again.
echo "$wanted" >"$venv/requirements.tmp"
mv "$venv/requirements.tmp" "$venv/requirements"
echo "make_env_tensorflow: $venv is ready"
