"""State machines: a card with rings by hand under any mix of accesses and faults, and the driver under any mix of weather.

HWEMU_FUZZ_EXAMPLES=N runs N random cases of each instead of the few fixed ones.
"""

import os
import struct

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hwemu.clock import Clock
from hwemu.machine import Machine
from hwemu.nic.e1000 import registers as r
from hwemu.nic.e1000.device import E1000
from hwemu.wire.link import Link
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.test_end import TestEnd
from kernel.net.core.dev import dev_close, dev_open, dev_set_mtu, dev_set_promiscuity
from kernel.net.core.netdevice import netif_carrier_ok
from lab.kit.board import MAC, MILLISECOND, PEER, Board, frame
from lab.kit.kit import Kit
from lab.kit.seams import DmaMiddleware
from lab.kit.snapshot import take

EXAMPLES = int(os.environ.get("HWEMU_FUZZ_EXAMPLES", "0"))
SETTINGS = settings(
    max_examples=EXAMPLES or 25, stateful_step_count=40 if EXAMPLES else 25, deadline=None, derandomize=EXAMPLES == 0,
    database=None, suppress_health_check=list(HealthCheck),
)  # fmt: skip
SECOND = 1_000_000_000
# What faults.long makes of a frame, in bytes.
LONG = 1600
PATIENCE = 60 * SECOND
RAM = 4 << 20
TX_RING, RX_RING, BUFFERS = 0x1000, 0x3000, 0x100000
# Transfers that one event of the card may cost: a lap of the largest ring with the largest frame each.
BOUND = 20_000

OFFSETS = sorted({offset for row in r.REGISTERS for offset, _ in list(r.each_word(row))[:3]})
words = st.one_of(st.sampled_from([0, 1, 2, 0xFFFFFFFF, 0x80000000]), st.integers(0, 0xFFFFFFFF))
offsets = st.one_of(st.sampled_from(OFFSETS), st.integers(0, r.REGISTER_SPACE - 4))
sizes = st.sampled_from([46, 60, 100, 256, 257, 1000, 1500])


class Bounds(DmaMiddleware):
    """Counts transfers."""

    def __init__(self):
        self.count = 0

    def allows(self, address, length, write):
        self.count += 1
        assert self.count < BOUND, "the card does not stop"
        return True


