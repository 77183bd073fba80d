"""Reset, registers, EEPROM, PHY, loopback, flow control, bus and wakeup (FACTS 20, 32 to 41)."""

import struct

import pytest
from nic_bench import BROADCAST, CMD_EOP, CMD_IFCS, CMD_RS, MAC, PEER, RCTL_ON, Bench, frame, ipv4, udp

from hwemu.clock import Clock
from hwemu.nic.e1000 import registers as r
from hwemu.nic.e1000.device import E1000

LSC = 0x4
STATUS_LU, STATUS_TXOFF = 0x2, 0x10
CTRL_RST, CTRL_RFCE, CTRL_TFCE, CTRL_VME, CTRL_PHY_RST = 0x04000000, 0x08000000, 0x10000000, 0x40000000, 0x80000000
PATTERNS = (0x5A5A5A5A, 0xA5A5A5A5, 0x00000000, 0xFFFFFFFF)


@pytest.fixture
def bench():
    return Bench()


# --- reset ---


def dirty(bench):
    """Leave a trace in a register of each kind."""
    bench.rx_setup()
    bench.tx_setup()
    bench.inject(frame())
    bench.write(r.IMS, 0xFF)
    bench.write(r.ICS, 0x1)
    bench.write(r.ITR, 77)
    bench.write(r.RDTR, 55)
    bench.write(r.MTA, 5)
    phy(bench, 4, 0x0141)


def assert_reset(bench):
    for row in r.REGISTERS:
        if row.name in ("STATUS", "RAL", "RAH", "EECD"):
            continue
        for offset, name in list(r.each_word(row))[:4]:
            assert bench.read(offset) == row.reset, name
    assert bench.read(r.STATUS) & STATUS_LU
    assert bench.nic.config_read(4, 2) == 7
    assert bench.read(r.RAH) >> 31
    assert not bench.line


def test_fact_32_ctrl_rst_resets_the_mac_but_not_phy_nor_pci(bench):
    dirty(bench)
    bench.write(r.CTRL, CTRL_RST)
    assert_reset(bench)
    assert phy(bench, 4) == 0x0141
    bench.run()
    assert not bench.read(r.ICR)


def test_fact_32_reset_through_bar_1(bench):
    dirty(bench)
    bench.ports.write(0xC000, 4, r.CTRL)
    assert bench.ports.read(0xC000, 4) == r.CTRL
    bench.ports.write(0xC004, 4, CTRL_RST)
    assert_reset(bench)


def test_fact_32_the_io_window_reads_and_writes_registers(bench):
    bench.ports.write(0xC000, 4, r.VET)
    bench.ports.write(0xC004, 4, 0x88A8)
    assert bench.ports.read(0xC004, 4) == 0x88A8 == bench.read(r.VET)
    assert bench.ports.read(0xC004, 1) == 0xA8 and bench.ports.read(0xC005, 1) == 0x88
    # 13.2.2.1: IOADDR takes whole double words only, and its bits 31:20 are wired to 0.
    bench.ports.write(0xC000, 2, 0)
    assert bench.ports.read(0xC000, 4) == r.VET
    bench.ports.write(0xC000, 4, 0xFFFFFFFF)
    assert bench.ports.read(0xC000, 4) == 0x000FFFFF
    assert bench.ports.read(0xC004, 4) == 0
    bench.ports.write(0xC004, 4, 1)
    assert bench.ports.read(0xC020, 4) == 0


def test_fact_33_phy_reset_clears_itself_and_bounces_the_link(bench):
    bench.write(r.IMS, LSC)
    bench.set_bits(r.CTRL, CTRL_PHY_RST)
    assert not bench.read(r.CTRL) & CTRL_PHY_RST
    assert not bench.read(r.STATUS) & STATUS_LU and bench.line
    assert bench.read(r.ICR) == LSC
    bench.run()
    assert bench.read(r.STATUS) & STATUS_LU and bench.read(r.ICR) == LSC


def test_fact_33_bmcr_reset_clears_itself(bench):
    phy(bench, 0, 0x9140)
    assert phy(bench, 0) == 0x1140
    assert not bench.read(r.STATUS) & STATUS_LU
    bench.run()
    assert bench.read(r.STATUS) & STATUS_LU


