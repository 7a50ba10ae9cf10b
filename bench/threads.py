#!/usr/bin/env python3
"""threads.py [OPTION...] - the engine inline against the engine on a thread of its own.

Starts `outcry serve` in every form (inline, dedicated with 1 to 4 io threads) on each stack, and
`outcry load` against it, form after form, round after round, so that a disturbance hits all forms
alike. Prints for each stack, load and number of connections: the median rate, the median p50 and
p99, the median CPU time of the server for a command (user and system, of all its threads, and of
its engine thread alone), and how each form compares with inline: the median over the rounds of the
ratio within a round, with an interval that holds it with at least 95 % (order statistics; with 6
rounds: from the smallest to the largest). A server lives for one run; its CPU time counts from its
"listening" line.

Nothing is pinned unless --cpus says so: the scheduler has to place the load generator as well.
--before PROGRAM compares inline with another build's inline instead.
"""
import argparse
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATIENCE_S = 60

LOADS = {
    "pingpong": ("--flow", "pingpong", "--window", "1"),
    "equity": ("--flow", "equity"),
}


def arguments_of(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--outcry", default=os.path.join(ROOT, "build", "release", "outcry"))
    parser.add_argument("--before", help="compare inline with inline of this program")
    parser.add_argument("--net", action="append", choices=("epoll", "io_uring"))
    parser.add_argument("--load", action="append", choices=sorted(LOADS))
    parser.add_argument("--connections", action="append", type=int)
    parser.add_argument("--io-threads", action="append", type=int)
    parser.add_argument("--busy-poll", type=int, default=0, metavar="US")
    parser.add_argument("--cpus", help="for dedicated: passed on to `outcry serve`")
    parser.add_argument("--load-cpu", help="passed on to `outcry load`")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=100000, help="of equity; pingpong: a third")
    return parser.parse_args(argv)


class Form:
    """One way to serve."""

    def __init__(self, name, program, options):
        self.name = name
        self.command = [program, "serve", "--listen", "127.0.0.1:0", *options]


def forms_of(arguments, net):
    """All forms of a stack; the first is what the others are compared with."""
    spin = ["--net", net, "--busy-poll", str(arguments.busy_poll)]
    inline = [*spin, "--engine", "inline"]
    if arguments.before:
        return [Form("before", arguments.before, spin), Form("inline", arguments.outcry, inline)]
    forms = [Form("inline", arguments.outcry, inline)]
    for threads in arguments.io_threads or (1, 2, 3, 4):
        options = [*spin, "--engine", "dedicated", "--io-threads", str(threads)]
        if arguments.cpus:
            options += ["--cpus", arguments.cpus]
        forms.append(Form(f"dedicated {threads}", arguments.outcry, options))
    return forms


def cpu_ns(pid):
    """CPU time of a process that lives: of its engine thread, and of all its threads."""
    engine = 0
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii") as file:
            name = file.read().strip()
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            used = int(file.read().split()[0])
        total += used
        engine += used if name == "outcry-engine" else 0
    return engine, total


def wait_for(log, pattern, process):
    """The first match of a pattern in the server's log."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        log.seek(0)
        found = re.search(pattern, log.read())
        if found:
            return found
        time.sleep(0.01)
    log.seek(0)
    sys.exit(f"the server did not say {pattern!r}:\n{log.read()}")


def play(arguments, form, load, connections):
    """One server, one load: what was measured."""
    requests = arguments.requests if load == "equity" else arguments.requests // 3
    window = ("--window", str(max(4, 256 // connections))) if load == "equity" else ()
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(form.command, stderr=log)
        try:
            address = wait_for(log, r"listening on (\S+)", server).group(1)
            engine_before_ns, before_ns = cpu_ns(server.pid)
            command = [arguments.outcry, "load", "--json", "--quiet", "--connect", address,
                       *LOADS[load], *window, "--connections", str(connections),
                       "--requests", str(requests)]
            if arguments.load_cpu:
                command += ["--cpu", arguments.load_cpu]
            done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S,
                                  check=False)
            engine_ns, used_ns = cpu_ns(server.pid)
            if done.returncode != 0:
                sys.exit(f"{' '.join(form.command)}: {done.stdout}{done.stderr}")
            server.send_signal(signal.SIGTERM)
            commands = int(wait_for(log, r"stopped after (\d+) commands", server_or_gone(server))
                           .group(1))
        finally:
            if server.poll() is None:
                server.kill()
            server.wait(PATIENCE_S)
    report = json.loads(done.stdout)
    return {"rate": report["rate"], "cpu": (used_ns - before_ns) / commands,
            "engine": (engine_ns - engine_before_ns) / commands,
            "p50": report["latency"]["p50"], "p99": report["latency"]["p99"]}


def server_or_gone(server):
    """After the signal: the log is complete once the process is gone."""
    server.wait(PATIENCE_S)

    class Gone:
        """Looks alive, so that the log is read."""

        @staticmethod
        def poll():
            """Never ended."""
    return Gone


def interval(values):
    """Order statistics around the median that hold it with at least 95 %, or all there are."""
    values = sorted(values)
    count = len(values)
    cut = 0
    while cut + 1 < count / 2:
        outside = sum(math.comb(count, k) for k in range(cut + 2)) * 2 / 2 ** count
        if outside > 0.05:
            break
        cut += 1
    return values[cut], values[count - 1 - cut]


def against(samples, base, key):
    """Median and interval of the ratio within each round."""
    ratios = [sample[key] / other[key] for sample, other in zip(samples, base)]
    low, high = interval(ratios)
    return f"{statistics.median(ratios):5.2f} [{low:.2f} {high:.2f}]"


def measure(arguments, net, load, connections):
    """All forms of one cell, interleaved; prints their lines."""
    forms = forms_of(arguments, net)
    samples = {form.name: [] for form in forms}
    for number in range(arguments.rounds):
        shift = number % len(forms)
        for form in forms[shift:] + forms[:shift]:
            samples[form.name].append(play(arguments, form, load, connections))
    base = samples[forms[0].name]
    for form in forms:
        own = samples[form.name]

        def median(key):
            return statistics.median(sample[key] for sample in own)

        print(f"{net:9}{load:9} {connections:4}  {form.name:12} {median('rate'):9,.0f} "
              f"{median('p50') / 1000:9,.1f} {median('p99') / 1000:9,.1f} "
              f"{median('cpu') / 1000:7.2f} {median('engine') / 1000:7.2f}   "
              f"{against(own, base, 'rate')}   {against(own, base, 'cpu')}", flush=True)


def main():
    """Every cell."""
    arguments = arguments_of(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended, too
    print(f"{os.cpu_count()} CPUs, {arguments.rounds} rounds, busy-poll {arguments.busy_poll} us; "
          f"equity: {arguments.requests} requests, window 256 / connections")
    print(f"{'stack':9}{'load':9} {'conn':>4}  {'engine':12} {'rate/s':>9} {'p50 us':>9} "
          f"{'p99 us':>9} {'cpu us':>7} {'engine':>7}   {'rate / first':19}   cpu / first")
    for net in arguments.net or ("epoll", "io_uring"):
        for load in arguments.load or ("pingpong", "equity"):
            for connections in arguments.connections or (1, 16, 64):
                measure(arguments, net, load, connections)


if __name__ == "__main__":
    main()
