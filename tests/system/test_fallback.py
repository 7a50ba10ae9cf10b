"""io_uring forbidden, scarce or too old: what the program chooses and says, and that it trades.

Method: the helper sandbox.c starts the program as an ordinary user, under a limit of locked memory,
or under a seccomp filter of its own that answers the io_uring calls as containers do (EPERM,
ENOSYS), as short memory does (ENOMEM) and as kernels before 6.1 do (EINVAL); strace injects the
same errors where it is installed; and in a mount namespace of its own the sysctl's file says what a
kernel says that has io_uring switched off (the sysctl itself belongs to the whole machine: `make
test-kernels` sets it in a virtual one). Each place is asked three times: --net auto must serve, say
why in one line and trade; --net io_uring must refuse with the same cause and mend; `outcry probe`
must tell the same.
Fails when a cause or a mend is missing or blames the wrong thing, when auto does not start or says
nothing, when epoll makes an io_uring call, or when the mend that is told does not mend.
"""
import json
import os
import platform
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

from support import OUTCRY, PATIENCE_S, Client, Venue, io_uring_reason, run

SANDBOX = os.environ.get("OUTCRY_SANDBOX", "build/release/tests/sandbox")
SYSCTL = "/proc/sys/kernel/io_uring_disabled"
# A user of this run alone: the kernel charges locked memory to the user, not to the process.
ORDINARY_USER = ("--uid", str(20000 + os.getpid() % 40000))
MEND_KIB = 8192    # what the program tells: ulimit -l 8192
# From this version on the kernel charges a ring's memory to the user who has no CAP_IPC_LOCK.
CHARGES_MEMORY = tuple(map(int, re.findall(r"\d+", platform.release())[:2])) >= (6, 14)

KILLED = ("kills for an io_uring call (SIGSYS at: ",
          "allow io_uring_setup, io_uring_enter and io_uring_register")
SECCOMP = ("a seccomp filter", "allow io_uring_setup, io_uring_enter and io_uring_register")
LATER = ("forbids io_uring_enter or io_uring_register", SECCOMP[1])
MEMORY = ("the limit of locked memory is too small for the rings", "ulimit -l 8192")
TOO_OLD = ("is too old: DEFER_TASKRUN", "use Linux 6.1 or later")
UNLIMITED = ("RLIMIT_MEMLOCK is unlimited", "memory limit of the control group")

HARD_MEMLOCK = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
MEMLOCK_IS_UNLIMITED = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY


