"""The statistics block (FACTS 31)."""

import pytest
from nic_bench import BROADCAST, RCTL_ON, Bench, frame

from hwemu.nic.e1000 import registers as r

GROUP = b"\x01\x00\x5e\x00\x00\x01"


@pytest.fixture
def bench():
    return Bench()


def test_fact_31_counters_clear_on_read(bench):
    bench.rx_setup()
    bench.inject(frame())
    assert bench.read(r.GPRC) == 1 and bench.read(r.GPRC) == 0
    bench.write(r.GPRC, 77)
    assert bench.read(r.GPRC) == 0


def test_fact_31_counters_saturate(bench):
    bench.rx_setup()
    bench.nic.regs.put(r.GPRC, 0xFFFFFFFF)
    bench.nic.regs.put(r.GORCL, 0xFFFFFFF0)
    bench.nic.regs.put(r.GORCH, 0xFFFFFFFF)
    bench.inject(frame())
    assert bench.read(r.GPRC) == 0xFFFFFFFF
    assert bench.read(r.GORCL) == 0xFFFFFFFF and bench.read(r.GORCH) == 0xFFFFFFFF


def test_fact_31_pairs_carry_and_the_high_read_clears_both(bench):
    bench.rx_setup()
    bench.nic.regs.put(r.GORCL, 0xFFFFFFF0)
    bench.inject(frame())
    assert bench.read(r.GORCL) == 0x30 and bench.read(r.GORCL) == 0x30
    assert bench.read(r.GORCH) == 1
    assert bench.read(r.GORCL) == 0 and bench.read(r.GORCH) == 0


@pytest.mark.parametrize(
    ("length", "name"),
    [
        (64, "64"), (65, "127"), (127, "127"), (128, "255"), (255, "255"), (256, "511"), (511, "511"),
        (512, "1023"), (1023, "1023"), (1024, "1522"), (1522, "1522"),
    ],
)  # fmt: skip
def test_fact_31_octets_include_the_fcs_and_size_buckets(bench, length, name):
    bench.rx_setup()
    bench.tx_setup()
    bench.inject(frame(length=length - 4))
    bench.legacy(frame(length=length - 4))
    bench.ring()
    values = bench.nic.statistics()
    assert values["PRC" + name] == values["PTC" + name] == 1
    assert values["GORCL"] == values["GOTCL"] == values["TORL"] == values["TOTL"] == length
    assert sum(values[f"{way}{size}"] for way in ("PRC", "PTC") for size in (64, 127, 255, 511, 1023, 1522)) == 2


def test_fact_31_good_total_broadcast_and_multicast(bench):
    bench.rx_setup(rctl=RCTL_ON | 0x10)
    bench.tx_setup()
    for destination in (BROADCAST, GROUP, b"\x52\x54\x00\x12\x34\x56", b"\x02\x99\x99\x99\x99\x99"):
        bench.inject(frame(destination=destination))
        bench.legacy(frame(destination=destination))
    bench.ring()
    values = bench.nic.statistics()
    assert (values["GPRC"], values["BPRC"], values["MPRC"], values["TPR"]) == (3, 1, 1, 4)
    assert (values["GPTC"], values["BPTC"], values["MPTC"], values["TPT"]) == (4, 1, 1, 4)
    assert (values["TORL"], values["GORCL"]) == (256, 192)
