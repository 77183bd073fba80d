"""The guest's UDP to the world: one socket of the gateway kernel per address asked for, one of the host per guest port.

A flow ends after a minute without a datagram (DNS: ten seconds); the oldest goes first when there are too many.
"""

import select
import socket

from kernel.net.ipv4.ip_input import ip_local_deliver_finish
from lab.usernet import dns, plan
from lab.usernet.engine import EPOLLIN, Handler, HostWatch
from userland import libc

MOST_FLOWS = 1024
IDLE_TIME = 60_000_000_000
DNS_IDLE_TIME = 10_000_000_000
DATAGRAMS_PER_TURN = 64


class Place(Handler):
    """The gateway's socket at an (address, port) of the world, or its own, that guests send to."""

    def __init__(self, service, place, fd):
        self.service = service
        self.place = place
        self.fd = fd
        self.flows = {}

    def guest_ready(self, fd, mask):
        block = self.service.engine.block
        peer = bytearray(16)
        for _ in range(DATAGRAMS_PER_TURN):
            count = libc.recvfrom(fd, block, -1, libc.MSG_DONTWAIT, peer)
            if count < 0:
                break
            guest = (int.from_bytes(peer[4:8], "big"), int.from_bytes(peer[2:4], "big"))
            self.service.outward(self, guest, memoryview(block)[:count])
        self.service.tidy(self)


class Flow(Handler):
    """One guest (address, port) talking to one place through one host socket."""

    def __init__(self, service, place, guest, host):
        self.service = service
        self.place = place
        self.guest = guest
        self.address = libc.sockaddr_in(plan.dotted(guest[0]), guest[1])
        self.host = host
        self.last = 0
        self.watch = HostWatch(service.engine, host.fileno(), self)
        self.watch.want(select.EPOLLIN)

    def host_ready(self, mask):
        block = self.service.engine.block
        self.last = self.service.engine.clock.now
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                count = self.host.recv_into(block)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                self.service.unreachable(self)
                return
            except OSError:
                return
            libc.sendto(self.place.fd, memoryview(block)[:count], -1, libc.MSG_DONTWAIT, self.address)


class UDPService:
    """Outgoing UDP, and DNS where the host names no server."""

    def __init__(self, engine, net, name_server, errors):
        self.engine = engine
        self.net = net
        self.name_server = name_server
        self.errors = errors
        self.places = {}
        self.flows = {}
        self.resolver = None

    def knows(self, place):
        """For the hook: is there a socket for this (address, port)?"""
        return place in self.places

    def datagram(self, place, skb):
        """A guest sent to an (address, port) that has no socket yet; consumes `skb`, as it stood at LOCAL_IN."""
        if place not in self.places:
            self.open(place)
        softirq = self.net.softirq
        softirq.local_bh_disable()
        try:
            # Without a socket the kernel's UDP answers with "port unreachable".
            ip_local_deliver_finish(self.net, skb)
        finally:
            softirq.local_bh_enable()

    def open(self, place):
        """A socket for a place that leads somewhere."""
        local_dns = place == (plan.NAME_SERVER_NUMBER, plan.DNS_PORT) and not self.name_server
        if not local_dns and plan.destination(*place, self.name_server) is None:
            return
        fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM | libc.SOCK_NONBLOCK)
        if fd < 0:
            return
        if libc.bind(fd, libc.sockaddr_in(plan.dotted(place[0]), place[1])) < 0:
            libc.close(fd)
            return
        self.places[place] = Place(self, place, fd)
        self.engine.register(fd, self.places[place], EPOLLIN)

    def outward(self, place, guest, data):
        """A datagram of a guest for the world."""
        target = plan.destination(*place.place, self.name_server)
        if target is None:
            self.resolve(place, guest, bytes(data))
            return
        flow = place.flows.get(guest)
        if flow is None:
            flow = self.begin(place, guest, target)
            if flow is None:
                return
        flow.last = self.engine.clock.now
        try:
            flow.host.send(data)
        except ConnectionRefusedError:
            self.unreachable(flow)
        except OSError:
            return

    def begin(self, place, guest, target):
        while len(self.flows) >= MOST_FLOWS:
            self.end(min(self.flows.values(), key=lambda flow: flow.last))
        try:
            host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            return None
        host.setblocking(False)
        try:
            host.connect(target)
        except OSError:
            host.close()
            return None
        flow = Flow(self, place, guest, host)
        place.flows[guest] = flow
        self.flows[(guest, place.place)] = flow
        return flow

    def unreachable(self, flow):
        """Nobody listens there: say so, as the host itself was told."""
        self.errors.port_unreachable(flow.guest, flow.place.place)

    def resolve(self, place, guest, message):
        """DNS by the host's resolver; the answer comes from a thread of its own."""
        question = dns.parse(message)
        if question is None:
            return
        if isinstance(question, bytes):
            self.answered(place, guest, question)
            return
        if self.resolver is None:
            from lab.usernet.resolver import Resolver

            try:
                self.resolver = Resolver(self.engine)
            except OSError:
                return
        self.resolver.ask(question, lambda answer: self.answered(place, guest, answer))

    def answered(self, place, guest, answer):
        if self.places.get(place.place) is place:
            address = libc.sockaddr_in(plan.dotted(guest[0]), guest[1])
            libc.sendto(place.fd, answer, -1, libc.MSG_DONTWAIT, address)

    def end(self, flow):
        """Forget a flow, and its place with the last one."""
        flow.watch.close()
        flow.host.close()
        del self.flows[(flow.guest, flow.place.place)]
        del flow.place.flows[flow.guest]
        self.tidy(flow.place)

    def tidy(self, place):
        """Forget a place that no flow needs; the one whose answers come from the resolver stays."""
        local = plan.destination(*place.place, self.name_server) is None
        if not place.flows and not local and self.places.get(place.place) is place:
            del self.places[place.place]
            self.engine.close(place.fd)

    def has_something(self):
        return bool(self.flows)

    def sweep(self, now):
        for flow in list(self.flows.values()):
            limit = DNS_IDLE_TIME if flow.place.place[1] == plan.DNS_PORT else IDLE_TIME
            if now - flow.last > limit:
                self.end(flow)

    def close(self):
        if self.resolver is not None:
            self.resolver.close()
        for flow in list(self.flows.values()):
            self.end(flow)
