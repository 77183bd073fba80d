"""What needs no network of the host: boot time, two machines in one process, tasks on the loopback, the card alone."""

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
ROUND_TRIPS, WARM_UP = 50_000, 2_000
IDLE = 10_000


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


def machine(name, files=None):
    """A booted machine with the loopback up and no card that matters."""
    clock = Clock()
    host = build_machine(clock, Link(clock, name), name=name, number=0, seed=0,
                         cmdline={"init": guest.INIT, "console": "pipe"},
                         files={guest.INIT: guest.INIT_TEXT, **(files or {})})
    return guest.boot(host, "10.0.0.1")


def listen(port):
    """A program's listener on the loopback."""
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    libc.bind(fd, libc.sockaddr_in("127.0.0.1", port))
    libc.listen(fd, 128)
    return fd


def connect(port):
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    while libc.connect(fd, libc.sockaddr_in("127.0.0.1", port)) < 0:
        libc.usleep(1000)
    libc.setsockopt(fd, libc.IPPROTO_TCP, libc.TCP_NODELAY, 1)
    return fd


def answer_bytes():
    """A program: send each byte back that comes on one connection."""
    connection = libc.accept(listen(PORT))
    libc.setsockopt(connection, libc.IPPROTO_TCP, libc.TCP_NODELAY, 1)
    byte = bytearray(1)
    while libc.recv(connection, byte) > 0:
        libc.send(connection, byte)


def ask_bytes(count):
    """A program: `count` round trips of one byte; returns the seconds that they took."""
    fd = connect(PORT)
    byte = bytearray(1)
    for number in range(count + WARM_UP):
        if number == WARM_UP:
            started = time.perf_counter()
        libc.send(fd, byte)
        libc.recv(fd, byte)
    elapsed = time.perf_counter() - started
    libc.close(fd)
    return elapsed


def round_trip(options):
    """send and recv of one byte between two tasks on the loopback device: microseconds a round trip, the limit is 8."""
    times = []
    for _ in range(options.rounds):
        host = machine("loop")
        server = guest.spawn(host, answer_bytes)
        times.append(guest.run(host, ask_bytes, ROUND_TRIPS) / ROUND_TRIPS * 1e6)
        guest.wait(host, server)
        host.power_off()
    spread = f"{min(times):.2f} to {max(times):.2f}"
    print(f"one byte there and back between two tasks: {statistics.median(times):.2f} us (limit 8; {spread})")


def serve_epoll():
    """A program: one epoll over all connections; sends back what comes, until the first one is closed."""
    listener = listen(PORT)
    ep, events, buffer = libc.epoll_create1(), [], bytearray(64)
    libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, listener, libc.EPOLLIN)
    while True:
        libc.epoll_wait(ep, events, 128)
        for fd, _ in events:
            if fd == listener:
                libc.epoll_ctl(ep, libc.EPOLL_CTL_ADD, libc.accept(listener), libc.EPOLLIN)
            elif (count := libc.recv(fd, buffer)) > 0:
                libc.send(fd, buffer, count)
            else:
                return


def load_epoll(idle, active, rounds):
    """A program: `idle` silent connections beside `active` that ask; returns requests a second."""
    connections = [connect(PORT) for _ in range(active)]
    silent = [connect(PORT) for _ in range(idle)]
    byte = bytearray(1)
    for number in range(rounds + 1):
        if number == 1:
            started = time.perf_counter()
        for fd in connections:
            libc.send(fd, byte)
        for fd in connections:
            libc.recv(fd, byte)
    elapsed = time.perf_counter() - started
    for fd in connections + silent:
        libc.close(fd)
    return active * rounds / elapsed


def epoll_server(options):
    """An epoll server with 100 active connections, alone and beside 10,000 idle ones: requests a second."""
    rates = {}
    for idle in (0, IDLE) * options.rounds:
        host = machine("epoll")
        server = guest.spawn(host, serve_epoll)
        rates.setdefault(idle, []).append(guest.run(host, load_epoll, idle, 100, 200, within=10**13))
        guest.wait(host, server, within=10**13)
        host.power_off()
    alone, crowded = statistics.median(rates[0]), statistics.median(rates[IDLE])
    print(f"epoll server: {alone:.0f} requests/s with 100 connections, {crowded:.0f} beside {IDLE} idle ones: "
          f"{crowded / alone:.2f} (limit 0.90)")
