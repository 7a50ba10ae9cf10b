#!/usr/bin/env python3
"""tidy.py [FILE...] | --self-test - the house rules that a compiler does not know.

Reads every source file (or those named) and says FILE:LINE, what is wrong, and what to write
instead. Exit status 1 when anything was found. Which room may include which is read from the
oc_room lines of CMakeLists.txt, so that the include rule and the link line are one table.
--self-test runs every rule on good and bad samples.

It works on lines and words, not on a syntax tree: it relies on .clang-format's layout (a function's
braces stand alone in the first column). What needs types is left to the compiler and clang-tidy.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
C_FOLDERS = ("src", "tests", "fuzz", "bench", "examples")
TEXT_FOLDERS = C_FOLDERS + ("tools", "cmake", ".ci")
TEXT_SUFFIXES = (".c", ".h", ".py", ".sh", ".cmake", ".in", ".txt")

COLUMN_MAX = 100
FUNCTION_LINES_MAX = 70
TITLE_WORDS_MIN = 4

PURE_ROOMS = ("book", "engine", "wire")

# Headers of the C library that need no operating system.
PURE_HEADERS = {
    "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdbool.h", "stddef.h", "stdint.h",
    "stdnoreturn.h", "string.h",
}
CORE_HEADERS = PURE_HEADERS | {
    "float.h", "math.h", "stdarg.h", "stdatomic.h", "stdio.h", "stdlib.h", "xxhash.h",
}

HOT_ROOMS = PURE_ROOMS + ("gateway",)
# (pattern, the rooms it is refused in - None: everywhere, what to write instead)
BANNED = [
    (r"\b(strcpy|strcat|stpcpy|strncpy|strncat)\s*\(", None,
     "memcpy with a checked size, or snprintf"),
    (r"\bv?sprintf\s*\(", None, "snprintf, and check what it returns"),
    (r"\bgets\s*\(", None, "fgets"),
    (r"\bato(i|l|ll|f)\s*\(", None, "strtol or strtoull with the end pointer and errno checked"),
    (r"\b(strtod|strtof|strtold|sscanf|setlocale)\s*\(", HOT_ROOMS + ("core", "io", "server"),
     "integer ticks and lots: a decimal is parsed digit by digit, without a locale"),
    (r"\b(float|double)\b", HOT_ROOMS,
     "integer ticks, lots and nanoseconds; floating point differs by compiler"),
    (r"\bs?rand(om)?(_r)?\s*\(", None,
     "oc_random of core/random.h, with a seed that is printed on failure"),
    (r"\balloca\s*\(", None, "a fixed array, or memory from the arena"),
    (r"\b(malloc|calloc|realloc|strdup|free)\s*\(", HOT_ROOMS,
     "memory from the arena that init was given"),
    (r"(?<!_)\bassert\s*\(", None,
     "OC_ASSERT in src, assert_true and its kin in tests: both are always on"),
    (r"\bstrtok\s*\(", None, "strcspn and strspn; strtok keeps state between calls"),
    (r"\b(localtime|gmtime|ctime|asctime)\s*\(", None, "gmtime_r with strftime"),
    (r"\bsignal\s*\((?!\w+, SIG_(IGN|DFL)\))", None, "sigaction"),
    (r"\b(usleep|ualarm)\s*\(", None, "nanosleep, or better a timeout of poll"),
    (r"\btypedef\s+(struct|union)\b", None, "struct oc_x by its name; structs are not renamed"),
]
UNFINISHED = re.compile(r"\b(" + "TO" + "DO|FIX" + "ME|XX" + r"X)\b")

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^">]+)[">]')
CONDITION = re.compile(r"\s*#\s*(ifdef|ifndef|if|elif)\b(.*)")
LONG_ALLOWED = re.compile(r"/\*\s*tidy:\s*long\s*[-–]+\s*\S")


def read_rooms(text):
    """{room: rooms it may include}, from the oc_room and oc_program lines of CMakeLists.txt."""
    rooms = {}
    for call in re.finditer(r"\boc_(?:room|program)\(\s*(.*?)\)", re.sub(r"#.*", "", text), re.S):
        words = call.group(1).replace(")", " ").split()
        name = words[words.index("ROOM") + 1] if "ROOM" in words else words[0]
        deps = []
        if "DEPS" in words:
            for word in words[words.index("DEPS") + 1:]:
                if word.isupper():
                    break
                deps.append(word)
        rooms[name] = set(deps)
    return rooms


def blank_comments_and_strings(text):
    """The text with spaces for comments and the insides of literals: same lines, same columns."""
    pattern = re.compile(
        r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        token = match.group(0)
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[0]
        return re.sub(r"[^\n]", " ", token)

    return pattern.sub(blank, text)


class Checker:
    """Collects findings as (path, line number, message)."""

    def __init__(self, rooms):
        self.rooms = rooms
        self.findings = []

    def report(self, path, line_number, message):
        self.findings.append((path, line_number, message))

    def check(self, path, text):
        """Every rule that applies to the file at `path`, relative to the root."""
        parts = pathlib.PurePosixPath(path).parts
        self.check_lines(path, text)
        if not path.endswith((".c", ".h")):
            return
        room = parts[1] if parts[0] == "src" and len(parts) > 2 else None
        code = blank_comments_and_strings(text)
        self.check_title(path, text)
        self.check_functions(path, text, code)
        self.check_banned(path, room, code)
        if parts[0] == "src":
            if room not in self.rooms:
                self.report(path, 1, "is in no room; a file lives in src/<room>/, and "
                                     "CMakeLists.txt names the rooms")
                return
            self.check_includes(path, room, text)
            self.check_conditions(path, room, code)
            if path.endswith(".h"):
                self.check_guard(path, room, parts[-1], code)

    def check_lines(self, path, text):
        for number, line in enumerate(text.split("\n"), 1):
            if "\t" in line:
                self.report(path, number, "tab; indent with 4 spaces, write \\t in a string")
            if line != line.rstrip():
                self.report(path, number, "space at the end of the line")
            if len(line) > COLUMN_MAX and not path.endswith(".json"):
                self.report(path, number, f"{len(line)} columns; break the line at {COLUMN_MAX}")
            if UNFINISHED.search(line):
                self.report(path, number, "unfinished work is an issue, not a comment: do it, or "
                                          "file it and say in a sentence what is not done")
        if text and not text.endswith("\n"):
            self.report(path, text.count("\n") + 1, "the last line does not end")

    def check_title(self, path, text):
        title = re.match(r"\s*/\*(.*?)\*/", text, re.S)
        if not title or len(re.findall(r"[A-Za-z]{2,}", title.group(1))) < TITLE_WORDS_MIN:
            self.report(path, 1, "no title comment; begin with /* what this file is, the idea a "
                                 "reader needs, what it does not do */")

    def check_functions(self, path, text, code):
        lines = code.split("\n")
        original = text.split("\n")
        begin = None
        for index, line in enumerate(lines):
            if line.rstrip() == "{":
                begin = index
            elif line.rstrip() == "}" and begin is not None:
                count = index - begin + 1
                head = begin
                while head > 0 and original[head - 1].strip() not in ("", "}"):
                    head -= 1
                allowed = any(LONG_ALLOWED.search(part) for part in original[head:index])
                if count > FUNCTION_LINES_MAX and not allowed:
                    self.report(path, begin + 1,
                                f"function of {count} lines; split it at {FUNCTION_LINES_MAX}, or "
                                "justify it with /* tidy: long - reason */")
                begin = None

    def check_banned(self, path, room, code):
        for number, line in enumerate(code.split("\n"), 1):
            if re.match(r"\s*#\s*include\b", line):
                continue
            for pattern, rooms, instead in BANNED:
                found = re.search(pattern, line)
                if found and (rooms is None or room in rooms):
                    name = found.group(0).rstrip("( ").strip()
                    self.report(path, number, f"`{name}` is not used here; instead: {instead}")

    def check_includes(self, path, room, text):
        allowed = self.rooms[room] | {room}
        for number, line in enumerate(text.split("\n"), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            system, name = found.group(1) == "<", found.group(2)
            target = name.split("/")[0]
            if not system and target in self.rooms and "/" in name:
                if target not in allowed:
                    listed = ", ".join(sorted(self.rooms[room])) or "no other room"
                    self.report(path, number,
                                f'{room} includes "{name}", but may use {listed}; pass what it '
                                "needs as data, or move the code to a room that sees both")
            elif not system:
                self.report(path, number, f'#include "{name}": write "room/file.h" for ours, '
                                          "<file.h> for the system's")
            elif room in PURE_ROOMS and name not in PURE_HEADERS:
                self.report(path, number, f"<{name}> in a pure room; it has no clock, system call, "
                                          "malloc or stdio: take the value as an argument")
            elif room == "core" and name not in CORE_HEADERS:
                self.report(path, number, f"<{name}> in core, which needs no operating system; "
                                          "this belongs in io")

    def check_conditions(self, path, room, code):
        if room == "io":
            return
        guard = path.endswith(".h")
        for number, line in enumerate(code.split("\n"), 1):
            found = CONDITION.match(line)
            if not found:
                continue
            if guard and found.group(1) == "ifndef":
                guard = False
                continue
            # What the compiler itself says about itself is no feature of ours.
            names = set(re.findall(r"[A-Za-z_]\w*", found.group(2))) - {"defined"}
            if all(name.startswith("__") for name in names) and names:
                continue
            self.report(path, number,
                        f"#{found.group(1)}{found.group(2).rstrip()}: no features by preprocessor "
                        "outside src/io; choose a file at link time, or a value at run time")

    def check_guard(self, path, room, name, code):
        guard = f"OC_{room}_{name[:-2]}_H".upper().replace("-", "_")
        lines = [line for line in code.split("\n") if line.strip()]
        if lines[:2] != [f"#ifndef {guard}", f"#define {guard}"] or lines[-1].strip() != "#endif":
            self.report(path, 1, f"guard the header with #ifndef {guard}, #define {guard} ... "
                                 "#endif around all of it")


def tree_files():
    """All files the rules apply to, relative to the root, sorted."""
    found = set()
    for folder in TEXT_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            relative = path.relative_to(ROOT)
            if "corpus" in relative.parts or not path.is_file():
                continue
            if path.suffix in TEXT_SUFFIXES or folder == ".ci":
                found.add(str(relative))
    return sorted(found) + ["CMakeLists.txt", "CMakePresets.json"]


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    checker = Checker(read_rooms((ROOT / "CMakeLists.txt").read_text(encoding="utf-8")))
    if not checker.rooms:
        print("CMakeLists.txt: no oc_room(...) found, so no include can be judged")
        return 1
    named = [str(pathlib.Path(name).resolve().relative_to(ROOT)) for name in arguments]
    paths = named or tree_files()
    for path in paths:
        checker.check(path, (ROOT / path).read_text(encoding="utf-8"))
    for path, line_number, message in checker.findings:
        print(f"{path}:{line_number}: {message}")
    print(f"tidy: {len(paths)} files, {len(checker.findings)} findings")
    return 1 if checker.findings else 0


# The self-test: each bad sample differs from a good one in one thing and must give exactly that
# finding.

SELF_TABLE = """
oc_room(core DEPS SYSTEM PkgConfig::XXHASH m)
oc_room(book    DEPS core)   # a remark (with brackets)
oc_room(io      DEPS core SYSTEM ${X})
oc_room(gateway DEPS wire io core)
oc_room(wire    DEPS core)
oc_program(outcry ROOM cli
           DEPS gateway book wire io core
           SYSTEM PkgConfig::JANSSON)
