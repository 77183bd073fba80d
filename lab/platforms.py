"""The platforms that a driver can be tested on, and a rig that puts a driver on any of them.

A platform is a function like `lab.machine.emulated_board`: it makes a board and the card in it.  A test that uses
a `Rig` and nothing of a platform's own runs on all of them.
"""

import functools
import os

from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from kernel.net.core.dev import dev_add_pack, dev_close, dev_get_by_name, dev_open, dev_queue_xmit, dev_remove_pack
from kernel.net.core.netdevice import netif_carrier_ok, packet_type
from kernel.net.core.skbuff import alloc_skb, consume_skb, skb_put_data, skb_reserve
from lab import guest
from lab.machine import emulated_board
from lab.qtest.board import qemu_board
from lab.qtest.qemu import PROGRAM, PROGRAM_VARIABLE, find_qemu

MILLISECOND = 1_000_000
# A card may take half a second for its link, and QEMU's another second until it takes frames.
WITHIN = 5_000 * MILLISECOND
ETH_P_TEST = 0x88B5
HEADROOM = 64
ETH_HLEN = 14


def board_of(platform, qemu_device):
    """The function that makes the hardware of a platform, for `build_machine`."""
    if platform == "qemu":
        return functools.partial(qemu_board, device=qemu_device)
    return emulated_board


def missing(platform):
    """Why `platform` can not be had here, or "" when it can.  Where HWEMU_QEMU names a QEMU, that one has to be there."""
    if platform == "qemu" and not os.environ.get(PROGRAM_VARIABLE) and find_qemu() is None:
        return f"QEMU ({PROGRAM}) is not installed"
    return ""


class Sink(packet_type):
    """Collects what climbs the stack: `packets` are bytes, from behind the link header; `kinds` their packet types."""

    def __init__(self, protocol):
        packet_type.__init__(self, protocol)
        self.packets = []
        self.kinds = []

    def func(self, skb, dev):
        self.packets.append(skb.bytes())
        self.kinds.append(skb.pkt_type)
        consume_skb(skb)
        return 0


class Rig:
    """A booted machine with its driver's `dev` (eth0), on a `link` whose other end is a TestEnd, `end`.

    `bench` is the pytest fixture of that name, `platform` "emulated" or "qemu"; there `qemu_device` names the card,
    and time is the host's.
    """

    def __init__(self, bench, platform, qemu_device):
        self.platform = platform
        self.clock = bench.clock
        self.link = Link(bench.clock)
        self.end = TestEnd(bench.clock)
        self.host = bench.host(self.link, board=board_of(platform, qemu_device))
        self.link.attach(self.end)
        self.kernel = self.host.kernel
        self.sinks = []

    @property
    def dev(self):
        """The interface, None while no driver is bound."""
        return dev_get_by_name(self.kernel.net, "eth0")

    def call(self, function, *arguments):
        """Run `function(*arguments)` on the machine's CPU, as the kernel would, and return its result."""
        return guest.run(self.host, function, *arguments)

    def until(self, condition, within=WITHIN):
        """Let time pass until `condition()` holds; AssertionError after `within` ns."""
        deadline = self.clock.now + within
        while not condition():
            assert self.clock.now < deadline, f"nothing of the kind within {within // MILLISECOND} ms:\n{self.log()}"
            self.clock.run(self.clock.now + MILLISECOND)

    def log(self):
        """The kernel's messages so far."""
        return "\n".join(self.kernel.printk.lines())

    def open(self):
        """Bring the interface up and wait for its carrier."""
        assert self.call(dev_open, self.dev) == 0
        self.until(lambda: netif_carrier_ok(self.dev))

    def close(self):
        """Take the interface down."""
        self.call(dev_close, self.dev)

    def sink(self, protocol=ETH_P_TEST):
        """From now on collect received packets of an Ethernet type (3: all, sent ones too)."""
        sink = Sink(protocol)
        dev_add_pack(self.kernel.net, sink)
        self.sinks.append(sink)
        return sink

    def send(self, *frames):
        """Hand frames (bytes, from the destination address on) to the driver; what the stack says to each (0: taken)."""

        def transmit():
            return [dev_queue_xmit(self.buffer(frame)) for frame in frames]

        return self.call(transmit)

    def buffer(self, frame):
        """An sk_buff that holds `frame`."""
        skb = alloc_skb(self.kernel.skb_cache, HEADROOM + len(frame))
        skb_reserve(skb, HEADROOM)
        skb_put_data(skb, frame)
        skb.dev = self.dev
        skb.network_header = skb.data + ETH_HLEN
        skb.protocol = int.from_bytes(frame[12:14], "big")
        return skb

    def finish(self):
        """Remove what the rig itself has put into the kernel."""
        for sink in self.sinks:
            dev_remove_pack(self.kernel.net, sink)
