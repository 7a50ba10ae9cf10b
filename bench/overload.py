#!/usr/bin/env python3
"""overload.py [--build DIR] [--rounds N] - what healthy sessions feel of a hostile crowd.

Healthy sessions (`outcry load`, open loop at a fixed rate) are measured on one venue three times a
round, in random order: alone, alone once more, and beside a crowd of one stalled reader, one
flooder, 1,000 idle and 1,000 slowloris connections. Printed are the medians of p50, p90 and p99,
the ratio to the first run alone, and the interval that holds the ratio's median with 95 % (order
statistics of the ratios of the rounds); the second run alone shows what the instrument resolves.

The venue has CPU 0, the healthy clients and the crowd have CPU 1, the crowd at SCHED_IDLE: it takes
what the healthy ones leave, because how clients share a CPU is not the venue's doing. The crowd has
the tape off, as a listener costs a send for each trade however polite it is (floor.py fanout).
Slowloris connections send a byte of their frame every half second, are told frame_timeout after
10 s, and come again.
"""
import argparse
import json
import os
import pathlib
import random
import re
import resource
import select
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PARTS = ("stalled", "flooder", "idle", "slowloris")
STACKS = ("epoll", "io_uring")
IDLE = 1000
SLOWLORIS = 1000
STALLED_BYTES = 4 << 20  # that it lets the venue owe it
TRICKLE_S = 0.5
SETTLE_S = 1.0
START_S = 20.0
PERCENTILES = ("p50", "p90", "p99")
REALTIME = ("chrt", "-f", "1")


def framed(request):
    payload = json.dumps(request, separators=(",", ":")).encode()
    return struct.pack(">I", len(payload)) + payload


PING = framed({"session": {"ping": 7}})
PONG = framed({"type": "pong", "ping": 7})
QUIET = framed({"session": {"trades": "off"}})


