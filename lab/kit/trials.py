"""Checks of a driver in bad weather: each breaks the card or the wire, and asks that the driver comes out of it."""

from kernel.net.core.dev import dev_close, dev_queue_xmit
from kernel.net.core.netdevice import netif_carrier_ok
from lab.kit.board import MILLISECOND, frame
from lab.kit.checks import check
from lab.kit.faults import NoLink
from lab.kit.paths import expect_received, expect_sent, outgoing, payload

SECOND = 1_000_000_000
LINK = 100 * MILLISECOND
LATE = 200_000
# A driver's own watchdog and the stack's: within this time a hang must have been dealt with.
PATIENCE = 30 * SECOND
GROUP_BIT = 0x0001


def talk(board, number=1):
    """One frame each way."""
    board.end.take()
    board.received.packets = []
    board.end.inject(frame(payload(number)))
    board.send(outgoing(number))
    board.run(10 * MILLISECOND)
    expect_received(board, [payload(number)])
    expect_sent(board, [outgoing(number)])


@check("link-flap")
def link_flap(bench):
    """The carrier follows the cable, and frames pass again afterwards."""
    with bench.board() as board:
        for _ in range(3):
            board.wire.set_up(False)
            board.run(LINK)
            assert not netif_carrier_ok(board.dev), "the carrier stays on without a cable"
            board.wire.set_up(True)
            board.run(LINK)
            assert netif_carrier_ok(board.dev), "the carrier does not come back"
            talk(board)
        board.kit.faults.flap_link(times=5, period=3 * MILLISECOND)
        board.run(2 * LINK)
        talk(board)


@check("no-link")
def no_link(bench):
    """With a PHY that never links there is no carrier; open and close work."""
    with bench.board(prepare=lambda board: NoLink(board.nic.phy)) as board:
        board.run(SECOND)
        assert not netif_carrier_ok(board.dev), "there is a carrier without a link"


@check("bad-frames")
def bad_frames(bench):
    """Corrupt, short and long frames do not reach the stack; good ones behind them do."""
    with bench.board() as board:
        for number in range(10):
            board.kit.faults.corrupt(frame(payload(number)))
            board.kit.faults.short(frame(payload(number)))
            board.kit.faults.long(frame(payload(number)), 1800)
            board.end.inject(frame(payload(number)))
        board.run(10 * MILLISECOND)
        expect_received(board, [payload(number) for number in range(10)])


@check("receive-overrun")
def receive_overrun(bench):
    """After more frames than the ring holds the driver goes on as before."""
    with bench.board() as board:
        for _ in range(2):
            board.kit.faults.delay_interrupts(MILLISECOND)
            count = 2 * board.kit.rings.rx.count
            board.kit.faults.overrun([frame(payload(number)) for number in range(count)])
            board.run(10 * MILLISECOND)
            board.kit.faults.clear()
            assert board.received.packets, "nothing was received"
            talk(board)


@check("transmit-hang")
def transmit_hang(bench):
    """A card that stops sending is noticed and reset; what waited is freed, and afterwards it sends again."""
    with bench.board() as board:
        fault = board.kit.faults.hang_transmit()
        board.send(*[outgoing(number) for number in range(5)])
        board.run(PATIENCE)
        fault.end()
        board.run(PATIENCE)
        talk(board)
        assert board.kernel.skb_cache.live == 0, f"{board.kernel.skb_cache.live} sk_buffs of the hang are not freed"


