"""The driver at work: from the card's DMA write to the socket's queue in ns a frame, and what a register costs it.

Frames go into the card in bursts, as a busy wire brings them; what is timed ends when the queue holds them, before any
program has run.  `python -m benchmarks.receive_path [SECONDS]`.
"""

import statistics
import sys
import time

from benchmarks.nic_model import udp_frame
from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_regs import E1000_ICR, E1000_IMC
from hwemu.clock import Clock
from hwemu.wire.link import Link
from kernel.net.core.skbuff import consume_skb
from lab import guest
from lab.machine import build_machine
from userland import libc

BURST = 32
PORT = 9
# The addresses that udp_frame writes.
ADDRESS = "10.0.0.2"
MICROSECOND = 1000


def receiver():
    """A program: a UDP socket that nobody reads."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_DGRAM, 0)
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", PORT))
    libc.sleep(1_000_000)


def booted_host():
    """A machine with its driver bound and its interface up."""
    clock = Clock()
    host = build_machine(
        clock, Link(clock, "bench"), cmdline={"init": guest.INIT, "console": "pipe"}, files={guest.INIT: guest.INIT_TEXT}
    )
    return guest.boot(host, ADDRESS)


def register_nanoseconds(seconds):
    """(er32, ew32): ns of a call of the driver's own access functions, the caller's loop included."""
    host = booted_host()
    hw = host.kernel.net.softnet.dev_by_name["eth0"].netdev_ops.adapter.hw
    calls = range(1000)
    results = []
    for access in (lambda: [er32(hw, E1000_ICR) for _ in calls], lambda: [ew32(hw, E1000_IMC, 0) for _ in calls]):
        rounds = []
        deadline = time.perf_counter() + seconds / 2
        while time.perf_counter() < deadline:
            started = time.perf_counter_ns()
            access()
            rounds.append((time.perf_counter_ns() - started) / len(calls))
        results.append(statistics.median(rounds))
    host.power_off()
    return results


def udp_nanoseconds(length, seconds):
    """The median over bursts, in ns a frame of `length` bytes with FCS."""
    host = booted_host()
    clock = host.clock
    process = guest.spawn(host, receiver)
    clock.run(clock.now + 1000 * MICROSECOND)
    sk = process.task.files.fget(3).private_data.sk
    frame = udp_frame(length - 4)
    receive = host.nic.port.receive
    bursts = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        started = time.perf_counter_ns()
        for _ in range(BURST):
            receive(frame, 0)
        clock.run(clock.now + 100 * MICROSECOND)
        bursts.append((time.perf_counter_ns() - started) / BURST)
        queued = 0
        while (skb := sk.sk_receive_queue.dequeue()) is not None:
            consume_skb(skb)
            queued += 1
        assert queued == BURST, queued
    host.power_off()
    return statistics.median(bursts)


def section(options):
    """The `receive` section of `make bench`."""
    for length in (64, 1518):
        cost = udp_nanoseconds(length, options.seconds)
        print(f"DMA write to UDP socket queue, {length} bytes: {cost:.0f} ns a frame (limit asked: 2000)")
    read, write = register_nanoseconds(options.seconds)
    print(f"the driver's er32 {read:.0f} ns, ew32 {write:.0f} ns, called from Python (limit asked: 150)")


if __name__ == "__main__":
    for size in (64, 1518):
        print(size, round(udp_nanoseconds(size, float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)), "ns")
