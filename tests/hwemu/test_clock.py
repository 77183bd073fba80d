"""The clock: order, re-arming, autojump, and the real clock behind a host descriptor."""

import os
import select

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwemu.clock import Clock, Event, Source
from hwemu.host import HostPoll, monotonic_ns


def recorder(clock, log, name):
    return Event(lambda: log.append((clock.now, name)))


def test_events_fire_in_order_of_time_and_ties_in_order_of_arming():
    clock, log = Clock(), []
    for when, name in ((30, "c"), (10, "a"), (30, "d"), (20, "b")):
        clock.call_at(when, recorder(clock, log, name))
    assert clock.run() == 30
    assert log == [(10, "a"), (20, "b"), (30, "c"), (30, "d")]


def test_arming_again_moves_an_event_behind_its_equals():
    clock, log = Clock(), []
    first, second = recorder(clock, log, "first"), recorder(clock, log, "second")
    clock.call_at(10, first)
    clock.call_at(10, second)
    clock.call_at(10, first)
    clock.run()
    assert [name for _, name in log] == ["second", "first"]


def test_cancel_is_idempotent_and_armed_tells():
    clock, log = Clock(), []
    event = recorder(clock, log, "x")
    clock.cancel(event)
    clock.call_after(5, event)
    assert event.armed()
    clock.cancel(event)
    clock.cancel(event)
    assert not event.armed() and clock.next_time() == -1
    clock.run()
    assert log == []


def test_the_past_means_now():
    clock, log = Clock(), []
    clock.advance(100)
    clock.call_at(7, recorder(clock, log, "late"))
    clock.run()
    assert log == [(100, "late")]


def test_run_until_stops_at_that_time_and_keeps_later_events():
    clock, log = Clock(), []
    clock.call_at(10, recorder(clock, log, "in"))
    clock.call_at(50, recorder(clock, log, "out"))
    assert clock.run(30) == 30
    assert log == [(10, "in")]
    assert clock.next_time() == 50
    clock.run()
    assert log[-1] == (50, "out")


def test_due_sees_time_that_was_charged():
    clock = Clock()
    clock.call_at(1000, Event(lambda: None))
    assert not clock.due()
    clock.advance(1000)
    assert clock.due()


def test_stop_ends_the_run_after_the_current_event():
    clock, log = Clock(), []
    clock.call_at(1, Event(clock.stop))
    clock.call_at(1, recorder(clock, log, "later"))
    clock.run()
    assert log == []
    clock.run()
    assert log == [(1, "later")]


def test_an_exception_of_an_event_comes_out_of_run_and_the_rest_survives():
    clock, log = Clock(), []

    def fail():
        raise ZeroDivisionError

    clock.call_at(1, Event(fail))
    clock.call_at(2, recorder(clock, log, "next"))
    with pytest.raises(ZeroDivisionError):
        clock.run()
    clock.run()
    assert log == [(2, "next")]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 30)), max_size=60))
def test_heap_agrees_with_a_sorted_list(steps):
    """Each step arms a new event; a second number >= 0 cancels an earlier one."""
    clock, log, events, expected = Clock(), [], [], []
    for number, (when, victim) in enumerate(steps):
        event = recorder(clock, log, number)
        clock.call_at(when, event)
        events.append(event)
        expected.append((when, number))
        if 0 <= victim < len(events):
            clock.cancel(events[victim])
            expected = [entry for entry in expected if entry[1] != victim]
    clock.run()
    assert log == sorted(expected)


def test_a_watched_descriptor_makes_the_clock_real_and_unwatching_gives_autojump_back():
    clock, got = Clock(), []
    reader, writer = os.pipe()

    def readable(mask):
        got.append((os.read(reader, 10), bool(mask & select.EPOLLIN)))
        clock.unwatch(reader)

    clock.watch(reader, select.EPOLLIN, Source(readable))
    assert clock.real
    start = clock.now
    clock.call_after(2_000_000, Event(lambda: os.write(writer, b"hello")))
    clock.run()
    assert got == [(b"hello", True)]
    assert not clock.real and clock.now - start >= 2_000_000
    clock.call_after(3600 * 10**9, Event(lambda: None))
    clock.run()
    assert clock.now >= 3600 * 10**9
    os.close(reader)
    os.close(writer)


def test_events_that_rearm_for_now_do_not_starve_descriptors():
    clock, got = Clock(), []
    reader, writer = os.pipe()
    os.write(writer, b"x")

    def again():
        clock.call_at(clock.now, busy)

    busy = Event(again)

    def readable(mask):
        got.append(mask)
        clock.unwatch(reader)
        clock.cancel(busy)
        clock.stop()

    clock.watch(reader, select.EPOLLIN, Source(readable))
    clock.call_at(0, busy)
    clock.run()
    assert got
    os.close(reader)
    os.close(writer)


def test_patience_is_waited_awake():
    """With patience a descriptor that becomes ready soon, or a timer that is near, is had without sleeping."""
    poll = HostPoll()
    readable, writable = os.pipe()
    poll.register(readable, select.EPOLLIN)
    began = monotonic_ns()
    assert poll.wait(3_000_000, 1_000_000) == 0
    assert monotonic_ns() - began >= 3_000_000, "the sleep goes on where the patience ends"
    began = monotonic_ns()
    assert poll.wait(200_000, 50_000_000) == 0
    assert 200_000 <= monotonic_ns() - began < 50_000_000, "never longer than the timeout"
    os.write(writable, b"x")
    assert poll.wait(-1, 1_000_000) == 1 and poll.ready_fd(0) == readable
    poll.close()
    os.close(readable)
    os.close(writable)
