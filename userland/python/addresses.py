"""Socket addresses: Python's tuples and strings to sockaddr bytes and back, with CPython's checks and messages."""

import os

from userland import libc
from userland.python.names import resolve_ipv4

UNIX_PATH_MAX = 108
AF_NETLINK = 16


def pack_address(sock, address, caller):
    """The sockaddr bytes of `address` for a socket of `sock.family`; `caller` is named in messages."""
    family = sock._family
    if family == libc.AF_INET:
        return pack_inet(address, caller)
    if family == libc.AF_UNIX:
        return pack_unix(address)
    if family == libc.AF_PACKET:
        return pack_packet(address, caller)
    if family == AF_NETLINK:
        return pack_netlink(address, caller)
    raise OSError(f"{caller}(): bad family")


def index(value):
    """An integer argument as C takes one."""
    if isinstance(value, float) or not hasattr(type(value), "__index__"):
        raise TypeError(f"'{type(value).__name__}' object cannot be interpreted as an integer")
    return value.__index__()


def c_int(value):
    """An integer argument that C keeps in an int."""
    number = index(value)
    if not -(1 << 31) <= number < 1 << 31:
        raise OverflowError("signed integer is out of range")
    return number


def pack_inet(address, caller):
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_INET address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_INET address must be a pair (host, port)")
    host, port = address
    port = index(port)
    value = resolve_ipv4(host_name(host))
    if not 0 <= port <= 0xFFFF:
        raise OverflowError(f"{caller}(): port must be 0-65535.")
    return libc.sockaddr_in(value, port)


def host_name(host):
    """A host as text; str goes through IDNA where it is not ASCII."""
    if isinstance(host, str):
        if not host.isascii():
            host = host.encode("idna").decode("ascii")
    elif isinstance(host, (bytes, bytearray)):
        host = bytes(host).decode("ascii", "surrogateescape")
    else:
        raise TypeError(f"str, bytes or bytearray expected, not {type(host).__name__}")
    if "\0" in host:
        raise TypeError("host name must not contain null character")
    return host


def pack_unix(address):
    if isinstance(address, str):
        path = os.fsencode(address)
    else:
        try:
            path = bytes(memoryview(address))
        except TypeError:
            raise TypeError(f"a bytes-like object is required, not '{type(address).__name__}'") from None
    # An abstract name may fill the field, a path needs its NUL.
    if len(path) > UNIX_PATH_MAX or (len(path) == UNIX_PATH_MAX and path[0] != 0):
        raise OSError("AF_UNIX path too long")
    raw = libc.AF_UNIX.to_bytes(2, "little") + path
    return raw + b"\0" if path and path[0] != 0 else raw


def pack_packet(address, caller):
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_PACKET address must be tuple, not {type(address).__name__}")
    if not 2 <= len(address) <= 5:
        raise TypeError("AF_PACKET address must be a tuple of two to five elements")
    name, protocol, *more = address
    pkttype, hatype, hardware = [*more, *(0, 0, b"")[len(more) :]]
    hardware = bytes(hardware)
    if len(hardware) > 8:
        raise ValueError("Hardware address must be 8 bytes or less")
    if not 0 <= index(protocol) <= 0xFFFF:
        raise OverflowError(f"{caller}(): proto must be 0-65535.")
    number = libc.if_nametoindex(name)
    if number <= 0:
        raise OSError(libc.ENODEV, libc.strerror(libc.ENODEV))
    return libc.sockaddr_ll(number, protocol, hardware, index(hatype), index(pkttype))


def pack_netlink(address, caller):
    if not isinstance(address, tuple):
        raise TypeError(f"{caller}(): AF_NETLINK address must be tuple, not {type(address).__name__}")
    if len(address) != 2:
        raise TypeError("AF_NETLINK address must be a pair (pid, groups)")
    pid, groups = (index(part) for part in address)
    return AF_NETLINK.to_bytes(2, "little") + bytes(2) + pid.to_bytes(4, "little") + groups.to_bytes(4, "little")


def unpack_address(raw):
    """What Python shows of the sockaddr bytes `raw`; None for no address."""
    if len(raw) == 0:
        return None
    family = libc.sockaddr_family(raw)
    if family == libc.AF_INET and len(raw) >= 8:
        return libc.sockaddr_in_pair(raw)
    if family == libc.AF_UNIX:
        path = bytes(raw[2:])
        if path[:1] == b"\0":
            return path
        return os.fsdecode(path.split(b"\0", 1)[0])
    if family == libc.AF_PACKET:
        number, protocol, hatype, pkttype, hardware = libc.sockaddr_ll_fields(raw)
        name = libc.if_indextoname(number) if number else None
        return name or "", protocol, pkttype, hatype, bytes(hardware)
    if family == AF_NETLINK and len(raw) >= 12:
        return int.from_bytes(raw[4:8], "little"), int.from_bytes(raw[8:12], "little")
    return family, bytes(raw[2:])
