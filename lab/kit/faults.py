"""Faults on demand, exact or drawn from the test's seed, at the seams of a card; none of them is in the card's own code.

Each method starts one fault and returns it; `fault.end()` or `faults.clear()` ends it.
"""

from random import Random

from hwemu.clock import Event
from hwemu.nic.e1000.bits import CTRL_RST
from hwemu.nic.e1000.registers import CTRL, LAYOUT, TDT, register_names
from hwemu.ram import RAM
from hwemu.wire.port import FRAME_BAD_FCS
from lab.kit.seams import DmaMiddleware, InterruptMiddleware, RegisterMiddleware

ALL_ONES = 0xFFFFFFFF
FOREVER = 1 << 30
OFFSETS = {name: offset for offset, name in register_names().items()}
EEPROM_BITS = 16
CHECKSUM_WORD = 0x3F
ANY, DESCRIPTORS, DATA = "any", "descriptors", "data"


class Fault:
    """Something that is wrong until `end`.  `hits` counts how often it has struck."""

    hits = 0

    def end(self):
        """Everything is well again."""


# --- registers ---


class AllOnes(Fault, RegisterMiddleware):
    """Reads of a register (None: of every register) give all ones from the `after`th read on, `times` times."""

    def __init__(self, seam, name, after, times):
        self.seam = seam
        self.word = None if name is None else OFFSETS[name]
        self.after = after
        self.times = times
        seam.add(self, at_card=True)

    def read(self, offset, width):
        if self.hits >= self.times or self.word not in (None, LAYOUT.canonical[(offset & 0x1FFFC) >> 2]):
            return self.inner.read(offset, width)
        if self.after > 0:
            self.after -= 1
            return self.inner.read(offset, width)
        # The card does not see this read: what it would have cleared stays.
        self.hits += 1
        return ALL_ONES >> (32 - 8 * width)

    def end(self):
        if self in self.seam.chain:
            self.seam.remove(self)


class Deaf(Fault, RegisterMiddleware):
    """Writes to a register are lost: with TDT the card never starts, which is a transmit hang."""

    def __init__(self, seam, name):
        self.seam = seam
        self.word = OFFSETS[name]
        seam.add(self, at_card=True)

    def write(self, offset, width, value):
        if LAYOUT.canonical[(offset & 0x1FFFC) >> 2] == self.word:
            self.hits += 1
            return
        self.inner.write(offset, width, value)

    def end(self):
        if self in self.seam.chain:
            self.seam.remove(self)


# --- interrupts ---


class LostInterrupts(Fault, InterruptMiddleware):
    """The next `times` rises of the pin do not reach the controller; each stays lost until the card lets go of the pin."""

    def __init__(self, seam, times, chance, random):
        self.times = times
        self.chance = chance
        self.random = random
        self.losing = False
        seam.add(self)

    def raise_line(self, level):
        if level and not self.losing and self.hits < self.times and self.random.random() < self.chance:
            self.losing = True
            self.hits += 1
        lost = self.losing
        if not level:
            self.losing = False
        return not (lost and level)

    def end(self):
        if self in self.seam.chain:
            self.seam.remove(self)
            self.seam.drive(self.seam.pin)


class LateInterrupts(Fault, InterruptMiddleware):
    """Every rise of the pin reaches the controller `delay` ns late, or not at all if the card lets go before."""

    def __init__(self, seam, clock, delay):
        self.clock = clock
        self.delay = delay
        self.event = Event(self.arrive)
        seam.add(self)

    def raise_line(self, level):
        if not level:
            self.clock.cancel(self.event)
            return True
        self.hits += 1
        if not self.event.armed():
            self.clock.call_after(self.delay, self.event)
        return False

    def arrive(self):
        if self.seam.pin:
            self.seam.drive(True)

    def end(self):
        self.clock.cancel(self.event)
        if self in self.seam.chain:
            self.seam.remove(self)
            self.seam.drive(self.seam.pin)


class ForeignInterrupt(Fault):
    """Another source on the card's line.  `sticky` holds it up until `end`; else the first interrupt taken drops it."""

    def __init__(self, kit, sticky):
        self.kit = kit
        self.sticky = sticky
        self.controller = kit.pin.real
        self.line = kit.nic.interrupt_line
        self.source = self.controller.new_source()
        kit.entry.listeners.append(self)
        self.controller.raise_line(self.line, self.source, True)

    def before(self, line):
        if line == self.line:
            self.hits += 1
            if not self.sticky:
                self.controller.raise_line(self.line, self.source, False)

    def after(self, line):
        """It has been dropped when it was taken."""

    def end(self):
        if self in self.kit.entry.listeners:
            self.kit.entry.listeners.remove(self)
            self.controller.free_source(self.line, self.source)


