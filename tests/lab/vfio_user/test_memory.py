"""DMA through the client's mappings: what the card reaches, and what it never touches."""

import errno
import mmap
import os

import pytest

from lab.vfio_user import messages
from lab.vfio_user.memory import MOST_MAPPINGS

from .client import PAGE, memfd

CTRL, RCTL, TCTL = 0x0, 0x100, 0x400
RDBAL, RDLEN, RDH, RDT = 0x2800, 0x2808, 0x2810, 0x2818
TDBAL, TDBAH, TDLEN, TDH, TDT = 0x3800, 0x3804, 0x3808, 0x3810, 0x3818
ICR, IMS, TXDW, RXT0 = 0xC0, 0xD0, 0x1, 0x80
TX_RING, RX_RING, BUFFER = 0x1000, 0x2000, 0x8000
EOP_IFCS_RS = 0x0B000000
DD = 1
FRAME = bytes(range(64)) * 4


def link_up(client, bench):
    client.write32(CTRL, client.read32(CTRL) | 0x40)
    bench.run()
    client.write32(TCTL, 0x2)


def send(client, machine, bench, buffer, ring=TX_RING, length=len(FRAME)):
    """One frame through the transmit ring; what arrived at the other end."""
    machine.put_descriptor(ring & 0xFFFFF, buffer, EOP_IFCS_RS | length, 0)
    client.write32(TDBAH, ring >> 32)
    client.write32(TDBAL, ring & 0xFFFFFFFF)
    client.write32(TDLEN, 128)
    client.write32(TDH, 0)
    client.write32(TDT, 1)
    bench.run()
    client.write32(TDT, 0)
    return bench.end.take()


def aborted(client):
    """True when the card met nobody at an address; clears that."""
    status = client.config(6, 2)
    client.set_config(6, 2, 0x2000)
    return status & 0x2000 != 0


def test_sends_from_the_clients_memory(client, machine, bench):
    link_up(client, bench)
    client.write32(IMS, TXDW)
    machine.memory[BUFFER : BUFFER + len(FRAME)] = FRAME
    machine.interrupts()
    assert send(client, machine, bench, BUFFER) == [FRAME]
    assert machine.memory[TX_RING + 12] & DD
    assert machine.interrupts() == 1 and client.read32(ICR) & TXDW


def test_receives_into_the_clients_memory(client, machine, bench):
    link_up(client, bench)
    machine.put_descriptor(RX_RING, BUFFER, 0, 0)
    client.write32(RDBAL, RX_RING)
    client.write32(RDLEN, 128)
    client.write32(RDH, 0)
    client.write32(RDT, 1)
    client.write32(RCTL, 0x8002 | 0x4000000)
    client.write32(IMS, RXT0)
    machine.interrupts()
    bench.end.inject(b"\xff" * 6 + FRAME)
    bench.run()
    assert machine.memory[BUFFER : BUFFER + 6 + len(FRAME)] == b"\xff" * 6 + FRAME
    assert machine.memory[RX_RING + 12] & DD
    assert machine.interrupts() == 1


def test_a_transfer_crosses_adjoining_mappings(client, machine, bench):
    link_up(client, bench)
    others = [memfd(PAGE), memfd(PAGE)]
    base = 0x40000000
    for number, fd in enumerate(others):
        client.map(fd, base + number * PAGE, PAGE)
        os.pwrite(fd, FRAME[:128], PAGE - 128) if number == 0 else os.pwrite(fd, FRAME[128:], 0)
    assert send(client, machine, bench, base + PAGE - 128) == [FRAME]
    client.unmap(base + PAGE, PAGE)
    assert send(client, machine, bench, base + PAGE - 128) == []
    assert aborted(client)
    for fd in others:
        os.close(fd)


@pytest.mark.parametrize("address", [1 << 20, (1 << 20) - 16, 0xFFFFF000, 1 << 39, 1 << 40, 1 << 63, (1 << 64) - 8])
def test_nothing_is_reached_outside_the_mappings(client, machine, bench, address):
    link_up(client, bench)
    assert send(client, machine, bench, address) == []
    assert aborted(client)


def test_a_ring_outside_the_mappings(client, machine, bench):
    link_up(client, bench)
    assert send(client, machine, bench, BUFFER, ring=1 << 32) == []
    assert aborted(client)


def test_no_bus_mastering(client, machine, bench):
    link_up(client, bench)
    client.set_config(4, 2, 3)
    assert send(client, machine, bench, BUFFER) == []