def test_fact_33_bmsr_link_latches_low(bench):
    phy(bench, 1)
    assert phy(bench, 1) & 0x24 == 0x24
    bench.link.set_up(False)
    bench.link.set_up(True)
    bench.run()
    assert phy(bench, 1) & 0x4 == 0
    assert phy(bench, 1) & 0x4


def test_fact_33_negotiation_follows_what_is_advertised(bench):
    phy(bench, 9, 0)
    phy(bench, 4, 0x0101)
    phy(bench, 0, 0x1340)
    assert phy(bench, 0) == 0x1140
    bench.run()
    assert bench.read(r.STATUS) & 0xC3 == 0x43
    assert phy(bench, 17) & 0xE400 == 0x6400
    phy(bench, 0, 0x0000)
    bench.run()
    assert bench.read(r.STATUS) & 0xC3 == 0x02


def test_fact_33_slu_gates_the_link(bench):
    bench.write(r.CTRL, bench.read(r.CTRL) & ~0x40)
    assert not bench.read(r.STATUS) & STATUS_LU
    bench.set_bits(r.CTRL, 0x40)
    assert bench.read(r.STATUS) & STATUS_LU


# --- registers ---


def mask_cases():
    cases = {
        "FCAL": 0xFFFFFFFF, "FCAH": 0xFFFF, "FCT": 0xFFFF, "VET": 0xFFFF, "RDTR": 0xFFFF, "TIDV": 0xFFFF,
        "FCTTV": 0xFFFF, "RDBAH": 0xFFFFFFFF, "TDBAH": 0xFFFFFFFF, "RDLEN": 0x000FFF80, "TDLEN": 0x000FFF80,
        "RDH": 0xFFFF, "RDT": 0xFFFF, "FCRTH": 0xFFF8, "TIPG": 0x3FFFFFFF, "RDBAL": 0xFFFFFFF0, "TDBAL": 0xFFFFFFF0,
        "TXCW": 0xC000FFFF,
    }  # fmt: skip
    yield from ((getattr(r, name), mask, name) for name, mask in cases.items())
    yield from ((r.RAH + 8 * i, 0x8003FFFF, f"RAH{i}") for i in range(15))
    yield from ((r.MTA + 4 * i, 0xFFFFFFFF, f"MTA{i}") for i in range(128))


def test_fact_34_the_masks_that_linux_checks(bench):
    for offset, mask, name in mask_cases():
        for pattern in PATTERNS:
            bench.write(offset, pattern)
            assert bench.read(offset) == pattern & mask, name
    for offset, mask, value in (
        (r.RCTL, 0xFFFFFFFF, 0), (r.RCTL, 0x06DFB3FE, 0x003FFFFB), (r.RCTL, 0x06DFB3FE, 0xFFFFFFFF),
        (r.TCTL, 0xFFFFFFFF, 0),
    ):  # fmt: skip
        bench.write(offset, value & mask)
        assert bench.read(offset) & mask == value & mask


def test_fact_34_status_ignores_writes(bench):
    before = bench.read(r.STATUS) & 0xFFFFF833
    bench.write(r.STATUS, 0xFFFFF833)
    assert bench.read(r.STATUS) & 0xFFFFF833 == before


def test_fact_34_every_row_of_the_table_behaves_as_it_says(bench):
    skipped = ("CTRL", "EECD", "EERD", "MDIC", "ICR", "ICS", "IMS", "IMC", "WUC", "TCTL", "CTRL_EXT")
    for row in r.REGISTERS:
        if row.name in skipped:
            continue
        offset = row.offset
        before = bench.read(offset)
        bench.write(offset, 0xFFFFFFFF)
        after = bench.read(offset)
        if row.access == r.RW:
            assert after == row.reset & ~row.mask | row.mask, row.name
        else:
            assert after == (0 if row.access == r.RC else before), row.name


