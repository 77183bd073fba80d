"""The timer wheel: never early, less than a tick late, at any distance."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hwemu.clock import Clock
from hwemu.machine import Machine
from kernel.arch.arch import TIMER_IRQ, Arch
from kernel.irq.irq import IRQ
from kernel.softirq import TIMER_SOFTIRQ, SoftIRQ
from kernel.time.tick import tick_irqaction
from kernel.time.timer import TimerBase, lowest_bit, timer_list

MS = 1_000_000


class Bench:
    """A wheel on a machine whose boot context only halts."""

    def __init__(self):
        self.clock = Clock()
        self.machine = Machine(self.clock, memory=1 << 20)
        self.arch = Arch(self.machine)
        self.softirq = SoftIRQ()
        self.irq = IRQ(self.arch, self.softirq, None)
        self.timers = TimerBase(self.arch)
        self.softirq.open_softirq(TIMER_SOFTIRQ, self.timers)
        self.irq.request_irq(TIMER_IRQ, tick_irqaction(self.timers, self.softirq), 0, "timer")
        self.arch.set_interrupt_entry(self.irq)
        self.fired = []
        self.arch.switch_to(self.arch.new_context(self.idle))
        self.clock.run(self.clock.now)

    def idle(self):
        while True:
            self.arch.safe_halt()

    def timer(self, name, at):
        timer = timer_list(self.note, name)
        self.timers.mod_timer(timer, at)
        return timer

    def note(self, name):
        self.fired.append((name, self.clock.now))

    def close(self):
        self.machine.power_off()


def test_lowest_bit():
    for bit in range(64):
        assert lowest_bit(1 << bit) == bit
        assert lowest_bit((1 << bit) | (1 << 63)) == bit


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40_000_000 * MS) | st.integers(0, 200 * MS), min_size=1, max_size=20))
def test_fires_never_early_and_less_than_a_tick_late(times):
    bench = Bench()
    for number, at in enumerate(times):
        bench.timer(number, at)
    bench.clock.run()
    assert len(bench.fired) == len(times)
    for number, when in bench.fired:
        assert 0 <= when - max(times[number], 0) < 2 * MS
    moments = [when for _, when in bench.fired]
    assert moments == sorted(moments)
    assert bench.timers.active == 0
    bench.close()


def test_moving_and_deleting():
    bench = Bench()
    moved = bench.timer("moved", 5 * MS)
    deleted = bench.timer("deleted", 6 * MS)
    bench.timers.mod_timer(moved, 700 * MS)
    assert bench.timers.del_timer(deleted) is True
    assert bench.timers.del_timer(deleted) is False
    assert moved.pending() and not deleted.pending()
    bench.clock.run()
    assert bench.fired == [("moved", 700 * MS)]
    bench.close()


def test_a_timer_may_rearm_itself_and_delete_its_neighbour():
    bench = Bench()
    runs = []

    class Periodic(timer_list):
        def fire(self):
            runs.append(bench.clock.now)
            bench.timers.del_timer(victim)
            if len(runs) < 5:
                bench.timers.mod_timer(self, bench.clock.now + 10 * MS)

    periodic = Periodic()
    bench.timers.mod_timer(periodic, 10 * MS)
    victim = bench.timer("victim", 10 * MS)
    bench.clock.run()
    assert runs == [10 * MS, 20 * MS, 30 * MS, 40 * MS, 50 * MS]
    assert bench.fired == []
    bench.close()


def test_rearming_for_the_past_fires_at_the_next_tick_not_for_ever():
    bench = Bench()
    runs = []

    class Again(timer_list):
        def fire(self):
            runs.append(bench.clock.now)
            if len(runs) < 3:
                bench.timers.mod_timer(self, 0)

    bench.timers.mod_timer(Again(), 3 * MS)
    bench.clock.run()
    assert runs == [3 * MS, 4 * MS, 5 * MS]
    bench.close()


def test_an_idle_kernel_is_woken_only_for_its_next_timer():
    bench = Bench()
    bench.timer("far", 50 * MS)
    bench.timer("near", 20 * MS)
    bench.clock.run()
    assert [name for name, _ in bench.fired] == ["near", "far"]
    assert bench.irq.descs[TIMER_IRQ].count == 2
    bench.close()


def test_arming_costs_the_same_with_many_timers():
    bench = Bench()
    timers = [bench.timer(number, (number * 7919 % 100_000) * MS) for number in range(20_000)]
    assert bench.timers.active == 20_000
    for timer in timers:
        assert bench.timers.del_timer(timer)
    assert bench.timers.active == 0
    assert all(level.occupied == 0 for level in bench.timers.levels)
    bench.close()
