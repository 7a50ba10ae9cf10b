"""What the Python programs of this folder share: the heading, and ratios with their intervals."""
import os
import pathlib
import statistics


def interval(values):
    """The order statistics that hold the median with at least 95 %."""
    ordered = sorted(values)
    count = len(ordered)
    below = 1  # of 2^count, how often a median lies beyond the k outermost on both sides
    term = 1
    k = 0
    while k < count // 2 and 2 * below / 2 ** count <= 0.05:
        k += 1
        term = term * (count - k + 1) // k
        below += term
    k = max(k - 1, 0)
    return ordered[k], ordered[count - 1 - k]


def ratio_of(ours, others):
    """Of two lists of pairs: median of the paired ratios, and the interval that holds it."""
    ratios = [one / other for one, other in zip(ours, others)]
    return (statistics.median(ratios), *interval(ratios))


def heading(text):
    """Says on what host the figures below were measured."""
    name = "unknown CPU"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            name = line.split(":", 1)[1].strip()
            break
    print(f"{text}\n{os.cpu_count()} CPUs, {name}, Linux {os.uname().release}, load average "
          f"{os.getloadavg()[0]:.1f} at the start", flush=True)
