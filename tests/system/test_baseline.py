"""The Tokio baseline speaks the venue's protocol: bench/baseline-tokio.

Method: the load generator's flows with every reply checked by the reference matcher, the same
requests to the baseline and to `outcry serve` with equal answers, and an order of events that only
a right merge of the session's two channels gives; on both runtimes. Skipped, with the reason, where
the baseline is not built (make baseline-tokio needs cargo and Debian's crates).
"""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from support import PATIENCE_S, SOURCE, Client, Server, Venue, framed, run

PROGRAM = os.environ.get("BASELINE_TOKIO",
                         os.path.join(SOURCE, "build/baseline-tokio/release/baseline-tokio"))
RUNTIMES = (("--runtime", "multi", "--threads", "2"), ("--runtime", "current"))
EXIT_SKIPPED = 77


class Baseline(Server):
    """A running baseline-tokio."""

    def __init__(self, *arguments):
        super().__init__([PROGRAM, "--listen", "127.0.0.1:0", *arguments])


def order(user_id, side, price, quantity, **more):
    """A new order on the symbol that the dialogues use."""
    return {"user_id": user_id, "symbol": "BTC/USD", "order_type": side, "price": price,
            "quantity": quantity, **more}


# Who asks (two sessions), what, and how many replies each session then gets.
DIALOGUE = (
    (0, {"session": {"trades": "off"}, "request_id": 1}, (1, 0)),
    (0, {"session": {"ping": 7}, "request_id": 2}, (1, 0)),
    (0, {"book": "BTC/USD"}, (1, 0)),
    (0, order(1, "Buy", 100, 5), (1, 0)),
    (0, order(1, "Buy", 100, 7, request_id=3), (1, 0)),
    (0, order(1, "Buy", 99, 2), (1, 0)),
    (0, {"book": "BTC/USD", "depth": 1, "request_id": 4}, (1, 0)),
    # Two fills, then the rest of an immediate-or-cancel order; both sessions hear the trades.
    (1, order(2, "Sell", 100, 8, request_id=5), (2, 2)),
    (1, order(2, "Sell", 100, 9, time_in_force="IOC"), (1, 2)),
    (1, order(2, "Sell", 101, 4), (0, 1)),
    # Both on one side: no trade. A replace that keeps its place, one that does not, one that fills.
    (1, {"user_id": 2, "order_id": 6, "quantity": 3}, (0, 1)),
    (1, {"user_id": 2, "order_id": 6, "price": 102, "total_quantity": 5, "request_id": 6}, (0, 1)),
    (1, {"user_id": 2, "order_id": 6, "price": 99}, (1, 2)),
    (1, {"user_id": 2, "order_id": 6, "total_quantity": 2}, (0, 1)),
    # Another user's order, and another session of the user.
    (1, {"user_id": 2, "order_id": 3}, (0, 1)),
    (0, order(1, "Buy", 98, 6), (1, 0)),
    (1, {"user_id": 1, "order_id": 7, "request_id": 8}, (1, 1)),
    (1, {"user_id": 1, "order_id": 7, "price": 5}, (0, 1)),
    # Mass cancels.
    (0, order(1, "Sell", 200, 1), (1, 0)),
    (0, order(1, "Buy", 97, 1), (1, 0)),
    (0, order(1, "Buy", 98, 1), (1, 0)),
    (0, {"user_id": 1, "mass_cancel": True, "symbol": "BTC/USD", "side": "Buy"}, (3, 0)),
    (0, {"user_id": 1, "mass_cancel": True, "request_id": 9}, (2, 0)),
    (0, {"user_id": 1, "mass_cancel": True, "symbol": "ETH"}, (1, 0)),
    (0, {"book": "BTC/USD"}, (1, 0)),
    # No requests.
    (0, "[1]", (1, 0)),
    (0, "{", (1, 0)),
    (0, {"user_id": 1}, (1, 0)),
    (0, {"user_id": 1, "order_id": 1, "quantity": 1, "total_quantity": 2}, (1, 0)),
    (0, {"order_id": 1}, (1, 0)),
    (0, order(1, "Buy", 0, 1), (1, 0)),
    (0, order(1, "Buy", 1, 1, symbol=""), (1, 0)),
)
# A wrong member: the reason is the same, the echo of what the request was is not offered.
REFUSALS = (
    {"user_id": 1, "order_id": 1, "qty": 3},
    '{"user_id":1,"order_id":1,"order_id":2}',
    {"user_id": 1, "order_id": "1"},
    {"user_id": 1, "order_id": 1.5},
    {"user_id": -1, "order_id": 1},
    order(1, "buy", 1, 1),
)


