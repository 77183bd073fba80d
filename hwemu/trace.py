"""Trace events of the hardware: one declarative line per event, and the `Trace` that carries them out.

A machine has one `Trace`.  While nobody listens `on` is False and an event costs one test of a C flag at the
place where it would be emitted: `if trace.on: trace.emit("nic_rx_frame", name, length)`.
The kernel and the drivers declare their own tables of the same form and `declare` them on the same `Trace`.
"""

import fnmatch

from hwemu.trace_switch import TraceSwitch

# name: format of its fields.  The first field of a frame or packet event is what identifies it.
HARDWARE_EVENTS = {
    "mmio_read": "{0} {1:#06x} {2} = {3:#x}",
    "mmio_write": "{0} {1:#06x} {2} = {3:#x}",
    "pci_config_read": "{0} {1:#04x} size {2} = {3:#x}",
    "pci_config_write": "{0} {1:#04x} size {2} = {3:#x}",
    "dma_read": "{0} {1:#x} length {2}",
    "dma_write": "{0} {1:#x} length {2}",
    "dma_abort": "{0} {1:#x} length {2}",
    "nic_rx_frame": "{0} length {1}",
    "nic_rx_drop": "{0} {1}",
    "nic_rx_descriptor": "{0} index {1} address {2:#x} length {3} status {4:#x} errors {5:#x}",
    "nic_tx_descriptor": "{0} index {1} address {2:#x} lower {3:#x} upper {4:#x}",
    "nic_tx_frame": "{0} length {1}",
    "nic_interrupt": "{0} icr {1:#x} ims {2:#x} level {3}",
    "irq_line": "line {0} level {1}",
}


class Trace(TraceSwitch):
    """Where a machine's trace events go.

    `on` is the one flag that the emitting places test.  `listen(pattern, sink)` calls
    `sink(time_ns, machine, event, text)` for every event whose name matches the shell pattern.
    """

    def __init__(self, clock=None, machine=""):
        super().__init__()
        self.clock = clock
        self.machine = machine
        self.formats = dict(HARDWARE_EVENTS)
        self.listeners = []

    def declare(self, table):
        """Add a table {event name: format} to what may be emitted."""
        self.formats.update(table)
        self.listeners = [(self.matching(pattern), sink, pattern) for _, sink, pattern in self.listeners]

    def matching(self, pattern):
        """The names of the events that `pattern` means, as far as they are declared."""
        return frozenset(name for name in self.formats if fnmatch.fnmatchcase(name, pattern))

    def listen(self, pattern, sink):
        """Send every event that matches `pattern` (fnmatch) to `sink`, also those that are declared later.

        ValueError when none of the events declared so far matches.
        """
        names = self.matching(pattern)
        if not names:
            raise ValueError(f"no trace event matches {pattern!r}")
        self.listeners.append((names, sink, pattern))
        self.on = True

    def silence(self):
        """Forget every listener."""
        self.listeners = []
        self.on = False

    def emit(self, name, *fields):
        text = None
        for names, sink, _ in self.listeners:
            if name in names:
                if text is None:
                    text = self.formats[name].format(*fields)
                sink(self.clock.now if self.clock is not None else 0, self.machine, name, text)
