#!/usr/bin/env python3
"""profile.py [--build DIR] [--flow equity|pingpong] [--cpu N] - where the time of an order goes.

For each stack it starts a venue, sends it the flow over one connection with 256 orders under way,
samples the venue with perf's software clock (no hardware counters are needed) and sorts the samples
by stage: in our own code by the source file of the innermost inlined function, in the kernel by
what the call was for. A share times the CPU time of an order gives its nanoseconds.

A sample that falls due while interrupts are off is counted where they are on again: the kernel's
rows are right together, less so one by one. It needs perf (Debian: linux-perf) and addr2line.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

import floor

FREQUENCY = 5000
ORDERS = 1500000

# The first pattern that a source file matches names the stage.
STAGES = (
    ("frame, decode", r"src/wire/(request_decode|json|members|words|frame|wire)|gateway/frames"),
    ("encode", r"src/wire/"),
    ("match", r"src/(engine|book)/"),
    ("deliver", r"src/gateway/"),
    ("server loop", r"src/(server|cli)/"),
    ("io backend", r"src/io/"),
    ("rings, pools", r"src/core/"),
)
# What the kernel worked for: the outermost of these functions in the call chain.
KERNEL = (
    ("kernel: page faults", r"exc_page_fault|asm_exc_page_fault"),
    ("kernel: send", r"tcp_sendmsg|__sys_send|io_send|sock_sendmsg|inet_sendmsg"),
    ("kernel: receive", r"tcp_recvmsg|__sys_recv|io_recv|sock_recvmsg|inet_recvmsg"),
    ("kernel: wait, switch", r"schedule|do_epoll_wait|ep_poll|io_cqring_wait"),
    ("kernel: interrupts", r"asm_sysvec|irq_exit|common_interrupt"),
)
ORDER = [name for name, _ in STAGES] + ["copy, compare (libc)", "other user"] + [
    "kernel: send", "kernel: receive", "kernel: wait, switch", "kernel: page faults",
    "kernel: interrupts", "kernel: other"]


def samples(data):
    """Of each sample its chain as (ip, symbol, dso), innermost first."""
    text = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout
    line_form = re.compile(r"\s*([0-9a-f]+) (.*) \((.*)\)$")
    for block in text.split("\n\n"):
        chain = [found.groups() for line in block.splitlines() if (found := line_form.match(line))]
        if chain:
            yield chain


def source_files(binary, base, addresses):
    """The source file of each address, of the innermost inlined function."""
    ordered = sorted(addresses)
    # Some versions of perf print addresses of the file, others of the process.
    offsets = [address - base if address >= base else address for address in ordered]
    text = subprocess.run(["addr2line", "-e", str(binary)],
                          input="".join(f"{offset:x}\n" for offset in offsets),
                          stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(zip(ordered, text.splitlines()))


def stage_of(chain, files):
    ip, symbol, dso = chain[0]
    if dso.startswith("[kernel") or dso.startswith("[guest"):
        names = [link[1] for link in chain if link[2] == dso]
        for stage, pattern in KERNEL:
            if any(re.match(pattern, name) for name in names):
                return stage
        return "kernel: other"
    if dso.endswith("/outcry"):
        for stage, pattern in STAGES:
            if re.search(pattern, files.get(int(ip, 16), "")):
                return stage
        return "other user"
    if "liburing" in dso:
        return "io backend"
    return "copy, compare (libc)" if re.search("mem(cpy|move|set|cmp)", symbol) else "other user"


def spend(build, venue, flow, cpu):
    """Sends the flow; nanoseconds of the venue's CPU time for an order."""
    options = ["--flow", flow, "--window", "256", "--requests", str(ORDERS), "--cpu", str(cpu)]
    if flow == "equity":
        options += ["--instruments", "100", "--resting", "20000"]
    before = floor.cpu_ns(venue.pid)
    told = floor.load(build, venue, *options)
    spent = floor.cpu_ns(venue.pid) - before
    return spent / (told["preloaded"] + told["requests"])


def profile(build, stack, flow, cpu):
    """Nanoseconds for an order, without and with perf, and the samples of each stage."""
    venue = floor.Venue(build, stack)
    alone = spend(build, venue, flow, cpu)
    venue.stop()
    venue = floor.Venue(build, stack)
    maps = pathlib.Path(f"/proc/{venue.pid}/maps").read_text()
    base = next(int(line.split("-")[0], 16) for line in maps.splitlines()
                if line.endswith("/outcry") and line.split()[2] == "00000000")
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/perf.data"
        perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(FREQUENCY),
                                 "-g", "-p", str(venue.pid), "-o", data],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        sampled = spend(build, venue, flow, cpu)
        venue.stop()
        perf.wait()
        chains = list(samples(data))
    ours = {int(chain[0][0], 16) for chain in chains if chain[0][2].endswith("/outcry")}
    files = source_files(build / "outcry", base, ours)
    return alone, sampled, collections.Counter(stage_of(chain, files) for chain in chains)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=floor.ROOT / "build/release")
    parser.add_argument("--flow", choices=("equity", "pingpong"), default="equity")
    parser.add_argument("--cpu", type=int, default=floor.SERVER_CPU,
                        help="of the load generator; the server is on "
                             f"{floor.SERVER_CPU} (default: the same)")
    arguments = parser.parse_args()
    for tool in ("perf", "addr2line"):
        if floor.shutil.which(tool) is None:
            sys.exit(f"profile.py: needs {tool}")
    floor.heading(f"where the time of an order goes: {arguments.flow}, {ORDERS} orders, one "
                  f"connection, window 256, load on CPU {arguments.cpu}")
    results = {stack: profile(arguments.build.resolve(), stack, arguments.flow, arguments.cpu)
               for stack in floor.STACKS}
    print(f"{'':22}" + "".join(f"{stack:>12} ns {'share':>7}" for stack in results))
    for stage in ORDER:
        if any(stages[stage] for _, _, stages in results.values()):
            print(f"{stage:22}" + "".join(
                f"{sampled * stages[stage] / stages.total():15.0f} "
                f"{100 * stages[stage] / stages.total():6.1f}%"
                for _, sampled, stages in results.values()))
    print(f"{'an order, under perf':22}" + "".join(
        f"{sampled:15.0f} {stages.total():6d}s" for _, sampled, stages in results.values()))
    print(f"{'an order, without':22}" + "".join(
        f"{alone:15.0f} {'':7}" for alone, _, _ in results.values()).rstrip())
    print("(s: samples. perf makes each switch of tasks dearer, which \"wait, switch\" shows)")


if __name__ == "__main__":
    main()