# --- DMA ---


class Transfers(DmaMiddleware):
    """Chooses transfers: `what` is "any", "descriptors" or "data", `write` True, False or None for both."""

    def __init__(self, kit, what, write):
        self.kit = kit
        self.what = what
        self.write = write

    def chosen(self, address, write):
        if self.write is not None and write != self.write:
            return False
        if self.what == ANY:
            return True
        return (self.kit.rings.locate(address)[0] is not None) == (self.what == DESCRIPTORS)


class FailingDma(Fault, Transfers):
    """After `after` good ones, `times` transfers end in a master abort."""

    def __init__(self, kit, what, write, after, times):
        super().__init__(kit, what, write)
        self.after = after
        self.times = times
        kit.dma.add(self, first=True)

    def allows(self, address, length, write):
        if not self.chosen(address, write) or self.hits >= self.times:
            return True
        if self.after > 0:
            self.after -= 1
            return True
        self.hits += 1
        return False

    def end(self):
        if self in self.kit.dma.chain:
            self.kit.dma.remove(self)


class Posted(Event):
    """A write of the card that has not reached RAM: `data` is taken as soon as the card has written it."""

    def __init__(self, fault, address, length):
        super().__init__()
        self.fault = fault
        self.address = address
        self.length = length
        self.data = None

    def fire(self):
        self.fault.land(self)


class BeforeReset(RegisterMiddleware):
    """Lets everything land that is posted when the card is reset: a reset ends every transfer under way (14.3)."""

    def __init__(self, fault):
        self.fault = fault

    def write(self, offset, width, value):
        if LAYOUT.canonical[(offset & 0x1FFFC) >> 2] == CTRL and value & CTRL_RST:
            self.fault.flush()
        self.inner.write(offset, width, value)


class LateDma(Fault, Transfers):
    """The card's writes reach RAM late: each by what `delay()` says (ns), so that later ones may overtake.

    The card works on a RAM of its own meanwhile: what it reads is fetched from the real one, with what it has posted on
    top, since its own writes are in order for it.  A reset of the card lets what is posted land.
    """

    def __init__(self, kit, what, delay):
        super().__init__(kit, what, True)
        self.delay = delay
        self.real = kit.machine.ram
        self.shadow = RAM(self.real.size)
        self.posted = []
        kit.nic.dma.ram = self.shadow
        kit.dma.add(self)
        self.resets = kit.registers.add(BeforeReset(self), at_card=True)

    def allows(self, address, length, write):
        self.collect()
        if not self.real.contains(address, length):
            return True
        if not write:
            self.shadow.write(address, self.real.read(address, length))
            for entry in self.posted:
                self.overlay(entry, address, length)
            return True
        entry = Posted(self, address, length)
        self.posted.append(entry)
        wait = 0
        if self.chosen(address, True):
            self.hits += 1
            wait = self.delay()
        self.kit.clock.call_after(wait, entry)
        return True

    def overlay(self, entry, address, length):
        """Put the part of a posted write that lies in [address, address + length) on top."""
        start, stop = max(entry.address, address), min(entry.address + entry.length, address + length)
        if start < stop:
            self.shadow.write(start, entry.data[start - entry.address : stop - entry.address])

    def collect(self):
        """Take what the card has written since the last time."""
        for entry in self.posted:
            if entry.data is None:
                entry.data = self.shadow.read(entry.address, entry.length)

    def land(self, entry):
        """A posted write reaches RAM, unless the driver has taken the buffer away from the card."""
        self.collect()
        if entry in self.posted:
            self.posted.remove(entry)
            sanitizer = self.kit.sanitizer
            if sanitizer is None or sanitizer.find(entry.address, entry.length, True) is not None:
                self.real.write(entry.address, entry.data)

    def flush(self):
        """Everything posted lands now, in order."""
        for entry in list(self.posted):
            self.kit.clock.cancel(entry)
            self.land(entry)

    def end(self):
        if self in self.kit.dma.chain:
            self.flush()
            self.kit.dma.remove(self)
            self.kit.registers.remove(self.resets)
            self.kit.nic.dma.ram = self.real


# --- the wire and the PHY ---


class LinkFlaps(Fault, Event):
    """The cable comes out and goes in again: `times` times down and up, `period` ns each way."""

    def __init__(self, clock, wire, times, period):
        Event.__init__(self)
        self.clock = clock
        self.wire = wire
        self.left = 2 * times
        self.period = period
        clock.call_after(0, self)

    def fire(self):
        self.wire.set_up(not self.wire.up)
        self.hits += 1
        self.left -= 1
        if self.left:
            self.clock.call_after(self.period, self)

    def end(self):
        self.clock.cancel(self)
        self.wire.set_up(True)