class CardMachine(RuleBasedStateMachine):
    """A card without a driver: whatever is written, sent and broken, nothing raises and nothing goes on for ever."""

    @initialize(seed=st.integers(0, 1000))
    def start(self, seed):
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=RAM)
        self.nic = E1000(self.clock, MAC)
        self.machine.plug(self.nic)
        self.link, self.end = Link(self.clock), TestEnd(self.clock)
        self.link.attach(self.nic.port)
        self.link.attach(self.end)
        for offset, size, value in ((0x10, 4, 0xE0000000), (0x14, 4, 0xC000), (4, 2, 7)):
            self.nic.config_write(offset, size, value)
        self.kit = Kit(self.clock, self.machine, self.nic, self.link, self.end, seed)
        self.bounds = self.kit.dma.add(Bounds())
        self.passes(20 * MILLISECOND)
        self.set_up()

    def passes(self, ns):
        self.bounds.count = 0
        self.clock.run(self.clock.now + ns)
        self.end.take()

    @rule()
    def set_up(self):
        """Rings as a driver makes them."""
        for low, length, head, tail, base in (
            (r.TDBAL, r.TDLEN, r.TDH, r.TDT, TX_RING), (r.RDBAL, r.RDLEN, r.RDH, r.RDT, RX_RING),
        ):  # fmt: skip
            for offset, value in ((low, base), (low + 4, 0), (length, 16 * 32), (head, 0), (tail, 0)):
                self.kit.registers.write(offset, 4, value)
        for index in range(32):
            self.machine.ram.write(RX_RING + 16 * index, struct.pack("<QQ", BUFFERS + 4096 * index, 0))
        for offset, value in ((r.CTRL, 0x40), (r.TCTL, 0xA), (r.RCTL, 0x04008002), (r.RDT, 31), (r.IMS, 0xFF)):
            self.kit.registers.write(offset, 4, value)

    @rule(offset=offsets, width=st.sampled_from([1, 2, 4]), value=words, window=st.booleans())
    def writes(self, offset, width, value, window):
        if window:
            self.machine.ports.write(0xC000, 4, offset & ~3)
            self.machine.ports.write(0xC004, 4, value)
        else:
            self.machine.memory_bus.write(0xE0000000 + (offset & -width), width, value & (0xFFFFFFFF >> (32 - 8 * width)))

    @rule(offset=offsets, width=st.sampled_from([1, 2, 4]))
    def reads(self, offset, width):
        value = self.machine.memory_bus.read(0xE0000000 + (offset & -width), width)
        assert 0 <= value < 1 << 8 * width

    @rule(index=st.integers(0, 31), ring=st.sampled_from([TX_RING, RX_RING]), raw=st.binary(min_size=16, max_size=16))
    def descriptor(self, index, ring, raw):
        self.machine.ram.write(ring + 16 * index, raw)

    @rule(address=st.integers(0, RAM + 4096), length=st.integers(0, 9000), command=st.integers(0, 255), count=st.integers(1, 8))
    def transmit(self, address, length, command, count):
        tail = self.kit.rings.tx.tail % 32
        for i in range(count):
            # With 64 KiB of data at the least segment the card would be right to take its time.
            raw = struct.pack("<QII", address, length | 1 << 20 | command << 24, 0x01000000)
            self.machine.ram.write(TX_RING + 16 * ((tail + i) % 32), raw)
        self.kit.registers.write(r.TDT, 4, (tail + count) % 32)

    @rule(data=st.one_of(st.binary(max_size=200), sizes.map(lambda size: frame(bytes(size)))), bad=st.booleans())
    def arrives(self, data, bad):
        self.end.inject(data, FRAME_BAD_FCS if bad else 0)

    @rule(ns=st.sampled_from([0, 1000, MILLISECOND, 20 * MILLISECOND]))
    def time(self, ns):
        self.passes(ns)

    @rule(what=st.sampled_from(["any", "descriptors", "data"]), times=st.integers(1, 5))
    def dma_fails(self, what, times):
        self.kit.faults.fail_dma(times, what=what)

    @rule(ns=st.integers(1, 1_000_000))
    def dma_is_late(self, ns):
        if self.nic.dma.ram is self.machine.ram:
            self.kit.faults.shuffle_dma(ns)

    @rule()
    def link_flaps(self):
        self.kit.faults.flap_link(2, MILLISECOND)

    @rule()
    def interrupts_are_lost(self):
        self.kit.faults.lose_interrupts(2, 0.5)

    @rule()
    def all_is_well(self):
        self.kit.faults.clear()

    @precondition(lambda self: hasattr(self, "kit"))
    @invariant()
    def can_be_looked_at(self):
        assert take(self.machine, self.nic)["card"] == "nic0"
        assert self.kit.rings.tx.picture() and self.kit.rings.rx.picture()

    def teardown(self):
        if hasattr(self, "kit"):
            self.kit.faults.clear()
            self.link.set_up(True)
            self.kit.registers.write(r.CTRL, 4, 0x04000000)
            self.passes(100 * MILLISECOND)
            assert self.clock.next_time() < 0


