#!/usr/bin/env bash
# Builds the Rust engine with the one profile there is and copies the library to where CMake wants it, but only when it
# changed, so that nothing is linked again for nothing.   usage: build-engine.sh CARGO_TARGET_DIR OUTPUT.so
set -euo pipefail
target=$1 output=$2
cd "$(dirname "$0")/../rust"
PATH="$PATH:$HOME/.cargo/bin"

# All clones share the target folder: between the build and the copy no other clone may put its library there.
mkdir -p "$target"
exec 9>"$target/weir-engine.lock"
flock 9
CARGO_TARGET_DIR=$target cargo build --release --locked

# Swapped in, not written over: a running program has the old file mapped.
if ! cmp -s "$target/release/libweir_engine.so" "$output"; then
  cp "$target/release/libweir_engine.so" "$output.new"
  mv "$output.new" "$output"
fi
