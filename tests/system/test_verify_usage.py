"""outcry verify: what it refuses, and the words with which it begins and ends.

Method: command lines that contradict themselves or name files that are not there or are something
else; a run that is stopped; a copy of the program in a folder without the baseline. Fails when: an
exit status is not 2 for usage, 3 for a gate that is not passed or 4 for a run that was stopped, a
message does not name the file and what was expected, an earlier measurement is overwritten, an
option is passed over in silence, the last line does not tell of the gate, a stopped run does not
say so in its head, a line is wider than 100 columns, or a finished run cannot be judged again.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import OUTCRY, PATIENCE_S, run

SMALL = ["verify", "--seed", "7", "--stacks", "epoll,altered", "--duration-ms", "30", "--resamples",
         "200", "--quiet", "--scenario", "ping-pong"]


class VerifyUsage(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name, text=None):
        path = os.path.join(self.folder.name, name)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        return path

    def test_refused_at_once(self):
        no_json = self.path("no.json", "not JSON")
        no_report = self.path("other.json", '{"a": 1}')
        gate = self.path("gate.ini", "[gate]\nping_pong = 10\n")
        nowhere = self.path(os.path.join("no", "where"))
        compare = ["--compare", no_report, no_report]
        for arguments, words in (
                (["--quick", "--full"], "--quick and --full"),
                (["--tokio", self.path("none")], "--tokio " + self.path("none") + ": No such file"),
                (["--libuv", self.path("none")], "--libuv " + self.path("none") + ": No such file"),
                (["--libuv", no_json], "it is no program that can be run"),
                (["--tokio", self.folder.name], "it is no program that can be run"),
                (["--pairs", "tokio:epoll", "--gate", "epoll:io_uring"],
                 "--pairs leaves this pair out"),
                (["--pairs", ""], "--pairs names none"),
                (["--scenario", ""], "--scenario: \"\" is none"),
                (["--gate-file", self.path("none")], "--gate-file: " + self.path("none")),
                (["--gate-file", gate], "gate.ini:2"),
                (["--compare", self.path("none"), no_json], "cannot be read: No such file"),
                (["--compare", no_json, no_json], no_json + " is no JSON report of outcry verify"),
                (["--compare", no_report, no_json],
                 no_report + " is no JSON report of outcry verify"),
                *(([*compare, *more], "--compare measures nothing") for more in
                  (["--gate", "epoll:io_uring"], ["--json", nowhere], ["--seed", "3"], ["--full"],
                   ["--resume"], ["--on", "127.0.0.1:1"])),
                (["--agent", "--listen", "127.0.0.1:0", "--seed", "3"], "--agent measures nothing"),
                *(([option, nowhere], option + " " + nowhere + " cannot be written: No such file")
                  for option in ("--json", "--html", "--markdown")),
                (["--html", self.folder.name], "cannot be written: Is a directory"),
                (["--on", "nonsense"], "--on: "),
                (["--agent", "--listen", "nonsense"], "nonsense"),
                (["--agent", "--listen", "192.0.2.1:7500"], "--insecure"),
                (["--scenario", "stress", "--gate", "epoll:altered"],
                 "1 of its criteria would be measured, 2 must be met"),
                (["--resume", "--seed", "7", "--json", self.path("v.json")],
                 "v.json.runs: No such file"),
        ):
            done = run("verify", *arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(words, re.sub(r"\s+", " ", done.stderr))
            self.assertEqual(done.stdout, "")
        # Looking whether a page can be written leaves none behind.
        page = self.path("v.html")
        self.assertEqual(run("verify", "--html", page, "--on", "nonsense").returncode, 2)
        self.assertFalse(os.path.exists(page))

    def test_nothing_is_overwritten(self):
        """The same command again, without --resume."""
        path = self.path("v.json")
        for name in (path, path + ".runs"):
            with open(name, "w", encoding="utf-8") as file:
                file.write("an hour")
            done = run(*SMALL, "--blocks", "1", "--json", path)
            self.assertEqual(done.returncode, 2, done.stdout)
            for words in (name + " is there already", "--resume --seed N", "another FILE",
                          "delete it"):
                self.assertIn(words, done.stderr)
            with open(name, encoding="utf-8") as file:
                self.assertEqual(file.read(), "an hour")
            os.unlink(name)

    def test_gate_is_told_last_and_judged_again(self):
        """One block decides nothing. What was measured is judged anew without measuring."""
        path = self.path("v.json")
        words = [*SMALL, "--scenario", "ping-pong,stress", "--blocks", "1", "--json", path,
                 "--gate", "epoll:altered"]
        done = run(*words)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stdout.splitlines()[-1],
                         r"^gate epoll:altered: not passed: undecided \(met: 0 of 2 needed;")
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 100, line)
        with open(path, encoding="utf-8") as file:
            runs = json.load(file)["runs"]
        os.unlink(path)
        again = run(*words, "--resume")
        self.assertEqual(again.returncode, 3, again.stderr)
        # It is the report of that measurement, but for the command.
        heads = [re.sub(r"\s+", " ", one.stdout[:one.stdout.index("\nCells and stacks")])
                 for one in (done, again)]
        self.assertEqual(heads[0], heads[1])
        full = run(*words[:-2], "--resume", "--full")
        self.assertEqual(full.returncode, 2)
        self.assertIn("v.json.runs does not fit: it is of --quick, and this is --full",
                      full.stderr)
        self.assertEqual(again.stdout.splitlines()[-1], done.stdout.splitlines()[-1])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["runs"], runs)

    def test_stopped_is_said_first(self):
        path = self.path("v.json")
        process = subprocess.Popen([OUTCRY, *SMALL, "--blocks", "100", "--json", path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and not self.lines(path + ".runs") > 3:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 4, error)
        self.assertRegex(out, r"(?s)^This host.*\nSTOPPED EARLY by a signal, after \d+ of at least "
                              r"200 planned runs \(\d+ %\).*\nCells and stacks")

    def lines(self, path):
        try:
            with open(path, encoding="utf-8") as file:
                return len(file.readlines())
        except FileNotFoundError:
            return 0

    def test_missing_tokio(self):
        """Where the baseline was not built, it is said how to, and the claims' column is empty."""
        # So deep that what lies beside the folder of this test is not found.
        program = os.path.join(self.folder.name, "a", "b", "c", "outcry")
        os.makedirs(os.path.dirname(program))
        shutil.copy(OUTCRY, program)
        markdown = self.path("v.md")
        done = subprocess.run([program, *SMALL, "--blocks", "1", "--stacks", "tokio,epoll,io_uring",
                               "--markdown", markdown], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        refused = subprocess.run([program, "verify", "--gate", "tokio:epoll"], capture_output=True,
                                 text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(refused.returncode, 2, refused.stderr)
        self.assertIn("--gate tokio:epoll cannot be passed: tokio is not there: run `make "
                      "baseline-tokio`", refused.stderr)
        with open(markdown, encoding="utf-8") as file:
            text = file.read().replace("\\", "")
        self.assertIn("tokio: not measured: run `make baseline-tokio` (looked for beside", text)
        claims = [line for line in text.splitlines() if line.startswith("| epoll_wait takes")]
        self.assertEqual(len(claims), 1, text)
        self.assertIn("| - | tokio not measured |", claims[0])


if __name__ == "__main__":
    unittest.main()
