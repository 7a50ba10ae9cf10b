#!/usr/bin/env python3
"""floor.py [--build DIR] PART - what an order costs, against what TCP itself costs.

Each part starts its servers, runs them interleaved in short rounds on the same CPUs, prints one
table and ends them. `floor` is a blocking server that answers with as many bytes as the venue and
does nothing else (bench/floor.c). Values are medians of the rounds; the interval behind a ratio
holds its median with 95 % (order statistics of the ratios of the rounds). CPU time is the CPU
clock of the server's process, user and system. The tape is off but in `fanout`. PART is one of

  roundtrip   one connection, one order at a time, on one CPU and across two
  pipelined   one connection, 256 orders under way: pingpong, and equity with 100 instruments and
              20,000 resting orders
  open        64 connections at one fixed rate: CPU, system calls, p99 of each stack
  idle        10,000 connections that do nothing: resident and kernel memory of each
  fanout      one trade to 1,000 listeners
"""
import argparse
import atexit
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from common import heading, ratio_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
STACKS = ("epoll", "io_uring")
SERVER_CPU = 0
ORDERS_BEFORE = 20000  # so that order ids have five digits throughout
START_S = 20.0


processes = []


@atexit.register
def end_processes():
    """Whatever an error or an interrupt left behind."""
    for process in processes:
        if process.poll() is None:
            process.kill()


