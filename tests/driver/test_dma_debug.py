"""DMA debugging: what a driver does wrong with its mappings, and what a device does outside of them, is reported."""

import pytest
from driver_bench import MILLISECOND, Bench, frame

from driver.e1000.e1000_osdep import ew32
from driver.e1000.e1000_regs import E1000_RDBAL, E1000_TDBAL, E1000_TDT
from kernel.dma import (
    DMA_FROM_DEVICE,
    DMA_TO_DEVICE,
    dma_alloc_coherent,
    dma_free_coherent,
    dma_map_single,
    dma_unmap_single,
)


@pytest.fixture
def dirty():
    """A bench whose DMA errors the test itself looks at."""
    made = Bench().up()
    yield made
    made.shutdown()


def errors(bench):
    return bench.kernel.pci.dma_debug.errors


def test_clean_driver_has_no_errors(up):
    up.end.inject(frame(bytes(100)))
    up.run()
    assert errors(up) == []
    assert up.adapter.pdev.dma_mappings == up.adapter.rx_count - 1
    assert up.adapter.pdev.dma_coherent == 2


def test_double_unmap(dirty):
    pdev = dirty.adapter.pdev
    assert dma_map_single(pdev, 0x5000, 100, DMA_TO_DEVICE) == 0x5000
    dma_unmap_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    dma_unmap_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
    assert len(errors(dirty)) == 1
    assert "which is not mapped" in errors(dirty)[0]


def test_wrong_size_and_direction(dirty):
    pdev = dirty.adapter.pdev
    for size, direction in ((99, DMA_TO_DEVICE), (100, DMA_FROM_DEVICE)):
        dma_map_single(pdev, 0x5000, 100, DMA_TO_DEVICE)
        dma_unmap_single(pdev, 0x5000, size, direction)
    assert len(errors(dirty)) == 2
    assert all("does not match" in error for error in errors(dirty))


def test_same_address_twice_is_two_mappings(dirty):
    pdev = dirty.adapter.pdev
    for _ in range(2):
        dma_map_single(pdev, 0x5FF0, 100, DMA_TO_DEVICE)
    for _ in range(2):
        dma_unmap_single(pdev, 0x5FF0, 100, DMA_TO_DEVICE)
    assert errors(dirty) == []


def test_leak_names_its_maker(dirty):
    pdev = dirty.adapter.pdev
    dma_map_single(pdev, 0x7000, 64, DMA_TO_DEVICE)
    leaks = [line for line in dirty.kernel.leak_report() if "0x7000" in line]
    assert len(leaks) == 1
    dma_unmap_single(pdev, 0x7000, 64, DMA_TO_DEVICE)


def test_mapping_outside_ram(dirty):
    dma_map_single(dirty.adapter.pdev, 0xFFFF0000, 64, DMA_TO_DEVICE)
    assert "outside RAM" in errors(dirty)[0]


def test_coherent_memory_is_zeroed_and_counted(dirty):
    pdev = dirty.adapter.pdev
    memory = dma_alloc_coherent(pdev, 4096)
    assert dirty.kernel.arch.memory.read(memory.address, 4096) == bytes(4096)
    assert memory.address % 4096 == 0
    dma_free_coherent(pdev, memory)
    assert pdev.dma_coherent == 2
    assert dma_alloc_coherent(pdev, 1 << 20) is None


def test_device_that_reads_a_ring_nobody_gave_it(dirty):
    ew32(dirty.adapter.hw, E1000_TDBAL, 0x9000)
    ew32(dirty.adapter.hw, E1000_TDT, 5)
    dirty.run()
    assert any("reads 16 bytes at 0x9000" in error for error in errors(dirty))
    assert dirty.nic.dma.aborts > 0
    assert "DMA: nic0 reads" in dirty.kernel.log()


def test_device_that_writes_where_it_may_not(dirty):
    ew32(dirty.adapter.hw, E1000_RDBAL, dirty.adapter.tx.dma)
    dirty.end.inject(frame(bytes(100)))
    dirty.run(10 * MILLISECOND)
    assert all("which is not mapped" in error for error in errors(dirty))


def test_off_costs_nothing_and_still_counts():
    bench = Bench(dma_debug=False).up()
    assert bench.kernel.pci.dma_debug is None
    assert bench.adapter.pdev.dma_mappings == bench.adapter.rx_count - 1
    assert bench.shutdown() == []