def run_in(command, *arguments, **options):
    """Run COMMAND... outcry ARGUMENTS... to its end."""
    return subprocess.run([*command, OUTCRY, *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE_S, check=False, **options)


def why_no(command):
    """None where this command prefix can run a program here, else what it says."""
    try:
        done = subprocess.run([*command, "/bin/true"], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
    except FileNotFoundError as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.strip() or f"status {done.returncode}"


def network_lines(venue):
    """The lines of its log that speak of the network backend or of io_uring, but for the counters
    at the end."""
    return [line for line in venue.log
            if (" network " in line or "io_uring" in line) and " network counters:" not in line]


class Fallback(unittest.TestCase):
    def setUp(self):
        if reason := io_uring_reason():
            self.skipTest("nothing to take away here: " + reason)
        self.assertTrue(os.path.exists(SANDBOX), SANDBOX + " was not built")

    def need(self, command):
        if reason := why_no(command):
            self.skipTest(f"{' '.join(command)} cannot be had here: {reason}")

    def expect_a_trade(self, venue):
        buyer, seller = Client(venue.address), Client(venue.address)
        order = {"symbol": "BTC/USD", "price": 10, "quantity": 5}
        self.assertEqual(buyer.ask({**order, "user_id": 1, "order_type": "Buy"})["order_id"], 1)
        seller.send({**order, "user_id": 2, "order_type": "Sell"})
        for client in (buyer, seller):
            trade = client.receive()
            self.assertEqual((trade["trade_id"], trade["matched_quantity"]), (1, 5))
            client.close()

    def expect_service(self, net, chosen, command, *arguments):
        """Serve, trade, stop. Returns the one line of the log about the network."""
        with Venue(net, *arguments, command=command) as venue:
            self.expect_a_trade(venue)
            self.assertEqual(venue.stop(), 0, "".join(venue.log))
            lines = network_lines(venue)
            self.assertEqual(len(lines), 1, "".join(venue.log))
            self.assertIn(f" info network {chosen}", lines[0])
            return lines[0]

    def expect_refusal(self, texts, command, *arguments):
        done = run_in(command, "serve", "--net", "io_uring", "--listen", "127.0.0.1:0", *arguments)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertNotIn("listening", done.stderr)
        refusals = [line for line in done.stderr.splitlines() if " error " in line]
        self.assertEqual(len(refusals), 1, done.stderr)
        for text in ("io_uring cannot be used: ", ". Mend: ", "; or run with --net epoll", *texts):
            self.assertIn(text, refusals[0])

    def expect_probe(self, texts, command):
        done = run_in(command, "probe", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["choice"], "epoll")
        self.assertEqual(report["io_uring"]["tried"], True)
        self.assertEqual(report["io_uring"]["available"], False)
        self.assertIn(texts[0], report["io_uring"]["cause"])
        self.assertIn(texts[1], report["io_uring"]["mend"])
        self.assertEqual([step["ok"] for step in report["io_uring"]["steps"]].count(False), 1)
        for text in texts:
            self.assertIn(text, report["reason"])
        return report["reason"]

    def expect_fallback(self, texts, command):
        """Everything that has to hold where io_uring cannot be used."""
        reason = self.expect_probe(texts, command)
        table = run_in(command, "probe")
        self.assertEqual(table.returncode, 0)
        self.assertIn(reason, table.stdout)
        line = self.expect_service("auto", "epoll, because io_uring cannot be used: ", command)
        self.assertTrue(line.rstrip().endswith(reason), line)
        self.expect_refusal(texts, command)
        self.expect_service("epoll", "epoll, as asked; io_uring was not tried", command)


class Sandboxed(Fallback):
    def check(self, texts, *options):
        command = (SANDBOX, *options)
        self.need(command)
        self.expect_fallback(texts, command)

    def test_eperm(self):
        self.check(SECCOMP, "--deny", "all=EPERM")

    def test_eperm_for_an_ordinary_user(self):
        self.check(SECCOMP, *ORDINARY_USER, "--deny", "all=EPERM")

    def test_enosys(self):
        self.check(SECCOMP, "--deny", "all=ENOSYS")

    def test_enomem(self):
        self.check(UNLIMITED if MEMLOCK_IS_UNLIMITED else MEMORY, "--deny", "setup=ENOMEM")

    def test_einval_as_kernels_before_6_1(self):
        self.check(TOO_OLD, "--deny", "setup=EINVAL")

    def test_only_a_later_call_is_forbidden(self):
        for call in ("register", "enter"):
            with self.subTest(call=call):
                self.check(LATER, "--deny", f"{call}=EPERM")

    def test_an_io_uring_call_kills(self):
        """A child dies of the probe, and the program says so; with epoll there is no child."""
        for rule in ("all=kill", "all=trap", "enter=kill", "register=kill"):
            with self.subTest(rule=rule):
                self.check(KILLED, "--deny", rule)
                report = json.loads(run_in((SANDBOX, "--deny", rule), "probe", "--json").stdout)
                self.assertEqual(report["io_uring"]["killed_by"], signal.SIGSYS)

    def test_a_filter_that_lets_io_uring_through(self):
        """The probe runs in a child here, and must find what it finds without one."""
        command = (SANDBOX, "--allow")
        self.need(command)
        filtered, free = (json.loads(run_in(place, "probe", "--json").stdout)
                          for place in (command, ()))
        self.assertGreater(filtered["seccomp_mode"], 0)
        self.assertEqual(filtered["io_uring"], free["io_uring"])
        self.assertEqual(filtered["choice"], "io_uring")
        self.expect_service("auto", "io_uring: ", command)

    def test_no_descriptor_is_left(self):
        def two_for_the_pair_none_for_the_ring():
            resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))
        done = run_in((), "probe", "--json", preexec_fn=two_for_the_pair_none_for_the_ring)
        report = json.loads(done.stdout)
        self.assertIn("no descriptor is left", report["io_uring"]["cause"])
        self.assertIn("ulimit -n", report["io_uring"]["mend"])


