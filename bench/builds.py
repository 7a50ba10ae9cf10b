#!/usr/bin/env python3
"""builds.py [OPTION...] OLD NEW - what a change of an io backend is worth.

OLD and NEW are two builds of outcry. Each runs as a bare echo server (`outcry echo`) on one io
backend, so that nothing but the network is measured. A run is a fresh server process and one closed
loop against it; the runs of a pair follow each other directly, in an order drawn by lot, and the
pairs of all cases are shuffled, so that whatever else happens on the host hits both builds alike.

Printed for each case: the median over the pairs of NEW / OLD with an interval that holds it with at
least 95 % (order statistics), for the CPU time of the server for a message (its process's clock,
user and system) and for the time that goes by for a message, which also holds the client's part;
then the medians of both builds of these, of the server's own count of system calls for a message,
and of the latency. Below 1, NEW is better. If OLD and NEW are the same file, the ratios are what
the tool finds where there is nothing to find.

CASE is CONNECTIONSxWINDOW[/MESSAGES][@cross]: the connections, the messages in flight on each; the
messages after which a single connection makes way for a new one; @cross puts the client on another
CPU than the server's. The default is 1x1,1x16,64x1,1000x1.
"""
import argparse
import filecmp
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys

from common import heading, ratio_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVER_CPU = 0
CASES = "1x1,1x16,64x1,1000x1"
WINDOW_MAX = {True: 256, False: 16}  # of the client of one connection, of many
FIELDS = ("cpu", "wall", "calls", "p50")


class Case:
    """What one run does."""

    def __init__(self, name):
        self.name = name
        match = re.fullmatch(r"(\d+)x(\d+)(?:/(\d+))?(@cross)?", name)
        if match is None:
            sys.exit(f"builds.py: \"{name}\" is no CASE such as 64x1 or 1x16@cross")
        self.connections, self.window = int(match[1]), int(match[2])
        self.client_cpu = SERVER_CPU if match[4] is None else 1 - SERVER_CPU
        self.messages = int(match[3] or 0)
        limit = WINDOW_MAX[self.connections == 1]
        if not (1 <= self.connections <= 10000 and 1 <= self.window <= limit):
            sys.exit(f"builds.py: {name}: 1 to 10,000 connections, a window of 1 to {limit}")
        if self.messages > 0 and self.connections > 1:
            sys.exit(f"builds.py: {name}: only a single connection makes way for others")

    def run(self, arguments, program, environment):
        """One run; the figures by name."""
        # The first messages on many connections find nothing in any cache.
        warmup_ms = 50 if self.connections < 500 else 100
        done = subprocess.run(
            [arguments.build / "bench/bench_raw", program, arguments.net, str(SERVER_CPU),
             str(self.client_cpu), str(self.connections), str(self.window), str(self.messages),
             str(arguments.size), str(warmup_ms), str(round(arguments.seconds * 1000))],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
            env={**os.environ, **environment})
        if done.returncode != 0:
            sys.exit(f"builds.py: {self.name}: {done.stderr.strip()}")
        return dict(zip(FIELDS, map(float, done.stdout.split())))


def arguments_of(argv):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="io_uring", choices=("io_uring", "epoll"),
                        help="the backend (default: %(default)s)")
    parser.add_argument("--cases", default=CASES, metavar="CASE,...")
    parser.add_argument("--pairs", type=int, default=40, help="of each case (default: 40)")
    parser.add_argument("--seconds", type=float, default=0.3,
                        help="measured of each run, behind 0.05 to 0.1 of warm-up (default: 0.3)")
    parser.add_argument("--size", type=int, default=64,
                        help="bytes of a message, 5 to 1000 (default: 64)")
    parser.add_argument("--seed", type=int, default=1, help="of the order (default: 1)")
    parser.add_argument("--env-old", action="append", default=[], metavar="NAME=VALUE",
                        help="in the environment of OLD's servers only")
    parser.add_argument("--env-new", action="append", default=[], metavar="NAME=VALUE",
                        help="in the environment of NEW's servers only")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release",
                        help="where bench/bench_raw is (default: build/release)")
    parser.add_argument("old", type=pathlib.Path, metavar="OLD")
    parser.add_argument("new", type=pathlib.Path, metavar="NEW")
    arguments = parser.parse_args(argv)
    if arguments.pairs < 6 or arguments.seconds < 0.01 or not 5 <= arguments.size <= 1000:
        parser.error("at least 6 pairs (for an interval of 95 %) of 0.01 s, 5 to 1000 bytes")
    for setting in (*arguments.env_old, *arguments.env_new):
        if "=" not in setting:
            parser.error(f"\"{setting}\": NAME=VALUE is needed")
    return arguments


def measure(arguments, cases):
    """All pairs: {case's name: ([figures of OLD], [figures of NEW])}."""
    lot = random.Random(arguments.seed)
    builds = [(str(program.resolve()), dict(setting.split("=", 1) for setting in settings))
              for program, settings in ((arguments.old, arguments.env_old),
                                        (arguments.new, arguments.env_new))]
    figures = {case.name: ([], []) for case in cases}
    turns = [case for case in cases for _ in range(arguments.pairs)]
    lot.shuffle(turns)
    for case in turns:
        for side in lot.sample((0, 1), 2):
            figures[case.name][side].append(case.run(arguments, *builds[side]))
    return figures


def print_case(name, old, new):
    """One line of the table."""
    def column(side, field):
        return [run[field] for run in side]

    ratios = []
    for field in ("cpu", "wall"):
        middle, low, high = ratio_of(column(new, field), column(old, field))
        ratios.append(f"{middle:.4f} [{low:.4f} {high:.4f}]")
    medians = [[statistics.median(column(side, field)) for side in (old, new)] for field in FIELDS]
    cpu, wall, calls, p50 = medians
    print(f"{name:12} {ratios[0]:>22} {ratios[1]:>22} {cpu[0]:7.0f} {cpu[1]:7.0f} "
          f"{wall[0]:8.0f} {wall[1]:8.0f} {calls[0]:7.3f} {calls[1]:7.3f} "
          f"{p50[0] / 1e3:8.1f} {p50[1] / 1e3:8.1f}", flush=True)


def main(argv):
    """Measures and prints."""
    arguments = arguments_of(argv)
    cases = [Case(name) for name in dict.fromkeys(arguments.cases.split(","))]
    same = filecmp.cmp(arguments.old, arguments.new, shallow=False) and \
        arguments.env_old == arguments.env_new
    heading(f"{'A/A, ' if same else ''}{arguments.net}: old "
            f"{' '.join(map(str, [*arguments.env_old, arguments.old]))}, new "
            f"{' '.join(map(str, [*arguments.env_new, arguments.new]))}; {arguments.pairs} pairs "
            f"of {arguments.seconds:g} s a case, {arguments.size} bytes")
    figures = measure(arguments, cases)
    print(f"{'':12} {'CPU new/old [95 %]':>22} {'time new/old [95 %]':>22} "
          f"{'CPU ns/message':>15} {'time ns/message':>17} {'calls/message':>15} "
          f"{'p50 us':>17}")
    print(f"{'case':12} {'':22} {'':22} " +
          " ".join(f"{'old':>{width}} {'new':>{width}}" for width in (7, 8, 7, 8)))
    for name, (old, new) in figures.items():
        print_case(name, old, new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
