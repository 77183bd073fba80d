"""The CPU: traps, switching, interruptible points, idling, unwinding; two of them on one clock."""

import gc
import os
import select
import weakref

import pytest
from greenlet import GreenletExit, getcurrent

from hwemu.clock import Clock, Event, Source
from hwemu.cpu import REFUSALS, InterruptEntry, SyscallEntry, current_context, trap
from hwemu.machine import SERIAL_LINE, TIMER_LINE, Machine

EXIT, SWITCH, POINT, FAIL, POWER_OFF = 1, 2, 3, 4, 5


class Kernel(SyscallEntry):
    """A kernel of five system calls."""

    def __init__(self, machine):
        self.machine = machine
        self.next = None
        machine.cpu.syscall_entry = self

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        if nr == EXIT:
            context.exit_to(self.next)
        elif nr == SWITCH:
            self.next.switch()
        elif nr == POINT:
            self.machine.cpu.interruptible_point()
        elif nr == FAIL:
            raise KeyError("kernel bug")
        elif nr == POWER_OFF:
            self.machine.power_off(a0)
        else:
            return a0 + a1 + a2 + a3 + a4 + a5
        return 0


class Interrupts(InterruptEntry):
    """Logs (time, line, interrupts enabled?) and runs an action."""

    def __init__(self, machine, action=None):
        self.machine = machine
        self.log = []
        self.action = action
        machine.cpu.interrupt_entry = self

    def interrupt(self, line):
        self.log.append((self.machine.clock.now, line, self.machine.cpu.interrupts_enabled))
        if self.action is not None:
            self.action(line)


@pytest.fixture
def machine():
    return Machine(Clock())


def boot(machine, main):
    context = machine.cpu.new_context(main)
    context.switch()
    return context


def test_a_trap_reaches_the_entry_with_six_signed_arguments(machine):
    Kernel(machine)
    results = []
    boot(machine, lambda: results.append(trap(99, 1, -2, 2**62, 4, 5, -6)))
    machine.clock.run()
    assert results == [2**62 + 2]
    assert machine.cpu.traps == 1


def test_without_an_operating_system_a_trap_is_enosys(machine):
    results = []
    boot(machine, lambda: results.append(trap(1)))
    machine.clock.run()
    assert results == [-38]


def test_a_trap_outside_any_cpu_is_a_runtime_error():
    with pytest.raises(RuntimeError):
        trap(1)
    assert current_context() is None


def test_the_program_sees_its_own_context(machine):
    seen = []
    context = boot(machine, lambda: seen.append(current_context()))
    context.task = "task"
    context.errno = 11
    machine.clock.run()
    assert seen == [context] and context.errno == 11 and context.task == "task"
    assert not context.live()


def test_every_trap_costs_virtual_time_so_polling_can_not_stop_the_clock(machine):
    Kernel(machine)
    fired = []
    machine.clock.call_at(10_000, Event(lambda: fired.append(machine.clock.now)))

    def poll():
        while not fired:
            trap(POINT)

    boot(machine, poll)
    machine.clock.run()
    assert fired == [10_000]
    assert machine.cpu.traps == 50


def test_contexts_switch_and_hand_over_at_their_end(machine):
    kernel, log = Kernel(machine), []

    def first():
        log.append("first")
        kernel.next = b
        trap(SWITCH)
        log.append("first again")
        kernel.next = b
        trap(EXIT)

    def second():
        log.append("second")
        kernel.next = a
        trap(SWITCH)
        log.append("second at last")

    a = machine.cpu.new_context(first)
    b = machine.cpu.new_context(second)
    a.switch()
    machine.clock.run()
    assert log == ["first", "second", "first again", "second at last"]
    assert not a.live() and not b.live() and not machine.cpu.contexts


def test_a_context_may_end_in_favour_of_one_that_never_ran(machine):
    kernel, log = Kernel(machine), []

    def first():
        kernel.next = machine.cpu.new_context(lambda: log.append("heir"))
        trap(EXIT)
        log.append("never")

    boot(machine, first)
    machine.clock.run()
    assert log == ["heir"]


def test_exiting_runs_finally_blocks_whose_traps_are_refused(machine):
    Kernel(machine)
    log = []

    def main():
        try:
            trap(EXIT)
        except Exception:
            log.append("an exit is no Exception")
        finally:
            try:
                trap(99)
            except GreenletExit:
                log.append("refused")
            log.append("closed")

    boot(machine, main)
    machine.clock.run()
    assert log == ["refused", "closed"] and machine.cpu.traps == 1


