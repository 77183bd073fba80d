"""Hard interrupts: who handles which line.

Lines are level triggered and shared: every handler of a line is asked, and each says whether its device had pulled it.
A line that keeps interrupting without an owner is switched off, as Linux does it ("nobody cared").
"""

from kernel.arch.entry import interrupt_entry
from kernel.uapi.errno import EBUSY, EINVAL

IRQ_NONE = 0
IRQ_HANDLED = 1
IRQF_SHARED = 0x80
NR_IRQS = 32
# Linux's note_interrupt: of the last 100,000 interrupts at most 100 were handled.
SPURIOUS_WINDOW = 100000
SPURIOUS_LIMIT = 99900


class irqaction:
    """One handler of a line: override `handler`."""

    def __init__(self):
        self.name = ""
        self.irq_flags = 0
        self.next = None

    def handler(self, irq):
        """Called with interrupts off; IRQ_HANDLED when the device had pulled the line, else IRQ_NONE."""
        return IRQ_NONE


class irq_desc:
    """One line: its handlers, how often it fired, and how deep it is disabled."""

    def __init__(self, irq):
        self.irq = irq
        self.action = None
        self.depth = 1
        self.count = 0
        self.unhandled = 0
        self.window = 0
        self.spurious_disabled = False


class IRQ(interrupt_entry):
    """A kernel's interrupt descriptors; `interrupt(line)` is the CPU's entry."""

    def __init__(self, arch, softirq, printk):
        self.arch = arch
        self.softirq = softirq
        self.printk = printk
        self.trace = None
        self.descs = [irq_desc(irq) for irq in range(NR_IRQS)]
        self.err_count = 0

    def request_irq(self, irq, action, flags, name):
        """Add `action` to line `irq` and unmask it; -EBUSY when the line is taken and not shared by all, -EINVAL."""
        if irq < 0 or irq >= NR_IRQS:
            return -EINVAL
        desc = self.descs[irq]
        if desc.action is not None and not (desc.action.irq_flags & flags & IRQF_SHARED):
            return -EBUSY
        action.name = name
        action.irq_flags = flags
        action.next = None
        if desc.action is None:
            desc.action = action
            desc.depth = 0
            desc.unhandled = 0
            desc.window = 0
            desc.spurious_disabled = False
            self.arch.unmask_irq(irq)
        else:
            last = desc.action
            while last.next is not None:
                last = last.next
            last.next = action
        return 0

    def free_irq(self, irq, action):
        """Remove `action`; the line is masked when that was its last."""
        desc = self.descs[irq]
        before = None
        entry = desc.action
        while entry is not None and entry is not action:
            before = entry
            entry = entry.next
        if entry is None:
            return
        if before is None:
            desc.action = entry.next
        else:
            before.next = entry.next
        entry.next = None
        if desc.action is None:
            desc.depth = 1
            self.arch.mask_irq(irq)

    def disable_irq(self, irq):
        """Mask the line; nests."""
        desc = self.descs[irq]
        desc.depth += 1
        if desc.depth == 1:
            self.arch.mask_irq(irq)

    def enable_irq(self, irq):
        """Undo one disable_irq."""
        desc = self.descs[irq]
        if desc.depth == 0:
            self.printk.printk(f"Unbalanced enable for IRQ {irq}")
            return
        desc.depth -= 1
        if desc.depth == 0 and desc.action is not None:
            self.arch.unmask_irq(irq)

    def interrupt(self, irq):
        """do_IRQ: serve one interrupt of line `irq`, then the softirqs that it raised."""
        softirq = self.softirq
        softirq.irq_enter()
        desc = self.descs[irq]
        desc.count += 1
        if self.trace is not None and self.trace.on:
            self.trace.emit("irq_entry", irq)
        self.arch.ack_irq(irq)
        handled = IRQ_NONE
        action = desc.action
        while action is not None:
            following = action.next
            handled |= action.handler(irq)
            action = following
        if handled == IRQ_NONE:
            desc.unhandled += 1
        desc.window += 1
        if desc.window >= SPURIOUS_WINDOW or (desc.action is None):
            self.note_interrupt(desc)
        softirq.irq_exit()

    def note_interrupt(self, desc):
        """Close a window of interrupts: a line that nobody owns is switched off."""
        if desc.action is None or desc.unhandled > SPURIOUS_LIMIT:
            self.printk.printk(f"irq {desc.irq}: nobody cared; disabling it")
            desc.spurious_disabled = True
            desc.depth = 1
            self.err_count += 1
            self.arch.mask_irq(desc.irq)
        desc.window = 0
        desc.unhandled = 0

    def leaks(self):
        """A line for each handler that is still registered."""
        found = []
        for desc in self.descs:
            action = desc.action
            while action is not None:
                found.append(f"irq {desc.irq}: handler {action.name} was not freed")
                action = action.next
        return found

    def show(self):
        """The text of /proc/interrupts."""
        lines = ["           CPU0       \n"]
        for desc in self.descs:
            if desc.action is None and not desc.count:
                continue
            names = []
            action = desc.action
            while action is not None:
                names.append(action.name)
                action = action.next
            lines.append(f"{desc.irq:>3}: {desc.count:>10}   XT-PIC  {', '.join(names)}\n")
        lines.append(f"ERR: {self.err_count:>10}\n")
        return "".join(lines)
