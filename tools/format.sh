#!/bin/bash
# format.sh format|format-check - lay out every C file by .clang-format, or say which files differ.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -d '' -t files < <(
    for folder in src tests fuzz bench examples; do
        [ ! -d "$folder" ] || find "$folder" -name '*.[ch]' -print0
    done | sort -z)
[ "${#files[@]}" -gt 0 ] || exit 0

case "${1:-}" in
format)
    clang-format -i "${files[@]}"
    ;;
format-check)
    if ! clang-format --dry-run --Werror "${files[@]}"; then
        echo "format: the files above are laid out differently. Mend: make format" >&2
        exit 1
    fi
    echo "format: ${#files[@]} files are laid out as .clang-format says"
    ;;
*)
    echo "usage: tools/format.sh format|format-check" >&2
    exit 2
    ;;
esac
