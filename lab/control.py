"""The control socket (`--control PATH` of boot, run and serve-nic): whoever connects gets a snapshot of the card as JSON."""

import contextlib
import json
import os
import select
import socket
import stat

from hwemu.clock import Source
from lab.errors import LabError, reason

BACKLOG = 4
# A snapshot has some 20 KB; the kernel takes so much at once, so that nobody waits for a reader.
SEND_BUFFER = 1 << 20
TIMEOUT = 10
LIMIT = 4 << 20


class Control(Source):
    """Listens at `path` on `clock`; the file is there until `close`.  `snapshot()` is what is told, fit for JSON."""

    def __init__(self, clock, path, snapshot):
        super().__init__()
        self.clock = clock
        self.path = path
        self.snapshot = snapshot
        self.listener = listen(path)
        clock.watch(self.listener.fileno(), select.EPOLLIN, self)

    def ready(self, mask):
        """Somebody has connected: tell, and hang up."""
        try:
            peer, _ = self.listener.accept()
        except OSError:
            return
        with peer:
            peer.setblocking(False)
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            text = json.dumps(self.snapshot())
            # A peer that has gone, or does not read, gets what it deserves.
            with contextlib.suppress(OSError):
                peer.send(text.encode())

    def close(self):
        self.clock.unwatch(self.listener.fileno())
        self.listener.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def listen(path):
    """A listening socket at `path`, for its owner only; one that nobody listens at any more is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(path).st_mode) and not answers(path):
                os.unlink(path)
        listener.bind(path)
        os.chmod(path, 0o600)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise LabError(f"--control {path}: {error.strerror or error}") from None
    return listener


def answers(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


def fetch(path):
    """The snapshot behind `path`, a control socket or a file; LabError with one line for what is none."""
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            data = receive(path)
        else:
            with open(path, "rb") as file:
                data = file.read(LIMIT)
    except OSError as error:
        raise LabError(reason(error) if error.filename else f"{path}: {error.strerror or error}") from None
    return data


def receive(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(TIMEOUT)
        peer.connect(os.fspath(path))
        data = bytearray()
        while len(data) < LIMIT and (piece := peer.recv(65536)):
            data += piece
    return bytes(data)
