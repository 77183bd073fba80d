"""Makes sequences about what the others hardly touch: packet and netlink sockets, descriptors on their way, what tells of
readiness.  Their arguments are seldom wrong, so most calls succeed.
"""

import struct

from .maker import LEAST_STEPS, MOST_STEPS, NONBLOCK, SEQPACKET, STREAM, Maker
from .sequence import RESULT, Fd, Poke, Ptr
from .shapes import (
    CONTROL,
    CONTROL_ROOM,
    DATA,
    DGRAM,
    HEADER,
    NAME,
    OUT,
    OUT_LENGTH,
    RAW,
    SMALL,
    VECTOR,
    cmsg,
    iovec,
    length_poke,
    letters,
    msghdr,
    word,
)

AF_PACKET, AF_NETLINK, SOL_PACKET, SOL_NETLINK, SOL_SOCKET = 17, 16, 263, 270, 1
# For experiments (IEEE 802): nobody else's frames have it.
ETHERTYPES = (0x88B5, 0x88B6)
LO = 1
NLMSG_NOOP, NLMSG_ERROR, NLMSG_DONE = 1, 2, 3
RTM_GETLINK, RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, SOCK_DIAG_BY_FAMILY = 18, 17, 21, 25, 20
REQUEST, ACK = 1, 4
# Not those of memory-mapped rings.
PACKET_OPTIONS = (1, 2, 1, 2, 8, 9, 23, 99)
# Not NETLINK_EXT_ACK (11): errors in words are each kernel's own.
NETLINK_OPTIONS = (1, 2, 3, 4, 5, 8, 10, 12, 99)


def htons(value):
    return (value & 0xFF) << 8 | value >> 8


def sockaddr_ll(ethertype, ifindex, address=bytes(6)):
    head = struct.pack("<H", AF_PACKET) + ethertype.to_bytes(2, "big")
    return head + struct.pack("<iHBB", ifindex, 772, 0, len(address)) + address.ljust(8, b"\0")


def sockaddr_nl(portid, groups):
    return struct.pack("<HHII", AF_NETLINK, 0, portid, groups)


