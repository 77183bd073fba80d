"""Each rule of the register-protocol checker, broken on purpose at a card without a driver."""

import pytest

from hwemu.nic.e1000 import registers as r

GOOD_SETUP = ((r.TDBAL, 0x1000), (r.TDBAH, 0), (r.TDLEN, 256), (r.RDBAL, 0x2000), (r.RDBAH, 0), (r.RDLEN, 256))


@pytest.fixture
def card(kit_on_card):
    return kit_on_card.kit


def write(card, *pairs):
    for offset, value in pairs:
        card.registers.write(offset, 4, value)


@pytest.mark.parametrize(
    ("rule", "accesses"),
    [
        ("reserved-bits", [(r.RCTL, 1)]),
        ("reserved-bits", [(r.TCTL, 1)]),
        ("read-only", [(r.STATUS, 0)]),
        ("read-only", [(r.GPRC, 0)]),
        ("no-register", [(0x0FFC, 1)]),
        ("ring-alignment", [(r.TDBAL, 0x1008)]),
        ("ring-alignment", [(r.RDBAL, 0x2004)]),
        ("ring-length", [(r.TDLEN, 64)]),
        ("ring-length", [(r.RDLEN, 16 * 10)]),
        ("ring-not-set-up", [(r.TDT, 1)]),
        ("ring-not-set-up", [(r.RDLEN, 256), (r.RDT, 1)]),
        ("ring-not-set-up", [(r.RCTL, 2)]),
        ("ring-not-set-up", [*GOOD_SETUP, (r.CTRL, 0x04000000), (r.TCTL, 2)]),
        ("ring-changed", [*GOOD_SETUP, (r.TCTL, 2), (r.TDLEN, 512)]),
        ("out-of-ring-index", [*GOOD_SETUP, (r.RDT, 16)]),
    ],
)
def test_writes(card, rule, accesses):
    write(card, *accesses)
    assert card.checks() == [rule], card.report()


def test_a_good_setup_is_clean(card):
    write(card, *GOOD_SETUP, (r.TDT, 0), (r.TDH, 0), (r.TCTL, 2), (r.RCTL, 2), (r.RDT, 15), (r.IMC, 0xFFFFFFFF))
    card.registers.read(r.ICR, 4)
    assert card.checks() == []


@pytest.mark.parametrize("width", [1, 2])
def test_width(card, width):
    card.registers.read(r.STATUS, width)
    assert card.checks() == ["width"]


def test_counter_order(card):
    card.registers.read(r.GORCL, 4)
    card.registers.read(r.GORCH, 4)
    assert card.checks() == []
    card.registers.read(r.GORCH, 4)
    assert card.checks() == ["counter-order"]


def test_the_old_offsets_are_known(card):
    write(card, (0x0420, 0x1008))
    assert card.checks() == ["ring-alignment"] and "TDBAL" in card.report()


def test_interrupt_without_icr(card):
    card.nic.interrupt_driven = True
    card.protocol.before(card.nic.interrupt_line)
    card.protocol.after(card.nic.interrupt_line)
    assert card.checks() == ["interrupt-without-icr"]


def test_icr_twice(card):
    card.protocol.before(card.nic.interrupt_line)
    card.registers.read(r.ICR, 4)
    card.registers.read(r.ICR, 4)
    card.protocol.after(card.nic.interrupt_line)
    assert card.checks() == ["icr-read-twice"]


def test_a_reset_within_an_interrupt_may_read_icr_again(card):
    card.protocol.before(card.nic.interrupt_line)
    card.registers.read(r.ICR, 4)
    write(card, (r.CTRL, 0x04000000))
    card.registers.read(r.ICR, 4)
    card.protocol.after(card.nic.interrupt_line)
    assert card.checks() == []