class Crowd:
    """Its own process: see crowd_main()."""

    def __init__(self, port, parts):
        self.port = port
        self.poll = select.epoll()
        self.sockets = {}
        self.told = {"frame_timeouts": 0, "flooder_replies": 0, "resets": 0}
        self.idle = [self.connect("idle") for _ in range(IDLE if "idle" in parts else 0)]
        self.slow = [self.connect("slowloris", b"\0\0\1\0{")
                     for _ in range(SLOWLORIS if "slowloris" in parts else 0)]
        self.flood = PING * 2000
        self.unsent = b""
        if "stalled" in parts:
            self.stall()
        if "flooder" in parts:
            flooder = self.connect("flooder")
            flooder.setblocking(False)
            self.poll.modify(flooder, select.EPOLLIN | select.EPOLLOUT)

    def connect(self, kind, first=b""):
        sock = socket.create_connection(("127.0.0.1", self.port), START_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(QUIET + first)
        self.sockets[sock.fileno()] = (sock, kind)
        self.poll.register(sock, select.EPOLLIN)
        return sock

    def stall(self):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", self.port))
        sock.sendall(QUIET + PING * (STALLED_BYTES // len(PONG)))
        self.stalled = sock  # held, never read

    def run(self):
        next_trickle = time.monotonic() + TRICKLE_S
        while True:
            wait_s = max(0.0, next_trickle - time.monotonic())
            for number, events in self.poll.poll(wait_s, 64):
                sock, kind = self.sockets[number]
                if kind == "flooder":
                    self.flood_once(sock, events)
                else:
                    self.read(sock, kind)
            if time.monotonic() >= next_trickle:
                next_trickle += TRICKLE_S
                for sock in self.slow:
                    try:
                        sock.send(b" ")
                    except OSError:
                        pass  # read() finds it

    def flood_once(self, sock, events):
        if events & select.EPOLLIN:
            self.told["flooder_replies"] += len(sock.recv(1 << 18)) // len(PONG)
        if events & select.EPOLLOUT:
            self.unsent = self.unsent or self.flood
            self.unsent = self.unsent[sock.send(self.unsent):]

    def read(self, sock, kind):
        try:
            data = sock.recv(65536)
        except OSError:
            self.told["resets"] += 1
            data = b""
        self.told["frame_timeouts"] += data.count(b'"reason":"frame_timeout"')
        if data:
            return
        self.poll.unregister(sock)
        del self.sockets[sock.fileno()]
        sock.close()
        if kind == "slowloris":
            self.slow[self.slow.index(sock)] = self.connect(kind, b"\0\0\1\0{")


def crowd_main(port, parts):
    os.sched_setaffinity(0, {1})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    crowd = Crowd(port, parts)

    def end(*_):
        print(json.dumps(crowd.told), flush=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    crowd.run()


class Venue:
    def __init__(self, arguments, stack):
        self.log = tempfile.TemporaryFile(mode="w+")
        options = [word for limit in arguments.limit for word in ("--limit", limit)]
        self.process = subprocess.Popen(
            [*(REALTIME if arguments.realtime else ()), "taskset", "-c", "0",
             str(arguments.build / "outcry"), "serve", "--net", stack, "--listen", "127.0.0.1:0",
             *options], stderr=self.log)
        end = time.monotonic() + START_S
        while not (found := re.search(r"listening on \S+:(\d+)", self.text())):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                sys.exit(f"the venue does not listen: {self.text()}")
            time.sleep(0.02)
        self.port = int(found.group(1))

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1]
        return sum(map(int, fields.split()[11:13])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait(START_S)


def measure(venue, arguments):
    """One run of the healthy sessions. Returns its JSON."""
    done = subprocess.run(
        [*(REALTIME if arguments.realtime else ()), str(arguments.build / "outcry"), "load",
         "--json", "--quiet", "--cpu", "1", "--connect", f"127.0.0.1:{venue.port}",
         "--connections", str(arguments.connections),
         "--rate", str(arguments.rate), "--warmup", "0.3s", "--duration", f"{arguments.seconds}s"],
        capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"the healthy sessions were not served: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def beside_the_crowd(venue, arguments):
    crowd = subprocess.Popen([sys.executable, __file__, "--crowd", str(venue.port),
                              "--parts", ",".join(arguments.parts)],
                             stdout=subprocess.PIPE, text=True)
    try:
        if crowd.stdout.readline() != "ready\n":
            sys.exit("the crowd did not come")
        time.sleep(SETTLE_S)
        begin = venue.cpu_s()
        result = measure(venue, arguments)
        result["cpu_s"] = venue.cpu_s() - begin
    finally:
        crowd.terminate()
    result["crowd"] = json.loads(crowd.stdout.read())
    crowd.wait(START_S)
    time.sleep(SETTLE_S)
    return result


def alone(venue, arguments):
    time.sleep(SETTLE_S)
    begin = venue.cpu_s()
    result = measure(venue, arguments)
    result["cpu_s"] = venue.cpu_s() - begin
    return result


def interval(values):
    """The order statistics that hold the median with at least 95 %; None if there are too few."""
    values = sorted(values)
    count = len(values)
    tail, rank, term = 0.0, 0, 0.5 ** count
    while rank < count and tail + term <= 0.025:
        tail += term
        term = term * (count - rank) / (rank + 1)
        rank += 1
    return (values[rank - 1], values[count - rank]) if rank > 0 else None


def report(stack, runs):
    print(f"\n{stack}: {len(runs['alone'])} rounds")
    for percentile in PERCENTILES:
        values = {name: [run["latency"][percentile] / 1000 for run in runs[name]] for name in runs}
        for name in ("alone", "again", "crowd"):
            line = f"  {percentile} {name:6} {statistics.median(values[name]):8.1f} us"
            if name != "alone":
                ratios = [b / a for a, b in zip(values["alone"], values[name])]
                held = interval(ratios)
                line += f"   ratio {statistics.median(ratios):6.3f}"
                line += f" [{held[0]:.3f}, {held[1]:.3f}]" if held else " (too few rounds)"
            print(line)
    crowds = [run["crowd"] for run in runs["crowd"]]
    told = {key: sum(crowd[key] for crowd in crowds) for key in crowds[0]}
    print(f"  healthy: {sum(run['answered'] for name in runs for run in runs[name])} requests "
          f"answered, {sum(run['missing'] + run['wrong'] for name in runs for run in runs[name])} "
          "missing or wrong")
    print(f"  server CPU in a run: alone {statistics.median(r['cpu_s'] for r in runs['alone']):.2f}"
          f" s, beside the crowd {statistics.median(r['cpu_s'] for r in runs['crowd']):.2f} s; "
          f"the crowd was told {told}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=2.0, help="of one run")
    parser.add_argument("--rate", type=int, default=5000, help="healthy requests in a second")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--stacks", default=",".join(STACKS))
    parser.add_argument("--parts", default=",".join(PARTS), help="of the crowd")
    parser.add_argument("--limit", action="append", default=[], help="of the venue, NAME=N")
    parser.add_argument("--realtime", action="store_true", help="SCHED_FIFO for venue and healthy "
                        "clients, on a machine that others use too (needs root). Linux takes 50 ms "
                        "of each second from a venue that is flooded so: then p99 means nothing")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the runs")
    parser.add_argument("--crowd", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.parts = arguments.parts.split(",")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if arguments.crowd is not None:
        crowd_main(arguments.crowd, arguments.parts)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # the venue is ended too
    print(f"{arguments.connections} healthy connections, {arguments.rate} requests/s for "
          f"{arguments.seconds} s a run; crowd: {', '.join(arguments.parts)}; limits: "
          f"{', '.join(arguments.limit) or 'defaults'}; seed {arguments.seed}")
    order = random.Random(arguments.seed)
    for stack in arguments.stacks.split(","):
        venue = Venue(arguments, stack)
        runs = {"alone": [], "again": [], "crowd": []}
        try:
            for _ in range(arguments.rounds):
                for name in order.sample(sorted(runs), len(runs)):
                    how = beside_the_crowd if name == "crowd" else alone
                    runs[name].append(how(venue, arguments))
        finally:
            venue.stop()
        report(stack, runs)


if __name__ == "__main__":
    main()
