"""outcry verify: what it refuses, and the words with which it begins and ends.

Method: command lines that contradict themselves or name files that are not there or are something
else; a run that is stopped; a copy of the program in a folder without the baseline. Fails when: an
exit status is not 2 for usage or 3 for a gate that is not passed, a message does not name the file
and what was expected, the last line does not tell of the gate, a stopped run does not say so in its
head, a line is wider than 100 columns, or a finished run cannot be judged again.
"""
import json
import os
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
        ):
            done = run("verify", *arguments)
            self.assertEqual(done.returncode, 2, (arguments, done.stderr))
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stdout, "")

    def test_gate_is_told_last_and_judged_again(self):
        """One block decides nothing. What was measured is judged anew without measuring."""
        path = self.path("v.json")
        words = [*SMALL, "--blocks", "1", "--json", path, "--gate", "epoll:altered"]
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
        self.assertIn("2 of the runs were measured before", again.stdout)
        self.assertEqual(again.stdout.splitlines()[-1], done.stdout.splitlines()[-1])
        with open(path, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["runs"], runs)

    def test_stopped_is_said_first(self):
        path = self.path("v.json")
        process = subprocess.Popen([OUTCRY, *SMALL, "--blocks", "100", "--json", path],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and not self.lines(path + ".runs") > 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0, error)
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
        with open(markdown, encoding="utf-8") as file:
            text = file.read().replace("\\", "")
        self.assertIn("tokio: not measured: run `make baseline-tokio` (looked for beside", text)
        claims = [line for line in text.splitlines() if line.startswith("| epoll_wait takes")]
        self.assertEqual(len(claims), 1, text)
        self.assertIn("| - | tokio not measured |", claims[0])


if __name__ == "__main__":
    unittest.main()
