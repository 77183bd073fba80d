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


AF_INET, SOCK_PACKET, SOL_SOCKET, SO_SNDBUF = 2, 10, 1, 7


def obsolete_packet_socket(step, host, ours):
    return step.call == "socket" and step.arguments[0] == AF_INET and step.arguments[1] & 0xF == SOCK_PACKET


def send_buffer(step, host, ours):
    return step.call == "getsockopt" and step.arguments[1:3] == (SOL_SOCKET, SO_SNDBUF) and host.result == ours.result == 0


KNOWN = (
    Known(
        "SO_SNDBUF of a connection",
        "Linux lets it grow by a factor of the congestion control; the host's default one need not be ours",
        send_buffer,
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
