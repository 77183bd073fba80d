"""Makes sequences: the same seed and number give the same one, as long as our table has the same calls.

A sequence begins with one or two settings (a connection, a pair of datagram sockets, a pipe ...) and goes on with calls on
what they made.  Some arguments are replaced by wrong ones.
"""

import random
import struct

from kernel.uapi.prototypes import INT_ARGUMENTS, SOCKETCALL_INTS

from . import options
from .calls import SIGNAL, SLEEP, numbers
from .sequence import NOTHING, PAGE, PAIR, RESULT, SLOTS, Fd, Poke, Ptr, RoPtr, Sequence, Step
from .shapes import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    AF_UNSPEC,
    CONTROL,
    CONTROL_ROOM,
    DATA,
    DGRAM,
    HEADER,
    ICMP,
    MMSGHDR_SIZE,
    MSGHDR_SIZE,
    NAME,
    OUT,
    OUT_LENGTH,
    RAW,
    SMALL,
    TCP,
    UDP,
    VECTOR,
    cmsg,
    iovec,
    length_poke,
    letters,
    loopback,
    msghdr,
    port,
    sockaddr_in,
    sockaddr_un,
    wild,
)  # fmt: skip

NONBLOCK, CLOEXEC = 0o4000, 0o2000000
STREAM, RDM, SEQPACKET = 1, 4, 5
LEAST_STEPS, MOST_STEPS = 4, 14
SIZES = (0, 1, 1, 3, 10, 10, 100, 500, 1500, 2000)
NUMBERS = (0, 1, 2, 3, 7, 16, 255, 4096, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, -1, -2, 1 << 47, (1 << 63) - 1, -(1 << 63))
SEND_FLAGS = (0, 0, 0, 0x40, 0x40, 0x4000, 0x4040, 0x8000, 0x1, 0x4, 0x80, 0x2, 0x800, 0x2000, 0x10, 0x10000, 0x4000000)
RECEIVE_FLAGS = (0, 0, 0, 0x40, 0x40, 0x2, 0x42, 0x20, 0x22, 0x100, 0x140, 0x1, 0x2000, 0x2040, 0x10000, 0x40000000, 0x4, 0x80)
POLL_EVENTS = (1, 4, 5, 2, 0x2000, 0x2005, 0x47, 0x1F, 0x7FFF, 0)
EPOLL_EVENTS = (1, 4, 5, 0x80000001, 0x40000005, 0x2005, 0x10000001, 0x1F, 0, 0xFFFFFFFF, 0x20000001, 0x80000005)
TIMEOUTS = (0, 0, 0, 0, 1, 2, -1)
UNIX_NAMES = (b"a\0", b"b\0", b"\0abstract", b"\0x", b"none/a\0", b"a", b"", b"x" * 108, b"./b\0", b"\0", b"\0" + b"y" * 107)
# Calls that garbage could make end other things than the sequence, or that block the signal which interrupts them.
NOT_AT_RANDOM = ("close_range", "unlink", "epoll_create", "ppoll", "pselect6", "epoll_pwait", "epoll_pwait2")
REQUESTS = (
    0x5421, 0x541B, 0x5411, 0x8905, 0x8902, 0x8904, 0x8901, 0x8903, 0x5401, 0x5413, 0x5450, 0x5451, 0x5452,
    0x894B, 0x8910, 0x8912, 0x8913, 0x8915, 0x8919, 0x891B, 0x8921, 0x8927, 0x8933, 0x891D, 0x8942,
    0x8970, 0x8954, 0x890B, 0x1234, 0, -1, 0x8906, 0x8907, 0x8917, 0x541B, 0x5421,
)  # fmt: skip
# Locks and leases are about files of a disk: none here.
FCNTLS = (0, 1, 1, 2, 3, 3, 4, 4, 4, 8, 9, 10, 11, 15, 16, 1030, 1031, 1032, 99, -1)
STATUS = (0, 0x800, 0x800, 0x2000, 0x400, 0x402, 0x4000, 0x40000, -1)
LEVELS_OF = {
    "tcp": (options.SOL_SOCKET, options.SOL_IP, options.SOL_TCP), "udp": (options.SOL_SOCKET, options.SOL_IP, options.SOL_UDP),
    "raw": (options.SOL_SOCKET, options.SOL_IP, options.SOL_RAW), "ping": (options.SOL_SOCKET, options.SOL_IP),
    "unix": (options.SOL_SOCKET,), "file": (options.SOL_SOCKET,),
}  # fmt: skip
INET = ("tcp", "udp", "raw", "ping")


