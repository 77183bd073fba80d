"""Two machines on a wire that loses a fifth of the frames, reorders and doubles: every byte arrives, in virtual time.

HWEMU_FULL=1 moves 10 MiB with each of 50 seeds.
"""

import hashlib
import os

import pytest

from lab import guest
from userland import libc

INTERPRETED = os.environ.get("HWEMU_INTERPRETED", "") not in ("", "0")
FULL = os.environ.get("HWEMU_FULL", "") not in ("", "0")
SEEDS = 50 if FULL else 3
SIZE = 10 << 20 if FULL else 128 << 10 if INTERPRETED else 1 << 20
SPEC = "loss=20%,reorder=10%,duplicate=5%"
DAY = 86400 * guest.SECOND
PORT = 5001


def payload(seed):
    return hashlib.shake_256(str(seed).encode()).digest(SIZE)


def receive():
    """Take one connection to its end; length and digest of what came."""
    listener = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
    libc.bind(listener, libc.sockaddr_in("0.0.0.0", PORT))
    libc.listen(listener, 1)
    fd = libc.accept(listener)
    libc.close(listener)
    digest, length, block = hashlib.sha256(), 0, bytearray(1 << 16)
    while (count := libc.recv(fd, block)) > 0:
        digest.update(memoryview(block)[:count])
        length += count
    libc.close(fd)
    return count, length, digest.hexdigest()


def send(address, data):
    """Connect, however often that takes, and send; 0 or an errno."""
    while True:
        fd = libc.socket(libc.AF_INET, libc.SOCK_STREAM)
        if libc.connect(fd, libc.sockaddr_in(address, PORT)) == 0:
            break
        libc.close(fd)
        libc.sleep(1)
    error = 0 if libc.send_all(fd, data) == 0 else libc.errno
    libc.close(fd)
    return error


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_byte_arrives(seed, two_hosts):
    data = payload(seed)
    two_hosts.impair(SPEC)
    server = guest.spawn(two_hosts.second, receive)
    assert guest.run(two_hosts.first, send, two_hosts.addresses[1], data, within=DAY) == 0
    assert guest.wait(two_hosts.second, server, DAY) == (0, SIZE, hashlib.sha256(data).hexdigest())
    assert two_hosts.first.kernel.net.mib.TcpRetransSegs > 0
