"""The receive engine: from the wire through the filters into the host's buffers and descriptors (3.2)."""

from hwemu.clock import Event
from hwemu.nic.e1000.bits import (
    ADDRESS_MASK,
    CTRL_VME,
    FCS_LENGTH,
    FRAME_MAX,
    FRAME_MIN,
    ICR_RXDMT0,
    ICR_RXO,
    ICR_RXT0,
    ICR_SRPD,
    JUMBO_MAX,
    RCTL_BSEX,
    RCTL_BSIZE_SHIFT,
    RCTL_EN,
    RCTL_LPE,
    RCTL_RDMTS_SHIFT,
    RCTL_SBP,
    RCTL_SECRC,
    RXCSUM_IPOFLD,
    RXCSUM_PCSS,
    RXCSUM_TUOFLD,
    RXD_ERR_CE,
    RXD_STAT_DD,
    RXD_STAT_EOP,
    RXD_STAT_IXSM,
    RXD_STAT_PIF,
    RXD_STAT_VP,
)
from hwemu.nic.e1000.descriptor import Descriptor
from hwemu.nic.e1000.filters import Filters
from hwemu.nic.e1000.frame import Frame
from hwemu.nic.e1000.interrupts import DelayTimer
from hwemu.nic.e1000.registers import (
    CRCERRS,
    CTRL,
    MPC,
    PBA,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    RFC,
    RJC,
    RLEC,
    RNBC,
    ROC,
    RSRPD,
    RUC,
    RXCSUM,
    VET,
)

DESCRIPTOR_SIZE = 16
REJECTED = 0
INEXACT = 2
DROPPED = -1
NO_DESCRIPTOR = 0
STORED = 1
# Frames taken out of the FIFO per event: a long queue gives other events their turn.
DRAIN_BATCH = 64
BROADCAST_ADDRESS = 0xFFFFFFFFFFFF
MULTICAST_BIT = 0x01


class Held:
    """A frame in the FIFO that waits for a descriptor."""

    def __init__(self, data, verdict, errors):
        self.data = data
        self.verdict = verdict
        self.errors = errors