class Maker:
    """One sequence in the making."""

    def __init__(self, seed, number, table, together=False):
        self.random = random.Random((seed << 32) + number)
        self.number = number
        self.table = table
        self.steps = []
        self.slots = 0
        # The kind of what is probably in each slot.
        self.kinds = {}
        self.together = together
        self.task = 0

    # --- choices ---

    def chance(self, probability):
        return self.random.random() < probability

    def pick(self, *options):
        return self.random.choice(options)

    def one_of(self, options):
        return self.random.choice(options)

    def fd(self, *kinds):
        """A descriptor, most often of one of the kinds (none named: of any)."""
        if self.chance(0.03) or not self.kinds:
            return self.pick(-1, 0, 1, 3, 4, 5, 99, 1023, 1024, 1 << 31, (1 << 32) + 3)
        fitting = [slot for slot, kind in self.kinds.items() if kind in kinds]
        if fitting and not self.chance(0.04):
            return Fd(self.one_of(fitting))
        return Fd(self.one_of(list(self.kinds)))

    def kind(self, fd):
        return self.kinds.get(fd.slot, "file") if isinstance(fd, Fd) else "tcp"

    def has(self, call):
        return call in self.table

    # --- steps ---

    def add(self, call, arguments, pokes=(), makes=NOTHING, kind=None, pair=0, kinds=None, masks=()):
        """Append a step, and sometimes replace one of its arguments; returns the slot of its first descriptor."""
        arguments = list(arguments)
        if self.chance(0.06) and call not in (SLEEP, SIGNAL):
            self.spoil(arguments)
        slot = self.slots
        count = {NOTHING: 0, RESULT: 1, PAIR: 2}[makes]
        if slot + count > SLOTS:
            return slot - 1
        for which in range(count):
            self.kinds[slot + which] = kinds[which] if kinds else kind
        self.slots += count
        self.steps.append(Step(call, tuple(arguments), tuple(pokes), self.task, makes, slot, pair, tuple(masks)))
        return slot

    def spoil(self, arguments):
        which = self.random.randrange(len(arguments))
        if isinstance(arguments[which], Ptr | RoPtr):
            arguments[which] = wild(self.random) if self.chance(0.8) else RoPtr(self.pick(0, 64, PAGE - 8, PAGE))
        elif isinstance(arguments[which], Fd):
            arguments[which] = self.pick(-1, 77, 1024, self.fd(), self.fd())
        else:
            arguments[which] = self.one_of(NUMBERS)

    # --- addresses ---

    def address(self):
        """An IPv4 address: the sequence's own most often."""
        if self.chance(0.85):
            return loopback(self.number, self.pick(1, 1, 1, 1, 2))
        return self.pick(0, 0x7F000001, 0xFFFFFFFF, 0xE0000001, 0x7FFFFFFF, 0x08080808, 0x0A000001, 0xF0000001, 0x00000001)

    def name(self, kind):
        """The bytes of an address for a socket of `kind`, and most often its length."""
        if kind == "unix" or (kind not in INET and self.chance(0.5)):
            path = self.one_of(UNIX_NAMES) if self.chance(0.4) else self.pick(b"\0q%d" % self.number, b"\0r%d" % self.number)
            raw = sockaddr_un(path)
        else:
            raw = sockaddr_in(
                self.address(), port(self.number, self.pick(0, 0, 0, 1, 1, 2)) if self.chance(0.9) else self.pick(0, 1, 80)
            )
        if self.chance(0.08):
            raw = struct.pack("<H", self.pick(AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6, 16, 17, 99, 0xFFFF)) + raw[2:]
        length = len(raw)
        if self.chance(0.08):
            length = self.pick(0, 1, 2, 3, 7, 8, 14, 15, 16, 17, 28, 110, 111, 128, 129, -1, 0x7FFFFFFF)
        return raw, length

    def name_in(self, kind):
        """(pokes, address, length) of a name that a call reads."""
        raw, length = self.name(kind)
        return (Poke(NAME, (raw,)),), Ptr(NAME), length

    def name_out(self):
        """(pokes, address, address of the length) of a name that a call writes."""
        if self.chance(0.5):
            return (), 0, 0
        room = self.pick(16, 16, 16, 16, 128, 110, 0, 1, 2, 8, 15, 17, 1000, -1, 0x7FFFFFFF)
        return (length_poke(OUT_LENGTH, room),), Ptr(OUT), Ptr(OUT_LENGTH)

    # --- makers of descriptors ---

    def type(self, base):
        flags = NONBLOCK if self.chance(0.93 if not self.together else 0.1) else 0
        return base | flags | (CLOEXEC if self.chance(0.1) else 0)

    def make_socket(self, kind=None):
        kind = kind or self.pick("tcp", "udp", "raw", "ping", "unix")
        family, base, protocol = {
            "tcp": (AF_INET, STREAM, self.pick(0, TCP)), "udp": (AF_INET, DGRAM, self.pick(0, UDP)),
            "raw": (AF_INET, RAW, self.pick(253, 253, 254, ICMP, 255)), "ping": (AF_INET, DGRAM, ICMP),
            "unix": (AF_UNIX, self.pick(STREAM, DGRAM, SEQPACKET), 0),
        }[kind]  # fmt: skip
        return self.add("socket", (family, self.type(base), protocol), makes=RESULT, kind=kind)

    def make_strange_socket(self):
        family = self.pick(0, AF_UNIX, AF_UNIX, AF_INET, AF_INET, AF_INET, 45, 46, 99, -1)
        base = self.pick(0, STREAM, DGRAM, RAW, RDM, SEQPACKET, 6, 10, 11, 15, 16, -1) | self.pick(0, 0, NONBLOCK, CLOEXEC, 0o20)
        protocol = self.pick(0, 0, ICMP, TCP, UDP, 2, 132, 255, 256, 263, -1)
        self.add("socket", (family, base, protocol), makes=RESULT, kind="raw" if base & 0xF == RAW else "udp")

    def make_unix_pair(self, base=None):
        base = base or self.pick(STREAM, STREAM, DGRAM, SEQPACKET)
        family = AF_UNIX if self.chance(0.95) else self.pick(AF_INET, 0, 99)
        protocol = 0 if self.chance(0.95) else self.pick(1, 6, -1)
        return self.add("socketpair", (family, self.type(base), protocol, Ptr(SMALL)), makes=PAIR, pair=SMALL, kind="unix")

    def make_pipe(self):
        flags = self.pick(NONBLOCK, NONBLOCK, NONBLOCK, NONBLOCK | CLOEXEC, 0, 0o40000 | NONBLOCK, 1, -1)
        return self.add("pipe2", (Ptr(SMALL), flags), makes=PAIR, pair=SMALL, kinds=("pipe_in", "pipe_out"))

    def make_epoll(self):
        return self.add("epoll_create1", (self.pick(0, 0, 0, CLOEXEC, 1),), makes=RESULT, kind="epoll")

    def make_eventfd(self):
        initial = self.pick(0, 0, 1, 5, 0xFFFFFFFF)
        self.add(
            "eventfd2",
            (initial, self.pick(NONBLOCK, NONBLOCK, NONBLOCK | 1, NONBLOCK | CLOEXEC, 0, 2, -1)),
            makes=RESULT,
            kind="event",
        )

    def make_timerfd(self):
        self.add(
            "timerfd_create",
            (self.pick(0, 1, 1, 1, 7, 2, 99, -1), self.pick(NONBLOCK, NONBLOCK, CLOEXEC, 0, 1)),
            makes=RESULT,
            kind="timer",
        )

    # --- settings ---

    def own(self, host=1):
        return loopback(self.number, host)

    def named(self, call, fd, address, which):
        raw = sockaddr_in(address, port(self.number, which))
        self.add(call, (fd, Ptr(NAME), 16), (Poke(NAME, (raw,)),))

    def set_tcp(self, accepted=True):
        listener, client = self.make_socket("tcp"), self.make_socket("tcp")
        self.named("bind", Fd(listener), self.own(), 0)
        self.add("listen", (Fd(listener), self.pick(0, 1, 5, 128)))
        self.named("connect", Fd(client), self.own(), 0)
        if accepted:
            self.add("accept4", (Fd(listener), 0, 0, self.type(0)), makes=RESULT, kind="tcp")

    def set_udp(self):
        first, second = self.make_socket("udp"), self.make_socket("udp")
        self.named("bind", Fd(first), self.own(), 0)
        if self.chance(0.7):
            self.named("connect", Fd(second), self.own(), 0)
        if self.chance(0.5):
            self.named("bind", Fd(second), self.own(2), 1)

    def set_raw(self):
        first = self.make_socket("raw")
        if self.chance(0.6):
            self.named("connect", Fd(first), self.own(), 0)

    def set_unix(self):
        first, second = self.make_socket("unix"), self.make_socket("unix")
        raw = sockaddr_un(self.pick(b"\0s%d" % self.number, b"\0t%d" % self.number))
        self.add("bind", (Fd(first), Ptr(NAME), len(raw)), (Poke(NAME, (raw,)),))
        if self.chance(0.7):
            self.add("listen", (Fd(first), self.pick(0, 1, 5)))
        self.add("connect", (Fd(second), Ptr(NAME), len(raw)), (Poke(NAME, (raw,)),))
        if self.chance(0.7):
            self.add("accept4", (Fd(first), 0, 0, NONBLOCK), makes=RESULT, kind="unix")

    # --- calls on sockets ---

    def bind(self):
        fd = self.fd(*INET, "unix")
        pokes, address, length = self.name_in(self.kind(fd))
        self.add("bind", (fd, address, length), pokes)

    def connect(self):
        fd = self.fd(*INET, "unix")
        pokes, address, length = self.name_in(self.kind(fd))
        self.add("connect", (fd, address, length), pokes)

    def listen(self):
        self.add("listen", (self.fd("tcp", "unix"), self.pick(0, 0, 1, 2, 128, 5000, -1)))

    def accept(self):
        fd = self.fd("tcp", "unix")
        pokes, address, length = self.name_out()
        if self.chance(0.3):
            self.add("accept", (fd, address, length), pokes, RESULT, self.kind(fd))
        else:
            self.add(
                "accept4", (fd, address, length, self.pick(NONBLOCK, NONBLOCK, 0, CLOEXEC, 1, -1)), pokes, RESULT, self.kind(fd)
            )

    def getname(self):
        pokes, address, length = self.name_out()
        self.add(self.pick("getsockname", "getpeername"), (self.fd(*INET, "unix"), address, length), pokes)

    def shutdown(self):
        self.add("shutdown", (self.fd("tcp", "tcp", "unix", "udp"), self.pick(0, 1, 1, 2, 3, -1)))

    def data(self):
        """(pokes, address, length) of data to send."""
        size = self.one_of(SIZES)
        if self.chance(0.05):
            at = PAGE - self.pick(0, 1, 5, 8)
            return (), Ptr(at), self.pick(1, 5, 8, 9, 100)
        return (Poke(DATA, (letters(self.random, min(size, 24)), b"y" * max(0, size - 24))),), Ptr(DATA), size

    def send_flags(self):
        return self.one_of(SEND_FLAGS) if self.chance(0.97) else self.random.getrandbits(32)

    def receive_flags(self):
        return self.one_of(RECEIVE_FLAGS) if self.chance(0.97) else self.random.getrandbits(32)

    def send(self):
        fd = self.fd(*INET, "unix")
        pokes, address, length = self.data()
        if self.kind(fd) == "ping":
            pokes, address, length = (
                (Poke(DATA, (self.pick(b"\x08\0\0\0\0\0\0\1", b"\x08\0\0\0", b"\0" * 8, b"\x0d" + b"\0" * 15),)),),
                Ptr(DATA),
                self.pick(8, 8, 8, 4, 7, 16),
            )
        if self.chance(0.5):
            self.add("sendto", (fd, address, length, self.send_flags(), 0, 0), pokes)
        else:
            names, name, name_length = self.name_in(self.kind(fd))
            self.add("sendto", (fd, address, length, self.send_flags(), name, name_length), (*pokes, *names))

    def receive_room(self):
        size = self.pick(0, 1, 3, 10, 100, 500, 2000, 2000)
        if self.chance(0.05):
            return Ptr(PAGE - self.pick(0, 1, 5, 8)), self.pick(1, 5, 8, 9, 100)
        return Ptr(DATA), size

    def receive(self):
        fd = self.fd(*INET, "unix")
        pokes, name, name_length = self.name_out()
        address, size = self.receive_room()
        self.add("recvfrom", (fd, address, size, self.receive_flags(), name, name_length), pokes)

    def vector(self, sending):
        """(pokes, address, count) of an iovec."""
        count = self.pick(1, 1, 1, 2, 3, 4, 0)
        pairs = []
        at = DATA
        for _ in range(count):
            size = self.pick(0, 1, 3, 10, 100, 300)
            pairs.append(
                (Ptr(at), size) if self.chance(0.94) else (wild(self.random), self.pick(0, 1, 8, 1 << 62, -1, 0x7FFFFFFF))
            )
            at += size
        pokes = [Poke(VECTOR, iovec(pairs))]
        if sending:
            pokes.append(Poke(DATA, (letters(self.random, 8), b"w" * (max(at - DATA, 8) - 8))))
        count = count if self.chance(0.95) else self.pick(0, 1024, 1025, -1, 1 << 31, 1 << 40)
        return tuple(pokes), Ptr(VECTOR), count

    def control_in(self):
        """The poke of control data to send, and its length."""
        if self.chance(0.45):
            return (), 0, 0
        parts = ()
        for _ in range(self.pick(1, 1, 1, 2)):
            parts += self.control_message()
        room = sum(len(part) if isinstance(part, bytes) else 4 for part in parts)
        length = room if self.chance(0.9) else self.pick(0, 1, 8, 15, 16, 17, room - 1, room + 8, 1 << 40, -1)
        return (Poke(CONTROL, parts),), Ptr(CONTROL), length

    def control_message(self):
        length = None if self.chance(0.92) else self.pick(0, 1, 15, 16, 17, 19, 1 << 40, -1)
        what = self.random.randrange(8)
        if what < 2:
            fds = [
                fd if isinstance(fd, Fd) else struct.pack("<i", fd & 0x7FFFFFFF)
                for fd in (self.fd() for _ in range(self.pick(1, 1, 2, 3)))
            ]
            return cmsg(options.SOL_SOCKET, 1, fds, length)
        if what == 2:
            return cmsg(options.SOL_IP, 2, (struct.pack("<i", self.pick(1, 64, 255, 0, 256, -1)),), length)
        if what == 3:
            return cmsg(options.SOL_IP, 1, (self.pick(b"\x10\0\0\0", b"\x10", b"\0\1\0\0", b"\xff\xff\xff\xff", b"ab"),), length)
        if what == 4:
            info = struct.pack("<i", self.pick(0, 1, 1, 99, -1)) + self.address().to_bytes(4, "big") + bytes(4)
            return cmsg(options.SOL_IP, 8, (info[: self.pick(12, 12, 12, 8)],), length)
        if what == 5:
            return cmsg(options.SOL_UDP, 103, (struct.pack("<H", self.pick(0, 1, 10, 500, 65535)),), length)
        if what == 6:
            return cmsg(options.SOL_SOCKET, self.pick(2, 3, 36, 37, 61, 99), (struct.pack("<i", self.pick(0, 1, 7)),), length)
        return cmsg(self.one_of(options.LEVELS), self.random.randrange(70), (bytes(self.pick(0, 1, 4, 8, 12)),), length)

    def header(self, fd, sending):
        """The pokes of a struct msghdr and all behind it."""
        vectors, vector, count = self.vector(sending)
        if sending:
            controls, control, control_length = self.control_in()
            names, name, name_length = self.name_in(self.kind(fd)) if self.chance(0.4) else ((), 0, 0)
        else:
            control, control_length = self.pick(
                (Ptr(CONTROL), CONTROL_ROOM), (Ptr(CONTROL), self.pick(0, 8, 15, 16, 20, 24, 32, 40)), (0, 0), (0, 64)
            )
            controls = ()
            names, name, name_length = (), self.pick(0, Ptr(OUT), Ptr(OUT)), self.pick(16, 16, 128, 0, 1, 8, -1, 1000)
        if self.chance(0.05):
            name = wild(self.random)
        if self.chance(0.04):
            control = wild(self.random)
        parts = msghdr(name, name_length, vector, count, control, control_length, self.pick(0, 0, 0, -1, 0x40))
        return *vectors, *controls, *names, Poke(HEADER, parts)

    def sendmsg(self):
        fd = self.fd(*INET, "unix", "unix")
        self.add("sendmsg", (fd, Ptr(HEADER), self.send_flags()), self.header(fd, True))

    def recvmsg(self):
        fd = self.fd(*INET, "unix", "unix")
        pokes = self.header(fd, False)
        self.add("recvmsg", (fd, Ptr(HEADER), self.receive_flags()), pokes)

    def many(self):
        """sendmmsg and recvmmsg: the first header is good, a second one repeats it."""
        sending = self.chance(0.5)
        fd = self.fd(*INET, "unix")
        pokes = self.header(fd, sending)
        first = pokes[-1].parts
        pokes = (*pokes[:-1], Poke(HEADER, (*first, bytes(MMSGHDR_SIZE - MSGHDR_SIZE), *first, bytes(8))))
        count = self.pick(0, 1, 2, 2, 2, 1025, -1)
        if sending:
            self.add("sendmmsg", (fd, Ptr(HEADER), count, self.send_flags()), pokes)
        else:
            timeout = self.pick(0, 0, 0, Ptr(SMALL))
            spec = Poke(SMALL, (struct.pack("<qq", self.pick(0, 0, 1, -1), self.pick(0, 10**8, -1, 10**9)),))
            self.add(
                "recvmmsg", (fd, Ptr(HEADER), count, self.receive_flags(), timeout), (*pokes, spec), masks=((SMALL, 16),)
            )

    def setsockopt(self):
        fd = self.fd(*INET, "unix")
        key = options.choose(self.random, LEVELS_OF.get(self.kind(fd), (options.SOL_SOCKET,)))
        raw, length = options.value_of(self.random, key, self.own())
        self.add("setsockopt", (fd, *key, Ptr(DATA), length), (Poke(DATA, (raw,)),))
        if self.chance(0.5):
            self.getsockopt(fd, key)

    def getsockopt(self, fd=None, key=None):
        fd = fd or self.fd(*INET, "unix")
        key = key or options.choose(self.random, LEVELS_OF.get(self.kind(fd), (options.SOL_SOCKET,)))
        room = self.pick(4, 4, 4, 4, 16, 64, 1000) if self.chance(0.8) else self.pick(0, 1, 2, 3, 5, 7, 8, 12, -1, 0x7FFFFFFF)
        self.add("getsockopt", (fd, *key, Ptr(DATA), Ptr(OUT_LENGTH)), (length_poke(OUT_LENGTH, room),))

    # --- calls on any file ---

    def read(self):
        fd = self.fd("pipe_in", "tcp", "udp", "unix", "event", "timer")
        address, size = self.receive_room()
        self.add("read", (fd, address, size if self.chance(0.95) else self.pick(-1, 1 << 47)))

    def write(self):
        fd = self.fd("pipe_out", "pipe_out", "tcp", "udp", "unix", "event")
        pokes, address, length = self.data()
        if self.kind(fd) == "event":
            pokes, length = (
                (Poke(DATA, (struct.pack("<Q", self.pick(0, 1, 5, (1 << 64) - 2, (1 << 64) - 1)),)),),
                self.pick(8, 8, 8, 4, 16),
            )
        self.add("write", (fd, address, length), pokes)

    def readv(self):
        fd = self.fd("pipe_in", "tcp", "udp", "unix", "event")
        pokes, address, count = self.vector(False)
        self.add("readv", (fd, address, count), pokes)

    def writev(self):
        fd = self.fd("pipe_out", "tcp", "udp", "unix", "event")
        pokes, address, count = self.vector(True)
        self.add("writev", (fd, address, count), pokes)

    def positioned(self):
        call = self.pick("pread64", "pwrite64", "lseek")
        if call == "lseek":
            self.add(call, (self.fd(), self.pick(0, 1, -1), self.pick(0, 1, 2, 3, 9)))
        elif self.has(call):
            self.add(call, (self.fd(), Ptr(DATA), self.pick(0, 1, 10), self.pick(0, 5, -1)))

    def close(self):
        fd = self.fd()
        if fd not in (0, 1, 2):
            self.add("close", (fd,))

    def dup(self):
        fd = self.fd()
        call = self.pick("dup", "dup2", "dup3")
        rest = {
            "dup": (),
            "dup2": (self.pick(9, 10, self.fd(), 1024, -1),),
            "dup3": (self.pick(9, 10, self.fd(), -1), self.pick(0, CLOEXEC, 1)),
        }[call]
        self.add(call, (fd, *rest), makes=RESULT, kind=self.kind(fd))

    def fcntl(self):
        command = self.one_of(FCNTLS)
        values = {
            4: self.one_of(STATUS), 2: self.pick(0, 1, 3), 0: self.pick(0, 8, 20, 1024, -1), 1030: self.pick(0, 8, 1024, -1),
            10: self.pick(0, 1, 29, 65, -1), 8: self.pick(0, -(1 << 31), 99999),
            1031: self.pick(4096, 65536, 0, 1, 1 << 20, -1),
        }  # fmt: skip
        value = values.get(command, Ptr(SMALL))
        makes = RESULT if command in (0, 1030) else NOTHING
        fd = self.fd()
        self.add("fcntl", (fd, command, value), (Poke(SMALL, (bytes(32),)),), makes=makes, kind=self.kind(fd))

    def ioctl(self):
        request = self.one_of(REQUESTS)
        raw = self.pick(
            struct.pack("<i", self.pick(0, 1, 5, -1)), b"lo".ljust(40, b"\0"), b"none".ljust(40, b"\0"), bytes(40), b"x" * 40
        )
        masks = ((SMALL, 16),) if request in (0x8906, 0x8907) else ()
        self.add("ioctl", (self.fd(), request, Ptr(SMALL)), (Poke(SMALL, (raw,)),), masks=masks)

    def poll(self):
        count = self.pick(1, 1, 2, 3, 4)
        parts = []
        for _ in range(count):
            fd = self.fd()
            parts += [
                fd if isinstance(fd, Fd) else struct.pack("<i", self.pick(-1, 99, fd & 0x7FFFFFFF)),
                struct.pack("<hh", self.one_of(POLL_EVENTS), 0x55),
            ]
        pokes = [Poke(SMALL, tuple(parts))]
        count = count if self.chance(0.95) else self.pick(0, 1025, -1)
        if self.has("ppoll") and self.chance(0.3):
            pokes.append(
                Poke(DATA, (struct.pack("<qqQ", self.pick(0, 0, 0, -1), self.pick(0, 1000000, -1, 10**9), self.pick(0, 0x800)),))
            )
            self.add(
                "ppoll",
                (Ptr(SMALL), count, self.pick(Ptr(DATA), Ptr(DATA), 0), self.pick(0, 0, Ptr(DATA + 16)), self.pick(8, 8, 4)),
                pokes,
                masks=((DATA, 16),),
            )
        else:
            self.add("poll", (Ptr(SMALL), count, self.one_of(TIMEOUTS)), pokes)

    def select(self):
        sets = [self.random.choice((0, 0x7F8, 0xFF8, 1 << 63)) for _ in range(3)]
        high = self.pick(0, 8, 12, 64, 1024, -1, 70000)
        pokes = (
            Poke(SMALL, (struct.pack("<QQQ", *sets),)),
            Poke(DATA, (struct.pack("<qq", self.pick(0, 0, 0, -1), self.pick(0, 1000, -1, 10**6)),)),
        )
        readable, writable, failed = (Ptr(SMALL + 8 * at) if self.chance(0.7) else 0 for at in range(3))
        if high > 64:
            readable = writable = failed = 0
        self.add("select", (high, readable, writable, failed, Ptr(DATA)), pokes, masks=((DATA, 16),))

    def epoll_ctl(self):
        epoll = self.fd("epoll")
        event = struct.pack("<IQ", self.one_of(EPOLL_EVENTS), self.pick(1, 7, 1 << 40))
        self.add(
            "epoll_ctl",
            (epoll, self.pick(1, 1, 1, 2, 3, 3, 0, 4), self.fd(), Ptr(SMALL) if self.chance(0.97) else 0),
            (Poke(SMALL, (event,)),),
        )

    def epoll_wait(self):
        count = self.pick(1, 2, 8, 8, 0, -1, 1 << 30)
        if self.has("epoll_pwait") and self.chance(0.2):
            self.add("epoll_pwait", (self.fd("epoll"), Ptr(SMALL), count, self.one_of(TIMEOUTS), 0, self.pick(8, 8, 4)))
        else:
            self.add("epoll_wait", (self.fd("epoll"), Ptr(SMALL), count, self.one_of(TIMEOUTS)))

    def sendfile(self):
        self.add(
            "sendfile",
            (self.fd("tcp", "unix", "pipe_out"), self.fd(), self.pick(0, 0, Ptr(SMALL)), self.pick(0, 1, 10, 1000, -1)),
            (Poke(SMALL, (bytes(8),)),),
        )

    def splice(self):
        flags = self.pick(0, 2, 2, 1, 4, 8, 16, -1)
        call = self.pick("splice", "splice", "tee")
        if call == "tee" and self.has("tee"):
            self.add(call, (self.fd("pipe_in"), self.fd("pipe_out"), self.pick(0, 1, 100), flags))
        elif self.has("splice"):
            first, second = (("pipe_in",), ("tcp", "unix")) if self.chance(0.5) else (("tcp", "unix"), ("pipe_out",))
            offsets = self.pick(0, 0, 0, Ptr(SMALL)), self.pick(0, 0, 0, Ptr(SMALL))
            arguments = (self.fd(*first), offsets[0], self.fd(*second), offsets[1], self.pick(0, 1, 10, 1000), flags)
            self.add("splice", arguments, (Poke(SMALL, (bytes(8),)),))

    def timerfd_settime(self):
        spec = struct.pack(
            "<qqqq", self.pick(0, 0, -1), self.pick(0, 1000000, 10**9), self.pick(0, 0, 1000, -1),
            self.pick(0, 10**8, 1000000, 10**9),
        )  # fmt: skip
        self.add(
            "timerfd_settime",
            (self.fd("timer"), self.pick(0, 0, 1, 2, 4), Ptr(DATA), self.pick(0, Ptr(SMALL))),
            (Poke(DATA, (spec,)),),
            masks=((SMALL, 32),),
        )

    def signal(self):
        """Interrupt the other task, so that its call is restarted or not."""
        self.add(SIGNAL, (self.pick(0, 1),))

    def sleep(self):
        self.add(SLEEP, (self.pick(1, 3) * 1_000_000,))

    def garbage(self):
        """Any call with any arguments; pointers only where they are ones."""
        call = self.one_of([name for name in self.table if name not in NOT_AT_RANDOM])
        _, number, sub = self.table[call]
        ints = SOCKETCALL_INTS[sub] if sub else INT_ARGUMENTS.get(number, 0)
        arguments = []
        for position in range(6):
            options = [self.fd(), self.one_of(NUMBERS)]
            if position in (1, 3) and not ints >> position & 1:
                options.append(Ptr(self.pick(0, DATA, SMALL, PAGE - 8, PAGE)))
            arguments.append(self.one_of(options))
        self.add(call, arguments, masks=((0, PAGE),))


