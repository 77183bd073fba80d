"""The board whose devices are QEMU's: the four places where devices and software meet, and how it fails."""

import functools
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from driver.e1000.e1000_eeprom import e1000_read_eeprom, e1000_read_eeprom_microwire, e1000_validate_eeprom_checksum
from driver.e1000.e1000_hw import e1000_reset_hw
from driver.e1000.e1000_osdep import er32, ew32
from driver.e1000.e1000_regs import E1000_CTRL, E1000_ICR, E1000_ICS, E1000_IMC, E1000_IMS, E1000_RADV
from hwemu.clock import Clock
from hwemu.machine import PCI_LINES
from kernel.arch.memory import AddressSpace
from kernel.net.core.ethtool import dev_ethtool
from kernel.net.core.netdevice import netif_carrier_ok
from kernel.pci.driver import pci_unbind
from kernel.uapi import ethtool as uapi
from lab.errors import LabError
from lab.platforms import missing
from lab.qtest.board import QtestBoard, qemu_board

pytestmark = pytest.mark.qemu
MEBIBYTE = 1 << 20
E1000_ICR_TXDW = 1
ROOT = Path(__file__).resolve().parents[2]
CARD_LINE = PCI_LINES[2]


@pytest.fixture
def need_qemu():
    if missing("qemu"):
        pytest.skip(missing("qemu"))


@pytest.fixture
def board(need_qemu):
    made = QtestBoard(Clock(), "e1000,addr=0x3,romfile=", memory=8 * MEBIBYTE)
    yield made
    made.power_off()
    assert made.qemu.process.poll() is not None
    assert not made.clock.sources


# --- the board ---


def test_both_machines_have_the_same_ram(board):
    for address in (0x1000, 0xA0000, 0xBFFFC, 0xC0000, 0xE8000, 0xF0000, 0xFFFFC, MEBIBYTE, 8 * MEBIBYTE - 4):
        board.ram.write32(address, 0x600D0000 | address & 0xFFFF)
        assert board.qtest.read(address, 4) == 0x600D0000 | address & 0xFFFF
        board.qtest.write(address, 4, ~address & 0xFFFFFFFF)
        assert board.ram.read32(address) == ~address & 0xFFFFFFFF


def test_configuration_cycles_find_the_devices(board):
    def identity(slot):
        board.ports.write(0xCF8, 4, 0x80000000 | slot << 11)
        return board.ports.read(0xCFC, 4)

    assert [identity(slot) for slot in range(5)] == [0x12378086, 0x70008086, 0xFFFFFFFF, 0x100E8086, 0xFFFFFFFF]
    assert board.config(3, 0x3C) == CARD_LINE


def test_memory_below_the_windows_is_not_the_devices(board):
    assert board.memory_bus.find(0xDFFFFFFC, 4) is None
    assert board.memory_bus.find(0xFEC00000, 4) is None


def test_interrupts_raise_and_lower_their_line(board):
    board.config(3, 0x13, 0xE0)
    board.config(3, 0x04, 0x02)
    registers = board.memory_bus.find(0xE0000000 + E1000_ICR, 4)

    def access(register, value=None):
        return board.memory_bus.read(0xE0000000 + register, 4) if value is None else registers.write(register, 4, value)

    access(E1000_IMS, E1000_ICR_TXDW)
    assert board.pic.level == 0
    access(E1000_ICS, E1000_ICR_TXDW)
    assert board.pic.level == 1 << CARD_LINE
    assert access(E1000_ICR) & E1000_ICR_TXDW
    assert board.pic.level == 0
    assert access(E1000_IMC) == 0


def test_any_of_qemus_network_cards_can_be_plugged_in(need_qemu, bench):
    host = bench.host(board=functools.partial(qemu_board, device="rtl8139"))
    identities = [(dev.vendor, dev.device, dev.irq) for dev in host.kernel.pci.devices]
    assert identities[-1] == (0x10EC, 0x8139, CARD_LINE)


# --- how QEMU's card differs, and that the driver copes ---


@pytest.mark.platforms("qemu")
def test_reset_keeps_the_registers(rig):
    """CTRL.RST resets no register, and the I/O window, by which an 82540 is reset, does nothing."""
    rig.open()
    hw = rig.dev.priv.hw
    ew32(hw, E1000_RADV, 0x1234)
    assert rig.call(e1000_reset_hw, hw) == 0
    assert er32(hw, E1000_RADV) == 0x1234
    assert not er32(hw, E1000_CTRL) & 1 << 26
    rig.close()
    rig.open()
    sink = rig.sink()
    rig.end.inject(b"\xff" * 6 + bytes(6) + b"\x88\xb5" + b"still alive" * 5)
    rig.until(lambda: sink.packets)


