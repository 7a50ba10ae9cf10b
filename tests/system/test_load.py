"""outcry load: what it sends, what it measures, and what it says.

Method: runs against real venues on each backend, and against a venue that is stopped for a moment.
Fails when a reply of the venue differs from the reference matcher's, a stall does not show in the
open loop's percentiles, a threshold is judged wrongly, or a mistake is not explained.
"""
import json
import os
import signal
import tempfile
import threading
import time
import unittest

from support import PATIENCE_S, Client, Venue, backends, run


def load(venue, *arguments, status=0):
    """Run `outcry load --json` and return its report."""
    done = run("load", "--json", "--connect", venue.address, *arguments)
    if done.returncode != status:
        raise AssertionError(f"exit status {done.returncode}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


class Flows(unittest.TestCase):
    def assert_right(self, report, requests):
        self.assertEqual((report["wrong"], report["missing"], report["why"]), (0, 0, ""))
        self.assertEqual(report["answered"], requests)
        self.assertEqual(report["latency"]["count"], report["measured"])

    def test_pingpong(self):
        for net in backends():
            for connections, window in ((1, 1), (1, 64), (64, 1), (64, 8)):
                with self.subTest(net=net, connections=connections, window=window), \
                        Venue(net) as venue:
                    report = load(venue, "--requests", 20000, "--connections", connections,
                                  "--window", window)
                    self.assert_right(report, 20000)
                    self.assertEqual(report["replies"], 20000)
                    # An odd share ends with a buy that rests.
                    self.assertIn(report["trades"], range(10000 - connections, 10001))
                    self.assertEqual(report["rejects"], {})

    def test_equity_is_what_the_reference_says(self):
        for net in backends():
            for connections, instruments, seed in ((1, 1, 1), (4, 16, 2), (64, 64, 3)):
                with self.subTest(net=net, connections=connections, seed=seed), \
                        Venue(net) as venue:
                    report = load(venue, "--flow", "equity", "--requests", 64000, "--seed", seed,
                                  "--connections", connections, "--instruments", instruments,
                                  "--window", 32)
                    facts = report["flow_facts"]
                    self.assert_right(report, facts["prepared"])
                    self.assertEqual(report["answered"], 64000)
                    self.assertEqual(report["rejects"], {"unknown_order": facts["rejects"]})
                    self.assertGreater(facts["trades"], 1000)
                    self.assertEqual(report["books"], 64)
                    self.assertLess(abs(facts["resting_mean"] - 20000), 600)

    def test_equity_again_on_the_same_venue(self):
        """What an earlier run left is cancelled first: the second one is right too."""
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                for seed in (1, 2):
                    report = load(venue, "--flow", "equity", "--requests", 5000, "--seed", seed,
                                  "--connections", 2, "--window", 8)
                    self.assert_right(report, 5000)

    def test_the_tape_of_the_others(self):
        with Venue() as venue:
            report = load(venue, "--requests", 2000, "--connections", 4, "--tape", "on")
            self.assert_right(report, 2000)
            # Each trade goes to the three others, as far as they still listen.
            self.assertGreater(report["tape"], 2000)
            self.assertLessEqual(report["tape"], 3000)
            self.assertEqual(load(venue, "--requests", 2000, "--connections", 4)["tape"], 0)

    def test_another_user_on_the_symbol_is_noticed(self):
        with Venue() as venue:
            stranger = Client(venue.address)
            stranger.ask({"user_id": 5, "symbol": "PP1000", "order_type": "Sell", "price": 49000,
                          "quantity": 1})
            report = load(venue, "--requests", 100, status=1)
            self.assertEqual(report["wrong"], 1)
            self.assertIn("the symbol is not this run's alone", report["why"])


class OpenLoop(unittest.TestCase):
    def test_rate_and_duration(self):
        for arrivals in ("constant", "poisson"):
            with self.subTest(arrivals=arrivals), Venue() as venue:
                report = load(venue, "--rate", "5k", "--arrivals", arrivals, "--warmup", "200ms",
                              "--duration", "1s", "--connections", 3)
                self.assertEqual((report["wrong"], report["missing"], report["unsent"]), (0, 0, 0))
                spread = 2 if arrivals == "constant" else 400
                self.assertLess(abs(report["measured"] - 5000), spread)
                self.assertEqual(report["lag"]["count"] + report["held"], report["measured"])

    def test_a_stopped_venue_shows_in_the_percentiles(self):
        """No coordinated omission: 300 ms of standstill in 2 s make 1 in 10 late by 100 ms."""
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                def stall():
                    time.sleep(1.0)
                    venue.process.send_signal(signal.SIGSTOP)
                    time.sleep(0.3)
                    venue.process.send_signal(signal.SIGCONT)
                thread = threading.Thread(target=stall)
                thread.start()
                report = load(venue, "--rate", 2000, "--warmup", "200ms", "--duration", "2s")
                thread.join(PATIENCE_S)
                self.assertEqual((report["wrong"], report["missing"]), (0, 0))
                self.assertGreaterEqual(report["latency"]["max"], 250_000_000)
                self.assertGreaterEqual(report["latency"]["p99"], 200_000_000)
                self.assertGreaterEqual(report["latency"]["p90"], 50_000_000)
                self.assertLess(report["latency"]["p50"], 50_000_000)

    def test_a_venue_that_never_answers(self):
        with Venue() as venue:
            thread = threading.Timer(0.5, venue.process.send_signal, (signal.SIGSTOP,))
            thread.start()
            report = load(venue, "--rate", 1000, "--warmup", "0", "--duration", "1s", "--timeout",
                          "1s", status=1)
            thread.join(PATIENCE_S)
            venue.process.send_signal(signal.SIGCONT)
            self.assertGreater(report["missing"], 100)
            self.assertIn("have no (complete) reply after 1.0 s", report["why"])


class Reports(unittest.TestCase):
    def test_thresholds(self):
        with Venue() as venue:
            self.assertEqual(load(venue, "-N", 500, "--assert", "p99<5s", "--assert", "rate>1",
                                  "--assert", "rejects<=0")["thresholds"][1]["holds"], True)
            done = run("load", "-c", venue.address, "-N", 500, "--assert", "p99<1ns", "--assert",
                       "p50<5s")
            self.assertEqual(done.returncode, 3)
            self.assertIn("outcry: does not hold: p99<1ns, it is ", done.stderr)
            self.assertNotIn("p50<5s", done.stderr)

    def test_text(self):
        with Venue() as venue:
            done = run("load", "-c", venue.address, "-d", "2s", "--warmup", "1s")
            self.assertEqual(done.returncode, 0, done.stderr)
            lines = done.stdout.splitlines()
            self.assertRegex(lines[0], r"^ +1 s .* answered .* in flight .*\(warm-up\)$")
            self.assertRegex(lines[1], r"^ +2 s .* p50 .* p99 ")
            self.assertRegex(done.stdout, r"requests +[\d,]+ answered in [\d.]+ s: [\d,]+ a second")
            self.assertRegex(done.stdout,
                             r"latency +p50 .+  p90 .+  p99 .+  p99.9 .+  p99.99 ~?.+  max ")
            self.assertIn("every one checked", done.stdout)

    def test_hgrm(self):
        with Venue() as venue, tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "latency.hgrm")
            report = load(venue, "-N", 1000, "--hgrm", path)
            with open(path, encoding="ascii") as file:
                text = file.read()
            self.assertIn("Value", text.splitlines()[0])
            self.assertRegex(text, r"#\[Max +=.*Total count +=\s+1000\]")
            self.assertEqual(report["latency"]["count"], 1000)
            done = run("load", "-c", venue.address, "-N", 10, "--hgrm", folder)
            self.assertEqual(done.returncode, 1)

    def test_ctrl_c_ends_early_and_reports(self):
        import subprocess
        from support import OUTCRY
        with Venue() as venue:
            process = subprocess.Popen([OUTCRY, "load", "-c", venue.address, "-d", "60s", "--json"],
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            time.sleep(1.5)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, 0)
            self.assertLess(json.loads(out)["seconds"], 10)

    def test_usage(self):
        for arguments, mend in (
                (("--flow", "x"), "pingpong, equity or lobster"),
                (("--flow", "lobster"), "needs --messages FILE and --book FILE"),
                (("--connections", "0"), "a whole number from 1 to 10000"),
                (("--window", "x"), "a whole number from 1 to"),
                (("--rate", "0"), "requests a second from 0.1"),
                (("--rate", "1us"), "requests a second from 0.1"),
                (("--arrivals", "poisson"), "--arrivals needs --rate"),
                (("--duration", "10"), "a time with its unit"),
                (("--requests", "5", "--duration", "1s"), "exclude one another"),
                (("--flow", "equity", "-n", "4", "--instruments", "2"), "each belongs to one"),
                (("--tape", "yes"), "on or off"),
                (("--assert", "p99<5"), "needs a unit at its end"),
                (("--connect", "nowhere"), "is no HOST:PORT: write for instance"),
                (("extra",), "one argument too many")):
            with self.subTest(arguments=arguments):
                done = run("load", *arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(mend, done.stderr)

    def test_no_such_congestion_control(self):
        with Venue() as venue:
            done = run("load", "-c", venue.address, "-N", 1, "--congestion", "nonsense")
            self.assertEqual(done.returncode, 1)
            self.assertIn("no TCP congestion control nonsense", done.stderr)


if __name__ == "__main__":
    unittest.main()