def test_a_program_that_swallows_every_exit_is_left_behind(machine):
    kernel, log = Kernel(machine), []

    def stubborn():
        while True:
            try:
                trap(EXIT)
            except BaseException:
                log.append("swallowed")

    kernel.next = machine.cpu.new_context(lambda: log.append("life goes on"))
    boot(machine, stubborn)
    machine.clock.run()
    assert log[-1] == "life goes on" and len(log) == REFUSALS + 2
    assert len(machine.cpu.abandoned) == 1


def test_a_kernel_bug_comes_out_of_run_past_the_programs_handlers(machine):
    Kernel(machine)
    log = []

    def main():
        try:
            trap(FAIL)
        except Exception:
            log.append("a program must not see this")

    boot(machine, main)
    with pytest.raises(KeyError, match="kernel bug") as caught:
        machine.clock.run()
    assert any("test_cpu" in str(entry.path) for entry in caught.traceback)
    assert machine.cpu.active is None
    machine.clock.run()
    machine.cpu.shutdown()
    assert log == [] and not machine.cpu.contexts


def test_an_exception_of_an_entry_comes_out_of_run_with_its_traceback(machine):
    def deep():
        return 1 // 0

    boot(machine, deep)
    with pytest.raises(ZeroDivisionError) as caught:
        machine.clock.run()
    assert caught.traceback[-1].name == "deep"
    assert not machine.cpu.contexts


def test_an_exception_of_an_event_while_paused_keeps_the_machine_alive(machine):
    Kernel(machine)
    log = []

    def fail():
        raise OSError("host")

    def main():
        for _ in range(10):
            trap(POINT)
        log.append("done")

    machine.clock.call_at(500, Event(fail))
    boot(machine, main)
    with pytest.raises(OSError, match="host"):
        machine.clock.run()
    assert log == []
    machine.clock.run()
    assert log == ["done"]


# --- interrupts ---


def test_halt_sleeps_until_an_interrupt_and_time_jumps(machine):
    interrupts, log = Interrupts(machine), []
    machine.pic.unmask_line(TIMER_LINE)

    def idle():
        machine.cpu.halt()
        log.append(machine.clock.now)

    machine.timer.program(10**9)
    boot(machine, idle)
    machine.clock.run()
    assert interrupts.log == [(10**9, TIMER_LINE, False)]
    assert log == [10**9 + machine.cpu.trap_cost] and machine.cpu.halts == 1 and machine.cpu.interrupts == 1
    assert machine.cpu.interrupts_enabled


def test_a_kick_wakes_without_an_interrupt_and_is_never_lost(machine):
    log = []

    def idle():
        machine.cpu.halt()
        log.append(machine.clock.now)
        machine.cpu.kick()
        machine.cpu.halt()
        log.append(machine.clock.now)

    boot(machine, idle)
    machine.clock.call_at(700, Event(machine.cpu.kick))
    machine.clock.run()
    assert log == [700, 700] and machine.cpu.halts == 1


def test_interrupts_wait_while_disabled_and_come_when_enabled(machine):
    interrupts, log = Interrupts(machine), []
    source = machine.pic.new_source()
    machine.pic.unmask_line(9)
    interrupts.action = lambda line: (log.append("handler"), machine.pic.raise_line(9, source, False))

    def main():
        machine.pic.raise_line(9, source, True)
        machine.cpu.interruptible_point()
        log.append("still disabled")
        machine.cpu.enable_interrupts()
        log.append("after")

    boot(machine, main)
    machine.clock.run()
    assert log == ["still disabled", "handler", "after"]


def test_a_handler_is_not_interrupted_unless_it_enables_interrupts(machine):
    log = []
    low, high = machine.pic.new_source(), machine.pic.new_source()
    for line in (2, 3):
        machine.pic.unmask_line(line)

    def handler(line):
        log.append(f"in {line}")
        if line == 3:
            machine.pic.raise_line(3, high, False)
            machine.pic.raise_line(2, low, True)
            machine.cpu.interruptible_point()
            log.append("not yet")
            machine.cpu.enable_interrupts()
        else:
            machine.pic.raise_line(2, low, False)
        log.append(f"out {line}")

    Interrupts(machine, handler)

    def main():
        machine.pic.raise_line(3, high, True)
        machine.cpu.enable_interrupts()

    boot(machine, main)
    machine.clock.run()
    assert log == ["in 3", "not yet", "in 2", "out 2", "out 3"]


def test_a_line_that_stays_up_is_served_again_but_not_for_ever_at_one_point(machine):
    interrupts = Interrupts(machine)
    source = machine.pic.new_source()
    machine.pic.unmask_line(9)

    def main():
        machine.pic.raise_line(9, source, True)
        machine.cpu.enable_interrupts()

    boot(machine, main)
    machine.clock.run()
    assert len(interrupts.log) == 16