class LockedMemory(Fallback):
    """An ordinary user and his RLIMIT_MEMLOCK; root (CAP_IPC_LOCK) is charged nothing."""

    def setUp(self):
        super().setUp()
        self.need((SANDBOX, *ORDINARY_USER))
        if os.geteuid() != 0 and why_no((SANDBOX, "--memlock", str(MEND_KIB))):
            self.skipTest("the hard limit of locked memory is below what the mend asks for")

    def limit(self, kib):
        return (SANDBOX, *ORDINARY_USER, "--memlock", str(kib))

    def test_an_ordinary_user_needs_nothing_but_what_the_mend_says(self):
        self.need(self.limit(MEND_KIB))
        for net in ("auto", "io_uring"):
            line = self.expect_service(net, "io_uring: Linux ", self.limit(MEND_KIB))
            self.assertIn("DEFER_TASKRUN", line)

    def test_64_kib(self):
        if CHARGES_MEMORY:
            self.expect_fallback(MEMORY, self.limit(64))
            self.assertIn("RLIMIT_MEMLOCK is 64 KiB", self.expect_probe(MEMORY, self.limit(64)))
        else:
            # This kernel does not charge rings: the limit must not matter.
            self.expect_service("io_uring", "io_uring: Linux ", self.limit(64))

    @unittest.skipUnless(CHARGES_MEMORY, "this kernel (before 6.14) does not charge rings")
    def test_queues_larger_than_the_limit(self):
        """The choice is for the sizes that were asked for, not for those of a default."""
        large = ("--queue-depth", "16384")
        self.expect_service("auto", "io_uring: ", self.limit(1024))
        line = self.expect_service("auto", "epoll, because ", self.limit(1024), *large)
        self.assertIn(MEMORY[0], line)
        self.expect_refusal(MEMORY, self.limit(1024), *large)

    @unittest.skipUnless(CHARGES_MEMORY, "this kernel (before 6.14) does not charge rings")
    def test_memory_for_one_ring_serves_one_server_again_and_again(self):
        """The kernel frees a closed ring late: the probe's, and that of the server before this."""
        few, enough = 64, 1024
        while enough - few > 4:
            kib = (few + enough) // 2
            probe = json.loads(run_in(self.limit(kib), "probe", "--json").stdout)
            few, enough = (few, kib) if probe["choice"] == "io_uring" else (kib, enough)
        for _ in range(5):
            self.expect_service("io_uring", "io_uring: ", self.limit(enough))


class Injected(Fallback):
    """strace answers the calls: a second way to the same, without a filter in /proc/self/status."""

    def command(self, error):
        # -D: the program stays the child, and strace ends with it.
        return ("strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=io_uring_setup", "-e",
                f"inject=io_uring_setup:error={error}")

    def test_errors(self):
        if os.environ.get("OUTCRY_SANITIZE"):
            self.skipTest("the leak check of a sanitizer cannot run under strace")
        if shutil.which("strace") is None:
            self.skipTest("strace is not installed")
        self.need(self.command("EPERM"))
        filtered = json.loads(run("probe", "--json").stdout)["seccomp_mode"] > 0
        memory = UNLIMITED if MEMLOCK_IS_UNLIMITED else MEMORY
        for error, texts in (
                ("EPERM", SECCOMP if filtered else ("a security module forbids", "ausearch")),
                ("ENOSYS", SECCOMP if filtered else ("has no io_uring", "built with CONFIG_IO_U")),
                ("ENOMEM", memory)):
            with self.subTest(error=error):
                self.expect_fallback(texts, self.command(error))


class Sysctl(Fallback):
    """A file over the sysctl's, seen by nobody else, and the answer that the kernel would give."""

    def test_switched_off(self):
        for value, texts in ((1, ("=1 allows it only to CAP_SYS_ADMIN", "join that group")),
                             (2, ("=2 forbids it to every process", "io_uring_disabled=0"))):
            with self.subTest(value=value), tempfile.NamedTemporaryFile("w") as file:
                file.write(f"{value}\n")
                file.flush()
                command = ("unshare", "--mount", "sh", "-c",
                           f'mount --bind {file.name} {SYSCTL} && exec "$@"', "sh",
                           SANDBOX, "--deny", "all=EPERM")
                if not os.path.exists(SYSCTL):
                    self.skipTest("this kernel (before 6.6) has no such sysctl")
                self.need(command)
                self.expect_fallback(texts, command)


if __name__ == "__main__":
    unittest.main(verbosity=2)
