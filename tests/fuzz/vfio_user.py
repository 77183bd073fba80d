"""A vfio-user client that says anything: its messages, its memory, its descriptors.

Nothing may raise, hang or reach memory that is not mapped; a connection ends at most once and with one line, leaves nothing
behind, and the next client finds a card that works.  An input is a list of records, each a message or a few raw bytes.
"""

import fcntl
import os
import select
import socket
import struct

from hwemu.clock import Clock
from hwemu.nic.e1000 import registers as r
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd
from lab.vfio_user import messages
from lab.vfio_user.connection import Connection
from lab.vfio_user.device import VfioDevice
from lab.vfio_user.memory import GuestMemory

from .choices import Choices, mutate_records, records
from .kept import Kept

LONGEST_INPUT = 1500
RECORDS = 60
MILLISECOND = 1_000_000
MEMORY = 1 << 20
PAGE = 4096
F_ADD_SEALS, F_SEAL_SHRINK = 1033, 0x0002
MAC = bytes.fromhex("525400123456")
CAPABILITIES = {"pgsizes": 4096, "write_multiple": True}
ACTIVE = [row.offset for row in r.REGISTERS if "w" in row.acted]
VALUES = (0, 1, 7, 0xFFFFFFFF, 0x04008002, 0x0A, 0x1000, 0x2000, 128, 0x40000, 0x8002, 0x80000000)
NUMBERS = (0, 1, 4, 8, 16, PAGE, 2 * PAGE, MEMORY, 0x1FFFC, 1 << 32, 1 << 40, (1 << 40) - PAGE, 2**64 - PAGE, 2**64 - 1)
REGION_NUMBERS = (0, 0, 0, 1, 7, 7, 2, 6, 8, 9, 0xFFFFFFFF)
LENGTHS = (1, 2, 4, 4, 4, 8, 3, 64, 256, 4096, 4097, 0xFFFFFFFF)
mutate = mutate_records


class Peer:
    """The client's things: memory, a file that is none, an eventfd; and the served card, which lives on between inputs."""

    def __init__(self):
        self.clock = Clock()
        self.link = Link(self.clock)
        self.nic = E1000(self.clock, mac=MAC)
        self.link.attach(self.nic.port)
        self.end = TestEnd(self.clock)
        self.link.attach(self.end)
        self.memory = GuestMemory()
        self.device = VfioDevice(self.clock, self.nic, self.memory)
        self.memfd = os.memfd_create("guest", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.memfd, MEMORY)
        fcntl.fcntl(self.memfd, F_ADD_SEALS, F_SEAL_SHRINK)
        os.pwrite(self.memfd, bytes(range(256)) * 64, 0)
        self.unsealed = os.memfd_create("other", 0)
        self.eventfd = os.eventfd(0, os.EFD_NONBLOCK)
        self.ends = []
        self.said = []
        self.near = self.far = None
        self.connection = None

    def connect(self):
        self.near, self.far = socket.socketpair()
        self.near.setblocking(False)
        self.far.setblocking(False)
        self.ends = []
        self.said = []
        self.connection = Connection(self.clock, self.far, self.device, self.over, self.said.append)
        self.say(messages.encode(1, messages.VERSION, messages.encode_version(0, 0, CAPABILITIES)))

    def say(self, data, fds=()):
        """Send, let the server and the card work, and look at what comes back."""
        if self.connection.sock is None:
            return
        socket.send_fds(self.near, [data], list(fds)) if fds else self.near.send(data)
        self.connection.ready(select.EPOLLIN)
        self.clock.run(self.clock.now + MILLISECOND)
        self.hear()

    def over(self, connection, why):
        self.ends.append(why)

    def hear(self):
        """Every reply is whole, and says that it is one."""
        try:
            data = self.near.recv(1 << 20)
        except (BlockingIOError, ConnectionResetError):
            return
        at = 0
        while at < len(data):
            head = messages.HEADER.parse(data[at : at + messages.HEADER_SIZE])
            assert head.flags & messages.TYPE_MASK == messages.TYPE_REPLY and messages.HEADER_SIZE <= head.size <= len(data) - at
            assert (head.flags & messages.ERROR == 0) == (head.error == 0)
            at += head.size

    def hang_up(self):
        self.near.close()
        if self.connection.sock is not None:
            self.connection.ready(select.EPOLLIN)
            assert self.ends[-1:] == [""], self.ends
        assert len(self.ends) == 1 and len(self.said) <= 1
        assert not any("\n" in line for line in self.ends + self.said)
        assert self.memory.count == 0 and self.memory.restricted == 0


