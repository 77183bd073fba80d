"""A booted machine that targets keep: its card is on a wire to `Peer`, and after each input its books must balance.

What an input leaves behind on purpose (neighbours, cached routes) is cleared; whatever else is left when its program
has gone and every timer has had its time is a leak.
"""

import struct

from hwemu.clock import Clock
from hwemu.wire.link import Link
from kernel.net.core.dev import dev_get_by_name
from kernel.signal import force_exit, send_signal, sigaction
from kernel.uapi.signal import SIG_IGN, SIGCHLD, SIGKILL, SIGUSR1
from lab import guest
from lab.machine import build_machine

from .frames import GUEST_MAC
from .peer import PEER_MAC, Peer, checksum

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
GIGABIT = 1_000_000_000
ADDRESS = "10.0.0.2"
# Reassembly gives up after 30 s, TIME_WAIT after 60 s, an orphan whose peer is silent after some 100 s.
PATIENCE = (0, MILLISECOND, SECOND, 10 * SECOND, 30 * SECOND, 60 * SECOND, 100 * SECOND, 300 * SECOND, 600 * SECOND)


class Rig:
    """`host` is the machine, `peer` the other end, `process` the program of the input under test."""

    def __init__(self, files=None):
        self.clock = Clock()
        self.link = Link(self.clock, rate=GIGABIT, delay=1000)
        cmdline = {"init": guest.INIT, "console": "pipe", "quiet": "", "dma_debug": "on"}
        content = {guest.INIT: guest.INIT_TEXT, **(files or {})}
        self.host = build_machine(self.clock, self.link, cmdline=cmdline, files=content, mac=GUEST_MAC)
        self.kernel = self.host.kernel
        self.peer = Peer(self.clock)
        self.link.attach(self.peer)
        guest.boot(self.host, ADDRESS)
        self.card = dev_get_by_name(self.kernel.net, "eth0").priv
        self.process = None
        self.run(5 * SECOND)
        self.pings = 0
        self.check_ping()
        self.forget()
        self.run(5 * SECOND)
        # Init waits for nobody: what a program leaves to it must not stay a zombie.
        self.kernel.init_task.sighand.actions[SIGCHLD] = sigaction(SIG_IGN)
        self.baseline = self.books()

    def run(self, duration):
        """Let `duration` ns pass."""
        until = self.clock.now + duration
        while True:
            self.clock.run(until)
            assert self.host.exit_status is None, f"the machine went off: {self.host.text[-500:]}"
            if self.clock.now >= until:
                return

    def start(self, function, *arguments):
        """Run `function(*arguments)` as the input's program."""
        self.process = guest.spawn(self.host, function, *arguments)

    def interrupt(self):
        """Send the program SIGUSR1: it has something to do."""
        send_signal(self.process.task, SIGUSR1)
        self.kernel.arch.kick()

    def end(self):
        """Kill the program, if it has not ended, with whatever it started; raises what it raised."""
        for task in self.kernel.pids.tasks():
            if not task.is_kthread() and task.pid not in self.baseline["tasks"]:
                force_exit(task, SIGKILL)
        self.kernel.arch.kick()
        self.run(MILLISECOND)
        if self.process is not None and self.process.error is not None:
            raise self.process.error
        self.process = None

    def power_off(self):
        """Switch the machine off; raises when anything is left."""
        self.host.power_off()
        left = self.kernel.leak_report()
        assert not left, f"left after power-off: {left}"

    # --- the books ---

    def books(self):
        """What must be the same before and after an input."""
        kernel, net = self.kernel, self.kernel.net
        return {
            "tasks": tuple(task.pid for task in kernel.pids.tasks()),
            "sk_buffs": kernel.skb_cache.live,
            "forgotten sk_buffs": kernel.skb_cache.leaked,
            "pages": kernel.slab.objects_in_use - sum(page is not None for page in self.card.rx.pages),
            "timers": kernel.timers.active,
            "sockets": net.sockets_used,
            "socks": net.sockets_allocated,
            "fragment queues": len(net.frags.queues),
            "fragment memory": net.frags.mem,
            "taps": len(net.packet_sockets),
            "dma mappings": sum(dev.dma_mappings for dev in kernel.pci.devices),
        }

    def forget(self):
        """Clear the tables that remember hosts and routes for a while, and the page that TCP has begun to fill."""
        table = self.kernel.net.arp_tbl
        for neigh in table.all():
            table.remove(neigh)
        self.kernel.net.ip.flush()
        self.kernel.net.tcp.page_frag.page = None

    def check(self):
        """After `end`: the books balance, nothing went wrong, and the machine answers."""
        for patience in PATIENCE:
            self.run(patience)
            self.forget()
            now = self.books()
            if now == self.baseline:
                break
        wrong = {name: (self.baseline[name], now[name]) for name in now if now[name] != self.baseline[name]}
        assert not wrong, f"(before, after): {wrong}"
        self.check_oops()
        assert not self.kernel.pci.dma_debug.errors, self.kernel.pci.dma_debug.errors[:3]
        nameless = [reason for reason in self.kernel.skb_cache.drops if not reason]
        assert not nameless, "a drop without a reason"
        assert not self.peer.problems, f"malformed frames sent: {self.peer.problems[:3]}"
        self.check_ping()
        self.forget()

    def check_oops(self):
        """No system call has failed inside the kernel."""
        log = self.kernel.printk.lines()
        places = [line.strip() for line in log if "  File " in line][-3:]
        assert not self.kernel.oopses, f"oops: {self.kernel.oopses} at {places}"

    def check_ping(self):
        """The machine answers an echo request."""
        self.pings += 1
        self.peer.replies = []
        body = struct.pack(">HH", 0xBEEF, self.pings & 0xFFFF) + bytes(range(48))
        message = b"\x08\0" + checksum(b"\x08\0" + body).to_bytes(2, "big") + body
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(message), 1, 0, 64, 1, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
        head = head[:10] + checksum(head).to_bytes(2, "big") + head[12:]
        self.peer.inject((GUEST_MAC + PEER_MAC + b"\x08\0" + head + message).ljust(60, b"\0"))
        self.run(10 * MILLISECOND)
        assert body in self.peer.replies, "the machine does not answer a ping"