def converse(venue):
    """Play the dialogue. Returns every reply as (session, object), without what may differ."""
    clients = Client(venue.address), Client(venue.address)
    heard = []
    for asker, request, counts in DIALOGUE:
        clients[asker].send(request)
        for client, count in enumerate(counts):
            for _ in range(count):
                reply = clients[client].receive()
                for member in ("timestamp", "text", "sequence"):
                    reply.pop(member, None)
                heard.append((client, reply))
    for client in clients:
        client.close()
    return heard


class Flows(unittest.TestCase):
    def test_every_reply_is_right(self):
        for runtime in RUNTIMES:
            with self.subTest(runtime=runtime), Baseline(*runtime) as venue:
                for arguments in (("--requests", 4000),
                                  ("--requests", 4000, "-n", 16, "-w", 8, "--tape", "on"),
                                  ("--flow", "equity", "--requests", 20000, "-w", 256),
                                  ("--flow", "equity", "--requests", 20000, "-n", 8, "-w", 32,
                                   "--instruments", 16, "--seed", 2)):
                    done = run("load", "-c", venue.address, "-q", *arguments)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    self.assertIn("every one checked", done.stdout)
                self.assertEqual(venue.stop(), 0)

    def test_it_answers_like_the_venue(self):
        with Venue() as venue:
            expected = converse(venue)
        self.assertEqual(len(expected), sum(sum(counts) for _, _, counts in DIALOGUE))
        for runtime in RUNTIMES:
            with self.subTest(runtime=runtime), Baseline(*runtime) as venue:
                self.assertEqual(converse(venue), expected)

    def test_refusals_of_single_members(self):
        def reasons(venue):
            client = Client(venue.address)
            return [client.ask(request)["reason"] for request in REFUSALS]
        with Venue() as venue:
            expected = reasons(venue)
        with Baseline() as venue:
            self.assertEqual(reasons(venue), expected)

    def test_one_order_of_events(self):
        """Confirmations and the trades of others come by two channels; ids tell the order."""
        for runtime in RUNTIMES:
            with self.subTest(runtime=runtime), Baseline(*runtime) as venue:
                listener, trader = Client(venue.address), Client(venue.address)
                trader.ask({"session": {"trades": "off"}})
                count = 400
                thread = threading.Thread(target=lambda: [
                    trader.send(order(2, side, 50, 1)) for _ in range(count)
                    for side in ("Buy", "Sell")])
                thread.start()
                for _ in range(count):
                    listener.send(order(1, "Buy", 10, 1, symbol="QUIET"))
                thread.join(PATIENCE_S)
                seen = []
                for _ in range(2 * count):
                    reply = listener.receive()
                    seen.append(reply["order_id"] if "order_id" in reply
                                else max(reply["buyer_order_id"], reply["seller_order_id"]))
                self.assertEqual(seen, sorted(set(seen)))


class Program(unittest.TestCase):
    def test_end_of_stream_and_bad_lengths(self):
        with Baseline() as venue:
            client = Client(venue.address)
            client.send({"session": {"ping": 1}})
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.receive(), {"type": "pong", "ping": 1})
            self.assertIsNone(client.receive())
            for length in (0, 65537):
                client = Client(venue.address)
                client.send({"session": {"ping": 2}})
                client.socket.sendall(struct.pack(">I", length))
                self.assertEqual(client.receive()["ping"], 2)
                self.assertEqual(client.receive()["reason"], "bad_frame_length")
                self.assertIsNone(client.receive())

    def test_echo(self):
        for runtime in RUNTIMES:
            with self.subTest(runtime=runtime), Baseline("--echo", *runtime) as venue:
                host, port = venue.address.split(":")
                with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
                    sent = b"".join(framed(bytes([size % 251]) * size)
                                    for size in (10, 1, 1000, 100, 20000) * 3)
                    connection.sendall(sent)
                    connection.shutdown(socket.SHUT_WR)
                    came = b""
                    while piece := connection.recv(65536):
                        came += piece
                self.assertEqual(came, sent)
                self.assertEqual(venue.stop(signal.SIGTERM), 0)

    def test_command_line(self):
        def call(*arguments):
            return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
        self.assertTrue(re.search(r"tokio 1\.\d+\.\d+, ", call("--version").stdout))
        for arguments in (("--runtime", "x"), ("--threads", "0"), ("--listen",), ("x",),
                          ("--runtime", "current", "--threads", "2")):
            with self.subTest(arguments=arguments):
                self.assertEqual(call(*arguments).returncode, 2)
        with Baseline() as venue:
            self.assertEqual(call("--listen", venue.address).returncode, 1)


if __name__ == "__main__":
    if not os.access(PROGRAM, os.X_OK):
        print(f"skipped: {PROGRAM} is not built (make baseline-tokio)")
        sys.exit(EXIT_SKIPPED)
    unittest.main()
