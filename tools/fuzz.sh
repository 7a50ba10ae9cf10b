#!/bin/bash
# fuzz.sh libfuzzer|afl BUILD-FOLDER SECONDS [NAME...] - fuzz every harness, or those named, for so
# many seconds each, one after the other, without a terminal.
#
# Starts from fuzz/corpus/NAME. What it learns stays in BUILD-FOLDER (corpus/ or afl/) for the next
# run and never goes into git; logs are in BUILD-FOLDER/logs. Exits 1 when a harness fails: the
# inputs are then kept in BUILD-FOLDER/findings, and the command that shows each one is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() {
    echo "usage: tools/fuzz.sh libfuzzer|afl BUILD-FOLDER SECONDS [NAME...]" >&2
    exit 2
}

[ "$#" -ge 3 ] || usage
engine=$1
build=$2
seconds=$3
shift 3
[[ $engine =~ ^(libfuzzer|afl)$ && $seconds =~ ^[1-9][0-9]*$ ]] || usage

# Runs harness $1; its log is $2. What it finds lies in findings/ afterwards.
run_libfuzzer() {
    mkdir -p "$build/corpus/$1"
    "$build/fuzz_$1" -max_total_time="$seconds" -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$build/findings/$1-" "$build/corpus/$1" "fuzz/corpus/$1" \
        >"$2" 2>&1 || status=1
    sed -n '/DONE  *cov/p; /^stat::number_of_executed_units/p' "$2"
}

# AFL++ stops at no finding, so they are counted afterwards. A machine that hands core dumps to a
# program, or scales its frequency, is no reason not to run; neither is a missing terminal.
run_afl() {
    local out="$build/afl/$1" input found
    mkdir -p "$out"
    AFL_NO_UI=1 AFL_NO_COLOR=1 AFL_AUTORESUME=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 \
        AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
        afl-fuzz -V "$seconds" -t 5000 -i "fuzz/corpus/$1" -o "$out" -- "$build/fuzz_$1" \
        >"$2" 2>&1 || status=1
    sed -n '/^\(execs_done\|execs_per_sec\|edges_found\|bitmap_cvg\|saved_crashes\) /p' \
        "$out/default/fuzzer_stats" 2>/dev/null || true
    for input in "$out"/default/crashes/id* "$out"/default/hangs/id*; do
        found=crash
        [ "${input%/hangs/*}" = "$input" ] || found=timeout
        mv "$input" "$build/findings/$1-$found-$(sha1sum <"$input" | cut -c1-40)"
        status=1
    done
}

shopt -s nullglob
mkdir -p "$build/findings" "$build/logs"
if [ "$#" -eq 0 ]; then
    for fuzzer in "$build"/fuzz_*; do
        [ ! -x "$fuzzer" ] || set -- "$@" "${fuzzer##*/fuzz_}"
    done
fi
failed=0
for name in "$@"; do
    status=0
    log=$build/logs/$name.log
    touch "$build/findings/.before"
    echo "== fuzz $name ($engine) for $seconds s"
    "run_$engine" "$name" "$log"
    [ "$status" -ne 0 ] || continue
    failed=1
    mapfile -t found < <(
        find "$build/findings" -name "$name-*" -newer "$build/findings/.before" | sort)
    echo "fuzz: $name failed: ${#found[@]} inputs in $build/findings; log: $log"
    if [ "${#found[@]}" -eq 0 ]; then
        tail -n 15 "$log"
        continue
    fi
    echo "fuzz: again with: $build/fuzz_$name ${found[0]}"
    # The shell's own word that it was aborted says nothing new.
    {
        timeout 60 "$build/fuzz_$name" "${found[0]}" 2>&1 |
            grep -m 1 -A 12 -E 'assertion failed|runtime error|ERROR: |expected: '
    } 2>/dev/null || true
done
exit "$failed"
