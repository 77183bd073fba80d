"""The system calls of a script, made on the machine: arguments into user memory, results and what came back compared.

Every call is a function of (`Calls`, arguments) that returns a number, negative for an errno, after it has compared what
the call has written.
"""

import struct

from hwemu.cpu import trap
from kernel.uapi import socket as uapi
from kernel.uapi import syscall
from kernel.uapi.errno import EINPROGRESS
from kernel.uapi.fcntl import F_GETFL
from kernel.uapi.in_ import inet_addr
from lab.packetdrill.expression import ANY, Struct
from lab.packetdrill.script import NS_PER_SECOND, Mismatch, ScriptError
from lab.packetdrill.segment import LOCAL, REMOTE

PORT = 8080
CONTROL_ROOM = 512
CMSG_HEADER = struct.Struct("<Qii")
EXTENDED_ERROR = struct.Struct("<IBBBxII")
EPOLL_EVENT = struct.Struct("<IQ")
POLLFD = struct.Struct("<iHH")
WORD = 0xFFFFFFFFFFFFFFFF


class Calls:
    """Makes calls for the task whose address space is `mm`; `peer` is told about listeners and connections."""

    def __init__(self, mm, peer):
        self.mm = mm
        self.peer = peer
        # The script's time 0 in ns since 1970, and how far off a time stamp may be.
        self.epoch = 0
        self.tolerance = 0
        self.mapped = []
        # The script's descriptors and the machine's.
        self.fds = {}

    def make(self, call):
        """The result of `call`; Mismatch when it wrote something else, ScriptError for a call nobody knows."""
        function = FUNCTIONS.get(call.name)
        if function is None:
            raise ScriptError(0, f"{call.name}: no such system call here")
        try:
            result = function(self, *self.descriptors(call))
            return self.named(call, result)
        except (TypeError, ValueError, AttributeError, IndexError, struct.error):
            raise ScriptError(0, f"{call.name}: these are not its arguments") from None
        finally:
            for address in self.mapped:
                self.mm.unmap(address)
            self.mapped.clear()

    def descriptors(self, call):
        """The arguments with the machine's descriptors in the place of the script's."""
        words = list(call.arguments)
        for index in FD_ARGUMENTS.get(call.name, (0,)):
            words[index] = self.fds.get(words[index], words[index])
        return words

    def named(self, call, result):
        """The result as the script counts descriptors: whatever it expects is what it calls the new one from now on."""
        if call.name in NEW_FD and result >= 0 and isinstance(call.result, int) and call.result >= 0:
            self.fds[call.result] = result
            return call.result
        return result

    def map(self, data, writable=False):
        """The address of a buffer in user memory for this call; 0 for an empty one."""
        if not len(data):
            return 0
        address = self.mm.map(data, writable)
        self.mapped.append(address)
        return address

    def socketcall(self, number, *words):
        block = struct.pack("<6Q", *[word & WORD for word in (*words, 0, 0, 0, 0, 0, 0)][:6])
        return trap(syscall.SYS_socketcall, number, self.map(block))

    def connecting(self, call):
        """Make a call that may begin a connection, whose SYN the peer looks for from now on."""
        before = self.peer.connecting
        self.peer.connect()
        result = call()
        if result < 0 and result != -EINPROGRESS:
            self.peer.connecting = before
        return result

    def out(self, what, length):
        """The address of `length` bytes to send: zeros for `...`, the text of a string; a number is the address itself."""
        if isinstance(what, int):
            return what
        raw = what.encode() if isinstance(what, str) else b""
        return self.map((raw + bytes(length))[:length])

    def name(self, address):
        """(address, length) of a socket address for `...`; a number stands for itself."""
        if isinstance(address, int):
            return address, 16
        raw = uapi.AF_INET.to_bytes(2, "little") + PORT.to_bytes(2, "big") + inet_addr(LOCAL).to_bytes(4, "big") + bytes(8)
        return self.map(raw), 16

    def remote_name(self):
        raw = uapi.AF_INET.to_bytes(2, "little") + PORT.to_bytes(2, "big") + inet_addr(REMOTE).to_bytes(4, "big") + bytes(8)
        return self.map(raw)

    def vector(self, items, writable=False):
        """(address, count, length) of an iovec from `[{..., 1000}, ...]`."""
        raw = b""
        total = 0
        for item in items:
            what, length = item.items
            address = self.map(bytearray(length), True) if writable else self.out(what, length)
            raw += struct.pack("<QQ", address, length)
            total += length
        return self.map(raw), len(items), total


def compare(what, expected, got):
    """Mismatch unless `got` is `expected`; `...` takes anything."""
    if expected is not ANY and expected != got:
        raise Mismatch(f"{what} {expected}", got)


# --- making and ending ---


def socket(calls, domain, type, protocol):
    return calls.socketcall(uapi.SYS_SOCKET, uapi.AF_INET if domain is ANY else domain, type, protocol)


def bind(calls, fd, address, length):
    return calls.socketcall(uapi.SYS_BIND, fd, *calls.name(address))


def listen(calls, fd, backlog):
    result = calls.socketcall(uapi.SYS_LISTEN, fd, backlog)
    if result == 0:
        calls.peer.listening = True
    return result


