"""RAM and the MMU: bounds, widths, windows and faults."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwemu.mmu import AddressSpace
from hwemu.ram import RAM


def test_ram_starts_as_zeros_and_is_little_endian():
    ram = RAM(8192)
    assert ram.read(0, 8192) == bytes(8192)
    ram.write64(8, 0x0102030405060708)
    assert ram.read(8, 8) == bytes([8, 7, 6, 5, 4, 3, 2, 1])
    assert (ram.read8(8), ram.read16(8), ram.read32(8)) == (8, 0x0708, 0x05060708)
    ram.write32(0, 0xFFFFFFFF)
    assert ram.read32(0) == 0xFFFFFFFF and ram.read64(0) == 0xFFFFFFFF


@pytest.mark.parametrize("size", [0, 1, 4095, 4097])
def test_ram_comes_in_pages(size):
    with pytest.raises(ValueError):
        RAM(size)


def test_ram_can_be_shared_with_another_process():
    fd = os.memfd_create("ram")
    os.ftruncate(fd, 8192)
    ram = RAM(8192, fd)
    ram.write32(4096, 0x01020304)
    os.pwrite(fd, b"device", 100)
    assert os.pread(fd, 4, 4096) == bytes([4, 3, 2, 1])
    assert ram.read(100, 6) == b"device"
    with pytest.raises(ValueError, match="greater than file size"):
        RAM(12288, fd)
    os.close(fd)
    assert ram.read(100, 6) == b"device"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_containment_has_no_overflow(address, length):
    ram = RAM(4096)
    assert ram.contains(address, length) == (address + length <= 4096)


def test_accesses_over_the_end_raise_and_change_nothing():
    ram = RAM(4096)
    for address, width in ((4096, 8), (4095, 16), (4093, 32), (4089, 64), (2**64 - 1, 8)):
        with pytest.raises(IndexError):
            getattr(ram, f"read{width}")(address)
        with pytest.raises(IndexError):
            getattr(ram, f"write{width}")(address, 1)
    with pytest.raises(IndexError):
        ram.write(4090, b"1234567")
    assert ram.read(0, 4096) == bytes(4096)


def test_address_space_maps_reads_and_writes():
    space = AddressSpace()
    buffer = bytearray(b"hello world")
    address = space.map(buffer, True)
    assert address >> 40 and space.mapped() == 1
    assert space.read(address + 6, 5) == b"world"
    assert space.write(address, b"HELLO")
    assert buffer == b"HELLO world"
    assert space.room(address + 4) == 7
    space.unmap(address)
    assert space.mapped() == 0
    assert space.read(address, 1) is None
    buffer += b"!"


def test_faults_are_counted_and_answered_without_an_exception():
    space = AddressSpace()
    address = space.map(b"abc")
    for bad, length in ((0, 1), (address, 4), (address + 3, 1), (address - 1, 1), (65 << 40, 1), (2**64 - 1, 1)):
        before = space.faults
        assert space.read(bad, length) is None
        assert space.faults == before + 1
    assert space.write(address, b"x") is False
    assert space.read(address + 3, 0) == b""
    assert space.room(0) == 0


def test_as_many_windows_as_linux_allows_mappings_then_memory_error_then_reuse():
    space = AddressSpace()
    addresses = [space.map(bytes([n & 0xFF])) for n in range(65530)]
    assert len(set(addresses)) == 65530
    with pytest.raises(MemoryError):
        space.map(b"x")
    assert [space.read(a, 1)[0] for a in addresses[:512]] == [n & 0xFF for n in range(512)]
    space.unmap(addresses[17])
    assert space.map(b"y") == addresses[17]
    assert space.mapped() == 65530
    for address in addresses:
        space.unmap(address)
    assert space.mapped() == 0


def test_a_read_only_buffer_can_not_be_mapped_for_writing():
    space = AddressSpace()
    with pytest.raises(BufferError):
        space.map(b"constant", True)
    assert space.mapped() == 0
