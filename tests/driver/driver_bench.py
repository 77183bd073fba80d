"""A machine with an 82540EM on a wire and just enough kernel around the driver: no sockets, no IP.

`Bench` boots to the point where `eth0` is probed.  `run(ns)` lets virtual time pass; `on_cpu(function)` calls a
function in the machine's own context, where a driver's entry points run in life.
"""

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from kernel.arch.arch import TIMER_IRQ
from kernel.net.core.dev import dev_add_pack, dev_get_by_name, dev_open
from kernel.net.core.net_dev_init import net_dev_exit, net_dev_init
from kernel.net.core.skbuff import alloc_skb, skb_put_data, skb_reserve
from kernel.net.net import Net
from kernel.pci.pci import pci_init
from kernel.softirq import TIMER_SOFTIRQ
from kernel.time.tick import tick_irqaction
from lab.kit.board import MiniKernel, Sink

MAC = bytes.fromhex("525400123456")
PEER = bytes.fromhex("0200000000aa")
MILLISECOND = 1_000_000
ETH_P_TEST = 0x88B5


class Bench:
    """See the module's docstring."""

    def __init__(self, cmdline=None, memory=16 << 20, link=True, dma_debug=True, **link_options):
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=memory, seed=1)
        self.nic = E1000(self.clock, MAC, "nic0", self.machine.trace)
        self.machine.plug(self.nic)
        self.end = TestEnd(self.clock)
        self.wire = Link(self.clock, "wire", **link_options)
        if link:
            self.wire.attach(self.nic.port)
            self.wire.attach(self.end)
        self.kernel = MiniKernel(self.machine, {**({"dma_debug": ""} if dma_debug else {}), **(cmdline or {})})
        self.jobs = []
        self.net = Net(self.kernel)
        self.kernel.net = self.net
        net_dev_init(self.net)
        self.kernel.arch.set_interrupt_entry(self.kernel.irq)
        self.context = self.kernel.arch.new_context(self.boot)
        self.kernel.arch.switch_to(self.context)
        self.run(MILLISECOND)
        self.dev = dev_get_by_name(self.net, "eth0")
        self.adapter = self.dev.priv if self.dev is not None else None

    def boot(self):
        kernel = self.kernel
        kernel.softirq.open_softirq(TIMER_SOFTIRQ, kernel.timers)
        self.tick = tick_irqaction(kernel.timers, kernel.softirq)
        kernel.irq.request_irq(TIMER_IRQ, self.tick, 0, "timer")
        kernel.arch.local_irq_enable()
        pci_init(kernel)
        while True:
            while self.jobs:
                job = self.jobs.pop(0)
                job()
            if kernel.softirq.pending:
                kernel.softirq.do_softirq()
                continue
            kernel.arch.safe_halt()

    def run(self, duration=MILLISECOND):
        self.clock.run(self.clock.now + duration)

    def on_cpu(self, function, *arguments, duration=MILLISECOND):
        """Run `function(*arguments)` as the kernel would, let time pass, and return its result."""
        box = []
        self.jobs.append(lambda: box.append(function(*arguments)))
        self.kernel.arch.kick()
        self.run(duration)
        return box[0]

    def up(self, duration=100 * MILLISECOND):
        """Bring eth0 up and wait for the link."""
        err = self.on_cpu(dev_open, self.dev, duration=duration)
        assert err == 0, err
        return self

    def sink(self, kind=ETH_P_TEST):
        sink = Sink(kind)
        dev_add_pack(self.net, sink)
        return sink

    def skb(self, frame, headroom=64, size=None):
        """An sk_buff with linear `frame`, from its link header on."""
        skb = alloc_skb(self.kernel.skb_cache, headroom + (size or len(frame)))
        skb_reserve(skb, headroom)
        skb_put_data(skb, frame)
        skb.dev = self.dev
        skb.network_header = skb.data + 14
        skb.protocol = int.from_bytes(frame[12:14], "big")
        return skb

    def shutdown(self):
        """Close everything and return what leaked."""
        self.on_cpu(self.kernel.pci.shutdown)
        self.on_cpu(net_dev_exit, self.net)
        leaks = self.kernel.leak_report()
        if self.kernel.timers.active:
            leaks.append(f"{self.kernel.timers.active} timers are armed")
        self.machine.cpu.shutdown()
        return leaks


def frame(payload, dst=MAC, src=PEER, kind=ETH_P_TEST):
    return dst + src + kind.to_bytes(2, "big") + payload
