"""`--forward`: what arrives at a socket of the host goes to a port of the guest.

The host's socket listens from the first moment, while the guest still boots.  A connection from the time before a
forward has reached its guest once is tried again for ten seconds when it finds nobody there; later ones are refused.
"""

import errno
import select
import socket

from lab.errors import LabError
from lab.usernet import plan
from lab.usernet.engine import EPOLLIN, EPOLLOUT, Handler, HostWatch
from lab.usernet.splice import Splice, close_with_reset
from userland import libc

BACKLOG = 256
ACCEPTS_PER_TURN = 64
PATIENCE = 10_000_000_000
RETRY_INTERVAL = 50_000_000
OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
IDLE_TIME = 120_000_000_000
MOST_PEERS = 1024
DATAGRAMS_PER_TURN = 64


def open_host_socket(rule):
    """The host's socket for a `Forward`; LabError with one line when it can not be had."""
    kind = socket.SOCK_STREAM if rule.protocol == "tcp" else socket.SOCK_DGRAM
    host = socket.socket(socket.AF_INET, kind)
    try:
        if rule.protocol == "tcp":
            host.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        host.bind((rule.host, rule.port))
        if rule.protocol == "tcp":
            host.listen(BACKLOG)
    except OSError as error:
        host.close()
        raise LabError(f"--forward {rule.protocol}:{rule.host}:{rule.port}: {error.strerror or error}") from None
    host.setblocking(False)
    return host


class Call(Handler):
    """A host's connection that waits for its guest."""

    def __init__(self, forward, host, now):
        self.forward = forward
        self.host = host
        # Its first SYN may have been refused before the connection that proves the forward was made.
        self.patient = not forward.proven
        self.deadline = now + PATIENCE
        self.fd = -1

    def connect(self):
        """Knock at the guest's door."""
        self.fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM | libc.SOCK_NONBLOCK)
        libc.bind(self.fd, libc.sockaddr_in(plan.GATEWAY, 0))
        libc.setsockopt(self.fd, libc.IPPROTO_TCP, libc.TCP_NODELAY, 1)
        if libc.connect(self.fd, self.forward.guest) < 0 and libc.errno != libc.EINPROGRESS:
            self.forward.failed(self)
        else:
            self.forward.engine.register(self.fd, self, EPOLLOUT)

    def guest_ready(self, fd, mask):
        if libc.socket_error(fd):
            self.forward.failed(self)
        else:
            self.forward.connected(self)

    def hang_up(self):
        """Let go of the guest's side."""
        if self.fd >= 0:
            self.forward.engine.close(self.fd)
            self.fd = -1


class TCPForward(Handler):
    """One `--forward tcp:...`."""

    def __init__(self, engine, host, guest_address, guest_port):
        self.engine = engine
        self.host = host
        self.guest = libc.sockaddr_in(guest_address, guest_port)
        self.proven = False
        self.calls = {}
        self.flows = {}
        self.watch = HostWatch(engine, host.fileno(), self)

    def start(self):
        self.watch.want(select.EPOLLIN)

    def host_ready(self, mask):
        for _ in range(ACCEPTS_PER_TURN):
            try:
                connection, _ = self.host.accept()
            except OSError as error:
                if error.errno in OUT_OF_DESCRIPTORS:
                    # What waits would be reported again and again.
                    self.watch.want(0)
                    self.engine.call_later(RETRY_INTERVAL, self.start)
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            call = Call(self, connection, self.engine.clock.now)
            self.calls[call] = None
            call.connect()

    def connected(self, call):
        self.proven = True
        del self.calls[call]
        fd, call.fd = call.fd, -1
        # From now on the descriptor is the splice's.
        self.engine.unregister(fd)
        flow = Splice(self.engine, fd, call.host, lambda flow: self.flows.pop(flow, None))
        if not flow.closed:
            self.flows[flow] = None

    def failed(self, call):
        call.hang_up()
        if call.patient and self.engine.clock.now < call.deadline:
            self.engine.call_later(RETRY_INTERVAL, lambda: self.retry(call))
        else:
            del self.calls[call]
            close_with_reset(call.host)

    def retry(self, call):
        if call in self.calls:
            call.connect()

    def has_something(self):
        return False

    def sweep(self, now):
        """Nothing here grows old by itself."""

    def close(self):
        self.watch.close()
        self.host.close()
        for call in list(self.calls):
            call.hang_up()
            call.host.close()
        self.calls.clear()
        for flow in list(self.flows):
            flow.close()


class Peer(Handler):
    """One sender on the host and the gateway's socket that speaks for it."""

    def __init__(self, forward, address, fd):
        self.forward = forward
        self.address = address
        self.fd = fd
        self.last = 0

    def guest_ready(self, fd, mask):
        block = self.forward.engine.block
        self.last = self.forward.engine.clock.now
        for _ in range(DATAGRAMS_PER_TURN):
            count = libc.recv(fd, block, -1, libc.MSG_DONTWAIT)
            if count < 0:
                if libc.errno == libc.EAGAIN:
                    return
                continue
            try:
                self.forward.host.sendto(memoryview(block)[:count], self.address)
            except OSError:
                return


class UDPForward(Handler):
    """One `--forward udp:...`."""

    def __init__(self, engine, host, guest_address, guest_port):
        self.engine = engine
        self.host = host
        self.guest = libc.sockaddr_in(guest_address, guest_port)
        self.peers = {}
        self.watch = HostWatch(engine, host.fileno(), self)

    def start(self):
        self.watch.want(select.EPOLLIN)

    def host_ready(self, mask):
        block = self.engine.block
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                count, address = self.host.recvfrom_into(block)
            except OSError:
                return
            peer = self.peers.get(address) or self.begin(address)
            if peer is not None:
                peer.last = self.engine.clock.now
                libc.send(peer.fd, memoryview(block)[:count], -1, libc.MSG_DONTWAIT)

    def begin(self, address):
        while len(self.peers) >= MOST_PEERS:
            self.end(min(self.peers.values(), key=lambda peer: peer.last))
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.SOCK_NONBLOCK)
        if fd < 0:
            return None
        if libc.bind(fd, libc.sockaddr_in(plan.GATEWAY, 0)) < 0 or libc.connect(fd, self.guest) < 0:
            libc.close(fd)
            return None
        name = libc.sockaddr_in_pair(libc.getsockname(fd))
        peer = Peer(self, address, fd)
        self.peers[address] = peer
        # What the guest answers comes to a socket of ours: the hook must let it pass.
        self.engine.own_udp_ports[name[1]] = None
        self.engine.register(fd, peer, EPOLLIN)
        return peer

    def end(self, peer):
        name = libc.sockaddr_in_pair(libc.getsockname(peer.fd))
        self.engine.own_udp_ports.pop(name[1], None)
        self.engine.close(peer.fd)
        del self.peers[peer.address]

    def has_something(self):
        return bool(self.peers)

    def sweep(self, now):
        for peer in list(self.peers.values()):
            if now - peer.last > IDLE_TIME:
                self.end(peer)

    def close(self):
        self.watch.close()
        self.host.close()
        for peer in list(self.peers.values()):
            self.engine.close(peer.fd)
        self.peers.clear()
