"""The slab: alignment, reuse, exhaustion, and frees that do not match."""

import random

import pytest

from kernel.arch.memory import RAM
from kernel.mm.slab import Slab


def test_objects_are_aligned_to_their_size_and_do_not_overlap():
    slab = Slab(RAM(2 << 20))
    taken = {}
    generator = random.Random(1)
    for _ in range(2000):
        if taken and generator.random() < 0.5:
            address = generator.choice(list(taken))
            del taken[address]
            slab.free(address)
            continue
        size = generator.choice([1, 256, 257, 1500, 2048, 4096, 9000, 65536])
        address = slab.alloc(size)
        if address == 0:
            continue
        usable = slab.usable(address)
        assert usable >= size and address % usable == 0 and address >= 65536
        assert all(address + usable <= other or other + reach <= address for other, reach in taken.items())
        taken[address] = usable
    assert slab.objects_in_use == len(taken) and slab.bytes_in_use == sum(taken.values())
    for address in taken:
        slab.free(address)
    assert slab.bytes_in_use == 0


def test_everything_freed_can_be_had_again_in_another_size():
    slab = Slab(RAM(1 << 20))
    small = [slab.alloc(256) for _ in range(256 * 15)]
    assert all(small) and slab.alloc(65536) == 0
    for address in small:
        slab.free(address)
    assert sum(1 for _ in range(15) if slab.alloc(65536)) >= 14


@pytest.mark.parametrize("address", [0, 65536 + 1, 1 << 40])
def test_a_free_that_matches_nothing_is_refused(address):
    slab = Slab(RAM(1 << 20))
    slab.alloc(256)
    with pytest.raises(ValueError):
        slab.free(address)


def test_double_free_is_refused_and_poison_shows_stale_data():
    ram = RAM(1 << 20)
    slab = Slab(ram)
    slab.poison = True
    address = slab.alloc(512)
    ram.write(address, b"\xaa" * 512)
    slab.free(address)
    assert ram.read(address + 8, 504) == b"\x6b" * 504
    with pytest.raises(ValueError):
        slab.free(address)


def test_sizes_that_are_not_ours():
    slab = Slab(RAM(1 << 20))
    assert slab.alloc(0) == 0 and slab.alloc(65537) == 0 and slab.failures == 2
