#!/usr/bin/env python3
"""Break one rule at a time and see that the test which guards it fails.

Copies src/core, src/book and src/engine into a temporary folder, compiles them and the unit tests
once, checks that every named test passes there, then compiles each mutant (mutants.py) and runs its
named test alone, which must fail: by exit status, by an assertion or by running out of time.

Usage: run.py [--jobs N] [--keep] [NAME...]     (NAME: a part of a mutant's name)
"""
import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time

from mutants import MUTANTS

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CC = os.environ.get("CC", "gcc")
# Warnings are off: a mutant may leave something unused.
FLAGS = ["-std=gnu11", "-O1", "-w", "-pthread"]
LIBRARIES = ["-lxxhash", "-lcmocka", "-lm", "-lpthread"]
RUN_SECONDS_MAX = 20


def sources(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".c"))


class Tree:
    """One copy of the sources with its objects."""

    def __init__(self, place):
        self.place = place
        self.source = os.path.join(place, "src")

    def compile(self, source, output):
        include = ["-I" + self.source, "-I" + os.path.join(ROOT, "tests")]
        if os.sep + "unit" + os.sep in source:
            room = source.split(os.sep + "unit" + os.sep)[1].split(os.sep)[0]
            include.append("-I" + os.path.join(ROOT, "tests", "unit", room))
        done = subprocess.run([CC, *FLAGS, *include, "-c", source, "-o", output],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("does not compile:\n" + done.stderr)
        return output


def test_sources(program):
    room, name = program.split(".")
    folder = os.path.join(ROOT, "tests", "unit", room)
    support = os.path.join(folder, "support")
    found = [os.path.join(folder, "test_%s.c" % name),
             os.path.join(ROOT, "tests", "mutants", "filter.c")]
    return found + (sources(support) if os.path.isdir(support) else [])


def object_name(source):
    return source.replace(ROOT, "").strip(os.sep).replace(os.sep, "_")[:-2] + ".o"


def run_test(program, test):
    """Returns (passed, how it ended)."""
    environment = dict(os.environ, OC_TEST=test)
    try:
        done = subprocess.run([program], env=environment, capture_output=True, text=True,
                              errors="replace", timeout=RUN_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return False, "timeout"
    output = done.stdout + done.stderr
    if done.returncode == 0:
        # A name that is misspelt runs nothing and would pass.
        return "[       OK ] " + test in output, "passed"
    return False, "assertion" if "assertion failed" in output else "failed"


class Kitchen:
    """The unmutated copy, and mutants of it."""

    def __init__(self, place):
        self.tree = Tree(place)
        for room in ("core", "book", "engine"):
            shutil.copytree(os.path.join(ROOT, "src", room), os.path.join(self.tree.source, room))
        self.objects = {}
        self.test_objects = {}

    def build(self, pool):
        jobs = {}
        for room in ("core", "book", "engine"):
            for source in sources(os.path.join(self.tree.source, room)):
                output = os.path.join(self.tree.place, room + "_" + os.path.basename(source)[:-2]
                                      + ".o")
                jobs[source] = pool.submit(self.tree.compile, source, output)
        tests = sorted({source for row in MUTANTS for source in test_sources(row[5])})
        test_jobs = {source: pool.submit(self.tree.compile, source,
                                         os.path.join(self.tree.place, object_name(source)))
                     for source in tests}
        self.objects = {source: job.result() for source, job in jobs.items()}
        self.test_objects = {source: job.result() for source, job in test_jobs.items()}

    def link(self, program, objects, test_objects, output):
        room = program.split(".")[0]
        rooms = ("core", "book") if room == "book" else ("core", "book", "engine")
        parts = [path for source, path in sorted(objects.items())
                 if os.path.basename(os.path.dirname(source)) in rooms]
        parts += [test_objects[source] for source in test_sources(program)]
        done = subprocess.run([CC, "-pthread", *parts, *LIBRARIES, "-o", output],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError("does not link:\n" + done.stderr)
        return output

    def base_passes(self, program, test):
        output = os.path.join(self.tree.place, "base_" + program)
        if not os.path.exists(output):
            self.link(program, self.objects, self.test_objects, output)
        return run_test(output, test)

    def mutate(self, number, row):
        """Returns (killed, how)."""
        _, path, old, new, _, program, test = row
        place = os.path.join(self.tree.place, "mutant%d" % number)
        original = os.path.join(self.tree.source, path)
        with open(original, encoding="utf-8") as file:
            text = file.read()
        if text.count(old) != 1:
            return False, "its old text occurs %d times" % text.count(old)
        tree = Tree(place)
        shutil.copytree(self.tree.source, tree.source)
        mutated = os.path.join(tree.source, path)
        with open(mutated, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))
        objects = dict(self.objects)
        test_objects = dict(self.test_objects)
        try:
            if path.endswith(".c"):
                objects[original] = tree.compile(mutated, os.path.join(place, "mutated.o"))
            else:
                for source in self.objects:
                    copy = source.replace(self.tree.source, tree.source)
                    if os.sep + "core" + os.sep not in source:
                        objects[source] = tree.compile(copy, copy[:-2] + ".o")
                for source in test_sources(program):
                    test_objects[source] = tree.compile(
                        source, os.path.join(place, object_name(source)))
            binary = self.link(program, objects, test_objects, os.path.join(place, "test"))
        except RuntimeError as error:
            return False, str(error)
        passed, how = run_test(binary, test)
        shutil.rmtree(place)
        return not passed and how != "passed", how


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    rows = [row for row in MUTANTS
            if not arguments.names or any(name in row[0] for name in arguments.names)]
    began = time.monotonic()
    failed = 0
    place = tempfile.mkdtemp(prefix="outcry-mutants-")
    try:
        kitchen = Kitchen(place)
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
            kitchen.build(pool)
            for program, test in sorted({(row[5], row[6]) for row in rows}):
                passed, how = kitchen.base_passes(program, test)
                if not passed:
                    print("%s: %s fails without any mutation (%s)" % (program, test, how))
                    failed += 1
            if failed:
                print("0 passed, %d failed" % failed)
                return 1
            results = pool.map(lambda item: kitchen.mutate(*item), enumerate(rows))
            for row, (killed, how) in zip(rows, results):
                if killed:
                    print("%-44s -> %s:%s (%s) [%s]" % (row[0], row[5], row[6], how, row[4]))
                else:
                    failed += 1
                    print("%-44s SURVIVED %s:%s: %s [%s]" % (row[0], row[5], row[6], how, row[4]))
                sys.stdout.flush()
    finally:
        if not arguments.keep:
            shutil.rmtree(place)
    print("%d mutants, %.0f s" % (len(rows), time.monotonic() - began))
    print("%d passed, %d failed" % (len(rows) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
