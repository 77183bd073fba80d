"""`_socket.socket`: the socket object under Python's own, with CPython's timeouts, checks and messages.

Timeouts are kept in ns: NEVER (-1) blocks, 0 does not, anything else makes the descriptor non-blocking and waits here.
Ancillary data is in `messages`.
"""

import os
import warnings

from userland import libc
from userland.python.addresses import c_int, index, pack_address, unpack_address
from userland.python.descriptors import is_hosts, make_folders, taken_on_host
from userland.python.interpreter import (
    NANOSECONDS,
    NEVER,
    checked,
    close_quietly,
    deadline_after,
    interpreter,
    interrupted,
    nanoseconds,
    os_error,
    wait_ready,
)
from userland.python.messages import Messages

FIONBIO = 0x5421
LARGEST_OPTION = 1024
ADDRESS_ROOM = 128
KIND_FLAGS = libc.SOCK_NONBLOCK | libc.SOCK_CLOEXEC


def timeout_of(value):
    """settimeout's argument in ns."""
    if value is None:
        return NEVER
    timeout = nanoseconds(value)
    if timeout < 0:
        raise ValueError("Timeout value out of range")
    return timeout


def as_seconds(timeout):
    return None if timeout < 0 else timeout / NANOSECONDS


def flag_value(value):
    """A truth value that may be a str of digits nowhere: an integer argument."""
    return value if type(value) is int else index(value)


class Immutable(type):
    """The type of a class that a C module would have made: nobody changes it, but its heirs are like any other."""

    def __setattr__(cls, name, value):
        if cls.__module__ == "_socket":
            raise TypeError(f"cannot set {name!r} attribute of immutable type '_socket.{cls.__name__}'")
        super().__setattr__(name, value)


