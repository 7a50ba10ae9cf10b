#!/bin/bash
# deps.sh build|all|kernels|fuzz|tokio - make sure that the Debian packages needed are installed.
#
# This is the one place where packages are listed. `build` is what building and testing need, `all`
# adds what `make check` needs, `kernels` adds to `build` what `make test-kernels` needs, `fuzz`
# adds to `all` what `make fuzz-afl` needs, `tokio` is what `make baseline-tokio` needs. Says
# nothing and touches nothing when all are there: then it costs one dpkg-query.
set -euo pipefail

build_packages=(
    build-essential cmake ninja-build pkg-config git python3
    liburing-dev libxxhash-dev libjansson-dev libinih-dev libcmocka-dev libuv1-dev
)
check_packages=(clang clang-14 clang-tidy clang-format libclang-rt-14-dev valgrind strace)
fuzz_packages=(afl++)
tokio_packages=(
    build-essential librust-bytes-dev librust-futures-util-dev librust-libc-dev
    librust-serde-derive-dev librust-serde-dev librust-serde-json-dev librust-tokio-dev
    librust-tokio-util-dev
)
# Debian's own, unless there is another.
command -v cargo >/dev/null || tokio_packages+=(cargo rustc)
kernels_packages=(qemu-system-x86 busybox-static cpio)

case "${1:-build}" in
build) packages=("${build_packages[@]}") ;;
all) packages=("${build_packages[@]}" "${check_packages[@]}") ;;
kernels) packages=("${build_packages[@]}" "${kernels_packages[@]}") ;;
fuzz) packages=("${build_packages[@]}" "${check_packages[@]}" "${fuzz_packages[@]}") ;;
tokio) packages=("${tokio_packages[@]}") ;;
*)
    echo "usage: tools/deps.sh build|all|kernels|fuzz|tokio" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "deps: not a Debian system; these must be installed by hand: ${packages[*]}" >&2
    exit 0
fi

# The names of those packages that are not installed.
missing_packages() {
    local installed
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null ||
        true)
    for package in "${packages[@]}"; do
        grep -qxF "installed $package" <<<"$installed" || echo "$package"
    done
}

mapfile -t missing < <(missing_packages)
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi
echo "deps: installing ${missing[*]}"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: not root and no sudo. As root, run: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

install() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null
}

# The package lists of a fresh machine are empty or old: fetch them only when the first attempt
# fails.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if install >"$log" 2>&1; then
    exit 0
fi
echo "deps: fetching the package lists"
if "${as_root[@]}" apt-get update -q </dev/null >>"$log" 2>&1 && install >>"$log" 2>&1; then
    exit 0
fi
tail -n 20 "$log" >&2
echo "deps: apt-get failed (its last lines are above). Without a network, install these in" >&2
echo "deps: another way and run make again: ${missing[*]}" >&2
exit 1
