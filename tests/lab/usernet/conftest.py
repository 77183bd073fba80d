"""A guest on a user network in this very process, and servers of the host in threads."""

import contextlib
import socket
import struct
import threading
from types import SimpleNamespace

import pytest

from hwemu.clock import Clock
from hwemu.wire.link import Link
from lab import guest
from lab.machine import build_machine
from lab.usernet import plan
from lab.usernet.gateway import Gateway


@pytest.fixture
def user_network():
    """`user_network(rules, name_server)` boots gateway and guest; returns both, the clock and the link."""
    made = []

    def build(rules=(), name_server=""):
        clock = Clock(real=True)
        link = Link(clock, "cable")
        gateway = Gateway(clock, rules, plan.GUEST, name_server)
        gateway.machine(link, seed=2).start()
        cmdline = {"init": guest.INIT, "console": "pipe", "dma_debug": ""}
        host = build_machine(
            clock, link, name="guest", seed=1, cmdline=cmdline, files={guest.INIT: guest.INIT_TEXT},
            name_server=plan.NAME_SERVER,
        )  # fmt: skip
        bench = SimpleNamespace(clock=clock, link=link, gateway=gateway, host=host)
        made.append(bench)
        guest.boot(host, plan.GUEST, plan.PREFIX, plan.GATEWAY)
        # A first packet that nobody hears is repeated after a second: more than some tests have.
        while not gateway.serving:
            clock.run(clock.now + 1_000_000)
        return bench

    yield build
    for bench in made:
        bench.host.power_off()
        bench.gateway.stop()
        bench.gateway.close_listening()
        assert bench.host.kernel.leak_report() == []
        assert bench.gateway.host.kernel.leak_report() == []
        assert bench.clock.sources == {}


class HostServer:
    """A TCP server of the host on 127.0.0.1: `serve(connection)` runs in a thread for each connection."""

    def __init__(self, serve):
        self.serve = serve
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.threads = [threading.Thread(target=self.accept, daemon=True)]
        self.threads[0].start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            thread = threading.Thread(target=self.one, args=(connection,), daemon=True)
            thread.start()
            self.threads.append(thread)

    def one(self, connection):
        with connection, contextlib.suppress(OSError):
            self.serve(connection)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(10)


@pytest.fixture
def host_server():
    """`host_server(serve)` starts one; its `port`."""
    servers = []

    def start(serve):
        servers.append(HostServer(serve))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def echo(connection):
    """Serve: send back what comes, then end."""
    while data := connection.recv(65536):
        connection.sendall(data)


def reset(connection):
    """Serve: take a little, then reset."""
    connection.recv(10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
