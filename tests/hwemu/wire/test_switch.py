"""The learning switch."""

import pytest

from hwemu.clock import Clock
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.switch import Switch
from hwemu.wire.test_end import TestEnd

BROADCAST = b"\xff" * 6


def address(number):
    return b"\x02\0\0\0" + number.to_bytes(2, "big")


def frame(to, sender, payload=b"x" * 46):
    return to + sender + b"\x88\xb5" + payload


def wired(count=3, **figures):
    clock = Clock()
    switch = Switch(clock, **figures)
    ends = [TestEnd(clock) for _ in range(count)]
    for end in ends:
        switch.port().attach(end)
    return clock, switch, ends


def test_floods_until_it_has_learned():
    clock, switch, (a, b, c) = wired()
    a.inject(frame(address(2), address(1)))
    clock.run()
    assert len(b.take()) == len(c.take()) == 1 and a.frames == []
    b.inject(frame(address(1), address(2)))
    clock.run()
    assert len(a.take()) == 1 and c.frames == []
    a.inject(frame(address(2), address(1)))
    clock.run()
    assert len(b.take()) == 1 and c.frames == []
    assert switch.statistics() == {
        "forwarded": 2, "flooded": 1, "discarded": 0, "egress_dropped": 0, "addresses": 2,
    }  # fmt: skip


@pytest.mark.parametrize("group", [BROADCAST, b"\x01\0\x5e\0\0\1"])
def test_group_addresses_are_flooded_and_never_learned(group):
    clock, switch, (a, b, c) = wired()
    b.inject(frame(group, address(2)))
    a.inject(frame(address(2), group))
    clock.run()
    assert len(a.take()) == 1 and len(c.take()) == 1
    assert group not in switch.table


def test_a_station_that_moves_is_found_again():
    clock, _, (a, b, c) = wired()
    a.inject(frame(BROADCAST, address(1)))
    b.inject(frame(BROADCAST, address(1)))
    clock.run()
    for end in (a, b, c):
        end.take()
    c.inject(frame(address(1), address(3)))
    clock.run()
    assert len(b.take()) == 1 and a.frames == []


def test_a_frame_for_its_own_port_goes_nowhere():
    clock, switch, (a, b, c) = wired()
    a.inject(frame(BROADCAST, address(1)))
    a.inject(frame(address(1), address(9)))
    clock.run()
    assert len(b.take()) == len(c.take()) == 1 and switch.discarded == 1


def test_addresses_age():
    clock, _, (a, b, c) = wired(ageing=1000)
    a.inject(frame(BROADCAST, address(1)))
    clock.run(5000)
    b.take(), c.take()
    b.inject(frame(address(1), address(2)))
    clock.run()
    assert len(a.take()) == len(c.take()) == 1


def test_the_table_is_bounded_and_recovers():
    clock, switch, (a, b, _) = wired(ageing=1000, limit=8)
    for number in range(100):
        a.inject(frame(BROADCAST, address(number)))
    assert len(switch.table) == 8 and address(99) not in switch.table
    clock.run(2000)
    b.inject(frame(BROADCAST, address(99)))
    assert switch.table[address(99)].port is switch.ports[1] and len(switch.table) == 1


def test_a_full_egress_queue_drops():
    clock, switch, (a, b, _) = wired()
    for _ in range(1200):
        a.inject(frame(BROADCAST, address(1)))
    clock.run()
    assert len(b.frames) == 1000 and switch.statistics()["egress_dropped"] == 400


def test_short_and_damaged_frames_are_discarded():
    clock, switch, (a, b, _) = wired()
    for length in range(14):
        a.inject(bytes(length))
    a.inject(frame(BROADCAST, address(1)), FRAME_BAD_FCS)
    clock.run()
    assert b.frames == [] and switch.discarded == 15 and switch.table == {}


def test_a_port_that_goes_down_is_forgotten():
    clock, switch, (a, b, c) = wired()
    a.inject(frame(BROADCAST, address(1)))
    clock.run()
    switch.ports[0].set_up(False)
    assert not a.carrier_up and switch.table == {}
    b.take(), c.take()
    b.inject(frame(BROADCAST, address(2)))
    clock.run()
    assert a.frames == [] and len(c.take()) == 1
    switch.ports[0].set_up(True)
    assert a.carrier_up


def test_taken_ports_and_strangers():
    clock, switch, (a, _, _) = wired()
    with pytest.raises(ValueError, match="taken"):
        switch.ports[0].attach(TestEnd(clock))
    with pytest.raises(ValueError, match="not plugged in"):
        switch.ports[1].detach(a)
    switch.ports[0].detach(a)
    assert a.wire is None and not a.carrier_up
