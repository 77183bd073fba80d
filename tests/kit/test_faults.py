"""Each fault does what it says, ends when told, and draws from the seed."""

import pytest

from hwemu.nic.e1000 import registers as r
from kernel.net.core.dev import dev_set_mtu
from kernel.net.core.netdevice import netif_carrier_ok
from lab.kit.board import MAC, MILLISECOND, PEER, Board, frame


def outgoing(number=0):
    return frame(bytes([number]) * 100, destination=PEER, source=MAC)


def receive(board, number=1, time=MILLISECOND):
    """How many frames have climbed the stack after one was sent."""
    board.end.inject(frame(bytes([number]) * 60))
    board.run(time)
    count, board.received.packets = len(board.received.packets), []
    return count


def test_lost_interrupts_come_back_with_the_fault_gone(board):
    fault = board.kit.faults.lose_interrupts(times=1)
    assert receive(board) == 0 and fault.hits == 1
    assert receive(board) == 0
    fault.end()
    assert receive(board) == 3


def test_lost_interrupts_by_chance_repeat_with_the_seed():
    def lost(seed):
        board = Board(seed=seed).up()
        board.kit.faults.lose_interrupts(times=1, chance=0.5)
        pattern = [receive(board) for _ in range(10)]
        board.kit.faults.clear()
        board.run()
        assert board.shutdown() == []
        return pattern

    assert lost(5) == lost(5)
    assert len({tuple(lost(seed)) for seed in range(6)}) > 1


def test_late_interrupts(board):
    board.kit.faults.delay_interrupts(500_000)
    assert receive(board, time=400_000) == 0
    assert receive(board, time=200_000) == 2


def test_spurious_and_stuck_interrupts(board):
    fault = board.kit.faults.spurious_interrupt()
    board.run()
    assert fault.hits == 1
    fault.end()
    assert receive(board) == 1
    stuck = board.kit.faults.stick_interrupt()
    board.run(30 * MILLISECOND)
    assert stuck.hits >= 2000 and "interrupt-storm" in board.kit.checks()
    stuck.end()
    board.kernel.arch.unmask_irq(board.nic.interrupt_line)
    assert receive(board) == 1
    board.kit.protocol.findings.found.clear()


def test_all_ones_exactly(board):
    read = board.kit.registers.read
    board.kit.faults.all_ones("STATUS", after=1, times=2)
    values = [read(r.STATUS, 4) for _ in range(4)]
    assert [value == 0xFFFFFFFF for value in values] == [False, True, True, False]
    fault = board.kit.faults.all_ones()
    assert read(r.CTRL, 4) == 0xFFFFFFFF and read(r.RCTL, 4) == 0xFFFFFFFF
    fault.end()
    assert read(r.CTRL, 4) != 0xFFFFFFFF


def test_a_removed_card_is_gone(make_board):
    board = make_board(clean=False)
    board.kit.faults.remove_card()
    board.run()
    assert board.machine.memory_bus.read(board.nic.bars[0].base, 4) == 0xFFFFFFFF
    board.end.inject(frame(bytes(60)))
    board.send(outgoing())
    board.run(MILLISECOND)
    assert board.received.packets == [] and board.end.take() == []


def test_failing_dma_is_a_master_abort(board):
    board.kit.faults.fail_dma(times=1, after=1, what="data", write=True)
    assert receive(board) == 1
    assert receive(board) == 0
    assert board.nic.dma.aborts == 1 and board.nic.config_read(6, 2) & 0x2000
    assert receive(board) == 1


def test_late_write_back(board):
    fault = board.kit.faults.late_write_back(300_000)
    board.send(outgoing(), duration=100_000)
    assert len(board.end.take()) == 1
    assert not board.kit.rings.tx.done(0)
    board.run(300_000)
    assert board.kit.rings.tx.done(0) and fault.hits >= 1


