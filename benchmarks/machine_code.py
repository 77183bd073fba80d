"""Programs in machine code: instructions a second, the price of a system call, and a download by Debian's busybox."""

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.in_process import machine
from hwemu.clock import Clock
from hwemu.wire.link import Link
from hwemu.x86.library import EngineMissing, library_path
from lab import guest
from lab.machine import build_machine
from userland import libc

SOURCE = Path(__file__).with_suffix(".c")
PROGRAM, BUSYBOX = "/bin/load", "/bin/busybox"
LOOPS, PER_LOOP = 100_000_000, 4
CALLS = 300_000
VOLUME = 10 << 20
PORT = 80
WITHIN = 10**13


def compiled():
    """The load program, static, as bytes."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "load"
        subprocess.run(["cc", "-O2", "-static", "-o", target, SOURCE], check=True)
        return target.read_bytes()


def execute(*words):
    """A program: run another one to its end; returns the seconds that it took."""
    started = time.perf_counter()
    pid = libc.spawn(words[0], list(words), {})
    status = libc.waitpid(pid)[1] if pid > 0 else libc.get_errno()
    if status != 0:
        raise RuntimeError(f"{' '.join(words)}: status {status}")
    return time.perf_counter() - started


def load_seconds(program, kind, count):
    """How long `count` of a kind take, without the program's start and end."""
    host = machine("elf", {PROGRAM: program})
    empty = guest.run(host, execute, PROGRAM, "none", "0", within=WITHIN)
    loaded = guest.run(host, execute, PROGRAM, kind, str(count), within=WITHIN)
    host.power_off()
    return loaded - empty


def serve_file():
    """A program: answer one HTTP request with VOLUME bytes."""
    listener = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    libc.bind(listener, libc.sockaddr_in("0.0.0.0", PORT))
    libc.listen(listener, 1)
    connection = libc.accept(listener)
    libc.recv_bytes(connection, 4096)
    libc.send_all(connection, b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % VOLUME)
    libc.send_all(connection, bytes(VOLUME))
    libc.close(connection)


def download_seconds(busybox):
    """busybox wget on one machine of VOLUME bytes from another over the in-process wire."""
    clock = Clock()
    link = Link(clock, "download")
    hosts = [
        build_machine(clock, link, name=f"hw{number}", number=number, seed=number,
                      cmdline={"init": guest.INIT, "console": "pipe"}, files={guest.INIT: guest.INIT_TEXT, BUSYBOX: busybox})
        for number in range(2)
    ]
    for number, host in enumerate(hosts):
        guest.boot(host, f"10.0.0.{number + 1}")
    server = guest.spawn(hosts[1], serve_file)
    elapsed = guest.run(hosts[0], execute, BUSYBOX, "wget", "-q", "-O", "/tmp/file", "http://10.0.0.2/", within=WITHIN)
    size = guest.run(hosts[0], lambda: libc.stat("/tmp/file").st_size)
    guest.wait(hosts[1], server)
    for host in hosts:
        host.power_off()
    if size != VOLUME:
        raise RuntimeError(f"busybox wget: {size} bytes came")
    return elapsed


def section(options):
    """The limits: 100 million instructions a second, 6 us a system call, 3 s for 10 MiB."""
    try:
        library_path()
    except EngineMissing as missing:
        print(f"elf: left out: {missing}")
        return
    if shutil.which("cc") is None:
        print("elf: left out: needs a C compiler")
        return
    program = compiled()
    rounds = range(options.rounds)
    rate = statistics.median(LOOPS * PER_LOOP / load_seconds(program, "loop", LOOPS) / 1e6 for _ in rounds)
    print(f"machine code in a tight loop: {rate:.0f} million instructions/s (limit 100)")
    price = statistics.median(load_seconds(program, "calls", CALLS) / CALLS * 1e6 for _ in rounds)
    print(f"a system call of machine code (getppid): {price:.2f} us (limit 6)")
    path = shutil.which("busybox")
    if path is None:
        print("busybox wget: left out: needs Debian's busybox-static")
        return
    seconds = statistics.median(download_seconds(Path(path).read_bytes()) for _ in rounds)
    print(f"busybox wget of {VOLUME >> 20} MiB from machine to machine: {seconds:.2f} s (limit 3)")
