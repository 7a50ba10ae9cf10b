"""Real processes for the system tests: a venue, and clients of it.

A Venue starts `outcry serve` on a port of its own on loopback, reads its log until it listens, and
is stopped by its own process id. Every wait has an end.
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


class Venue:
    """A running `outcry serve`. Use it in a `with`: it is stopped at the end."""

    def __init__(self, net="epoll", *arguments, listen=("127.0.0.1:0",), command=(), **options):
        listeners = [word for address in listen for word in ("--listen", address)]
        self.process = subprocess.Popen(
            [*command, OUTCRY, "serve", "--net", net, *listeners, *map(str, arguments)],
            stderr=subprocess.PIPE, text=True, **options)
        self.log = []
        self.addresses = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(len(listen),), daemon=True)
        self._reader.start()
        self._ready.wait(PATIENCE_S)
        if len(self.addresses) != len(listen):
            self.process.kill()
            raise AssertionError("the venue does not listen:\n" + "".join(self.log))

    def _read(self, listener_count):
        for line in self.process.stderr:
            self.log.append(line)
            found = re.search(r"listening on (\S+)", line)
            if found:
                self.addresses.append(found.group(1))
                if len(self.addresses) == listener_count:
                    self._ready.set()
        self._ready.set()

    @property
    def address(self):
        """HOST:PORT of the first listener."""
        return self.addresses[0]

    def stop(self, signal_number=signal.SIGTERM):
        """Send the signal and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        self.process.stderr.close()


class Client:
    """A plain client: one socket, frames of JSON."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""

    def send(self, request):
        """Send one request: an object, or text or bytes as they are."""
        if isinstance(request, dict):
            request = json.dumps(request)
        payload = request.encode() if isinstance(request, str) else request
        self.socket.sendall(struct.pack(">I", len(payload)) + payload)

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