class Venue:
    """A venue on one stack, pinned to SERVER_CPU."""

    def __init__(self, build, stack, *options):
        self.log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CPU), str(build / "outcry"), "serve", "--net", stack,
             "--listen", "127.0.0.1:0", *options], stderr=self.log)
        processes.append(self.process)
        self.pid = self.process.pid
        self.port = wait_for(lambda: self.find(r"listening on 127\.0\.0\.1:(\d+)"), stack)

    def find(self, pattern):
        self.log.seek(0)
        found = re.findall(pattern, self.log.read())
        if self.process.poll() is not None and not found:
            sys.exit(f"the venue ended: {self.text()}")
        return found[-1] if found else None

    def text(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        """Ends it; returns its own count of system calls, None if it does not tell."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        calls = re.findall(r"system_calls=(\d+)", self.text())
        self.log.close()
        return int(calls[-1]) if calls else None


class Floor:
    """The blocking server, pinned to SERVER_CPU."""

    def __init__(self, build, sizes, listeners=0):
        self.process = subprocess.Popen(
            [str(build / "bench/bench_floor"), "serve", str(SERVER_CPU), str(listeners), *sizes],
            stdout=subprocess.PIPE, text=True)
        processes.append(self.process)
        self.pid = self.process.pid
        self.port = self.process.stdout.readline().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        return None


def wait_for(condition, what):
    end = time.monotonic() + START_S
    while not (value := condition()):
        if time.monotonic() > end:
            sys.exit(f"floor.py: {what}: nothing happened within {START_S:.0f} s")
        time.sleep(0.02)
    return value


def cpu_ns(pid):
    """The CPU clock of a process, threads that ended included, as clock_getcpuclockid(3) names it.
    """
    return time.clock_gettime_ns((~pid << 3) | 2)


def floor_client(build, *arguments):
    done = subprocess.run([str(build / "bench/bench_floor"), *map(str, arguments)],
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def reply_sizes(build, venue):
    """Warms a venue up; sizes of its frames as arguments for the floor."""
    line = floor_client(build, "rtt", 1, 1, ORDERS_BEFORE, venue.port)[-1].split()
    return line[4:6]


def ratio_text(ours, floors):
    if ours is floors:
        return "-"
    middle, low, high = ratio_of(ours, floors)
    return f"{middle:6.3f} [{low:.3f} {high:.3f}]"


def roundtrip(build):
    rounds, count = 31, 2000
    heading(f"round trip of one order at a time: {rounds} rounds of {count} orders on each server")
    venues = [Venue(build, stack) for stack in STACKS]
    sizes = [reply_sizes(build, venue) for venue in venues][0]
    floor = Floor(build, sizes)
    ports = [floor.port] + [venue.port for venue in venues]
    print(f"{'CPUs':13} {'order':>22} {'floor us':>9} " +
          " ".join(f"{stack + ' us':>12} {'ratio [95 %]':>21}" for stack in STACKS))
    for place, cpu in (("one", SERVER_CPU), ("two", 1 - SERVER_CPU)):
        rows = [[int(word) for word in line.split()[:4]]
                for line in floor_client(build, "rtt", cpu, rounds, count, *ports)]
        for kind, name in ((2, "buy -> confirmation"), (3, "sell -> trade")):
            of_port = [[row[kind] for row in rows if row[1] == port] for port in range(3)]
            cells = [f"{statistics.median(values) / 1e3:12.2f} {ratio_text(values, of_port[0]):>21}"
                     for values in of_port[1:]]
            print(f"{place:13} {name:>22} {statistics.median(of_port[0]) / 1e3:9.2f} " +
                  " ".join(cells), flush=True)
    print(f"frames: {' and '.join(sizes)} bytes (request:reply); target: one CPU, 1.2 at most")
    for server in [floor, *venues]:
        server.stop()


def load(build, venue, *options):
    done = subprocess.run([str(build / "outcry"), "load", "--connect", f"127.0.0.1:{venue.port}",
                           "--json", "--quiet", *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"floor.py: outcry load: {done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def pump_round(build, server, cpu, orders):
    before = cpu_ns(server.pid)
    floor_client(build, "pump", cpu, 256, orders, server.port)
    return (cpu_ns(server.pid) - before) / orders


def equity_round(build, stack, cpu, orders):
    venue = Venue(build, stack)
    before = cpu_ns(venue.pid)
    load(build, venue, "--flow", "equity", "--instruments", "100", "--resting", "20000",
         "--window", "256", "--requests", str(orders), "--cpu", str(cpu))
    spent = cpu_ns(venue.pid) - before
    venue.stop()
    return spent / (orders + 20000)


def pipelined(build):
    rounds, pump_orders, equity_orders = 9, 400000, 600000
    heading(f"CPU time of the server for an order, one connection, window 256: {rounds} rounds of "
            f"{pump_orders}\norders (pingpong) and {equity_orders} (equity, on a fresh venue, "
            "first use of its memory included)")
    print(f"{'flow':10} {'CPUs':5} {'server':10} {'ns':>6} {'lowest':>7} {'highest':>8} "
          f"{'of the floor':>23}")
    for place, cpu in (("one", SERVER_CPU), ("two", 1 - SERVER_CPU)):
        venues = {stack: Venue(build, stack) for stack in STACKS}
        sizes = [reply_sizes(build, venue) for venue in venues.values()][0]
        servers = {"floor": Floor(build, sizes), **venues}
        spent = {name: [] for name in servers}
        for _ in range(rounds):
            for name, server in servers.items():
                spent[name].append(pump_round(build, server, cpu, pump_orders))
        for server in servers.values():
            server.stop()
        for name, values in spent.items():
            print(f"{'pingpong':10} {place:5} {name:10} {statistics.median(values):6.0f} "
                  f"{min(values):7.0f} {max(values):8.0f} {ratio_text(values, spent['floor']):>23}",
                  flush=True)
        equity = {stack: [] for stack in STACKS}
        for _ in range(rounds // 2 + 1):
            for stack in STACKS:
                equity[stack].append(equity_round(build, stack, cpu, equity_orders))
        for name, values in equity.items():
            print(f"{'equity':10} {place:5} {name:10} {statistics.median(values):6.0f} "
                  f"{min(values):7.0f} {max(values):8.0f}", flush=True)
    print("target: 500 at most, aim 350")


def calls_text(calls, orders):
    return "-" if calls is None else f"{calls / orders:.3f}"


# What a backend counts as its own system calls.
NETWORK_CALLS = ("io_uring_enter", "epoll_wait", "epoll_pwait", "epoll_pwait2", "epoll_ctl", "recv",
                 "recvfrom", "recvmsg", "read", "readv", "send", "sendto", "sendmsg", "write",
                 "writev", "accept4", "accept", "shutdown", "close", "setsockopt", "getsockopt",
                 "fcntl", "io_uring_register")


def traced(build, stack, run):
    """The calls of one run as strace -c counts them, and the venue's own count."""
    venue = Venue(build, stack)
    with tempfile.NamedTemporaryFile(mode="r") as out:
        tracer = subprocess.Popen(["strace", "-c", "-f", "-U", "calls,name", "-o", out.name, "-p",
                                   str(venue.pid)], stderr=subprocess.PIPE, text=True)
        tracer.stderr.readline()  # "attached"
        run(venue)
        own = venue.stop()
        tracer.wait()
        tracer.stderr.close()
        rows = [line.split() for line in out.read().splitlines()]
    return sum(int(row[0]) for row in rows
               if len(row) == 2 and row[0].isdigit() and row[1] in NETWORK_CALLS), own


def open_loop(build):
    rounds, connections, rate, orders = 7, 64, 20000, 40000
    heading(f"{connections} connections, open loop, {rate} orders a second, server and client on a "
            f"CPU each: {rounds} rounds of {orders} orders")
    print(f"{'flow':9} {'server':9} {'CPU ns/order':>13} {'of the floor':>22} {'calls/order':>12} "
          f"{'p50 us':>8} {'p99 us':>8} {'lowest':>8} {'highest':>8}", flush=True)

    def pingpong(server):
        words = floor_client(build, "open", 1 - SERVER_CPU, connections, rate, orders, server.port)
        return orders, [int(word) / 1e3 for word in words[-1].split()]

    def equity(server):
        told = load(build, server, "--flow", "equity", "--instruments", "100", "--resting",
                    "20000", "--connections", str(connections), "--rate", str(rate), "--requests",
                    str(orders), "--cpu", str(1 - SERVER_CPU))
        return (told["preloaded"] + told["requests"],
                [told["latency"][name] / 1e3 for name in ("p50", "p99")])

    for flow, run in (("pingpong", pingpong), ("equity", equity)):
        rows = {}
        for _ in range(rounds):
            for name in ("floor", *STACKS) if run is pingpong else STACKS:
                server = Floor(build, ("85:36", "86:205")) if name == "floor" else \
                    Venue(build, name)
                before = cpu_ns(server.pid)
                done, (p50, p99) = run(server)
                spent = (cpu_ns(server.pid) - before) / done
                calls = server.stop()
                rows.setdefault(name, []).append((spent, p50, p99, calls_text(calls, done)))
        for name, values in rows.items():
            cpu, p50, p99, calls = zip(*values)
            ratio = "-" if name == "floor" or "floor" not in rows else \
                ratio_text(cpu, [row[0] for row in rows["floor"]])
            print(f"{flow:9} {name:9} {statistics.median(cpu):13.0f} {ratio:>22} "
                  f"{'2' if name == 'floor' else sorted(calls)[rounds // 2]:>12} "
                  f"{statistics.median(p50):8.1f} {statistics.median(p99):8.1f} {min(p99):8.1f} "
                  f"{max(p99):8.1f}", flush=True)
    if shutil.which("strace") is None:
        print("no strace here: the counts are not compared")
        return
    for stack in STACKS:
        calls, own = traced(build, stack, pingpong)
        print(f"{stack}, pingpong under strace -c -f (which slows it, so that turns are larger): "
              f"strace counts {calls_text(calls, orders)} an order, the venue "
              f"{calls_text(own, orders)}")


def socket_memory():
    """Kernel bytes of TCP: buffers (sockstat) and the slab of sockets and their files."""
    pages = 0
    for line in pathlib.Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            pages = int(line.split()[-1])
    slab = 0
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            slab = int(line.split()[1]) * 1024
    return pages * resource.getpagesize(), slab


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024


def idle(build):
    count = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        sys.exit(f"floor.py: {count} connections need a descriptor limit of {count + 100} "
                 f"(ulimit -Hn says {hard})")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    heading(f"{count} idle connections, each of which traded once")
    print(f"{'server':10} {'resident before':>16} {'after':>12} {'bytes each':>11} "
          f"{'kernel slab each':>17} {'socket buffers each':>20}")
    order = frame({"user_id": 7, "symbol": "BTC/USD", "order_type": "Buy", "price": 5,
                   "quantity": 1, "time_in_force": "IOC"})
    for stack in STACKS:
        venue = Venue(build, stack)
        # The pages that any use touches are not the price of a connection.
        exchange_once([connect("127.0.0.1", venue.port)], order)
        time.sleep(0.3)
        rss, (buffers, slab) = resident(venue.pid), socket_memory()
        peers = []
        for number in range(count):
            peers.append(connect(f"127.0.0.{2 + number // 2000}", venue.port))
            if number % 200 == 199:
                exchange_once(peers[-200:], order)
        time.sleep(1.0)
        rss_after, (buffers_after, slab_after) = resident(venue.pid), socket_memory()
        print(f"{stack:10} {rss:16,} {rss_after:12,} {(rss_after - rss) / count:11.0f} "
              f"{(slab_after - slab) / count:17.0f} {(buffers_after - buffers) / count:20.0f}",
              flush=True)
        for peer in peers:
            peer.close()
        venue.stop()
        time.sleep(1.0)
    print("target: under 4,096 resident; the slab counts both ends of each connection, and files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def frame(request):
    payload = json.dumps(request, separators=(",", ":")).encode()
    return len(payload).to_bytes(4, "big") + payload


def connect(source, port):
    peer = socket.socket()
    peer.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
    peer.bind((source, 0))
    peer.connect(("127.0.0.1", int(port)))
    return peer


def exchange_once(peers, request):
    for peer in peers:
        peer.sendall(request)
    for peer in peers:
        header = peer.recv(4, socket.MSG_WAITALL)
        peer.recv(int.from_bytes(header, "big"), socket.MSG_WAITALL)


class Hearing:
    """The listeners of one server, connected; each run is one round of trades."""

    def __init__(self, build, server, listeners, trades):
        self.server, self.trades = server, trades
        self.process = subprocess.Popen(
            [str(build / "bench/bench_floor"), "hear", str(1 - SERVER_CPU), str(listeners),
             str(trades), server.port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        processes.append(self.process)
        if self.process.stdout.readline() != "ready\n":
            sys.exit("floor.py: the listeners did not connect")

    def run(self):
        before = cpu_ns(self.server.pid)
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            sys.exit("floor.py: a listener did not hear a trade")
        return (cpu_ns(self.server.pid) - before) / self.trades

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def fanout(build):
    rounds, trades, listeners = 15, 50, 1000
    heading(f"one trade to {listeners} listeners: {rounds} rounds of {trades} trades, one every "
            "15 ms;\nCPU time of the server for each delivery, the two orders of a trade included")
    venues = {stack: Venue(build, stack) for stack in STACKS}
    sizes = [reply_sizes(build, venue) for venue in venues.values()][0]
    servers = {"send loop": Floor(build, sizes, listeners), **venues}
    hearings = {name: Hearing(build, server, listeners, trades)
                for name, server in servers.items()}
    spent = {name: [] for name in servers}
    for _ in range(rounds):
        for name, hearing in hearings.items():
            spent[name].append(hearing.run() / listeners)
    print(f"{'server':10} {'ns/delivery':>12} {'lowest':>7} {'highest':>8} "
          f"{'of the send loop':>23}")
    for name, values in spent.items():
        print(f"{name:10} {statistics.median(values):12.0f} {min(values):7.0f} {max(values):8.0f} "
              f"{ratio_text(values, spent['send loop']):>23}")
    print(f"each copy: {sizes[1].split(':')[1]} bytes; target: 1.10 at most")
    for hearing in hearings.values():
        hearing.stop()
    for server in servers.values():
        server.stop()


PARTS = {"roundtrip": roundtrip, "pipelined": pipelined, "open": open_loop, "idle": idle,
         "fanout": fanout}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release",
                        help="where outcry and bench/bench_floor are (default: build/release)")
    parser.add_argument("part", choices=PARTS)
    arguments = parser.parse_args()
    PARTS[arguments.part](arguments.build.resolve())


if __name__ == "__main__":
    main()