class Receiver(Event):
    """`receive` takes a frame from the wire; the event hands frames on that waited in the FIFO.

    A frame that finds no descriptor is lost at once, as on a part whose FIFO is full, unless the other end can be
    stopped: by flow control, then the FIFO (PBA KiB) fills and its marks send XOFF and XON, or by a wire that holds
    frames back (`Wire.hold`), then the FIFO keeps what was under way.
    """

    def __init__(self, clock, regs, stats, interrupts, dma, port, flow, trace, name):
        Event.__init__(self)
        self.clock = clock
        self.regs = regs
        self.stats = stats
        self.interrupts = interrupts
        self.dma = dma
        self.port = port
        self.flow = flow
        self.trace = trace
        self.name = name
        self.filters = Filters(regs)
        self.timer = DelayTimer(clock, interrupts, ICR_RXT0)
        self.wakeup = None
        self.watching = False
        self.asleep = False
        self.frame = Frame()
        self.descriptor = Descriptor()
        self.fifo = []
        self.fifo_level = 0
        self.fifo_size = 0
        self.holding = False
        self.enabled = False
        self.store_bad = False
        self.strip_fcs = False
        self.strip_vlan = False
        self.check_network = False
        self.check_transport = False
        self.checksum_start = 0
        self.vlan_type = 0
        self.longest = 0
        self.buffer_size = 0
        self.threshold_shift = 1
        self.small = 0
        self.base = 0
        self.count = 0
        self.head = 0
        self.tail = 0

    def reset(self):
        self.clock.cancel(self)
        self.timer.reset()
        self.fifo = []
        self.fifo_level = 0
        self.head = 0
        self.tail = 0
        self.configure()
        self.set_ring()
        self.filters.load_addresses()

    def configure(self):
        """Follow RCTL, RXCSUM, CTRL, VET, RSRPD and PBA."""
        regs = self.regs
        rctl = regs.get(RCTL)
        checksums = regs.get(RXCSUM)
        self.enabled = rctl & RCTL_EN != 0
        self.store_bad = rctl & RCTL_SBP != 0
        self.strip_fcs = rctl & RCTL_SECRC != 0
        self.strip_vlan = regs.get(CTRL) & CTRL_VME != 0
        self.longest = JUMBO_MAX if rctl & RCTL_LPE else FRAME_MAX
        self.vlan_type = regs.get(VET)
        self.check_network = checksums & RXCSUM_IPOFLD != 0
        self.check_transport = checksums & RXCSUM_TUOFLD != 0
        self.checksum_start = checksums & RXCSUM_PCSS
        self.threshold_shift = ((rctl >> RCTL_RDMTS_SHIFT) & 3) + 1
        self.small = regs.get(RSRPD)
        self.fifo_size = (regs.get(PBA) & 0x7F) * 1024
        # 13.4.22, BSIZE: 2048 halved by each step; BSEX multiplies by 16, for which step 0 is reserved.
        step = (rctl >> RCTL_BSIZE_SHIFT) & 3
        self.buffer_size = 2048 >> step
        if rctl & RCTL_BSEX and step:
            self.buffer_size *= 16
        self.filters.configure(rctl, self.vlan_type)
        self.drain()

    def set_ring(self):
        """Follow RDBAL, RDBAH and RDLEN."""
        high = self.regs.get(RDBAH)
        self.base = high << 32 | self.regs.get(RDBAL)
        self.count = self.regs.get(RDLEN) // DESCRIPTOR_SIZE

    def set_head(self):
        """A write to RDH."""
        self.head = self.regs.get(RDH)
        self.drain()

    def set_tail(self):
        """A write to RDT: more descriptors are ours."""
        self.tail = self.regs.get(RDT)
        self.drain()

    def drain(self):
        """What waits in the FIFO goes on, in the clock's next round, and then what waits on the wire."""
        if self.fifo:
            if self.enabled and self.slot < 0:
                self.clock.call_after(0, self)
        elif self.holding and (not self.enabled or self.head != self.tail):
            self.holding = False
            if self.port.wire is not None:
                self.port.wire.resume(self.port)

    def hold(self):
        """Ask the wire to keep frames back until there are descriptors; False where it can not."""
        if not self.holding and self.port.wire is not None:
            self.holding = self.port.wire.hold(self.port)
        return self.holding

    def descriptor_at(self, index):
        """The bus address of the ring's descriptor `index`."""
        return (self.base + index * DESCRIPTOR_SIZE) & ADDRESS_MASK

    def free_descriptors(self):
        """How many descriptors are ours: none where head and tail meet, so a ring of n holds n - 1 (3.2.6)."""
        if self.tail >= self.head:
            return self.tail - self.head
        return self.tail + self.count - self.head

    # --- a frame arrives ---

    def receive(self, data, bad):
        """A frame without FCS; `bad`: its FCS is wrong."""
        frame = self.frame
        frame.load(data)
        if self.watching and not bad:
            self.wakeup.examine(frame, self.asleep)
        if not self.enabled:
            return
        length = frame.length + FCS_LENGTH
        self.stats.arrived(length)
        if self.trace.on:
            self.trace.emit("nic_rx_frame", self.name, frame.length)
        if self.flow.obeys and not bad and self.flow.is_control(frame) and self.flow.take_control(frame):
            self.drop("control")
            return
        verdict = self.filters.accept(frame)
        if verdict == REJECTED:
            self.drop("filtered")
            return
        errors = 0
        if bad or length < FRAME_MIN or length > self.longest:
            if not self.keep_damaged(length, bad):
                return
            errors = RXD_ERR_CE if bad else 0
        if not self.fifo:
            if self.store(frame, verdict, errors) != NO_DESCRIPTOR:
                return
        self.no_descriptor(data, verdict, errors)

    def keep_damaged(self, length, bad):
        """Count a frame that is too short, too long or has a wrong FCS; True when SBP stores it nevertheless."""
        # Not `count = stats.count`: compiled, a method's name is a C function without its object.
        stats = self.stats
        oversize = length > self.longest
        if length < FRAME_MIN:
            stats.count(RFC if bad else RUC)
        elif oversize:
            stats.count(RJC if bad else ROC)
        else:
            stats.count(CRCERRS)
        if length < FRAME_MIN or oversize:
            stats.count(RLEC)
        if self.store_bad and not oversize:
            return True
        self.drop("damaged")
        return False

    def drop(self, reason):
        if self.trace.on:
            self.trace.emit("nic_rx_drop", self.name, reason)

    def no_descriptor(self, data, verdict, errors):
        """The ring is empty: into the FIFO if that helps, otherwise lost (13.7.5, 13.7.33)."""
        self.stats.count(RNBC)
        size = len(data) + FCS_LENGTH
        waits = self.flow.holds_frames() or (self.fits(size) and self.hold())
        if waits and self.fifo_level + size <= self.fifo_size:
            self.fifo.append(Held(data, verdict, errors))
            self.fifo_level += size
            self.flow.filled(self.fifo_level)
            return
        self.drop("no descriptor")
        self.stats.count(MPC)
        self.flow.overflowed()
        self.interrupts.cause(ICR_RXO)

    def fits(self, size):
        """True for a frame of `size` bytes that the ring can take once all of its descriptors are free."""
        return self.count > 1 and size <= self.buffer_size * (self.count - 1)

    def fire(self):
        """Store what waits in the FIFO while there are descriptors."""
        budget = DRAIN_BATCH
        while self.fifo and self.enabled and budget > 0:
            budget -= 1
            held = self.fifo[0]
            self.frame.load(held.data)
            if self.store(self.frame, held.verdict, held.errors) == NO_DESCRIPTOR:
                return
            del self.fifo[0]
            self.fifo_level -= len(held.data) + FCS_LENGTH
            self.flow.filled(self.fifo_level)
        self.drain()

    # --- into the ring ---

    def store(self, frame, verdict, errors):
        """DMA the loaded frame into the ring and write its descriptors back: STORED, NO_DESCRIPTOR or DROPPED."""
        if self.head >= self.count:
            self.head = 0
        if self.count == 0 or self.head == self.tail:
            return NO_DESCRIPTOR
        status = RXD_STAT_DD | RXD_STAT_EOP
        special = 0
        length = frame.length + FCS_LENGTH
        if verdict == INEXACT:
            status |= RXD_STAT_PIF
        if errors == 0 and (self.check_network or self.check_transport):
            checked = frame.verify(self.check_network, self.check_transport, self.vlan_type)
            status |= checked & 0xFF
            errors = checked >> 8
        else:
            status |= RXD_STAT_IXSM
        if self.strip_vlan and frame.length >= 16 and frame.be16(12) == self.vlan_type:
            status |= RXD_STAT_VP
            special = frame.be16(14)
            frame.strip_tag()
        if not self.strip_fcs:
            frame.append_fcs(errors & RXD_ERR_CE != 0)
        used = self.copy_out(frame)
        if used <= 0:
            if used < 0:
                self.drop("dma")
                self.stats.count(MPC)
            return used
        self.write_back(frame, used, status, errors, special)
        if not errors & RXD_ERR_CE and length >= FRAME_MIN:
            destination = frame.address(0)
            self.stats.received(length, destination & MULTICAST_BIT != 0, destination == BROADCAST_ADDRESS)
        self.announce(length)
        return STORED

    def copy_out(self, frame):
        """DMA the frame into the buffers from the head on; returns the descriptors used.

        NO_DESCRIPTOR where they do not suffice: then nothing is written back and the frame may come again.
        A buffer address of zero skips its descriptor.
        """
        index = self.head
        used = 0
        offset = 0
        while True:
            if index == self.tail or used >= self.count:
                return NO_DESCRIPTOR
            if not self.descriptor.fetch(self.dma, self.descriptor_at(index)):
                return DROPPED
            if self.descriptor.address:
                piece = frame.stored - offset
                if piece > self.buffer_size:
                    piece = self.buffer_size
                if not frame.copy(self.dma, self.descriptor.address, offset, piece):
                    return DROPPED
                offset += piece
                if offset >= frame.stored:
                    return used + 1
            used += 1
            index += 1
            if index == self.count:
                index = 0

    def write_back(self, frame, used, status, errors, special):
        """Write back `used` descriptors and move the head; EOP and what belongs to it only on the last."""
        checksum = frame.packet_checksum(self.checksum_start)
        remaining = frame.stored
        descriptor = self.descriptor
        while used > 0:
            at = self.descriptor_at(self.head)
            if used == 1:
                # copy_out fetched the last one: it has a buffer.
                descriptor.write_received(self.dma, at, remaining, checksum, status, errors, special)
                if self.trace.on:
                    self.trace.emit(
                        "nic_rx_descriptor", self.name, self.head, descriptor.address, remaining, status, errors
                    )
            else:
                piece = self.buffer_size if self.dma.read64(at) else 0
                # The frame may have landed on the ring itself and made other descriptors of it.
                if piece > remaining:
                    piece = remaining
                remaining -= piece
                descriptor.write_received(self.dma, at, piece, 0, RXD_STAT_DD, 0, 0)
                if self.trace.on:
                    address = self.dma.read64(at)
                    self.trace.emit("nic_rx_descriptor", self.name, self.head, address, piece, RXD_STAT_DD, 0)
            used -= 1
            self.head += 1
            if self.head == self.count:
                self.head = 0
        self.regs.put(RDH, self.head)
        if self.head == self.tail:
            self.hold()

    def announce(self, length):
        """Raise, or put off, the causes for a stored frame of `length` bytes with FCS."""
        causes = 0
        if self.free_descriptors() <= self.count >> self.threshold_shift:
            causes |= ICR_RXDMT0
        if self.small and length <= self.small:
            causes |= ICR_SRPD
        if self.timer.relative:
            self.timer.packet()
        else:
            causes |= ICR_RXT0
        if causes:
            self.interrupts.cause(causes)