class Socket(Messages, metaclass=Immutable):
    """socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object"""

    __slots__ = ("_fd", "_limit", "_state", "_family", "_type", "_proto")

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self._fd = -1
        self._limit = NEVER
        self._family = self._type = self._proto = 0
        self._state = interpreter()
        return self

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        family, type, proto = index(family), index(type), index(proto)
        if fileno is not None:
            if isinstance(fileno, float):
                raise TypeError("integer argument expected, got float")
            fd = index(fileno)
            if fd < 0:
                raise ValueError("negative file descriptor")
            if is_hosts(fd):
                refuse_hosts(fd)
            family, type, proto = described(fd, family, type, proto)
        else:
            family = libc.AF_INET if family == -1 else family
            type = libc.SOCK_STREAM if type == -1 else type
            proto = 0 if proto == -1 else proto
            fd = checked(libc.socket(family, type | libc.SOCK_CLOEXEC, proto))
        self._fd = fd
        self._family = family
        self._type = type & ~KIND_FLAGS
        self._proto = proto
        if type & libc.SOCK_NONBLOCK:
            self._limit = 0
        elif self._state.default_timeout >= 0:
            self._set_timeout(self._state.default_timeout)

    def __repr__(self):
        return f"<socket object, fd={self._fd}, family={self._family}, type={self._type}, proto={self._proto}>"

    def __del__(self):
        if self._fd == -1 or self._state.over or libc.ended():
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, stacklevel=1, source=self)
        finally:
            fd, self._fd = self._fd, -1
            close_quietly(fd)

    @property
    def family(self):
        """the socket family"""
        return self._family

    @property
    def type(self):
        """the socket type"""
        return self._type

    @property
    def proto(self):
        """the socket protocol"""
        return self._proto

    # --- the descriptor ---

    def fileno(self):
        """fileno() -> integer"""
        return self._fd

    def detach(self):
        """detach() -> the descriptor, which the caller has to close"""
        fd, self._fd = self._fd, -1
        return fd

    def close(self):
        """close()"""
        fd, self._fd = self._fd, -1
        if fd != -1 and libc.close(fd) < 0 and libc.get_errno() != libc.ECONNRESET:
            raise os_error()

    # --- time ---

    @property
    def timeout(self):
        """The socket timeout in seconds, or None."""
        return as_seconds(self._limit)

    def gettimeout(self):
        """gettimeout() -> timeout"""
        return as_seconds(self._limit)

    def settimeout(self, timeout):
        """settimeout(timeout)"""
        self._set_timeout(timeout_of(timeout))

    def setblocking(self, flag):
        """setblocking(flag)"""
        self._set_timeout(NEVER if flag_value(flag) else 0)

    def getblocking(self):
        """getblocking() -> bool"""
        return self._limit != 0

    def _set_timeout(self, limit):
        self._limit = limit
        checked(libc.ioctl(self._fd, FIONBIO, bytearray((limit >= 0).to_bytes(4, "little"))))

    def _deadline(self):
        return deadline_after(self._limit) if self._limit > 0 else NEVER

    def _again(self, events, deadline):
        """A call has failed: returns when it is worth another try, raises what the program is to see."""
        number = libc.get_errno()
        if number == libc.EAGAIN and self._limit > 0:
            if not wait_ready(self._state, self._fd, events, deadline):
                raise TimeoutError("timed out")
            return
        interrupted(self._state)

    # --- names ---

    def bind(self, address):
        """bind(address)"""
        raw = pack_address(self, address, "bind")
        if self._family == libc.AF_UNIX and raw[2:3] not in (b"", b"\0") and taken_on_host(raw[2:-1]):
            # The name is taken: by a file of the host.
            raise OSError(libc.EADDRINUSE, libc.strerror(libc.EADDRINUSE))
        if libc.bind(self._fd, raw) < 0:
            missing = self._family == libc.AF_UNIX and libc.get_errno() == libc.ENOENT
            if not missing or not make_folders(raw[2:].rstrip(b"\0")):
                raise os_error()
            checked(libc.bind(self._fd, raw))

    def getsockname(self):
        """getsockname() -> address info"""
        return unpack_address(checked(libc.getsockname(self._fd)))

    def getpeername(self):
        """getpeername() -> address info"""
        return unpack_address(checked(libc.getpeername(self._fd)))

    def listen(self, backlog=libc.SOMAXCONN):
        """listen([backlog])"""
        checked(libc.listen(self._fd, max(c_int(backlog), 0)))

    def connect(self, address):
        """connect(address)"""
        number = self._connect(pack_address(self, address, "connect"))
        if number:
            raise OSError(number, libc.strerror(number))

    def connect_ex(self, address):
        """connect_ex(address) -> errno"""
        try:
            return self._connect(pack_address(self, address, "connect_ex"))
        except TimeoutError as error:
            if error.errno is not None:
                raise
            return libc.EAGAIN

    def _connect(self, raw):
        """The errno of connect(2) when it has come to its end, 0 for success."""
        deadline = self._deadline()
        if libc.connect(self._fd, raw) == 0:
            return 0
        number = libc.get_errno()
        if number == libc.EINTR:
            self._state.check_signals()
            if self._limit == 0:
                return number
        elif number != libc.EINPROGRESS or self._limit <= 0:
            return number
        # The connection comes about by itself: POLLOUT tells when, SO_ERROR how it went.
        if not wait_ready(self._state, self._fd, libc.POLLOUT, deadline):
            raise TimeoutError("timed out")
        number = libc.socket_error(self._fd)
        return 0 if number == libc.EISCONN else number

    def _accept(self):
        """_accept() -> (integer, address info)"""
        raw = bytearray(ADDRESS_ROOM)
        deadline = self._deadline()
        while True:
            fd, length = libc.accept_address(self._fd, raw, libc.SOCK_CLOEXEC)
            if fd >= 0:
                return fd, unpack_address(raw[:length])
            self._again(libc.POLLIN, deadline)

    def shutdown(self, how):
        """shutdown(flag)"""
        checked(libc.shutdown(self._fd, c_int(how)))

    # --- options ---

    def getsockopt(self, level, optname, buflen=0):
        """getsockopt(level, option[, buffersize]) -> value"""
        if buflen == 0:
            raw = checked(libc.getsockopt(self._fd, index(level), index(optname)))
            return int.from_bytes(raw[:4], "little", signed=True)
        if not 0 < index(buflen) <= LARGEST_OPTION:
            raise OSError("getsockopt buflen out of range")
        return checked(libc.getsockopt(self._fd, index(level), index(optname), buflen))

    def setsockopt(self, level, optname, *value):
        """setsockopt(level, option, value: int | bytes), or (level, option, None, optlen: int)"""
        if len(value) == 2 and value[0] is None:
            checked(libc.setsockopt(self._fd, index(level), index(optname), bytes(index(value[1]))))
            return
        if len(value) != 1:
            raise TypeError(f"setsockopt() takes 3 or 4 arguments ({len(value) + 2} given)")
        raw = value[0]
        if hasattr(type(raw), "__index__"):
            number = raw.__index__()
            if not -(1 << 31) <= number < 1 << 31:
                raise OverflowError("signed integer is out of range")
            raw = number.to_bytes(4, "little", signed=True)
        else:
            raw = contents(raw)
        checked(libc.setsockopt(self._fd, index(level), index(optname), raw))

    # --- data ---

    def recv(self, bufsize, flags=0, /):
        """recv(buffersize[, flags]) -> data"""
        size = index(bufsize)
        if size < 0:
            raise ValueError("negative buffersize in recv")
        state = self._state
        buffer = state.take_buffer(size)
        try:
            count = self._receive(buffer, size, flags)
            return bytes(memoryview(buffer)[:count])
        finally:
            state.keep_buffer(buffer)

    def recv_into(self, buffer, nbytes=0, flags=0):
        """recv_into(buffer, [nbytes[, flags]]) -> nbytes_read"""
        with memoryview(buffer) as view:
            return self._receive(view, room(view.nbytes, nbytes, "recv_into"), flags)

    def _receive(self, buffer, size, flags):
        deadline = NEVER
        if self._limit > 0:
            deadline = deadline_after(self._limit)
        while True:
            count = libc.recv(self._fd, buffer, size, flags)
            if count >= 0:
                if self._state.arrived:
                    self._state.check_signals()
                return count
            self._again(libc.POLLIN, deadline)

    def recvfrom(self, bufsize, flags=0, /):
        """recvfrom(buffersize[, flags]) -> (data, address info)"""
        size = index(bufsize)
        if size < 0:
            raise ValueError("negative buffersize in recvfrom")
        buffer = self._state.take_buffer(size)
        try:
            count, address = self._receive_from(buffer, size, flags)
            return bytes(memoryview(buffer)[:count]), address
        finally:
            self._state.keep_buffer(buffer)

    def recvfrom_into(self, buffer, nbytes=0, flags=0):
        """recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address info)"""
        with memoryview(buffer) as view:
            return self._receive_from(view, room(view.nbytes, nbytes, "recvfrom_into"), flags)

    def _receive_from(self, buffer, size, flags):
        name = bytearray(ADDRESS_ROOM)
        deadline = self._deadline()
        while True:
            count, length = libc.recvfrom_address(self._fd, buffer, size, flags, name)
            if count >= 0:
                return count, unpack_address(name[:length])
            self._again(libc.POLLIN, deadline)

    def send(self, data, flags=0, /):
        """send(data[, flags]) -> count"""
        deadline = self._deadline()
        # A view must not outlive the call, not even in the traceback of what it raises.
        with contents(data) as view:
            while True:
                count = libc.send(self._fd, view, -1, flags)
                if count >= 0:
                    if self._state.arrived:
                        self._state.check_signals()
                    return count
                self._again(libc.POLLOUT, deadline)

    def sendall(self, data, flags=0, /):
        """sendall(data[, flags])"""
        deadline = self._deadline()
        sent = 0
        with contents(data) as view:
            size = view.nbytes
            while True:
                count = libc.send(self._fd, view[sent:] if sent else view, -1, flags)
                if count < 0:
                    self._again(libc.POLLOUT, deadline)
                    continue
                if self._state.arrived:
                    self._state.check_signals()
                sent += count
                if sent >= size:
                    return

    def sendto(self, data, *more):
        """sendto(data[, flags], address) -> count"""
        if not 1 <= len(more) <= 2:
            raise TypeError(f"sendto() takes 2 or 3 arguments ({len(more) + 1} given)")
        with contents(data) as view:
            flags = index(more[0]) if len(more) == 2 else 0
            raw = pack_address(self, more[-1], "sendto")
            deadline = self._deadline()
            while True:
                count = libc.sendto(self._fd, view, -1, flags, raw)
                if count >= 0:
                    return count
                self._again(libc.POLLOUT, deadline)


