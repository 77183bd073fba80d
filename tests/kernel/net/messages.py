"""sendmsg, recvmsg and their many-message forms for tests: what `netbench` has, with control messages both ways."""

import struct

from kernel.uapi.socket import SYS_RECVMMSG, SYS_RECVMSG, SYS_SENDMMSG, SYS_SENDMSG

MSGHDR = struct.Struct("<QIIQQQQiI")


class Messages:
    """Maps what one call needs and unmaps it afterwards."""

    def __init__(self, bench):
        self.bench = bench
        self.mapped = []

    def map(self, data, writable=False):
        if not len(data):
            return 0
        self.mapped.append(self.bench.mm.map(data, writable))
        return self.mapped[-1]

    def done(self):
        while self.mapped:
            self.bench.mm.unmap(self.mapped.pop())

    def header(self, buffers, name=None, control=b"", writable=False):
        """The bytes of a struct msghdr over `buffers` (bytes or bytearrays)."""
        iov = b"".join(struct.pack("<QQ", self.map(buffer, writable), len(buffer)) for buffer in buffers)
        return bytearray(
            MSGHDR.pack(
                self.map(name, writable) if name is not None else 0, len(name or b""), 0, self.map(iov), len(buffers),
                self.map(control, writable), len(control), 0, 0,
            )
        )  # fmt: skip


def cmsg(level, type, data):
    """One control message as a sender lays it out."""
    return (struct.pack("<Qii", 16 + len(data), level, type) + data).ljust((16 + len(data) + 7) & ~7, b"\0")


def cmsgs(raw):
    """[(level, type, data)] of received control messages."""
    found = []
    while len(raw) >= 16:
        length, level, type = struct.unpack_from("<Qii", raw)
        found.append((level, type, bytes(raw[16:length])))
        raw = raw[(length + 7) & ~7 :]
    return found


def sendmsg(t, fd, data, name=None, control=b"", flags=0):
    m = Messages(t)
    try:
        return t.socketcall(SYS_SENDMSG, fd, m.header([data], name, control), flags)
    finally:
        m.done()


def recvmsg(t, fd, flags=0x40, size=2048, room=512):
    """(data, [(level, type, data)], msg_flags, address bytes) or a negative errno."""
    m = Messages(t)
    buffer, control, name = bytearray(size), bytearray(room), bytearray(64)
    head = m.header([buffer], name, control, True)
    result = t.socketcall(SYS_RECVMSG, fd, head, flags)
    m.done()
    if result < 0:
        return result
    fields = MSGHDR.unpack(head)
    return bytes(buffer[: min(result, size)]), cmsgs(bytes(control[: fields[6]])), fields[7], bytes(name[: fields[1]])


def sendmmsg(t, fd, payloads, name=None, flags=0, count=None):
    """(result, [msg_len])"""
    m = Messages(t)
    vector = bytearray(b"".join(bytes(m.header([payload], name)) + bytes(8) for payload in payloads))
    result = t.socketcall(SYS_SENDMMSG, fd, vector, len(payloads) if count is None else count, flags)
    m.done()
    return result, lengths(vector)


def recvmmsg(t, fd, sizes, flags=0x40, timeout=None, count=None):
    """(result, [(data, msg_flags)], what is left of the timeout)"""
    m = Messages(t)
    buffers = [bytearray(size) for size in sizes]
    vector = bytearray(b"".join(bytes(m.header([buffer], None, b"", True)) + bytes(8) for buffer in buffers))
    left = bytearray(struct.pack("<qq", *timeout)) if timeout is not None else b""
    result = t.socketcall(SYS_RECVMMSG, fd, vector, len(sizes) if count is None else count, flags, left)
    m.done()
    got = []
    for index, length in enumerate(lengths(vector)[: max(result, 0)]):
        got.append((bytes(buffers[index][:length]), MSGHDR.unpack_from(vector, index * 64)[7]))
    return result, got, struct.unpack("<qq", left) if left else None


def lengths(vector):
    return [struct.unpack_from("<I", vector, start + 56)[0] for start in range(0, len(vector), 64)]