BENCH = Kept(Peer)
recover = BENCH.recover


def number_of(choices):
    return choices.number(8) if choices.flag(4) else choices.pick(NUMBERS)


def descriptors(peer, choices):
    """What comes along with a message: mostly nothing."""
    kind = choices.below(8)
    if kind < 4:
        return ()
    return ((peer.memfd,), (peer.eventfd,), (peer.unsealed,), (peer.memfd, peer.eventfd))[kind - 4]


def register_write(choices):
    offset = choices.pick(ACTIVE) if not choices.flag(4) else choices.number(3)
    value = choices.pick(VALUES) if choices.flag() else choices.number(4)
    return messages.REGION_WRITE, struct.pack("<QIII", offset, 0, 4, value)


def access(choices):
    count = choices.pick(LENGTHS)
    head = struct.pack("<QII", number_of(choices), choices.pick(REGION_NUMBERS), count)
    if choices.flag():
        return messages.REGION_READ, head
    return messages.REGION_WRITE, head + choices.piece(16).ljust(min(count, 5000), b"\xaa")


def configuration(choices):
    size = choices.pick((1, 2, 4))
    value = 7 if choices.flag() else choices.number(4)
    data = value.to_bytes(4, "little")[:size]
    return messages.REGION_WRITE, struct.pack("<QII", choices.pick((4, 4, 4, 0x10, 6, 0xE0, choices.byte())), 7, size) + data


def mapping(choices):
    flags = choices.pick((3, 3, 3, 1, 2, 0, 0xFFFFFFFF))
    return messages.DMA_MAP, struct.pack("<IIQQQ", 32, flags, *(number_of(choices) for _ in range(3)))


def unmapping(choices):
    return messages.DMA_UNMAP, struct.pack("<IIQQ", 24, choices.pick((0, 0, 1, 2)), number_of(choices), number_of(choices))


def interrupts(choices):
    head = struct.pack("<5I", 20, choices.byte(), *(choices.pick((0, 0, 1, 2, 5, 0xFFFFFFFF)) for _ in range(3)))
    return messages.DEVICE_SET_IRQS, head + choices.piece(4)


def several_writes(choices):
    count = choices.below(4)
    said = count if not choices.flag(4) else number_of(choices)
    body = b"".join(struct.pack("<QIIQ", choices.pick(ACTIVE), 0, choices.pick(LENGTHS), choices.number(4)) for _ in range(count))
    return messages.REGION_WRITE_MULTI, struct.pack("<Q", said) + body


def question(choices):
    command = choices.pick((messages.DEVICE_GET_INFO, messages.DEVICE_GET_REGION_INFO, messages.DEVICE_GET_IRQ_INFO))
    return command, struct.pack("<IIIIQQ", 32, 0, choices.pick(REGION_NUMBERS), 0, 0, 0)


def anything(choices):
    return choices.byte(), choices.piece(48)


def reset(choices):
    return messages.DEVICE_RESET, b""


KINDS = (
    register_write, register_write, register_write, access, configuration, mapping, mapping, unmapping, interrupts,
    several_writes, question, anything, reset,
)  # fmt: skip


def play(peer, choices):
    """One record: a message, raw bytes, or a frame from the wire."""
    how = choices.below(16)
    if how == 0:
        peer.say(choices.rest() or b"\0")
    elif how == 1:
        peer.end.inject(choices.rest().ljust(60, b"\xff"))
        peer.clock.run(peer.clock.now + MILLISECOND)
    else:
        flags = choices.pick((0, 0, 0, 0x10, 0x10, 0x20))
        fds = descriptors(peer, choices)
        command, payload = choices.pick(KINDS)(choices)
        peer.say(messages.encode(choices.byte(), command, payload, flags), fds)


def run(data):
    """Play `data` as one client, then look whether another is served."""
    peer = BENCH.get()
    peer.connect()
    for record in records(data)[:RECORDS]:
        play(peer, Choices(record))
    peer.hang_up()
    peer.connect()
    peer.say(messages.encode(2, messages.REGION_WRITE, struct.pack("<QIIH", 4, messages.CONFIG_REGION, 2, 7)))
    assert peer.connection.sock is not None
    assert peer.device.read(0, 0x5400, 4) == int.from_bytes(MAC[:4], "little")
    peer.hang_up()
    peer.end.take()
