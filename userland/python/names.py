"""The name functions of `_socket`: hosts, services, interfaces, over libc's netdb."""

import os
import sys

from userland import libc
from userland.python.interpreter import checked, os_error

ANY = ("", "0.0.0.0")


class herror(OSError):
    """gethostbyname and gethostbyaddr failed."""


class gaierror(OSError):
    """getaddrinfo or getnameinfo failed."""


herror.__module__ = gaierror.__module__ = "socket"


def gai_failure(code):
    if code == libc.EAI_SYSTEM:
        return os_error()
    return gaierror(code, libc.gai_strerror(code))


def host_failure():
    number = libc.get_h_errno()
    return herror(number, libc.hstrerror(number))


def resolve_ipv4(host):
    """The address, as an integer, that `host` stands for in a socket address; gaierror."""
    if host in ANY:
        return 0
    if host in ("<broadcast>", "255.255.255.255"):
        return libc.INADDR_BROADCAST
    packed = libc.inet_pton(libc.AF_INET, host)
    if packed is None:
        code, found = libc.getaddrinfo(host, None, libc.AF_INET, libc.SOCK_DGRAM)
        if code:
            raise gai_failure(code)
        packed = found[0].ai_addr[4:8]
    return int.from_bytes(packed, "big")


def text_of(value, what):
    """A name of str, bytes or None as libc takes it."""
    if value is None:
        return None
    if isinstance(value, str):
        if value.isascii():
            return value
        return value.encode("idna").decode("ascii") if what == "host" else value.encode("utf-8").decode("utf-8")
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "surrogateescape")
    raise TypeError(f"'{type(value).__name__}' object is no name")


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    """getaddrinfo(host, port [, family, type, proto, flags]) -> list of (family, type, proto, canonname, sockaddr)"""
    if host is not None and not isinstance(host, (str, bytes)):
        raise TypeError("getaddrinfo() argument 1 must be string or None")
    if isinstance(port, int):
        service = str(port)
        if sys.version_info < (3, 12) and not -(1 << 63) <= port < 1 << 63:
            raise OverflowError("Python int too large to convert to C long")
    elif port is None or isinstance(port, (str, bytes)):
        service = text_of(port, "service")
    else:
        raise OSError("Int or String expected")
    node = text_of(host, "host")
    if node == "":
        node = None
    code, found = libc.getaddrinfo(node, service, family, type, proto, flags)
    if code:
        raise gai_failure(code)
    return [
        (entry.ai_family, entry.ai_socktype, entry.ai_protocol, entry.ai_canonname or "", libc.sockaddr_in_pair(entry.ai_addr))
        for entry in found
    ]


def getnameinfo(sockaddr, flags):
    """getnameinfo(sockaddr, flags) --> (host, port)"""
    if not isinstance(sockaddr, tuple):
        # What was refused is not kept alive by the traceback.
        del sockaddr
        raise TypeError("getnameinfo() argument 1 must be a tuple")
    if not 2 <= len(sockaddr) <= 4:
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    host, port = sockaddr[:2]
    if not isinstance(host, str):
        raise TypeError("getnameinfo(): illegal sockaddr argument")
    for part in sockaddr[1:]:
        if not isinstance(part, int):
            raise TypeError("getnameinfo(): illegal sockaddr argument")
    if len(sockaddr) > 2 and sockaddr[2] > 0xFFFFF:
        raise OverflowError("getnameinfo(): flowinfo must be 0-1048575.")
    code, found = libc.getaddrinfo(host, str(port & 0xFFFF), libc.AF_UNSPEC, libc.SOCK_DGRAM, 0, libc.AI_NUMERICHOST)
    if code:
        raise gai_failure(code)
    if len(sockaddr) != 2:
        raise OSError("IPv4 sockaddr must be 2 tuple")
    code, name, service = libc.getnameinfo(found[0].ai_addr, flags)
    if code:
        raise gai_failure(code)
    return name, service


def gethostbyname(hostname):
    """gethostbyname(host) -> address"""
    return libc.inet_ntoa(resolve_ipv4(argument_host(hostname)))


def argument_host(name):
    if not isinstance(name, (str, bytes, bytearray)):
        raise TypeError(f"str, bytes or bytearray expected, not {type(name).__name__}")
    text = text_of(name, "host")
    if "\0" in text:
        raise TypeError("host name must not contain null character")
    return text


def gethostbyname_ex(hostname):
    """gethostbyname_ex(host) -> (name, aliaslist, addresslist)"""
    text = argument_host(hostname)
    resolve_ipv4(text)
    found = libc.gethostbyname(text)
    if found is None:
        raise host_failure()
    return found.h_name, list(found.h_aliases), [libc.inet_ntoa(address) for address in found.h_addr_list]


