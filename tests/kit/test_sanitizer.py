"""Each rule of the DMA sanitizer, broken on purpose on a running board; reports name both stacks and show the ring."""

import struct

import pytest

from hwemu.nic.e1000.registers import RDT, TDT
from kernel.dma import (
    DMA_FROM_DEVICE,
    DMA_TO_DEVICE,
    dma_alloc_coherent,
    dma_free_coherent,
    dma_map_page,
    dma_map_single,
    dma_unmap_page,
    dma_unmap_single,
)
from kernel.net.core.skbuff import alloc_page
from lab.kit.board import frame


@pytest.fixture
def dirty(make_board):
    """A board that is up and whose findings the test itself looks at."""
    return make_board(clean=False)


def pdev_of(board):
    return board.dev.parent


def checks(board):
    return board.kit.sanitizer.findings.checks()


def only(board, rule):
    """The one finding, which broke `rule`."""
    assert checks(board) == [rule], board.kit.report()
    return str(board.kit.sanitizer.findings.found[0])


def write_tail(board, register, value):
    board.kit.registers.write(register, 4, value)


def transmit_descriptor(board, index, address, length=60, command=0x2B, raw=None):
    ring = board.kit.rings.tx
    data = struct.pack("<QII", address, length | 1 << 20 | command << 24, 0) if raw is None else raw
    board.machine.ram.write(ring.base + 16 * index, data)


def test_a_clean_run_has_no_findings(board):
    board.end.inject(frame(bytes(100)))
    board.send(frame(bytes(100), destination=b"\x02\0\0\0\0\1"))
    board.kit.assert_clean()


def test_double_unmap_names_both(dirty):
    pdev = pdev_of(dirty)
    dma_map_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    for _ in range(2):
        dma_unmap_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    text = only(dirty, "double-unmap")
    assert "unmapped by test_sanitizer.py" in text and "mapped by   test_sanitizer.py" in text
    assert "now by      test_sanitizer.py" in text


def test_double_map_of_what_the_card_writes(dirty):
    pdev = pdev_of(dirty)
    dma_map_single(pdev, 0x5000, 100, DMA_FROM_DEVICE)
    dma_map_single(pdev, 0x5050, 100, DMA_FROM_DEVICE)
    assert "overlaps" in only(dirty, "double-map")


def test_two_mappings_for_reading_are_a_retransmission(dirty):
    pdev = pdev_of(dirty)
    for _ in range(2):
        dma_map_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    for _ in range(2):
        dma_unmap_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    assert checks(dirty) == []


def test_unmap_with_another_size_or_direction(dirty):
    pdev = pdev_of(dirty)
    dma_map_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    dma_unmap_single(pdev, 0x5000, 99, DMA_TO_DEVICE)
    dma_map_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    dma_unmap_single(pdev, 0x5000, 100, DMA_FROM_DEVICE)
    assert checks(dirty) == ["wrong-unmap", "wrong-direction"]


def test_leak_at_close_names_its_maker(dirty):
    dma_map_single(pdev_of(dirty), 0x7000, 64, DMA_TO_DEVICE)
    dirty.down()
    dirty.kit.sanitizer.check_closed()
    text = only(dirty, "leak")
    assert "0x7000" in text and "test_sanitizer.py" in text
    dma_unmap_single(pdev_of(dirty), 0x7000, 64, DMA_TO_DEVICE)


def test_use_after_unmap_names_the_mapping_both_stacks_and_the_ring(dirty):
    pdev = pdev_of(dirty)
    page = alloc_page(dirty.kernel.skb_cache, 2048)
    address = dma_map_page(pdev, page, 0, 60, DMA_TO_DEVICE)
    transmit_descriptor(dirty, 0, address)
    write_tail(dirty, TDT, 1)
    dma_unmap_page(pdev, address, 60, DMA_TO_DEVICE)
    dirty.run()
    assert checks(dirty) == ["unmap-too-early", "use-after-unmap"]
    text = dirty.kit.report()
    assert f"reads 60 bytes at {address:#x}, which has been unmapped" in text
    assert text.count("mapped by") >= 2 and "unmapped by test_sanitizer.py" in text
    assert "TX ring at" in text and "descriptor 0 points there" in text


