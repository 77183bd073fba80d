"""What the command line's words mean.  Every function turns a string into a value or raises ValueError with one line."""

import ipaddress
from typing import NamedTuple

from hwemu.wire.impair import parse_impairments

_SIZE_UNITS = {"": 1 << 20, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
SMALLEST_MEMORY = 8 << 20
LARGEST_MEMORY = 3 << 30
PAGE = 4096
# IFNAMSIZ (linux/if.h) less the null byte.
LONGEST_INTERFACE_NAME = 15


class Network(NamedTuple):
    """`--net`: `kind` is user, tap, none or machine; `tap` the TAP's name."""

    kind: str
    tap: str = ""


class Forward(NamedTuple):
    """`--forward`: the host's `protocol` (tcp or udp) socket at `host`:`port` goes to `guest_port` on the guest."""

    protocol: str
    host: str
    port: int
    guest_port: int


class Address(NamedTuple):
    """`--ip`: an IPv4 address and the length of its prefix."""

    address: str
    prefix: int

    @property
    def netmask(self) -> str:
        return str(ipaddress.ip_network(f"0.0.0.0/{self.prefix}").netmask)


class Networks(list):
    """What each card is plugged into, in the order of the cards, with the addresses that were given for them."""

    def __init__(self, networks, addresses):
        super().__init__(networks)
        self.addresses = list(addresses)

    def address_of(self, network):
        """The address of the card that is plugged into `network` (one of ours), or None."""
        position = next(index for index, known in enumerate(self) if known is network)
        return self.addresses[position] if position < len(self.addresses) else None


def network(text: str) -> Network:
    """`user`, `none` or `tap:NAME`."""
    if text in ("user", "none"):
        return Network(text)
    return Network("tap", tap_name(text))


def card_network(text: str) -> Network:
    """`user`, `none`, `tap:NAME` or `machine`: what a card that is served can be plugged into."""
    if text == "machine":
        return Network(text)
    try:
        return network(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a network (user, none, tap:NAME or machine)") from None


def hardware_address(text: str) -> bytes:
    """`52:54:00:12:34:56`: the address of a station, so neither multicast nor all zero."""
    parts = text.split(":")
    if len(parts) != 6 or any(len(part) != 2 or not set(part) <= set("0123456789abcdefABCDEF") for part in parts):
        raise ValueError(f"{text!r} is not a hardware address (aa:bb:cc:dd:ee:ff)")
    address = bytes(int(part, 16) for part in parts)
    if address[0] & 1 or not any(address):
        raise ValueError(f"{text} is not the address of a station")
    return address


def tap_name(text: str) -> str:
    """The NAME of `tap:NAME`."""
    kind, _, name = text.partition(":")
    if kind != "tap" or not name:
        raise ValueError(f"{text!r} is not a network (user, none or tap:NAME)")
    strange = "/" in name or any(letter.isspace() for letter in name) or name in (".", "..")
    if strange or len(name.encode()) > LONGEST_INTERFACE_NAME:
        raise ValueError(f"{name!r} is not the name of a network interface")
    return name


def port(text: str) -> int:
    """A TCP or UDP port, 1 to 65535."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise ValueError(f"{text!r} is not a port (1 to 65535)")
    return int(text)


def forward(text: str) -> Forward:
    """`tcp:HOST:PORT:GUESTPORT` or `udp:...`; an empty HOST is 127.0.0.1."""
    parts = text.split(":")
    if len(parts) != 4 or parts[0] not in ("tcp", "udp"):
        raise ValueError(f"{text!r} is not of the form tcp:HOST:PORT:GUESTPORT (or udp:...)")
    return Forward(parts[0], parts[1] or "127.0.0.1", port(parts[2]), port(parts[3]))


def ipv4(text: str) -> str:
    """An IPv4 address that a host can have."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv4 address") from None
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.packed[0] >= 240:
        raise ValueError(f"{text} is not an address for a host")
    return str(address)


def interface_address(text: str) -> Address:
    """`A.B.C.D/N`."""
    address, slash, length = text.partition("/")
    if not slash or not length.isascii() or not length.isdigit() or not 1 <= int(length) <= 32:
        raise ValueError(f"{text!r} is not of the form A.B.C.D/N")
    return Address(ipv4(address), int(length))


def memory(text: str) -> int:
    """A size in bytes: a number of MiB, or one with the unit K, M or G."""
    number, unit = (text[:-1], text[-1].lower()) if text[-1:].isalpha() else (text, "")
    if not number.isascii() or not number.isdigit() or unit not in _SIZE_UNITS:
        raise ValueError(f"{text!r} is not a size such as 64M")
    size = int(number) * _SIZE_UNITS[unit]
    if size % PAGE or not SMALLEST_MEMORY <= size <= LARGEST_MEMORY:
        raise ValueError(f"{text}: a machine has 8M to 3G of memory")
    return size


def seed(text: str) -> int:
    """A whole number that is not negative."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a seed (a whole number)")
    return int(text)


def microseconds(text: str) -> int:
    """A whole number of microseconds that is not negative."""
    if not text.isascii() or not text.isdigit():
        raise ValueError(f"{text!r} is not a time (a whole number of microseconds)")
    return int(text)


def definition(text: str) -> tuple[str, str | int]:
    """`NAME=VALUE`; a whole number becomes one."""
    name, equals, word = text.partition("=")
    if not name.isidentifier() or not equals or not word:
        raise ValueError(f"{text!r} is not of the form NAME=VALUE")
    return name, int(word) if word.isascii() and word.isdigit() else word


def impairments(text: str) -> dict:
    """`loss=5%,delay=20ms,...`; see `hwemu.wire.impair`."""
    return parse_impairments(text)
