"""The subcommands that do one thing at a time, as a person uses them.

Method: real processes against a venue on each backend; what they print is compared. Fails when a
trade by hand prints something untrue, a mistake is accepted or not explained, or an exit status is
wrong.
"""
import json
import os
import re
import signal
import socket
import subprocess
import sys
import unittest

from support import OUTCRY, PATIENCE_S, SOURCE, Client, Venue, backends, run


def on_each_backend(test):
    def wrapped(self):
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                test(self, venue)
    return wrapped


class ByHand(unittest.TestCase):
    def outcry(self, venue, *arguments, status=0):
        done = run(*arguments, "--connect", venue.address)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    @on_each_backend
    def test_a_trade_by_hand(self, venue):
        self.assertEqual(self.outcry(venue, "order", "buy", "BTC/USD", "10@50000"),
                         "order 1 rests: buy 10 BTC/USD at 50000\n")
        self.assertEqual(
            self.outcry(venue, "order", "sell", "BTC/USD", "4@49000", "--user", "2"),
            "trade 1: sold 4 BTC/USD at 50000 to user 1 (your order 2, theirs 1)\n"
            "order 2 is filled\n")
        self.assertEqual(
            self.outcry(venue, "order", "sell", "BTC/USD", "8@50000", "-u", "2"),
            "trade 2: sold 6 BTC/USD at 50000 to user 1 (your order 3, theirs 1)\n"
            "order 3 rests: sell 2 BTC/USD at 50000\n")
        self.assertEqual(self.outcry(venue, "orders"), "user 1 has no open orders\n")
        self.assertRegex(self.outcry(venue, "orders", "--user", "2"),
                         r"order .*\n +3 +sell +BTC/USD +2 @ 50000 +6 +\n$")

    @on_each_backend
    def test_immediate_or_cancel_leaves_nothing(self, venue):
        self.outcry(venue, "order", "sell", "X", "3@7")
        text = self.outcry(venue, "order", "buy", "X", "5@9", "--ioc", "--user", "2")
        self.assertEqual(text.splitlines()[0],
                         "trade 1: bought 3 X at 7 from user 1 (your order 2, theirs 1)")
        self.assertTrue(text.splitlines()[1].startswith("order 2: 2 cancelled: "), text)
        self.assertEqual(self.outcry(venue, "orders", "--user", "2"), "user 2 has no open orders\n")

    @on_each_backend
    def test_cancel_once(self, venue):
        self.outcry(venue, "order", "buy", "X", "5@9")
        self.assertIn("rejected: unknown_order", self.outcry(venue, "cancel", "1", "-u", "2",
                                                             status=1))
        self.assertEqual(self.outcry(venue, "cancel", "1"), "order 1: 5 cancelled\n")
        self.assertIn("rejected: unknown_order", self.outcry(venue, "cancel", "1", status=1))

    @on_each_backend
    def test_replace(self, venue):
        self.outcry(venue, "order", "buy", "X", "5@9")
        self.outcry(venue, "order", "sell", "X", "2@20", "-u", "2")
        self.assertEqual(self.outcry(venue, "replace", "1", "3"), "order 1: 3 at 9\n")
        self.assertEqual(self.outcry(venue, "replace", "1", "3@20"),
                         "order 1: 3 at 20\ntrade 1: bought 2 X at 20 from user 2\n")
        self.assertIn(" 1 @ 20 ", self.outcry(venue, "orders"))
        self.assertIn("rejected: unknown_order", self.outcry(venue, "replace", "2", "1", status=1))

    @on_each_backend
    def test_mass_cancel(self, venue):
        for side, symbol in (("buy", "X"), ("sell", "Y"), ("buy", "Y")):
            self.outcry(venue, "order", side, symbol, "5@9" if side == "buy" else "5@10")
        self.assertEqual(self.outcry(venue, "mass-cancel", "Y", "--side", "sell"),
                         "order 2: 5 cancelled\n1 cancelled\n")
        self.assertEqual(self.outcry(venue, "mass-cancel", "Y"),
                         "order 3: 5 cancelled\n1 cancelled\n")
        self.assertEqual(self.outcry(venue, "mass-cancel"), "order 1: 5 cancelled\n1 cancelled\n")
        self.assertEqual(self.outcry(venue, "mass-cancel"), "0 cancelled\n")

    @on_each_backend
    def test_the_same_client_order_id_executes_once(self, venue):
        order = ("order", "buy", "X", "5@9", "--client-order-id", "a1")
        self.outcry(venue, *order)
        self.assertIn("order 1 has this client order id already", self.outcry(venue, *order))
        other = ("order", "buy", "X", "6@9", "--client-order-id", "a1")
        self.assertIn("rejected: client_order_id_reused", self.outcry(venue, *other, status=1))
        self.assertIn(" 5 @ 9 ", self.outcry(venue, "orders"))
        self.assertIn("a1", self.outcry(venue, "orders"))

    @on_each_backend
    def test_book_is_a_ladder(self, venue):
        for side, order in (("sell", "5@103"), ("sell", "2@101"), ("sell", "4@101"),
                            ("buy", "7@99"), ("buy", "1@98")):
            self.outcry(venue, "order", side, "X", order)
        rows = [line.split() for line in self.outcry(venue, "book", "X").splitlines()]
        self.assertEqual(rows, [["X", "quantity", "price", "orders"], ["ask", "5", "103", "1"],
                                ["ask", "6", "101", "2"], ["--------"], ["bid", "7", "99", "1"],
                                ["bid", "1", "98", "1"]])
        rows = self.outcry(venue, "book", "X", "--depth", "1").splitlines()
        self.assertEqual(len(rows), 4)
        self.assertIn("rejected: unknown_symbol", self.outcry(venue, "book", "Y", status=1))
        for order_id in range(1, 6):
            self.outcry(venue, "cancel", order_id)
        self.assertIn("empty", self.outcry(venue, "book", "X"))

    @on_each_backend
    def test_json_is_the_reply_itself(self, venue):
        self.assertEqual(self.outcry(venue, "order", "buy", "X", "5@9", "--json"),
                         '{"order_id":1,"user_id":1}\n')
        lines = self.outcry(venue, "order", "sell", "X", "7@9", "-u", "2", "--json").splitlines()
        trade, confirmation = map(json.loads, lines)
        self.assertEqual((trade["matched_price"], trade["matched_quantity"]), (9, 5))
        self.assertEqual(confirmation, {"order_id": 2, "user_id": 2})
        book = json.loads(self.outcry(venue, "book", "X", "--json"))
        self.assertEqual(book["asks"], [[9, 2, 1]])
        orders = json.loads(self.outcry(venue, "orders", "-u", "2", "--json"))
        self.assertEqual(orders["orders"][0]["order_id"], 2)
        reject = json.loads(self.outcry(venue, "cancel", "9", "--json", status=1))
        self.assertEqual(reject["reason"], "unknown_order")

    @on_each_backend
    def test_more_open_orders_than_one_reply_holds(self, venue):
        client = Client(venue.address)
        for price in range(1, 601):
            client.send({"user_id": 1, "symbol": "X", "order_type": "Buy", "price": price,
                         "quantity": 1})
        for _ in range(600):
            client.receive()
        lines = self.outcry(venue, "orders").splitlines()
        self.assertEqual(len(lines), 601)
        self.assertEqual({int(line.split()[0]) for line in lines[1:]}, set(range(1, 601)))

    @on_each_backend
    def test_tape_prints_trades_until_told(self, venue):
        for how in ("count", "signal"):
            count = ("--count", "2") if how == "count" else ()
            tape = subprocess.Popen([OUTCRY, "tape", "--connect", venue.address, *count],
                                    stdout=subprocess.PIPE, text=True)
            try:
                client = Client(venue.address)
                order = {"user_id": 1, "symbol": "X", "order_type": "Buy", "price": 9,
                         "quantity": 5}
                # Until the tape's session is there, trades pass it by.
                lines = []
                while len(lines) < 2:
                    for side in ("Buy", "Sell"):
                        client.ask({**order, "order_type": side})
                    if len(lines) == 0 and not readable(tape.stdout, 0.05):
                        continue
                    lines.append(tape.stdout.readline())
                self.assertRegex(lines[0], r"^\d\d:\d\d:\d\d\.\d{6}Z  trade \d+  X  5 at 9  "
                                           r"buyer 1 \(order \d+\)  seller 1 \(order \d+\)\n$")
                if how == "signal":
                    tape.send_signal(signal.SIGINT)
                self.assertEqual(tape.wait(PATIENCE_S), 0)
            finally:
                tape.kill()
                tape.wait()
                tape.stdout.close()

    @on_each_backend
    def test_example_client(self, venue):
        host, port = venue.address.rsplit(":", 1)
        done = subprocess.run([sys.executable, os.path.join(SOURCE, "examples", "client.py"), host,
                               port], capture_output=True, text=True, timeout=PATIENCE_S,
                              check=True)
        self.assertRegex(done.stdout, r"resting: \{'order_id': 1, 'user_id': 101\}\n"
                                      r"traded:  \{'trade_id': 1, .*'matched_price': 50000, ")


