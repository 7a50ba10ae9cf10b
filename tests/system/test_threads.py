"""The engine on a thread of its own, as its operator meets it: threads, CPUs, pressure, the end.

Method: real processes on each backend that this kernel can run; the load generator checks every
reply. Fails when a reply is wrong or missing under pressure, when no pressure arose, when threads
are not where they were asked to be, when the end loses something or hangs, or when running out of
descriptors ends or burns more than accepting.
"""
import json
import os
import re
import resource
import signal
import time
import unittest

from support import Client, Venue, backends, run

REQUESTS = 16000 if os.environ.get("OUTCRY_SANITIZE") else 64000
NEW = {"user_id": 1, "symbol": "BTC/USD", "order_type": "Buy", "price": 10, "quantity": 5}
PING = {"session": {"ping": 1}}


def threads(pid):
    """{name: CPUs that it may run on} of a process."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
            status = file.read()
        found[re.search(r"Name:\s+(\S+)", status).group(1)] = \
            re.search(r"Cpus_allowed_list:\s+(\S+)", status).group(1)
    return found


def cpu_s(pid):
    """CPU time of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Pressure(unittest.TestCase):
    def test_tiny_rings_lose_nothing(self):
        for net in backends():
            with self.subTest(net=net), \
                    Venue(net, "--io-threads", 2, "--limit", "event_log=64", "--limit",
                          "command_ring=4") as venue:
                done = run("load", "--json", "--connect", venue.address, "--flow", "equity",
                           "--requests", REQUESTS, "--connections", 64, "--window", 32)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                report = json.loads(done.stdout)
                self.assertEqual((report["wrong"], report["missing"]), (0, 0))
                self.assertEqual(report["answered"], REQUESTS)
                # A mass cancel tells more than the log holds: this the engine must wait for.
                client = Client(venue.address)
                for price in range(1, 201):
                    client.send({**NEW, "user_id": 9, "price": price})
                client.send({"user_id": 9, "mass_cancel": True})
                while client.receive().get("type") != "mass_cancelled":
                    pass
                client.close()
                self.assertEqual(venue.stop(), 0)
                found = venue.counters("thread")
                self.assertGreater(found["commands_held"], 0)
                self.assertGreater(found["room_waits"], 0)
                print(f"{net}: {found}")


class Threads(unittest.TestCase):
    def test_names_and_cpus(self):
        allowed = sorted(os.sched_getaffinity(0))
        first, last = allowed[0], allowed[-1]
        for net in backends():
            with self.subTest(net=net), Venue(net, "--io-threads", 2, "--cpus",
                                              f"{first},{last},{first}") as venue:
                found = threads(venue.process.pid)
                self.assertEqual(found["outcry-io-00"], str(first))
                self.assertEqual(found["outcry-io-01"], str(last))
                self.assertEqual(found["outcry-engine"], str(first))
                self.assertIn(f"info engine dedicated: 2 io threads (CPUs {first} {last}), the "
                              f"engine (CPU {first}), the acceptor (any CPU); busy-poll 0 us",
                              "".join(venue.log))

    def test_inline_is_one_thread(self):
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                self.assertEqual(len(threads(venue.process.pid)), 1)
                self.assertIn("info engine inline: one thread (any CPU)", "".join(venue.log))

    def test_spinning_threads_serve_as_well(self):
        for net in backends():
            with self.subTest(net=net), Venue(net, "--engine", "dedicated", "--busy-poll",
                                              50) as venue:
                clients = [Client(venue.address) for _ in range(4)]
                for client in clients * 50:
                    self.assertEqual(client.ask(PING)["ping"], 1)
                self.assertEqual(venue.stop(), 0)

    @unittest.skipIf("thread" in os.environ.get("OUTCRY_SANITIZE", ""),
                     "a dump reads what other threads are writing, and says that it may be garbled")
    def test_each_io_thread_tells_what_it_did_last(self):
        for net in backends():
            for count in (1, 3):
                with self.subTest(net=net, count=count), \
                        Venue(net, "--io-threads", count) as venue:
                    client = Client(venue.address)
                    client.ask(PING)
                    venue.process.send_signal(signal.SIGUSR1)
                    venue.wait_for_log("io flight recorder of", count)
                    self.assertEqual(client.ask(PING)["ping"], 1)

    def test_refusals(self):
        beyond = max(os.sched_getaffinity(0)) + 1
        for status, text, arguments in (
                (2, "--engine fast: inline or dedicated", ("--engine", "fast")),
                (2, "a whole number from 1 to 12", ("--io-threads", 13)),
                (2, "--engine inline is one thread", ("--engine", "inline", "--io-threads", 2)),
                (2, "CPU numbers and ranges are needed", ("--cpus", "0,")),
                (2, "CPU numbers and ranges are needed", ("--cpus", "3-1")),
                (2, "at most 14 CPUs", ("--cpus", "0-14")),
                (2, "--cpus names 1 CPUs, but 3 threads", ("--io-threads", 2, "--cpus", "0")),
                (2, "a power of two is needed", ("--limit", "event_log=100")),
                (1, f"CPU {beyond}: this process may run on", ("--cpus", beyond))):
            with self.subTest(arguments=arguments):
                done = run("serve", "--listen", "127.0.0.1:0", *arguments)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(text, done.stderr)


class End(unittest.TestCase):
    def test_stop_answers_says_goodbye_and_exits_0(self):
        for net in backends():
            with self.subTest(net=net), Venue(net, "--io-threads", 2) as venue:
                clients = [Client(venue.address) for _ in range(20)]
                for client in clients:
                    self.assertIn("order_id", client.ask(NEW))
                for client in clients:
                    client.send(PING)
                venue.process.send_signal(signal.SIGTERM)
                for client in clients:
                    replies = []
                    while (reply := client.receive()) is not None:
                        replies.append(reply)
                    self.assertIn(replies, ([{"type": "pong", "ping": 1}], []))
                    client.close()
                self.assertEqual(venue.stop(), 0)
                self.assertRegex(venue.log[-1], r"stopped after \d+ commands, 0 trades, 0 rej")


class Descriptors(unittest.TestCase):
    def test_running_out_of_them_is_survived_at_rest(self):
        def hard_64():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

        for net in backends():
            with self.subTest(net=net), Venue(net, "--io-threads", 2, preexec_fn=hard_64) as venue:
                clients = [Client(venue.address) for _ in range(70)]  # some wait in the backlog
                for client in clients[:20]:
                    self.assertEqual(client.ask(PING)["ping"], 1)
                begin = cpu_s(venue.process.pid)
                time.sleep(0.5)
                self.assertLess(cpu_s(venue.process.pid) - begin, 0.1)
                for client in clients[:60]:
                    client.close()
                for client in clients[60:]:
                    self.assertEqual(client.ask(PING)["ping"], 1)
                venue.stop()
                self.assertIn("is refused: Too many open files", "".join(venue.log))


if __name__ == "__main__":
    unittest.main(verbosity=2)
