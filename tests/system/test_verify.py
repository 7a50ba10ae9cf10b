"""outcry verify: from starting servers to the decision, in small.

Method: runs of one or two cells with two or three stacks and few, short runs; a server that is
stopped for 100 ms while it is measured; a generator that is stopped; a verification that is broken
off and resumed. Fails when: a report is no JSON or lacks what was measured, resuming measures again
what is there, a stall of the server or the generator does not show, a run that completed nothing
counts, a page is not well-formed, a comparison of a report with itself finds a difference, an exit
status is wrong, or a server outlives the run. What is measured here is not judged: the machine may
be busy.
"""
import ctypes
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
import xml.etree.ElementTree

from support import OUTCRY, PATIENCE_S, children, io_uring_reason, run

STACKS = "epoll,altered" if io_uring_reason() else "epoll,io_uring,altered"
OUR_STACKS = STACKS.split(",")
LAG_MAX_NS = 100e3    # the fixed limit, whatever the latency was


def options(*arguments, json_path=None, blocks=1, duration_ms=60, stacks=STACKS, progress=False):
    """A small verification."""
    words = ["verify", "--seed", "7", "--stacks", stacks, "--blocks", blocks, "--duration-ms",
             duration_ms, "--resamples", "200", *([] if progress else ["--quiet"]), *arguments]
    return words + (["--json", json_path] if json_path else [])


def drop_sys_nice():
    """In a child before exec: as root it would have this right, else there is nothing to drop."""
    ctypes.CDLL(None).prctl(24, 23)    # PR_CAPBSET_DROP, CAP_SYS_NICE


