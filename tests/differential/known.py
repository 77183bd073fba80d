"""The differences that stay, each with its reason; docs/differential.md shows the same table.

An entry is about what a machine like ours can not share with the host at hand.  That a call is not implemented is no
reason.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """`matches(step, host, ours)` is true of the first difference of a sequence; host and ours are outcomes."""

    name: str
    reason: str
    matches: Callable


AF_INET, SOCK_PACKET, AF_NETLINK, EPROTONOSUPPORT = 2, 10, 16, 93


def obsolete_packet_socket(step, host, ours):
    return step.call == "socket" and step.arguments[0] == AF_INET and step.arguments[1] & 0xF == SOCK_PACKET


def netlink_family(step, host, ours):
    return step.call == "socket" and step.arguments[0] == AF_NETLINK and ours.result == -EPROTONOSUPPORT


KNOWN = (
    Known(
        "netlink families",
        "which of them there are is a question of the configuration; the machine has those of routing and of socket diagnosis",
        netlink_family,
    ),
    Known(
        "SOCK_PACKET", "obsolete since Linux 2.2 (packet(7)): an AF_INET socket of this type is refused", obsolete_packet_socket
    ),
)


def reason_for(sequence, difference, host, ours):
    """The entry that a difference falls under, or None."""
    if difference.index >= min(len(host), len(ours)):
        return None
    step = sequence.steps[difference.index]
    for entry in KNOWN:
        if entry.matches(step, host[difference.index], ours[difference.index]):
            return entry
    return None
