"""The guest's TCP connections to the world.

The hook hands over each first SYN.  The host's connection is made first; only when it stands does the gateway listen
at exactly the address that the guest asked for and let the SYN go on, so the guest sees the world's own answer:
established, established and then reset, refused or unreachable.
"""

import contextlib
import errno
import select
import socket

from kernel.lib.checksum import csum_fold, csum_tcpudp_nofold
from kernel.net.core.skb_data import skb_checksum
from kernel.net.core.skbuff import kfree_skb
from kernel.net.ipv4.icmp import icmp_send
from kernel.net.ipv4.ip_input import ip_local_deliver_finish
from kernel.net.ipv4.tcp_reply import tcp_v4_reply
from kernel.uapi.icmp import ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, ICMP_NET_UNREACH
from kernel.uapi.tcp import TCPHDR_ACK, TCPHDR_RST
from lab.usernet import plan
from lab.usernet.engine import EPOLLIN, Handler, HostWatch
from lab.usernet.splice import Splice, close_with_reset
from userland import libc

BACKLOG = 128
MOST_CONNECTIONS = 4096
# A guest that never takes up its connection loses it after this long.
PENDING_TIME = 60_000_000_000
CHECKSUM_UNNECESSARY = 1
# What a connection says of itself that stood, and was reset before we looked.
BROKEN = (errno.ECONNRESET, errno.EPIPE)


def intact(skb):
    """True when the checksum of a SYN that stands at LOCAL_IN is right."""
    if skb.ip_summed == CHECKSUM_UNNECESSARY:
        return True
    ip, at = skb.network_header, skb.transport_header
    length = skb.len - (at - skb.data)
    pseudo = csum_tcpudp_nofold(skb.get32(ip + 12), skb.get32(ip + 16), length, socket.IPPROTO_TCP, 0)
    return csum_fold(skb_checksum(skb, at - skb.data, length, pseudo)) == 0


class Attempt(Handler):
    """A host connection on its way to become one half of a flow; holds the guest's SYN until it stands."""

    def __init__(self, service, key, skb, host, now):
        self.service = service
        self.key = key
        self.skb = skb
        self.host = host
        self.started = now
        self.listener = None
        self.broken = False
        self.watch = HostWatch(service.engine, host.fileno(), self)

    def host_ready(self, mask):
        self.watch.want(0)
        problem = self.host.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.broken = problem in BROKEN
        if problem and not self.broken:
            self.service.failed(self, problem)
        else:
            self.service.connected(self)


class Listener(Handler):
    """The gateway's listening socket at an address of the world, for as long as attempts expect it."""

    def __init__(self, service, place, fd):
        self.service = service
        self.place = place
        self.fd = fd
        self.expected = 0

    def guest_ready(self, fd, mask):
        self.service.accept(self)


