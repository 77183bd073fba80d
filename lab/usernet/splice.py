"""Two TCP connections made one: the gateway kernel's towards the guest, the host's towards the world.

Each direction holds at most one block that the other side has not taken yet; while it does, nothing more is read, so
the sender's own window closes.  A half-close passes through, and so does a reset.
"""

import select
import socket
import struct

from lab.usernet.engine import EPOLLERR, EPOLLIN, EPOLLOUT, Handler, HostWatch
from userland import libc

# Blocks moved in one go before other flows get their turn.
ROUNDS = 4
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def close_with_reset(host):
    """Close a host socket so that its peer sees a reset."""
    try:
        host.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    except OSError:
        pass  # the connection is gone already
    host.close()


def kept(rest, block):
    """What a side has not taken, apart from the shared block."""
    return memoryview(bytes(rest)) if rest.obj is block else rest


class Splice(Handler):
    """`fd` of the gateway kernel and the connected, non-blocking `host` socket; `on_close(self)` when both are done."""

    def __init__(self, engine, fd, host, on_close):
        self.engine = engine
        self.fd = fd
        self.host = host
        self.on_close = on_close
        self.watch = HostWatch(engine, host.fileno(), self)
        self.to_host = None
        self.to_guest = None
        self.guest_ended = False
        self.host_ended = False
        self.host_told = False
        self.guest_told = False
        self.closed = False
        self.scheduled = False
        self.bytes_out = 0
        self.bytes_in = 0
        engine.register(fd, self, 0)
        self.move()

    def guest_ready(self, fd, mask):
        if mask & EPOLLERR:
            self.reset()
        else:
            self.move()

    def host_ready(self, mask):
        if mask & select.EPOLLERR and not mask & select.EPOLLIN:
            self.reset()
        else:
            self.move()

    def again(self):
        self.scheduled = False
        self.move()

    def move(self):
        """Move what can be moved both ways and say what is to be waited for."""
        if self.closed:
            return
        try:
            more = self.outward()
            more = self.inward() or more
        except OSError:
            self.reset()
            return
        if self.closed:
            return
        if self.host_told and self.guest_told:
            self.close()
            return
        if self.guest_ended and self.guest_told and self.fd >= 0:
            # Nothing more is said on the guest's side; its hang-up would be reported again and again.
            self.engine.close(self.fd)
            self.fd = -1
        if more and not self.scheduled:
            self.scheduled = True
            self.engine.call_again(self.again)
        guest = host = 0
        if self.to_host is not None:
            host |= select.EPOLLOUT
        elif not self.guest_ended:
            guest |= EPOLLIN
        if self.to_guest is not None:
            guest |= EPOLLOUT
        elif not self.host_ended:
            host |= select.EPOLLIN
        if self.fd >= 0:
            self.engine.interest(self.fd, guest)
        self.watch.want(host)

    def outward(self):
        """Guest to host; True when there may be more at once.  OSError: the host's side has failed."""
        block = self.engine.block
        for _ in range(ROUNDS):
            if self.to_host is None and not self.guest_ended:
                count = libc.recv(self.fd, block, -1, libc.MSG_DONTWAIT)
                if count < 0:
                    if libc.errno not in (libc.EAGAIN, libc.EINTR):
                        raise ConnectionResetError
                    return False
                if count == 0:
                    self.guest_ended = True
                else:
                    self.to_host = memoryview(block)[:count]
            if self.to_host is not None:
                try:
                    sent = self.host.send(self.to_host)
                except BlockingIOError:
                    sent = 0
                self.bytes_out += sent
                if sent < len(self.to_host):
                    self.to_host = kept(self.to_host[sent:], block)
                    return False
                self.to_host = None
            if self.guest_ended:
                if not self.host_told:
                    self.host_told = True
                    self.host.shutdown(socket.SHUT_WR)
                return False
        return True

    def inward(self):
        """Host to guest; True when there may be more at once."""
        block = self.engine.block
        for _ in range(ROUNDS):
            if self.to_guest is None and not self.host_ended:
                try:
                    count = self.host.recv_into(block)
                except BlockingIOError:
                    return False
                if count == 0:
                    self.host_ended = True
                else:
                    self.to_guest = memoryview(block)[:count]
            if self.to_guest is not None:
                sent = libc.send(self.fd, self.to_guest, -1, libc.MSG_DONTWAIT | libc.MSG_NOSIGNAL)
                if sent < 0:
                    if libc.errno not in (libc.EAGAIN, libc.EINTR):
                        raise ConnectionResetError
                    sent = 0
                self.bytes_in += sent
                if sent < len(self.to_guest):
                    self.to_guest = kept(self.to_guest[sent:], block)
                    return False
                self.to_guest = None
            if self.host_ended:
                if not self.guest_told:
                    self.guest_told = True
                    if libc.shutdown(self.fd, libc.SHUT_WR) < 0:
                        raise ConnectionResetError
                return False
        return True

    def reset(self):
        """Something failed: both sides see a reset."""
        if not self.closed:
            if self.fd >= 0:
                libc.setsockopt(self.fd, libc.SOL_SOCKET, libc.SO_LINGER, libc.linger(1, 0))
            self.finish()
            close_with_reset(self.host)
            self.on_close(self)

    def close(self):
        """Both directions have ended."""
        if not self.closed:
            self.finish()
            self.host.close()
            self.on_close(self)

    def finish(self):
        self.closed = True
        self.watch.close()
        if self.fd >= 0:
            self.engine.close(self.fd)
