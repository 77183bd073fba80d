"""The link and the joint: order, time, batches, carrier."""

import pytest

from hwemu.clock import Clock
from hwemu.wire.lane import Lane, serialization_time
from hwemu.wire.link import Link, join
from hwemu.wire.port import FRAME_BAD_FCS, Station
from hwemu.wire.test_end import TestEnd

BROADCAST = b"\xff" * 6


def frame(number, length=64):
    return BROADCAST + b"\x02\0\0\0\0\1" + b"\x88\xb5" + number.to_bytes(4, "big") + bytes(length - 18)


def linked(clock, **figures):
    link = Link(clock, **figures)
    ends = TestEnd(clock), TestEnd(clock)
    for end in ends:
        link.attach(end)
    return link, *ends


def test_frames_arrive_in_order_and_never_inside_send():
    clock = Clock()
    _, a, b = linked(clock)
    for number in range(200):
        assert a.inject(frame(number)) == 0
    assert b.frames == []
    clock.run()
    assert b.take() == [frame(number) for number in range(200)]
    assert a.frames == [] and clock.now == 0


def test_flags_travel_with_the_frame():
    clock = Clock()
    _, a, b = linked(clock)
    a.inject(frame(1), FRAME_BAD_FCS)
    clock.run()
    assert b.frames[0].flags == FRAME_BAD_FCS


def test_rate_and_delay_give_exact_times():
    clock = Clock()
    _, a, b = linked(clock, rate=1_000_000_000, delay=5_000)
    assert a.inject(frame(0, 1514)) == 12_304  # (1514 + 24) * 8 bits at 1 bit/ns
    assert a.inject(frame(1, 60)) == 12_304 + 672
    clock.run()
    assert [arrival.time for arrival in b.frames] == [17_304, 17_976]


def test_directions_do_not_share_the_rate():
    clock = Clock()
    _, a, b = linked(clock, rate=1_000_000)
    a.inject(frame(0))
    b.inject(frame(1))
    clock.run()
    assert a.frames[0].time == b.frames[0].time


def test_serialization_pads_short_frames_and_rounds_up():
    assert serialization_time(14, 10**9) == serialization_time(60, 10**9) == 672
    assert serialization_time(60, 3) == (672 * 10**9 + 2) // 3
    assert serialization_time(1514, 0) == 0


def test_one_event_per_burst():
    clock = Clock()
    _, a, _ = linked(clock)
    for number in range(50):
        a.inject(frame(number))
    assert len(clock.heap) == 1


def test_pulling_the_cable_loses_what_is_under_way_and_drops_the_carrier():
    clock = Clock()
    link, a, b = linked(clock, delay=1000)
    a.inject(frame(0))
    link.set_up(False)
    assert (a.carrier_up, b.carrier_up) == (False, False)
    a.inject(frame(1))
    clock.run()
    link.set_up(True)
    assert (a.carrier_up, b.carrier_up) == (True, True)
    a.inject(frame(2))
    clock.run()
    assert b.take() == [frame(2)]
    assert link.statistics() == {
        "dropped": 2, "to_first_frames": 0, "to_first_bytes": 0, "to_second_frames": 1, "to_second_bytes": 64,
    }  # fmt: skip


def test_a_receiver_may_pull_the_cable():
    clock = Clock()
    link = Link(clock)

    class Vandal(Station):
        seen = 0

        def receive(self, frame, flags):
            self.seen += 1
            link.set_up(False)

    end, vandal = TestEnd(clock), Vandal()
    link.attach(end)
    link.attach(vandal)
    for number in range(3):
        end.inject(frame(number))
    clock.run()
    assert vandal.seen == 1


def test_a_receiver_that_answers_on_the_same_lane_does_not_delay_others():
    clock = Clock()

    class Echo(Station):
        def __init__(self):
            Station.__init__(self)
            self.times = []

        def receive(self, frame, flags):
            self.times.append(clock.now)
            if len(self.times) == 1:
                lane.delay = 500
                lane.push(frame, flags)

    echo = Echo()
    lane = Lane(clock, echo, delay=100)
    lane.push(frame(0), 0)
    clock.run(50)
    lane.push(frame(1), 0)
    clock.run()
    assert echo.times == [100, 150, 600]


def test_a_limited_lane_drops_at_the_tail():
    clock = Clock()
    end = TestEnd(clock)
    lane = Lane(clock, end, limit=3)
    for number in range(5):
        lane.push(frame(number), 0)
    assert lane.depth() == 3
    clock.run()
    assert end.take() == [frame(0), frame(1), frame(2)] and lane.dropped == 2


def test_long_bursts_keep_the_queue_short():
    clock = Clock()
    end = TestEnd(clock)
    lane = Lane(clock, end, rate=10**9)
    for number in range(3000):
        lane.push(frame(number), 0)
    clock.run()
    assert end.take() == [frame(number) for number in range(3000)]
    assert lane.queue == [] and lane.frames == 3000 and lane.bytes == 3000 * 64


def test_attaching_and_detaching():
    clock = Clock()
    link, a, b = linked(clock)
    with pytest.raises(ValueError, match="both ends are taken"):
        link.attach(TestEnd(clock))
    a.inject(frame(0))
    link.detach(b)
    assert not b.carrier_up and b.wire is None
    a.inject(frame(1))
    clock.run()
    c = TestEnd(clock)
    link.attach(c)
    a.inject(frame(2))
    clock.run()
    assert c.take() == [frame(2)] and b.frames == []
    with pytest.raises(ValueError, match="not plugged in"):
        link.detach(b)


def test_join_carries_both_ways():
    clock = Clock()
    first, second = Link(clock, "first"), Link(clock, "second")
    a, b = TestEnd(clock), TestEnd(clock)
    first.attach(a)
    second.attach(b)
    here, there = join(first, second)
    a.inject(frame(1))
    b.inject(frame(2))
    clock.run()
    assert b.take() == [frame(1)] and a.take() == [frame(2)]
    assert here.frames == there.frames == 1


def test_expect_takes_the_frame_and_what_came_before():
    clock = Clock()
    _, a, b = linked(clock, delay=1000)
    for number in range(4):
        a.inject(frame(number))
    assert b.expect(lambda data: data == frame(2)) == frame(2)
    assert b.take() == [frame(3)]
    with pytest.raises(AssertionError, match="seen: nothing"):
        b.expect(within=10)
    assert clock.now == 1000