class DriverMachine(RuleBasedStateMachine):
    """The driver in any weather: no rule is broken, no frame is made up, and in good weather frames flow again."""

    @initialize(seed=st.integers(0, 1000))
    def start(self, seed):
        self.board = Board(seed=seed, cmdline={"e1000.tx_descriptors": "80", "e1000.rx_descriptors": "80"}).up()
        self.kit = self.board.kit
        self.number = 0
        self.injected = set()
        self.sent = set()
        self.is_up = True
        self.late = False

    def payload(self, size):
        self.number += 1
        return self.number.to_bytes(4, "big") * (size // 4)

    @rule(count=st.integers(1, 120), size=sizes)
    def receive(self, count, size):
        for _ in range(count):
            data = self.payload(size)
            self.injected.add(data)
            self.board.end.inject(frame(data))

    @rule(count=st.integers(1, 120), size=sizes)
    def send(self, count, size):
        frames = [frame(self.payload(size), destination=PEER, source=MAC) for _ in range(count)]
        self.sent.update(data.ljust(60, b"\0") for data in frames)
        self.board.send(*frames, duration=0)

    @rule(ns=st.sampled_from([1000, 100_000, MILLISECOND, 50 * MILLISECOND, 3 * SECOND]))
    def time(self, ns):
        self.board.run(ns)
        self.look()

    @rule()
    def open_or_close(self):
        self.board.on_cpu(dev_close if self.is_up else dev_open, self.board.dev)
        self.is_up = not self.is_up

    @rule(mtu=st.sampled_from([1500, 1400, 9000]))
    def mtu(self, mtu):
        self.board.on_cpu(dev_set_mtu, self.board.dev, mtu)

    @rule(increment=st.sampled_from([1, -1]))
    def promiscuous(self, increment):
        if self.board.dev.promiscuity + increment >= 0:
            self.board.on_cpu(dev_set_promiscuity, self.board.dev, increment)

    @rule(how=st.sampled_from(["corrupt", "short", "long"]))
    def bad_frame(self, how):
        data = frame(self.payload(100))
        getattr(self.kit.faults, how)(data)
        if how == "long":
            # With a large MTU there is nothing wrong with it.
            self.injected.add(data[14:].ljust(LONG - 14, b"\x5a"))

    @rule(times=st.integers(1, 3), period=st.sampled_from([100_000, 5 * MILLISECOND, 30 * MILLISECOND]))
    def link_flaps(self, times, period):
        self.kit.faults.flap_link(times, period)

    @rule(ns=st.sampled_from([1000, 100_000, 2 * MILLISECOND]))
    def interrupts_are_late(self, ns):
        self.kit.faults.clear()
        self.kit.faults.delay_interrupts(ns)

    @rule()
    def interrupts_are_spurious(self):
        self.kit.faults.spurious_interrupt()

    @rule(times=st.integers(1, 4), write=st.booleans())
    def dma_fails(self, times, write):
        self.kit.faults.fail_dma(times, what="data", write=write)

    @rule(ns=st.sampled_from([100, 10_000, 200_000]), shuffle=st.booleans())
    def write_backs_are_late(self, ns, shuffle):
        if self.board.nic.dma.ram is self.board.machine.ram:
            (self.kit.faults.shuffle_dma if shuffle else self.kit.faults.late_dma)(ns, "descriptors")

    @rule()
    def transmit_hangs(self):
        self.kit.faults.hang_transmit()

    @rule()
    def fair_weather(self):
        self.kit.faults.clear()

    def look(self):
        """What came through is what was sent, each once."""
        for got, wanted in ((self.board.received.data(), self.injected), (self.board.end.take(), self.sent)):
            for data in got:
                assert data in wanted, f"a frame that nobody sent, or that came before: {len(data)} bytes {data[:20].hex()}"
                wanted.remove(data)
        self.board.received.packets.clear()

    def teardown(self):
        if not hasattr(self, "board"):
            return
        board = self.board
        self.kit.faults.clear()
        if not self.is_up:
            board.on_cpu(dev_open, board.dev)
        board.run(PATIENCE)
        self.look()
        assert netif_carrier_ok(board.dev)
        data = self.payload(100)
        outgoing = frame(data, destination=PEER, source=MAC)
        board.end.inject(frame(data))
        board.send(outgoing, duration=50 * MILLISECOND)
        assert board.received.data() == [data] and board.end.take() == [outgoing]
        board.kit.assert_clean()
        board.down()
        found = board.kit.sanitizer.check_closed()
        assert not found.found, found.report()
        assert board.shutdown() == []


TestCard = CardMachine.TestCase
TestCard.settings = SETTINGS
TestDriver = DriverMachine.TestCase
TestDriver.settings = SETTINGS