def test_devices_run_in_the_hub_never_inside_the_trap_that_made_them_due(machine):
    Kernel(machine)
    seen = []
    hub = getcurrent()
    machine.clock.call_at(300, Event(lambda: seen.append(getcurrent() is hub)))

    def main():
        trap(99)
        trap(99)
        assert not seen
        trap(POINT)
        assert seen == [True]
        seen.append("main")

    boot(machine, main)
    machine.clock.run()
    assert seen == [True, "main"]


def test_an_exit_inside_a_handler_leaves_interrupts_enabled(machine):
    Interrupts(machine, lambda line: machine.cpu.active.exit_to(heir))
    enabled = []
    heir = machine.cpu.new_context(lambda: enabled.append(machine.cpu.interrupts_enabled))
    machine.pic.unmask_line(TIMER_LINE)
    machine.timer.program(10)
    boot(machine, machine.cpu.halt)
    machine.clock.run()
    assert enabled == [True]


def test_outside_the_cpu_nothing_is_delivered_and_halting_is_refused(machine):
    interrupts = Interrupts(machine)
    source = machine.pic.new_source()
    machine.pic.unmask_line(9)
    machine.pic.raise_line(9, source, True)
    machine.cpu.enable_interrupts()
    assert interrupts.log == []
    with pytest.raises(RuntimeError):
        machine.cpu.halt()


# --- signals ---


class Signals(Kernel):
    """Pushes the frames it has been given at the end of system call 90, which is restarted when told so."""

    def __init__(self, machine, frames, restart=False):
        super().__init__(machine)
        self.frames = frames
        self.restart = restart
        self.calls = 0

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        if nr == 90:
            self.calls += 1
            while self.frames:
                context.push_frame(*self.frames.pop(0), b"")
                context.restart = self.restart
            return -4
        return super().syscall(context, nr, a0, a1, a2, a3, a4, a5)


@pytest.mark.parametrize(("restart", "calls"), [(False, 1), (True, 2)])
def test_handlers_run_in_the_program_before_the_trap_returns(machine, restart, calls):
    kernel, log = Signals(machine, [(7, 2), (8, 15)], restart), []

    def entry(handler, signum, info):
        log.append(handler)
        log.append((trap(99, handler), signum))

    def main():
        current_context().signal_entry = entry
        log.append(trap(90))

    boot(machine, main)
    machine.clock.run()
    assert log == [8, (8, 15), 7, (7, 2), -4]
    assert kernel.calls == calls


def test_what_a_handler_raises_belongs_to_the_program(machine):
    Signals(machine, [(7, 2)])
    log = []

    def entry(handler, signum, info):
        raise KeyboardInterrupt

    def main():
        current_context().signal_entry = entry
        try:
            trap(90)
        except KeyboardInterrupt:
            log.append("caught")

    boot(machine, main)
    machine.clock.run()
    assert log == ["caught"]


# --- the end ---


def test_power_off_by_a_program_unwinds_everything_and_tells_the_bench(machine):
    kernel, log = Kernel(machine), []
    machine.on_power_off = lambda m: log.append(("off", m.exit_status, dict(m.cpu.contexts)))

    def sleeper():
        try:
            kernel.next = other
            trap(SWITCH)
            log.append("never")
        finally:
            log.append("sleeper closed")

    def switcher():
        try:
            trap(POWER_OFF, 42)
            log.append("never")
        finally:
            log.append("caller closed")

    never_ran = machine.cpu.new_context(lambda: log.append("never"))
    other = machine.cpu.new_context(switcher)
    boot(machine, sleeper)
    machine.timer.program(10**12)
    machine.clock.run()
    assert log == ["caller closed", "sleeper closed", ("off", 42, {})]
    assert machine.clock.next_time() == -1 and not never_ran.live()
    machine.power_off(1)
    assert machine.exit_status == 42


def test_power_off_from_outside(machine):
    log = []

    def main():
        try:
            machine.cpu.halt()
        finally:
            log.append("unwound")

    boot(machine, main)
    machine.clock.run()
    machine.power_off(3)
    assert log == ["unwound"] and machine.exit_status == 3
    machine.cpu.kick()
    machine.clock.run()


def test_a_failing_finally_block_does_not_stop_the_shutdown(machine):
    def main():
        try:
            machine.cpu.halt()
        finally:
            raise ValueError("on the way out")

    boot(machine, main)
    machine.clock.run()
    machine.cpu.shutdown()
    assert not machine.cpu.contexts


