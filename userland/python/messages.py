"""sendmsg and recvmsg of `_socket.socket`: scattered buffers and ancillary data."""

from userland import libc
from userland.python.addresses import index, pack_address, unpack_address
from userland.python.passing import incoming, outgoing

CMSGHDR_SIZE = 16
ALIGNMENT = 8
LARGEST_CONTROL = 0x7FFFFFFF
SOCKADDR_ROOM = 128
UIO_MAXIOV = 1024


def aligned(size):
    return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1)


def CMSG_LEN(length):
    """CMSG_LEN(length) -> control message length"""
    length = index(length)
    if not 0 <= length <= LARGEST_CONTROL - CMSGHDR_SIZE:
        raise OverflowError("CMSG_LEN() argument out of range")
    return CMSGHDR_SIZE + length


def CMSG_SPACE(length):
    """CMSG_SPACE(length) -> buffer size"""
    length = index(length)
    if not 0 <= length <= LARGEST_CONTROL - CMSGHDR_SIZE - ALIGNMENT:
        raise OverflowError("CMSG_SPACE() argument out of range")
    return CMSGHDR_SIZE + aligned(length)


def flat(buffer):
    """A bytes-like object as a flat memoryview."""
    try:
        view = memoryview(buffer)
    except TypeError:
        raise TypeError(f"a bytes-like object is required, not '{type(buffer).__name__}'") from None
    return view if view.ndim == 1 and view.itemsize == 1 else view.cast("B")


def buffers_of(values, what):
    """The buffers of an iterable, at most as many as the kernel takes."""
    try:
        views = [flat(value) for value in values]
    except TypeError as error:
        if not hasattr(values, "__iter__") and not hasattr(values, "__getitem__"):
            raise TypeError(f"{what} must be an iterable") from None
        raise error
    if len(views) > UIO_MAXIOV:
        raise OSError(f"{what.partition('(')[0]}() argument 1 is too long")
    return views


def release(views):
    """A view must not outlive the call, not even in the traceback of what it raises."""
    for view in views:
        view.release()


def control_of(values):
    """[(level, type, bytes)] of sendmsg's second argument."""
    if not hasattr(values, "__iter__") and not hasattr(values, "__getitem__"):
        raise TypeError("sendmsg() argument 2 must be an iterable")
    found = []
    for item in values:
        if not isinstance(item, tuple):
            item = tuple(item) if hasattr(item, "__iter__") else item
        if not isinstance(item, tuple) or len(item) != 3:
            raise TypeError("[sendmsg() ancillary data items] must be a sequence of length 3")
        level, kind, data = item
        found.append((index(level), index(kind), bytes(flat(data))))
    return found


class Messages:
    """The methods of a socket object that carry ancillary data."""

    __slots__ = ()

    def sendmsg(self, buffers, ancdata=(), flags=0, address=None, /):
        """sendmsg(buffers[, ancdata[, flags[, address]]]) -> count"""
        views = buffers_of(buffers, "sendmsg() argument 1")
        control = control_of(ancdata)
        flags = index(flags)
        name = None if address is None else pack_address(self, address, "sendmsg")
        control, made = outgoing(self._state, control)
        message = libc.msghdr(views, name, control or None)
        deadline = self._deadline()
        try:
            while True:
                count = libc.sendmsg(self._fd, message, flags)
                if count >= 0:
                    return count
                self._again(libc.POLLOUT, deadline)
        finally:
            release(views)
            for fd in made:
                libc.close(fd)

    def recvmsg(self, bufsize, ancbufsize=0, flags=0, /):
        """recvmsg(bufsize[, ancbufsize[, flags]]) -> (data, ancdata, msg_flags, address)"""
        size = index(bufsize)
        if size < 0:
            raise ValueError("negative buffer size in recvmsg()")
        buffer = bytearray(size)
        count, *rest = self._receive_message([buffer] if size else [], index(ancbufsize), index(flags), "recvmsg")
        return (bytes(buffer[:count]), *rest)

    def recvmsg_into(self, buffers, ancbufsize=0, flags=0, /):
        """recvmsg_into(buffers[, ancbufsize[, flags]]) -> (nbytes, ancdata, msg_flags, address)"""
        views = buffers_of(buffers, "recvmsg_into() argument 1")
        for view in views:
            if view.readonly:
                raise TypeError("a read-write bytes-like object is required")
        try:
            return self._receive_message(views, index(ancbufsize), index(flags), "recvmsg_into")
        finally:
            release(views)

    def _receive_message(self, views, room, flags, caller):
        if room < 0 or room > LARGEST_CONTROL:
            raise ValueError(f"invalid ancillary data buffer length in {caller}()")
        deadline = self._deadline()
        while True:
            name = bytearray(SOCKADDR_ROOM)
            message = libc.msghdr(views, name, room or None)
            count = libc.recvmsg(self._fd, message, flags)
            if count >= 0:
                break
            self._again(libc.POLLIN, deadline)
        control = incoming(self._state, message.control or [], flags)
        return count, control, message.flags, unpack_address(name[: message.namelen])
