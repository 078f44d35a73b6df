#!/bin/sh
# How long it takes from nothing to the first prediction, and what it downloads and leaves on the disk: clones this repository into a
# temporary folder, builds with an empty target and an empty registry of crates, and asks the README's first question.
#
#     tests/newcomer_time.sh [FILE]         also writes the figures to FILE, as JSON
#
# Wants git, a Rust toolchain (not counted) and the network. Not part of CI. The clone comes from this folder, so the time is without
# that of the network for it; its bytes are counted as they would come over it (packed).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
file=${1:+$(realpath -m "$1")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
now() { date +%s.%N; }
since() { echo "$(now) $1" | awk '{ printf "%.1f", $1 - $2 }'; }
bytes() { du -sb "$@" 2>/dev/null | awk '{ sum += $1 } END { printf "%d", sum }'; }

# The user's own registry would have all crates already. Settings of cargo's (a mirror, say) go on.
cargo_home=$work/cargo
mkdir "$cargo_home"
for settings in config.toml config; do
    settings_file=${CARGO_HOME:-$HOME/.cargo}/$settings
    if [ -f "$settings_file" ]; then cp "$settings_file" "$cargo_home/$settings"; fi
done

start=$(now)
git clone --quiet --depth 1 "file://$root" "$work/clone"
clone_seconds=$(since "$start")
cd "$work/clone"
download_start=$(now)
CARGO_HOME=$cargo_home cargo fetch --quiet --locked
download_seconds=$(since "$download_start")
build_start=$(now)
CARGO_HOME=$cargo_home CARGO_TARGET_DIR=$work/clone/target cargo build --quiet --release --locked
build_seconds=$(since "$build_start")
answer_start=$(now)
CARGO_HOME=$cargo_home CARGO_TARGET_DIR=$work/clone/target cargo run --quiet --release --locked -- \
    fill-mask --model tests/fixtures/toy "the dog [MASK] the man ." > "$work/answer"
answer_seconds=$(since "$answer_start")
seconds=$(since "$start")
grep -q '^bites' "$work/answer" || { echo "another answer than the README's: $(cat "$work/answer")" >&2; exit 1; }

git_bytes=$(bytes .git/objects)
crate_bytes=$(bytes "$cargo_home"/registry/cache)
index_bytes=$(bytes "$cargo_home"/registry/index)
disk_bytes=$(bytes "$work/clone" "$cargo_home")
mb() { echo "$1" | awk '{ printf "%.0f", $1 / 1e6 }'; }
cat <<END
$(nproc) cores, $(rustc --version)

| | from clone to first prediction, s | downloaded, MB | on the disk, MB |
|---|---|---|---|
| this repository | $seconds | $(mb $((git_bytes + crate_bytes + index_bytes))) | $(mb "$disk_bytes") |
| pip install of transformers and torch (quoted, not measured in this run) | 90 | | 5700 |

Clone $clone_seconds s, crates $download_seconds s, build $build_seconds s, answer $answer_seconds s.
Downloaded: repository $(mb "$git_bytes") MB, crates $(mb "$crate_bytes") MB, their index $(mb "$index_bytes") MB.
END
if [ -n "$file" ]; then
    cat > "$file" <<END
{
  "seconds": $seconds, "clone_seconds": $clone_seconds, "fetch_seconds": $download_seconds,
  "build_seconds": $build_seconds, "answer_seconds": $answer_seconds,
  "repository_bytes": $git_bytes, "crate_bytes": $crate_bytes, "index_bytes": $index_bytes, "disk_bytes": $disk_bytes,
  "quoted": { "what": "pip install of transformers and torch, not measured in this run", "seconds": 90, "disk_bytes": 5700000000 }
}
END
fi
