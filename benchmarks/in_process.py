"""What needs no network of the host: boot time, two machines in one process, the card alone."""

import statistics
import subprocess
import sys
import time

from benchmarks import nic_model as card
from hwemu.clock import Clock
from hwemu.wire.link import Link
from lab import guest
from lab.machine import build_machine
from userland import libc

VOLUME = 200_000_000
PORT = 9000
BLOCK = bytes(1 << 18)


def boot_time(options):
    """From the shell's point of view: the whole command, the interpreter's own start included."""
    words = [sys.executable, "-m", "lab.cli", "boot", "--net", "none", "-c", "true"]
    times, bare = [], []
    for _ in range(max(3, options.rounds)):
        started = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        bare.append(time.perf_counter() - started)
    whole, empty = statistics.median(times), statistics.median(bare)
    print(f"boot, run one command, power off: {whole:.3f} s (an empty Python: {empty:.3f} s)")


def receive_all():
    """A program: take one connection and read it to its end; returns how many bytes came."""
    listener = libc.socket(libc.AF_INET, libc.SOCK_STREAM, 0)
    libc.bind(listener, libc.sockaddr_in("0.0.0.0", PORT))
    libc.listen(listener, 1)
    connection = libc.accept(listener)
    buffer = bytearray(1 << 18)
    total = 0
    while (count := libc.recv(connection, buffer)) > 0:
        total += count
    return total


def send_all(address):
    """A program: connect and send VOLUME bytes."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM, 0)
    while libc.connect(fd, libc.sockaddr_in(address, PORT)) < 0:
        libc.sleep(1)
    for _ in range(VOLUME // len(BLOCK)):
        libc.send_all(fd, BLOCK)
    libc.close(fd)


def host_to_host(options):
    """Bulk TCP between two machines of this process on a wire without a rate, in wall time."""
    clock = Clock()
    link = Link(clock, "bench")
    hosts = [
        build_machine(clock, link, name=f"hw{number}", number=number, seed=number,
                      cmdline={"init": guest.INIT, "console": "pipe"}, files={guest.INIT: guest.INIT_TEXT})
        for number in range(2)
    ]
    for number, host in enumerate(hosts):
        guest.boot(host, f"10.0.0.{number + 1}")
    receiver = guest.spawn(hosts[1], receive_all)
    started = time.perf_counter()
    guest.run(hosts[0], send_all, "10.0.0.2")
    total = guest.wait(hosts[1], receiver)
    elapsed = time.perf_counter() - started
    for host in hosts:
        host.power_off()
    print(f"host to host in one process: {total * 8e-6 / elapsed:.0f} Mbit/s ({total} bytes)")


def nic_model(options):
    """The card alone: frames a second and ns per register access."""
    card.main()