class WideMaker(Maker):
    """One such sequence in the making."""

    def spoil(self, arguments):
        """Most arguments are left as they are."""
        if self.chance(0.25):
            Maker.spoil(self, arguments)

    def nonblocking(self, base):
        return base | (NONBLOCK if self.chance(0.97) else 0)

    # --- packet sockets ---

    def make_packet(self):
        base = self.nonblocking(self.pick(RAW, RAW, DGRAM))
        protocol = htons(self.pick(*ETHERTYPES, 0)) if self.chance(0.9) else self.pick(0, -1, 1 << 16)
        return self.add("socket", (AF_PACKET, base, protocol), makes=RESULT, kind="packet")

    def set_packet(self):
        first, second = self.make_packet(), self.make_packet()
        for fd in (first, second):
            if self.chance(0.6):
                self.bind_packet(Fd(fd))

    def link_name(self):
        """The bytes of a sockaddr_ll, and most often their number."""
        device = self.pick(LO, LO, LO, LO, 0, 99, -1)
        raw = sockaddr_ll(self.pick(*ETHERTYPES), device, self.pick(bytes(6), bytes(6), b"", b"\xff" * 6))
        return raw, len(raw) if self.chance(0.93) else self.pick(0, 2, 11, 12, 18, 19, 128)

    def bind_packet(self, fd=None):
        raw, length = self.link_name()
        self.add("bind", (fd or self.fd("packet"), Ptr(NAME), length), (Poke(NAME, (raw,)),))

    def send_packet(self):
        raw, length = self.link_name()
        size = self.pick(0, 13, 14, 15, 40, 100, 1500)
        frame = bytes(12) + self.pick(*ETHERTYPES).to_bytes(2, "big") + letters(self.random, 26)
        pokes = Poke(DATA, (frame.ljust(size, b"y")[: max(size, 1)],)), Poke(NAME, (raw,))
        name = (Ptr(NAME), length) if self.chance(0.75) else (0, 0)
        self.add("sendto", (self.fd("packet"), Ptr(DATA), size, self.send_flags() if self.chance(0.2) else 0x40, *name), pokes)

    def packet_option(self):
        fd, option = self.fd("packet"), self.one_of(PACKET_OPTIONS)
        mreq = struct.pack("<iHH8s", self.pick(LO, LO, 99), self.pick(0, 1, 2, 3, 9), self.pick(6, 6, 8, 9), b"\1\0\x5e\0\0\1")
        value = mreq if option in (1, 2) else word(self.pick(0, 1, 1, 2, -1))
        self.add("setsockopt", (fd, SOL_PACKET, option, Ptr(DATA), len(value)), (Poke(DATA, (value,)),))
        if self.chance(0.5):
            self.query(fd, SOL_PACKET, self.pick(option, 6))

    def query(self, fd, level, option):
        pokes = (length_poke(OUT_LENGTH, self.pick(4, 4, 8, 12, 2, 64)),)
        self.add("getsockopt", (fd, level, option, Ptr(DATA), Ptr(OUT_LENGTH)), pokes)

    # --- netlink ---

    def make_netlink(self):
        base = self.nonblocking(self.pick(RAW, DGRAM))
        return self.add("socket", (AF_NETLINK, base, self.pick(0, 0, 0, 4)), makes=RESULT, kind="netlink")

    def set_netlink(self):
        fd = self.make_netlink()
        if self.chance(0.7):
            self.bind_netlink(Fd(fd))

    def bind_netlink(self, fd=None):
        raw = sockaddr_nl(self.pick(0, 0, 0, 70000, 70001), self.pick(0, 0, 1, 0x11))
        self.add("bind", (fd or self.fd("netlink"), Ptr(NAME), self.pick(12, 12, 12, 12, 8, 16)), (Poke(NAME, (raw,)),))

    def request(self):
        """One netlink message that changes nothing: those of netlink itself, and such as are refused."""
        kind = self.pick(NLMSG_NOOP, NLMSG_DONE, NLMSG_ERROR, 99, 15, RTM_DELLINK, RTM_DELADDR, RTM_DELROUTE, RTM_GETLINK)
        body = {
            RTM_DELLINK: struct.pack("<BxHiII", 0, 0, 99, 0, 0), RTM_GETLINK: struct.pack("<BxHiII", 0, 0, 99, 0, 0),
            RTM_DELADDR: struct.pack("<BBBBi", 2, 8, 0, 0, 99), RTM_DELROUTE: struct.pack("<8BI", 2, 32, 0, 0, 254, 0, 0, 1, 0),
        }.get(kind, b"")  # fmt: skip
        if self.chance(0.1):
            body = body[: len(body) // 2]
        length = 16 + len(body) if self.chance(0.93) else self.pick(0, 15, 17, 1000)
        flags = self.pick(REQUEST, REQUEST | ACK, REQUEST | ACK, ACK, 0)
        return struct.pack("<IHHII", length, kind, flags, self.pick(1, 7), 0) + body

    def send_netlink(self):
        raw = self.request() + (self.request() if self.chance(0.15) else b"")
        name = sockaddr_nl(self.pick(0, 0, 0, 70000, 70001, 80000), 0)
        where = (Ptr(NAME), 12) if self.chance(0.5) else (0, 0)
        self.add("sendto", (self.fd("netlink"), Ptr(DATA), len(raw), 0x40, *where), (Poke(DATA, (raw,)), Poke(NAME, (name,))))

    def netlink_option(self):
        fd, option = self.fd("netlink"), self.one_of(NETLINK_OPTIONS)
        self.add("setsockopt", (fd, SOL_NETLINK, option, Ptr(DATA), 4), (Poke(DATA, (word(self.pick(0, 1, 1, 5, 40, -1)),)),))
        if self.chance(0.5):
            self.query(fd, SOL_NETLINK, self.pick(option, 9))

    # --- messages ---

    def receive_any(self):
        """recvfrom or recvmsg with room for everything."""
        fd = self.fd("packet", "netlink", "unix")
        if self.chance(0.5):
            where = Ptr(DATA), self.pick(2000, 2000, 10), self.pick(0x40, 0x40, 0x42, 0x60), Ptr(OUT), Ptr(OUT_LENGTH)
            self.add("recvfrom", (fd, *where), (length_poke(OUT_LENGTH, 128),))
            return
        room = self.pick(CONTROL_ROOM, CONTROL_ROOM, 24, 20, 0)
        header = msghdr(Ptr(OUT), 128, Ptr(VECTOR), 1, Ptr(CONTROL), room)
        pokes = Poke(VECTOR, iovec([(Ptr(DATA), self.pick(2000, 10))])), Poke(HEADER, header)
        self.add("recvmsg", (fd, Ptr(HEADER), self.pick(0x40, 0x40, 0x42, 0x60, 0x40000040)), pokes)

    def set_pair(self):
        self.make_unix_pair(self.pick(STREAM, DGRAM, SEQPACKET))
        if self.chance(0.3):
            option = SOL_SOCKET, self.pick(16, 16, 35)
            self.add("setsockopt", (self.fd("unix"), *option, Ptr(DATA), 4), (Poke(DATA, (word(1),)),))

    def send_fds(self):
        """A message that carries descriptors of every kind there is."""
        fds = [Fd(self.one_of(list(self.kinds))) for _ in range(self.pick(1, 1, 2, 3))]
        parts = cmsg(SOL_SOCKET, 1, fds)
        room = sum(len(part) if isinstance(part, bytes) else 4 for part in parts)
        header = msghdr(0, 0, Ptr(VECTOR), 1, Ptr(CONTROL), room)
        size = self.pick(1, 1, 10, 100)
        data = Poke(VECTOR, iovec([(Ptr(DATA), size)])), Poke(DATA, (letters(self.random, size),))
        flags = self.pick(0x40, 0x40, 0x40, 0x41)
        self.add("sendmsg", (self.fd("unix"), Ptr(HEADER), flags), (*data, Poke(CONTROL, parts), Poke(HEADER, header)))

    # --- readiness ---

    def set_watched(self):
        """An epoll set that already watches something."""
        epoll = self.make_epoll()
        self.pick(self.make_eventfd, self.make_timerfd, self.make_pipe, self.make_unix_pair)()
        for slot in list(self.kinds)[-2:]:
            self.watch(Fd(epoll), Fd(slot))

    def watch(self, epoll=None, fd=None):
        event = struct.pack("<IQ", self.pick(1, 4, 5, 0x80000001, 0x80000005, 0x40000001, 0x2005), self.pick(1, 7, 9))
        target = epoll or self.fd("epoll"), self.pick(1, 1, 1, 3), fd or self.fd()
        self.add("epoll_ctl", (*target, Ptr(SMALL)), (Poke(SMALL, (event,)),))

    def wait(self):
        self.add("epoll_wait", (self.fd("epoll"), Ptr(SMALL), self.pick(1, 8, 8), self.pick(0, 0, 0, 1)))

    def make_signalfd(self):
        mask = struct.pack("<Q", 1 << self.pick(22, 28, 9, 33))
        arguments = -1, Ptr(DATA), self.pick(8, 8, 8, 4), self.pick(NONBLOCK, NONBLOCK, NONBLOCK | 0o2000000, 1)
        self.add("signalfd4", arguments, (Poke(DATA, (mask,)),), RESULT, "signal")

    def gettime(self):
        self.add("timerfd_gettime", (self.fd("timer"), Ptr(SMALL)), masks=((SMALL, 32),))


SETTINGS = (
    (WideMaker.set_packet, 4), (WideMaker.set_netlink, 3), (WideMaker.set_pair, 3), (WideMaker.set_watched, 3),
    (WideMaker.set_tcp, 1), (WideMaker.set_udp, 1),
)  # fmt: skip
PACKETS = ((WideMaker.send_packet, 5), (WideMaker.packet_option, 2), (WideMaker.bind_packet, 1))
MESSAGES = ((WideMaker.send_netlink, 5), (WideMaker.netlink_option, 2), (WideMaker.bind_netlink, 1))
RIGHTS = ((WideMaker.send_fds, 4), (WideMaker.send, 2))
WATCHED = (
    (WideMaker.watch, 3), (WideMaker.wait, 4), (WideMaker.timerfd_settime, 1), (WideMaker.gettime, 1),
    (WideMaker.make_signalfd, 1),
)  # fmt: skip
ALWAYS = (
    (WideMaker.receive_any, 5), (WideMaker.read, 2), (WideMaker.write, 2), (WideMaker.poll, 1), (WideMaker.close, 1),
    (WideMaker.dup, 1), (WideMaker.getname, 1), (WideMaker.ioctl, 1), (WideMaker.fcntl, 1), (WideMaker.shutdown, 1),
)  # fmt: skip
OF_KIND = {"packet": PACKETS, "netlink": MESSAGES, "unix": RIGHTS, "epoll": WATCHED}


def choices(weighted):
    return [make for make, weight in weighted for _ in range(weight)]


def fill(maker):
    """Make the steps of a sequence: a setting or two, and calls on what there is."""
    settings = choices(SETTINGS)
    maker.one_of(settings)(maker)
    if maker.chance(0.4):
        maker.one_of(settings)(maker)
    for _ in range(maker.random.randint(LEAST_STEPS, MOST_STEPS)):
        calls = choices(ALWAYS)
        for kind, more in OF_KIND.items():
            if kind in maker.kinds.values():
                calls += choices(more) * 2
        maker.one_of(calls)(maker)
