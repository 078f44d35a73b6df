#!/usr/bin/env bash
# Saves every fixture model with our program, has transformers load it and compares all outputs with
# the reference. Needs the Python environment (make_env.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
saved=$(mktemp -d)
trap 'rm -rf "$saved"' EXIT
cargo build --quiet --release -p bert-checkpoint --example resave
for model in tests/fixtures/parity/* tests/fixtures/toy*; do
    name=$(basename "$model")
    "${CARGO_TARGET_DIR:-target}"/release/examples/resave "$model" "$saved/$name"
    .cache/python/bin/python tests/reference/make_fixtures.py \
        --check-saved "$saved/$name" "$model/reference.safetensors"
done
echo "transformers reads every saved model and gives the same outputs"
