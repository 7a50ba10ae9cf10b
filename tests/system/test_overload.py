"""Hostile clients beside healthy ones: nobody healthy is disconnected, starved or answered wrongly.

Method: real processes and sockets, on each backend that this kernel can run. A crowd of one stalled
reader, one flooder, 1,000 idle and 1,000 slowloris connections stands beside a few healthy sessions
that trade with each other. Fails when a healthy request is not answered in time or out of order,
when an idle session is gone, a slowloris is not told why before its FIN, or the flooder loses a
reply; and when a limit of docs/limits.md does not answer as that page says. How much slower the
healthy ones get is measured by bench/overload.py, because a test cannot know how busy its machine
is.
"""
import errno
import itertools
import json
import resource
import socket
import threading
import time
import unittest

from support import PATIENCE_S, Client, Venue, backends, framed

IDLE = 1000
SLOWLORIS = 1000
HEALTHY = 8
ROUNDS = 40
FLOOD_FRAMES = 20000  # whose replies fit into what it may owe, should its reader be held up
OUT_BYTES = 1 << 20
FRAME_SECONDS = 2
PLACES = ((), ("--engine", "dedicated", "--io-threads", "2"))


def connected(address, timeout=PATIENCE_S):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout)


class Stalled:
    """Asks for more than it may owe, and reads nothing."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.socket(socket.AF_INET6 if "[" in host else socket.AF_INET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect((host.strip("[]"), int(port)))
        self.thread = threading.Thread(target=self._send, daemon=True)
        self.thread.start()

    def _send(self):
        burst = b"".join(framed({"session": {"ping": 7}}) for _ in range(1000))
        try:
            while True:
                self.socket.sendall(burst)
        except OSError:
            pass  # disconnected, as it must be

    def join(self):
        self.thread.join(PATIENCE_S)
        self.socket.close()


def read_to_end(sock):
    """All bytes up to the FIN; a reset raises."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    return data


def order(user, side, price, **more):
    return {"user_id": user, "symbol": "BTC/USD", "order_type": side, "price": price,
            "quantity": 1, **more}


class Flooder:
    """Sends as fast as it is taken, and reads what comes back in another thread."""

    def __init__(self, address):
        self.socket = connected(address)
        self.replies = b""
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self._send, self._read)]
        for thread in self.threads:
            thread.start()

    def _send(self):
        self.socket.sendall(framed({"session": {"trades": "off"}}))
        burst = b"".join(framed({"session": {"ping": 7}}) for _ in range(1000))
        for _ in range(FLOOD_FRAMES // 1000):
            self.socket.sendall(burst)
        self.socket.shutdown(socket.SHUT_WR)

    def _read(self):
        while piece := self.socket.recv(1 << 16):
            self.replies += piece

    def join(self):
        for thread in self.threads:
            thread.join(PATIENCE_S)
        self.socket.close()


class Slowloris:
    """Connections that send a frame one byte at a time, for as long as it takes."""

    def __init__(self, address):
        self.sockets = [connected(address) for _ in range(SLOWLORIS)]
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._trickle, daemon=True)
        for sock in self.sockets:
            sock.sendall(b"\0\0\1\0{")
        self.begin = time.monotonic()
        self.thread.start()

    def _trickle(self):
        while not self.done.wait(0.4):
            for sock in self.sockets:
                try:
                    sock.send(b" ")
                except OSError:
                    pass  # it has been told already

    def join(self):
        self.done.set()
        self.thread.join(PATIENCE_S)

    def close(self):
        for sock in self.sockets:
            sock.close()


class Overload(unittest.TestCase):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = 2 * (IDLE + SLOWLORIS) + 200
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"{wanted} descriptors are needed, {hard} may be had")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def trade(self, healthy, number):
        """One round: a trade between each two neighbours, and a ping, all answered in order."""
        for seller, buyer in zip(healthy[::2], healthy[1::2]):
            price = 100 + number
            seller.send(order(1, "Sell", price, request_id=number))
            reply = self.next_but_trades(seller)
            self.assertEqual(reply["request_id"], number)
            buyer.send(order(2, "Buy", price, request_id=number))
            trade = buyer.receive()
            while trade["seller_order_id"] != reply["order_id"]:
                trade = buyer.receive()
            self.assertEqual(trade["matched_price"], price)
            for client in (seller, buyer):
                client.send({"session": {"ping": number}})
                self.assertEqual(self.next_but_trades(client), {"type": "pong", "ping": number})

    def next_but_trades(self, client):
        while "trade_id" in (reply := client.receive()):
            pass
        return reply

    def test_healthy_sessions_beside_a_hostile_crowd(self):
        arguments = ("--limit", f"incomplete_frame_seconds={FRAME_SECONDS}",
                     "--limit", "frames_per_turn=64", "--limit", f"out_bytes={OUT_BYTES}")
        for net, place in itertools.product(backends(), PLACES):
            with self.subTest(net=net, place=place), Venue(net, *arguments, *place) as venue:
                self.beside_the_crowd(venue)
                self.assertEqual(venue.stop(), 0)
                self.check_counters(venue.counters("session"))

    def beside_the_crowd(self, venue):
        healthy = [Client(venue.address) for _ in range(HEALTHY)]
        idle = [connected(venue.address) for _ in range(IDLE)]
        stalled = Stalled(venue.address)
        slowloris = Slowloris(venue.address)
        flooder = Flooder(venue.address)
        for number in range(1, ROUNDS + 1):
            self.trade(healthy, number)
        flooder.join()
        stalled.join()
        self.check_slowloris(slowloris)
        for number in range(ROUNDS + 1, ROUNDS + 6):
            self.trade(healthy, number)
        pongs = framed({"type": "pong", "ping": 7}) * FLOOD_FRAMES
        self.assertTrue(flooder.replies.endswith(pongs), "the flooder lost replies")
        for sock in idle:
            sock.sendall(framed({"session": {"ping": 9}}))
        for sock in idle:
            while not (piece := sock.recv(1 << 16)).endswith(framed({"type": "pong", "ping": 9})):
                self.assertNotEqual(piece, b"", "an idle session was closed")
            sock.close()
        for client in healthy:
            client.close()

    def check_counters(self, found):
        """Which limits were hit. The log may lack the stalled reader: it shows 50 warnings of a
        second, and the slowloris cause 1,000."""
        expected = {"slow_readers": 1, "out_of_chunks": 0, "bad_streams": SLOWLORIS,
                    "timeouts": SLOWLORIS, "accepted": HEALTHY + IDLE + SLOWLORIS + 2,
                    "accept_failures": 0, "not_admitted": 0, "too_many_requests": 0}
        self.assertEqual({name: found[name] for name in expected}, expected)

    def check_slowloris(self, slowloris):
        for sock in slowloris.sockets:
            told = read_to_end(sock)
            self.assertIn(b'"reason":"frame_timeout"', told[told.rindex(b'{"type":"rejected"'):])
        self.assertGreaterEqual(time.monotonic() - slowloris.begin, FRAME_SECONDS)
        slowloris.join()
        slowloris.close()


