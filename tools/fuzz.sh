#!/bin/bash
# fuzz.sh BUILD-FOLDER SECONDS - run every fuzzer for a while; new inputs go to
# BUILD-FOLDER/corpus, not into git.
#
# Exits 1 when one finds something; the input that did it is kept in BUILD-FOLDER/findings.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
seconds=$2

status=0
shopt -s nullglob
mkdir -p "$build/findings"
for fuzzer in "$build"/fuzz_*; do
    [ -x "$fuzzer" ] || continue
    name=${fuzzer##*/fuzz_}
    mkdir -p "$build/corpus/$name"
    seeds=()
    [ ! -d "fuzz/corpus/$name" ] || seeds=("fuzz/corpus/$name")
    echo "== fuzz $name for $seconds s"
    "$fuzzer" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$build/findings/$name-" "$build/corpus/$name" "${seeds[@]}" || status=1
done
exit "$status"
