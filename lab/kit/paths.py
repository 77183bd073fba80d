"""Checks of a driver in good weather: probe, open and close, both packet paths, interrupts, counters, filters."""

import struct

from hwemu.nic.e1000.bits import RCTL_EN, TCTL_EN
from hwemu.nic.e1000.registers import RCTL, TCTL
from kernel.net.core.dev import dev_mc_add, dev_mc_del, dev_queue_xmit, dev_set_mtu, dev_set_promiscuity
from kernel.net.core.netdev_flags import NETIF_F_HW_CSUM
from kernel.net.core.netdevice import netif_carrier_ok
from lab.kit.board import MAC, MILLISECOND, PEER, frame
from lab.kit.checks import check
from lab.kit.frames import eth, internet_checksum, ip, raw, tcp, udp

SIZES = (46, 47, 60, 100, 242, 243, 255, 256, 257, 511, 1000, 1499, 1500)
CHECKSUM_PARTIAL = 3
BROADCAST = b"\xff" * 6
STRANGER = bytes.fromhex("025400999999")
SMALL_RINGS = {"e1000.tx_descriptors": "80", "e1000.rx_descriptors": "80"}
BURST = 32
# One burst may cost its first interrupt, the one of the moderation timer, and one for what came in between.
INTERRUPTS_PER_BURST = 6
EXACT_FILTERS = 16
JUMBO_MTU = 9000
# Descriptors that a driver may leave unused out of caution.
SLACK = 8


def payload(number, size=100):
    """Bytes that differ from frame to frame."""
    return struct.pack(">I", number) + bytes((number * 7 + i) & 0xFF for i in range(size - 4))


def outgoing(number, size=100, source=MAC):
    return frame(payload(number, size), destination=PEER, source=source)


def padded(data):
    return data.ljust(60, b"\0")


def expect_sent(board, frames):
    """Exactly `frames` have come out at the other end, in order."""
    got = board.end.take()
    wanted = [padded(bytes(data)) for data in frames]
    assert got == wanted, difference(got, wanted, "sent")


def expect_received(board, payloads, sink=None):
    """Exactly `payloads` have climbed the stack, in order."""
    sink = sink or board.received
    got, sink.packets = sink.data(), []
    assert got == payloads, difference(got, payloads, "received")


def difference(got, wanted, what):
    """Where two lists of frames begin to differ, in a line."""
    for place, (one, other) in enumerate(zip(got, wanted, strict=False)):
        if one != other:
            return (
                f"{what} frame {place} of {len(wanted)} is not the right one: {len(one)} bytes {one[:24].hex()}...,"
                f" expected {len(other)} bytes {other[:24].hex()}..."
            )
    return f"{len(got)} frames were {what}, expected {len(wanted)}"


@check("probe")
def probe(bench):
    """Take the card: an interface with the EEPROM's address, and nothing written that the manual does not allow."""
    with bench.board(up=False) as board:
        assert board.dev is not None, "no interface was registered\n" + board.kernel.log()
        assert board.dev.dev_addr == MAC, f"the address is {board.dev.dev_addr.hex(':')}, the EEPROM says {MAC.hex(':')}"
        assert not board.nic.regs.get(RCTL) & RCTL_EN, "receiving is on before the interface was opened"