@pytest.mark.platforms("qemu")
def test_the_eeprom_reads_both_ways(rig):
    hw = rig.dev.priv.hw
    words = rig.call(e1000_read_eeprom, hw, 0, 64)
    assert rig.call(e1000_read_eeprom_microwire, hw, 0, 64) == words
    assert b"".join(word.to_bytes(2, "little") for word in words[:3]) == rig.dev.perm_addr
    assert rig.call(e1000_validate_eeprom_checksum, hw)


@pytest.mark.platforms("qemu")
def test_the_self_test_fails_on_registers_only_and_leaves_the_card_alive(rig):
    """Bits that the part has are missing in QEMU's registers."""
    rig.open()
    mm = AddressSpace()
    request = bytearray(struct.pack(uapi.ETHTOOL_TEST_HEAD, uapi.ETHTOOL_TEST, uapi.ETH_TEST_FL_OFFLINE, 0, 4) + bytes(32))
    address = mm.map(request, True)
    assert rig.call(dev_ethtool, rig.dev, mm, address) == 0
    mm.unmap(address)
    assert [bool(value) for value in struct.unpack("<4Q", request[16:])] == [True, False, False, False]
    rig.until(lambda: netif_carrier_ok(rig.dev))


# --- what goes wrong ---


def test_qemu_that_is_missing(monkeypatch):
    monkeypatch.setenv("HWEMU_QEMU", "no-such-qemu")
    with pytest.raises(LabError, match="no-such-qemu is not installed"):
        QtestBoard(Clock(), "e1000")
    # One that was asked for by name is not a reason to skip.
    assert missing("qemu") == ""
    monkeypatch.delenv("HWEMU_QEMU")
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing("qemu") == "QEMU (qemu-system-x86_64) is not installed"
    assert missing("emulated") == ""


def test_qemu_that_does_not_start(monkeypatch):
    descriptors = len(os.listdir("/proc/self/fd"))
    monkeypatch.setenv("HWEMU_QEMU", "false")
    with pytest.raises(LabError, match="QEMU does not answer: exit status 1"):
        QtestBoard(Clock(), "e1000")
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_card_that_qemu_does_not_know(need_qemu):
    with pytest.raises(LabError, match="'e1234' is not a valid device model name"):
        QtestBoard(Clock(), "e1234")


def test_memory_that_qemu_does_not_take(need_qemu):
    with pytest.raises(LabError, match="whole MiB"):
        QtestBoard(Clock(), "e1000", memory=4096)


@pytest.mark.parametrize("kind", ["e1000,nonsense=1", "isa-serial"])
def test_a_device_that_is_no_card_of_qemus_leaves_nothing_behind(need_qemu, kind):
    clock = Clock()
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(LabError, match="QEMU does not answer: .*not found"):
        QtestBoard(clock, kind)
    assert not clock.sources
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_qemu_ends_with_whoever_started_it(need_qemu):
    program = (
        "from hwemu.clock import Clock; from lab.qtest.board import QtestBoard; import os, signal\n"
        "print(QtestBoard(Clock(), 'e1000').qemu.process.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    path = Path(f"/proc/{int(done.stdout)}/stat")
    limit = time.monotonic() + 10
    while path.exists() and path.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < limit, "QEMU is still there"
        time.sleep(0.01)


@pytest.mark.platforms("qemu")
def test_the_driver_survives_a_card_that_is_pulled_out(rig):
    rig.open()
    rig.host.machine.qemu.process.send_signal(signal.SIGKILL)
    with pytest.raises(LabError, match="QEMU has gone"):
        rig.until(lambda: False)
    rig.close()
    assert rig.kernel.pci.leaks() == []
    rig.call(pci_unbind, rig.dev.parent)
    assert rig.dev is None


def test_qemu_that_dies_is_a_card_pulled_out(board):
    board.config(3, 0x13, 0xE0)
    board.config(3, 0x04, 0x02)
    board.qemu.process.send_signal(signal.SIGKILL)
    with pytest.raises(LabError, match="QEMU has gone"):
        while True:
            board.clock.run(board.clock.now + 1_000_000)
    assert board.memory_bus.read(0xE0000008, 4) == 0xFFFFFFFF
    board.memory_bus.write(0xE0000008, 4, 0)
