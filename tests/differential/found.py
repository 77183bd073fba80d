"""Differences that the differential test has found, by name: a short sequence each, with Linux's answers."""

import struct

from .sequence import PAGE, PAIR, RESULT, Fd, Poke, Ptr, RoPtr, Sequence, Step
from .shapes import cmsg, iovec, msghdr, sockaddr_in, word

HERE = 0x7F000401


def sock(slot, kind, protocol=0, family=2):
    return Step("socket", (family, kind | 0o4000, protocol), makes=RESULT, slot=slot)


def at(offset, *parts):
    return Poke(offset, parts)


def inet(call, slot, address, port, length=16, family=2):
    return Step(call, (Fd(slot), Ptr(0), length), (at(0, sockaddr_in(address, port, family)),))


def listening(port):
    """A listener in slot 0."""
    return sock(0, 1), inet("bind", 0, HERE, port), Step("listen", (Fd(0), 5))


def connection(port):
    """A listener in slot 0, a client in 1, the accepted socket in 2."""
    accept = Step("accept4", (Fd(0), 0, 0, 0o4000), makes=RESULT, slot=2)
    return (*listening(port), sock(1, 1), inet("connect", 1, HERE, port), accept)


CONNECTED = (3, 0, 0, 4, -115, 5)
ECHO_REPLY = Poke(0x100, (bytes(8),))
MESSAGE = (Poke(0x900, iovec([(Ptr(0x100), 10)])), Poke(0xC00, msghdr(0, 0, Ptr(0x900), 1, 0, 0)))

CONTROL = Poke(0xA00, (struct.pack("<qii", 5, 1, 1),))
BAD_CONTROL = (MESSAGE[0], CONTROL, Poke(0xC00, msghdr(0, 0, Ptr(0x900), 1, Ptr(0xA00), 16)))
EMPTY_MMSGHDR = (*msghdr(0, 0, Ptr(0x900), 1, 0, 0), bytes(8))
TWO_MESSAGES = (MESSAGE[0], Poke(0xC00, EMPTY_MMSGHDR + EMPTY_MMSGHDR))
GROUP, HOME = b"\xe0\0\0\1", b"\x7f\0\0\1"


def option(slot, level, name, value):
    return Step("setsockopt", (Fd(slot), level, name, Ptr(0), len(value)), (at(0, value),))


MSG_MORE = 0x8000
ECHO = b"\x08" + bytes(7)


def pipe(slot, flags=0o4000):
    return Step("pipe2", (Ptr(0), flags), makes=PAIR, slot=slot)


def pair(slot, kind, protocol=0):
    return Step("socketpair", (1, kind | 0o4000, protocol, Ptr(0)), makes=PAIR, slot=slot)


def eventfd(slot):
    return Step("eventfd2", (0, 0o4000), makes=RESULT, slot=slot)


def netlink(slot):
    return sock(slot, 2, 0, 16)


def get(slot, level, name, room=4):
    return Step("getsockopt", (Fd(slot), level, name, Ptr(0), Ptr(0x40)), (at(0x40, word(room)),))


def from_source(address, size=10):
    """The pokes of a message to HERE with a source address of its own (IP_PKTINFO)."""
    info = cmsg(0, 8, (bytes(4) + address.to_bytes(4, "big") + bytes(4),))
    header = msghdr(Ptr(0), 16, Ptr(0x900), 1, Ptr(0xA00), 32)
    return at(0, sockaddr_in(HERE, 9)), Poke(0x900, iovec([(Ptr(0x100), size)])), Poke(0xA00, info), Poke(0xC00, header)


def receive_control(slot, room, place=0xA00):
    header = Poke(0xC00, msghdr(0, 0, Ptr(0x900), 1, Ptr(place), room))
    return Step("recvmsg", (Fd(slot), Ptr(0xC00), 0), (Poke(0x900, iovec([(Ptr(0x100), 1)])), header))


