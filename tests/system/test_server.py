"""The venue as its operator meets it: start, log, refusals, signals, instruments, limits.

Method: real processes, real signals, on each backend that this kernel can run. Fails when a line of
the log is missing or untrue, an exit status is wrong, a mistake is not named with its mend, or a
session is not told what happens to it.
"""
import itertools
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

from support import OUTCRY, PATIENCE_S, SOURCE, Client, Venue, backends, framed, run

NEW = {"user_id": 1, "symbol": "BTC/USD", "order_type": "Buy", "price": 10, "quantity": 5}
# Where the engine runs: on the io thread, or on one of its own.
FORMS = ((), ("--engine", "dedicated", "--io-threads", "2"))
HAVE_IPV6 = os.path.exists("/proc/net/if_inet6")


class Log(unittest.TestCase):
    def test_start_up_says_what_an_operator_must_know(self):
        for net in backends():
            with self.subTest(net=net):
                listen = ["127.0.0.1:0", "127.0.0.1:0,confirmations=all"]
                with Venue(net, listen=listen) as venue:
                    log = "".join(venue.log)
                    self.assertRegex(log, r"info outcry \d+\.\d+\.\d+ \(")
                    self.assertRegex(log, rf"info network {net}\W ?..+")
                    self.assertRegex(log, r"info limits: 16384 sessions, 1048576 open orders")
                    self.assertIn("warning in memory only: a restart loses every order", log)
                    self.assertEqual(log.count("listening on 127.0.0.1:"), 2)
                    self.assertIn(f"{venue.addresses[1]} identity=claimed confirmations=all", log)

    def test_auto_chooses_and_says_why(self):
        with Venue("auto") as venue:
            chosen = "io_uring" if "io_uring" in backends() else "epoll"
            self.assertRegex("".join(venue.log), rf"network {chosen}\W ?..+")


class Signals(unittest.TestCase):
    def test_stop_answers_says_goodbye_and_exits_0(self):
        for net in backends():
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(net=net, signal=number), Venue(net) as venue:
                    clients = [Client(venue.address) for _ in range(20)]
                    for client in clients:
                        self.assertIn("order_id", client.ask(NEW))
                    for client in clients:
                        client.send({"session": {"ping": 1}})
                    venue.process.send_signal(number)
                    for client in clients:
                        replies = []
                        while (reply := client.receive()) is not None:
                            replies.append(reply)
                        self.assertIn(replies, ([{"type": "pong", "ping": 1}], []))
                        client.close()
                    self.assertEqual(venue.stop(), 0)
                    self.assertRegex(venue.log[-1], r"stopped after \d+ commands, 0 trades, 0 rej")

    def test_stop_answers_all_that_arrived_before_it(self):
        """The venue sleeps while requests arrive, more than one turn reads, and wakes to a stop."""
        for net in backends():
            for form in FORMS:
                for count, pings in ((40, 10), (4, 3000)):
                    with self.subTest(net=net, form=form, clients=count, pings=pings), \
                            Venue(net, *form) as venue:
                        self.stop_with_unread_requests(venue, count, pings)

    def stop_with_unread_requests(self, venue, count, pings):
        clients = [Client(venue.address) for _ in range(count)]
        for client in clients:
            client.ask({"session": {"ping": 0}})
        venue.process.send_signal(signal.SIGSTOP)
        for client in clients:
            client.socket.sendall(b"".join(framed({"session": {"ping": number}})
                                           for number in range(1, pings + 1)))
        venue.process.send_signal(signal.SIGTERM)
        venue.process.send_signal(signal.SIGCONT)
        for client in clients:
            told = []
            while (reply := client.receive()) is not None:
                told.append(reply["ping"])
            self.assertEqual(told, list(range(1, pings + 1)))
            client.close()
        self.assertEqual(venue.process.wait(PATIENCE_S), 0)

    def test_a_client_that_never_closes_cannot_hold_it_up(self):
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                client = Client(venue.address)
                client.ask({"session": {"ping": 1}})
                begin = time.monotonic()
                self.assertEqual(venue.stop(), 0)
                self.assertLess(time.monotonic() - begin, 5)
                client.close()

    def seconds_from_second_signal(self, net, form):
        """How long the end takes from there; without it the client that stays would cost 1 s."""
        with Venue(net, *form) as venue:
            client = Client(venue.address)
            client.ask({"session": {"ping": 1}})
            venue.process.send_signal(signal.SIGTERM)
            venue.wait_for_log("stopping")
            begin = time.monotonic()
            self.assertEqual(venue.stop(), 0)
            seconds = time.monotonic() - begin
            client.close()
        return seconds

    def test_a_second_signal_ends_it_at_once(self):
        for net, form in itertools.product(backends(), FORMS):
            with self.subTest(net=net, form=form):
                # A machine that is busy elsewhere may be slow once, but not again and again.
                self.assertTrue(any(self.seconds_from_second_signal(net, form) < 0.9
                                    for _ in range(5)))

    def test_the_port_is_free_again_at_once(self):
        for net in backends():
            with self.subTest(net=net):
                with Venue(net) as venue:
                    client = Client(venue.address)
                    client.ask(NEW)
                    venue.stop()
                    client.close()
                    with Venue(net, listen=[venue.address]) as again:
                        client = Client(again.address)
                        self.assertEqual(client.ask(NEW), {"order_id": 1, "user_id": 1})


