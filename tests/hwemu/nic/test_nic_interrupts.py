"""Interrupt causes, mask, level, throttling and delay timers (FACTS 1 to 9)."""

import pytest
from nic_bench import CMD_EOP, CMD_IDE, CMD_IFCS, CMD_RS, RCTL_ON, Bench, frame

from hwemu.nic.e1000 import registers as r

TXDW, TXQE, LSC, RXDMT0, RXO, RXT0, MDAC, TXD_LOW, SRPD = 0x1, 0x2, 0x4, 0x10, 0x40, 0x80, 0x200, 0x8000, 0x10000
US = 1000


@pytest.fixture
def bench():
    return Bench()


def test_fact_01_reading_icr_clears_all_and_drops_the_line(bench):
    bench.write(r.IMS, 0xFF)
    bench.write(r.ICS, LSC | RXT0 | MDAC)
    assert bench.line
    assert bench.read(r.ICR) == LSC | RXT0 | MDAC
    assert not bench.line and bench.read(r.ICR) == 0


def test_fact_02_writing_icr_clears_one_and_the_line_stays_for_the_other(bench):
    bench.write(r.IMS, LSC | RXT0)
    bench.write(r.ICS, LSC | RXT0)
    bench.write(r.ICR, LSC)
    assert bench.line and bench.nic.interrupts.icr == RXT0
    bench.write(r.ICR, RXT0)
    assert not bench.line


def test_fact_03_mask_registers_leave_icr_alone_and_unmasking_fires(bench):
    bench.write(r.IMS, LSC)
    bench.write(r.IMS, RXT0)
    assert bench.read(r.IMS) == LSC | RXT0
    bench.write(r.IMC, LSC)
    assert bench.read(r.IMS) == RXT0
    bench.write(r.ICS, LSC)
    assert not bench.line
    bench.write(r.IMS, LSC)
    assert bench.line
    bench.write(r.IMC, 0xFFFFFFFF)
    assert not bench.line and bench.nic.interrupts.icr == LSC
    assert bench.read(r.IMC) == 0 and bench.read(r.ICS) == 0


def test_fact_04_ics_sets_causes_and_there_is_no_bit_31(bench):
    bench.write(r.ICS, 0xFFFFFFFF)
    assert bench.read(r.ICR) == 0x0001FFFF


def test_fact_04_bits_0_to_9_one_by_one_as_ethtool_tests_them(bench):
    for bit in range(10):
        mask = 1 << bit
        bench.write(r.IMC, 0xFFFFFFFF)
        bench.read(r.ICR)
        bench.write(r.ICS, mask)
        assert not bench.line, bit
        bench.write(r.IMS, mask)
        assert bench.line, bit
        assert bench.read(r.ICR) == mask
        bench.write(r.IMC, ~mask & 0x7FFF)
        bench.write(r.ICS, ~mask & 0x7FFF)
        assert not bench.line, bit


def test_fact_05_intx_is_a_level_that_command_bit_10_drops(bench):
    bench.write(r.IMS, LSC)
    bench.write(r.ICS, LSC)
    assert bench.line and bench.status() & 8
    bench.config(0x04, 2, 0x407)
    assert not bench.line and bench.status() & 8
    bench.config(0x04, 2, 0x007)
    assert bench.line
    bench.read(r.ICR)
    assert not bench.line and not bench.status() & 8


def test_fact_06_itr_in_units_of_256_ns(bench):
    bench.write(r.ITR, 1000)
    bench.write(r.IMS, RXT0 | LSC)
    bench.write(r.ICS, RXT0)
    assert bench.line
    raised = bench.nic.interrupts.raised
    bench.read(r.ICR)
    bench.write(r.ICS, RXT0)
    bench.write(r.ICS, LSC)
    assert not bench.line
    bench.run(255 * US)
    assert not bench.line
    bench.run(1 * US)
    assert bench.line and bench.nic.interrupts.raised == raised + 1
    assert bench.read(r.ICR) == RXT0 | LSC


def test_fact_06_throttling_off_lets_a_waiting_cause_through(bench):
    bench.write(r.ITR, 0xFFFF)
    bench.write(r.IMS, LSC)
    bench.write(r.ICS, LSC)
    bench.read(r.ICR)
    bench.write(r.ICS, LSC)
    assert not bench.line
    bench.write(r.ITR, 0)
    assert bench.line


def test_fact_06_a_cause_cleared_while_throttled_does_not_fire(bench):
    bench.write(r.ITR, 100)
    bench.write(r.IMS, LSC)
    bench.write(r.ICS, LSC)
    bench.read(r.ICR)
    bench.write(r.ICS, LSC)
    bench.write(r.ICR, LSC)
    bench.run()
    assert not bench.line


