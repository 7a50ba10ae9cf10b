"""outcry verify --agent and --on: servers on another host, in small.

Method: an agent and a verification on loopback, then between two network namespaces (as root, where
iproute2 is there); plain sockets that speak to the agent: wrongly, at the wrong time, and one that
goes away while a server runs. Fails when: a report does not name both hosts or has a same-core
cell, a server outlives its controller or the agent, the agent can be brought down by what it is
sent, serves two at once, or listens beyond loopback unasked, or what was broken off is not gone on
with. What is measured here is not judged.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from support import OUTCRY, PATIENCE_S, Server, children, run

STACKS = "epoll,altered"
# Of one run. Within 50 ms nothing may be completed on a machine that is busy elsewhere.
DURATION_MS = 200


def gone(pid):
    """Whether a process has ended, or will without doing anything more."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def becomes(condition):
    """Waits until a condition holds; False if it does not in time."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


class Agent(Server):
    """A running agent."""

    def __init__(self, listen="127.0.0.1:0", *arguments, command=()):
        # Of a session of its own: one that is killed cannot give back the session's priority.
        super().__init__([*command, OUTCRY, "verify", "--agent", "--listen", listen, *arguments],
                         start_new_session=True)

    def connect(self):
        """A control connection."""
        host, port = self.address.rsplit(":", 1)
        return Control(socket.create_connection((host, int(port)), PATIENCE_S))


class Control:
    """One side of a control connection, by hand."""

    def __init__(self, connection):
        self.connection = connection
        self.lines = connection.makefile("rb")

    def ask(self, request):
        """The reply to an object or to bytes as they are; None at the end of the stream."""
        if isinstance(request, dict):
            request = json.dumps(request).encode() + b"\n"
        try:
            self.connection.sendall(request)
            line = self.lines.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line else None

    def hello(self):
        """Greets, as every controller does first."""
        return self.ask({"do": "hello", "protocol": 2})

    def start(self, **more):
        """Starts a server."""
        return self.ask({"do": "start", "stack": "epoll", "echo": True, "size": 100,
                         "busy_poll_ns": 0, "altered_delay_ns": 0, **more})

    def close(self):
        """Goes away without a word."""
        self.lines.close()
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class VerifyAgent(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.json = os.path.join(self.folder.name, "v.json")

    def verify(self, address, scenario, *more, status=0, command=(), stacks=STACKS, blocks=1):
        """A small verification with its servers at the agent's host. Its report and its text."""
        done = subprocess.run(
            [*command, OUTCRY, "verify", "--on", address, "--scenario", scenario, "--stacks",
             stacks, "--blocks", str(blocks), "--duration-ms", str(DURATION_MS), "--resamples",
             "200", "--seed", "7", "--quiet", "--json", self.json, *more],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if status != 0:
            return None, done.stderr
        with open(self.json, encoding="utf-8") as file:
            return json.load(file), done.stdout

    def check_report(self, report, address, cells):
        """Both ends, which are one host, no same-core cell, and every run measured."""
        self.assertEqual(report["title"], "this host, by an agent")
        self.assertEqual(report["agent"], address)
        for host in ("environment", "server_environment"):
            self.assertGreater(report[host]["cpus_online"], 0)
            self.assertIn("Linux", report[host]["kernel"])
            self.assertIn(report[host]["priority"], ("raised (nice -20)", "as started"))
        self.assertEqual([cell["name"] for cell in report["cells"]], cells)
        self.assertEqual(len(report["runs"]), len(cells) * len(STACKS.split(",")))
        for one in report["runs"]:
            self.assertNotEqual(one["exclusion"], "failed", one)
            self.assertGreater(one["metrics"]["server_cpu"], 0)
            self.assertGreater(one["metrics"]["machine_cpu"], 0)
            self.assertGreater(one["metrics"]["resident"], 1e5)
            self.assertGreater(one["metrics"]["descriptors"], 3)

    def test_loopback(self):
        with Agent() as agent:
            self.assertIn("not authenticated", agent.log[0])
            report, text = self.verify(agent.address, "ping-pong,request-response")
            self.check_report(report, agent.address,
                              ["ping-pong/100B/cross-core", "request-response/1/cross-core"])
            echoes = [one for one in report["runs"] if one["cell"].startswith("ping-pong")]
            self.assertEqual(len(echoes), 2)
            for one in echoes:
                self.assertGreater(one["metrics"]["system_calls"], 0.5)
            self.assertIn("This host, by an agent.", text)
            self.assertIn("No same-core cells", text)
            self.assertTrue(becomes(lambda: not children(agent.process.pid)))
            self.assertEqual(agent.stop(), 0)

    def test_resume(self):
        """Broken off within the last block, at one agent, and gone on with at another."""
        path = pathlib.Path(self.json + ".runs")
        with Agent() as agent:
            whole, _ = self.verify(agent.address, "ping-pong,persistent", blocks=2)
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        self.assertEqual(len(lines), 2 + 8 + 1)
        path.write_text("".join(lines[:-2]), encoding="utf-8")
        with Agent() as agent:
            report, _ = self.verify(agent.address, "ping-pong,persistent", "--resume", blocks=2)
            self.assertEqual(report["agent"], agent.address)
        self.assertEqual(report["runs_resumed"], 6)
        self.assertEqual(len(report["runs"]), 8)
        self.assertEqual(report["runs"][:6], whole["runs"][:6])
        self.assertEqual([(one["cell"], one["block"], one["stack"], one["order"])
                          for one in report["runs"]],
                         [(one["cell"], one["block"], one["stack"], one["order"])
                          for one in whole["runs"]])
        # Runs of two hosts are none of this one.
        done = run("verify", "--resume", "--scenario", "ping-pong,persistent", "--stacks", STACKS,
                   "--blocks", 2, "--duration-ms", DURATION_MS, "--seed", 7, "--quiet", "--json",
                   self.json)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("does not fit", done.stderr)

    def test_between_two_namespaces(self):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            self.skipTest("needs root and iproute2")
        names = [f"outcry-{os.getpid()}-{side}" for side in "ab"]
        links = [f"oc{os.getpid()}{side}" for side in "ab"]
        for name in names:
            if subprocess.run(["ip", "netns", "add", name], check=False,
                              capture_output=True).returncode != 0:
                self.skipTest("no network namespaces here")
            self.addCleanup(subprocess.run, ["ip", "netns", "del", name], check=False)
        if subprocess.run(["ip", "link", "add", links[0], "netns", names[0], "type", "veth", "peer",
                           "name", links[1], "netns", names[1]], check=False,
                          capture_output=True).returncode != 0:
            self.skipTest("no veth here")
        for index, (name, link) in enumerate(zip(names, links)):
            for words in (["addr", "add", f"198.18.0.{index + 1}/30", "dev", link],
                          ["link", "set", link, "up"]):
                subprocess.run(["ip", "-n", name, *words], check=True)
        inside = [["ip", "netns", "exec", name] for name in names]
        with Agent("198.18.0.1:7401", "--insecure", command=inside[0]) as agent:
            report, _ = self.verify(agent.address, "ping-pong,persistent,request-response",
                                    command=inside[1])
            self.check_report(report, "198.18.0.1:7401",
                              ["ping-pong/100B/cross-core", "persistent/window-16/cross-core",
                               "request-response/1/cross-core"])
            if report["stacks"]["libuv"]["available"]:
                self.json += ".libuv"
                report, _ = self.verify(agent.address, "reuse", "--full", command=inside[1],
                                        stacks="libuv,epoll")
                self.check_report(report, "198.18.0.1:7401",
                                  ["reuse/each/cross-core", "reuse/one/cross-core"])
                self.assertEqual(sum(one["stack"] == "libuv" for one in report["runs"]), 2)
            self.assertEqual(agent.stop(), 0)

    def test_asks_for_insecure(self):
        done = run("verify", "--agent", "--listen", "0.0.0.0:0")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("--insecure", done.stderr)

    def test_options_that_mean_nothing(self):
        for words in (["--agent"], ["--listen", "127.0.0.1:0"], ["--insecure"],
                      ["--agent", "--listen", "127.0.0.1:0", "--on", "127.0.0.1:1"],
                      ["--agent", "--listen", "127.0.0.1:0", "--json", "x"],
                      ["--on", "127.0.0.1:1", "--tokio", "/bin/false"]):
            self.assertEqual(run("verify", *words).returncode, 2, words)

    def test_no_agent(self):
        _, text = self.verify("127.0.0.1:1", "ping-pong", status=1)
        self.assertIn("no agent answers", text)

    def test_controller_that_vanishes(self):
        with Agent() as agent:
            for connection in range(2):
                with agent.connect() as control:
                    self.assertTrue(control.hello()["ok"], connection)
                    port = control.start()["port"]
                    started = children(agent.process.pid)
                    self.assertEqual(len(started), 1)
                    socket.create_connection(("127.0.0.1", port), PATIENCE_S).close()
                server = next(iter(started))
                self.assertTrue(becomes(lambda pid=server: gone(pid)), "the server lives on")

    def test_agent_that_is_killed(self):
        with Agent() as agent, agent.connect() as control:
            control.hello()
            control.start()
            server = next(iter(children(agent.process.pid)))
            agent.process.kill()
            self.assertTrue(becomes(lambda: gone(server)), "the server lives on")

    def test_agent_that_goes_away_ends_the_verification(self):
        with Agent() as agent:
            timer = threading.Timer(2.0, agent.process.kill)
            timer.start()
            done = run("verify", "--on", agent.address, "--scenario", "ping-pong", "--stacks",
                       STACKS, "--blocks", "100", "--duration-ms", "50", "--quiet")
            timer.join()
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertRegex(done.stderr, "the agent at|no agent answers")

    def test_one_at_a_time(self):
        with Agent() as agent, agent.connect() as control:
            self.assertTrue(control.hello()["ok"])
            with agent.connect() as second:
                self.assertTrue(json.loads(second.lines.readline())["refused"])
            self.assertIn("drops", control.ask({"do": "drops"}))

    def test_known_stacks_only(self):
        with Agent() as agent, agent.connect() as control:
            self.assertFalse(control.start()["ok"], "before hello")
            self.assertTrue(control.hello()["ok"])
            for wrong in ({"stack": "/bin/sh"}, {"stack": ["epoll"]}, {"stack": ""}, {"echo": 1},
                          {"size": -1}, {"size": 1 << 40}, {"busy_poll_ns": 1.5},
                          {"altered_delay_ns": "1"}, {"stack": "floor", "echo": False},
                          {"stack": "altered", "size": 0, "altered_delay_ns": 1}):
                self.assertFalse(control.start(**wrong)["ok"], wrong)
                self.assertEqual(children(agent.process.pid), {}, wrong)
            for name in ("meters", "counters", "footprint", "calls_begin", "calls_end", "exec", 7):
                self.assertFalse(control.ask({"do": name})["ok"], name)
            self.assertTrue(control.ask({"do": "stop"})["ok"])
            port = control.start()["port"]
            with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as client:
                client.sendall(b"x")
                self.assertEqual(client.recv(1), b"x")
            self.assertFalse(control.start()["ok"], "a second one")
            self.assertFalse(control.hello()["ok"], "while a server runs")
            self.assertGreater(control.ask({"do": "meters"})["machine_ns"], 0)
            self.assertGreaterEqual(control.ask({"do": "counters"})["system_calls"], 1)
            self.assertTrue(control.ask({"do": "stop"})["ok"])
            self.assertEqual(children(agent.process.pid), {})

    def test_hostile_bytes(self):
        with Agent() as agent:
            for bad in (b"\n", b"\0\n", b"[]\n", b"{\n", b"\xff\xfe\n", b"[" * 30000 + b"\n",
                        b'{"do":"hello","do":"hello"}\n', b"x" * 40000, b'{"a":1e999}\n'):
                with agent.connect() as control:
                    self.assertIsNone(control.ask(bad), bad[:20])
            for harmless in (b"{}\n", b'{"do":null}\n', b'{"do":"hello"}\n',
                             b'{"do":"hello","protocol":1}\n'):
                with agent.connect() as control:
                    self.assertFalse(control.ask(harmless)["ok"], harmless)
            with agent.connect() as control:
                self.assertTrue(control.hello()["ok"])
            self.assertIsNone(agent.process.poll())
            self.assertEqual(agent.stop(), 0)


if __name__ == "__main__":
    unittest.main()
