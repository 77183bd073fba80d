"""The timer interrupt: the one-shot device has fired, the timer wheel has work."""

from kernel.irq.irq import IRQ_HANDLED, irqaction
from kernel.softirq import TIMER_SOFTIRQ


class tick_irqaction(irqaction):
    """The handler of the timer line."""

    def __init__(self, timers, softirq):
        super().__init__()
        self.timers = timers
        self.softirq = softirq

    def handler(self, irq):
        self.timers.interrupt()
        self.softirq.raise_softirq(TIMER_SOFTIRQ)
        return IRQ_HANDLED