SETTINGS = (
    (Maker.set_tcp, 5), (Maker.set_udp, 4), (Maker.set_raw, 2), (Maker.set_unix, 3), (Maker.make_unix_pair, 3),
    (Maker.make_pipe, 2), (Maker.make_socket, 2), (Maker.make_strange_socket, 1),
)  # fmt: skip
CALLS = (
    ("bind", 2, Maker.bind), ("connect", 3, Maker.connect), ("listen", 1, Maker.listen), ("accept4", 2, Maker.accept),
    ("getsockname", 2, Maker.getname), ("shutdown", 2, Maker.shutdown), ("sendto", 6, Maker.send),
    ("recvfrom", 6, Maker.receive), ("sendmsg", 4, Maker.sendmsg), ("recvmsg", 4, Maker.recvmsg),
    ("sendmmsg", 1, Maker.many), ("setsockopt", 6, Maker.setsockopt), ("getsockopt", 2, Maker.getsockopt),
    ("read", 2, Maker.read), ("write", 2, Maker.write), ("readv", 1, Maker.readv), ("writev", 1, Maker.writev),
    ("lseek", 1, Maker.positioned), ("close", 2, Maker.close), ("dup", 1, Maker.dup), ("fcntl", 2, Maker.fcntl),
    ("ioctl", 3, Maker.ioctl), ("poll", 2, Maker.poll), ("select", 1, Maker.select),
    ("epoll_ctl", 2, Maker.epoll_ctl), ("epoll_wait", 2, Maker.epoll_wait), ("sendfile", 1, Maker.sendfile),
    ("splice", 1, Maker.splice), ("timerfd_settime", 1, Maker.timerfd_settime), ("nothing", 1, Maker.sleep),
    ("nothing", 1, Maker.garbage), ("socket", 1, Maker.make_socket), ("socket", 1, Maker.make_strange_socket),
    ("socketpair", 1, Maker.make_unix_pair), ("pipe2", 1, Maker.make_pipe), ("epoll_create1", 1, Maker.make_epoll),
    ("eventfd2", 1, Maker.make_eventfd), ("timerfd_create", 1, Maker.make_timerfd),
)  # fmt: skip


