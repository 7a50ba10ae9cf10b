"""Real processes for the system tests: a venue, and clients of it.

A Venue is `outcry serve` on a port of its own on loopback; a Server is any program that listens.
Its log is read until it listens, and it is stopped by its own process id. Every wait has an end.
"""
import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading

OUTCRY = os.environ.get("OUTCRY", "build/release/outcry")
SOURCE = os.environ.get("OUTCRY_SOURCE_DIR", ".")
PATIENCE_S = 60


def run(*arguments, timeout=PATIENCE_S, **options):
    """Run `outcry ARGUMENTS` to its end. Returns the completed process, with text output."""
    return subprocess.run([OUTCRY, *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, check=False, **options)


def io_uring_reason():
    """None where io_uring works here, else why not."""
    report = json.loads(run("probe", "--json").stdout)
    return None if report["io_uring"]["available"] else report["reason"]


def backends():
    """The backends that this build and kernel can run."""
    return ["epoll"] if io_uring_reason() else ["epoll", "io_uring"]


def children(pid):
    """{pid: command line} of the processes that `pid` started."""
    found = {}
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                found[int(child)] = pathlib.Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            pass    # it ended meanwhile
    return found


def framed(request):
    """The frame of one request: an object, or text or bytes as they are."""
    if isinstance(request, dict):
        request = json.dumps(request, separators=(",", ":"))
    payload = request.encode() if isinstance(request, str) else request
    return struct.pack(">I", len(payload)) + payload


class Server:
    """A process that says on stderr where it listens. Use it in a `with`: it is ended there."""

    def __init__(self, command, listener_count=1, **options):
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **options)
        self.log = []
        self.addresses = []
        self._news = threading.Condition()
        self._has_ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._wait(lambda: len(self.addresses) == listener_count):
            self.__exit__()
            raise AssertionError(f"{command} does not listen:\n" + "".join(self.log))

    def _read(self):
        for line in self.process.stderr:
            found = re.search(r"listening on ([^\s;]+)", line)
            with self._news:
                self.log.append(line)
                if found:
                    self.addresses.append(found.group(1))
                self._news.notify_all()
        with self._news:
            self._has_ended = True
            self._news.notify_all()

    def _wait(self, condition):
        """Until it holds. False: the log ended before, or it takes too long."""
        with self._news:
            self._news.wait_for(lambda: condition() or self._has_ended, PATIENCE_S)
            return condition()

    @property
    def address(self):
        """HOST:PORT of the first listener."""
        return self.addresses[0]

    def wait_for_log(self, text, count=1):
        """Until so many lines have the text: what a process has written is read a little later."""
        if not self._wait(lambda: sum(text in line for line in self.log) >= count):
            raise AssertionError(f"the log lacks {count} x \"{text}\":\n" + "".join(self.log))

    def stop(self, signal_number=signal.SIGTERM):
        """Send the signal and return the exit status. The log is complete then."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        self.process.stderr.close()


class Venue(Server):
    """A running `outcry serve`."""

    def __init__(self, net="epoll", *arguments, listen=("127.0.0.1:0",), command=(), **options):
        listeners = [word for address in listen for word in ("--listen", address)]
        super().__init__([*command, OUTCRY, "serve", "--net", net, *listeners,
                          *map(str, arguments)], len(listen), **options)

    def counters(self, name):
        """What its line "NAME counters" says, once it has stopped. A count of warnings in the log
        is no substitute: it shows some of each second only."""
        mark = f" {name} counters: "
        self.wait_for_log(mark)
        line = next(line for line in self.log if mark in line)
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


class Client:
    """A plain client: one socket, frames of JSON."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""

    def send(self, request):
        """Send one request, as framed() takes it."""
        self.socket.sendall(framed(request))

    def _take(self, size):
        while len(self._bytes) < size:
            piece = self.socket.recv(65536)
            if not piece:
                return None
            self._bytes += piece
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def receive(self):
        """The next reply as an object; None at the end of the stream."""
        header = self._take(4)
        if header is None:
            return None
        return json.loads(self._take(struct.unpack(">I", header)[0]))

    def ask(self, request):
        """Send a request and return the next reply."""
        self.send(request)
        return self.receive()

    def close(self):
        """Close the connection; also done when nobody holds the client any more."""
        self.socket.close()

    __del__ = close
