"""The differences that stay, each with its reason; docs/differential.md shows the same table.

An entry is about what a machine like ours can not share with the host at hand.  That a call is not implemented is no
reason.
"""

from collections.abc import Callable
from dataclasses import dataclass

from . import options
from .private import as_int


@dataclass(frozen=True)
class Known:
    """`matches(steps, host, ours)` is true of the first difference of a sequence: `steps` end with the one that differs, host
    and ours are its outcomes."""

    name: str
    reason: str
    matches: Callable


AF_INET, SOCK_PACKET, AF_NETLINK = 2, 10, 16
ENOPROTOOPT, EPROTONOSUPPORT = 92, 93
MSG_MORE = 0x8000


def obsolete_packet_socket(steps, host, ours):
    step = steps[-1]
    return step.call == "socket" and step.arguments[0] == AF_INET and step.arguments[1] & 0xF == SOCK_PACKET


def netlink_family(steps, host, ours):
    step = steps[-1]
    return step.call == "socket" and step.arguments[0] == AF_NETLINK and ours.result == -EPROTONOSUPPORT


def netfilter_option(steps, host, ours):
    step = steps[-1]
    if step.call not in ("getsockopt", "setsockopt"):
        return False
    level, option = (as_int(value) for value in step.arguments[1:3])
    return level == options.SOL_IP and (level, option) in options.NOT_CLAIMED


def held_back(step):
    """True for a send that leaves its packet open for more."""
    flags = {"send": 3, "sendto": 3, "sendmsg": 2}.get(step.call)
    return flags is not None and bool(as_int(step.arguments[flags]) & MSG_MORE)


def kept_route(steps, host, ours):
    """An error that our answer about the protocol has brought, where Linux's lo still knew the route to a group."""
    return ours.result == -ENOPROTOOPT and host.result != -ENOPROTOOPT and any(
        held_back(step) and step.arguments[0] == steps[-1].arguments[0] for step in steps[:-1]
    )  # fmt: skip


KNOWN = (
    Known(
        "routes over lo",
        "there a packet keeps the route that it was sent by, so one that a raw socket holds back for a group and then sends to a"
        " host is answered by no ICMP error; here it is routed again, as from a wire",
        kept_route,
    ),
    Known(
        "netlink families",
        "which of them there are is a question of the configuration; the machine has those of routing and of socket diagnosis",
        netlink_family,
    ),
    Known(
        "netfilter's options",
        "the machine has no tables of packet filters; they are asked for where a wrong argument is such a number",
        netfilter_option,
    ),
    Known(
        "SOCK_PACKET", "obsolete since Linux 2.2 (packet(7)): an AF_INET socket of this type is refused", obsolete_packet_socket
    ),
)


def reason_for(sequence, difference, host, ours):
    """The entry that a difference falls under, or None."""
    if difference.index >= min(len(host), len(ours)):
        return None
    steps = sequence.steps[: difference.index + 1]
    for entry in KNOWN:
        if entry.matches(steps, host[difference.index], ours[difference.index]):
            return entry
    return None
