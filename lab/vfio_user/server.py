"""The listening socket: one client at a time, and one line for whatever happens to it."""

import os
import select
import socket
import stat

from hwemu.clock import Source
from lab.errors import LabError
from lab.vfio_user.connection import Connection

BACKLOG = 4
# A guest that reads a register waits, and a driver's next access follows within this time (ns).
PATIENCE = 60_000
LONGEST_PATH = 107


def listen(path):
    """A non-blocking listening socket at `path`; LabError with one line where that can not be.

    What a server that died left behind is replaced; a socket that somebody answers at is not.
    """
    if not 0 < len(os.fsencode(path)) <= LONGEST_PATH:
        raise LabError(f"--vfio-user {path}: a socket's path has 1 to {LONGEST_PATH} bytes")
    remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        listener.bind(path)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise LabError(f"--vfio-user {path}: {error.strerror}") from None
    return listener


def remove_stale(path):
    """Remove a socket at which nobody listens any more."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            return
    except OSError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except OSError:
            return


class Server(Source):
    """Serves `device` at the socket `path`; `say(line)` tells its user what happens.

    `close` ends the client's connection, too, and removes the socket.
    """

    def __init__(self, clock, path, device, say):
        super().__init__()
        self.clock = clock
        self.path = path
        self.device = device
        self.say = say
        self.connection = None
        self.clients = 0
        self.listener = listen(path)
        self.identity = os.stat(path).st_ino
        clock.watch(self.listener.fileno(), select.EPOLLIN, self)

    def ready(self, mask):
        """A client knocks.  One that comes while another is there is turned away."""
        try:
            client, _ = self.listener.accept()
        except OSError:
            return
        if self.connection is not None:
            client.close()
            self.say("a second client was turned away")
            return
        client.setblocking(False)
        self.clients += 1
        self.connection = Connection(self.clock, client, self.device, self.finished, self.say)
        self.clock.watch(client.fileno(), select.EPOLLIN, self.connection)
        self.clock.patience = PATIENCE
        self.say("a client has connected")

    def finished(self, connection, why):
        self.connection = None
        self.clock.patience = 0
        self.say(f"the client was disconnected: {why}" if why else "the client has gone")

    def close(self):
        """Let go of everything; a second time does nothing."""
        if self.listener.fileno() < 0:
            return
        if self.connection is not None:
            self.connection.close("the server ends")
        self.clock.unwatch(self.listener.fileno())
        self.listener.close()
        try:
            if os.stat(self.path).st_ino == self.identity:
                os.unlink(self.path)
        except OSError:
            return
