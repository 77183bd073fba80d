"""What a card and its driver look like at one moment, as plain data: for the doctor, for a file, for a bug report.

Looking changes nothing: no register is read as a driver reads it.
"""

from hwemu.nic.e1000.registers import MTA, REGISTERS, VFTA, each_word
from hwemu.wire.middleware import Middleware
from kernel.net.core.dev import for_each_netdev
from kernel.net.core.netdevice import netif_carrier_ok, netif_queue_stopped, netif_running
from lab.kit.rings import Rings

VERSION = 1
# Destinations that are counted one by one; the others together.
DESTINATIONS = 64
# Tables whose words are mostly 0 and then not worth a line; those that tell nothing about frames.
SPARSE = (MTA, VFTA)
UNTOLD = ("FFMT", "FFVT", "PBM", "WUPM")
LOG_LINES = 20


class Observer(Middleware):
    """On a card's wire: counts what arrives, by destination, and what leaves."""

    def __init__(self, inner):
        Middleware.__init__(self, inner)
        self.frames_in = 0
        self.frames_out = 0
        self.longest = 0
        self.destinations = {}

    def leaving(self, plug, frame, flags):
        self.frames_out += 1
        return Middleware.leaving(self, plug, frame, flags)

    def entering(self, plug, frame, flags):
        self.frames_in += 1
        self.longest = max(self.longest, len(frame))
        destination = frame[:6].hex(":")
        if destination not in self.destinations and len(self.destinations) >= DESTINATIONS:
            destination = "others"
        self.destinations[destination] = self.destinations.get(destination, 0) + 1
        Middleware.entering(self, plug, frame, flags)

    def state(self):
        return {
            "arrived": self.frames_in, "left": self.frames_out, "longest": self.longest,
            "destinations": dict(self.destinations),
        }  # fmt: skip


def take(machine, nic, kernel=None, observer=None):
    """The snapshot of a card as a dictionary of numbers, texts and lists, fit for JSON.

    `machine` has the `ram` that the card reaches and the interrupt controller `pic` (None: somebody else's).
    """
    rings = Rings(nic, machine.ram)
    controller = machine.pic
    line = nic.interrupt_line
    line_known = controller is not None and line >= 0
    return {
        "version": VERSION,
        "time": nic.clock.now,
        "card": nic.name,
        "plugged": nic.controller is not None,
        "config": "".join(f"{nic.config_read(offset, 1):02x}" for offset in range(256)),
        "registers": registers(nic),
        "rings": {"tx": ring_state(rings.tx), "rx": ring_state(rings.rx)},
        "phy": {"carrier": bool(nic.phy.carrier), "link": bool(nic.phy.link)},
        "aborts": nic.dma.aborts,
        "interrupts": {
            "raised": nic.interrupts.raised,
            "pin": bool(nic.interrupt_pending),
            "line": line,
            "line_masked": bool(line_known and controller.mask >> line & 1),
        },
        "frames": None if observer is None else observer.state(),
        "interface": None if kernel is None else interface(kernel, nic),
        "log": [] if kernel is None else list(kernel.printk.lines())[-LOG_LINES:],
    }


def registers(nic):
    """{name: value} of the registers that say something about frames."""
    values = {}
    for row in REGISTERS:
        if row.name in UNTOLD:
            continue
        for offset, name in each_word(row):
            value = nic.regs.get(offset)
            if value or row.offset not in SPARSE:
                values[name] = value
    values["ICR"] = nic.interrupts.icr
    values["IMS"] = nic.interrupts.ims
    return values


def ring_state(ring):
    tail = ring.tail
    return {
        "base": ring.base, "count": ring.count, "head": ring.head, "tail": tail, "enabled": ring.enabled,
        "at_tail": ring.raw(tail).hex() if tail < ring.count else "",
        "picture": ring.picture(),
    }  # fmt: skip


def interface(kernel, nic):
    """The driver's interface, {} where none has taken the card."""
    if kernel.pci is None or kernel.net is None:
        return {}
    for dev in kernel.pci.devices:
        if dev.devfn >> 3 == nic.slot and dev.driver is not None:
            for netdev in for_each_netdev(kernel.net):
                if netdev.parent is dev:
                    return {
                        "name": netdev.name, "driver": dev.driver.name, "up": bool(netif_running(netdev)),
                        "carrier": bool(netif_carrier_ok(netdev)), "mtu": netdev.mtu,
                        "address": netdev.dev_addr.hex(":"), "tx_packets": netdev.tx_packets,
                        "rx_packets": netdev.rx_packets, "queue_stopped": bool(netif_queue_stopped(netdev)),
                    }  # fmt: skip
    return {}

