"""Recorder, ring pictures, stepping, interrupt counts: what tests of a driver hold in their hands."""

import pytest

from hwemu.nic.e1000 import registers as r
from lab import guest
from lab.kit.board import MAC, MILLISECOND, PEER, frame
from lab.kit.recorder import Traffic
from lab.kit.rings import describe_receive, describe_transmit
from userland import libc


def outgoing(number=0):
    return frame(bytes([number]) * 100, destination=PEER, source=MAC)


def test_one_doorbell_for_32_frames_and_no_rctl(board):
    with board.kit.recorder.section() as traffic:
        board.send_batch(*[outgoing(number) for number in range(32)])
    traffic.wrote("TDT", times=1)
    traffic.wrote("TDT", value=32)
    traffic.never_touched("RCTL")
    traffic.was_read("ICR", times=1)
    assert traffic.values("TDT") == [32]


def test_the_recorder_knows_order_tables_and_windows(make_board):
    recorder = make_board().kit.recorder
    recorder.in_order("IMC", "RCTL", "TCTL", "TDLEN", "TDBAL", "RDLEN", "RDBAL", "IMS")
    assert len(recorder.writes("MTA")) >= 128 and len(recorder.writes("MTA[7]")) >= 1
    resets = [access for access in recorder.writes("CTRL") if access.value & 0x04000000]
    assert {access.window for access in resets} == {"io"}
    recorder.clear()
    recorder.never_touched("TDT")


@pytest.mark.parametrize(
    "claim",
    [
        lambda traffic: traffic.wrote("TDT", times=2),
        lambda traffic: traffic.wrote("RDT"),
        lambda traffic: traffic.wrote("TDT", value=9),
        lambda traffic: traffic.was_read("ICR", times=0),
        lambda traffic: traffic.never_touched("TDT"),
        lambda traffic: traffic.never_wrote("TDT"),
        lambda traffic: traffic.in_order("RDT", "TDT"),
        lambda traffic: traffic.in_order("IMC", "TDT"),
    ],
)
def test_wrong_claims_are_refuted(board, claim):
    with board.kit.recorder.section() as traffic:
        board.send(outgoing())
    with pytest.raises(AssertionError):
        claim(traffic)


def test_nothing_recorded_reads_as_that():
    assert "no register" in Traffic().picture()


def test_the_ring_picture_shows_owners_and_descriptors(board):
    board.kit.step.hold()
    board.send(outgoing(), outgoing(), duration=0)
    assert board.kit.step.waiting() == 2
    assert board.kit.step.descriptor()
    picture = board.kit.rings.tx.picture(0)
    assert "head 1, tail 1" in picture and "length 114" in picture and "DD" in picture
    board.kit.rings.rx.assert_filled(255)
    with pytest.raises(AssertionError, match="fewer than 256"):
        board.kit.rings.rx.assert_filled(256)
    board.kit.step.release()
    board.run()
    board.kit.rings.tx.assert_idle()


def test_an_engine_with_work_is_not_idle(board):
    board.wire.set_up(False)
    board.kit.rings.tx.assert_idle()
    board.dev.netdev_ops.ndo_start_xmit(board.skb(outgoing()), board.dev)
    with pytest.raises(AssertionError, match="still has work"):
        board.kit.rings.tx.assert_idle()


def test_descriptors_one_at_a_time(board):
    step = board.kit.step
    step.hold()
    board.send(*[outgoing(number) for number in range(3)], duration=0)
    sent = []
    while step.waiting():
        assert board.end.take() == []
        assert step.descriptor()
        step.time(1000)
        sent += [data[14] for data in board.end.take()]
        assert len(sent) == board.kit.rings.tx.head
    assert sent == [0, 1, 2] and not step.descriptor()
    assert board.kit.registers.read(r.TDT, 4) == 3
    step.release()


def test_receive_descriptors_one_at_a_time(board):
    step = board.kit.step
    step.hold()
    for number in range(40):
        board.end.inject(frame(bytes([number]) * 60))
        board.run(100_000)
    assert len(board.received.packets) == 40
    assert step.waiting("RX") > 16
    before = board.kit.rings.rx.tail
    assert step.descriptor("RX")
    assert board.kit.rings.rx.tail == (before + 1) % 256
    step.release()
    assert step.waiting("RX") == 0


def test_events_one_at_a_time(board):
    board.run(MILLISECOND)
    board.end.inject(frame(bytes(60)))
    seen = 0
    while board.kit.step.event() >= 0 and seen < 100 and not board.received.packets:
        seen += 1
    assert board.received.packets and seen < 100


def test_interrupts_are_counted(board):
    board.kit.interrupts.clear()
    board.end.inject(frame(bytes(60)))
    board.run()
    board.kit.interrupts.assert_delivered(at_least=1, at_most=1)
    assert board.kit.interrupts.raised == 1
    with pytest.raises(AssertionError, match="1 interrupts were taken"):
        board.kit.interrupts.assert_delivered(at_least=2)
    with pytest.raises(AssertionError, match="1 interrupts were taken"):
        board.kit.interrupts.assert_delivered(at_most=0)


def test_descriptors_in_words():
    context = bytes.fromhex("0e18000022320000") + (0x20 << 24 | 1000).to_bytes(4, "little") + bytes([0, 54, 0xB4, 5])
    assert describe_transmit(context).startswith("context ip 14/24/0 tu 34/50/0 paylen 1000 hdrlen 54 mss 1460")
    assert describe_transmit(bytes(8) + (60 | 0x0B << 24).to_bytes(4, "little") + b"\1\0\0\0").endswith("[eop ifcs rs] DD")
    assert describe_receive((0x1000).to_bytes(8, "little") + b"\x40\0\0\0\x03\x20\0\0").endswith("[dd eop] errors [tcpe]")


def test_a_card_alone(kit_on_card):
    card = kit_on_card
    card.kit.registers.write(r.CTRL, 4, 0x40)
    card.kit.recorder.wrote("CTRL", value=0x40, times=1)
    assert card.kit.rings.tx.picture() == "TX ring at 0x0, 0 descriptors, head 0, tail 0, off"
    assert card.kit.rings.tx.owned_by_card() == []


def test_a_driver_with_the_whole_kernel(driver_on_kernel):
    there = driver_on_kernel()
    pid = guest.run(there.host, libc.getpid)
    assert pid > 1
    there.kit.recorder.wrote("IMS")
    there.kit.rings.rx.assert_filled(200)
    assert there.kit.sanitizer.by_page


def test_another_driver_with_the_whole_kernel(driver_on_kernel):
    from broken.variant import load

    there = driver_on_kernel(load("on_a_kernel", {}))
    assert there.host.kernel.pci.devices[-1].driver_data.__class__.__module__ == "e1000_on_a_kernel.e1000"
    there.kit.rings.rx.assert_filled(200)
