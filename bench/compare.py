#!/usr/bin/env python3
"""Two builds of bench/engine.c against each other: OLD NEW [runs].

Whatever else runs on the host disturbs both alike when they take turns, so only numbers of the same
call are compared. Printed are, for each number of instruments, the median quiet nanoseconds of the
runs of each build with the quartiles, and the ratio of the medians. State and events must be equal.
"""

import statistics
import subprocess
import sys


def run(program):
    """Returns {instruments: (quiet ns, state, events)}."""
    output = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    rows = {}
    for line in output.splitlines()[2:]:
        fields = line.split()
        if len(fields) != 7:
            break
        rows[int(fields[0])] = (float(fields[1]), fields[5], fields[6])
    return rows


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    programs = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) == 4 else 5
    results = {program: [] for program in programs}
    for number in range(runs):
        for program in programs if number % 2 == 0 else reversed(programs):
            results[program].append(run(program))
    first = results[programs[0]][0]
    different = 0
    for instruments, (_, state, events) in first.items():
        medians = []
        for program in programs:
            rows = [result[instruments] for result in results[program]]
            different += any(row[1:] != (state, events) for row in rows)
            values = [row[0] for row in rows]
            low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
            medians.append(middle)
            print("%11d  %-40s %7.1f ns  [%.1f, %.1f]" % (instruments, program, middle, low, high))
        print("%11s  %-40s %7.3f" % ("", "ratio", medians[1] / medians[0]))
    print("state and events: %s" % ("DIFFERENT" if different else "equal"))
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
