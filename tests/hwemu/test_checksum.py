"""The Internet checksum and the FCS against slow and plain definitions."""

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwemu.checksum import frame_check_sequence, internet_sum


def slow_sum(data, total=0):
    if len(data) % 2:
        data += b"\0"
    for (word,) in struct.iter_unpack(">H", data):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


@settings(derandomize=True, database=None, deadline=None)
@given(st.binary(max_size=100), st.integers(0, 0xFFFF))
def test_sum_of_any_bytes(data, start):
    assert internet_sum(data, start) == slow_sum(data, start)


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 1448, 65535, 1 << 20])
def test_sum_of_all_ones_never_overflows(length):
    assert internet_sum(b"\xff" * length) == slow_sum(b"\xff" * length)


def test_rfc_1071_example():
    # RFC 1071 section 3: the words 0001 f203 f4f5 f6f7 add up to ddf2.
    assert internet_sum(bytes.fromhex("0001f203f4f5f6f7")) == 0xDDF2


def test_fcs_of_a_frame_leaves_the_residue():
    frame = bytes(range(60))
    fcs = frame_check_sequence(frame).to_bytes(4, "little")
    # IEEE 802.3 section 3.2.9: frame and FCS together leave a constant remainder.
    assert zlib.crc32(frame + fcs) == 0x2144DF1C
