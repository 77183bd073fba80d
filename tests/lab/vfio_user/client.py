"""A vfio-user client for tests: it says what it is told, waits for the answer while the served card's clock runs, and holds the
memory and the eventfd that a machine would."""

import array
import fcntl
import mmap
import os
import select
import socket
import struct

from hwemu.clock import Clock
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from lab.vfio_user import messages
from lab.vfio_user.device import VfioDevice
from lab.vfio_user.memory import GuestMemory
from lab.vfio_user.server import Server

MAC = bytes.fromhex("525400123456")
PATIENCE = 5_000_000_000
MILLISECOND = 1_000_000
PAGE = 4096
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 0x0002
CAPABILITIES = {"max_msg_fds": 1, "max_data_xfer_size": 1 << 20, "max_dma_maps": 65535, "pgsizes": 4096, "write_multiple": True}


class Gone(Exception):
    """The server has closed the connection."""


def open_descriptors():
    return len(os.listdir("/proc/self/fd"))


def memfd(size, sealed=True):
    """Memory as QEMU's memory-backend-memfd makes it; the descriptor."""
    fd = os.memfd_create("guest", os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    if sealed:
        fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)
    return fd


class Bench:
    """A served card; the other end of its wire is `end`; `lines` is what the server says."""

    def __init__(self, path):
        self.clock = Clock(real=True)
        self.link = Link(self.clock)
        self.nic = E1000(self.clock, mac=MAC)
        self.nic.phy.negotiation = MILLISECOND
        self.link.attach(self.nic.port)
        self.end = TestEnd(self.clock)
        self.link.attach(self.end)
        self.lines = []
        self.memory = GuestMemory()
        self.server = Server(self.clock, str(path), VfioDevice(self.clock, self.nic, self.memory), self.lines.append)

    def run(self, nanoseconds=2 * MILLISECOND):
        self.clock.run(self.clock.now + nanoseconds)

    def connect(self):
        return Client(self)

    def close(self):
        self.server.close()


class Client:
    """Connected, and nothing more: `version` comes first."""

    def __init__(self, bench):
        self.bench = bench
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(bench.server.path)
        self.next_id = 1
        self.received = b""
        bench.run()

    def close(self):
        self.sock.close()
        self.bench.run()

    # --- messages ---

    def send(self, data, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            self.sock.sendmsg([data], control)
        except (BrokenPipeError, ConnectionResetError):
            raise Gone from None

    def take(self, count):
        """The next `count` bytes from the server."""
        deadline = self.bench.clock.now + PATIENCE
        while len(self.received) < count:
            assert self.bench.clock.now < deadline, "no answer"
            self.bench.run(MILLISECOND)
            if select.select([self.sock], [], [], 0)[0]:
                try:
                    data = self.sock.recv(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    raise Gone
                self.received += data
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def reply(self):
        """(header, payload) of the next message from the server."""
        header = messages.HEADER.parse(self.take(messages.HEADER_SIZE))
        return header, self.take(header.size - messages.HEADER_SIZE)

    def post(self, command, payload=b"", fds=(), flags=messages.TYPE_COMMAND):
        """Send a command and do not wait; returns its number."""
        self.next_id += 1
        self.send(messages.encode(self.next_id & 0xFFFF, command, payload, flags), fds)
        return self.next_id & 0xFFFF

    def call(self, command, payload=b"", fds=()):
        """Send a command; the reply's payload.  OSError where the reply is an error."""
        number = self.post(command, payload, fds)
        header, answer = self.reply()
        assert (header.message_id, header.command) == (number, command)
        assert header.flags & messages.TYPE_MASK == messages.TYPE_REPLY
        if header.flags & messages.ERROR:
            assert answer == b""
            raise OSError(header.error, os.strerror(header.error))
        assert header.error == 0
        return answer

    # --- the commands ---

    def version(self, major=0, minor=0, capabilities=CAPABILITIES):
        payload = messages.encode_version(major, minor, capabilities)
        return messages.decode_version(self.call(messages.VERSION, payload))

    def read(self, region, offset, count):
        access = messages.REGION_ACCESS.build({"offset": offset, "region": region, "count": count})
        answer = self.call(messages.REGION_READ, access)
        assert answer[:16] == access
        return answer[16:]

    def write(self, region, offset, data, posted=False):
        access = messages.REGION_ACCESS.build({"offset": offset, "region": region, "count": len(data)})
        if posted:
            self.post(messages.REGION_WRITE, access + data, flags=messages.NO_REPLY)
        else:
            assert self.call(messages.REGION_WRITE, access + data) == access

    def read32(self, offset, region=0):
        return int.from_bytes(self.read(region, offset, 4), "little")

    def write32(self, offset, value, region=0, posted=False):
        self.write(region, offset, value.to_bytes(4, "little"), posted)

    def config(self, offset, size):
        return int.from_bytes(self.read(messages.CONFIG_REGION, offset, size), "little")

    def set_config(self, offset, size, value):
        self.write(messages.CONFIG_REGION, offset, value.to_bytes(size, "little"))

    def map(self, fd, address, size, offset=0, flags=messages.DMA_READABLE | messages.DMA_WRITABLE):
        request = {"argsz": 32, "flags": flags, "offset": offset, "address": address, "size": size}
        payload = messages.DMA_MAP_REQUEST.build(request)
        assert self.call(messages.DMA_MAP, payload, () if fd is None else (fd,)) == b""

    def unmap(self, address, size, flags=0):
        payload = messages.DMA_UNMAP_REQUEST.build({"argsz": 24, "flags": flags, "address": address, "size": size})
        assert self.call(messages.DMA_UNMAP, payload) == payload

    def set_irqs(self, flags, count=1, index=0, start=0, data=b"", fds=()):
        request = {"argsz": 20 + len(data), "flags": flags, "index": index, "start": start, "count": count}
        assert self.call(messages.DEVICE_SET_IRQS, messages.SET_IRQS_REQUEST.build(request) + data, fds) == b""

    def enable(self):
        """Memory, I/O and bus mastering on."""
        self.set_config(4, 2, 7)


class Machine:
    """What a client's machine has: memory at bus address 0, and an eventfd that counts interrupts."""

    def __init__(self, client, size=1 << 20):
        self.client = client
        self.fd = memfd(size)
        self.memory = mmap.mmap(self.fd, size)
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        client.map(self.fd, 0, size)
        client.set_irqs(messages.IRQ_DATA_EVENTFD | messages.IRQ_TRIGGER, fds=(self.eventfd,))
        client.enable()

    def interrupts(self):
        """How many have come since the last look."""
        try:
            return os.eventfd_read(self.eventfd)
        except BlockingIOError:
            return 0

    def put_descriptor(self, at, address, lower, upper):
        self.memory[at : at + 16] = struct.pack("<QII", address, lower, upper)

    def close(self):
        self.memory.close()
        os.close(self.fd)
        os.close(self.eventfd)
