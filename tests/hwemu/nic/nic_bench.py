"""A bench for the card alone: RAM, a PCI bus, a wire with a test end, and the few lines of driver that tests need."""

import struct

from hwemu.bus import Bus
from hwemu.clock import Clock
from hwemu.interrupt_controller import InterruptController
from hwemu.nic.e1000 import registers as r
from hwemu.nic.e1000.device import E1000
from hwemu.pci.bus import PCIBus
from hwemu.ram import RAM
from hwemu.wire.link import Link
from hwemu.wire.test_end import TestEnd

MAC = b"\x52\x54\x00\x12\x34\x56"
PEER = b"\x02\x00\x00\x00\x00\x01"
BROADCAST = b"\xff" * 6

BAR0 = 0xE0000000
BAR1 = 0xC000
RX_RING = 0x1000
TX_RING = 0x3000
RX_BUFFERS = 0x100000
TX_BUFFERS = 0x200000
BUFFER_STRIDE = 0x4000

RCTL_ON = 0x04008002  # EN, BAM, SECRC: 2048-byte buffers
CMD_EOP, CMD_IFCS, CMD_IC, CMD_TSE, CMD_RS, CMD_RPS, CMD_DEXT, CMD_VLE, CMD_IDE = 1, 2, 4, 4, 8, 16, 32, 64, 128


class Bench:
    """`nic` in slot 1 with BARs, bus mastering and a live link; `end` is the other end of its wire."""

    def __init__(self, mac=MAC, rate=0, attach=True, ram=8 << 20):
        self.clock = Clock()
        self.ram = RAM(ram)
        self.memory = Bus(1 << 32)
        self.ports = Bus(1 << 16)
        self.pic = InterruptController(16)
        self.pci = PCIBus(self.memory, self.ports, self.pic, self.ram)
        self.nic = E1000(self.clock, mac=mac)
        self.pci.plug(self.nic, 1)
        self.config(0x10, 4, BAR0)
        self.config(0x14, 4, BAR1)
        self.config(0x04, 2, 7)
        self.link = Link(self.clock, rate=rate)
        self.end = TestEnd(self.clock)
        self.rx_next = 0
        self.tx_tail = 0
        if attach:
            self.link.attach(self.nic.port)
            self.link.attach(self.end)
            self.run()
            self.read(r.ICR)

    def config(self, offset, size, value):
        self.nic.config_write(offset, size, value)

    def status(self):
        return self.nic.config_read(6, 2)

    def read(self, offset, width=4):
        return self.memory.read(BAR0 + offset, width)

    def write(self, offset, value, width=4):
        self.memory.write(BAR0 + offset, width, value & 0xFFFFFFFF)

    def set_bits(self, offset, bits):
        self.write(offset, self.read(offset) | bits)

    def run(self, ns=20_000_000):
        """Let `ns` of virtual time pass."""
        self.clock.run(self.clock.now + ns)

    def settle(self):
        """Run what is due now, and no time."""
        self.clock.run(self.clock.now)

    @property
    def line(self):
        """The level of INTx at the pin."""
        return bool(self.nic.interrupt_driven)

    # --- receiving ---

    def rx_setup(self, count=16, rctl=RCTL_ON, free=None, addresses=None):
        """A receive ring of `count` descriptors, `free` of them (default: all but one) given to the card."""
        for i in range(count):
            address = RX_BUFFERS + i * BUFFER_STRIDE if addresses is None else addresses[i]
            self.ram.write(RX_RING + 16 * i, struct.pack("<QQ", address, 0))
        self.write(r.RDBAL, RX_RING)
        self.write(r.RDBAH, 0)
        self.write(r.RDLEN, 16 * count)
        self.write(r.RDH, 0)
        self.write(r.RDT, count - 1 if free is None else free)
        self.rx_next = 0
        self.rx_count = count
        self.write(r.RCTL, rctl)

    def inject(self, frame, flags=0):
        self.end.inject(frame, flags)
        self.settle()

    def rx_descriptor(self, index):
        """(address, length, checksum, status, errors, special)."""
        return struct.unpack("<QHHBBH", self.ram.read(RX_RING + 16 * index, 16))

    def received(self):
        """Every packet written back since the last call, as (bytes, status, errors, special, checksum)."""
        packets = []
        data = b""
        while True:
            address, length, checksum, status, errors, special = self.rx_descriptor(self.rx_next)
            if not status & 1:
                return packets
            data += self.ram.read(address, length) if address else b""
            self.ram.write(RX_RING + 16 * self.rx_next + 12, b"\0")
            self.rx_next = (self.rx_next + 1) % self.rx_count
            if status & 2:
                packets.append((data, status, errors, special, checksum))
                data = b""

    def frames(self):
        """The bytes of `received` alone."""
        return [packet[0] for packet in self.received()]

    # --- sending ---

    def tx_setup(self, count=16, tctl=0x0000000A, head=0):
        self.ram.write(TX_RING, bytes(16 * count))
        self.write(r.TDBAL, TX_RING)
        self.write(r.TDBAH, 0)
        self.write(r.TDLEN, 16 * count)
        self.write(r.TDH, head)
        self.write(r.TDT, head)
        self.tx_tail = head
        self.tx_count = count
        self.buffer = TX_BUFFERS
        self.write(r.TCTL, tctl)

    def put(self, address, lower, upper=0):
        """Append a descriptor without ringing the doorbell; returns its index."""
        index = self.tx_tail
        self.ram.write(TX_RING + 16 * index, struct.pack("<QII", address, lower & 0xFFFFFFFF, upper))
        self.tx_tail = (index + 1) % self.tx_count
        return index

    def place(self, data):
        """Put `data` into RAM and return where."""
        address = self.buffer
        self.ram.write(address, data)
        self.buffer += (len(data) + 63) & ~63
        return address

    def legacy(self, data, command=CMD_EOP | CMD_IFCS | CMD_RS, cso=0, css=0, special=0):
        return self.put(self.place(data), len(data) | cso << 16 | command << 24, css << 8 | special << 16)

    def context(self, ip=(0, 0, 0), tu=(0, 0, 0), paylen=0, command=0, hdrlen=0, mss=0):
        offsets = ip[0] | ip[1] << 8 | ip[2] << 16 | tu[0] << 32 | tu[1] << 40 | tu[2] << 48
        return self.put(offsets, paylen | (command | CMD_DEXT) << 24, hdrlen << 8 | mss << 16)

    def data(self, data, command=CMD_EOP | CMD_IFCS | CMD_RS, popts=0, special=0):
        lower = len(data) | 1 << 20 | (command | CMD_DEXT) << 24
        return self.put(self.place(data), lower, popts << 8 | special << 16)

    def ring(self):
        """The doorbell, and what follows from it."""
        self.write(r.TDT, self.tx_tail)
        self.run(1_000_000)

    def done(self, index):
        return self.ram.read8(TX_RING + 16 * index + 12) & 1

    def sent(self):
        """What came out at the other end of the wire since the last call."""
        return self.end.take()