"""
GOOD_C = """/* level.c - one price level and the queue of its orders. */
#include "book/level.h"

#include "core/types.h"

#include <string.h>

/* Not strcpy(a, b): a comment may name it. */
int oc_book_level_count(const struct oc_level *level)
{
    OC_ASSERT(level != NULL);
    return oc_print("strcpy(a, b); rand()", level->count);
}
"""
GOOD_H = """/* level.h - one price level and the queue of its orders. */
#ifndef OC_BOOK_LEVEL_H
#define OC_BOOK_LEVEL_H

#if __GNUC__ >= 12
#endif

#endif
"""


def function_of(line_count, mark=""):
    """GOOD_C with a function of that many lines, braces included."""
    return GOOD_C + "\n" + mark + "void f(void)\n{\n" + "    g();\n" * (line_count - 2) + "}\n"


def samples():
    """(what is tried, path, text, the words of the only finding - None: no finding)."""
    source = "src/book/level.c"
    titled = "/* a.c - some title of it. */\n"
    body = "    OC_ASSERT(level != NULL);\n"
    include = '#include "core/types.h"\n'

    def with_line(line):
        return GOOD_C.replace(body, body + line + "\n")

    def with_include(line):
        return GOOD_C.replace(include, include + line + "\n")

    yield "good source", source, GOOD_C, None
    yield "good header", "src/book/level.h", GOOD_H, None

    yield "allowed room", "src/cli/main.c", with_include('#include "gateway/session.h"'), None
    yield "own room", source, with_include('#include "book/order.h"'), None
    yield "forbidden room", source, with_include('#include "io/io.h"'), 'includes "io/io.h"'
    yield "gateway to book", "src/gateway/session.c", GOOD_C, 'includes "book/level.h"'
    yield "core to book", "src/core/level.c", GOOD_C, "may use no other room"
    yield "the program's room", "src/gateway/a.c", GOOD_C.replace("book/level", "cli/a"), "may use"
    yield "include without room", source, with_include('#include "order.h"'), '"room/file.h"'
    yield "system in pure", source, with_include("#include <time.h>"), "<time.h> in a pure room"
    yield "system in core", "src/core/a.c", titled + "#include <unistd.h>\n", "in core"
    yield "system in io", "src/io/a.c", titled + "#include <unistd.h>\n", None
    yield "no room", "src/level.c", GOOD_C, "in no room"
    yield "unknown room", "src/misc/level.c", GOOD_C, "in no room"
    yield "a test's include", "tests/io/test_a.c", with_include('#include "support/a.h"'), None

    yield "feature switch", source, with_line("#ifdef HAVE_URING"), "#ifdef HAVE_URING"
    yield "feature expression", source, with_line("#if defined(__x86_64__) && FAST"), "no features"
    yield "feature in header", "src/book/level.h", GOOD_H.replace("__GNUC__", "FAST"), "no features"
    yield "if 0", source, with_line("#if 0"), "no features"
    in_io = with_line("#ifdef IORING_X").replace("book/", "io/")
    yield "feature in io", "src/io/level.c", in_io, None

    yield "wrong guard", "src/book/order.h", GOOD_H, "OC_BOOK_ORDER_H"
    yield "guard ends early", "src/book/level.h", GOOD_H + "int a;\n", "#endif around all of it"
    yield "no title", source, GOOD_C.split("\n", 1)[1], "title comment"
    yield "short title", source, "/* level.c */\n" + GOOD_C.split("\n", 1)[1], "title comment"

    yield "100 columns", source, with_line("    /* " + "x" * 90 + " */"), None
    yield "101 columns", source, with_line("    /* " + "x" * 91 + " */"), "101 columns"
    yield "100 columns of two-byte signs", source, with_line("    /* " + "é" * 90 + " */"), None
    yield "tab", source, with_line("\treturn 0;"), "tab;"
    yield "trailing space", source, with_line("    return 0; "), "end of the line"
    yield "no newline at the end", source, GOOD_C.rstrip("\n"), "does not end"
    yield "unfinished", source, with_line("    /* " + "TO" + "DO: more */"), "unfinished work"
    yield "unfinished in a script", "tools/a.sh", "# " + "FIX" + "ME\n", "unfinished work"

    reason = "/* tidy: long - one case a kind */\n"
    yield "70 lines", source, function_of(70), None
    yield "71 lines", source, function_of(71), "function of 71 lines"
    yield "71 lines, justified", source, function_of(71, reason), None
    yield "71 lines, no reason", source, function_of(71, "/* tidy: long */\n"), "function of 71"
    two = function_of(5, reason) + function_of(71)
    yield "the reason of another", source, two, "function of 71"

    for call in ("strcpy(a, b)", "strcat(a, b)", "sprintf(a, b)", "gets(a)", "atoi(a)", "rand()",
                 "strtod(a, b)", "srandom(1)", "alloca(8)", "malloc(8)", "assert(a)",
                 "signal(a, b)", "strtok(a, b)", "localtime(&a)", "usleep(1)",
                 "typedef struct a b", "double a"):
        yield f"banned {call}", source, with_line(f"    {call};"), "instead: "
    for call in ("oc_strcpy(a)", "snprintf(a, b, c)", "static_assert(a, b)", "operand(a)",
                 "_Static_assert(a, b)", "signal(SIGPIPE, SIG_IGN)", "OC_ASSERT(a)"):
        yield f"allowed {call}", source, with_line(f"    {call};"), None
    yield "strtod in cli", "src/cli/level.c", with_line("    strtod(a, b);"), None
    yield "rand in a test", "tests/unit/book/test_a.c", with_line("    rand();"), "oc_random"


def self_test():
    rooms = read_rooms(SELF_TABLE)
    failures = []
    expected_rooms = {
        "core": set(), "book": {"core"}, "io": {"core"}, "wire": {"core"},
        "gateway": {"wire", "io", "core"}, "cli": {"gateway", "book", "wire", "io", "core"},
    }
    if rooms != expected_rooms:
        failures.append(f"the room table was read as {rooms}")
    count = 0
    for what, path, text, expected in samples():
        checker = Checker(rooms)
        checker.check(path, text)
        count += 1
        messages = [message for _, _, message in checker.findings]
        right = len(messages) == 1 and expected in messages[0] if expected else not messages
        if not right:
            failures.append(f"{what}: expected {expected!r}, found {messages}")
    for failure in failures:
        print(f"tidy --self-test: {failure}")
    print(f"tidy --self-test: {count} samples, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
