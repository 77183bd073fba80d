"""Softirqs and interrupt lines."""

import pytest

from kernel.irq.irq import IRQ, IRQ_HANDLED, IRQ_NONE, IRQF_SHARED, SPURIOUS_WINDOW, irqaction
from kernel.printk import Printk
from kernel.sched.wait import wait_queue_entry, wait_queue_head
from kernel.softirq import MAX_SOFTIRQ_RESTART, NET_RX_SOFTIRQ, NET_TX_SOFTIRQ, SoftIRQ, softirq_action
from kernel.uapi.errno import EBUSY, EINVAL


class Recorder(softirq_action):
    def __init__(self, log, name, again=None):
        self.log = log
        self.name = name
        self.again = again

    def run(self):
        self.log.append(self.name)
        if self.again is not None:
            self.again()


class Ksoftirqd:
    def __init__(self):
        self.woken = 0

    def wake_up(self):
        self.woken += 1
        return 1


@pytest.fixture
def softirq():
    softirq = SoftIRQ()
    softirq.ksoftirqd = Ksoftirqd()
    return softirq


def test_the_outermost_enable_runs_what_was_raised(softirq):
    log = []
    softirq.open_softirq(NET_RX_SOFTIRQ, Recorder(log, "rx"))
    softirq.open_softirq(NET_TX_SOFTIRQ, Recorder(log, "tx"))
    softirq.local_bh_disable()
    softirq.local_bh_disable()
    softirq.raise_softirq(NET_RX_SOFTIRQ)
    softirq.raise_softirq(NET_TX_SOFTIRQ)
    softirq.local_bh_enable()
    assert log == [] and softirq.in_interrupt()
    softirq.local_bh_enable()
    assert log == ["tx", "rx"] and not softirq.in_interrupt()
    assert softirq.ksoftirqd.woken == 0


def test_raising_outside_any_interrupt_wakes_ksoftirqd(softirq):
    softirq.open_softirq(NET_RX_SOFTIRQ, Recorder([], "rx"))
    softirq.raise_softirq(NET_RX_SOFTIRQ)
    assert softirq.ksoftirqd.woken == 1


def test_what_keeps_raising_itself_is_left_to_ksoftirqd(softirq):
    log = []
    softirq.open_softirq(NET_RX_SOFTIRQ, Recorder(log, "rx", lambda: softirq.raise_softirq(NET_RX_SOFTIRQ)))
    softirq.irq_enter()
    softirq.raise_softirq(NET_RX_SOFTIRQ)
    assert log == []
    softirq.irq_exit()
    assert len(log) == MAX_SOFTIRQ_RESTART
    assert softirq.ksoftirqd.woken == 1
    assert "NET_RX:         10" in softirq.show()


class Handler(irqaction):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.calls = 0

    def handler(self, irq):
        self.calls += 1
        return self.answer


@pytest.fixture
def machine():
    from hwemu.clock import Clock
    from hwemu.machine import Machine
    from kernel.arch.arch import Arch

    return Arch(Machine(Clock(), memory=1 << 20))


def test_a_shared_line_asks_every_handler(machine, softirq):
    irq = IRQ(machine, softirq, Printk(lambda: 0))
    mine, other = Handler(IRQ_NONE), Handler(IRQ_HANDLED)
    assert irq.request_irq(11, mine, IRQF_SHARED, "mine") == 0
    assert irq.request_irq(11, Handler(IRQ_NONE), 0, "greedy") == -EBUSY
    assert irq.request_irq(11, other, IRQF_SHARED, "other") == 0
    assert irq.request_irq(77, other, 0, "nowhere") == -EINVAL
    irq.interrupt(11)
    assert (mine.calls, other.calls) == (1, 1)
    assert "mine, other" in irq.show()
    irq.free_irq(11, mine)
    irq.interrupt(11)
    assert (mine.calls, other.calls) == (1, 2)
    assert irq.leaks() == ["irq 11: handler other was not freed"]
    irq.free_irq(11, other)
    irq.free_irq(11, other)
    assert irq.leaks() == []


def test_a_line_that_nobody_owns_is_switched_off(machine, softirq):
    log = Printk(lambda: 0)
    irq = IRQ(machine, softirq, log)
    irq.request_irq(9, Handler(IRQ_NONE), IRQF_SHARED, "deaf")
    for _ in range(SPURIOUS_WINDOW):
        irq.interrupt(9)
    assert irq.descs[9].spurious_disabled
    assert "nobody cared" in log.text()


def test_disable_nests(machine, softirq):
    log = Printk(lambda: 0)
    irq = IRQ(machine, softirq, log)
    irq.request_irq(9, Handler(IRQ_HANDLED), 0, "one")
    irq.disable_irq(9)
    irq.disable_irq(9)
    irq.enable_irq(9)
    assert irq.descs[9].depth == 1
    irq.enable_irq(9)
    assert irq.descs[9].depth == 0
    irq.enable_irq(9)
    assert "Unbalanced" in log.text()


class Waiter(wait_queue_entry):
    def __init__(self, log, name, answer=1):
        super().__init__()
        self.log = log
        self.name = name
        self.answer = answer

    def func(self, key):
        self.log.append((self.name, key))
        return self.answer


def test_one_exclusive_waiter_is_woken_and_all_others():
    log = []
    queue = wait_queue_head()
    first, second, asleep = Waiter(log, "first"), Waiter(log, "second"), Waiter(log, "busy", 0)
    queue.add_exclusive(asleep)
    queue.add_exclusive(first)
    queue.add_exclusive(second)
    shared = Waiter(log, "shared")
    queue.add(shared)
    assert queue.wake_up(4) == 2
    assert log == [("shared", 4), ("busy", 4), ("first", 4)]
    log.clear()
    assert queue.wake_up_all() == 3
    assert len(log) == 4
    for entry in (first, shared, second, asleep):
        queue.remove(entry)
        queue.remove(entry)
    assert not queue.active()