def readable(stream, seconds):
    import select
    return bool(select.select([stream], [], [], seconds)[0])


class Mistakes(unittest.TestCase):
    def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            for arguments in (("order", "buy", "X", "1@1"), ("cancel", "1"), ("orders",),
                              ("book", "X"), ("tape",), ("load", "-N", "1")):
                with self.subTest(arguments=arguments):
                    done = run(*arguments, "--connect", address)
                    self.assertEqual(done.returncode, 1)
                    self.assertIn(f"nothing listens on {address}: start one with `outcry serve "
                                  f"--listen {address}`", done.stderr)

    def test_usage(self):
        for arguments, mend in (
                (("order",), "say buy or sell"),
                (("order", "buy", "X"), "say buy or sell, the symbol and QUANTITY@PRICE"),
                (("order", "bid", "X", "1@1"), '"bid" is neither buy nor sell'),
                (("order", "buy", "X", "1"), '"1" is not QUANTITY@PRICE'),
                (("order", "buy", "X", "0@1"), '"0@1" is not QUANTITY@PRICE'),
                (("order", "buy", "X", "1@-1"), '"1@-1" is not QUANTITY@PRICE'),
                (("order", "buy", "X", "1.5@1"), '"1.5@1" is not QUANTITY@PRICE'),
                (("order", "buy", "X", "1@9223372036854775808"), "is not QUANTITY@PRICE"),
                (("order", "buy", "X" * 33, "1@1"), "a symbol is 1 to 32 bytes"),
                (("order", "buy", "X", "1@1", "extra"), "one argument too many"),
                (("order", "buy", "X", "1@1", "--user", "x"), "a user is a whole number"),
                (("order", "buy", "X", "1@1", "--client-order-id", "a" * 37), "1 to 36 bytes"),
                (("cancel",), "say the order id"),
                (("cancel", "x"), "say one order id"),
                (("cancel", "1", "2"), "say one order id"),
                (("replace", "1"), "say the order id and QUANTITY"),
                (("replace", "x", "1"), "is no order id"),
                (("replace", "1", "0@5"), "is not QUANTITY or QUANTITY@PRICE"),
                (("replace", "1", "5@"), "is not QUANTITY or QUANTITY@PRICE"),
                (("mass-cancel", "X", "Y"), "one argument too many"),
                (("mass-cancel", "--side", "both"), "buy or sell"),
                (("load", "--rate", "10", "--window", "2"), "--window is of the closed loop"),
                (("load", "--assert", "lag<1ms"), "--assert lag needs --rate"),
                (("orders", "x"), "one argument too many"),
                (("book",), "say the symbol"),
                (("book", "X", "--depth", "501"), "a whole number from 1 to 500"),
                (("tape", "--count", "0"), "a whole number from 1")):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2)
                self.assertIn(mend, done.stderr)

    def test_addresses(self):
        for address in ("localhost", "127.0.0.1:", ":7400", "::1:7400", "[::1:7400", "a b:1"):
            with self.subTest(address=address):
                done = run("orders", "--connect", address)
                self.assertEqual(done.returncode, 1 if address == "a b:1" else 2)
                self.assertIn("cannot be resolved" if address == "a b:1"
                              else "is no HOST:PORT: write for instance", done.stderr)

    def test_help_lists_what_people_type(self):
        text = run("--help").stdout
        self.assertIn("  verify ", text)
        self.assertNotIn("null", text)

    def test_help(self):
        for name in ("order", "cancel", "replace", "mass-cancel", "orders", "book", "tape",
                     "load"):
            done = run(name, "--help")
            self.assertEqual(done.returncode, 0)
            self.assertIn(f"outcry {name}", done.stdout)
            self.assertTrue(re.search("Exit status: 0", done.stdout), done.stdout)


if __name__ == "__main__":
    unittest.main()