class Limits(unittest.TestCase):
    def test_an_incomplete_frame_and_an_idle_session(self):
        arguments = ("--limit", "incomplete_frame_seconds=1", "--limit", "idle_seconds=2")
        for net in backends():
            with self.subTest(net=net), Venue(net, *arguments) as venue:
                half, idle, busy = (Client(venue.address) for _ in range(3))
                half.socket.sendall(framed({"session": {"ping": 1}}) + b"\0\0")
                self.assertEqual(half.receive()["ping"], 1)
                self.assertEqual(half.receive()["reason"], "frame_timeout")
                self.assertIsNone(half.receive())
                while (reply := self.idle_reply(idle)) is None:
                    self.assertEqual(busy.ask({"session": {"ping": 2}})["ping"], 2)
                self.assertEqual(reply["reason"], "idle_timeout")
                self.assertIsNone(idle.receive())
                self.assertEqual(busy.ask({"session": {"ping": 3}})["ping"], 3)
                venue.stop()
                self.assertEqual(venue.counters("session")["timeouts"], 2)
                log = "".join(venue.log)
                self.assertRegex(log, r"127\.0\.0\.1:\d+ is told why and disconnected: the rest of")
                self.assertRegex(log, r"is told why and disconnected: the session sent nothing")

    def idle_reply(self, client):
        client.socket.settimeout(0.3)
        try:
            return client.receive()
        except TimeoutError:
            return None
        finally:
            client.socket.settimeout(PATIENCE_S)

    def test_requests_in_a_second(self):
        for net in backends():
            with self.subTest(net=net), Venue(net, "--limit", "requests_per_second=5") as venue:
                client = Client(venue.address)
                resting = [client.ask(order(1, "Buy", 10))["order_id"] for _ in range(3)]
                replies = [client.ask({**order(1, "Buy", 10), "request_id": i}) for i in range(40)]
                refused = [reply for reply in replies if reply.get("type") == "rejected"]
                self.assertGreater(len(refused), 0)
                for reply in refused:
                    self.assertEqual(reply["reason"], "too_many_requests")
                    self.assertEqual(reply["request"], "new")
                    self.assertIn("request_id", reply)
                for order_id in resting:
                    reply = client.ask({"user_id": 1, "order_id": order_id})
                    self.assertEqual(reply["type"], "cancelled")
                self.assertIn("order_id", Client(venue.address).ask(order(2, "Buy", 1)))
                self.assertEqual(venue.stop(), 0)
                self.assertEqual(venue.counters("session")["too_many_requests"], len(refused))

    def test_connections_of_one_address(self):
        arguments = ("--limit", "connections_per_address=3")
        for net, place in itertools.product(backends(), PLACES):
            with self.subTest(net=net, place=place), Venue(net, *arguments, *place) as venue:
                clients = [Client(venue.address) for _ in range(3)]
                for client in clients:
                    self.assertEqual(client.ask({"session": {"ping": 1}})["ping"], 1)
                self.assertEqual(self.replies_to(venue, {"session": {"ping": 1}}), b"")
                clients.pop().close()
                self.assertEqual(self.ask_patiently(venue, {"session": {"ping": 2}})["ping"], 2)
                venue.stop()
                self.assertGreater(venue.counters("session")["not_admitted"], 0)
                self.assertRegex("".join(venue.log),
                                 r"127\.0\.0\.1:\d+ is refused: its address has 3 connections")

    def replies_to(self, venue, request):
        """All that a connection of its own is told; nothing if it is reset."""
        try:
            with connected(venue.address) as sock:
                sock.sendall(framed(request))
                sock.shutdown(socket.SHUT_WR)
                return read_to_end(sock)
        except OSError as error:
            # Reset before, within or after the request: shutdown() then says ENOTCONN.
            if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
                raise
            return b""

    def ask_patiently(self, venue, request):
        """The server may see the end of the former connection after the new one."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if replies := self.replies_to(venue, request):
                return json.loads(replies[4:])
            time.sleep(0.01)
        raise AssertionError("nobody is admitted any more")


if __name__ == "__main__":
    unittest.main(verbosity=2)
