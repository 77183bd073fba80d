"""Scenarios of AF_UNIX run twice: on our machine, and on the host's own kernel, which shows that they are Linux's.

A scenario is a function of a `Box`.  The fixture `run` (conftest) carries it out on either kernel.
"""

import platform
import sys

import pytest
from system import System
from tests_userland_host_kernel import HostProgram

from userland import libc

STREAM, DGRAM, SEQPACKET = libc.SOCK_STREAM, libc.SOCK_DGRAM, libc.SOCK_SEQPACKET


class Box:
    """Sockets that are closed at the end, in a folder for their names."""

    def __init__(self, folder):
        self.folder = folder
        self.open = []

    def socket(self, kind=STREAM, flags=0):
        fd = libc.socket(libc.AF_UNIX, kind | flags)
        assert fd >= 0
        self.open.append(fd)
        return fd

    def pair(self, kind=STREAM, flags=0):
        fds = libc.socketpair(libc.AF_UNIX, kind | flags)
        self.open += fds
        return fds

    def path(self, name):
        return libc.sockaddr_un(f"{self.folder}/{name}")

    def abstract(self, name):
        return libc.sockaddr_un(b"\0hwemu-test-" + name.encode())

    def bound(self, addr, kind=STREAM, flags=0):
        fd = self.socket(kind, flags)
        assert libc.bind(fd, addr) == 0, libc.strerror(libc.errno)
        return fd

    def listener(self, addr, backlog=5, kind=STREAM, flags=0):
        fd = self.bound(addr, kind, flags)
        assert libc.listen(fd, backlog) == 0
        return fd

    def connected(self, addr, kind=STREAM, flags=0):
        fd = self.socket(kind, flags)
        assert libc.connect(fd, addr) == 0, libc.strerror(libc.errno)
        return fd

    def accept(self, fd, addr=None):
        got = libc.accept(fd, addr)
        assert got >= 0, libc.strerror(libc.errno)
        self.open.append(got)
        return got

    def close(self, *fds):
        for fd in fds:
            self.open.remove(fd)
            assert libc.close(fd) == 0

    def keep(self, *fds):
        """Descriptors that came in messages."""
        self.open += fds

    def end(self):
        for fd in self.open:
            libc.close(fd)


def errno_of(result):
    assert result == -1
    return libc.errno


def revents(fd, events=0x3FFF):
    entry = libc.pollfd(fd, events)
    libc.poll([entry], 0)
    return entry.revents


def on_machine(scenario, folder):
    system = System(memory=16 << 20, net="loopback")
    carry_out(system, scenario, "/tmp")


def carry_out(system, scenario, folder):
    failed = []

    def init(argv):
        box = Box(folder)
        try:
            scenario(box)
        except BaseException as error:
            failed.append(error)
        box.end()
        return 0

    status = system.run(init, leaks=False)
    if failed:
        raise failed[0]
    assert status == 0 and system.kernel.leak_report() == []
    return system


def on_linux(scenario, folder):
    if platform.machine() != "x86_64" or not sys.platform.startswith("linux"):
        pytest.skip("translates to x86-64 Linux")

    def main(argv):
        box = Box(folder)
        try:
            scenario(box)
        finally:
            box.end()
        return 0

    assert HostProgram(main, ["scenario"]).wait()[0] == 0
