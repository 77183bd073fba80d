"""The register-protocol checker: what the 8254x manual forbids or asks for, checked on every access.

Reserved bits, registers that are read-only or do not exist, accesses that are not 32 bits wide, rings that are not
aligned or not set up before they are used, interrupts handled without a look at ICR.  Sections are those of the manual.
"""

from hwemu.nic.e1000.bits import CTRL_PHY_RST, CTRL_RST, RCTL_EN, TCTL_EN
from hwemu.nic.e1000.registers import (
    CTRL,
    EECD,
    GORCH,
    GOTCH,
    ICR,
    IMC,
    LAYOUT,
    RAH,
    RC,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    RDTR,
    REGISTERS,
    RO,
    TCTL,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
    TORH,
    TOTH,
    TXDCTL,
    each_word,
)
from lab.kit.findings import Findings, driver_stack
from lab.kit.recorder import name_of
from lab.kit.seams import RegisterMiddleware

WORD = 4
ALIGNMENT = 16
LENGTH_MULTIPLE = 128
TABLE = {offset: row for row in REGISTERS for offset, _ in each_word(row)}
# Bits that may be written though they read back as 0: they act and clear themselves (13.4.1, 13.4.30).
ACTING_BITS = {CTRL: CTRL_RST | CTRL_PHY_RST, RDTR: 0x80000000}
# Where all ones are the usual way to say "everything", and read-modify-write returns status bits (13.4.3, 13.4.21).
ANY_BITS = (IMC, ICR, EECD, RAH, TXDCTL)
RINGS = {
    TDT: ("TX", TDBAL, TDBAH, TDLEN), RDT: ("RX", RDBAL, RDBAH, RDLEN),
    TCTL: ("TX", TDBAL, TDBAH, TDLEN), RCTL: ("RX", RDBAL, RDBAH, RDLEN),
}  # fmt: skip
GEOMETRY = {TDBAL: TCTL, TDBAH: TCTL, TDLEN: TCTL, TDH: TCTL, RDBAL: RCTL, RDBAH: RCTL, RDLEN: RCTL, RDH: RCTL}
ENABLE = {TCTL: TCTL_EN, RCTL: RCTL_EN}
HIGH_HALVES = (GORCH, GOTCH, TORH, TOTH)


class ProtocolChecker(RegisterMiddleware):
    """In a card's register chain, and a listener at the CPU's gate; `findings` is what it found."""

    def __init__(self, nic, registers, entry=None):
        self.nic = nic
        self.findings = Findings()
        self.written = {}
        self.low_read = {}
        self.pending = []
        registers.add(self)
        if entry is not None:
            entry.listeners.append(self)

    def report(self, check, text):
        self.findings.add(check, text, f"  by {driver_stack()}")

    def reset(self):
        """After CTRL.RST nothing counts as set up."""
        self.written = {}
        self.low_read = {}

    # --- accesses ---

    def read(self, offset, width):
        word = self.word(offset, width, "read")
        value = self.inner.read(offset, width)
        if word == ICR and self.pending:
            self.pending[-1]["reads"] += 1
        if word in HIGH_HALVES and not self.low_read.pop(word, False):
            self.report("counter-order", f"{name_of(word)} is read before its low half: that half is lost (13.7)")
        if word + WORD in HIGH_HALVES:
            self.low_read[word + WORD] = True
        return value

    def write(self, offset, width, value):
        word = self.word(offset, width, "written")
        if word in TABLE:
            self.bits(word, value)
            self.ring_rules(word, value)
        if word == CTRL and value & CTRL_RST:
            self.reset()
            for handling in self.pending:
                handling["reset"] = True
        self.inner.write(offset, width, value)
        self.written[word] = value

    def word(self, offset, width, what):
        """The register at `offset`; an access that the part does not take as such is reported (13.2.2.1)."""
        word = LAYOUT.canonical[(offset & 0x1FFFC) >> 2]
        if width != WORD or offset & 3:
            self.report("width", f"{name_of(word)} is {what} with {width} bytes at {offset:#x}: registers are 32 bits wide")
        elif word not in TABLE:
            self.report("no-register", f"{offset:#07x} is {what}, and there is no register")
        return word

    def bits(self, word, value):
        row = TABLE[word]
        if row.access in (RO, RC):
            self.report("read-only", f"{row.name} is written with {value:#x}, and it is read-only ({row.section})")
            return
        if word in GEOMETRY or word in ANY_BITS:
            return
        reserved = value & ~(row.mask | ACTING_BITS.get(word, 0)) & 0xFFFFFFFF
        # What a reset leaves in a reserved bit may be written back: read-modify-write does so.
        reserved &= ~self.nic.regs.get(word)
        if reserved:
            self.report("reserved-bits", f"{row.name} is written with reserved bits {reserved:#x} set ({row.section})")

    def ring_rules(self, word, value):
        name = name_of(word)
        if word in (TDBAL, RDBAL) and value % ALIGNMENT:
            self.report("ring-alignment", f"{name} {value:#x}: the ring is not aligned to {ALIGNMENT} bytes (13.4.25)")
        if word in (TDLEN, RDLEN) and value % LENGTH_MULTIPLE:
            self.report("ring-length", f"{name} {value}: the length is not a multiple of {LENGTH_MULTIPLE} (13.4.27)")
        if word in GEOMETRY:
            control = GEOMETRY[word]
            if self.nic.regs.get(control) & ENABLE[control]:
                self.report("ring-changed", f"{name} is written while {name_of(control)}.EN is set")
        if word in (TDT, RDT) and value:
            self.set_up(word, f"{name} is written with {value}")
            count = self.nic.regs.get(RINGS[word][3]) // ALIGNMENT
            if count and value >= count:
                self.report("out-of-ring-index", f"{name} {value} of a ring of {count} descriptors")
        if word in ENABLE and value & ENABLE[word] and not self.nic.regs.get(word) & ENABLE[word]:
            self.set_up(word, f"{name}.EN is set")

    def set_up(self, word, what):
        """The ring behind `word` has a base and a length since the last reset."""
        missing = [name_of(register) for register in RINGS[word][1:] if register not in self.written]
        if missing:
            self.report("ring-not-set-up", f"{what} before {', '.join(missing)}")

    # --- interrupts ---

    def before(self, line):
        """The CPU takes an interrupt."""
        ours = line == self.nic.interrupt_line and bool(self.nic.interrupt_driven)
        self.pending.append({"ours": ours, "reads": 0, "reset": False})

    def after(self, line):
        """It has been handled, its softirqs included."""
        handling = self.pending.pop()
        if handling["reset"]:
            return
        if handling["ours"] and handling["reads"] == 0:
            self.report("interrupt-without-icr", "an interrupt of the card was handled without reading ICR (13.4.17)")
        if handling["reads"] > 1:
            self.report(
                "icr-read-twice", f"ICR is read {handling['reads']} times for one interrupt: causes that the first look"
                " did not see are lost (13.4.17)",
            )  # fmt: skip