class Refusals(unittest.TestCase):
    def expect(self, status, text, *arguments):
        process = run("serve", *arguments, timeout=20)
        self.assertEqual(process.returncode, status, process.stderr)
        self.assertIn(text, process.stderr)

    def test_command_line(self):
        self.expect(2, "--net fast: auto, io_uring or epoll", "--net", "fast")
        self.expect(2, "a whole number from 4 to 32768", "--queue-depth", "0")
        self.expect(2, "a whole number from 0 to", "--busy-poll", "1.5")
        self.expect(2, "a power of two is needed, for instance 512", "--queue-depth", "1000")
        self.expect(2, "a power of two is needed, for instance 2", "--buffers", "3")
        self.expect(2, "--listed-only needs --instruments", "--listed-only")
        self.expect(2, "a whole number from 131072", "--limit", "out_bytes=150")
        self.expect(2, "NAME=N is needed", "--limit", "session=5")
        self.expect(2, "orders -1: a whole number from 1", "--limit", "orders=-1")
        for address in ("foo", "127.0.0.1", "127.0.0.1:65536", "::1:7400", ""):
            self.expect(2, f"--listen {address}: '{address}' is no HOST:PORT: write for instance "
                           f"127.0.0.1:9000", "--listen", address)
        self.expect(2, "is no listener option", "--listen", "127.0.0.1:0,fast=yes")
        self.expect(2, "addresses go behind --listen", "127.0.0.1:7400")

    def test_what_cannot_be_served(self):
        self.expect(1, "--insecure overrides that", "--listen", "0.0.0.0:0")
        self.expect(1, "cannot be resolved: ", "--listen", "no such host:9")
        self.expect(1, "/nonexistent: No such file", "--instruments", "/nonexistent")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            self.expect(1, "in use", "--listen", "127.0.0.1:%d" % taken.getsockname()[1])
        self.expect(1, "congestion", "--listen", "127.0.0.1:0,congestion=nonsense")

    @unittest.skipUnless(HAVE_IPV6, "no IPv6 on this machine")
    def test_ipv6_loopback_is_served(self):
        with Venue(listen=["[::1]:0"]) as venue:
            self.assertIn("order_id", Client(venue.address).ask(NEW))

    def test_insecure_serves_every_address(self):
        with Venue("epoll", "--insecure", listen=["0.0.0.0:0"]) as venue:
            port = venue.address.rsplit(":", 1)[1]
            self.assertIn("order_id", Client("127.0.0.1:" + port).ask(NEW))


class Descriptors(unittest.TestCase):
    def test_the_limit_is_raised_or_told(self):
        def soft_64():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))

        def hard_64():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        for net in backends():
            with self.subTest(net=net):
                with Venue(net, "--limit", "sessions=200", preexec_fn=soft_64) as venue:
                    clients = [Client(venue.address) for _ in range(150)]
                    for client in clients:
                        self.assertEqual(client.ask({"session": {"ping": 1}})["ping"], 1)
                    self.assertNotIn("too few", "".join(venue.log))
                with Venue(net, "--limit", "sessions=200", preexec_fn=hard_64) as venue:
                    self.assertIn("may open 64 files, too few for 200 sessions",
                                  "".join(venue.log))


