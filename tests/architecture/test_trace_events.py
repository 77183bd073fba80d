"""Every trace event that is declared is emitted somewhere, and every one that is emitted is declared."""

import re
from pathlib import Path

from hwemu.trace import HARDWARE_EVENTS
from kernel.init.main import CORE_EVENTS
from kernel.net.core.net_dev_init import NETDEV_EVENTS
from kernel.trace import NET_EVENTS

ROOT = Path(__file__).parents[2]
DECLARED = {**HARDWARE_EVENTS, **CORE_EVENTS, **NETDEV_EVENTS, **NET_EVENTS}
# The first argument, which may be one of two names: trace.emit("dma_write" if write else "dma_read", ...
EMIT = re.compile(r'trace\.emit\(\s*"(\w+)"(?: if \w+ else "(\w+)")?')


def emitted():
    names = set()
    for package in ("hwemu", "kernel", "driver", "lab"):
        for source in sorted((ROOT / package).rglob("*.py*")):
            if source.suffix in (".py", ".pyx"):
                for match in EMIT.finditer(source.read_text()):
                    names.update(name for name in match.groups() if name)
    return names


def test_declared_and_emitted_events_are_the_same():
    assert emitted() == set(DECLARED)