@check("late-write-back")
def late_write_back(bench):
    """Descriptors that are written back after the interrupt are not touched before: only DD counts."""
    with bench.board() as board:
        board.kit.faults.late_write_back(LATE)
        sent = []
        for number in range(40):
            sent.append(payload(number))
            board.end.inject(frame(sent[-1]))
            board.send(outgoing(number), duration=LATE // 3)
            # The pin goes up again with something new: the driver is not told of a late write-back itself.
        board.kit.faults.clear()
        board.end.inject(frame(payload(99)))
        board.run(10 * MILLISECOND)
        expect_received(board, [*sent, payload(99)])
        expect_sent(board, [outgoing(number) for number in range(40)])


@check("shuffled-write-back")
def shuffled_write_back(bench):
    """Write-backs that overtake one another do not change the order of frames."""
    with bench.board() as board:
        board.kit.faults.shuffle_dma(LATE, "descriptors")
        sent = [payload(number) for number in range(60)]
        for data in sent:
            board.end.inject(frame(data))
            board.run(LATE // 10)
        board.run(LATE)
        board.kit.faults.clear()
        board.end.inject(frame(payload(99)))
        board.run(10 * MILLISECOND)
        expect_received(board, [*sent, payload(99)])


@check("failing-dma")
def failing_dma(bench):
    """A frame whose transfer ends in a master abort is lost, and nothing else."""
    with bench.board() as board:
        board.kit.faults.fail_dma(times=2, what="data", write=True)
        for number in range(5):
            board.end.inject(frame(payload(number)))
            board.run()
        expect_received(board, [payload(number) for number in range(2, 5)])
        board.kit.faults.fail_dma(times=1, what="data", write=False)
        board.send(*[outgoing(number) for number in range(3)])
        board.run(10 * MILLISECOND)
        expect_sent(board, [outgoing(1), outgoing(2)])


@check("late-interrupts")
def late_interrupts(bench):
    """Interrupts that come late are no reason to lose or repeat a frame."""
    with bench.board() as board:
        board.kit.faults.delay_interrupts(300_000)
        sent = [payload(number) for number in range(100)]
        for data in sent:
            board.end.inject(frame(data))
            board.run(10_000)
        board.send(*[outgoing(number) for number in range(10)])
        board.run(10 * MILLISECOND)
        expect_received(board, sent)
        expect_sent(board, [outgoing(number) for number in range(10)])


@check("close-under-load")
def close_under_load(bench):
    """Closing with frames under way both ways leaves nothing behind, and the card touches nothing any more."""
    with bench.board(rate=10_000_000) as board:
        for number in range(100):
            board.end.inject(frame(payload(number, 1000)))
        skbs = [board.skb(outgoing(number, 1000)) for number in range(60)]

        def send_and_close():
            for skb in skbs:
                dev_queue_xmit(skb)
            dev_close(board.dev)

        board.run(2 * MILLISECOND)
        board.on_cpu(send_and_close, duration=10 * MILLISECOND)
        board.run(LINK)
        found = board.kit.sanitizer.check_closed()
        assert not found.found, found.report()
        assert board.kernel.skb_cache.live == 0, f"{board.kernel.skb_cache.live} sk_buffs are not freed"
        board.run(SECOND)
        board.up()
        talk(board)


@check("card-removed")
def card_removed(bench):
    """A card that is pulled out reads all ones: no endless loop, and closing frees everything."""
    with bench.board(rules=False) as board:
        board.send(outgoing(1))
        board.kit.faults.remove_card()
        board.send(*[outgoing(number) for number in range(3)])
        board.run(PATIENCE)
        board.down()
        assert board.kernel.skb_cache.live == 0, f"{board.kernel.skb_cache.live} sk_buffs are not freed"
        found = board.kit.sanitizer.check_closed()
        assert "leak" not in found.checks(), found.report()


@check("all-ones")
def all_ones(bench):
    """An ICR of all ones is no interrupt of a card that is there."""
    with bench.board(rules=False) as board:
        board.kit.faults.all_ones("ICR", times=3)
        unhandled = board.kernel.irq.descs[board.nic.interrupt_line].unhandled
        board.end.inject(frame(payload(1)))
        board.run(10 * MILLISECOND)
        count = board.kernel.irq.descs[board.nic.interrupt_line].unhandled - unhandled
        assert count >= 3, "an ICR that reads all ones was taken for an interrupt of the card"


@check("rotten-eeprom")
def rotten_eeprom(bench):
    """An EEPROM with a wrong checksum is worth a line in the log; an address that no station may have is refused."""
    with bench.board(up=False, prepare=lambda board: rot(board, 20, 0x1234)) as board:
        assert "checksum" in board.kernel.log().lower(), "the log does not mention the EEPROM's wrong checksum"
    with bench.board(up=False, prepare=lambda board: rot(board, 0, board.nic.eeprom.words[0] | GROUP_BIT)) as board:
        assert board.dev is None, f"the driver takes {board.dev.dev_addr.hex(':')} for a station's address"


def rot(board, word, value):
    """The kit is not there yet when the EEPROM has to be rotten."""
    board.nic.eeprom.words[word] = value
