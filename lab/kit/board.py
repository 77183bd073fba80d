"""A driver on a machine without the rest of the kernel: PCI, DMA, interrupts, timers and network devices, nothing more.

`Board` boots to the point where the driver has been asked to take the card.  `run(ns)` lets virtual time pass;
`on_cpu(function)` calls a function in the machine's own context, where a driver's entry points run in life.
"""

from types import SimpleNamespace

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from kernel.arch.arch import TIMER_IRQ, Arch
from kernel.irq.irq import IRQ
from kernel.mm.slab import Slab
from kernel.net.core.dev import dev_add_pack, dev_close, dev_get_by_name, dev_open, dev_queue_xmit
from kernel.net.core.net_dev_init import net_dev_exit, net_dev_init
from kernel.net.core.netdevice import packet_type
from kernel.net.core.skbuff import alloc_skb, consume_skb, skb_put_data, skb_reserve, skbuff_cache
from kernel.net.net import Net
from kernel.pci.driver import pci_unbind
from kernel.pci.pci import pci_init
from kernel.printk import Printk
from kernel.sched.core import Scheduler
from kernel.softirq import TIMER_SOFTIRQ, SoftIRQ
from kernel.time.tick import tick_irqaction
from kernel.time.timer import TimerBase
from lab.errors import LabError
from lab.kit.kit import Kit
from lab.machine import station_address

MAC = station_address(0)
PEER = bytes.fromhex("0200000000aa")
MILLISECOND = 1_000_000
LINK_TIME = 100 * MILLISECOND
ETH_P_TEST = 0x88B5
RAM = 16 << 20
SOFTIRQ_COST = 200
INTERFACE = "eth0"


class Proc:
    """Remembers what would be files of /proc: `files` by path, each a function that returns its text."""

    def __init__(self):
        self.files = {}

    def create(self, path, show, store=None):
        self.files[path] = show


class MiniKernel:
    """The kernel services that a driver uses."""

    def __init__(self, machine, cmdline):
        self.cmdline = cmdline
        self.arch = Arch(machine)
        self.trace = self.arch.trace
        self.random = self.arch.random
        self.softirq = SoftIRQ()
        self.timers = TimerBase(self.arch)
        self.printk = Printk(self.timers.now)
        self.irq = IRQ(self.arch, self.softirq, self.printk)
        self.slab = Slab(self.arch.memory)
        # What a driver uses after it freed it is 0x6B.
        self.slab.poison = True
        self.skb_cache = skbuff_cache(self.slab, self.trace)
        self.sched = Scheduler(self.arch, self.timers)
        self.proc = Proc()
        self.leak_checks = []
        self.pci = None
        self.net = None

    def add_leak_check(self, check):
        self.leak_checks.append(check)

    def log(self):
        return "\n".join(self.printk.lines())

    def leak_report(self):
        found = []
        for check in self.leak_checks:
            found += check()
        return found + self.skb_cache.leak_report()


class Sink(packet_type):
    """Collects what climbs the stack: bytes behind the link header, and what the driver said of them."""

    def __init__(self, kind):
        packet_type.__init__(self, kind)
        self.packets = []

    def func(self, skb, dev):
        facts = SimpleNamespace(
            data=skb.bytes(), pkt_type=skb.pkt_type, ip_summed=skb.ip_summed, vlan_tci=skb.vlan_tci,
            vlan_present=skb.vlan_present, gso_size=skb.gso_size, gso_segs=skb.gso_segs, nr_frags=skb.nr_frags,
            protocol=skb.protocol, network_header=skb.network_header - skb.data,
        )  # fmt: skip
        self.packets.append(facts)
        consume_skb(skb)
        return 0

    def data(self):
        return [packet.data for packet in self.packets]


