#!/usr/bin/env bash
# A model by its name: what our program fetches into Hugging Face's cache, transformers opens without a network, and the other way
# round. The Hub is a small server on this machine (check_hub.py), since the real one may be out of reach.
#   tests/reference/check_hub.sh [--program BERT]
set -euo pipefail
cd "$(dirname "$0")/../.."
bert="${CARGO_TARGET_DIR:-target}/release/bert"
if [[ "${1:-}" == --program ]]; then
    bert="$2"
else
    cargo build --quiet --release
fi
tests/reference/make_env.sh
.cache/python/bin/python tests/reference/check_hub.py "$bert"