@check("open-close")
def open_close(bench):
    """Open and close three times: the rings are enabled, the link comes up, and after the close nothing is left."""
    with bench.board() as board:
        for _ in range(3):
            regs = board.nic.regs
            assert regs.get(RCTL) & RCTL_EN and regs.get(TCTL) & TCTL_EN, "receiving or sending is off after open"
            board.kit.rings.rx.assert_filled(board.kit.rings.rx.count // 2)
            assert netif_carrier_ok(board.dev), "no carrier although the link is up"
            board.kit.assert_clean()
            board.down()
            assert not regs.get(RCTL) & RCTL_EN, "receiving is still on after close"
            found = board.kit.sanitizer.check_closed()
            assert not found.found, found.report()
            for action in irq_actions(board):
                raise AssertionError(f"the interrupt handler {action} was not freed")
            board.up()


def irq_actions(board):
    action = board.kernel.irq.descs[board.nic.interrupt_line].action
    while action is not None:
        yield action.name
        action = action.next


@check("receive-sizes")
def receive_sizes(bench):
    """Every frame size arrives once, whole, and with nothing behind it (the FCS, for example)."""
    with bench.board() as board:
        for size in SIZES:
            board.end.inject(frame(payload(size, size)))
            board.run()
            expect_received(board, [payload(size, size)])


@check("receive-wrap")
def receive_wrap(bench):
    """Three rings full of frames in bursts, across the end of the ring, in order."""
    with bench.board(cmdline=SMALL_RINGS) as board:
        total = 3 * board.kit.rings.rx.count + 5
        sent = []
        for number in range(total):
            sent.append(payload(number, 60 + number % 300))
            board.end.inject(frame(sent[-1]))
            if number % BURST == BURST - 1:
                board.run()
        board.run(10 * MILLISECOND)
        expect_received(board, sent)
        board.kit.rings.rx.assert_filled(board.kit.rings.rx.count // 2)


@check("transmit-sizes")
def transmit_sizes(bench):
    """Every frame size leaves at once, whole, padded to 64 bytes with FCS; its sk_buff is freed."""
    with bench.board() as board:
        for size in (4, *SIZES):
            board.send(outgoing(size, size))
            expect_sent(board, [outgoing(size, size)])
        board.run(10 * MILLISECOND)
        assert board.kernel.skb_cache.live == 0, f"{board.kernel.skb_cache.live} sk_buffs of sent frames are not freed"


@check("transmit-wrap")
def transmit_wrap(bench):
    """Three rings full of frames, across the end of the ring, in order; nothing stays behind in the ring."""
    with bench.board(cmdline=SMALL_RINGS) as board:
        total = 3 * board.kit.rings.tx.count + 5
        frames = [outgoing(number, 60 + number % 200) for number in range(total)]
        for start in range(0, total, BURST // 2):
            board.send(*frames[start : start + BURST // 2])
        board.run(10 * MILLISECOND)
        expect_sent(board, frames)
        board.kit.rings.tx.assert_idle()


@check("transmit-batch")
def transmit_batch(bench):
    """A batch of 32 frames (xmit_more) rings the doorbell once."""
    with bench.board() as board:
        frames = [outgoing(number) for number in range(BURST)]
        with board.kit.recorder.section() as traffic:
            board.send_batch(*frames)
        expect_sent(board, frames)
        traffic.wrote("TDT", times=1)


@check("transmit-full")
def transmit_full(bench):
    """A full ring stops the queue, and a ring that empties wakes it: all frames leave, in order."""
    with bench.board(rate=100_000_000) as board:
        total = 2 * board.kit.rings.tx.count + 40
        board.dev.qdisc.limit = 2 * total
        frames = [outgoing(number, 500) for number in range(total)]
        results = board.send(*frames, duration=500 * MILLISECOND)
        assert set(results) == {0}, f"dev_queue_xmit said {sorted(set(results))}"
        expect_sent(board, frames)


@check("transmit-checksum")
def transmit_checksum(bench):
    """A checksum that is left to the hardware is right on the wire, whatever was sent before it."""
    with bench.board() as board:
        if not board.dev.features & NETIF_F_HW_CSUM:
            return
        for number in range(6):
            data = payload(number, 61 + number)
            # Two protocols in turn: what the card remembers of one does not fit the other.
            layer, protocol, header, place = (udp, 17, 8, 6) if number % 2 else (tcp, 6, 20, 16)
            packet = bytes(eth(dst=PEER, src=MAC) / ip(src="10.0.0.1", dst="10.0.0.2") / layer(checksum=0) / raw(data))
            length = header + len(data)
            skb = board.skb(packet[: 34 + length])
            skb.transport_header = skb.data + 34
            skb.ip_summed = CHECKSUM_PARTIAL
            skb.csum_start = skb.data + 34
            skb.csum_offset = place
            pseudo = packet[26:34] + struct.pack(">BBH", 0, protocol, length)
            skb.put16(skb.csum_start + place, internet_checksum(pseudo) ^ 0xFFFF)
            board.on_cpu(dev_queue_xmit, skb)
            sent = board.end.take()
            assert len(sent) == 1, f"{len(sent)} frames were sent, expected 1"
            segment = sent[0][34 : 34 + length]
            right = internet_checksum(pseudo + segment) == 0
            assert right, f"the checksum of frame {number} is wrong on the wire: {segment[place : place + 2].hex()}"


@check("interrupts")
def interrupts(bench):
    """Each interrupt reads ICR once; a burst costs few of them; afterwards the card may interrupt again."""
    with bench.board() as board:
        kit = board.kit
        for _ in range(3):
            kit.interrupts.clear()
            for number in range(BURST):
                board.end.inject(frame(payload(number)))
            board.run(5 * MILLISECOND)
            kit.interrupts.assert_delivered(at_least=1, at_most=INTERRUPTS_PER_BURST)
            expect_received(board, [payload(number) for number in range(BURST)])
        assert not kit.pin.pin, "the card still pulls its interrupt line"


@check("shared-interrupt")
def shared_interrupt(bench):
    """An interrupt of somebody else on the line is not claimed, and harms nothing."""
    with bench.board() as board:
        unhandled = board.kernel.irq.descs[board.nic.interrupt_line].unhandled
        for _ in range(5):
            board.kit.faults.spurious_interrupt()
            board.run()
        count = board.kernel.irq.descs[board.nic.interrupt_line].unhandled - unhandled
        assert count == 5, f"the driver claimed {5 - count} of 5 interrupts that were not its own"
        board.end.inject(frame(payload(1)))
        board.run()
        expect_received(board, [payload(1)])


@check("statistics")
def statistics(bench):
    """Packets and bytes count once each, and the hardware's missed frames once however often one asks."""
    with bench.board() as board:
        for number in range(10):
            board.end.inject(frame(payload(number)))
        board.send(*[outgoing(number) for number in range(7)])
        board.run(10 * MILLISECOND)
        # More than the ring holds, while nobody takes them out.
        board.kernel.arch.mask_irq(board.nic.interrupt_line)
        free = len(board.kit.rings.rx.owned_by_card())
        board.kit.faults.overrun([frame(payload(number)) for number in range(free + 20)])
        board.run()
        board.kernel.arch.unmask_irq(board.nic.interrupt_line)
        board.run(10 * MILLISECOND)
        dev = board.dev
        for _ in range(3):
            board.on_cpu(dev.netdev_ops.ndo_get_stats, dev)
        counted = dev.rx_packets, dev.rx_bytes, dev.tx_packets, dev.rx_missed_errors
        wanted = 10 + free, 114 * (10 + free), 7, 20
        assert counted == wanted, f"rx packets, rx bytes, tx packets, missed are {counted}, expected {wanted}"


@check("filters")
def filters(bench):
    """Own address, broadcast and joined groups come in, strangers only while promiscuous; more groups than exact entries."""
    with bench.board() as board:

        def heard(destination):
            board.end.inject(frame(payload(1), destination=destination))
            board.run()
            count, board.received.packets = len(board.received.packets), []
            return count

        groups = [bytes([1, 0, 0x5E, 0x7F, (number * 37) & 0xFF, number]) for number in range(EXACT_FILTERS + 8)]
        assert heard(MAC) and heard(BROADCAST), "the own or the broadcast address is not heard"
        assert not heard(STRANGER) and not heard(groups[0]), "a frame for somebody else got through"
        for group in groups:
            board.on_cpu(dev_mc_add, board.dev, group)
        deaf = [group.hex(":") for group in groups if not heard(group)]
        assert not deaf, f"joined groups are not heard: {deaf}"
        for group in groups:
            board.on_cpu(dev_mc_del, board.dev, group)
        assert not heard(groups[0]), "a group that was left is still heard"
        board.on_cpu(dev_set_promiscuity, board.dev, 1)
        assert heard(STRANGER), "a stranger's frame is not heard in promiscuous mode"
        board.on_cpu(dev_set_promiscuity, board.dev, -1)
        assert not heard(STRANGER), "promiscuous mode does not end"


@check("jumbo")
def jumbo(bench):
    """With an MTU of 9000 large frames pass both ways, and with 1500 again they do not."""
    with bench.board() as board:
        if board.dev.max_mtu < JUMBO_MTU:
            return
        assert board.on_cpu(dev_set_mtu, board.dev, JUMBO_MTU, duration=100 * MILLISECOND) == 0
        for size in (100, 1500, 4082, 4083, 8000, 9000):
            board.end.inject(frame(payload(size, size)))
            board.run()
            expect_received(board, [payload(size, size)])
            board.send(outgoing(size, size))
            expect_sent(board, [outgoing(size, size)])
        board.kit.assert_clean()
        board.on_cpu(dev_set_mtu, board.dev, 1500, duration=100 * MILLISECOND)
        board.end.inject(frame(payload(9000, 9000)))
        board.end.inject(frame(payload(1)))
        board.run()
        expect_received(board, [payload(1)])
