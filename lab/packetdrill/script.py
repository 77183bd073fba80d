"""What a script is made of: options, and events with times; and the two ways in which one goes wrong."""

from dataclasses import dataclass, field
from typing import Any

NS_PER_SECOND = 1_000_000_000
NS_PER_USEC = 1_000


class ScriptError(Exception):
    """This is no script, or not one that we understand: `line` counts from 1."""

    def __init__(self, line, message):
        super().__init__(message)
        self.line = line


class Mismatch(Exception):
    """The machine did something else: what was expected, and what came instead."""

    def __init__(self, expected, got):
        super().__init__(f"expected {expected}, got {got}")


@dataclass
class Time:
    """When an event is due: ns, from the start or (`relative`) from the event before it.

    `end` is where a range ends (`+.3~+.4`); `any` stands for `*`.
    """

    when: int = 0
    end: int | None = None
    relative: bool = True
    any: bool = False


@dataclass
class Option:
    """One TCP option as the script writes it: `value` is a number, a pair, a list of pairs or bytes."""

    kind: int
    value: Any = None
    # RFC 6994: the experimental kind 254 with an identifier of 16 bits.
    experimental: bool = False


@dataclass
class TcpPacket:
    """A TCP segment; numbers are the script's.  None: not said, so anything will do (outbound) or zero (inbound)."""

    flags: str
    seq: int
    length: int
    ack: int | None = None
    win: int | None = None
    urg: int | None = None
    # None: `<...>`, any options.
    options: list[Option] | None = field(default_factory=list)
    ecn: int | None = None


@dataclass
class IcmpPacket:
    """An ICMP message from the peer that quotes a packet of ours; `seq` is the quoted sequence number."""

    type: int
    code: int
    mtu: int = 0
    seq: int = 0
    length: int = 0


@dataclass
class Packet:
    """An event: `inbound` reaches the machine, otherwise the machine is to send it."""

    inbound: bool
    body: TcpPacket | IcmpPacket


@dataclass
class Call:
    """An event: a system call, its arguments, what it returns (`errno` by name), and when, if it may block."""

    name: str
    arguments: list
    result: Any
    errno: str | None = None
    # ns, as in `Time`; None: it must not block.
    end: int | None = None


@dataclass
class Command:
    """An event: one line or several for the shell."""

    text: str


@dataclass
class Code:
    """An event: Python that may look at TCP_INFO."""

    text: str


@dataclass
class Event:
    line: int
    time: Time
    action: Packet | Call | Command | Code
    text: str


@dataclass
class Script:
    options: dict[str, str]
    events: list[Event]
