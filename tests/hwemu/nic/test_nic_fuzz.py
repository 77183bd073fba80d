"""Whatever a driver writes and whatever the wire brings: nothing raises, hangs or touches memory that is not RAM.

HWEMU_FUZZ_EXAMPLES=N runs N random cases of each kind instead of the few fixed ones.
"""

import os
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nic_bench import RX_RING, TX_RING, Bench, frame, ipv4, tcp, udp

from hwemu.nic.e1000 import registers as r
from hwemu.wire.port import FRAME_BAD_FCS

EXAMPLES = int(os.environ.get("HWEMU_FUZZ_EXAMPLES", "0"))
QUICK = settings(
    max_examples=EXAMPLES or 60,
    deadline=None,
    derandomize=EXAMPLES == 0,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

OFFSETS = sorted({offset for row in r.REGISTERS for offset, _ in list(r.each_word(row))[:4]})
WORDS = st.one_of(st.sampled_from([0, 1, 0xFFFFFFFF, 0x80000000]), st.integers(0, 0xFFFFFFFF))
offsets = st.one_of(st.sampled_from(OFFSETS), st.integers(0, r.REGISTER_SPACE - 4))
accesses = st.tuples(st.booleans(), offsets, st.sampled_from([1, 2, 4]), WORDS)
frames = st.one_of(
    st.binary(max_size=200),
    st.builds(bytes, st.integers(0, 17000)),
    st.builds(lambda data, kind: frame(data, kind=kind), st.binary(max_size=1600), st.sampled_from([0x800, 0x8100])),
    st.builds(lambda data: frame(ipv4(udp(data), 17)), st.binary(max_size=100)),
    st.builds(
        lambda data, at, value: (lambda f: f[:at] + bytes([value]) + f[at + 1 :])(frame(ipv4(tcp(data), 6))),
        st.binary(max_size=100),
        st.integers(0, 60),
        st.integers(0, 255),
    ),
)


def finish(bench):
    """Let everything come to rest: at the end nothing is due but the pause that the wire may have asked for."""
    bench.clock.run(bench.clock.now + 100_000_000)
    bench.sent()


@QUICK
@given(st.lists(st.one_of(accesses, frames), max_size=40))
def test_random_register_accesses_and_frames(steps):
    bench = Bench(ram=4 << 20)
    bench.rx_setup()
    bench.tx_setup()
    for step in steps:
        if isinstance(step, bytes):
            bench.inject(step, FRAME_BAD_FCS if len(step) % 7 == 0 else 0)
            continue
        is_write, offset, width, value = step
        offset &= ~(width - 1)
        if is_write:
            bench.memory.write(0xE0000000 + offset, width, value & (0xFFFFFFFF >> (32 - 8 * width)))
        else:
            assert 0 <= bench.memory.read(0xE0000000 + offset, width) < 1 << 8 * width
    finish(bench)


addresses = st.one_of(
    st.just(0), st.integers(0x100000, 0x3FFFFF), st.integers(0x3F0000, 0x410000), st.integers(0, (1 << 64) - 1)
)
transmit_descriptors = st.tuples(
    addresses,
    st.one_of(
        st.integers(0, 0xFFFFFFFF),
        st.builds(
            lambda length, kind, command: length | kind << 20 | command << 24,
            st.integers(0, 9000),
            st.sampled_from([0, 1]),
            st.integers(0, 255).map(lambda command: command | 0x20),
        ),
    ),
    # A small MSS cuts a large payload into very many frames: bounded per round, but not for a quick test.
    st.integers(0, 0xFFFFFFFF).map(lambda upper: upper | 0x01000000),
)


@QUICK
@given(st.lists(transmit_descriptors, max_size=20), st.integers(0, 40), WORDS, st.booleans())
def test_random_transmit_rings(descriptors, tail, txdctl, vlan):
    bench = Bench(ram=4 << 20)
    bench.tx_setup(count=32)
    bench.write(r.TXDCTL, txdctl)
    if vlan:
        bench.set_bits(r.CTRL, 0x40000000)
    for i, descriptor in enumerate(descriptors):
        bench.ram.write(TX_RING + 16 * i, struct.pack("<QII", *descriptor))
    bench.write(r.TDT, tail)
    finish(bench)
    assert bench.clock.next_time() < 0
    before = bench.read(r.TDH)
    bench.write(r.TDT, before)
    bench.run()
    assert bench.read(r.TDH) == before


@QUICK
@given(
    st.lists(st.tuples(addresses, st.integers(0, (1 << 64) - 1)), min_size=16, max_size=16),
    st.lists(frames, max_size=12),
    st.integers(0, 0x06DFB3FE),
    st.integers(0, 0x3FF),
    st.integers(0, 20),
)
def test_random_receive_rings(descriptors, arrivals, rctl, rxcsum, tail):
    bench = Bench(ram=4 << 20)
    bench.rx_setup()
    bench.write(r.RXCSUM, rxcsum)
    for i, descriptor in enumerate(descriptors):
        bench.ram.write(RX_RING + 16 * i, struct.pack("<QQ", *descriptor))
    bench.write(r.RCTL, rctl | 2)
    bench.write(r.RDT, tail)
    for data in arrivals:
        bench.inject(data)
    finish(bench)
    assert bench.read(r.RDH) < 16


@QUICK
@given(st.lists(st.integers(0, 255), max_size=300))
def test_random_pin_wiggling(pins):
    bench = Bench(ram=4 << 20, attach=False)
    for value in pins:
        bench.write(r.EECD, value | 0x40)
        bench.read(r.EECD)
    assert len(bench.nic.eeprom.words) == 64 and all(0 <= word <= 0xFFFF for word in bench.nic.eeprom.words)


@QUICK
@given(st.lists(st.integers(0, 0x3FFFFFFF), max_size=60))
def test_random_phy_accesses(commands):
    bench = Bench(ram=4 << 20)
    for command in commands:
        bench.write(r.MDIC, command & ~(0x1F << 21) | 1 << 21)
        assert bench.read(r.MDIC) & 0x10000000
    bench.run(100_000_000)
    assert all(0 <= value <= 0xFFFF for value in bench.nic.phy.registers)