class Verify(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.json = os.path.join(self.folder.name, "v.json")

    def report(self):
        with open(self.json, encoding="utf-8") as file:
            return json.load(file)

    def lines(self):
        """The runs of the file of runs, without its other lines."""
        with open(self.json + ".runs", encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [line for line in lines if "cell" in line]

    def verify(self, *arguments, status=0, **more):
        done = run(*options(*arguments, json_path=self.json, **more))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def test_measures_and_reports(self):
        pages = {name: os.path.join(self.folder.name, name) for name in ("v.html", "v.md")}
        done = self.verify("--scenario", "ping-pong,request-response,reuse,fan-out",
                           "--pairs", "epoll:io_uring", "--html", pages["v.html"],
                           "--markdown", pages["v.md"])
        report = self.report()
        self.pages(report, pages, done.stdout)
        self.comparisons()
        cells = [cell["name"] for cell in report["cells"]]
        self.assertEqual(len(cells), 4)
        self.assertEqual(report["seed"], 7)
        self.assertIn("verify --seed 7", report["environment"]["command"])
        self.assertGreater(report["environment"]["cpus_online"], 0)
        self.assertIn(report["environment"]["priority"], ("raised (nice -20)", "as started"))
        self.assertGreater(report["costs"]["call_ns"], 10)
        self.assertTrue(1 < report["costs"]["apply_ns"] < 1e5, report["costs"])
        splits = re.findall(r"An order on (\w+) takes .*? us, matching \d+\.\d\d us, gateway and",
                            re.sub(r"\s+", " ", done.stdout))
        self.assertEqual(splits, [stack for stack in OUR_STACKS if stack != "altered"])
        self.assertFalse(report["full"])
        self.assertIn("epoll:io_uring", report["judgement"]["gates"])
        for cell in cells:
            self.assertIn(cell, done.stdout)
        # A block holds each stack once, and nothing failed.
        ours = [stack for stack in OUR_STACKS if stack != "altered"]
        for cell in report["cells"]:
            runs = [one for one in report["runs"] if one["cell"] == cell["name"]]
            stacks = sorted(one["stack"] for one in runs)
            self.assertTrue(set(ours) <= set(stacks) or len(ours) == 1, stacks)
            self.assertEqual(len(stacks), len(set(stacks)))
            self.assertEqual(sorted(one["order"] for one in runs), list(range(len(runs))))
            for one in runs:
                self.assertIn(one["exclusion"], ("kept", "steal"), one)
                self.assertGreater(one["requests"], 0)
                metrics = one["metrics"]
                self.assertLessEqual(metrics["latency_p50"], metrics["latency_p99"])
                self.assertEqual((metrics["errors"], metrics["timeouts"]), (0, 0))
                for name in ("server_cpu", "client_cpu", "context_switches", "system_calls",
                             "resident", "descriptors", "rate"):
                    self.assertGreater(metrics[name], 0, (name, one))
                if "reuse" in one["cell"]:
                    self.assertGreater(metrics["connect_p50"], 0)
        # One message in flight on epoll: wait, read, write; on io_uring one call does it all.
        calls = {one["stack"]: one["metrics"]["system_calls"] for one in report["runs"]
                 if one["cell"] == "ping-pong/100B/same-core"}
        self.assertAlmostEqual(calls["epoll"], 3, delta=0.1)
        if "io_uring" in calls:
            self.assertAlmostEqual(calls["io_uring"], 1, delta=0.1)
        self.assertEqual([one["offered_rate"] for one in report["cells"][0]["latency"]], [0])
        for name, curve in report["cells"][0]["latency"][0]["stacks"].items():
            self.assertIn(name, OUR_STACKS)
            self.assertGreater(sum(count for _, count in curve), 0)

    def pages(self, report, pages, terminal):
        """All outputs of one verification tell of every cell and decide alike."""
        html = xml.etree.ElementTree.parse(pages["v.html"]).getroot()
        self.assertEqual(html.tag.rpartition("}")[2], "html")
        with open(pages["v.md"], encoding="utf-8") as file:
            markdown = file.read().replace("\\", "")
        words = re.sub(r"\s+", " ", " ".join(html.itertext()))
        for text in (words, markdown):
            self.assertIn(report["environment"]["priority"], text)
        for text in (words, markdown, terminal):
            for cell in report["cells"]:
                self.assertIn(cell["name"], text)
            self.assertIn("From epoll to io_uring: ", text)
        # People read the end: it is the decision.
        last = terminal[terminal.rindex("\nDecision\n"):]
        self.assertIn("docs/verify.md", last)
        self.assertEqual(last.rindex("\n  - "), last.index("\n  - From epoll to io_uring: "), last)
        self.assertNotIn("\n\n", last)

    def comparisons(self):
        """The report just made against itself, and against what is no report."""
        done = run("verify", "--compare", self.json, self.json)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"What differs\n.*\n  nothing +-")
        medians = re.findall(r" (\d+\.\d+) \(\S+ interval\)$",
                             done.stdout[done.stdout.index("\nMedians\n"):], re.MULTILINE)
        self.assertGreaterEqual(len(medians), 2 * len(OUR_STACKS))
        self.assertEqual(set(medians), {"1.000"})
        broken = os.path.join(self.folder.name, "broken.json")
        with open(self.json, encoding="utf-8") as file:
            text = file.read()
        for damage in (text[:len(text) // 2], "", text.replace('"epoll"', '"kqueue"')):
            with open(broken, "w", encoding="utf-8") as file:
                file.write(damage)
            done = run("verify", "--compare", self.json, broken)
            self.assertEqual(done.returncode, 2, damage[:80])
            self.assertRegex(done.stderr, r"^outcry: \S+broken\.json\S* .")
        done = run("verify", "--compare", self.json, broken + ".not")
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot be read: No such file", done.stderr)

    def test_what_completes_nothing_failed(self):
        """A server so slow that no request ends within the measured time is no measurement."""
        self.verify("--scenario", "request-response", "--altered-delay-ns", 150_000_000,
                    stacks="epoll,altered", duration_ms=30)
        runs = {one["stack"]: one for one in self.report()["runs"]}
        self.assertEqual(runs["altered"]["exclusion"], "failed", runs["altered"])
        self.assertEqual(runs["altered"]["why"],
                         "no request was completed in the time that is measured")
        self.assertNotIn("rate", runs["altered"]["metrics"])
        self.assertGreater(runs["epoll"]["requests"], 0)

    def test_any_command_line(self):
        """A name that is no UTF-8 does not cost the report."""
        program = os.path.join(self.folder.name, "no-\udcff-where")
        os.symlink("/bin/true", program)
        done = self.verify("--scenario", "ping-pong", "--tokio", program)
        self.assertIn("/no-?-where", self.report()["environment"]["command"])
        self.assertIn("Decision", done.stdout)

    def test_resume(self):
        arguments = ("--scenario", "ping-pong,stress")
        self.verify(*arguments, blocks=2)
        whole = self.lines()
        self.assertEqual(len(whole), 4 * len(OUR_STACKS))
        # Broken off within the last block, and within the last line.
        with open(self.json + ".runs", encoding="utf-8") as file:
            lines = file.readlines()
        with open(self.json + ".runs", "w", encoding="utf-8") as file:
            self.assertIn("end", json.loads(lines[-1]))
            file.writelines(lines[:-2])
            file.write(lines[-2][:len(lines[-2]) // 2])
        before = self.report()
        done = self.verify("--resume", *arguments, blocks=2)
        report = self.report()
        self.of_the_first_part(report, before)
        self.assertEqual(len(report["parts"]), 2)
        self.assertIn("Broken off and gone on with by --resume at " +
                      report["parts"][1]["time_begin"], re.sub(r"\s+", " ", done.stdout))
        self.assertEqual(report["runs_resumed"], len(whole) - len(OUR_STACKS))
        self.assertEqual(len(report["runs"]), len(whole))
        kept = [(one["cell"], one["block"], one["stack"], one["order"]) for one in report["runs"]]
        self.assertEqual(len(set(kept)), len(whole))
        # The same seed gives the same order of stacks, whether resumed or not.
        self.assertEqual(set(kept), {(one["cell"], one["block"], one["stack"], one["order"])
                                     for one in whole})
        # A finished one is judged again and not measured again; another plan is refused.
        done = self.verify("--resume", *arguments, blocks=2, progress=True)
        again = self.report()
        self.of_the_first_part(again, report)
        self.assertEqual(again["parts"], report["parts"])
        self.assertEqual(again["elapsed_s"], report["elapsed_s"])
        for name in ("time_end", "load_after"):
            self.assertEqual(again["environment"][name], report["environment"][name])
        self.assertEqual(again["runs_resumed"], len(whole))
        self.assertEqual(again["runs"], report["runs"])
        for part in ("gates", "comparisons"):
            self.assertEqual(again["judgement"][part], report["judgement"][part])
        # So the runs stay, and the last words say what they are good for.
        self.assertRegex(done.stderr, r"stay in \S+v\.json\.runs: --resume --seed 7 with the same "
                                      r"options judges them again, without new runs\n$")
        self.assertTrue(os.path.exists(self.json + ".runs"))
        done = self.verify("--resume", *arguments, blocks=2, duration_ms=50, status=2)
        self.assertIn("other cells", done.stderr)
        # A program that was built anew between two parts is another one.
        with open(self.json + ".runs", encoding="utf-8") as file:
            text = file.read()
        part = next(line for line in text.splitlines() if '"part"' in line)
        first = json.loads(part)
        first["part"][0]["stacks"]["epoll"]["version"] = "another"
        with open(self.json + ".runs", "w", encoding="utf-8") as file:
            file.write(text.replace(part, json.dumps(first)))
        done = self.verify("--resume", *arguments, blocks=2, status=2)
        self.assertIn('epoll was "another" when it was measured', done.stderr)
        # A line that cannot be read is no run less, unseen.
        lines[3] = "{\n"
        with open(self.json + ".runs", "w", encoding="utf-8") as file:
            file.writelines(lines)
        done = self.verify("--resume", *arguments, blocks=2, status=2)
        self.assertIn("v.json.runs:4: this line cannot be read", done.stderr)

    def of_the_first_part(self, later, earlier):
        """What was found when the measurement began is not found anew when it is taken up."""
        for name in ("time_begin", "load_before", "busy_share_before", "priority"):
            self.assertEqual(later["environment"][name], earlier["environment"][name])
        self.assertEqual(later["costs"], earlier["costs"])
        self.assertEqual(later["parts"][0], earlier["parts"][0])
        self.assertGreaterEqual(later["elapsed_s"], 0.5 * earlier["elapsed_s"])

    def test_gate_and_usage(self):
        # One block decides nothing, so the gate is not passed.
        self.verify("--scenario", "ping-pong,stress", "--gate", "epoll:altered", status=3)
        for arguments in (["--gate", "epoll:kqueue"], ["--scenario", "pingpong"],
                          ["--pairs", "epoll"], ["--resume"], ["--blocks", "0"], ["x"]):
            done = run("verify", *arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertNotEqual(done.stderr, "")
        gate_file = os.path.join(self.folder.name, "gate.ini")
        with open(gate_file, "w", encoding="utf-8") as file:
            file.write("[gate]\nping_pong = 10\n")
        done = run(*options("--gate-file", gate_file))
        self.assertEqual(done.returncode, 2)
        self.assertIn("gate.ini:2", done.stderr)

    def start(self, *arguments, **more):
        # Of a session of its own: one that is killed cannot give back the session's priority. And
        # without the right to raise it: a client that spins would take a CPU from other tests.
        process = subprocess.Popen([OUTCRY, *map(str, options(*arguments, json_path=self.json,
                                                              **more))],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True, preexec_fn=drop_sys_nice)
        self.addCleanup(process.stderr.close)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def server_of(self, process, word):
        """Pid of the next server whose command line has `word`; fails after a while."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            for pid, line in children(process.pid).items():
                if word in line:
                    return pid
            time.sleep(0.002)
        raise AssertionError("no such server was started")

    def test_ends_when_asked(self):
        process = self.start("--scenario", "ping-pong", blocks=100, duration_ms=200)
        server = self.server_of(process, b"\0echo\0")    # not one that is asked for its version
        # As a Ctrl-C and `timeout` do it: the whole group. The server is spared, so that the run
        # under way does not fail.
        os.killpg(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(PATIENCE_S), 4, process.stderr.read())
        self.assertTrue(self.report()["stopped"])
        self.assertEqual(self.report()["environment"]["priority"], "as started")
        self.assertFalse(os.path.exists(f"/proc/{server}"))
        self.assertGreater(len(self.lines()), 0)
        self.assertEqual([one for one in self.lines() if one["exclusion"] == "failed"], [])

    def test_what_fails_of_the_end_is_no_failure(self):
        """Whoever asked for the end may have ended the server, too."""
        process = self.start("--scenario", "ping-pong", blocks=100, duration_ms=300)
        while not self.seen():
            self.assertIsNone(process.poll(), "it ended before the first run")
            time.sleep(0.005)
        server = self.server_of(process, b"\0echo\0")
        process.send_signal(signal.SIGTERM)
        os.kill(server, signal.SIGKILL)
        self.assertEqual(process.wait(PATIENCE_S), 4, process.stderr.read())
        self.assertEqual([one for one in self.lines() if one["exclusion"] == "failed"], [])
        self.assertEqual([one for one in self.report()["runs"] if one["exclusion"] == "failed"], [])

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "open loops need two CPUs")
    def test_capacity_at_a_limit(self):
        """The search of the full plan: what it finds lies on the ladder; what it finds below the
        generator's limit counts as found by no one."""
        self.verify("--full", "--scenario", "percentiles", "--pairs", "epoll:io_uring",
                    stacks="epoll,altered")
        report = self.report()
        cells = [one["name"] for one in report["cells"] if one["p99_limit_us"] > 0]
        self.assertEqual(cells, ["percentiles/capacity-at-p99-1000us/busy-poll"])
        runs = [one for one in report["runs"] if one["cell"] in cells]
        self.assertEqual(sorted(one["stack"] for one in runs), ["altered", "epoll"])
        for one in runs:
            self.assertEqual(one["offered_rate"], 0)
            self.assertNotIn("latency_p99", one["metrics"])
            self.assertNotIn("server_cpu", one["metrics"])
            self.assertNotEqual(one["exclusion"], "failed", one)
            self.assertTrue(950 < one["metrics"]["rate"] < 17e6, one)
            self.assertEqual(one["exclusion"] == "lag", one["lag_p99_ns"] > LAG_MAX_NS, one)

    def test_servers_die_with_it(self):
        process = self.start("--scenario", "ping-pong", blocks=100, duration_ms=500)
        server = self.server_of(process, b"\0echo\0")
        process.kill()
        process.wait(PATIENCE_S)
        end = time.monotonic() + PATIENCE_S
        while os.path.exists(f"/proc/{server}") and time.monotonic() < end:
            time.sleep(0.01)
        self.assertFalse(os.path.exists(f"/proc/{server}"))

    def stall(self, whom):
        """An open loop in which 100 ms of a run of a second stand still. Returns the runs."""
        process = self.start("--scenario", "percentiles", stacks="epoll,altered", duration_ms=900)
        while not any(one["cell"].startswith("percentiles/capacity") for one in self.seen()):
            self.assertIsNone(process.poll(), "it ended before the open loop")
            time.sleep(0.005)
        # The capacity is measured: the next server is one of the open loop. Warm-up is 300 ms.
        server = self.server_of(process, b"serve")
        time.sleep(0.7)
        victim = server if whom == "server" else process.pid
        os.kill(victim, signal.SIGSTOP)
        time.sleep(0.1)
        os.kill(victim, signal.SIGCONT)
        self.assertEqual(process.wait(PATIENCE_S), 0, process.stderr.read())
        return [one for one in self.report()["runs"] if one["offered_rate"] > 0]

    def seen(self):
        try:
            return self.lines()
        except (FileNotFoundError, json.JSONDecodeError):
            return []

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "open loops need two CPUs")
    def test_a_stalled_server_shows(self):
        runs = self.stall("server")
        self.assertEqual(len(runs), 2)
        # 100 ms of 900 is every ninth request; those that came first waited nearly all of it. A
        # closed loop would have sent nothing meanwhile, and would show one late request.
        worst = max(runs, key=lambda one: one["metrics"]["latency_p999"])
        self.assertGreater(worst["metrics"]["latency_p999"], 60e6)
        self.assertLess(worst["metrics"]["latency_p999"], 10e9)
        self.assertGreater(worst["metrics"]["latency_max"], 80e6)

    @unittest.skipIf(len(os.sched_getaffinity(0)) < 2, "open loops need two CPUs")
    def test_a_lagging_generator_is_detected(self):
        runs = self.stall("generator")
        late = [one for one in runs if one["exclusion"] == "lag"]
        self.assertGreaterEqual(len(late), 1)
        for one in late:
            self.assertTrue(re.search("generator was late", one["why"]))
            self.assertGreater(one["lag_p99_ns"], LAG_MAX_NS)
        for one in runs:
            self.assertEqual(one["exclusion"] == "lag",
                             one["exclusion"] != "steal" and one["lag_p99_ns"] > LAG_MAX_NS, one)


if __name__ == "__main__":
    unittest.main()