def test_fact_07_receive_delay_restarts_with_each_packet(bench):
    bench.rx_setup()
    bench.write(r.RDTR, 100)
    bench.inject(frame())
    bench.run(60 * US)
    bench.inject(frame())
    bench.run(60 * US)
    assert not bench.nic.interrupts.icr & RXT0
    bench.run(42 * US)
    assert not bench.nic.interrupts.icr & RXT0
    bench.run(1 * US)
    assert bench.read(r.ICR) & RXT0
    bench.run()
    assert not bench.read(r.ICR) & RXT0


def test_fact_07_the_absolute_timer_caps_the_delay(bench):
    bench.rx_setup(count=64)
    bench.write(r.RDTR, 100)
    bench.write(r.RADV, 250)
    for _ in range(5):
        bench.inject(frame())
        bench.run(51 * US)
    assert not bench.nic.interrupts.icr & RXT0
    bench.inject(frame())
    bench.run(2 * US)
    assert bench.read(r.ICR) & RXT0
    bench.run()
    assert not bench.read(r.ICR) & RXT0


def test_fact_07_fpd_fires_at_once(bench):
    bench.rx_setup()
    bench.write(r.RDTR, 1000)
    bench.inject(frame())
    assert not bench.nic.interrupts.icr & RXT0
    bench.write(r.RDTR, 0x80000000 | 1000)
    assert bench.read(r.ICR) & RXT0
    assert bench.read(r.RDTR) == 1000
    bench.run()
    assert not bench.read(r.ICR) & RXT0


def test_fact_07_transmit_delay_needs_ide(bench):
    bench.tx_setup()
    bench.write(r.TIDV, 100)
    bench.write(r.TADV, 150)
    delayed = CMD_EOP | CMD_IFCS | CMD_RS | CMD_IDE
    for _ in range(2):
        bench.legacy(frame(), delayed)
        bench.write(r.TDT, bench.tx_tail)
        bench.run(70 * US)
        # The write-back is not delayed, only the interrupt.
        assert bench.done(0) and not bench.nic.interrupts.icr & TXDW
    bench.legacy(frame(), delayed)
    bench.write(r.TDT, bench.tx_tail)
    bench.run(14 * US)
    assert bench.read(r.ICR) & TXDW
    bench.run()
    bench.read(r.ICR)
    bench.legacy(frame(), CMD_EOP | CMD_IFCS | CMD_RS)
    bench.write(r.TDT, bench.tx_tail)
    bench.settle()
    assert bench.read(r.ICR) & TXDW


def test_fact_07_an_immediate_descriptor_cancels_the_delay(bench):
    bench.tx_setup()
    bench.write(r.TIDV, 100)
    bench.legacy(frame(), CMD_EOP | CMD_IFCS | CMD_RS | CMD_IDE)
    bench.legacy(frame(), CMD_EOP | CMD_IFCS | CMD_RS)
    bench.write(r.TDT, bench.tx_tail)
    bench.settle()
    assert bench.read(r.ICR) & TXDW
    bench.run()
    assert not bench.read(r.ICR) & TXDW


def test_fact_08_txdw_txqe_and_txd_low(bench):
    bench.tx_setup(count=64)
    bench.write(r.TXDCTL, 0x01010000 | 1 << 25)
    for _ in range(9):
        bench.legacy(frame(), CMD_EOP | CMD_IFCS)
    bench.ring()
    causes = bench.read(r.ICR)
    assert causes & TXQE and causes & TXD_LOW and not causes & TXDW
    # Eight descriptors at once never cross from nine pending to eight.
    for _ in range(8):
        bench.legacy(frame(), CMD_EOP | CMD_IFCS)
    bench.ring()
    causes = bench.read(r.ICR)
    assert causes & TXQE and not causes & TXD_LOW


@pytest.mark.parametrize(("field", "free"), [(0, 8), (1, 4), (2, 2)])
def test_fact_09_rxdmt0_at_a_fraction_of_the_ring(bench, field, free):
    bench.rx_setup(count=16, rctl=RCTL_ON | field << 8)
    for left in range(14, 0, -1):
        bench.inject(frame())
        assert bool(bench.read(r.ICR) & RXDMT0) == (left <= free), left


def test_fact_09_overrun_link_and_mdio_causes(bench):
    bench.rx_setup(free=0)
    bench.inject(frame())
    assert bench.read(r.ICR) == RXO
    bench.link.set_up(False)
    assert bench.read(r.ICR) == LSC
    bench.write(r.MDIC, 0x08220000)
    assert bench.read(r.ICR) == 0
    bench.write(r.MDIC, 0x28220000)
    assert bench.read(r.ICR) == MDAC


def test_fact_09_small_packets(bench):
    bench.rx_setup()
    bench.write(r.RSRPD, 100)
    bench.inject(frame())
    assert bench.read(r.ICR) & SRPD
    bench.inject(frame(length=97))
    assert not bench.read(r.ICR) & SRPD