class TCPService:
    """Outgoing TCP.  Keys are (guest address, guest port, address, port), all host-order numbers."""

    def __init__(self, engine, net, name_server):
        self.engine = engine
        self.net = net
        self.name_server = name_server
        self.attempts = {}
        self.listeners = {}
        self.flows = {}
        self.refused = 0

    def wants(self, key):
        """For the hook: is this SYN new to us?"""
        return key not in self.flows and key not in self.attempts

    def is_pending(self, key):
        """For the hook: has this SYN been taken, and its host connection not been made yet?"""
        attempt = self.attempts.get(key)
        return attempt is not None and attempt.skb is not None

    def syn(self, key, skb):
        """A guest wants to connect; consumes `skb`, as it stood at LOCAL_IN."""
        if not intact(skb):
            # Whose address and port these were nobody knows.  The kernel's TCP drops and counts it.
            self.deliver(skb)
            return
        target = plan.destination(key[2], key[3], self.name_server)
        host = None
        if self.wants(key) and len(self.attempts) + len(self.flows) < MOST_CONNECTIONS:
            # The host may have no descriptor left; the guest will ask again.
            with contextlib.suppress(OSError):
                host = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if host is None:
            kfree_skb(skb, "USERNET_BUSY")
            return
        host.setblocking(False)
        attempt = Attempt(self, key, skb, host, self.engine.clock.now)
        self.attempts[key] = attempt
        if target is None:
            self.failed(attempt, errno.ECONNREFUSED)
            return
        host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        problem = host.connect_ex(target)
        if problem == 0:
            self.connected(attempt)
        elif problem == errno.EINPROGRESS:
            attempt.watch.want(select.EPOLLOUT)
        else:
            self.failed(attempt, problem)

    def failed(self, attempt, problem):
        """The world's answer is no: the SYN is reset; what is out of reach is reported by ICMP."""
        self.refused += 1
        skb, attempt.skb = attempt.skb, None
        self.forget(attempt)
        attempt.host.close()
        if problem in (errno.EHOSTUNREACH, errno.ETIMEDOUT):
            icmp_send(self.net, skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0)
            kfree_skb(skb, "USERNET_UNREACHABLE")
        elif problem in (errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM):
            icmp_send(self.net, skb, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, 0)
            kfree_skb(skb, "USERNET_UNREACHABLE")
        else:
            self.refuse(skb)

    def refuse(self, skb):
        """Reset a SYN.  Our kernel would do it too, unless another connection to the same port has a listener there."""
        at = skb.transport_header
        data = skb.len - (at - skb.data) - ((skb.get8(at + 12) & 0xF0) >> 2)
        ack = (skb.get32(at + 4) + 1 + data) & 0xFFFFFFFF
        softirq = self.net.softirq
        softirq.local_bh_disable()
        try:
            tcp_v4_reply(self.net, skb, 0, ack, TCPHDR_RST | TCPHDR_ACK, 0, False, 0, 0, 0, 0)
            kfree_skb(skb, "USERNET_REFUSED")
        finally:
            softirq.local_bh_enable()

    def connected(self, attempt):
        """The host's connection stands: listen where the guest knocks and let it in."""
        place = attempt.key[2:]
        listener = self.listeners.get(place)
        if listener is None:
            # The guest may ask again between two system calls of ours: until we listen the attempt is pending.
            listener = self.listen(place)
        skb, attempt.skb = attempt.skb, None
        if listener is None:
            self.forget(attempt)
            close_with_reset(attempt.host)
            kfree_skb(skb, "USERNET_BUSY")
            return
        attempt.listener = listener
        listener.expected += 1
        self.deliver(skb)

    def deliver(self, skb):
        """Give a SYN that was held back to the gateway kernel's TCP."""
        softirq = self.net.softirq
        softirq.local_bh_disable()
        try:
            ip_local_deliver_finish(self.net, skb)
        finally:
            softirq.local_bh_enable()

    def listen(self, place):
        fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM | libc.SOCK_NONBLOCK)
        if fd < 0:
            return None
        libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_REUSEADDR, 1)
        if libc.bind(fd, libc.sockaddr_in(plan.dotted(place[0]), place[1])) < 0 or libc.listen(fd, BACKLOG) < 0:
            libc.close(fd)
            return None
        listener = Listener(self, place, fd)
        self.listeners[place] = listener
        self.engine.register(fd, listener, EPOLLIN)
        return listener

    def accept(self, listener):
        """Guests have come in: join each with its host connection."""
        while True:
            peer = bytearray(16)
            fd = libc.accept4(listener.fd, peer, libc.SOCK_NONBLOCK)
            if fd < 0:
                break
            key = (int.from_bytes(peer[4:8], "big"), int.from_bytes(peer[2:4], "big"), *listener.place)
            attempt = self.attempts.get(key)
            expected = attempt is not None and attempt.listener is listener
            if expected:
                self.forget(attempt)
            if expected and not attempt.broken:
                libc.setsockopt(fd, libc.IPPROTO_TCP, libc.TCP_NODELAY, 1)
                self.start(key, fd, attempt.host)
            else:
                libc.setsockopt(fd, libc.SOL_SOCKET, libc.SO_LINGER, libc.linger(1, 0))
                libc.close(fd)
                if expected:
                    attempt.host.close()
            if listener.expected == 0:
                break

    def start(self, key, fd, host):
        """Splice; the flow is known before the first byte moves, as it may end with it."""
        flow = Splice(self.engine, fd, host, lambda flow: self.flows.pop(key, None))
        if not flow.closed:
            self.flows[key] = flow

    def forget(self, attempt):
        """An attempt is over; its listener closes with the last one."""
        attempt.watch.close()
        self.attempts.pop(attempt.key, None)
        listener, attempt.listener = attempt.listener, None
        if listener is not None:
            listener.expected -= 1
            if listener.expected == 0:
                del self.listeners[listener.place]
                self.engine.close(listener.fd)

    def has_something(self):
        return bool(self.attempts)

    def sweep(self, now):
        """Give up attempts whose guest never came."""
        for attempt in list(self.attempts.values()):
            if attempt.listener is not None and now - attempt.started > PENDING_TIME:
                self.forget(attempt)
                close_with_reset(attempt.host)

    def close(self):
        """Power-off: let go of everything that is the host's, and of packets that are held."""
        for attempt in list(self.attempts.values()):
            if attempt.skb is not None:
                kfree_skb(attempt.skb, "USERNET_CLOSED")
            self.forget(attempt)
            attempt.host.close()
        for flow in list(self.flows.values()):
            flow.close()
