#!/usr/bin/env python3
"""prove_instrument.py [--outcry PROGRAM] [--trials N] [PROOF...]: can `outcry verify` be believed?

Each proof plants something known and looks whether the instrument finds it:

  delay    a busy delay of 20 us for each request, on echo servers and on venues: found within 10 %
  calls    system calls as counted by the backends and by the tracepoint, against strace -c
  slower   a stack made 15 % slower is called worse in every one of N verifications (default 20)
  same     the same stack under two names is called neither better nor worse, 0 of N
  stall    a server that stands still for 100 ms shows in the p99.9 of the open loop

`slower` and `same` first measure the resolution once, in an A/A run of 24 blocks, and then judge
each verification of 10 blocks with it, as a user would who measured A/A the day before. For 0 of N
the exact interval of Clopper and Pearson is printed. Without names all are run: about four minutes.
The machine should be quiet. Exit status 1 if a proof fails. Linux, and for `calls` strace.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CELL = "ping-pong/100B/same-core"
VENUE_CELL = "request-response/1/same-core"
PATIENCE_S = 600


class Proof:
    """One program under test, and a folder for its files."""

    def __init__(self, outcry, folder):
        self.outcry = outcry
        self.folder = pathlib.Path(folder)
        self.failures = 0
        self.number = 0

    def say(self, name, good, text):
        """Print one finding."""
        self.failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {name}: {text}", flush=True)

    def verify(self, *arguments):
        """Run `outcry verify` and return (report, path of its file of runs)."""
        self.number += 1
        path = self.folder / f"{self.number}.json"
        done = subprocess.run(
            [self.outcry, "verify", "--quiet", "--json", str(path), *map(str, arguments)],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode != 0:
            sys.exit(f"outcry verify ended with {done.returncode}: {done.stderr}")
        with open(path, encoding="utf-8") as file:
            return json.load(file), f"{path}.runs"


def medians(report, cell, metric):
    """{stack: median over kept runs}."""
    values = {}
    for run in report["runs"]:
        if run["cell"] == cell and run["exclusion"] == "kept" and metric in run["metrics"]:
            values.setdefault(run["stack"], []).append(run["metrics"][metric])
    return {stack: statistics.median(of) for stack, of in values.items()}


def planted(report, cell, metric):
    """Median over the blocks of altered - epoll: both runs of a pair had the same neighbours."""
    values = {}
    for run in report["runs"]:
        if run["cell"] == cell and run["exclusion"] == "kept":
            values.setdefault(run["block"], {})[run["stack"]] = run["metrics"][metric]
    return statistics.median(pair["altered"] - pair["epoll"] for pair in values.values()
                             if len(pair) == 2)


def verdict(report, metric):
    """(verdict, log ratio) of epoll : altered in the cell."""
    for one in report["judgement"]["comparisons"]:
        if (one["pair"], one["cell"], one["metric"]) == ("epoll:altered", CELL, metric):
            return one["verdict"], one["log_ratio"]
    sys.exit("the report has no comparison of epoll with altered")


def prove_delay(proof):
    """A known delay is found."""
    wanted = 20000
    for cell, scenario in ((CELL, "ping-pong"), (VENUE_CELL, "request-response")):
        report, _ = proof.verify("--scenario", scenario, "--stacks", "epoll,altered", "--seed", 1,
                                 "--blocks", 10, "--duration-ms", 200, "--altered-delay-ns",
                                 wanted)
        for metric in ("latency_p50", "server_cpu"):
            delay = planted(report, cell, metric)
            proof.say("delay", abs(delay - wanted) <= wanted / 10,
                      f"{cell}, {metric}: planted {wanted / 1e3:.1f} us, "
                      f"found {delay / 1e3:.2f} us")


def round_trips(outcry, net, count, trace):
    """(strace's total, the server's own count) for `count` messages, set-up included."""
    server = subprocess.Popen(["strace", "-f", "-c", "-o", trace, outcry, "echo", "--net", net],
                              stderr=subprocess.PIPE, text=True)
    port = int(re.search(r"listening on \S+:(\d+)", server.stderr.readline()).group(1))
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            client.sendall(b"x" * 64)
            left = 64
            while left > 0:
                left -= len(client.recv(left))
        pid = int(pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
                  .split()[0])
        os.kill(pid, signal.SIGUSR2)
        own = int(re.search(r"system_calls=(\d+)", server.stderr.readline()).group(1))
        os.kill(pid, signal.SIGTERM)
    server.wait(60)
    server.stderr.close()
    total = re.search(r"^\S+\s+\S+\s+\S*\s+(\d+)\s+(?:\d+\s+)?total$",
                      pathlib.Path(trace).read_text(encoding="utf-8"), re.M)
    return int(total.group(1)), own


def prove_calls(proof):
    """Counted system calls are those that strace sees."""
    if shutil.which("strace") is None:
        proof.say("calls", False, "strace is not installed")
        return
    trace = str(proof.folder / "trace")
    report, _ = proof.verify("--scenario", "ping-pong,request-response", "--seed", 1, "--blocks",
                             2, "--duration-ms", 100, "--stacks", "epoll,io_uring,floor,libuv")
    counted = {}
    for net, stack in (("epoll", "epoll"), ("io_uring", "io_uring"), ("blocking", "floor")):
        few = round_trips(proof.outcry, net, 1000, trace)
        many = round_trips(proof.outcry, net, 3000, trace)
        strace = (many[0] - few[0]) / 2000
        own = (many[1] - few[1]) / 2000
        proof.say("calls", abs(own / strace - 1) < 0.01,
                  f"{net}: strace {strace:.3f} for each message, the backend's counter {own:.3f}")
        counted[stack] = own
    found = medians(report, CELL, "system_calls")
    for stack, own in counted.items():
        if stack in found:
            proof.say("calls", abs(found[stack] / own - 1) < 0.02,
                      f"{stack}: {found[stack]:.3f} in a verification")
    venue = medians(report, VENUE_CELL, "system_calls")
    for stack, calls in venue.items():
        proof.say("calls", abs(calls / counted[stack] - 1) < 0.02,
                  f"venue on {stack}: {calls:.3f} by the tracepoint")


def interval_of_none(trials):
    """Upper end of the 95 % interval of Clopper and Pearson for 0 of `trials`."""
    return 1 - 0.025 ** (1 / trials)


def prove_verdicts(proof, trials, names):
    """A slower stack is called so, the same stack is not."""
    common = ("--scenario", "ping-pong", "--stacks", "epoll,altered", "--duration-ms", 150,
              "--pairs", "epoll:altered")
    first, runs = proof.verify(*common, "--seed", 1, "--blocks", 24)
    base = medians(first, CELL, "latency_p50")["epoll"]
    print(f"     resolution from 24 blocks of A/A; p50 of epoll {base / 1e3:.2f} us", flush=True)
    for name in names:
        delay = round(base * 0.15) if name == "slower" else 0
        verdicts = []
        for trial in range(trials):
            report, _ = proof.verify(*common, "--seed", 100 + trial, "--blocks", 10, "--aa", runs,
                                     "--altered-delay-ns", delay)
            verdicts.append(verdict(report, "latency_p50")[0])
        counts = {word: verdicts.count(word) for word in sorted(set(verdicts))}
        if name == "slower":
            proof.say(name, verdicts.count("worse") == trials,
                      f"15 % slower: {counts} of {trials}")
        else:
            wrong = trials - sum(word not in ("better", "worse") for word in verdicts)
            proof.say(name, wrong == 0,
                      f"A/A: {wrong} of {trials} called different (95 % interval for 0 of "
                      f"{trials}: 0 to {100 * interval_of_none(trials):.1f} %): {counts}")


def prove_stall(proof):
    """SIGSTOP of the server shows where a closed loop would hide it."""
    path = proof.folder / "stall.json"
    process = subprocess.Popen(
        [proof.outcry, "verify", "--quiet", "--scenario", "percentiles", "--stacks",
         "epoll,altered", "--blocks", "1", "--duration-ms", "2000", "--seed", "1", "--json",
         str(path)], stdout=subprocess.DEVNULL)
    runs = pathlib.Path(f"{path}.runs")
    while not runs.exists() or runs.read_text(encoding="utf-8").count("\n") < 3:
        time.sleep(0.005)
    server = None
    while server is None:
        for task in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children"):
            for child in task.read_text().split():
                if b"serve" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    server = int(child)
    time.sleep(1.2)
    os.kill(server, signal.SIGSTOP)
    time.sleep(0.1)
    os.kill(server, signal.SIGCONT)
    process.wait(PATIENCE_S)
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    found = [run["metrics"]["latency_p999"] / 1e6 for run in report["runs"]
             if run["offered_rate"] > 0]
    proof.say("stall", max(found) > 80,
              f"p99.9 with the server stopped for 100 ms in 2 s: {max(found):.1f} ms, without: "
              f"{min(found):.1f} ms")


def main():
    """Run the proofs that are named."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outcry", default=str(ROOT / "build/release/outcry"))
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("proofs", nargs="*", metavar="PROOF")
    arguments = parser.parse_args()
    proofs = arguments.proofs or ["delay", "calls", "stall", "slower", "same"]
    unknown = set(proofs) - {"delay", "calls", "stall", "slower", "same"}
    if unknown:
        parser.error(f"no such proof: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder:
        proof = Proof(arguments.outcry, folder)
        if "delay" in proofs:
            prove_delay(proof)
        if "calls" in proofs:
            prove_calls(proof)
        if "stall" in proofs:
            prove_stall(proof)
        names = [name for name in ("slower", "same") if name in proofs]
        if names:
            prove_verdicts(proof, arguments.trials, names)
    return 1 if proof.failures else 0


if __name__ == "__main__":
    sys.exit(main())