def gethostbyaddr(ip_address):
    """gethostbyaddr(host) -> (name, aliaslist, addresslist)"""
    packed = resolve_ipv4(argument_host(ip_address)).to_bytes(4, "big")
    found = libc.gethostbyaddr(packed)
    if found is None:
        raise host_failure()
    return found.h_name, list(found.h_aliases), [libc.inet_ntoa(address) for address in found.h_addr_list]


def getservbyname(servicename, protocolname=None, /):
    """getservbyname(servicename[, protocolname]) -> integer"""
    found = libc.getservbyname(servicename, protocolname)
    if found is None:
        raise OSError("service/proto not found")
    return found.s_port


def getservbyport(port, protocolname=None, /):
    """getservbyport(port[, protocolname]) -> string"""
    if not 0 <= port <= 0xFFFF:
        raise OverflowError("getservbyport: port must be 0-65535.")
    found = libc.getservbyport(port, protocolname)
    if found is None:
        raise OSError("port/proto not found")
    return found.s_name


def getprotobyname(name, /):
    """getprotobyname(name) -> integer"""
    found = libc.getprotobyname(name)
    if found is None:
        raise OSError("protocol not found")
    return found.p_proto


def gethostname():
    """gethostname() -> string"""
    return checked(libc.uname())[1]


def if_nameindex():
    """Returns a list of network interface information (index, name) tuples."""
    return [(libc.if_nametoindex(name), name) for name in libc.if_names()]


def if_nametoindex(oname):
    """Returns the interface index corresponding to the interface name."""
    number = libc.if_nametoindex(os.fsdecode(oname))
    if number <= 0:
        raise OSError("no interface with this name")
    return number


def if_indextoname(index):
    """Returns the interface name corresponding to the interface index."""
    if index < 0:
        raise OverflowError("can't convert negative value to unsigned int")
    if index > 0xFFFFFFFF:
        raise OverflowError("Python int too large to convert to C unsigned int")
    name = libc.if_indextoname(index) if index <= 0x7FFFFFFF else None
    if name is None:
        raise OSError(libc.ENXIO, libc.strerror(libc.ENXIO))
    return name


# --- numbers ---


def swap16(x, name):
    """htons and ntohs with the checks of the module."""
    if x < 0:
        raise OverflowError(f"{name}: can't convert negative Python int to C 16-bit unsigned integer")
    if x > 0xFFFF:
        raise OverflowError(f"{name}: Python int too large to convert to C 16-bit unsigned integer")
    return libc.htons(x)


def htons(x):
    """Convert a 16-bit unsigned integer from host to network byte order."""
    return swap16(x.__index__(), "htons")


def ntohs(x):
    """Convert a 16-bit unsigned integer from network to host byte order."""
    return swap16(x.__index__(), "ntohs")


def swap32(x):
    if not isinstance(x, int):
        raise TypeError(f"expected int, {type(x).__name__} found")
    if x < 0:
        raise OverflowError("can't convert negative value to unsigned int")
    if x > 0xFFFFFFFF:
        raise OverflowError("int larger than 32 bits")
    return libc.htonl(x)


def htonl(x):
    """Convert a 32-bit integer from host to network byte order."""
    return swap32(x)


def ntohl(x):
    """Convert a 32-bit integer from network to host byte order."""
    return swap32(x)


def inet_aton(ip_addr):
    """Convert an IP address in string format (123.45.67.89) to the 32-bit packed binary format."""
    if not isinstance(ip_addr, str):
        raise TypeError(f"inet_aton() argument must be str, not {type(ip_addr).__name__}")
    packed = libc.inet_aton(ip_addr)
    if packed is None:
        raise OSError("illegal IP address string passed to inet_aton")
    return packed


def inet_ntoa(packed_ip):
    """Convert an IP address from 32-bit packed binary format to string format."""
    packed = bytes(memoryview(packed_ip))
    if len(packed) != 4:
        raise OSError("packed IP wrong length")
    return libc.inet_ntoa(packed)


def inet_pton(address_family, ip_string):
    """Convert an IP address from string format to a packed string suitable for use with low-level network functions."""
    packed = libc.inet_pton(address_family, ip_string)
    if packed == -1:
        raise os_error()
    if packed is None:
        raise OSError("illegal IP address string passed to inet_pton")
    return packed


def inet_ntop(address_family, packed_ip):
    """Convert a packed IP address of the given family to string format."""
    packed = bytes(memoryview(packed_ip))
    if address_family == libc.AF_INET and len(packed) != 4:
        raise ValueError("invalid length of packed IP address string")
    text = libc.inet_ntop(address_family, packed)
    if text is None:
        raise ValueError(f"unknown address family {address_family}")
    return text