class Venues(unittest.TestCase):
    def test_instruments_of_a_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            file.write("[AAPL]\ntick = 5\nlot = 100\nquantity_max = 1000\nprice_max = 5000\n")
            file.flush()
            arguments = ("--instruments", file.name, "--listed-only")
            for net in backends():
                with self.subTest(net=net), Venue(net, *arguments) as venue:
                    client = Client(venue.address)
                    order = {"user_id": 1, "symbol": "AAPL", "order_type": "Sell"}
                    for price, quantity, answer in ((7, 100, "price_off_tick"),
                                                    (5, 150, "quantity_off_lot"),
                                                    (5, 1100, "quantity_too_large"),
                                                    (5005, 100, "price_too_high"),
                                                    (5000, 1000, None)):
                        reply = client.ask({**order, "price": price, "quantity": quantity})
                        self.assertEqual(reply.get("reason"), answer)
                    self.assertEqual(client.ask(NEW)["reason"], "unknown_symbol")

    def test_limits_are_answered(self):
        arguments = ("--limit", "orders=2", "--limit", "instruments=1", "--limit", "users=1")
        for net in backends():
            with self.subTest(net=net), Venue(net, *arguments) as venue:
                client = Client(venue.address)
                self.assertEqual(client.ask(NEW)["order_id"], 1)
                self.assertEqual(client.ask({**NEW, "symbol": "X"})["reason"],
                                 "too_many_instruments")
                self.assertEqual(client.ask({**NEW, "user_id": 2})["reason"], "too_many_users")
                self.assertEqual(client.ask(NEW)["order_id"], 2)
                self.assertEqual(client.ask(NEW)["reason"], "too_many_orders")
                self.assertEqual(client.ask({"user_id": 1, "order_id": 1})["type"], "cancelled")
                self.assertEqual(client.ask(NEW)["order_id"], 3)

    def test_the_limit_of_sessions_is_named(self):
        for net in backends():
            with self.subTest(net=net), Venue(net, "--limit", "sessions=2") as venue:
                clients = [Client(venue.address) for _ in range(2)]
                for client in clients:
                    client.ask({"session": {"ping": 1}})
                with self.assertRaises((ConnectionError, TypeError)):
                    self.assertIsNone(Client(venue.address).ask({"session": {"ping": 1}})["ping"])
                venue.stop()
                self.assertIn("is refused: the limit of sessions is reached", "".join(venue.log))

    def test_a_listener_with_confirmations_for_all(self):
        for net in backends():
            listen = ["127.0.0.1:0", "127.0.0.1:0,confirmations=all"]
            with self.subTest(net=net), Venue(net, listen=listen) as venue:
                own = Client(venue.addresses[0])
                hears = Client(venue.addresses[1])
                hears.ask({"session": {"ping": 1}})
                self.assertEqual(own.ask({**NEW, "request_id": 9, "client_order_id": "a"}),
                                 {"order_id": 1, "user_id": 1, "client_order_id": "a",
                                  "request_id": 9})
                self.assertEqual(hears.receive(), {"order_id": 1, "user_id": 1})
                self.assertEqual(hears.ask({**NEW, "request_id": 8}),
                                 {"order_id": 2, "user_id": 1, "request_id": 8})
                self.assertEqual(own.ask({"session": {"ping": 2}})["ping"], 2)

    def test_the_example_client_trades(self):
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                done = subprocess.run(
                    [sys.executable, os.path.join(SOURCE, "examples", "client.py"),
                     *venue.address.rsplit(":", 1)],
                    capture_output=True, text=True, timeout=PATIENCE_S, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn("trade_id", done.stdout)

    def test_epoll_makes_no_io_uring_call(self):
        if subprocess.run(["sh", "-c", "command -v strace"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("strace is not installed")
        with tempfile.NamedTemporaryFile("r") as trace:
            command = ("strace", "-f", "-o", trace.name)
            # A leak check cannot run under strace: it traces the process itself.
            quiet = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
            with Venue("epoll", command=command, env=quiet) as venue:
                self.assertIn("order_id", Client(venue.address).ask(NEW))
                server = int(trace.readline().split()[0])
                os.kill(server, signal.SIGTERM)
                self.assertEqual(venue.process.wait(PATIENCE_S), 0)
            calls = trace.read()
            self.assertIsNotNone(re.search(r" epoll_pwait2?\(", calls))
            self.assertIsNone(re.search(r" io_uring_\w+\(", calls))


class Program(unittest.TestCase):
    def test_help_and_version(self):
        for arguments in (["--help"], ["serve", "--help"], ["load", "--help"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 0)
            self.assertIn("Usage: outcry", done.stdout)
        self.assertRegex(run("--version").stdout, r"outcry \d+\.\d+\.\d+ \(.+\)\nio_uring: ")
        self.assertEqual(run("serv").returncode, 2)
        self.assertIn("`outcry --help` lists them", run("serv").stderr)
        self.assertEqual(run().returncode, 2)
        self.assertTrue(os.path.exists(OUTCRY))


if __name__ == "__main__":
    unittest.main(verbosity=2)
