"""Real NASDAQ order flow over TCP: every execution and every row of the book, on both stacks.

Method: the files that LOBSTER publishes, where they are (OUTCRY_LOBSTER_DIR, else
../shared/data/lobster); copies with one damaged number each; a venue whose book is not the file's.
Fails when an execution hits another order than NASDAQ's did, a best bid or ask differs after any
row, or a damage passes or is blamed on another row. Skipped where the files are not.
"""
import glob
import json
import os
import random
import subprocess
import tempfile
import unittest

from support import OUTCRY, SOURCE, Client, Venue, backends, run

FOLDER = os.environ.get("OUTCRY_LOBSTER_DIR",
                        os.path.join(SOURCE, "..", "shared", "data", "lobster"))
MESSAGES = sorted(glob.glob(os.path.join(FOLDER, "*_message_*.csv")))
BOOKS = sorted(glob.glob(os.path.join(FOLDER, "*_orderbook_*.csv")))
SEED = 20120621


def load(venue, messages, book, *arguments):
    return run("load", "--json", "--connect", venue.address, "--flow", "lobster", "--messages",
               messages, "--book", book, *arguments)


@unittest.skipUnless(MESSAGES and BOOKS,
                     f"no LOBSTER files in {FOLDER} (lobsterdata.com, data samples)")
class RealFlow(unittest.TestCase):
    def test_every_execution_and_every_row(self):
        for net in backends():
            for window in (1, 64):
                with self.subTest(net=net, window=window), Venue(net) as venue:
                    done = load(venue, MESSAGES[0], BOOKS[0], "--window", window)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    report = json.loads(done.stdout)
                    facts = report["flow_facts"]
                    self.assertEqual((report["wrong"], report["missing"]), (0, 0))
                    self.assertEqual((report["trades"], facts["executions"]), (98, 98))
                    self.assertEqual(facts["executions_known"], 94)
                    self.assertEqual((report["books"], facts["rows_compared"]), (998, 998))
                    self.assertEqual(report["rejects"], {})

    def test_what_it_says(self):
        with Venue() as venue:
            done = run("load", "--connect", venue.address, "--flow", "lobster", "--messages",
                       MESSAGES[0], "--book", BOOKS[0])
            self.assertIn("98 of 98 hit the resting order that NASDAQ's did", done.stdout)
            self.assertIn("equal on 998 of 998 rows", done.stdout)
            self.assertIn("bid", run("book", "AAPL", "--connect", venue.address).stdout)

    def test_twice_on_one_venue(self):
        for net in backends():
            with self.subTest(net=net), Venue(net) as venue:
                for _ in range(2):
                    done = load(venue, MESSAGES[0], BOOKS[0], "--window", 16)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_a_damaged_number_is_named(self):
        """Any number that something can be held against, in any row but the first, of either file.

        Times and order ids have no other witness; the last level of a row may have come into sight
        just now, and is then checked by the next row only.
        """
        randomness = random.Random(SEED)
        with Venue() as venue, tempfile.TemporaryDirectory() as folder:
            for path in (MESSAGES[0], BOOKS[0]):
                with open(path, encoding="ascii") as file:
                    rows = file.read().splitlines()
                for _ in range(20):
                    row = randomness.randrange(1, len(rows))
                    columns = rows[row].split(",")
                    if path == MESSAGES[0]:
                        # Of a hidden execution the size and price have no effect to be checked.
                        column = randomness.choice([3, 4]) if columns[1] in "134" else 1
                    else:
                        column = randomness.randrange(len(columns) - 4)
                    columns[column] = str(int(columns[column]) + 7)
                    damaged = os.path.join(folder, "AAPL_damaged_" + os.path.basename(path))
                    with open(damaged, "w", encoding="ascii") as file:
                        file.write("\n".join(rows[:row] + [",".join(columns)] + rows[row + 1:]))
                    files = ([damaged, BOOKS[0]] if path == MESSAGES[0] else [MESSAGES[0], damaged])
                    with self.subTest(seed=SEED, path=damaged, row=row + 1, column=column + 1):
                        done = load(venue, *files)
                        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
                        # A damage of the message shows as a contradiction of the book's row.
                        self.assertRegex(done.stderr, rf"\.csv row {row + 1}: ")

    def test_the_demo_fails_on_a_damaged_row(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in (MESSAGES[0], BOOKS[0]):
                with open(path, encoding="ascii") as file:
                    rows = file.read().splitlines()
                if path == MESSAGES[0]:
                    rows[499] = rows[499].replace(",", ",x", 1)
                copy = os.path.join(folder, os.path.basename(path))
                with open(copy, "w", encoding="ascii") as file:
                    file.write("\n".join(rows))
            done = subprocess.run([os.path.join(SOURCE, "tools", "demo.sh")], capture_output=True,
                                  text=True, timeout=120, check=False,
                                  env={**os.environ, "OUTCRY": os.path.abspath(OUTCRY),
                                       "OUTCRY_LOBSTER_DIR": folder})
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn("message_10_first.csv row 500: ", done.stderr)

    def test_another_book_is_a_mismatch(self):
        """The oracle is not in the venue's favour: an order too many is found in the first row."""
        with Venue() as venue:
            stranger = Client(venue.address)
            stranger.ask({"user_id": 5, "symbol": "AAPL", "order_type": "Buy", "price": 5853250,
                          "quantity": 3})
            done = load(venue, MESSAGES[0], BOOKS[0])
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r"message_10_first\.csv row 2: request \d+ of user 1000 "
                                          r"\(book\): bid 2 of the book is 3 @ 5853250")


if __name__ == "__main__":
    unittest.main()
