"""The card alone: frames per second from the wire into RAM and from RAM onto the wire, and the price of a register.

`python -m benchmarks.nic_model [SECONDS]` prints one line per figure.  No kernel and no driver take part: the ring is
refilled the way a driver would, in batches, and that time is counted.
"""

import struct
import sys
import time

from hwemu.bus import Bus
from hwemu.checksum import internet_sum
from hwemu.clock import Clock
from hwemu.interrupt_controller import InterruptController
from hwemu.nic.e1000 import device
from hwemu.nic.e1000 import registers as r
from hwemu.nic.e1000.device import E1000
from hwemu.pci.bus import PCIBus
from hwemu.ram import RAM
from hwemu.wire.port import Wire

BAR0 = 0xE0000000
RX_RING, TX_RING, BUFFERS = 0x10000, 0x20000, 0x100000
COUNT = 256
BATCH = 128
MAC = b"\x52\x54\x00\x12\x34\x56"
RCTL_ON = 0x04008002
TCTL_ON = 0x0000000A
CMD_LAST = 0x0B000000
CMD_TSE_LAST = 0x2F100000


def build():
    """A card in a slot with a link; returns (clock, ram, memory bus, card)."""
    clock = Clock()
    ram = RAM(16 << 20)
    memory = Bus(1 << 32)
    pci = PCIBus(memory, Bus(1 << 16), InterruptController(16), ram)
    nic = E1000(clock)
    pci.plug(nic, 1)
    nic.config_write(0x10, 4, BAR0)
    nic.config_write(0x04, 2, 6)
    Wire().attach(nic.port)
    clock.run()
    return clock, ram, memory, nic


def udp_frame(length):
    """An IPv4 UDP datagram to the card in `length` bytes, with both checksums right: the card verifies them."""
    size = length - 14
    head = struct.pack(">BBHHHBBHII", 0x45, 0, size, 1, 0, 64, 17, 0, 0x0A000001, 0x0A000002)
    head = head[:10] + struct.pack(">H", ~internet_sum(head) & 0xFFFF) + head[12:]
    data = struct.pack(">HHHH", 9, 9, size - 20, 0).ljust(size - 20, b"x")
    summed = internet_sum(data, internet_sum(head[12:20] + struct.pack(">HH", 17, size - 20)))
    data = data[:6] + struct.pack(">H", ~summed & 0xFFFF) + data[8:]
    return MAC + b"\x02" * 6 + b"\x08\x00" + head + data


def measure(work, seconds):
    """Call `work()` (returns how many things it did) for `seconds`; returns things per second."""
    done = 0
    start = time.perf_counter()
    while True:
        done += work()
        spent = time.perf_counter() - start
        if spent >= seconds:
            return done / spent


def receive_rate(length, seconds):
    clock, ram, _, nic = build()
    for i in range(COUNT):
        ram.write(RX_RING + 16 * i, struct.pack("<QQ", BUFFERS + 2048 * i, 0))
    for offset, value in ((r.RDBAL, RX_RING), (r.RDLEN, 16 * COUNT), (r.RXCSUM, 0x300), (r.RCTL, RCTL_ON)):
        nic.write_register(offset, value)
    frame = udp_frame(length - 4)
    receive = nic.port.receive
    tail = 0

    def work():
        nonlocal tail
        tail = (tail + BATCH) % COUNT
        nic.write_register(r.RDT, tail)
        for _ in range(BATCH):
            receive(frame, 0)
        nic.read_register(r.ICR)
        return BATCH

    rate = measure(work, seconds)
    assert nic.read_register(r.MPC) == 0 and nic.read_register(r.GPRC) == nic.read_register(r.TPR) > 0
    # DD, EOP and both checksums verified, no error.
    assert ram.read(BUFFERS, len(frame)) == frame and ram.read16(RX_RING + 12) == 0x63
    return rate


def transmit_rate(length, seconds):
    clock, ram, _, nic = build()
    frame = (b"\x02" * 6 + MAC + b"\x08\x00").ljust(length - 4, b"\x45")
    ram.write(BUFFERS, frame)
    for i in range(COUNT):
        ram.write(TX_RING + 16 * i, struct.pack("<QII", BUFFERS, len(frame) | CMD_LAST, 0))
    for offset, value in ((r.TDBAL, TX_RING), (r.TDLEN, 16 * COUNT), (r.TCTL, TCTL_ON)):
        nic.write_register(offset, value)
    tail = 0

    def work():
        nonlocal tail
        tail = (tail + BATCH) % COUNT
        nic.write_register(r.TDT, tail)
        clock.run()
        nic.read_register(r.ICR)
        return BATCH

    rate = measure(work, seconds)
    assert nic.read_register(r.TDH) == tail and nic.read_register(r.TPT) >= BATCH
    return rate


def segmentation_rate(seconds):
    """Bytes per second of 64 KiB segmentations with checksum insertion, MSS 1448."""
    clock, ram, _, nic = build()
    payload = 65160
    ram.write(BUFFERS, (b"\x02" * 6 + MAC + b"\x08\x00" + b"\x45" + bytes(51)) + bytes(payload))
    context = 14 | 24 << 8 | 33 << 16 | 34 << 32 | 50 << 40
    for i in range(0, COUNT, 2):
        lower = payload | 0x27 << 24
        ram.write(TX_RING + 16 * i, struct.pack("<QII", context, lower, 66 << 8 | 1448 << 16))
        ram.write(TX_RING + 16 * i + 16, struct.pack("<QII", BUFFERS, (payload + 66) | CMD_TSE_LAST, 3 << 8))
    for offset, value in ((r.TDBAL, TX_RING), (r.TDLEN, 16 * COUNT), (r.TCTL, TCTL_ON)):
        nic.write_register(offset, value)
    tail = 0

    def work():
        nonlocal tail
        tail = (tail + 32) % COUNT
        nic.write_register(r.TDT, tail)
        clock.run()
        return 16 * payload

    rate = measure(work, seconds)
    assert nic.read_register(r.TSCTFC) == 0 and nic.read_register(r.TPT) == 45 * nic.read_register(r.TSCTC)
    return rate


def register_cost(seconds):
    """Nanoseconds of a read and a write over the memory bus, with the loop around it."""
    _, _, memory, _ = build()
    read, write = memory.read, memory.write
    calls = range(1000)

    def reads():
        for _ in calls:
            read(BAR0 + r.ICR, 4)
        return 1000

    def writes():
        for _ in calls:
            write(BAR0 + r.IMC, 4, 0)
        return 1000

    return 1e9 / measure(reads, seconds), 1e9 / measure(writes, seconds)


def main(seconds=1.0):
    mode = "interpreted" if device.__file__.endswith(".py") else "compiled"
    print(f"82540EM model, {mode}")
    for length in (64, 1518):
        print(f"wire to RAM, {length} bytes: {receive_rate(length, seconds) / 1e6:8.3f} M frames/s")
    for length in (64, 1518):
        print(f"RAM to wire, {length} bytes: {transmit_rate(length, seconds) / 1e6:8.3f} M frames/s")
    print(f"segmentation, 64 KiB:   {segmentation_rate(seconds) / 1e9:8.3f} GB/s")
    read, write = register_cost(seconds)
    print(f"register read {read:.0f} ns, write {write:.0f} ns, called from Python over the bus")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