class NoLink(Fault):
    """Negotiation never ends."""

    def __init__(self, phy):
        self.phy = phy
        self.before = phy.negotiation
        phy.negotiation = 1 << 61
        phy.restart()

    def end(self):
        self.phy.negotiation = self.before
        self.phy.restart()


class Rot(Fault):
    """EEPROM words that have changed."""

    def __init__(self, eeprom, words):
        self.eeprom = eeprom
        self.before = {word: eeprom.words[word] for word in words}
        for word, value in words.items():
            eeprom.words[word] = value
        self.hits = len(words)

    def end(self):
        for word, value in self.before.items():
            self.eeprom.words[word] = value


class Removal(Fault):
    """The card has been pulled out: registers and configuration space read all ones, DMA and interrupts are gone."""

    def __init__(self, kit):
        self.hits = 1
        self.kit = kit
        kit.nic.controller = kit.pin.real
        kit.machine.pci.unplug(kit.nic)


class Faults:
    """The faults of one card; `random` draws from the test's seed."""

    def __init__(self, kit):
        self.kit = kit
        self.random = Random(kit.seed)
        self.active = []

    def _start(self, fault):
        self.active.append(fault)
        return fault

    def clear(self):
        """End every fault."""
        for fault in reversed(self.active):
            fault.end()
        self.active = []

    # --- interrupts ---

    def lose_interrupts(self, times=1, chance=1.0):
        return self._start(LostInterrupts(self.kit.pin, times, chance, self.random))

    def delay_interrupts(self, ns):
        return self._start(LateInterrupts(self.kit.pin, self.kit.clock, ns))

    def spurious_interrupt(self):
        """Somebody else on the line interrupts once."""
        return self._start(ForeignInterrupt(self.kit, False))

    def stick_interrupt(self):
        """Somebody else holds the line up: the kernel will switch it off."""
        return self._start(ForeignInterrupt(self.kit, True))

    # --- registers ---

    def all_ones(self, name=None, after=0, times=FOREVER):
        return self._start(AllOnes(self.kit.registers, name, after, times))

    def remove_card(self):
        """Surprise removal, for good."""
        return self._start(Removal(self.kit))

    def hang_transmit(self):
        """The card does not see the transmit doorbell."""
        return self._start(Deaf(self.kit.registers, register_names()[TDT]))

    # --- DMA ---

    def fail_dma(self, times=1, after=0, what=ANY, write=None):
        return self._start(FailingDma(self.kit, what, write, after, times))

    def late_dma(self, ns, what=ANY):
        """What the card writes arrives `ns` late."""
        return self._start(LateDma(self.kit, what, lambda: ns))

    def late_write_back(self, ns):
        """Descriptors are written back `ns` late: after the data, and after the interrupt."""
        return self.late_dma(ns, DESCRIPTORS)

    def shuffle_dma(self, ns, what=ANY):
        """What the card writes arrives up to `ns` late, each write by its own draw: out of order."""
        return self._start(LateDma(self.kit, what, lambda: self.random.randrange(ns + 1)))

    # --- EEPROM, PHY, wire ---

    def rot_eeprom(self, word=None, value=None, bits=1):
        """Change EEPROM word `word` to `value`; without a value flip `bits` drawn bits, without a word anywhere."""
        eeprom = self.kit.nic.eeprom
        words = {}
        if value is not None:
            words[0 if word is None else word] = value
        else:
            for _ in range(bits):
                place = self.random.randrange(CHECKSUM_WORD) if word is None else word
                words[place] = words.get(place, eeprom.words[place]) ^ 1 << self.random.randrange(EEPROM_BITS)
        return self._start(Rot(eeprom, words))

    def never_link(self):
        return self._start(NoLink(self.kit.nic.phy))

    def flap_link(self, times=1, period=20_000_000):
        return self._start(LinkFlaps(self.kit.clock, self.kit.wire, times, period))

    def overrun(self, frames):
        """Send all `frames` (bytes) in one moment, more than the ring holds."""
        for frame in frames:
            self.kit.end.inject(frame)

    def corrupt(self, frame):
        """Send `frame` with a wrong FCS."""
        self.kit.end.inject(frame, FRAME_BAD_FCS)

    def short(self, frame, length=40):
        """Send the first `length` bytes of `frame`: a runt."""
        self.kit.end.inject(frame[:length])

    def long(self, frame, length=1600):
        """Send `frame` made up to `length` bytes."""
        self.kit.end.inject(frame.ljust(length, b"\x5a"))