def refuse_hosts(fd):
    """Raise what a descriptor of the host is answered: it is no socket of the machine, if it is open at all."""
    os.fstat(fd)
    raise OSError(libc.ENOTSOCK, libc.strerror(libc.ENOTSOCK))


def described(fd, family, type, proto):
    """What is not given (-1) of a descriptor's family, type and protocol, as the kernel tells."""
    name = libc.getsockname(fd)
    if family == -1:
        family = libc.sockaddr_family(checked(name))
    if type == -1:
        type = int.from_bytes(checked(libc.getsockopt(fd, libc.SOL_SOCKET, libc.SO_TYPE)), "little")
    if proto == -1:
        proto = int.from_bytes(checked(libc.getsockopt(fd, libc.SOL_SOCKET, libc.SO_PROTOCOL)), "little")
    return family, type, proto


def contents(data):
    """The bytes of a bytes-like object as a flat memoryview."""
    try:
        view = memoryview(data)
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'") from None
    if not view.contiguous:
        raise BufferError("memoryview: underlying buffer is not C-contiguous")
    return view if view.ndim == 1 and view.itemsize == 1 else view.cast("B")


def room(size, wanted, caller):
    """How many bytes to receive into a buffer of `size`; 0 means all of it."""
    count = index(wanted)
    if count < 0:
        raise ValueError(f"negative buffersize in {caller}")
    if count > size:
        into = caller == "recvfrom_into"
        raise ValueError("nbytes is greater than the length of the buffer" if into else "buffer too small for requested bytes")
    return count or size


Socket.__name__ = Socket.__qualname__ = "socket"
Socket.__module__ = "_socket"