def frame(payload=b"", destination=MAC, source=PEER, kind=0x0800, length=60):
    """An Ethernet frame without FCS, padded to `length` bytes."""
    return (destination + source + struct.pack(">H", kind) + payload).ljust(length, b"\0")


def checksum(data):
    """The Internet checksum of `data`, done the slow way."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(payload, protocol, identification=0x1234, options=b"", fragment=0, wrong=False):
    """An IPv4 packet from 10.0.0.1 to 10.0.0.2."""
    words = 5 + len(options) // 4
    head = struct.pack(
        ">BBHHHBBH4s4s", 0x40 | words, 0, 4 * words + len(payload), identification, fragment, 64, protocol, 0,
        bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])
    ) + options
    value = checksum(head) ^ (0x5555 if wrong else 0)
    return head[:10] + struct.pack(">H", value) + head[12:] + payload


def pseudo(protocol, length):
    return bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, protocol]) + struct.pack(">H", length)


def tcp(payload=b"", sequence=1000, flags=0x18, wrong=False, fill=True):
    head = struct.pack(">HHIIBBHHH", 1234, 80, sequence, 77, 0x50, flags, 0xFFFF, 0, 0)
    value = checksum(pseudo(6, 20 + len(payload)) + head + payload) if fill else 0
    return head[:16] + struct.pack(">H", value ^ (0x1111 if wrong else 0)) + head[18:] + payload


def udp(payload=b"", wrong=False, with_checksum=True):
    head = struct.pack(">HHHH", 53, 5353, 8 + len(payload), 0)
    value = (checksum(pseudo(17, 8 + len(payload)) + head + payload) or 0xFFFF) if with_checksum else 0
    return head[:6] + struct.pack(">H", value ^ (0x2222 if wrong and with_checksum else 0)) + payload


def multicast_frames_hash(address, offset):
    """Index of the multicast table bit for `address` with RCTL.MO = `offset` (fact 19)."""
    return ((address[5] << 8 | address[4]) >> (4, 3, 2, 0)[offset]) & 0xFFF
