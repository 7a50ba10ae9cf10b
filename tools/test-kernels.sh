#!/bin/bash
# test-kernels.sh BUILD-FOLDER - boot Debian's own kernels in QEMU and try the program in each.
#
# Each virtual machine is a kernel of a Debian suite and an image in memory that this script makes:
# busybox, the program, the contract suite of the io backends, and their libraries. What is done
# inside is in test-kernels-init.sh. Nothing is installed in /boot and nothing of this machine is
# reached: there is no disk and no network. Kernels and logs are kept in BUILD-FOLDER/../kernels.
#
# KERNELS        which, of: 5.10 6.1 6.1-eperm 6.12 6.12-off; default all
# QEMU_ACCEL     tcg (emulated, the default: needs nothing) or kvm
# DEBIAN_MIRROR  where the kernels come from; default http://deb.debian.org
#
# Exit status 1 when a check failed, a machine did not come to its end, or a kernel was not to be
# had.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
store=$(dirname "$build")/kernels
accel=${QEMU_ACCEL:-tcg}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org}
patience_s=600
cpu=max
if [ "$accel" = tcg ]; then
    # QEMU 7.2 of Debian 12 emulates CMPXCHG16B with wrong flags behind it now and then: Linux 6.12,
    # which allocates with it, dies of a double fault. Without it the kernel has another way.
    cpu=max,-cx16
fi
declare -A results=()

# The kernel of a suite, and what `--net auto` has to choose there.
describe() {
    options=
    case $1 in
    5.10) suite="debian-security bullseye-security" expect=epoll ;;
    6.1) suite="debian-security bookworm-security" expect=io_uring ;;
    6.1-eperm) suite="debian-security bookworm-security" expect=epoll options="oc_deny=EPERM" ;;
    6.12) suite="debian bookworm-backports" expect=io_uring ;;
    6.12-off)
        suite="debian bookworm-backports" expect=epoll
        options="sysctl.kernel.io_uring_disabled=2"
        ;;
    *)
        echo "test-kernels: $1: 5.10, 6.1, 6.1-eperm, 6.12 or 6.12-off is needed" >&2
        exit 2
        ;;
    esac
    version=${1%%-*}
}

# Package lists, cache and sources of its own: the configuration of apt (proxies) counts, its
# sources and what is installed here do not.
private_apt() {
    local folder=$1
    shift
    "$@" -q -o Dir::State="$folder/state" -o Dir::State::status="$folder/status" \
        -o Dir::Cache="$folder/cache" -o Dir::Etc::SourceList="$folder/sources.list" \
        -o Dir::Etc::SourceParts=- -o Dir::Etc::PreferencesParts=- -o Dir::Etc::Preferences=- \
        -o APT::Sandbox::User= -o Acquire::Languages=none -o Acquire::Retries=2
}

# fetch VERSION: leaves $store/VERSION/vmlinuz; downloads nothing if it is there.
fetch() {
    local folder=$store/$1 package
    [ ! -e "$folder/vmlinuz" ] || return 0
    rm -rf "${folder:?}"
    mkdir -p "$folder/apt/state/lists/partial" "$folder/apt/cache/archives/partial"
    folder=$(realpath "$folder")
    : >"$folder/apt/status"
    echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "$mirror/${suite% *} ${suite#* } main" >"$folder/apt/sources.list"
    private_apt "$folder/apt" apt-get update >"$folder/apt.log" 2>&1 || return 1
    package=$(private_apt "$folder/apt" apt-cache depends linux-image-cloud-amd64 2>/dev/null |
        sed -n 's/^ *Depends: //p')
    [ -n "$package" ] || return 1
    echo "  fetching $package from ${suite#* }"
    (cd "$folder" && private_apt "$folder/apt" apt-get download "$package") \
        >>"$folder/apt.log" 2>&1 || return 1
    dpkg-deb --fsys-tarfile "$folder"/linux-image-*.deb | tar -x -C "$folder" ./boot || return 1
    mv "$folder"/boot/vmlinuz-* "$folder/vmlinuz" || return 1
    rm -rf "${folder:?}"/{linux-image-*.deb,apt,boot}
}