def test_a_switched_off_machine_is_freed(machine):
    Kernel(machine)

    def main():
        machine_local = [bytearray(100)]
        refs.append(weakref.ref(Probe(machine_local)))
        keep = refs[0]()
        trap(POWER_OFF)
        return keep

    class Probe:
        def __init__(self, value):
            self.value = value

    refs = []
    boot(machine, main)
    machine.clock.run()
    gc.collect()
    assert refs[0]() is None


def test_a_machine_that_nobody_switched_off_can_be_collected():
    log = []

    def abandon():
        machine = Machine(Clock())

        def main():
            try:
                machine.cpu.halt()
            finally:
                try:
                    trap(99)
                except GreenletExit:
                    log.append("refused")

        boot(machine, main)
        machine.clock.run()
        return weakref.ref(machine), machine.cpu.active.strand

    gone, strand = abandon()
    strand.throw(GreenletExit)
    del strand
    gc.collect()
    assert log == ["refused"] and gone() is None


def test_only_the_first_context_is_started_from_outside(machine):
    first = boot(machine, machine.cpu.halt)
    first.switch()
    machine.clock.run()
    with pytest.raises(RuntimeError):
        machine.cpu.new_context(print).switch()


def test_a_stuck_line_stops_neither_time_nor_the_devices(machine):
    interrupts = Interrupts(machine)
    source = machine.pic.new_source()
    machine.pic.unmask_line(9)
    machine.pic.raise_line(9, source, True)
    machine.clock.call_at(100_000, Event(lambda: machine.pic.raise_line(9, source, False)))

    def idle():
        while machine.pic.pending():
            machine.cpu.halt()

    boot(machine, idle)
    machine.clock.run()
    assert 500 <= len(interrupts.log) <= 520


# --- several machines, and the world outside ---


def test_two_machines_share_a_clock_and_interrupt_each_other():
    clock, log = Clock(), []
    machines = [Machine(clock, name="left"), Machine(clock, name="right")]
    inboxes = [[], []]

    def program(index):
        me, peer = machines[index], machines[1 - index]

        def main():
            for turn in range(3):
                while not inboxes[index]:
                    me.cpu.halt()
                log.append((me.name, turn, inboxes[index].pop()))
                clock.call_after(1000, Event(lambda: peer.serial.feed(b"x")))

        return main

    for index, machine in enumerate(machines):
        Kernel(machine)
        Interrupts(machine, lambda line, index=index: inboxes[index].append(machines[index].serial.read()))
        machine.pic.unmask_line(SERIAL_LINE)
        boot(machine, program(index))
    clock.call_at(10, Event(lambda: machines[0].serial.feed(b"x")))
    clock.run()
    assert log == [(name, turn, b"x") for turn in range(3) for name in ("left", "right")]
    assert clock.now == 10 + 6 * (1000 + 200)


def test_a_busy_program_does_not_starve_a_host_descriptor():
    clock = Clock()
    machine = Machine(clock)
    Kernel(machine)
    reader, writer = os.pipe()
    got = []
    clock.watch(reader, select.EPOLLIN, Source(lambda mask: got.append(os.read(reader, 9))))
    os.write(writer, b"ping")

    def main():
        while not got:
            trap(POINT)
        clock.unwatch(reader)

    boot(machine, main)
    clock.run()
    assert got == [b"ping"]
    os.close(reader)
    os.close(writer)


def test_with_the_real_clock_an_idle_machine_sleeps_until_its_timer():
    clock = Clock(real=True)
    machine = Machine(clock)
    interrupts = Interrupts(machine)
    machine.pic.unmask_line(TIMER_LINE)
    machine.timer.program(clock.now + 3_000_000)
    boot(machine, machine.cpu.halt)
    clock.run(clock.now + 50_000_000)
    assert len(interrupts.log) == 1


def test_the_same_seed_gives_the_same_choices():
    draws = [Machine(Clock(), seed=seed).random.getrandbits(64) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_programs_that_start_each_other_do_not_pile_up_their_stacks(machine):
    """A new context begins at the hub's depth, not at that of the one that made it: depths would add up."""
    kernel = Kernel(machine)
    started = []

    def deep(levels, action):
        return action() if levels == 0 else deep(levels - 1, action)

    def program():
        started.append(current_context())
        if len(started) < 200:
            kernel.next = machine.cpu.new_context(program)
            deep(30, lambda: trap(SWITCH))

    machine.cpu.new_context(program).switch()
    machine.clock.run()
    assert len(started) == 200
    machine.cpu.shutdown()