def test_the_card_reads_what_it_may_only_write(dirty):
    pdev = pdev_of(dirty)
    dma_map_single(pdev, 0x9000, 60, DMA_FROM_DEVICE)
    transmit_descriptor(dirty, 0, 0x9000)
    write_tail(dirty, TDT, 1)
    dirty.run()
    assert checks(dirty) == ["wrong-direction"]


def test_the_card_writes_beyond_the_mapping(dirty):
    ring = dirty.kit.rings.rx
    address = int.from_bytes(ring.raw(0)[:8], "little")
    dirty.machine.ram.write(ring.base, struct.pack("<Q", address + 1000))
    dirty.end.inject(frame(bytes(1000)))
    dirty.run()
    assert "descriptor-changed" in checks(dirty) and "outside-mapping" in checks(dirty)


def test_the_card_uses_memory_that_nobody_mapped(dirty):
    transmit_descriptor(dirty, 0, 0x700000)
    write_tail(dirty, TDT, 1)
    dirty.run()
    assert "not-mapped" in checks(dirty)


def test_changed_descriptor(dirty):
    ring = dirty.kit.rings.rx
    dirty.machine.ram.write(ring.base + 16 * 5 + 14, b"\x55\x55")
    dirty.kit.sanitizer.check()
    text = only(dirty, "descriptor-changed")
    assert "given:" in text and "now:" in text and "RX ring at" in text


def test_doorbell_before_the_descriptor(dirty):
    write_tail(dirty, TDT, 1)
    assert only(dirty, "unfilled-descriptor").count("TX ring") == 1


def test_stale_descriptor(dirty):
    transmit_descriptor(dirty, 0, 0x9000, raw=struct.pack("<QII", 0x9000, 60 | 0x0B << 24, 1))
    write_tail(dirty, TDT, 1)
    assert "stale-descriptor" in checks(dirty)


def test_missing_doorbell(dirty):
    pdev = pdev_of(dirty)
    dma_map_single(pdev, 0x9000, 60, DMA_TO_DEVICE)
    transmit_descriptor(dirty, 0, 0x9000)
    dirty.kit.sanitizer.check()
    assert "TX descriptor 0" in only(dirty, "missing-doorbell")


def test_tail_outside_the_ring(dirty):
    write_tail(dirty, TDT, 256)
    assert "out-of-ring-index" in checks(dirty)


def test_tail_that_overtakes_the_head(dirty):
    write_tail(dirty, RDT, 3)
    assert "given-twice" in checks(dirty)


def test_the_card_writes_back_a_descriptor_of_the_drivers(dirty):
    ring = dirty.kit.rings.rx
    dirty.nic.dma.write32(ring.base + 16 * ring.tail + 8, 0)
    assert "RX ring" in only(dirty, "device-writes-driver-descriptor")


def test_mapping_outside_ram(dirty):
    dma_map_single(pdev_of(dirty), 0xFFFF0000, 64, DMA_TO_DEVICE)
    assert "outside RAM" in only(dirty, "dma")


def test_coherent_memory_is_a_mapping(dirty):
    memory = dma_alloc_coherent(pdev_of(dirty), 4096)
    assert dirty.nic.dma.write32(memory.address, 1)
    dma_free_coherent(pdev_of(dirty), memory)
    assert not dirty.nic.dma.write32(memory.address, 1)
    assert checks(dirty) == ["use-after-unmap"]


def test_findings_are_bounded(dirty):
    for _ in range(300):
        dma_unmap_single(pdev_of(dirty), 0x5000, 1, DMA_TO_DEVICE)
    assert len(dirty.kit.sanitizer.findings.found) == 100
    assert "and 200 more" in dirty.kit.sanitizer.findings.report()