def accept(calls, fd, address, length, flags=0):
    return calls.socketcall(uapi.SYS_ACCEPT4, fd, 0, 0, flags)


def connect(calls, fd, address, length):
    return calls.connecting(lambda: calls.socketcall(uapi.SYS_CONNECT, fd, calls.remote_name(), 16))


def shutdown(calls, fd, how):
    return calls.socketcall(uapi.SYS_SHUTDOWN, fd, how)


def close(calls, fd):
    return trap(syscall.SYS_close, fd)


# --- data ---


def read(calls, fd, buffer, count):
    return trap(syscall.SYS_read, fd, calls.map(bytearray(count), True), count)


def write(calls, fd, buffer, count):
    return trap(syscall.SYS_write, fd, calls.out(buffer, count), count)


def recv(calls, fd, buffer, count, flags, address=ANY, length=ANY):
    return calls.socketcall(uapi.SYS_RECVFROM, fd, calls.map(bytearray(count), True), count, flags, 0, 0)


def send(calls, fd, buffer, count, flags):
    return calls.socketcall(uapi.SYS_SENDTO, fd, calls.out(buffer, count), count, flags, 0, 0)


def sendto(calls, fd, buffer, count, flags, address, length):

    def call():
        return calls.socketcall(uapi.SYS_SENDTO, fd, calls.out(buffer, count), count, flags, calls.remote_name(), 16)

    return calls.connecting(call) if flags & uapi.MSG_FASTOPEN else call()


def readv(calls, fd, vector, count):
    return trap(syscall.SYS_readv, fd, *calls.vector(vector, True)[:2])


def writev(calls, fd, vector, count):
    return trap(syscall.SYS_writev, fd, *calls.vector(vector)[:2])


def header(calls, message, writable, control=0, room=0, named=False):
    """The address and the bytes of a struct msghdr."""
    vector, count, _ = calls.vector(message.fields.get("msg_iov", []), writable)
    name = calls.remote_name() if named else 0
    raw = bytearray(struct.pack("<QQQQQQii", name, 16 if named else 0, vector, count, control, room, 0, 0))
    return calls.map(raw, True), raw


def sendmsg(calls, fd, message, flags):
    # A connection's own address may be named again; only a new one needs it.
    fast = bool(flags & uapi.MSG_FASTOPEN)
    address, _ = header(calls, message, False, named=fast)

    def call():
        return calls.socketcall(uapi.SYS_SENDMSG, fd, address, flags)

    return calls.connecting(call) if fast else call()


def recvmsg(calls, fd, message, flags):
    area = bytearray(CONTROL_ROOM)
    control = calls.map(area, True)
    address, raw = header(calls, message, True, control, CONTROL_ROOM)
    result = calls.socketcall(uapi.SYS_RECVMSG, fd, address, flags)
    if result >= 0:
        got = struct.unpack_from("<QQQQQQi", raw)
        compare("msg_flags", message.fields.get("msg_flags", ANY), got[6])
        if "msg_control" in message.fields:
            compare_control(calls, message.fields["msg_control"], bytes(area[: got[5]]))
    return result


def compare_control(calls, expected, raw):
    """Compare the control messages in `raw` with a script's list."""
    position = 0
    for number, wanted in enumerate(expected):
        if position + CMSG_HEADER.size > len(raw):
            raise Mismatch(f"{len(expected)} control messages", number)
        length, level, kind = CMSG_HEADER.unpack_from(raw, position)
        data = raw[position + CMSG_HEADER.size : position + length]
        compare("cmsg_level", wanted.fields["cmsg_level"], level)
        compare("cmsg_type", wanted.fields["cmsg_type"], kind)
        compare_data(calls, wanted.fields["cmsg_data"], data)
        position += (length + 7) & ~7
    if position < len(raw):
        raise Mismatch(f"{len(expected)} control messages", "more")


def compare_data(calls, wanted, data):
    if isinstance(wanted, int):
        compare("cmsg_data", wanted, int.from_bytes(data[:4], "little", signed=True))
    elif isinstance(wanted, Struct) and "ee_errno" in wanted.fields:
        names = ("ee_errno", "ee_origin", "ee_type", "ee_code", "ee_info", "ee_data")
        for name, value in zip(names, EXTENDED_ERROR.unpack_from(data), strict=True):
            compare(name, wanted.fields.get(name, ANY), value)
    elif isinstance(wanted, Struct):
        seconds, fraction = struct.unpack_from("<qq", data)
        expected = wanted.fields["scm_sec"] * NS_PER_SECOND + wanted.fields["scm_nsec"]
        got = seconds * NS_PER_SECOND + fraction - calls.epoch
        if abs(got - expected) > calls.tolerance:
            raise Mismatch(f"a time stamp of {expected} ns", f"{got} ns")


def sendfile(calls, out, file, offset, count):
    start = bytearray(struct.pack("<q", offset[0]))
    return trap(syscall.SYS_sendfile64, out, file, calls.map(start, True), count)