# name: (steps, their results, what the last one changed or None for "not looked at").
FOUND = {
    "receiving nothing on an unconnected stream": (
        (sock(0, 1), Step("recvfrom", (Fd(0), Ptr(0x100), 0, 0, 0, 0))), (3, -107), (),
    ),
    "a short address does not matter to a listener": (
        (*listening(2001), inet("connect", 0, HERE, 2001, 8)), (3, 0, 0, -106), (),
    ),
    "the length of a name is stored even where its address is bad": (
        (sock(0, 2), Step("getsockname", (Fd(0), 8, Ptr(0x10)), (at(0x10, word(128)),))), (3, -14), ((0x10, b"\x10"),),
    ),
    "socketpair has its descriptors before it looks at the family": (
        (Step("socketpair", (0, 1, 0, Ptr(0)), makes=PAIR),), (-97,), ((0, struct.pack("<ii", 3, 4)),),
    ),
    "a type is an int": ((sock(0, 1 << 40),), (-94,), ()),
    "protocols up to MPTCP's are numbers": ((sock(0, 1, 256),), (-93,), ()),
    "a bad buffer comes before a closed descriptor": ((Step("sendto", (-1, 1 << 62, 10, 0, 0, 0)),), (-14,), ()),
    "reading as much as there is no memory for": ((sock(0, 2), Step("read", (Fd(0), Ptr(0), -1))), (3, -14), ()),
    "writing a vector of nothing": (
        (sock(0, 1), Step("writev", (Fd(0), Ptr(0x900), 1), (at(0x900, *iovec([(Ptr(0), 0)])),))), (3, 0), (),
    ),
    "the name of a raw socket has its protocol": (
        (sock(0, 3, 253), Step("getsockname", (Fd(0), Ptr(0), Ptr(0x20)), (at(0x20, word(16)),))), (3, 0),
        ((0, b"\x02\0\0\xfd" + bytes(12)),),
    ),
    "a raw socket binds whatever the family": ((sock(0, 3, 253), inet("bind", 0, HERE, 0, family=10)), (3, 0), ()),
    "a ping that is no request": ((sock(0, 2, 1), Step("write", (Fd(0), Ptr(0x100), 8), (ECHO_REPLY,))), (3, -22), ()),
    "an ICMP message without type and code": (
        (sock(0, 3, 1), inet("connect", 0, HERE, 0), Step("write", (Fd(0), Ptr(0x100), 0))), (3, 0, -14), (),
    ),
    "MSG_PROBE sends nothing": (
        (sock(0, 2), inet("bind", 0, HERE, 2002), inet("connect", 0, HERE, 2002),
         Step("sendto", (Fd(0), Ptr(0x100), 10, 0x10, 0, 0)), Step("read", (Fd(0), Ptr(0x100), 10))),
        (3, 0, 0, 10, -11), (),
    ),
    "lo has a broadcast address": (
        (sock(0, 2), Step("sendto", (Fd(0), Ptr(0x100), 1, 0, Ptr(0), 16), (at(0, sockaddr_in(0x7FFFFFFF, 9)),))), (3, -13), (),
    ),
    "of 0.0.0.0/8 only the first address is special": ((sock(0, 2), inet("bind", 0, 1, 2003)), (3, -99), ()),
    "an unknown level is no option to get": (
        (sock(0, 1), Step("getsockopt", (Fd(0), 41, 1, Ptr(0), Ptr(8)), (at(8, word(4)),))), (3, -95), (),
    ),
    "a value longer than the memory behind it": (
        (sock(0, 1), Step("setsockopt", (Fd(0), 1, 2, Ptr(PAGE - 4), 1000), (at(PAGE - 4, word(1)),))), (3, 0), (),
    ),
    "a closed descriptor comes before accept4's flags": ((Step("accept4", (-1, 0, 0, 1)),), (-9,), ()),
    "recvmsg says MSG_CMSG_CLOEXEC again": (
        (sock(0, 2), inet("bind", 0, HERE, 2004), inet("connect", 0, HERE, 2004), Step("write", (Fd(0), Ptr(0x100), 0)),
         Step("recvmsg", (Fd(0), Ptr(0xC00), 0x40000000), MESSAGE)),
        (3, 0, 0, 0, 0), ((0xC33, b"\x40"),),
    ),
    "recvmmsg of no messages": ((sock(0, 2), Step("recvmmsg", (Fd(0), Ptr(0), 0, 0, 0))), (3, 0), ()),
    "an eventfd takes eight bytes": (
        (Step("eventfd2", (0, 0o4000), makes=RESULT), Step("write", (Fd(0), Ptr(0x100), 10))), (3, -22), (),
    ),
    "a datagram's bytes are read before its receiver is looked for": (
        (sock(0, 2, family=1), Step("sendto", (Fd(0), Ptr(PAGE - 1), 8, 0, 0, 0))), (3, -14), (),
    ),
    "a poll that is interrupted has seen nothing": (
        (Step("poll", (Ptr(0), 1, -1), (at(0, struct.pack("<ihh", -1, 1, 0x55)),)),), (-4,), ((6, b"\0"),),
    ),
    "without waiting a raw socket does not see that it is shut": (
        (sock(0, 3, 253), Step("shutdown", (Fd(0), 0)), Step("read", (Fd(0), Ptr(0), 10))), (3, -107, -11), (),
    ),
    "sending takes a port even where it fails": (
        (sock(0, 2), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), MESSAGE), inet("bind", 0, HERE, 2005)), (3, -89, -22), (),
    ),
    "what has an address is written before the fault": (
        (*connection(2006), Step("sendto", (Fd(1), Ptr(0x100), 9, 0, 0, 0), (at(0x100, b"abcdefghi"),)),
         Step("recvfrom", (Fd(2), Ptr(PAGE - 5), 9, 0, 0, 0))),
        (*CONNECTED, 9, -14), ((PAGE - 5, b"abcde"),),
    ),
    "lseek looks at whence first": ((sock(0, 1), Step("lseek", (Fd(0), 0, 9))), (3, -22), ()),
    "a multicast route by an address of a local subnet": (
        (sock(0, 2), inet("bind", 0, HERE, 2007), inet("connect", 0, 0xE0000001, 9)), (3, 0, 0), (),
    ),
    "select counts a million microseconds as a second": (
        (Step("select", (0, 0, 0, 0, Ptr(0)), (at(0, struct.pack("<qq", -1, 1000000)),)),), (0,), None,
    ),
    "epoll_wait looks at the buffer before the file": ((sock(0, 2), Step("epoll_wait", (Fd(0), -2, 1, 0))), (3, -14), ()),
    "pipe2 at a bad address leaves no descriptor": ((Step("pipe2", (-1, 0o4000)), sock(0, 2)), (-14, 3), ()),
    "raw sockets share their protocol": (
        (sock(0, 3, 253), Step("getsockopt", (Fd(0), 1, 2, Ptr(0), Ptr(8)), (at(0, bytes(4)), at(8, word(4))))), (3, 0),
        ((0, b"\1"),),
    ),
    "an ARP entry of another family": ((sock(0, 2), Step("ioctl", (Fd(0), 0x8954, Ptr(0)), (at(0, bytes(68)),))), (3, -96), ()),
    "connect looks at the address before the kind of file": ((Step("connect", (0, Ptr(0), 255)),), (-22,), ()),
    "of a vector's count 32 bits matter": ((sock(0, 2), Step("readv", (Fd(0), Ptr(0), -(1 << 63)))), (3, 0), ()),
    "a datagram that could not be stored is gone": (
        (Step("socketpair", (1, 2 | 0o4000, 0, Ptr(0)), makes=PAIR), Step("write", (Fd(0), Ptr(0x100), 9)),
         Step("read", (Fd(1), 8, 9)), Step("read", (Fd(1), Ptr(0x100), 9))),
        (0, 9, -14, -11), (),
    ),
    "an interface list with less than no room": (
        (sock(0, 2), Step("ioctl", (Fd(0), 0x8912, Ptr(0)), (at(0, word(-1), bytes(4), Ptr(0x100)),))), (3, 0),
        ((0, bytes(4)),),
    ),
    "an IP option's length is stored before its value": (
        (sock(0, 2), Step("getsockopt", (Fd(0), 0, 49, 0, Ptr(8)), (at(8, word(2)),))), (3, -14), ((8, b"\1"),),
    ),
    "a value that is meant to be too short": ((sock(0, 1), Step("setsockopt", (Fd(0), 1, 10, 0, 1))), (3, -22), ()),
    "nothing of a bad buffer goes into a pipe": (
        (Step("pipe2", (Ptr(0), 0o4000), makes=PAIR), Step("write", (Fd(1), Ptr(PAGE - 8), 9))), (0, -14), (),
    ),
    "an epoll descriptor can not be written, not even nothing": (
        (Step("epoll_create1", (0,), makes=RESULT), Step("writev", (Fd(0), Ptr(0), 0)), Step("read", (Fd(0), 1 << 62, 1))),
        (3, -22, -22), (),
    ),
    "a Unix socket has no stamps to ask for": ((sock(0, 1, family=1), Step("ioctl", (Fd(0), 0x8906, Ptr(0)))), (3, -25), ()),
    "a pipe of packets": (
        (Step("pipe2", (Ptr(0), 0o44000), makes=PAIR), Step("write", (Fd(1), Ptr(0x100), 3)),
         Step("write", (Fd(1), Ptr(0x100), 4)), Step("read", (Fd(0), Ptr(0x100), 2)), Step("read", (Fd(0), Ptr(0x100), 10))),
        (0, 3, 4, 2, 4), None,
    ),
    "a socket has no bytes for sendfile, not even none": (
        (sock(0, 3, 254), Step("sendfile", (Fd(0), Fd(0), 0, 0))), (3, -22), (),
    ),
    "a pipe takes nothing from whatever file": (
        (Step("pipe2", (Ptr(0), 0o4000), makes=PAIR), sock(2, 1), Step("sendfile", (Fd(1), Fd(2), 0, 0))), (0, 5, 0), (),
    ),
    "sendfile looks at the count before the target": ((sock(0, 3, 254), Step("sendfile", (-1, Fd(0), 0, -1))), (3, -22), ()),
    "an eventfd has no bytes for sendfile": (
        (Step("eventfd2", (0, 0o4000), makes=RESULT), sock(1, 1, family=1), Step("sendfile", (Fd(1), Fd(0), 0, 10))),
        (3, 4, -22), (),
    ),
    "splice looks at its offsets before the files": (
        (Step("epoll_create1", (0,), makes=RESULT), sock(1, 1, family=1), Step("splice", (Fd(0), -8, Fd(1), 0, 10, 0))),
        (3, 4, -14), (),
    ),
    "a pipe that does not wait does not wait in splice": (
        (Step("pipe2", (Ptr(0), 0o4000), makes=PAIR), sock(2, 2), Step("splice", (Fd(0), 0, Fd(2), 0, 10, 0))), (0, 5, -11), (),
    ),
    "the flags of splice are an int": (
        (Step("pipe2", (Ptr(0), 0o4000), makes=PAIR), sock(2, 2), Step("splice", (Fd(0), 0, Fd(2), 0, 10, 1 << 32))),
        (0, 5, -11), (),
    ),
    "vmsplice looks at the vector before the kind of file": (
        (sock(0, 2), Step("vmsplice", (Fd(0), Ptr(0), 1, 0), (at(0, *iovec([(Ptr(0), -1)])),))), (3, -22), (),
    ),
    "the owner of a socket by ioctl": ((sock(0, 2), Step("ioctl", (Fd(0), 0x8904, Ptr(0)))), (3, 0), ((0, bytes(4)),)),
    "an owner that does not exist": ((sock(0, 2), Step("ioctl", (Fd(0), 0x8902, Ptr(0)), (at(0, word(1 << 29)),))), (3, -3), ()),
    "an eventfd has no places to read at": (
        (Step("eventfd2", (0, 0o4000), makes=RESULT), Step("pread64", (Fd(0), Ptr(0x100), 10, 5))), (3, -29), (),
    ),
    "pread of more than there are addresses": ((Step("pread64", (0, Ptr(0), 1 << 47, 0)),), (-14,), ()),
    "a route of another family comes before its device": (
        (sock(0, 2), Step("ioctl", (Fd(0), 0x890B, Ptr(0)), (at(0, bytes(88), b"\xff" * 8, bytes(24)),))), (3, -97), (),
    ),
    "radio frames": ((sock(0, 1), option(0, 1, 41, word(1))), (3, 0), ()),
    "frames without a check sequence": ((sock(0, 1, family=1), option(0, 1, 43, word(1))), (3, 0), ()),
    "an unset linger has no time": (
        (sock(0, 1), option(0, 1, 13, word(0) + word(5)),
         Step("getsockopt", (Fd(0), 1, 13, Ptr(0), Ptr(0x40)), (at(0x40, word(8)),))), (3, 0, 0), ((0, bytes(8)),),
    ),
    "every file has blocks": ((sock(0, 1), Step("ioctl", (Fd(0), 2, Ptr(0)))), (3, 0), ((0, word(4096)),)),
    "a request of no socket's reads its interface": ((sock(0, 3, 254), Step("ioctl", (Fd(0), 0x8905, -4096))), (3, -14), ()),
    "what has no places does not look at the vector": ((sock(0, 1), Step("preadv", (Fd(0), -8, 7, 2))), (3, -29), ()),
    "labels of a Unix socket": ((sock(0, 1, family=1), option(0, 1, 34, word(0))), (3, 0), ()),
    "no labels are passed": ((sock(0, 2), option(0, 1, 34, word(1))), (3, -95), ()),
    "IP's labels": ((sock(0, 2), option(0, 0, 18, word(1))), (3, 0), ()),
    "Unix sockets share no port": ((sock(0, 1, family=1), option(0, 1, 15, word(1))), (3, -95), ()),
    "the name of a device needs its room": (
        (sock(0, 2), option(0, 1, 25, b"lo".ljust(16, b"\0")),
         Step("getsockopt", (Fd(0), 1, 25, Ptr(0), Ptr(0x40)), (at(0x40, word(4)),))), (3, 0, -22), (),
    ),
    "router alerts are for raw sockets": ((sock(0, 1), option(0, 0, 5, word(1))), (3, -22), ()),
    "thin streams": ((sock(0, 1), option(0, 6, 17, word(2))), (3, -22), ()),
    "no encapsulation": ((sock(0, 2), option(0, 17, 100, word(0))), (3, 0), ()),
    "a stream joins no group": ((sock(0, 1), option(0, 0, 35, GROUP + HOME + bytes(4))), (3, -71), ()),
    "a stream has the sources of a group": ((sock(0, 1), option(0, 0, 39, GROUP + HOME + b"\1\2\3\4")), (3, 0), ()),
    "all of a loopback subnet is the device's": (
        (sock(0, 2), option(0, 0, 38, GROUP + b"\x7f\1\2\3\1\2\3\4")), (3, -22), (),
    ),
    "to leave a group on a device that is not there": (
        (sock(0, 2), option(0, 0, 36, GROUP + HOME + b"\xff" * 4)), (3, -99), (),
    ),
    "an unconnected stream comes before a bad control message": (
        (sock(0, 1), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), BAD_CONTROL)), (3, -32), (),
    ),
    "an unconnected Unix socket comes before a bad control message": (
        (sock(0, 5, family=1), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), BAD_CONTROL)), (3, -107), (),
    ),
    "sendmmsg ends with a message of which something is left": (
        (sock(0, 2), inet("bind", 0, HERE, 2008), inet("connect", 0, HERE, 2008),
         Step("sendmmsg", (Fd(0), Ptr(0xC00), 2, 0x10), TWO_MESSAGES)), (3, 0, 0, 1), None,
    ),
    "less than an ICMP header is no ICMP message": (
        (sock(0, 3, 1), inet("connect", 0, HERE, 0), Step("write", (Fd(0), Ptr(0x100), 3)), Step("read", (Fd(0), Ptr(0), 99))),
        (3, 0, 3, -11), (),
    ),
    "/dev/null has no bytes for sendfile": (
        (pipe(0), Step("sendfile", (Fd(1), 1, 0, 1)), Step("close", (Fd(0),)), Step("sendfile", (Fd(1), 1, 0, 0))),
        (0, -22, 0, -32), (),
    ),
    "an eventfd has none for a pipe either": (
        (pipe(0, 0), eventfd(2), Step("sendfile", (Fd(1), Fd(2), 0, 10)), Step("splice", (Fd(0), 0, Fd(2), 0, 10, 0))),
        (0, 5, -22, -22), (),
    ),
    "a stream without a connection comes before a pipe that waits": (
        (sock(0, 1), sock(1, 1, family=1), pipe(2), Step("splice", (Fd(0), 0, Fd(3), 0, 10, 0)),
         Step("splice", (Fd(1), 0, Fd(3), 0, 10, 0))), (3, 4, 0, -107, -22), (),
    ),
    "sendfile stores its offset whatever happens": ((Step("sendfile", (-1, -1, RoPtr(0), 10)),), (-14,), ()),
    "what could not be copied out of a pipe stays in it": (
        (pipe(0), Step("write", (Fd(1), Ptr(0), 9), (at(0, b"abcdefghi"),)), Step("read", (Fd(0), Ptr(PAGE - 5), 9)),
         Step("read", (Fd(0), Ptr(0), 9))), (0, 9, -14, 9), ((0, b"abcdefghi"),),
    ),
    "each buffer is a write to an eventfd": (
        (eventfd(0), Step("writev", (Fd(0), Ptr(0x900), 2), (at(0x900, *iovec([(Ptr(0), 1), (Ptr(1), 7)])),)),
         Step("writev", (Fd(0), Ptr(0x900), 2), (at(0, bytes(16)), at(0x900, *iovec([(Ptr(0), 8), (Ptr(8), 8)]))))),
        (3, -22, 16), (),
    ),
    "the end of the positions": ((Step("pread64", (0, Ptr(0), 1, (1 << 63) - 1)),), (-22,), ()),
    "of every vector's count 32 bits matter": (
        (Step("preadv", (0, Ptr(0), 1 << 40, 5)), Step("vmsplice", (1, Ptr(0), 1 << 40, 0))), (0, 0), (),
    ),
    "the end of a pipe has no places": ((pipe(0), Step("preadv", (Fd(1), Ptr(0), 1, 5))), (0, -29), ()),
    "fcntl's number is an int": (
        (pipe(0), Step("fcntl", (Fd(0), -(1 << 63), 1 << 47)), Step("fcntl", (Fd(0), 10, 1 << 47))), (0, 5, 0), (),
    ),
    "poll looks at the address of nothing": ((Step("poll", (-1, 0, 0)),), (-14,), ()),
    "an int is stored whole or not at all": (
        (sock(0, 2), sock(1, 2, family=1), Step("ioctl", (Fd(0), 0x541B, Ptr(PAGE - 3))),
         Step("ioctl", (Fd(1), 0x541B, Ptr(PAGE - 3)))), (3, 4, -14, -14), (),
    ),
    "a source that is not ours has no route": (
        (sock(0, 2), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), from_source(0x08080808))), (3, -101), (),
    ),
    "a group is nobody's source": (
        (sock(0, 2), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), from_source(0xE0000001))), (3, -22), (),
    ),
    "a raw ICMP message is looked at before its route": (
        (sock(0, 3, 1), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), from_source(0x08080808, 1))), (3, -14), (),
    ),
    "raw packets can be held back": (
        (sock(0, 3, 253), inet("bind", 0, HERE, 0), inet("connect", 0, HERE, 0),
         Step("sendto", (Fd(0), Ptr(0x100), 3, MSG_MORE, 0, 0)),
         Step("read", (Fd(0), Ptr(0x100), 99)), Step("write", (Fd(0), Ptr(0x100), 4)), Step("read", (Fd(0), Ptr(0x200), 99))),
        (3, 0, 0, 3, -11, 4, 27), None,
    ),
    "a ping that only asks for the path": (
        (sock(0, 2, 1), inet("connect", 0, HERE, 0), Step("sendto", (Fd(0), Ptr(0), 8, 0x10, 0, 0), (at(0, ECHO),)),
         Step("read", (Fd(0), Ptr(0), 8))), (3, 0, 8, -11), (),
    ),
    "anybody may answer a ping": (
        (sock(0, 2, 1), inet("connect", 0, HERE, 0),
         Step("sendto", (Fd(0), Ptr(0), 8, 0, Ptr(0x10), 16), (at(0, ECHO), at(0x10, sockaddr_in(HERE + 1, 0)))),
         Step("read", (Fd(0), Ptr(0), 8))), (3, 0, 8, 8), None,
    ),
    "a ping socket has no broadcast address": ((sock(0, 2, 1), inet("bind", 0, 0x7FFFFFFF, 0)), (3, -99), ()),
    "a ping goes to an address of a family": (
        (sock(0, 2, 1), Step("sendto", (Fd(0), Ptr(0), 8, 0, Ptr(0x10), 16), (at(0, ECHO), at(0x10, sockaddr_in(HERE, 0, 0))))),
        (3, -97), (),
    ),
    "connecting sends what is held back to the new peer": (
        (sock(0, 2), inet("bind", 0, HERE, 2009), sock(1, 2),
         Step("sendto", (Fd(1), Ptr(0x100), 0, MSG_MORE, Ptr(0), 16), (at(0, sockaddr_in(HERE, 2010)),)),
         inet("connect", 1, HERE, 2009), Step("write", (Fd(1), Ptr(0x100), 1)), Step("read", (Fd(0), Ptr(0x100), 9))),
        (3, 0, 4, 0, 0, 1, 1), None,
    ),
    "a datagram that is held back is not shut down": (
        (sock(0, 2), inet("connect", 0, HERE, 2011), Step("sendto", (Fd(0), Ptr(0), 1, MSG_MORE, 0, 0)),
         Step("shutdown", (Fd(0), 1)), Step("sendto", (Fd(0), Ptr(0), 1, MSG_MORE, 0, 0))), (3, 0, 1, 0, 1), (),
    ),
    "a peer without a route has no MTU": (
        (sock(0, 2), inet("connect", 0, HERE, 2012), inet("connect", 0, 0xF0000001, 2012), get(0, 0, 14)),
        (3, 0, -101, -107), None,
    ),
    "a connection that was refused has one": (
        (sock(0, 1), inet("connect", 0, HERE, 2013), get(0, 0, 14), get(0, 1, 28, 16)), (3, -115, 0, 0), None,
    ),
    "a device's index in one byte": ((sock(0, 1), get(0, 0, 50, 2)), (3, 0), ((0, b"\0"), (0x40, b"\1"))),
    "a bound socket takes no other device": (
        (sock(0, 2), option(0, 1, 25, b"lo"), option(0, 0, 50, b"\0\0\0\1")), (3, 0, -22), (),
    ),
    "an unknown IP option is not read": ((sock(0, 2), Step("setsockopt", (Fd(0), 0, 89, 8, 4))), (3, -92), ()),
    "the length of a source comes before the source": ((sock(0, 2), Step("setsockopt", (Fd(0), 0, 39, 8, 4))), (3, -22), ()),
    "a stream joins no group wherever it is": ((sock(0, 1), Step("setsockopt", (Fd(0), 0, 35, 8, 8))), (3, -71), ()),
    "an int across the end of memory": ((sock(0, 1), Step("setsockopt", (Fd(0), 0, 12, Ptr(PAGE - 3), 4))), (3, -14), ()),
    "a filter of ICMP types is read": ((sock(0, 3, 1), Step("setsockopt", (Fd(0), 255, 1, 8, 4))), (3, -14), ()),
    "a raw socket's unknown option comes before its length": (
        (sock(0, 3, 253), Step("getsockopt", (Fd(0), 255, 5, Ptr(0), 8))), (3, -92), (),
    ),
    "a group by its number": (
        (sock(0, 1), option(0, 0, 42, word(1) + bytes(4) + sockaddr_in(0xE0000009, 0) + bytes(112))), (3, 0), (),
    ),
    "the time of the repaired alone": ((sock(0, 1), option(0, 6, 24, word(2))), (3, -1), ()),
    "a cookie has eight bytes": ((sock(0, 2), get(0, 1, 57, 4)), (3, -22), ()),
    "a peer's name has its length": ((pair(0, 1), get(0, 1, 28, 64)), (0, -22), ()),
    "an endless linger": (
        (sock(0, 1), option(0, 1, 13, word(1) + word(-1)), get(0, 1, 13, 8)), (3, 0, 0), ((0, b"\1\0\0\0\xdf\x4f\x8d\x97"),),
    ),
    "a Unix socket has no protocol": ((pair(0, 1, 1), get(0, 1, 38)), (0, 0), ((0, bytes(4)),)),
    "the memory of a message": (
        (pair(0, 5), Step("write", (Fd(0), Ptr(0), 193)), Step("ioctl", (Fd(0), 0x5411, Ptr(0)))), (0, 193, 0),
        ((0, word(1280)),),
    ),
    "nothing unread, no reset": (
        (pair(0, 5), Step("write", (Fd(0), Ptr(0), 0)), Step("close", (Fd(1),)), Step("read", (Fd(0), Ptr(0), 9))),
        (0, 0, 0, 0), (),
    ),
    "peeking at nothing ends at the mark": (
        (pair(0, 1), Step("sendto", (Fd(0), Ptr(0), 9, 1, 0, 0)), Step("recvfrom", (Fd(1), Ptr(0), 0, 0x42, 0, 0))),
        (0, 9, -11), (),
    ),
    "messages of Unix sockets have times": (
        (pair(0, 2), option(1, 1, 35, word(1)), Step("write", (Fd(0), Ptr(0x100), 1)), receive_control(1, 8)), (0, 0, 1, 1),
        ((0xC28, b"\0"), (0xC30, b"\x08")),
    ),
    "a stream of which nothing was read is from root": (
        (pair(0, 1), option(1, 1, 16, word(1)), receive_control(1, 32)), (0, 0, -11),
        ((0xA00, struct.pack("<QiiIII", 28, 1, 2, 0, 0, 0)),),
    ),
    "no control data where there is no memory": (
        (sock(0, 2), inet("bind", 0, HERE, 2014), inet("connect", 0, HERE, 2014), option(0, 0, 12, word(1)),
         Step("write", (Fd(0), Ptr(0x100), 1)), receive_control(0, 32, PAGE - 4)), (3, 0, 0, 0, 1, 1), ((0xC28, b"\0"),),
    ),
    "the padding of control data stays": (
        (sock(0, 2), inet("bind", 0, HERE, 2015), inet("connect", 0, HERE, 2015), option(0, 0, 12, word(1)),
         Step("write", (Fd(0), Ptr(0x100), 1)), receive_control(0, 32)), (3, 0, 0, 0, 1, 1),
        ((0xA00, struct.pack("<QiiI", 20, 0, 2, 64)), (0xC28, b"\x18")),
    ),
    "netlink takes no empty message": ((netlink(0), Step("write", (Fd(0), Ptr(0), 0))), (3, -61), ()),
    "netlink takes no descriptors": (
        (netlink(0), Step("sendmsg", (Fd(0), Ptr(0xC00), 0), (MESSAGE[0], Poke(0xA00, cmsg(1, 1, (Fd(0),))), BAD_CONTROL[2]))),
        (3, -22), (),
    ),
    "Fast Open with less than a family": (
        (*listening(2016), Step("sendto", (Fd(0), Ptr(0x100), 1, 0x20000000, Ptr(0), 1))), (3, 0, 0, -22), (),
    ),
    "Fast Open on a listener comes before a bad control message": (
        (*listening(2017), Step("sendmsg", (Fd(0), Ptr(0xC00), 0x20000000), BAD_CONTROL)), (3, 0, 0, -106), (),
    ),
    "datagrams have no least TTL": (
        (sock(0, 2), inet("bind", 0, HERE, 2018), inet("connect", 0, HERE, 2018), option(0, 0, 21, word(255)),
         Step("write", (Fd(0), Ptr(0x100), 1)), Step("read", (Fd(0), Ptr(0), 9))), (3, 0, 0, 0, 1, 1), None,
    ),
    "a ping socket is bound to any address": ((sock(0, 2, 1), inet("bind", 0, 0, 0)), (3, 0), ()),
    "peeking without waiting does not see that it is shut": (
        (sock(0, 2), Step("shutdown", (Fd(0), 2)), option(0, 1, 42, word(0)), Step("recvfrom", (Fd(0), Ptr(0), 1, 2, 0, 0))),
        (3, -107, 0, -11), (),
    ),
    "to probe adds nothing to what is held back": (
        (sock(0, 2), inet("bind", 0, HERE, 2019), inet("connect", 0, HERE, 2019),
         Step("sendto", (Fd(0), Ptr(0), 5, MSG_MORE, 0, 0)), Step("sendto", (Fd(0), Ptr(0), 3, 0x10, 0, 0)),
         Step("read", (Fd(0), Ptr(0), 99))), (3, 0, 0, 5, 3, 5), None,
    ),
    "a connected socket goes on to where it has held something back for": (
        (sock(0, 2), inet("bind", 0, HERE, 2020), sock(1, 2), inet("bind", 1, HERE, 2021), inet("connect", 1, HERE, 2021),
         Step("sendto", (Fd(1), Ptr(0x100), 0, MSG_MORE | 0x10, Ptr(0), 16), (at(0, sockaddr_in(HERE, 2020)),)),
         Step("write", (Fd(1), Ptr(0x100), 4)), Step("read", (Fd(1), Ptr(0), 9)), Step("read", (Fd(0), Ptr(0), 9))),
        (3, 0, 4, 0, 0, 0, 4, -11, 4), None,
    ),
    "a name of nothing is not read": (
        (sock(0, 1), Step("setsockopt", (Fd(0), 1, 25, 0, 0)), Step("setsockopt", (Fd(0), 6, 13, 8, 0))), (3, 0, -22), (),
    ),
}  # fmt: skip


def sequence(name):
    """The sequence of an entry."""
    return Sequence(0, FOUND[name][0])