class Board:
    """See the module's docstring.

    `driver`: None for the one that the kernel finds by PCI id, or a driver module's `module_init(kernel)`.
    `link_options` are the wire's `rate` (bit/s) and `delay` (ns).  `prepare(board)` is called before the machine is
    switched on: for an EEPROM that has rotted, a PHY that never links.  `kit` watches and breaks.
    """

    def __init__(self, driver=None, cmdline=None, memory=RAM, seed=1, link=True, prepare=None, clock=None, **link_options):
        self.clock = Clock() if clock is None else clock
        self.machine = Machine(self.clock, memory=memory, seed=seed)
        self.nic = E1000(self.clock, MAC, "nic0", self.machine.trace)
        self.machine.plug(self.nic)
        self.end = TestEnd(self.clock)
        self.wire = Link(self.clock, "wire", **link_options)
        if link:
            self.wire.attach(self.nic.port)
            self.wire.attach(self.end)
        if prepare is not None:
            prepare(self)
        self.kernel = MiniKernel(self.machine, {"dma_debug": "", **(cmdline or {})})
        self.driver = driver
        self.jobs = []
        self.errors = []
        self.net = Net(self.kernel)
        self.kernel.net = self.net
        net_dev_init(self.net)
        self.kernel.arch.set_interrupt_entry(self.kernel.irq)
        self.kit = Kit(self.clock, self.machine, self.nic, self.wire, self.end, seed)
        self.kernel.arch.switch_to(self.kernel.arch.new_context(self._boot))
        self.run(MILLISECOND)
        self.dev = dev_get_by_name(self.net, INTERFACE)
        self.received = Sink(ETH_P_TEST)
        dev_add_pack(self.net, self.received)

    def _boot(self):
        kernel = self.kernel
        kernel.softirq.open_softirq(TIMER_SOFTIRQ, kernel.timers)
        kernel.irq.request_irq(TIMER_IRQ, tick_irqaction(kernel.timers, kernel.softirq), 0, "timer")
        kernel.arch.local_irq_enable()
        self._attempt(self._probe)
        while True:
            while self.jobs:
                self.jobs.pop(0)()
            if kernel.softirq.pending:
                kernel.softirq.do_softirq()
                # Softirqs that never end must not stop the time, or no test of them would end either.
                self.clock.advance(SOFTIRQ_COST)
                kernel.arch.interruptible_point()
                continue
            kernel.arch.safe_halt()

    def _probe(self):
        """Enumerate and bind; our driver takes the card from the one that the kernel found."""
        kernel = self.kernel
        if self.driver is None:
            pci_init(kernel)
            self.kit.attach_kernel(kernel)
            return
        pci_init(kernel, aliases=[])
        self.kit.attach_kernel(kernel)
        driver = self.driver(kernel)
        for dev in kernel.pci.devices:
            if (dev.vendor, dev.device) in driver.id_table:
                dev.driver = driver
                err = driver.probe(dev, (dev.vendor, dev.device))
                if err:
                    dev.driver = None
                    kernel.printk.printk(f"{driver.name} {dev.name}: probe failed with error {err}")

    def _attempt(self, function, *arguments):
        """The function's result; an exception of the driver is kept in `errors` and gives None."""
        try:
            return function(*arguments)
        except Exception as error:
            self.errors.append(error)
            return None

    # --- time and the CPU ---

    def run(self, duration=MILLISECOND):
        """Let `duration` ns of virtual time pass."""
        self.clock.run(self.clock.now + duration)

    def on_cpu(self, function, *arguments, duration=MILLISECOND):
        """Run `function(*arguments)` as the kernel would, let time pass, and return its result; raises what it raised."""
        box = []
        before = len(self.errors)
        self.jobs.append(lambda: box.append(self._attempt(function, *arguments)))
        self.kernel.arch.kick()
        self.run(duration)
        if len(self.errors) > before:
            raise self.errors[before]
        if not box:
            raise LabError("the machine did not get to it: it is busy with something that does not end")
        return box[0]

    # --- the interface ---

    def up(self, duration=LINK_TIME):
        """Bring the interface up and wait for the link; returns the board."""
        if self.dev is None:
            raise LabError("the driver has registered no interface\n" + self.kernel.log())
        err = self.on_cpu(dev_open, self.dev, duration=duration)
        if err:
            raise LabError(f"{self.dev.name} does not open: error {err}")
        return self

    def down(self):
        self.on_cpu(dev_close, self.dev)

    def skb(self, frame, headroom=64):
        """An sk_buff that holds `frame` from its link header on."""
        skb = alloc_skb(self.kernel.skb_cache, headroom + len(frame))
        skb_reserve(skb, headroom)
        skb_put_data(skb, bytes(frame))
        skb.dev = self.dev
        skb.network_header = skb.data + 14
        skb.protocol = int.from_bytes(frame[12:14], "big")
        return skb

    def send(self, *frames, duration=MILLISECOND):
        """Hand frames to the stack one by one, in one go of the CPU; returns what dev_queue_xmit said of each."""
        skbs = [self.skb(frame) for frame in frames]
        return self.on_cpu(lambda: [dev_queue_xmit(skb) for skb in skbs], duration=duration)

    def send_batch(self, *frames, duration=MILLISECOND):
        """Hand frames straight to the driver as one batch: all but the last say that more follow."""
        skbs = [self.skb(frame) for frame in frames]

        def job():
            for skb in skbs:
                skb.xmit_more = skb is not skbs[-1]
                skb.mac_header = skb.data
                self.dev.netdev_ops.ndo_start_xmit(skb, self.dev)

        self.on_cpu(job, duration=duration)

    def sink(self, kind=ETH_P_TEST):
        """Collect frames of another type; those of ETH_P_TEST are in `received`."""
        sink = Sink(kind)
        dev_add_pack(self.net, sink)
        return sink

    # --- the end ---

    def unbind(self):
        """Take the driver off the card."""
        for dev in reversed(self.kernel.pci.devices):
            pci_unbind(dev)

    def shutdown(self):
        """Remove the driver and switch off; returns what is left over, a line each."""
        left = []
        try:
            self.on_cpu(self.unbind)
            self.on_cpu(net_dev_exit, self.net)
        except Exception as error:
            left.append(f"shutdown: {error!r}")
        pdevs = self.kernel.pci.devices
        left += [f"{dev.name}: {dev.dma_mappings} DMA mappings are left" for dev in pdevs if dev.dma_mappings]
        left += [f"{dev.name}: {dev.dma_coherent} coherent DMA allocations are left" for dev in pdevs if dev.dma_coherent]
        left += self.kernel.skb_cache.leak_report()
        left += [line for line in self.kernel.irq.leaks() if "timer" not in line]
        if self.kernel.timers.active:
            left.append(f"{self.kernel.timers.active} timers are armed")
        self.kernel.arch.set_iommu(None)
        self.machine.cpu.shutdown()
        return left


def frame(payload, destination=MAC, source=PEER, kind=ETH_P_TEST):
    """An Ethernet frame without FCS; for more than that see `lab.kit.frames`."""
    return destination + source + kind.to_bytes(2, "big") + payload
