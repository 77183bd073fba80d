"""`Kit`: everything of the driver test kit at one card: recorder, protocol checker, sanitizer, rings, faults, stepper."""

from lab.kit.faults import Faults
from lab.kit.protocol import ProtocolChecker
from lab.kit.recorder import RegisterRecorder
from lab.kit.rings import Rings
from lab.kit.sanitizer import Sanitizer
from lab.kit.seams import DmaSeam, EntryTap, InterruptSeam, RegisterSeam
from lab.kit.stepper import Stepper

# More interrupts than this within a millisecond (ns) are no traffic: nobody removes their cause.
STORM = 2000
STORM_TIME = 1_000_000


class InterruptLog:
    """How often the card pulled its pin and the CPU took the interrupt.  A listener at the CPU's gate.

    An interrupt that comes again and again is reported as a storm and switched off, so that a test of it ends.
    """

    def __init__(self, clock, nic, pin, findings):
        self.clock = clock
        self.nic = nic
        self.pin = pin
        self.findings = findings
        self.times = []

    def before(self, line):
        if line == self.nic.interrupt_line:
            self.times.append(self.clock.now)

    def after(self, line):
        if line != self.nic.interrupt_line or len(self.times) < STORM:
            return
        if self.clock.now - self.times[-STORM] < STORM_TIME:
            self.findings.add(
                "interrupt-storm", f"{STORM} interrupts of line {line} within a millisecond: nothing removes their cause;"
                " the line is switched off",
            )  # fmt: skip
            self.pin.real.mask_line(line)

    @property
    def delivered(self):
        """Interrupts of the card's line that the CPU took."""
        return len(self.times)

    @property
    def raised(self):
        """Times that the card pulled its pin."""
        return self.pin.rises

    def clear(self):
        self.times.clear()
        self.pin.rises = 0

    def assert_delivered(self, at_least=0, at_most=None):
        """Assert how many interrupts the CPU took since `clear`."""
        count = self.delivered
        good = count >= at_least and (at_most is None or count <= at_most)
        assert good, f"{count} interrupts were taken, expected {at_least} to {'any number' if at_most is None else at_most}"


class Kit:
    """The kit at one card.  Make it before the driver maps the registers; `attach_kernel` adds what needs a kernel."""

    def __init__(self, clock, machine, nic, wire=None, end=None, seed=0):
        self.clock = clock
        self.machine = machine
        self.nic = nic
        self.wire = wire
        self.end = end
        self.seed = seed
        self.rings = Rings(nic, machine.ram)
        self.registers = RegisterSeam(machine, nic)
        self.dma = DmaSeam(nic)
        self.pin = InterruptSeam(nic)
        self.entry = EntryTap(machine.cpu)
        self.sanitizer = None
        self.protocol = ProtocolChecker(nic, self.registers, self.entry)
        self.recorder = RegisterRecorder(clock, self.registers)
        self.interrupts = InterruptLog(clock, nic, self.pin, self.protocol.findings)
        self.entry.listeners.append(self.interrupts)
        self.faults = Faults(self)
        self.step = Stepper(self)

    def attach_kernel(self, kernel):
        """The PCI devices are known and no driver has mapped anything: put the sanitizer in; returns the kit."""
        self.nic.dma.iommu = self.dma
        self.sanitizer = Sanitizer(kernel, self.rings, self.registers, self.dma)
        return self

    def findings(self):
        """Everything that was found wrong so far, in a list."""
        found = list(self.protocol.findings.found)
        if self.sanitizer is not None:
            found += self.sanitizer.findings.found
        return found

    def checks(self):
        """The names of the rules that were broken."""
        return list(dict.fromkeys(finding.check for finding in self.findings()))

    def report(self):
        return "\n".join(str(finding) for finding in self.findings())

    def assert_clean(self):
        """Assert that the driver broke no rule; looks at the rings as they stand."""
        if self.sanitizer is not None:
            self.sanitizer.check()
        found = self.findings()
        assert not found, f"{len(found)} findings\n{self.report()}"
