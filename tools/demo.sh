#!/bin/sh
# make demo: real order flow over TCP into the matching engine, on io_uring and again on epoll,
# every reply checked; then both stacks measured side by side. Exit status 1 as soon as one reply is
# not what it must be.
#
# OUTCRY             the program; default build/release/outcry
# OUTCRY_LOBSTER_DIR where the NASDAQ files are; default ../shared/data/lobster
set -eu
cd "$(dirname "$0")/.."

outcry=${OUTCRY:-build/release/outcry}
files=${OUTCRY_LOBSTER_DIR:-../shared/data/lobster}
work=$(mktemp -d)
venue=

# Stops the venue by its own process id and waits for its end.
stop() {
    if [ -n "$venue" ]; then
        kill -TERM "$venue" 2>/dev/null || true
        wait "$venue" || echo "the venue ended with status $?" >&2
        venue=
    fi
}
trap 'stop; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# start NET: runs a venue on a free port of loopback and sets $address; fails with its log if it
# does not listen.
start() {
    : >"$work/log"
    "$outcry" serve --net "$1" --listen 127.0.0.1:0 2>"$work/log" &
    venue=$!
    for _ in $(seq 200); do
        address=$(sed -n 's/.*listening on \([^ ]*\).*/\1/p' "$work/log")
        if [ -n "$address" ]; then
            sed -n 's/.* info network /network: /p' "$work/log"
            return 0
        fi
        kill -0 "$venue" 2>/dev/null || break
        sleep 0.05
    done
    wait "$venue" || true
    venue=
    cat "$work/log" >&2
    return 1
}

# The first file of this name pattern, or nothing.
first() {
    for file in "$files"/$1; do
        if [ -r "$file" ]; then
            echo "$file"
            return
        fi
    done
}

play() {
    messages=$(first '*_message_*.csv')
    book=$(first '*_orderbook_*.csv')

    echo
    echo "1. A seeded equity flow, as fast as it goes. A naive reference matcher has said before"
    echo "   what every reply must be."
    "$outcry" load --connect "$address" --flow equity --seed 23 --connections 4 --instruments 8 \
        --window 16 --requests 300000 --quiet

    echo
    echo "2. The same flow at 10,000 requests a second: latency from the intended send time."
    "$outcry" load --connect "$address" --flow equity --seed 23 --connections 4 --instruments 8 \
        --rate 10k --warmup 500ms --duration 2500ms --quiet

    echo
    if [ -n "$messages" ] && [ -n "$book" ]; then
        echo "3. $(grep -c '' "$messages") rows of real NASDAQ order flow: $(basename "$messages")"
        "$outcry" load --connect "$address" --flow lobster --messages "$messages" --book "$book" \
            --window 32 --quiet
        echo
        symbol=$(basename "$messages" | cut -d_ -f1)
        echo "   The book it leaves (prices in 1/10,000 dollar): outcry book $symbol --depth 5"
        "$outcry" book "$symbol" --depth 5 --connect "$address"
    else
        echo "3. Left out: no NASDAQ files in $files. Their publisher offers"
        echo "   them: lobsterdata.com, data samples, AAPL of 2012-06-21 with 10 levels. With them:"
        echo "   OUTCRY_LOBSTER_DIR=... make demo"
        echo
        echo "   The book that the equity flow leaves: outcry book EQ1000.0 --depth 5"
        "$outcry" book EQ1000.0 --depth 5 --connect "$address"
    fi
}

"$outcry" --version
for net in io_uring epoll; do
    echo
    echo "=== on $net"
    if start "$net"; then
        play
        stop
    elif [ "$net" = io_uring ]; then
        echo "io_uring cannot be used here, see above: going on with epoll"
    else
        exit 1
    fi
done
echo
echo "Every reply was right."
echo
echo "=== Which stack pays on this host? outcry verify --quick"
"$outcry" verify --quick
