"""The same seed gives the same bytes: captures of two processes with different hash seeds are compared."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = """
import hashlib, io, random, sys
from hwemu.clock import Clock
from hwemu.wire.capture import Capture, PcapngWriter
from hwemu.wire.impair import Impairment, parse_impairments
from hwemu.wire.link import Link
from lab import guest
from lab.machine import build_machine
from userland import libc

seed = int(sys.argv[1])
clock, file = Clock(), io.BytesIO()
writer = PcapngWriter(file)
link = Link(clock, rate=10**9, delay=1000)
bad = Impairment(link, parse_impairments("loss=5%,reorder=10%,duplicate=2%,delay=2ms"), random.Random(seed), clock)
hosts = []
for number in (1, 2):
    wire = Capture(bad, writer, clock, f"host{number}")
    host = build_machine(clock, wire, name=f"host{number}", number=number, seed=seed + number,
                         cmdline={"init": guest.INIT, "console": "pipe"}, files={guest.INIT: guest.INIT_TEXT})
    hosts.append(guest.boot(host, f"10.0.0.{number}"))

def serve():
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    libc.bind(fd, libc.sockaddr_in("0.0.0.0", 80))
    libc.listen(fd, 1)
    peer = libc.accept(fd)
    total = 0
    while data := libc.recv_bytes(peer, 65536):
        total += len(data)
    return total

def send():
    fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    assert libc.connect(fd, libc.sockaddr_in("10.0.0.1", 80)) == 0
    libc.send_all(fd, bytes(range(256)) * 800)
    libc.close(fd)

server = guest.spawn(hosts[0], serve)
guest.run(hosts[1], send)
assert guest.wait(hosts[0], server) == 256 * 800
for host in hosts:
    host.power_off()
    assert host.kernel.leak_report() == [], host.kernel.leak_report()
print(clock.now, len(file.getvalue()), hashlib.sha256(file.getvalue()).hexdigest())
print(hosts[0].text, hosts[1].text)
"""


def outcome(seed, hash_seed):
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(
        [sys.executable, "-c", EXPERIMENT, str(seed)], env=environment, capture_output=True, text=True, timeout=120,
        check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_seed_alone_decides_what_is_captured():
    first = outcome(7, 1)
    assert first == outcome(7, 2)
    assert first != outcome(8, 1)