def test_late_data_lands_whole_and_once_ended_at_once(board):
    address = int.from_bytes(board.kit.rings.rx.raw(0)[:8], "little")
    fault = board.kit.faults.late_dma(10 * MILLISECOND, "data")
    board.kit.faults.delay_interrupts(MILLISECOND)
    board.end.inject(frame(b"late" * 20))
    board.run(1000)
    assert b"late" not in board.machine.ram.read(address, 100)
    fault.end()
    assert board.machine.ram.read(address + 14, 80) == b"late" * 20
    board.run()


def test_a_reset_lets_what_is_posted_land(board):
    board.kit.faults.late_write_back(1000 * MILLISECOND)
    board.end.inject(frame(bytes(60)))
    board.run(1000)
    assert not board.kit.rings.rx.done(0)
    at = board.kit.rings.rx.base
    board.on_cpu(dev_set_mtu, board.dev, 1400, duration=0)
    assert board.machine.ram.read(at + 12, 1) == b"\0", "the new ring has what was meant for the old one"
    board.kit.faults.clear()
    board.run(100 * MILLISECOND)
    assert receive(board) == 1


def test_the_card_sees_its_own_posted_writes_in_order(board):
    board.kit.faults.late_dma(10 * MILLISECOND)
    at = int.from_bytes(board.kit.rings.rx.raw(0)[:8], "little")
    board.kit.sanitizer.find = lambda address, length, write: True
    board.nic.dma.write32(at, 0x11223344)
    board.nic.dma.write16(at + 1, 0xAABB)
    assert board.nic.dma.read32(at) == 0x11AABB44
    del board.kit.sanitizer.find
    board.run(20 * MILLISECOND)
    assert board.machine.ram.read32(at) == 0x11AABB44


def test_shuffled_writes_overtake(board):
    board.kit.faults.shuffle_dma(200_000)
    order = []
    at = int.from_bytes(board.kit.rings.rx.raw(0)[:8], "little")
    for number in range(1, 21):
        board.nic.dma.write8(at + number, number)
    for _ in range(200):
        board.run(1000)
        data = board.machine.ram.read(at, 21)
        order += [number for number in data if number and number not in order]
    assert sorted(order) == list(range(1, 21)) and order != sorted(order)


def test_eeprom_rot(board):
    words = list(board.nic.eeprom.words)
    fault = board.kit.faults.rot_eeprom(bits=1)
    assert sum(bin(a ^ b).count("1") for a, b in zip(words, board.nic.eeprom.words, strict=True)) == 1
    fault.end()
    assert board.nic.eeprom.words == words
    board.kit.faults.rot_eeprom(word=3, value=0xDEAD)
    assert board.nic.eeprom.words[3] == 0xDEAD


def test_no_link_and_flaps(board):
    fault = board.kit.faults.never_link()
    board.run(100 * MILLISECOND)
    assert not netif_carrier_ok(board.dev)
    fault.end()
    board.run(100 * MILLISECOND)
    assert netif_carrier_ok(board.dev)
    flaps = board.kit.faults.flap_link(times=2, period=30 * MILLISECOND)
    board.run(10 * MILLISECOND)
    assert not netif_carrier_ok(board.dev)
    board.run(200 * MILLISECOND)
    assert flaps.hits == 4 and netif_carrier_ok(board.dev)


def test_hang_and_overrun(board):
    fault = board.kit.faults.hang_transmit()
    board.send(outgoing())
    assert fault.hits == 1 and board.end.take() == []
    fault.end()
    board.kit.faults.delay_interrupts(MILLISECOND)
    board.kit.faults.overrun([frame(bytes(60))] * 300)
    board.run(10 * MILLISECOND)
    assert len(board.received.packets) == 255
    board.run(30_000 * MILLISECOND)


@pytest.mark.parametrize("how", ["corrupt", "short", "long"])
def test_bad_frames(board, how):
    getattr(board.kit.faults, how)(frame(bytes(60)))
    board.run()
    assert board.received.packets == []
    counter = {"corrupt": r.CRCERRS, "short": r.RUC, "long": r.ROC}[how]
    assert board.kit.registers.read(counter, 4) == 1
