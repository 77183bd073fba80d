"""ICMP on the user network: echo requests to the world through the host's ping sockets, and errors for UDP.

The gateway's own addresses answer an echo by themselves, in its kernel.  A host that forbids ping sockets
(net.ipv4.ping_group_range) makes requests to the world go unanswered, as a firewall would.
"""

import select
import socket
import struct

from lab.usernet import plan
from lab.usernet.engine import Handler, HostWatch
from userland import libc

ECHO_REPLY, DEST_UNREACHABLE, ECHO_REQUEST = 0, 3, 8
PORT_UNREACHABLE = 3
IP_HEADER = struct.Struct(">BBHHHBBHII")
ECHO_HEADER = struct.Struct(">BBHHH")
TTL = 64
IDLE_TIME = 10_000_000_000
MOST_SESSIONS = 64


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071) of `data`."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip_packet(protocol: int, source: int, target: int, payload: bytes) -> bytes:
    """An IPv4 packet without options; addresses are host-order numbers."""
    header = IP_HEADER.pack(0x45, 0, 20 + len(payload), 0, 0, TTL, protocol, 0, source, target)
    return header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + payload


def icmp_message(kind: int, code: int, rest: bytes) -> bytes:
    """An ICMP message: `rest` is what follows the checksum."""
    total = checksum(struct.pack(">BBH", kind, code, 0) + rest)
    return struct.pack(">BBH", kind, code, total) + rest


class Session(Handler):
    """One guest identifier pinging one address."""

    def __init__(self, service, key, host):
        self.service = service
        self.key = key
        self.host = host
        self.last = 0
        self.watch = HostWatch(service.engine, host.fileno(), self)
        self.watch.want(select.EPOLLIN)

    def host_ready(self, mask):
        while True:
            try:
                message = self.host.recv(65535)
            except OSError:
                return
            if len(message) >= ECHO_HEADER.size and message[0] == ECHO_REPLY:
                self.service.reply(self.key, message)


class ICMPService:
    """Echo for the world.  Session keys are (guest address, identifier, address)."""

    def __init__(self, engine):
        self.engine = engine
        self.sessions = {}
        self.raw = -1
        self.forbidden = 0

    def send(self, packet, target):
        """Send a whole IPv4 packet to the guest `target`."""
        if self.raw < 0:
            self.raw = libc.socket(libc.AF_INET, libc.SOCK_RAW, libc.IPPROTO_RAW)
            if self.raw < 0:
                return
        libc.sendto(self.raw, packet, -1, libc.MSG_DONTWAIT, libc.sockaddr_in(plan.dotted(target), 0))

    def echo(self, source, target, message):
        """A guest's echo request to an address of the world."""
        # A damaged request must not go out repaired: the host's kernel writes a checksum of its own.
        if len(message) < ECHO_HEADER.size or checksum(message) or plan.destination(target, 0, "") is None:
            return
        _, _, _, ident, _ = ECHO_HEADER.unpack_from(message)
        key = (source, ident, target)
        session = self.sessions.get(key)
        if session is None:
            session = self.begin(key)
            if session is None:
                return
        session.last = self.engine.clock.now
        try:
            session.host.send(message)
        except OSError:
            return

    def begin(self, key):
        while len(self.sessions) >= MOST_SESSIONS:
            self.end(min(self.sessions.values(), key=lambda session: session.last))
        try:
            host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
        except OSError:
            self.forbidden += 1
            return None
        host.setblocking(False)
        try:
            host.connect((plan.dotted(key[2]), 0))
        except OSError:
            host.close()
            return None
        self.sessions[key] = Session(self, key, host)
        return self.sessions[key]

    def reply(self, key, message):
        """The world answered: the identifier is the guest's again."""
        source, ident, target = key
        message = icmp_message(ECHO_REPLY, 0, ident.to_bytes(2, "big") + message[6:])
        self.send(ip_packet(libc.IPPROTO_ICMP, target, source, message), source)

    def port_unreachable(self, guest, place):
        """Tell `guest` (address, port) that nobody listens at `place`: quotes the header and the ports (RFC 792)."""
        ports = struct.pack(">HHHH", guest[1], place[1], 8, 0)
        quoted = ip_packet(libc.IPPROTO_UDP, guest[0], place[0], ports)
        message = icmp_message(DEST_UNREACHABLE, PORT_UNREACHABLE, bytes(4) + quoted)
        self.send(ip_packet(libc.IPPROTO_ICMP, place[0], guest[0], message), guest[0])

    def end(self, session):
        session.watch.close()
        session.host.close()
        del self.sessions[session.key]

    def has_something(self):
        return bool(self.sessions)

    def sweep(self, now):
        for session in list(self.sessions.values()):
            if now - session.last > IDLE_TIME:
                self.end(session)

    def close(self):
        for session in list(self.sessions.values()):
            self.end(session)
