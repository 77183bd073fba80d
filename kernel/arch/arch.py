"""The machine as the kernel sees it: the only rooms of the kernel that know `hwemu` are in this package.

Everything here belongs to one machine; a process may hold many.
"""

from kernel.arch.console import Console
from kernel.arch.entry import interrupt_adapter, interrupt_entry, syscall_adapter, syscall_entry

TIMER_IRQ = 0
SERIAL_IRQ = 4
SERIAL2_IRQ = 3


class Arch:
    """The architecture layer over one `hwemu.machine.Board`, whatever its devices are.

    `memory` is RAM, `random` the machine's seeded generator, `trace` its trace, `console` the serial console and
    `clockevent` the one-shot timer behind TIMER_IRQ: `clockevent.program(when)` in absolute ns, `cancel()`.
    """

    def __init__(self, machine):
        self.machine = machine
        self.name = machine.name
        self.cpu = machine.cpu
        self.clock = machine.clock
        self.pic = machine.pic
        self.memory = machine.ram
        self.memory_bus = machine.memory_bus
        self.ports = machine.ports
        self.clockevent = machine.timer
        self.random = machine.random
        self.trace = machine.trace
        self.console = Console(machine.serial)

    # --- time ---

    def now(self):
        """The clocksource: nanoseconds since power-on of the bench; never goes back."""
        return self.clock.now

    # --- interrupts ---

    def local_irq_disable(self):
        self.cpu.interrupts_enabled = False

    def local_irq_enable(self):
        """Enable interrupts; those that wait are taken before this returns."""
        self.cpu.interrupts_enabled = True
        self.cpu.interruptible_point()

    def local_irq_save(self):
        """Disable interrupts and return what `local_irq_restore` wants back."""
        flags = self.cpu.interrupts_enabled
        self.cpu.interrupts_enabled = False
        return flags

    def local_irq_restore(self, flags):
        if flags:
            self.local_irq_enable()

    def irqs_disabled(self):
        return not self.cpu.interrupts_enabled

    def interruptible_point(self):
        """Let due devices run and take waiting interrupts; nothing outside the CPU."""
        self.cpu.interruptible_point()

    def safe_halt(self):
        """Enable interrupts and sleep until one has been taken (or the CPU was kicked)."""
        self.cpu.halt()

    def kick(self):
        """Make a halted CPU go on: for work that arrived outside any interrupt."""
        self.cpu.kick()

    def mask_irq(self, irq):
        self.pic.mask_line(irq)

    def unmask_irq(self, irq):
        """Let `irq` through; one that is pending is taken at the next interruptible point."""
        self.pic.unmask_line(irq)

    def ack_irq(self, irq):
        """Forget a latched edge of `irq`; a level line stays up until its device lets go."""
        self.pic.clear_edge(irq)

    def set_interrupt_entry(self, entry):
        """`entry.interrupt(irq)` takes interrupts: an `interrupt_entry`, or anything with that method."""
        self.cpu.interrupt_entry = entry if isinstance(entry, interrupt_entry) else interrupt_adapter(entry)

    def set_syscall_entry(self, entry):
        """`entry.syscall(context, nr, a0..a5)` takes traps: a `syscall_entry`, or anything with that method."""
        self.cpu.syscall_entry = entry if isinstance(entry, syscall_entry) else syscall_adapter(entry)

    # --- contexts ---

    def new_context(self, entry):
        """A context that will call `entry()` on the first switch to it."""
        return self.cpu.new_context(entry)

    def switch_to(self, context):
        """Run `context`; returns when somebody switches back.  Outside the CPU: make it the one that boots."""
        context.switch()

    def exit_to(self, context):
        """End the running context in favour of `context`; never returns (the stack unwinds)."""
        running = self.cpu.active
        running.exit_to(context)

    def trap(self, context, nr, arguments):
        """A system call of a program in machine code, with the price of any trap."""
        cpu = self.cpu
        cpu.traps += 1
        cpu.clock.advance(cpu.trap_cost)
        a0, a1, a2, a3, a4, a5 = arguments
        return cpu.syscall_entry.syscall(context, nr, a0, a1, a2, a3, a4, a5)

    # --- the rest of the machine ---

    def set_iommu(self, iommu):
        """Put an `IOMMU` (kernel.arch.iommu) between the devices and RAM; None takes it away.

        On a machine whose devices are not ours it watches nothing.
        """
        self.machine.set_iommu(iommu)

    def power_off(self, status):
        """Switch the machine off; does not return to a context."""
        self.machine.power_off(status)
