"""The impairment: its specification, its statistics, its seeds."""

import random

import pytest

from hwemu.clock import Clock
from hwemu.wire.impair import Impairment, parse_impairments
from hwemu.wire.link import Link
from hwemu.wire.port import FRAME_BAD_FCS
from hwemu.wire.test_end import TestEnd

IPV4 = b"\x08\x00"
ARP = b"\x08\x06"


def frame(number, kind=IPV4, length=100):
    return b"\x02\0\0\0\0\2\x02\0\0\0\0\1" + kind + number.to_bytes(4, "big") + bytes(length - 18)


def numbers(end):
    return [int.from_bytes(arrival.frame[14:18], "big") for arrival in end.frames]


def impaired(spec, seed=1, both=False):
    clock = Clock()
    link = Link(clock)
    bad = Impairment(link, parse_impairments(spec), random.Random(seed), clock)
    a, b = TestEnd(clock), TestEnd(clock)
    bad.attach(a)
    (bad if both else link).attach(b)
    return clock, bad, a, b


def test_the_whole_specification():
    assert parse_impairments("loss=5%,reorder=10%,duplicate=2%,corrupt=0.1%,delay=20ms,jitter=5ms,rate=100mbit") == {
        "loss": 0.05,
        "reorder": 0.1,
        "duplicate": 0.02,
        "corrupt": 0.001,
        "delay": 20_000_000,
        "jitter": 5_000_000,
        "rate": 100_000_000,
    }


@pytest.mark.parametrize(
    "text",
    [
        "", "loss", "loss=", "loss=5", "loss=-1%", "loss=101%", "loss=x%", "loss=nan%", "=5%", "los=5%", "loss=1%,",
        "loss=1%,loss=2%", "delay=20", "delay=ms", "delay=-1ms", "delay=infs", "delay=1e30s", "jitter=5ms",
        "delay=1ms,jitter=2ms", "rate=0bit", "rate=fast", "rate=10mb", "rate=1%",
    ],
)  # fmt: skip
def test_every_mistake_is_one_line(text):
    with pytest.raises(ValueError) as caught:
        parse_impairments(text)
    assert str(caught.value) and "\n" not in str(caught.value)


def test_nothing_impaired_passes_everything():
    clock, bad, a, b = impaired("loss=0%")
    for number in range(10):
        a.inject(frame(number))
        b.inject(frame(number))
    clock.run()
    assert numbers(a) == numbers(b) == list(range(10))
    assert bad.statistics()["passed"] == 20


def test_loss_hits_both_directions_of_a_single_station():
    clock, bad, a, b = impaired("loss=20%")
    for number in range(2000):
        a.inject(frame(number))
        b.inject(frame(number))
    clock.run()
    assert 1500 < len(a.frames) < 1700 and 1500 < len(b.frames) < 1700
    assert numbers(a) != numbers(b)
    assert bad.statistics()["lost"] == 4000 - len(a.frames) - len(b.frames)


def test_with_both_stations_plugged_in_a_frame_passes_once():
    clock, _, a, b = impaired("loss=50%", both=True)
    for number in range(2000):
        a.inject(frame(number))
    clock.run()
    assert 900 < len(b.frames) < 1100


def test_duplicates_follow_their_original():
    clock, bad, a, b = impaired("duplicate=10%")
    for number in range(1000):
        a.inject(frame(number))
    clock.run()
    assert len(b.frames) == 1000 + bad.statistics()["duplicated"] and 60 < bad.statistics()["duplicated"] < 140
    assert numbers(b) == sorted(numbers(b))


def test_reordering_loses_nothing_and_is_bounded():
    clock, bad, a, b = impaired("reorder=10%")
    for number in range(1000):
        a.inject(frame(number))
    clock.run()
    got = numbers(b)
    assert sorted(got) == list(range(1000)) and got != list(range(1000))
    assert max(abs(position - number) for position, number in enumerate(got)) <= 5
    assert bad.statistics()["reordered"] > 40


def test_a_held_frame_with_nothing_behind_it_is_let_go():
    clock, _, a, b = impaired("reorder=100%")
    a.inject(frame(0))
    clock.run()
    assert numbers(b) == [0] and clock.now == 10_000_000


def test_corruption_flips_one_bit_behind_the_header():
    clock, _, a, b = impaired("corrupt=100%")
    for number in range(200):
        a.inject(frame(number))
    a.inject(frame(0, ARP))
    a.inject(b"\x02" * 14)
    clock.run()
    for number, arrival in enumerate(b.frames[:200]):
        difference = int.from_bytes(arrival.frame, "big") ^ int.from_bytes(frame(number), "big")
        assert difference.bit_count() == 1 and arrival.frame[:14] == frame(number)[:14] and arrival.flags == 0
    assert b.frames[200].flags == FRAME_BAD_FCS  # an ARP packet has no checksum of its own
    assert b.frames[201].frame == b"\x02" * 14


def test_delay_shifts_and_jitter_keeps_the_order():
    clock, _, a, b = impaired("delay=20ms")
    a.inject(frame(0))
    clock.run()
    assert b.frames[0].time == 20_000_000
    clock, _, a, b = impaired("delay=20ms,jitter=5ms")
    for number in range(200):
        a.inject(frame(number))
        clock.run(clock.now + 1_000_000)
    clock.run()
    assert numbers(b) == list(range(200))
    late = [arrival.time - number * 1_000_000 for number, arrival in enumerate(b.frames)]
    assert min(late) >= 15_000_000 and max(late) <= 25_000_000 and max(late) - min(late) > 3_000_000


def test_rate_paces_and_overflows():
    clock, bad, a, b = impaired("rate=100mbit")
    assert a.inject(frame(0, length=1514)) == 123_040
    clock.run()
    assert b.frames[0].time == 123_040
    for number in range(1500):
        a.inject(frame(number, length=1514))
    clock.run()
    assert bad.statistics()["overflowed"] > 400 and 1000 <= len(b.frames) <= 1010


def run_once(seed):
    clock, _, a, b = impaired("loss=10%,reorder=10%,duplicate=5%,corrupt=1%,delay=2ms,jitter=1ms,rate=10mbit", seed)
    for number in range(300):
        a.inject(frame(number))
        b.inject(frame(number))
        clock.run(clock.now + 100_000)
    clock.run()
    return a.frames, b.frames


def test_the_seed_decides_everything():
    assert run_once(7) == run_once(7)
    assert run_once(7) != run_once(8)


def test_unplugging_loses_what_is_under_way():
    clock, bad, a, b = impaired("delay=20ms,reorder=50%")
    for number in range(10):
        a.inject(frame(number))
    bad.detach(a)
    clock.run()
    assert b.frames == [] and clock.heap == [] and a.wire is None
    with pytest.raises(ValueError, match="not plugged in"):
        bad.detach(a)


def test_the_carrier_reaches_through():
    _, bad, a, _ = impaired("loss=1%")
    bad.inner.set_up(False)
    assert not a.carrier_up and not bad.up


def test_the_impairment_can_change_while_frames_pass():
    clock, bad, a, b = impaired("delay=20ms")
    a.inject(frame(0))
    bad.set_spec({})
    a.inject(frame(1))
    clock.run()
    assert numbers(b) == [0, 1] and clock.now == 20_000_000
    bad.set_spec({"loss": 1.0})
    a.inject(frame(2))
    bad.set_spec({})
    a.inject(frame(3))
    clock.run()
    assert numbers(b) == [0, 1, 3]
