#!/usr/bin/env python3
"""purity.py --room ROOM ARCHIVE | --self-test - what the objects of a pure room really call.

PURE (book, engine, wire) means: no system call, no clock, no malloc, no stdio, no global mutable
state. The include rule of tidy.py is one fence; this is the other, on what the compiler produced:

  - every undefined symbol of the archive is in the short list below, or is ours and of a room it
    may use;
  - no object defines writable data (a writable global is state that a replay does not see);
  - every symbol it exports begins with oc_ROOM, so that a name says where it lives.

readelf reads the machine code, also of objects that carry link-time-optimisation code beside it
(there nm would see only the latter).
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import tidy  # noqa: E402  (the room table is read in one place)

# What the compiler itself emits calls to, and arithmetic that x86-64 and ARM64 have no instruction
# for.
ALLOWED = {
    "memcpy", "memmove", "memset", "memcmp", "bcmp",      # bcmp: what clang makes of memcmp == 0
    "__memcpy_chk", "__memmove_chk", "__memset_chk",      # the same, with _FORTIFY_SOURCE
    "__stack_chk_fail", "__stack_chk_guard",
    "__udivti3", "__umodti3", "__divti3", "__modti3", "__udivmodti4", "__multi3",
    "_GLOBAL_OFFSET_TABLE_",
}
# Core is not pure as a whole: what of it speaks to the outside is refused by name.
REFUSED = re.compile(r"^oc_(histogram_write|arena_init|arena_deinit)")


# "[ 4] .bss NOBITS address offset size entry-size flags": number, name, flags.
SECTION = re.compile(r"\s*\[\s*(\d+)\]\s(\S+)\s+\S+(?:\s+[0-9a-f]+){4}\s+([A-Za-z]*)\s")
# "3: value size OBJECT LOCAL DEFAULT 4 name": type, binding, section number, name.
SYMBOL = re.compile(r"\s*\d+:\s[0-9a-f]+\s+\S+\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)\s+(\S+)")


def readelf(archive):
    """[(member, symbols, {section number: (name, flags)})] of an archive."""
    text = subprocess.run(["readelf", "-SsW", archive], check=True, capture_output=True, text=True,
                          env={**os.environ, "LC_ALL": "C"}).stdout
    members = []
    for line in text.splitlines():
        found = re.match(r"File: .*\((.*)\)$", line)
        if found:
            members.append((found.group(1), [], {}))
            continue
        section = SECTION.match(line)
        if section and members:
            number, name, flags = section.groups()
            members[-1][2][number] = (name, flags)
            continue
        symbol = SYMBOL.match(line)
        if symbol and members:
            members[-1][1].append(symbol.groups())
    return members


def check(room, archive, rooms):
    """All findings for the archive of `room`, as sentences."""
    findings = []
    if not os.path.exists(archive):
        return [f"{archive} does not exist; build it first"]
    members = readelf(archive)
    if not members or not any(symbols for _, symbols, _ in members):
        return [f"{archive}: no object with symbols in it; is it a library of {room}?"]
    forbidden = set(rooms) - rooms[room] - {room}
    for member, symbols, sections in members:
        for kind, binding, place, name in symbols:
            if place == "UND":
                findings += check_undefined(room, member, name, forbidden)
                continue
            if place == "COM":
                section, flags = "COMMON", "WA"
            else:
                section, flags = sections.get(place, (place, ""))
            # Relocated constants (tables of pointers) are written once by the loader, then
            # read-only.
            constant = section.startswith(".data.rel.ro")
            if kind in ("OBJECT", "TLS", "COMMON") and "W" in flags and not constant:
                findings.append(f"{member}: `{name}` is a writable global in {section}; make it "
                                "const, or keep it in the struct that the caller passes")
            # Link-time optimisation leaves untyped marks such as `book.c.1f3a9c02` beside ours.
            if binding != "LOCAL" and kind != "NOTYPE" and not re.match(rf"oc_{room}(_|$)", name):
                findings.append(f"{member}: exports `{name}`; make it static, or call it "
                                f"oc_{room}_... (public) or oc_{room}__... (within the room)")
    return findings


def check_undefined(room, member, name, forbidden):
    """Findings about one symbol that the member needs from elsewhere."""
    name = name.split("@")[0]
    if not name or name in ALLOWED:
        return []
    if name.startswith("oc_"):
        owner = next((other for other in forbidden if re.match(rf"oc_{other}(_|$)", name)), None)
        if owner:
            return [f"{member}: calls `{name}` of {owner}, a room that {room} must not know"]
        if not REFUSED.match(name):
            return []
    return [f"{member}: calls `{name}`; a pure room has no system call, clock, malloc or stdio: "
            "let the caller do it and pass the result in"]


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) != 3 or arguments[0] != "--room":
        print(__doc__, file=sys.stderr)
        return 2
    _, room, archive = arguments
    rooms = tidy.read_rooms((ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    findings = check(room, archive, rooms)
    for finding in findings:
        print(f"purity of {room}: {finding}")
    print(f"purity of {room}: {len(findings)} findings")
    return 1 if findings else 0


# (what is tried, C source, the words of the only finding - None: none)
SAMPLES = [
    ("calls itself, core and memcpy",
     "int oc_checksum(const void *p, int n); void oc_book__x(void);"
     "int oc_book_a(char *a, const char *b, int n)"
     "{ __builtin_memcpy(a, b, (unsigned)n); oc_book__x(); return oc_checksum(a, n); }", None),
    ("constant tables",
     "static const char *const names[] = {\"a\", \"b\"};"
     "const char *oc_book_name(int i){ return names[i]; }", None),
    ("128-bit division",
     "typedef unsigned __int128 wide; wide oc_book_a(wide a, wide b){ return a / b; }", None),
    ("a clock",
     "long clock_gettime(int, void *); long oc_book_a(void *p){ return clock_gettime(0, p); }",
     "clock_gettime"),
    ("malloc",
     "void *malloc(unsigned long); void *oc_book_a(void){ return malloc(8); }", "malloc"),
    ("stdio",
     "int printf(const char *, ...); int oc_book_a(int n){ return printf(\"%d\", n); }", "printf"),
    ("stdio by way of core",
     "int oc_histogram_write_hgrm(int);"
     "int oc_book_a(int n){ return oc_histogram_write_hgrm(n); }", "oc_histogram_write_hgrm"),
    ("a forbidden room",
     "int oc_io_poll(int); int oc_book_a(int n){ return oc_io_poll(n); }", "oc_io_poll"),
    ("the room above",
     "int oc_engine_apply(int); int oc_book_a(int n){ return oc_engine_apply(n); }",
     "oc_engine_apply"),
    ("a counter",
     "static int n; int oc_book_a(void){ return ++n; }", "writable global in .bss"),
    ("initialised state",
     "static int n = 7; int oc_book_a(void){ return ++n; }", "writable global in .data"),
    ("a public variable", "int oc_book_n = 7;", "writable global in .data"),
    ("a variable of a thread",
     "static __thread int n; int oc_book_a(void){ return ++n; }", "writable global in .tbss"),
    ("a common variable", "__attribute__((common)) int oc_book_n;", "writable global in COMMON"),
    ("a name without its room", "int helper(void){ return 1; }", "exports `helper`"),
    ("a name of another room", "int oc_bookkeeper(void){ return 1; }", "exports `oc_bookkeeper`"),
]


def self_test():
    """Compiles each sample with and without link-time optimisation and compares the findings."""
    rooms = {"core": set(), "book": {"core"}, "engine": {"book", "core"}, "io": {"core"}}
    compiler = os.environ.get("CC", "cc")
    identity = subprocess.run([compiler, "--version"], check=True, capture_output=True,
                              text=True).stdout
    variants = [["-O1"]]
    if "clang" not in identity:
        variants.append(["-O2", "-g", "-flto", "-ffat-lto-objects"])
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        for what, source, expected in SAMPLES:
            for options in variants:
                base = os.path.join(folder, "sample")
                pathlib.Path(base + ".c").write_text(source + "\n", encoding="utf-8")
                pathlib.Path(base + ".a").unlink(missing_ok=True)
                subprocess.run([compiler, "-w", "-fPIE", *options, "-c", base + ".c",
                                "-o", base + ".o"], check=True)
                subprocess.run(["ar", "rcs", base + ".a", base + ".o"], check=True)
                found = check("book", base + ".a", rooms)
                right = len(found) == 1 and expected in found[0] if expected else not found
                if not right:
                    failures.append(f"{what} {options}: expected {expected!r}, found {found}")
    for failure in failures:
        print(f"purity --self-test: {failure}")
    print(f"purity --self-test: {len(SAMPLES)} samples, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
