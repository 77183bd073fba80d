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


KNOWN = ()


def reason_for(sequence, difference, host, ours):
    """The entry that a difference falls under, or None."""
    if difference.index >= min(len(host), len(ours)):
        return None
    step = sequence.steps[difference.index]
    for entry in KNOWN:
        if entry.matches(step, host[difference.index], ours[difference.index]):
            return entry
    return None