def test_memory_that_is_only_read(client, machine, bench):
    """The frame may be fetched from it; the status is not written into it."""
    link_up(client, bench)
    fd = memfd(PAGE)
    base = 0x80000000
    client.map(fd, base, PAGE, flags=messages.DMA_READABLE)
    os.pwrite(fd, FRAME, 0)
    assert send(client, machine, bench, base) == [FRAME]
    assert not aborted(client)
    client.write32(RDBAL, RX_RING)
    client.write32(RDLEN, 128)
    client.write32(RDH, 0)
    machine.put_descriptor(RX_RING, base, 0, 0)
    client.write32(RDT, 1)
    client.write32(RCTL, 0x8002)
    bench.end.inject(b"\xff" * 6 + FRAME)
    bench.run()
    assert aborted(client)
    assert os.pread(fd, len(FRAME), 0) == FRAME
    client.unmap(base, PAGE)
    assert bench.memory.restricted == 0 and bench.nic.dma.iommu is None
    os.close(fd)


def test_mapping_over_another(client, machine):
    fd = memfd(2 * PAGE)
    for address in (0, (1 << 20) - PAGE):
        with pytest.raises(OSError) as refused:
            client.map(fd, address, 2 * PAGE)
        assert refused.value.errno == errno.EEXIST
    os.close(fd)


@pytest.mark.parametrize(
    "address, size, offset",
    [(1, PAGE, 0), (0, PAGE + 1, 0), (0, 0, 0), (0, PAGE, 1), (0, 3 * PAGE, 0), (0, PAGE, 2 * PAGE), (0, PAGE, 2**63),
     (2**64 - PAGE, PAGE, 0), (1 << 40, PAGE, 0), (0, 2**64 - PAGE, 0), ((1 << 40) - PAGE, 2 * PAGE, 0)],
)
def test_mappings_that_can_not_be(client, bench, address, size, offset):
    fd = memfd(2 * PAGE)
    with pytest.raises(OSError) as refused:
        client.map(fd, address, size, offset)
    assert refused.value.errno == errno.EINVAL
    assert bench.memory.count == 0
    os.close(fd)


def test_memory_that_could_shrink_is_refused(client, tmp_path, bench):
    file = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.ftruncate(file, PAGE)
    for fd in (file, memfd(PAGE, sealed=False)):
        with pytest.raises(OSError) as refused:
            client.map(fd, 0, PAGE)
        assert refused.value.errno == errno.EINVAL
        os.close(fd)
    why = "it is not a memfd sealed against shrinking (QEMU: memory-backend-memfd,share=on)"
    assert bench.lines[1:] == [f"memory of the client was refused: {why}"]


def test_memory_without_a_descriptor_is_out_of_reach(client, machine, bench):
    link_up(client, bench)
    client.map(None, 0xC0000000, PAGE)
    assert send(client, machine, bench, 0xC0000000) == []
    assert aborted(client)
    client.unmap(0xC0000000, PAGE)


def test_unmapping(client, machine, bench):
    fd = memfd(4 * PAGE)
    client.map(fd, 1 << 30, 4 * PAGE)
    assert bench.memory.mappings() == [(0, 1 << 20, True, True), (1 << 30, 4 * PAGE, True, True)]
    client.unmap(1 << 30, 4 * PAGE)
    assert bench.memory.count == 1
    client.map(fd, 1 << 30, 4 * PAGE)
    client.unmap(0, 0, flags=messages.UNMAP_ALL)
    assert bench.memory.count == 0
    os.close(fd)


def test_the_number_of_mappings_is_bounded(client, bench):
    fd = memfd(PAGE)
    for number in range(MOST_MAPPINGS):
        client.map(fd, number * 2 * PAGE, PAGE)
    with pytest.raises(OSError) as refused:
        client.map(fd, 1 << 32, PAGE)
    assert refused.value.errno == errno.ENOSPC
    assert bench.memory.contains(2 * PAGE, PAGE) and not bench.memory.contains(PAGE, 1)
    os.close(fd)


def test_the_descriptor_is_not_kept(client, bench):
    """The mapping outlives the descriptor, on both sides."""
    fd = memfd(PAGE)
    client.map(fd, 0, PAGE)
    view = mmap.mmap(fd, PAGE)
    os.close(fd)
    view[:4] = b"mark"
    assert bench.memory.read(0, 4) == b"mark"
    view.close()