make_image() {
    local root=$store/image program library
    rm -rf "$root"
    mkdir -p "$root"/{bin,dev,proc,sys,tmp}
    cp /bin/busybox "$root/bin/" 2>/dev/null || cp /usr/bin/busybox "$root/bin/"
    while read -r program; do
        ln -sf busybox "$root/bin/$program"
    done < <("$root/bin/busybox" --list | grep -vx busybox)
    cp "$build/outcry" "$build/tests/sandbox" "$build"/tests/io_contract.* "$root/bin/"
    # ldd prints "name => /path (address)" or "/path (address)"; the vdso has no path.
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp -L "$library" "$root$library"
    done < <(ldd "$root"/bin/{outcry,sandbox,io_contract.*} | grep -o '/[^ ]*\.so[^ ]*' | sort -u)
    cp tools/test-kernels-init.sh "$root/init"
    chmod 755 "$root/init" "$root"/bin/*
    (cd "$root" && find . | cpio -o -H newc --quiet -R 0:0 | gzip -1) >"$store/image.gz"
}

# boot NAME: runs the machine to its end; its serial line goes to $store/NAME.log.
boot() {
    local status=0 log=$store/$1.log
    timeout --kill-after=5 "$patience_s" \
        qemu-system-x86_64 -machine pc -accel "$accel" -cpu "$cpu" -smp 2 -m 1024 -nodefaults \
        -no-user-config -display none -no-reboot -serial stdio \
        -kernel "$store/$version/vmlinuz" -initrd "$store/image.gz" \
        -append "console=ttyS0 quiet panic=-1 rdinit=/init oc_expect=$expect $options" \
        </dev/null >"$log.raw" 2>&1 || status=$?
    tr -d '\r' <"$log.raw" >"$log"
    rm -f "$log.raw"
    sed -n '/^@@ begin/,$p' "$log" | sed 's/^/  /'
    if [ "$status" -ne 0 ]; then
        echo "  the machine ended with status $status (124: not within $patience_s s)"
    fi
    if ! grep -q '^@@ end' "$log" || ! grep -Eq '^@@ (ok|FAILED) contract suite' "$log"; then
        echo "  it did not come to its end; the last lines of $log:"
        tail -n 15 "$log" | sed 's/^/    /'
        return 1
    fi
    ! grep -q '^@@ FAILED' "$log" && [ "$status" -eq 0 ]
}

if [ "$(uname -m)" != x86_64 ]; then
    echo "test-kernels: the program is built for $(uname -m), the kernels are for x86_64" >&2
    exit 1
fi
mkdir -p "$store"
make_image
status=0
names=${KERNELS:-5.10 6.1 6.1-eperm 6.12 6.12-off}
for name in $names; do
    describe "$name"
    echo "== $name${options:+ ($options)}: to choose $expect"
    begin=$SECONDS
    if ! fetch "$version"; then
        echo "  the kernel could not be fetched: $store/$version/apt.log says why. Leave it out" \
            "with KERNELS=\"...\""
        results[$name]="NOT TRIED: no kernel"
        status=1
        continue
    fi
    if boot "$name"; then
        results[$name]="ok"
    else
        results[$name]="FAILED"
        status=1
    fi
    log=$store/$name.log
    results[$name]+=", $(grep -c '^@@ ok' "$log" || true) checks passed,"
    results[$name]+=" $(grep -c '^@@ FAILED' "$log" || true) failed, $((SECONDS - begin)) s:"
    results[$name]+=" $(sed -n 's/^@@ begin //p' "$log")"
done
echo
for name in $names; do
    echo "$name: ${results[$name]}"
done
exit "$status"
