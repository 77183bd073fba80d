"""The architecture layer as the kernel core uses it: time, interrupts, contexts, console, power."""

import pytest

from hwemu.clock import Clock, Event
from hwemu.cpu import trap
from hwemu.machine import Machine
from kernel.arch.arch import SERIAL_IRQ, TIMER_IRQ, Arch
from kernel.arch.entry import interrupt_entry, syscall_entry


class Gate(syscall_entry):
    def __init__(self, arch):
        self.arch = arch

    def syscall(self, context, nr, a0, a1, a2, a3, a4, a5):
        self.arch.interruptible_point()
        return nr + a0


class Interrupts(interrupt_entry):
    def __init__(self, arch):
        self.arch = arch
        self.log = []

    def interrupt(self, irq):
        self.log.append((irq, self.arch.now(), self.arch.irqs_disabled()))
        self.arch.ack_irq(irq)
        if irq == SERIAL_IRQ:
            self.arch.console.interrupt()


class Bench(Arch):
    """An Arch with room for the test's own `interrupts`, which the compiled class has not."""


@pytest.fixture
def bench():
    arch = Bench(Machine(Clock(), 1 << 20, seed=5))
    arch.interrupts = Interrupts(arch)
    arch.set_interrupt_entry(arch.interrupts)
    arch.set_syscall_entry(Gate(arch))
    return arch


def run(arch, main):
    arch.switch_to(arch.new_context(main))
    arch.clock.run()


def test_clock_event_interrupts_at_its_time(bench):
    bench.unmask_irq(TIMER_IRQ)
    bench.clockevent.program(5_000)
    run(bench, bench.safe_halt)
    assert bench.interrupts.log == [(TIMER_IRQ, 5_000, True)]
    assert bench.now() == 5_200, "an interrupt takes its time"


def test_masked_interrupts_wait(bench):
    seen = []

    def main():
        bench.local_irq_enable()
        bench.clockevent.program(0)
        trap(1)
        seen.append(list(bench.interrupts.log))
        bench.unmask_irq(TIMER_IRQ)
        trap(1)
        seen.append(list(bench.interrupts.log))

    bench.mask_irq(TIMER_IRQ)
    run(bench, main)
    assert seen == [[], [(TIMER_IRQ, 400, True)]]


def test_irq_flags_nest(bench):
    states = []

    def main():
        bench.local_irq_enable()
        outer = bench.local_irq_save()
        inner = bench.local_irq_save()
        bench.local_irq_restore(inner)
        states.append(bench.irqs_disabled())
        bench.local_irq_restore(outer)
        states.append(bench.irqs_disabled())
        bench.local_irq_disable()
        states.append(bench.irqs_disabled())

    run(bench, main)
    assert states == [True, False, True]


def test_contexts_switch_and_end(bench):
    log = []

    def first():
        log.append("a")
        bench.switch_to(second)
        log.append("c")
        bench.exit_to(second)
        log.append("never")

    def other():
        log.append("b")
        bench.switch_to(starter)
        log.append("d")

    starter = bench.new_context(first)
    second = bench.new_context(other)
    bench.switch_to(starter)
    bench.clock.run()
    assert log == ["a", "b", "c", "d"]


def test_console_both_ways(bench):
    sent, got = [], []
    bench.machine.serial.sink = sent.append
    assert bench.console.write(b"hello") == 5 and sent == [b"hello"]
    bench.console.set_input(got.append)
    bench.unmask_irq(SERIAL_IRQ)
    bench.clock.call_at(10, Event(lambda: bench.machine.serial.feed(b"ls\n")))
    bench.clock.call_at(20, Event(bench.machine.serial.hang_up))

    def idle():
        while b"" not in got:
            bench.safe_halt()

    run(bench, idle)
    assert got == [b"ls\n", b""]


def test_console_input_without_a_listener_is_thrown_away(bench):
    bench.machine.serial.feed(b"typed ahead")
    assert bench.console.interrupt() is True
    assert bench.console.interrupt() is False
    bench.machine.serial.feed(b"again")
    assert bench.machine.serial.read() == b"again"


def test_any_object_with_the_method_is_an_entry(bench):
    class Plain:
        def __init__(self):
            self.irqs = []

        def syscall(self, context, nr, *arguments):
            return -nr

        def interrupt(self, irq):
            self.irqs.append(irq)

    plain, results = Plain(), []
    bench.set_syscall_entry(plain)
    bench.set_interrupt_entry(plain)
    bench.unmask_irq(TIMER_IRQ)
    bench.clockevent.program(1)

    def main():
        results.append(trap(7))
        bench.safe_halt()

    run(bench, main)
    assert results == [-7] and plain.irqs == [TIMER_IRQ]


def test_a_kick_from_outside_ends_a_halt(bench):
    woken = []

    def main():
        bench.safe_halt()
        woken.append(bench.now())

    bench.clock.call_at(99, Event(bench.kick))
    run(bench, main)
    assert woken == [99]


def test_power_off_passes_the_status(bench):
    def main():
        bench.power_off(17)

    run(bench, main)
    assert bench.machine.exit_status == 17


def test_memory_random_and_trace_are_the_machines(bench):
    assert bench.memory is bench.machine.ram
    assert bench.random is bench.machine.random
    assert bench.trace is bench.machine.trace