def splice(calls, fd_in, offset_in, fd_out, offset_out, count, flags):
    offsets = [calls.map(bytearray(struct.pack("<q", offset[0])), True) if offset else 0 for offset in (offset_in, offset_out)]
    return trap(syscall.SYS_splice, fd_in, offsets[0], fd_out, offsets[1], count, flags)


# --- options and descriptors ---


def option_bytes(value, length):
    """The bytes of a socket option's value."""
    if isinstance(value, list):
        value = value[0] if value else 0
    if isinstance(value, Struct):
        return struct.pack(f"<{len(value.fields)}i", *value.fields.values())
    if isinstance(value, str):
        return value.encode()
    return (value & WORD).to_bytes(8, "little")[: max(0, min(length, 8))]


def setsockopt(calls, fd, level, name, value, length):
    raw = option_bytes(value, length)
    return calls.socketcall(uapi.SYS_SETSOCKOPT, fd, level, name, calls.map(raw), length)


def getsockopt(calls, fd, level, name, value, length):
    room = bytearray(256)
    size = bytearray(struct.pack("<i", length[0]))
    result = calls.socketcall(uapi.SYS_GETSOCKOPT, fd, level, name, calls.map(room, True), calls.map(size, True))
    if result >= 0 and value is not ANY:
        count = int.from_bytes(size, "little")
        compare("a value of", option_bytes(value, count), bytes(room[: min(count, 8)] if count <= 8 else room[:count]))
    return result


def fcntl(calls, fd, command, argument=0):
    result = trap(syscall.SYS_fcntl, fd, command, argument)
    # O_LARGEFILE and the like are the platform's: a script names the access mode and O_NONBLOCK.
    return result & ~0o100000 if command == F_GETFL and result >= 0 else result


def ioctl(calls, fd, command, value=None):
    room = bytearray(struct.pack("<i", 0))
    result = trap(syscall.SYS_ioctl, fd, command, calls.map(room, True))
    if result >= 0 and value is not None and value is not ANY:
        compare("a value of", value[0], int.from_bytes(room, "little", signed=True))
    return result


def pipe(calls, fds):
    room = bytearray(8)
    result = trap(syscall.SYS_pipe, calls.map(room, True))
    if result >= 0:
        calls.fds.update(zip(fds, struct.unpack("<ii", room), strict=True))
    return result


def open_file(calls, path, flags, mode=0):
    return trap(syscall.SYS_open, calls.map(path.encode() + b"\0"), flags, mode)


# --- waiting ---


def poll(calls, entries, count, timeout):
    asked = [(entry.fields["fd"], entry.fields["events"]) for entry in entries]
    room = bytearray(b"".join(POLLFD.pack(calls.fds.get(fd, fd), events, 0) for fd, events in asked))
    result = trap(syscall.SYS_poll, calls.map(room, True), count, timeout)
    if result >= 0:
        for entry, (_, _, got) in zip(entries, POLLFD.iter_unpack(bytes(room)), strict=True):
            compare("revents", entry.fields.get("revents", ANY), got)
    return result


def epoll_create(calls, size):
    return trap(syscall.SYS_epoll_create, size)


def epoll_data(event):
    return event.fields.get("fd", event.fields.get("ptr", event.fields.get("u32", event.fields.get("u64", 0))))


def epoll_ctl(calls, epfd, operation, fd, event):
    raw = EPOLL_EVENT.pack(event.fields["events"], epoll_data(event))
    return trap(syscall.SYS_epoll_ctl, epfd, operation, fd, calls.map(raw))


def epoll_wait(calls, epfd, events, count, timeout):
    room = bytearray(EPOLL_EVENT.size * count)
    result = trap(syscall.SYS_epoll_wait, epfd, calls.map(room, True), count, timeout)
    wanted = events if isinstance(events, list) else [events]
    for index in range(min(result, len(wanted))):
        got, data = EPOLL_EVENT.unpack_from(room, index * EPOLL_EVENT.size)
        compare("events", wanted[index].fields["events"], got)
        compare("its data", epoll_data(wanted[index]), data)
    return result


# Which arguments are descriptors, where it is not the first alone; and what makes one.
FD_ARGUMENTS = {
    "socket": (), "pipe": (), "open": (), "poll": (), "epoll_create": (), "epoll_ctl": (0, 2), "sendfile": (0, 1),
    "splice": (0, 2),
}  # fmt: skip
NEW_FD = ("socket", "accept", "accept4", "open", "epoll_create")
FUNCTIONS = {
    "socket": socket, "bind": bind, "listen": listen, "accept": accept, "accept4": accept, "connect": connect,
    "shutdown": shutdown, "close": close, "read": read, "write": write, "recv": recv, "recvfrom": recv, "send": send,
    "sendto": sendto, "readv": readv, "writev": writev, "sendmsg": sendmsg, "recvmsg": recvmsg, "sendfile": sendfile,
    "splice": splice,
    "setsockopt": setsockopt, "getsockopt": getsockopt, "fcntl": fcntl, "ioctl": ioctl, "pipe": pipe, "open": open_file,
    "poll": poll, "epoll_create": epoll_create, "epoll_ctl": epoll_ctl, "epoll_wait": epoll_wait,
}  # fmt: skip
