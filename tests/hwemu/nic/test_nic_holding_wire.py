"""A wire that can keep frames back, as a TAP can: the card asks for it instead of losing what finds no descriptor."""

import pytest
from nic_bench import RCTL_ON, Bench, frame

from hwemu.nic.e1000 import registers as r
from hwemu.wire.port import Wire

RCTL_LPE = 0x20
CTRL_RST = 1 << 26
ICR_RXO = 0x40


class HoldingWire(Wire):
    """`queue` is what it keeps back for its one station."""

    def __init__(self):
        super().__init__("holding")
        self.held = False
        self.station = None
        self.queue = []

    def attach(self, station):
        self.station = station
        super().attach(station)

    def hold(self, station):
        self.held = True
        return True

    def resume(self, station):
        self.held = False
        self.deliver()

    def deliver(self):
        while self.queue and not self.held:
            self.station.receive(self.queue.pop(0), 0)


@pytest.fixture
def held():
    bench = Bench(attach=False)
    bench.wire = HoldingWire()
    bench.wire.attach(bench.nic.port)
    bench.run()
    bench.read(r.ICR)
    return bench


def offer(bench, frames):
    bench.wire.queue += frames
    bench.wire.deliver()
    bench.settle()


def test_a_full_ring_holds_the_wire(held):
    held.rx_setup(count=8)
    sent = [frame(bytes([i])) for i in range(20)]
    offer(held, sent)
    assert held.wire.held and held.frames() == sent[:7]
    for given in range(3):
        held.write(r.RDT, (held.rx_next - 1) % 8)
        held.settle()
        assert held.frames() == sent[7 * (given + 1) : 7 * (given + 2)]
    assert not held.wire.held
    assert held.read(r.MPC) == held.read(r.RNBC) == 0 and not held.read(r.ICR) & ICR_RXO


def test_what_does_not_fit_any_more_waits_in_the_fifo(held):
    """A frame of three descriptors when one is left: nothing is lost, and the order stays."""
    held.rx_setup(count=8, rctl=RCTL_ON | 0x30000, free=4)
    sent = [frame(bytes([i]) * 600) for i in range(3)]
    offer(held, sent)
    assert held.frames() == sent[:1] and held.wire.held and len(held.nic.receiver.fifo) == 1
    held.write(r.RDT, 7)
    held.settle()
    assert held.frames() == sent[1:2]
    held.write(r.RDT, 2)
    held.settle()
    assert held.frames() == sent[2:] and not held.nic.receiver.fifo


def test_a_frame_that_the_ring_can_never_take_is_lost(held):
    held.rx_setup(count=8, rctl=RCTL_ON | RCTL_LPE | 0x30000)
    offer(held, [frame(bytes(3000)), frame(b"after")])
    assert [data[14:19] for data in held.frames()] == [b"after"] and held.read(r.MPC) == 1


@pytest.mark.parametrize("how", ["disabled", "reset"])
def test_a_receiver_that_is_switched_off_lets_the_wire_go(held, how):
    held.rx_setup(count=8)
    offer(held, [frame(bytes([i])) for i in range(20)])
    assert held.wire.held
    if how == "disabled":
        held.write(r.RCTL, 0)
    else:
        held.write(r.CTRL, CTRL_RST)
    held.run()
    assert not held.wire.held and not held.wire.queue


def test_another_wire_does_not_hold_yet(held):
    held.rx_setup(count=8)
    offer(held, [frame(bytes([i])) for i in range(20)])
    held.wire.detach(held.nic.port)
    other = HoldingWire()
    other.attach(held.nic.port)
    held.run()
    assert not held.nic.receiver.holding and not other.held
    other.station.receive(frame(b"one"), 0)
    assert other.held, "the ring is still full: the new wire is told, too"
