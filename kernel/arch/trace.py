"""The machine's trace, under the kernel's own door."""

from hwemu.trace import Trace

__all__ = ["Trace"]
