"""The descriptor rings: indexes are checked, and what the hardware owns is not written."""

import pytest

from driver.e1000.ring import rx_ring, tx_ring
from hwemu.ram import RAM
from kernel.mm.slab import Slab
from kernel.net.core.skbuff import alloc_page, skbuff_cache


@pytest.fixture
def page():
    return alloc_page(skbuff_cache(Slab(RAM(1 << 20))), 4096)


def test_descriptors_are_laid_out_as_the_manual_says(page):
    ring = tx_ring(page, 16)
    ring.data(0, 0x1122334455667788, 0x123, 0x0B000000, 0x00050300)
    assert ring.dump(0).hex() == "8877665544332211" + "2301000b" + "00030500"
    ring.context(1, 0x0D0C0B0A, 0x04030201, 0x20001000, 0x05B43600)
    assert ring.dump(1).hex() == "0a0b0c0d" + "01020304" + "00100020" + "0036b405"
    ring.add_command(0, 0x01000000)
    assert ring.dump(0)[11] == 0x0B
    received = rx_ring(page, 16)
    received.fill(3, 0xABCDEF)
    assert received.dump(3).hex() == "efcdab0000000000" + "00" * 8


def test_indexes_outside_the_ring(page):
    ring = tx_ring(page, 16)
    for call in (ring.dump, ring.done, ring.release, ring.last_of, ring.give, ring.take, ring.map_length):
        with pytest.raises(IndexError):
            call(16)
    with pytest.raises(ValueError, match="do not fit"):
        tx_ring(page, 257)
    with pytest.raises(ValueError, match="do not fit"):
        rx_ring(page, 0)


def test_what_the_hardware_owns_is_not_written(page):
    ring = tx_ring(page, 16)
    ring.data(0, 0x1000, 60, 0, 0)
    ring.data(1, 0x2000, 60, 0, 0)
    ring.give(1)
    with pytest.raises(RuntimeError, match="descriptor 0 is written while the hardware owns it"):
        ring.data(0, 0x1000, 60, 0, 0)
    with pytest.raises(RuntimeError):
        ring.add_command(0, 1)
    ring.add_command(1, 1)
    ring.release(0)
    ring.data(0, 0x1000, 60, 0, 0)


def test_ownership_wraps(page):
    ring = rx_ring(page, 8)
    ring.give(6)
    for i in range(6):
        ring.take(i)
    ring.give(2)
    for i, owned in enumerate([True, True, False, False, False, False, True, True]):
        if owned:
            with pytest.raises(RuntimeError):
                ring.fill(i, 0)
        else:
            ring.fill(i, 0)
    ring.clear()
    ring.fill(0, 0)


def test_unused_leaves_a_gap(page):
    ring = tx_ring(page, 8)
    assert ring.unused() == 7
    ring.next_to_use = 5
    assert ring.unused() == 2
    ring.next_to_clean = 6
    assert ring.unused() == 0