def test_fact_34_every_acted_register_reaches_its_code(bench):
    for row in r.REGISTERS:
        for offset, _ in r.each_word(row):
            expected = r.ACTED if "w" in row.acted else r.NOTHING if row.access in (r.RO, r.RC) else r.PLAIN
            assert r.LAYOUT.write_kind[offset // 4] == expected


def test_fact_34_table_is_sane():
    seen = set()
    for row in r.REGISTERS:
        for offset, name in r.each_word(row):
            assert offset not in seen and offset % 4 == 0 and offset < r.REGISTER_SPACE, name
            seen.add(offset)
            assert r.register_name(offset) == name
    assert r.register_name(0x5C00) == "05C00"
    assert all(alias not in seen for alias, *_ in r.ALIASES)


def test_fact_34_aliases_of_the_82542(bench):
    bench.write(0x0108, 123)
    assert bench.read(r.RDTR) == 123
    bench.write(0x0044, 0x80001234)
    assert bench.read(r.RAH) == 0x80001234
    bench.write(0x0204, 9)
    assert bench.read(r.MTA + 4) == 9


def test_fact_34_narrow_and_unaligned_accesses(bench):
    bench.write(r.FCAL, 0x44332211)
    assert [bench.read(r.FCAL + i, 1) for i in range(4)] == [0x11, 0x22, 0x33, 0x44]
    assert bench.read(r.FCAL + 2, 2) == 0x4433 and bench.read(r.FCAL + 1, 2) == 0x3322
    assert bench.read(r.FCAL + 3, 4) == 0x44
    bench.write(r.FCAL, 0xAA, width=1)
    bench.write(r.FCAL + 1, 0xAAAAAAAA)
    assert bench.read(r.FCAL) == 0x44332211


def test_the_generated_reference_is_up_to_date():
    from pathlib import Path

    page = Path(__file__).resolve().parents[3] / "docs" / "registers.md"
    assert page.read_text() == r.reference(), "run: python -m hwemu.nic.e1000.registers > docs/registers.md"


# --- EEPROM ---

SK, CS, DI, DO, REQ, GNT = 1, 2, 4, 8, 0x40, 0x80


class Microwire:
    """The bit-banging side of EECD."""

    def __init__(self, bench):
        self.bench = bench
        bench.write(r.EECD, REQ)
        assert bench.read(r.EECD) & GNT

    def select(self):
        self.bench.write(r.EECD, REQ)
        self.bench.write(r.EECD, REQ | CS)

    def bit(self, value):
        pins = REQ | CS | (DI if value else 0)
        self.bench.write(r.EECD, pins)
        self.bench.write(r.EECD, pins | SK)
        out = self.bench.read(r.EECD) & DO
        self.bench.write(r.EECD, pins)
        return 1 if out else 0

    def bits(self, value, count):
        out = 0
        for i in reversed(range(count)):
            out = self.bit(value >> i & 1)
        return out

    def read(self, word, count=1):
        self.select()
        assert self.bits(0b110 << 6 | word, 9) == 0  # the zero that leads the data
        words = []
        for _ in range(count):
            value = 0
            for _ in range(16):
                value = value << 1 | self.bit(0)
            words.append(value)
        self.bench.write(r.EECD, REQ)
        return words

    def command(self, bits, data=None):
        self.select()
        self.bits(bits, 9)
        if data is not None:
            self.bits(data, 16)
        self.bench.write(r.EECD, REQ)
        self.bench.write(r.EECD, REQ | CS)
        assert self.bench.read(r.EECD) & DO  # ready
        self.bench.write(r.EECD, REQ)


def test_fact_35_eeprom_reads_by_bit_bang_and_sums_to_baba(bench):
    wire = Microwire(bench)
    words = [wire.read(word)[0] for word in range(64)]
    assert sum(words) & 0xFFFF == 0xBABA
    assert struct.pack("<3H", *words[:3]) == MAC
    assert wire.read(60, 6) == words[60:] + words[:2]
    assert words == [eerd(bench, word) for word in range(64)]


def test_fact_35_without_the_grant_nothing_moves(bench):
    bench.write(r.EECD, 0)
    assert not bench.read(r.EECD) & GNT
    for _ in range(100):
        bench.write(r.EECD, CS | DI)
        bench.write(r.EECD, CS | DI | SK)
    assert bench.nic.eeprom.state == 0


def eerd(bench, word):
    bench.write(r.EERD, word << 8 | 1)
    value = bench.read(r.EERD)
    assert value & 0x10
    return value >> 16


def test_fact_35_writing_needs_ewen(bench):
    wire = Microwire(bench)
    wire.command(0b101 << 6 | 5, 0x1234)
    assert eerd(bench, 5) != 0x1234
    wire.command(0b100110000)
    wire.command(0b101 << 6 | 5, 0x1234)
    assert eerd(bench, 5) == 0x1234
    wire.command(0b111 << 6 | 5)
    assert eerd(bench, 5) == 0xFFFF
    wire.command(0b100000000)
    wire.command(0b101 << 6 | 5, 0x4321)
    assert eerd(bench, 5) == 0xFFFF
    wire.command(0b100110000)
    wire.command(0b100010000, 0x5555)
    assert [eerd(bench, word) for word in (0, 63)] == [0x5555] * 2
    wire.command(0b100100000)
    assert [eerd(bench, word) for word in (0, 63)] == [0xFFFF] * 2


def test_fact_35_a_write_that_is_cut_short_changes_nothing(bench):
    wire = Microwire(bench)
    wire.command(0b100110000)
    wire.select()
    wire.bits(0b101 << 6 | 5, 9)
    wire.bits(0xABC, 12)
    bench.write(r.EECD, REQ)
    assert eerd(bench, 5) != 0xABC0


def test_fact_35_ee_rst_reloads_the_address(bench):
    bench.nic.eeprom.words[0] = 0x0002
    bench.write(r.CTRL_EXT, 0x2000)
    assert bench.read(r.RAL) & 0xFFFF == 0x0002 and not bench.read(r.CTRL_EXT) & 0x2000


# --- PHY ---


def phy(bench, register, value=None, address=1):
    operation = 0x08000000 if value is None else 0x04000000
    bench.write(r.MDIC, operation | address << 21 | register << 16 | (value or 0))
    result = bench.read(r.MDIC)
    assert result & 0x10000000
    return result & 0x4000FFFF


def test_fact_36_mdic_errors_and_the_m88_id(bench):
    assert phy(bench, 2) == 0x0141 and phy(bench, 3) & 0xFFF0 == 0x0C20
    for address in (0, 2, 31):
        assert phy(bench, 2, address=address) & 0x40000000
    bench.write(r.MDIC, 0x00220000)
    assert bench.read(r.MDIC) & 0x40000000
    phy(bench, 2, 0xFFFF)
    assert phy(bench, 2) == 0x0141


# --- loopback ---


def test_fact_37_mac_loopback(bench):
    bench.rx_setup(rctl=RCTL_ON | 0x40)
    bench.tx_setup()
    bench.legacy(frame(b"round and round"))
    bench.ring()
    assert bench.sent() == [] and bench.frames() == [frame(b"round and round")]
    bench.inject(frame())
    assert bench.frames() == []
    bench.write(r.RCTL, RCTL_ON)
    bench.legacy(frame(b"out again"))
    bench.ring()
    assert bench.sent() == [frame(b"out again")]


@pytest.mark.parametrize("plugged", [True, False])
def test_fact_37_phy_loopback_as_ethtool_does_it(plugged):
    bench = Bench()
    bench.link.set_up(plugged)
    phy(bench, 16, 0x0808)
    phy(bench, 0, 0x9140)
    phy(bench, 0, 0x8140)
    phy(bench, 0, 0x4140)
    bench.rx_setup(count=256)
    bench.tx_setup(count=256)
    sent = [frame(bytes([i]) * 1000, destination=BROADCAST, length=1024) for i in range(64)]
    for data in sent:
        bench.legacy(data, CMD_EOP | CMD_IFCS | 0x10)
    bench.ring()
    assert bench.frames() == sent and bench.sent() == []
    phy(bench, 0, 0x9140)
    bench.run()
    assert bool(bench.read(r.STATUS) & STATUS_LU) == plugged


# --- flow control ---

PAUSE_GROUP = b"\x01\x80\xc2\x00\x00\x01"


def pause(slots, destination=PAUSE_GROUP, opcode=1):
    return frame(struct.pack(">HH", opcode, slots), destination=destination, kind=0x8808)


def test_fact_38_xoff_stops_and_xon_resumes(bench):
    bench.rx_setup()
    bench.tx_setup()
    bench.inject(pause(100))
    assert not bench.read(r.STATUS) & STATUS_TXOFF and bench.read(r.XOFFRXC) == 0
    bench.set_bits(r.CTRL, CTRL_RFCE)
    bench.inject(pause(1000))
    assert bench.read(r.STATUS) & STATUS_TXOFF and bench.read(r.XOFFRXC) == 1
    bench.legacy(frame(b"held"))
    bench.write(r.TDT, bench.tx_tail)
    bench.run(500_000)
    assert bench.sent() == []
    bench.run(12_000)
    assert bench.sent() == [frame(b"held")] and not bench.read(r.STATUS) & STATUS_TXOFF
    bench.inject(pause(0xFFFF))
    bench.legacy(frame(b"again"))
    bench.write(r.TDT, bench.tx_tail)
    bench.inject(pause(0))
    bench.run(1000)
    assert bench.sent() == [frame(b"again")] and bench.read(r.XONRXC) == 1


def test_fact_38_dpf_pmcf_and_unknown_opcodes(bench):
    bench.set_bits(r.CTRL, CTRL_RFCE)
    bench.rx_setup()
    bench.inject(pause(1))
    bench.inject(pause(1, destination=MAC))
    bench.inject(pause(0, destination=MAC, opcode=2))
    assert bench.frames() == [pause(1, destination=MAC)]
    assert bench.read(r.FCRUC) == 1 and bench.read(r.XOFFRXC) == 2
    bench.write(r.RCTL, RCTL_ON | 0x400000 | 0x800000)
    bench.inject(pause(1, destination=MAC))
    bench.inject(pause(0, destination=MAC, opcode=2))
    assert bench.frames() == [pause(0, destination=MAC, opcode=2)]


def test_fact_38_the_fifo_marks_send_xoff_and_xon(bench):
    bench.set_bits(r.CTRL, CTRL_TFCE)
    bench.write(r.FCRTH, 8000)
    bench.write(r.FCRTL, 0x80000000 | 4000)
    bench.write(r.FCTTV, 0x1234)
    bench.rx_setup(count=64, free=0)
    frames = [frame(bytes([i]) * 980, length=996) for i in range(10)]
    for data in frames:
        bench.inject(data)
    assert bench.read(r.RNBC) == 10 and bench.read(r.MPC) == 0
    bench.run(1000)
    [xoff] = bench.sent()
    assert xoff == frame(struct.pack(">HH", 1, 0x1234), destination=PAUSE_GROUP, source=MAC, kind=0x8808)
    assert bench.read(r.XOFFTXC) == 1
    bench.write(r.RDT, 60)
    bench.run(1000)
    assert bench.frames() == frames
    [xon] = bench.sent()
    assert xon[16:18] == b"\0\0" and bench.read(r.XONTXC) == 1


def test_fact_38_the_fifo_waits_while_the_receiver_is_off(bench):
    bench.set_bits(r.CTRL, CTRL_TFCE)
    bench.write(r.FCRTH, 8000)
    bench.rx_setup(count=128, free=0)
    frames = [frame(bytes([i])) for i in range(100)]
    for data in frames:
        bench.inject(data)
    bench.write(r.RCTL, 0)
    bench.write(r.RDT, 127)
    bench.run(1000)
    assert bench.frames() == []
    bench.write(r.RCTL, RCTL_ON)
    bench.run(1000)
    assert bench.frames() == frames


def test_fact_38_a_full_fifo_drops_and_repeats_xoff(bench):
    bench.set_bits(r.CTRL, CTRL_TFCE)
    bench.write(r.FCRTH, 2000)
    bench.write(r.PBA, 4)
    bench.rx_setup(free=0)
    for _ in range(6):
        bench.inject(frame(length=996))
    bench.run(1000)
    assert bench.read(r.MPC) == 2 and len(bench.sent()) == 3
    assert bench.read(r.ICR) & 0x40


def test_fact_38_software_xoff(bench):
    bench.write(r.FCTTV, 7)
    bench.write(r.TCTL, 0x400002)
    bench.run(1000)
    assert bench.sent()[0][14:18] == struct.pack(">HH", 1, 7)
    assert bench.read(r.TCTL) == 2


# --- the bus ---


def test_fact_39_bars_capabilities_and_writable_bits():
    nic = E1000(Clock())
    assert nic.config_read(0, 4) == 0x100E8086 and nic.config_read(0x2C, 4) == 0x001E8086
    assert nic.config_read(8, 4) == 0x02000002 and nic.config_read(0x3D, 1) == 1
    nic.config_write(0x10, 4, 0xFFFFFFFF)
    nic.config_write(0x14, 4, 0xFFFFFFFF)
    assert nic.config_read(0x10, 4) == 0xFFFE0000 and nic.config_read(0x14, 4) == 0xFFFFFFC1
    nic.config_write(0x0C, 1, 0x10)
    nic.config_write(0x04, 2, 0x0010)
    assert nic.config_read(0x0C, 1) == 0x10 and nic.config_read(0x04, 2) == 0x0010
    at = nic.config_read(0x34, 1)
    assert nic.config_read(6, 2) & 0x10 and nic.config_read(at, 1) == 1


def test_fact_39_no_dma_without_bus_mastering(bench):
    bench.rx_setup()
    bench.tx_setup()
    bench.config(0x04, 2, 3)
    bench.inject(frame())
    bench.legacy(frame())
    bench.ring()
    assert bench.frames() == [] and bench.sent() == [] and bench.read(r.RDH) == 0
    assert bench.status() & 0x2000
    bench.config(0x04, 2, 7)
    bench.inject(frame())
    bench.ring()
    assert len(bench.frames()) == 1 and len(bench.sent()) == 1


def test_fact_40_dma_to_nowhere_is_a_master_abort(bench):
    bench.rx_setup(addresses=[0x7FFFFFFF0000] * 16)
    bench.tx_setup()
    bench.inject(frame())
    assert bench.status() & 0x2000 and bench.read(r.MPC) == 1
    bench.config(0x06, 2, 0x2000)
    assert not bench.status() & 0x2000
    bad = bench.put(0xFFFFFFFFFFFFFFF0, 100 | (CMD_EOP | CMD_IFCS | CMD_RS) << 24)
    bench.legacy(frame(b"good"))
    bench.ring()
    assert bench.status() & 0x2000 and bench.done(bad)
    assert bench.sent() == [frame(b"good")]


# --- wakeup ---


def asleep(bench, filters, pme=True):
    """Put the card to sleep; returns the list that grows when it wakes the system."""
    woken = []
    bench.rx_setup()
    bench.nic.on_wake = lambda: woken.append(bench.clock.now)
    bench.write(r.WUFC, filters)
    bench.config(0xE0, 2, (0x0100 if pme else 0) | 3)
    return woken


def magic(mac=MAC, lead=b"\xff" * 6, destination=BROADCAST):
    return frame(b"hello" + lead + mac * 16, destination=destination, kind=0x0842)


def test_fact_41_magic_packet(bench):
    woken = asleep(bench, 0x2)
    for data in (frame(), magic(mac=PEER), magic(lead=b"\xff" * 5 + b"\0"), magic(destination=PEER)):
        bench.inject(data)
    assert woken == []
    bench.inject(magic(lead=b"\xff" * 9))
    assert len(woken) == 1
    bench.inject(magic())
    assert len(woken) == 1
    assert bench.nic.config_read(0xE0, 2) & 0x8000
    assert bench.nic.regs.get(r.WUS) == 0x2 and bench.nic.regs.get(r.WUPL) == len(magic(lead=b"\xff" * 9))
    bench.config(0xE0, 2, 0x8000)
    # Back in D0 the record survives the reset that the change of state is.
    bench.config(0x10, 4, 0xE0000000)
    bench.config(0x04, 2, 7)
    assert bench.read(r.WUS) == 0x2
    assert bench.read(r.WUPM) == 0xFFFFFFFF
    bench.write(r.WUS, 0)
    assert bench.read(r.WUS) == 0


@pytest.mark.parametrize(
    ("bit", "yes", "no"),
    [
        (0x04, frame(), frame(destination=BROADCAST)),
        (0x10, frame(destination=BROADCAST), frame()),
        (0x08, frame(destination=b"\x01\x00\x5e\x00\x00\x01"), frame(destination=b"\x01\x00\x5e\x00\x00\x02")),
        (0x40, frame(ipv4(udp(b"x"), 17)), frame(b"", kind=0x0806)),
        (0x20, frame(b"\0" * 6 + b"\0\1" + b"\0" * 16 + b"\x0a\0\0\2", destination=BROADCAST, kind=0x0806), frame()),
    ],
)
def test_fact_41_unicast_broadcast_multicast_and_protocol_filters(bench, bit, yes, no):
    bench.write(r.MTA + 4 * ((0x0100 >> 4) >> 5), 1 << ((0x0100 >> 4) & 31))
    bench.write(r.IPAV, 1)
    bench.write(r.IP4AT, 0x0200000A)
    woken = asleep(bench, bit)
    bench.inject(no)
    assert woken == []
    bench.inject(yes)
    assert len(woken) == 1 and bench.nic.regs.get(r.WUS) & bit
    assert bench.ram.read8(0x1000 + 12) == 0


def test_fact_41_flexible_filter_and_link_change(bench):
    bench.write(r.FFLT + 8, 20)
    bench.write(r.FFMT + 8 * 15, 0x2)
    bench.write(r.FFVT + 8 * 15, 0x0000AB00)
    woken = asleep(bench, 0x20000)
    bench.inject(frame(b"\x00\xaa"))
    assert woken == []
    bench.inject(frame(b"\x00\xab"))
    assert len(woken) == 1
    bench = Bench()
    woken = asleep(bench, 0x1)
    bench.link.set_up(False)
    assert len(woken) == 1


def test_fact_41_pme_en_decides_and_apm_wakes_in_d0(bench):
    woken = asleep(bench, 0x2, pme=False)
    bench.inject(magic())
    assert woken == [] and bench.nic.config_read(0xE0, 2) & 0x8000
    bench = Bench()
    bench.rx_setup()
    bench.nic.on_wake = lambda: woken.append(1)
    bench.write(r.WUC, 0x3)
    bench.inject(magic())
    assert woken == [1] and bench.read(r.WUC) == 0x7
    assert bench.frames() == [magic()]
    bench.write(r.WUC, 0x4)
    assert bench.read(r.WUC) == 0


def test_fact_39_asleep_the_engines_rest(bench):
    bench.rx_setup()
    bench.tx_setup()
    bench.legacy(frame())
    bench.write(r.TDT, bench.tx_tail)
    bench.config(0xE0, 2, 3)
    bench.inject(frame())
    bench.run()
    assert bench.sent() == [] and not bench.status() & 0x2000
    assert bench.read(r.STATUS) == 0xFFFFFFFF
    bench.config(0xE0, 2, 0)
    bench.config(0x10, 4, 0xE0000000)
    bench.config(0x04, 2, 7)
    bench.run()
    assert bench.read(r.STATUS) & STATUS_LU and bench.read(r.TDT) == 0


def test_power_off_leaves_no_work_on_the_clock(bench):
    dirty(bench)
    bench.link.detach(bench.nic.port)
    bench.nic.reset()
    bench.run()
    assert bench.clock.next_time() < 0


def test_trace_events_name_registers_and_frames(bench):
    lines = []
    bench.nic.trace.listen("*", lambda now, machine, event, text: lines.append((event, text)))
    bench.rx_setup()
    bench.tx_setup()
    bench.write(r.IMS, 0x80)
    bench.inject(frame())
    bench.inject(frame(destination=PEER))
    bench.legacy(frame())
    bench.ring()
    bench.read(r.MTA + 4)
    events = {event for event, _ in lines}
    assert events >= {
        "mmio_read", "mmio_write", "nic_rx_frame", "nic_rx_drop", "nic_rx_descriptor", "nic_tx_descriptor",
        "nic_tx_frame", "nic_interrupt", "dma_read", "dma_write",
    }  # fmt: skip
    assert any("MTA[1]" in text for _, text in lines)


def test_a_group_address_is_refused():
    with pytest.raises(ValueError, match="not the address of a station"):
        E1000(Clock(), mac=b"\x01" * 6)
