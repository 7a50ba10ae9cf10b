#!/bin/bash
# baseline-tokio.sh - build bench/baseline-tokio from Debian's Rust packages, without a network.
#
# Cargo is told to take every crate from /usr/share/cargo/registry, where librust-*-dev packages put
# them. No lock file is kept: which versions there are is Debian's decision, and the program names
# them (--version). Works with Debian 12's own cargo and with newer ones; CARGO names another.
#
# The program: build/baseline-tokio/release/baseline-tokio. Exit status 77 when cargo or the crates
# are missing, which one line explains; 1 when the build fails.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
registry=/usr/share/cargo/registry
target=$PWD/build/baseline-tokio
source=bench/baseline-tokio

missing() {
    echo "baseline-tokio: not built: $1. Mend: tools/deps.sh tokio" >&2
    exit 77
}

command -v "$cargo" >/dev/null || missing "there is no $cargo"
for crate in bytes futures-util libc serde serde_derive serde_json tokio tokio-util; do
    compgen -G "$registry/$crate-[0-9]*" >/dev/null || missing "no crate $crate in $registry"
done

# Cargo writes Cargo.lock beside Cargo.toml, in a form of its own version: not into the sources.
package=$target/package
mkdir -p "$package/src"
cp -p "$source/Cargo.toml" "$source/build.rs" "$package/"
cp -p "$source"/src/*.rs "$package/src/"
rm -f "$package/Cargo.lock"

"$cargo" build --release --offline --quiet \
    --manifest-path "$package/Cargo.toml" --target-dir "$target" \
    --config 'source.crates-io.replace-with="debian"' \
    --config "source.debian.directory=\"$registry\""
"$target/release/baseline-tokio" --version
