#!/bin/sh
# test-kernels-init.sh - process 1 of the virtual machines of tools/test-kernels.sh.
#
# Started by the kernel with oc_expect=io_uring|epoll on its command line: what `--net auto` must
# choose here. oc_deny=ERRNO starts everything below a seccomp filter that answers the io_uring
# calls with it. Each check prints "@@ ok NAME" or "@@ FAILED NAME", the last line is "@@ end"; the
# host reads that on the serial line. No `set -e`: a check that fails must not end process 1.
if [ $$ -eq 1 ]; then
    mount -t proc proc /proc
    mount -t sysfs sys /sys
    mount -t devtmpfs dev /dev
    ip link set lo up
    ulimit -n 20000
fi
for word in $(cat /proc/cmdline); do
    case $word in
    oc_expect=*) expect=${word#*=} ;;
    oc_deny=*) deny=${word#*=} ;;
    esac
done

address=127.0.0.1:7400
venue=

check() { # NAME COMMAND...: says whether the command succeeded
    name=$1
    shift
    if "$@"; then
        echo "@@ ok $name"
    else
        echo "@@ FAILED $name"
    fi
}

# start NET [PREFIX...]: a venue; shows its line about the network, or its error.
start() {
    net=$1
    shift
    : >/tmp/log # now: the venue's process may empty it after we have read what the last one said
    "$@" /bin/outcry serve --net "$net" --listen "$address" 2>/tmp/log &
    venue=$!
    for _ in $(seq 300); do
        if grep -q "listening on" /tmp/log; then
            sed -n 's/.* info network /    network: /p' /tmp/log
            return 0
        fi
        kill -0 "$venue" 2>/dev/null || break
        sleep 0.1
    done
    sed 's/^/    /' /tmp/log
    return 1
}

stop() {
    kill -TERM "$venue"
    wait "$venue"
}

# A buyer, a seller, and then a flow of which every reply is known beforehand.
trade() {
    /bin/outcry order buy BTC/USD 10@50000 --user 101 --connect "$address" &&
        /bin/outcry order sell BTC/USD 4@49990 --user 102 --connect "$address" >/tmp/sold &&
        grep "50000" /tmp/sold &&
        /bin/outcry load --connect "$address" --flow equity --seed 23 --connections 4 \
            --instruments 8 --window 16 --requests 20000 --quiet >/tmp/load &&
        grep -i -E "requests|replies|checked|throughput" /tmp/load
}

# serves NET WANTED [PREFIX...]: NET starts, chooses WANTED, trades, and ends with status 0.
serves() {
    net=$1
    wanted=$2
    shift 2
    if ! start "$net" "$@"; then
        return 1
    fi
    trade && traded=0 || traded=1
    stop && [ "$traded" -eq 0 ] &&
        [ "$(grep -v " network counters: " /tmp/log | grep -c " network $wanted")" -eq 1 ]
}

# refuses WORDS: --net io_uring does not start, exits 1, and names cause and mend.
refuses() {
    /bin/outcry serve --net io_uring --listen "$address" 2>/tmp/log
    [ $? -eq 1 ] && sed -n 's/.* error /    refused: /p' /tmp/log &&
        grep -q "io_uring cannot be used: .*$1.* Mend: " /tmp/log
}

# probes CHOICE WORDS [PREFIX...]
probes() {
    choice=$1
    words=$2
    shift 2
    "$@" /bin/outcry probe --json >/tmp/probe && grep -q "\"choice\": \"$choice\"" /tmp/probe &&
        grep -q "\"reason\": \".*$words" /tmp/probe
}

# The contract suite: on both backends where io_uring is to be had, else on epoll.
contract() {
    for suite in /bin/io_contract.*; do
        echo "--- ${suite##*/}"
        "$suite" >/tmp/suite 2>&1
        status=$?
        passed=$(grep -c "^\[       OK \] io_uring" /tmp/suite)
        echo "    passed: $(grep -c "^\[       OK \] epoll" /tmp/suite) on epoll," \
            "$passed on io_uring"
        if [ "$status" -ne 0 ] || { [ "$expect" = io_uring ] && [ "$passed" -eq 0 ]; }; then
            cat /tmp/suite
            return 1
        fi
    done
}

main() {
    echo "@@ begin $(uname -r), to choose $expect${deny:+, io_uring calls answered with $deny}"
    /bin/outcry --version
    /bin/outcry probe
    case $expect in
    io_uring)
        check "probe" probes io_uring "offers all it needs"
        check "trade on io_uring" serves io_uring io_uring
        check "trade on io_uring as an ordinary user" serves auto io_uring \
            /bin/sandbox --uid 1000
        check "auto falls back in a sandbox" serves auto "epoll, because .*seccomp" \
            /bin/sandbox --uid 1000 --deny all=EPERM
        check "64 KiB of locked memory" serves auto "" /bin/sandbox --uid 1000 --memlock 64
        if [ -e /proc/sys/kernel/io_uring_disabled ]; then
            switched_off
        fi
        ;;
    epoll)
        if [ -n "$deny" ]; then
            why="a seccomp filter .* forbids io_uring_setup"
        elif [ "$(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null)" = 2 ]; then
            why="kernel.io_uring_disabled=2 forbids it to every process"
        else
            why="is too old: DEFER_TASKRUN"
        fi
        check "probe" probes epoll "$why"
        check "auto falls back" serves auto "epoll, because io_uring cannot be used: .*$why"
        check "io_uring refuses" refuses "$why"
        ;;
    esac
    check "trade on epoll where an io_uring call kills" serves epoll "epoll, as asked" \
        /bin/sandbox --deny all=kill
    check "contract suite" contract
}

# The sysctl of Linux 6.6, set while the machine runs.
switched_off() {
    sysctl -w kernel.io_uring_disabled=1
    check "sysctl 1: root may" probes io_uring "offers all it needs"
    check "sysctl 1: an ordinary user may not" serves auto "epoll, because .*=1 allows it only" \
        /bin/sandbox --uid 1000
    sysctl -w kernel.io_uring_disabled=2
    check "sysctl 2: auto falls back" serves auto "epoll, because .*=2 forbids it"
    check "sysctl 2: io_uring refuses" refuses "=2 forbids it to every process"
    sysctl -w kernel.io_uring_disabled=0
    check "sysctl 0: as the mend says" serves auto io_uring
}

if [ "$1" = main ]; then
    main
elif [ -n "$deny" ]; then
    /bin/sandbox --deny "all=$deny" /bin/busybox sh "$0" main
else
    main
fi
if [ $$ -eq 1 ]; then
    echo "@@ end"
    poweroff -f
fi