# With two tasks: what one of them may sleep in, and what the other does meanwhile.
SLEEPERS = (
    Maker.accept, Maker.accept, Maker.receive, Maker.receive, Maker.recvmsg, Maker.read, Maker.readv, Maker.poll, Maker.select,
    Maker.epoll_wait, Maker.connect, Maker.send, Maker.splice,
)  # fmt: skip
STIRRERS = (
    Maker.close, Maker.close, Maker.shutdown, Maker.shutdown, Maker.send, Maker.send, Maker.write, Maker.sendmsg, Maker.connect,
    Maker.connect, Maker.signal, Maker.dup, Maker.setsockopt, Maker.epoll_ctl, Maker.receive, Maker.bind, Maker.listen,
    Maker.timerfd_settime, Maker.sleep,
)  # fmt: skip
ROUNDS = 4
# Of a hundred sequences, how many have two tasks.
TOGETHER = 5


class Generator:
    """Sequences of one seed, by number."""

    def __init__(self, seed):
        self.seed = seed
        self.table = numbers()
        calls = [(make, weight) for name, weight, make in CALLS if name == "nothing" or name in self.table]
        self.calls = [make for make, weight in calls for _ in range(weight)]
        self.settings = [make for make, weight in SETTINGS for _ in range(weight)]

    def make(self, number):
        """The sequence of that number."""
        maker = Maker(self.seed, number, self.table, number % 100 < TOGETHER)
        maker.one_of(self.settings)(maker)
        if maker.chance(0.2):
            maker.one_of(self.settings)(maker)
        if maker.chance(0.12):
            maker.make_epoll()
        if maker.together:
            self.make_rounds(maker)
        else:
            for _ in range(maker.random.randint(LEAST_STEPS, MOST_STEPS)):
                maker.one_of(self.calls)(maker)
        return Sequence(number, tuple(maker.steps))

    def make_rounds(self, maker):
        """One task goes to sleep, the other one stirs."""
        for _ in range(maker.random.randint(1, ROUNDS)):
            maker.task = maker.random.randrange(2)
            maker.one_of(SLEEPERS)(maker)
            maker.task = 1 - maker.task
            for _ in range(maker.random.randint(1, 3)):
                maker.one_of(STIRRERS)(maker)
