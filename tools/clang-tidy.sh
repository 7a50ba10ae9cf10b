#!/bin/bash
# clang-tidy.sh BUILD-FOLDER - the checks of .clang-tidy over every C file of a build made with
# clang.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1

mapfile -t files < <(/usr/bin/python3 -B - "$build/compile_commands.json" <<'PY'
import json, sys
print("\n".join(sorted({entry["file"] for entry in json.load(open(sys.argv[1]))})))
PY
)
# One file for each process: given several, clang-tidy 14 reports va_lists as uninitialised that
# are not.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p "$build" >"$log" 2>&1; then
    noise='^[0-9]+ (warning|error)s?.* generated|^Suppressed |^Use -header-filter'
    grep -vE "$noise" "$log" >&2 || true
    echo "clang-tidy: see above. Mend the code, or write NOLINTNEXTLINE(check) with the reason" >&2
    exit 1
fi
echo "clang-tidy: ${#files[@]} files, nothing found"
