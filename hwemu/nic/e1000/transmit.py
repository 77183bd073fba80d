"""The transmit engine: from the driver's doorbell through descriptors and offloads onto the wire (3.3 to 3.5)."""

from hwemu.clock import Event
from hwemu.nic.e1000.bits import (
    ADDRESS_MASK,
    BROADCAST,
    CTRL_VME,
    FCS_LENGTH,
    FRAME_MIN,
    ICR_TXD_LOW,
    ICR_TXDW,
    ICR_TXQE,
    STATUS_SPEED,
    STATUS_SPEED_SHIFT,
    TCTL_EN,
    TCTL_PSP,
    TXD_CMD_DEXT,
    TXD_CMD_EOP,
    TXD_CMD_IC,
    TXD_CMD_IDE,
    TXD_CMD_IFCS,
    TXD_CMD_RPS,
    TXD_CMD_RS,
    TXD_CMD_TSE,
    TXD_CMD_VLE,
    TXD_DTYP_CONTEXT,
    TXD_DTYP_DATA,
    TXD_POPTS_IXSM,
    TXD_POPTS_TXSM,
    TXD_STAT_DD,
    TXD_TUCMD_TSE,
    TXDCTL_GRAN,
    TXDCTL_LWTHRESH_SHIFT,
    TXDCTL_WTHRESH_SHIFT,
)
from hwemu.nic.e1000.descriptor import Descriptor
from hwemu.nic.e1000.interrupts import DelayTimer
from hwemu.nic.e1000.packet import OffloadContext, Packet
from hwemu.nic.e1000.registers import (
    CTRL,
    STATUS,
    TCTL,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
    TSCTC,
    TSCTFC,
    TXDCTL,
    VET,
)
from hwemu.wire.ethernet import FRAME_MINIMUM, FRAME_OVERHEAD
from hwemu.wire.port import FRAME_BAD_FCS, FRAME_MORE

DESCRIPTOR_SIZE = 16
# Steps (a descriptor fetched or a segment sent) per event: a full ring gives other events their turn.
STEPS_PER_ROUND = 64
# Descriptors per cache line of 32 bytes, for thresholds without TXDCTL.GRAN.
PER_CACHE_LINE = 2
UNTAGGED = -1
MULTICAST_BIT = 0x01
# By STATUS.SPEED: a byte at 10, 100 and 1000 Mb/s, the last in both of its codes.
BYTE_NS = (800, 80, 8, 8)


class TransmitTimer(DelayTimer):
    """TIDV and TADV: when they expire, descriptors that wait for their write-back are written back (3.4.2)."""

    def __init__(self, clock, interrupts, engine):
        DelayTimer.__init__(self, clock, interrupts, ICR_TXDW)
        self.engine = engine

    def expired(self):
        self.engine.write_back_waiting()
        self.interrupts.cause(ICR_TXDW)


class Transmitter(Event):
    """`doorbell` starts the engine, the event is its next round.

    The engine takes descriptors one at a time; the packet under way, and how far a segmentation has come, live in
    fields, so that it can stop anywhere: for a busy wire, a PAUSE, or the end of a round.
    """

    def __init__(self, clock, regs, stats, interrupts, dma, port, flow, receiver, trace, name):
        Event.__init__(self)
        self.clock = clock
        self.regs = regs
        self.stats = stats
        self.interrupts = interrupts
        self.dma = dma
        self.port = port
        self.flow = flow
        self.receiver = receiver
        self.trace = trace
        self.name = name
        self.timer = TransmitTimer(clock, interrupts, self)
        self.descriptor = Descriptor()
        self.packet = Packet()
        self.plain_context = OffloadContext()
        self.segment_context = OffloadContext()
        self.dma_latency = 0
        self.link = False
        self.loopback = False
        self.enabled = False
        self.pad = False
        self.insert_vlan = False
        self.vlan_type = 0
        self.write_back_threshold = 0
        self.low_threshold = 0
        self.waiting = []
        self.base = 0
        self.count = 0
        self.head = 0
        self.tail = 0
        self.lap = 0
        self.busy_until = 0
        self.fetched = False
        self.consumed = 0
        self.forget_packet()

    def forget_packet(self):
        """The next data descriptor begins a packet."""
        self.packet.begin()
        self.started = False
        self.broken = False
        self.segmenting = False
        self.options = 0
        self.checksum_start = 0
        self.checksum_offset = 0
        self.tag = UNTAGGED
        self.with_fcs = False
        self.segments = 0
        self.sent = 0

    def reset(self):
        self.clock.cancel(self)
        self.timer.reset()
        self.waiting = []
        self.head = 0
        self.tail = 0
        self.lap = 0
        self.busy_until = 0
        self.fetched = False
        self.consumed = 0
        self.plain_context.clear()
        self.segment_context.clear()
        self.forget_packet()
        self.configure()
        self.set_ring()

    def configure(self):
        """Follow TCTL, TXDCTL, CTRL and VET."""
        tctl = self.regs.get(TCTL)
        thresholds = self.regs.get(TXDCTL)
        self.enabled = tctl & TCTL_EN != 0
        self.pad = tctl & TCTL_PSP != 0
        self.insert_vlan = self.regs.get(CTRL) & CTRL_VME != 0
        self.vlan_type = self.regs.get(VET)
        self.write_back_threshold = (thresholds >> TXDCTL_WTHRESH_SHIFT) & 0x3F
        if not thresholds & TXDCTL_GRAN:
            self.write_back_threshold *= PER_CACHE_LINE
        self.low_threshold = 8 * (thresholds >> TXDCTL_LWTHRESH_SHIFT)
        self.start()

    def set_ring(self):
        """Follow TDBAL, TDBAH and TDLEN."""
        high = self.regs.get(TDBAH)
        self.base = high << 32 | self.regs.get(TDBAL)
        self.count = self.regs.get(TDLEN) // DESCRIPTOR_SIZE

    def set_head(self):
        """A write to TDH."""
        self.head = self.regs.get(TDH)

    def doorbell(self):
        """A write to TDT: more descriptors are ours.  One lap of the ring is the most that a doorbell can cost."""
        self.tail = self.regs.get(TDT)
        self.lap = 0
        self.start()

    def set_link(self, up):
        """The link came up or went down: without it the engine stands still, unless frames loop back."""
        self.link = up
        self.start()

    def start(self):
        """Arm the engine if it has work, after the time that the first DMA takes."""
        if self.slot < 0 and self.enabled and (self.fetched or self.head != self.tail):
            self.clock.call_after(self.dma_latency, self)

    def pending(self):
        """Descriptors between head and tail."""
        if self.tail >= self.head:
            return self.tail - self.head
        return self.tail + self.count - self.head

    # --- the engine ---

    def fire(self):
        """One round: until the ring is empty, something holds us back, or the round's steps are used up."""
        steps = STEPS_PER_ROUND
        while steps > 0:
            if not self.enabled or self.flow.paused or not (self.link or self.loopback):
                return
            if self.busy_until > self.clock.now:
                self.clock.call_at(self.busy_until, self)
                return
            if not self.fetched and not self.fetch():
                return
            steps -= 1
            if self.step():
                self.fetched = False
                self.complete()
        if self.fetched or self.head != self.tail:
            self.clock.call_after(0, self)

    def fetch(self):
        """Fetch the descriptor at the head; False with an empty ring, after a whole lap, or after a master abort."""
        if self.head >= self.count:
            self.head = 0
        if self.count == 0 or self.head == self.tail or self.lap >= self.count:
            return False
        descriptor = self.descriptor
        if not descriptor.fetch(self.dma, (self.base + self.head * DESCRIPTOR_SIZE) & ADDRESS_MASK):
            # Nobody answers at the ring: stand still until the next doorbell.
            self.lap = self.count
            return False
        if self.trace.on:
            self.trace.emit(
                "nic_tx_descriptor", self.name, self.head, descriptor.address, descriptor.lower, descriptor.upper
            )
        self.lap += 1
        self.fetched = True
        self.consumed = 0
        return True

    def step(self):
        """Go on with the fetched descriptor, sending at most one frame; True when it is finished."""
        descriptor = self.descriptor
        lower = descriptor.lower
        command = lower >> 24
        if not command & TXD_CMD_DEXT:
            # A legacy descriptor has no place in a segmentation.
            self.broken = self.broken or self.segmenting
            if not self.started:
                self.started = True
                self.options = 0
                self.checksum_start = (descriptor.upper >> 8) & 0xFF
                self.checksum_offset = (lower >> 16) & 0xFF
            self.gather(lower & 0xFFFF)
            if command & TXD_CMD_EOP:
                self.finish_legacy(command)
            return True
        kind = (lower >> 20) & 0xF
        if kind == TXD_DTYP_CONTEXT:
            if command & TXD_TUCMD_TSE:
                self.segment_context.load(descriptor.address, lower, descriptor.upper)
                # A context in the middle of its own packet would move the headers under it.
                self.broken = self.broken or self.segmenting
            else:
                self.plain_context.load(descriptor.address, lower, descriptor.upper)
            return True
        if kind != TXD_DTYP_DATA:
            return True
        if not self.started:
            self.begin_data(command)
        if self.segmenting:
            return self.step_segments(command, lower & 0xFFFFF)
        self.gather(lower & 0xFFFFF)
        if command & TXD_CMD_EOP:
            self.finish_data(command)
        return True

    def gather(self, length):
        """Fetch a descriptor's data behind what the packet has; a null address or length transfers nothing."""
        if length == 0 or self.broken or self.descriptor.address == 0:
            return 0
        if not self.packet.append(self.dma, self.descriptor.address, length):
            self.broken = True
        return 0

    def begin_data(self, command):
        """The packet's first data descriptor: POPTS counts here, and for a segmentation all the rest too (3.3.7.1)."""
        upper = self.descriptor.upper
        self.started = True
        self.options = (upper >> 8) & 0xFF
        if command & TXD_CMD_TSE:
            self.segmenting = True
            self.qualify(command)
            self.stats.count(TSCTC)
            context = self.segment_context
            size = context.header_length + context.mss
            self.broken = context.mss == 0 or context.header_length == 0 or size > self.packet.capacity

    def qualify(self, command):
        """Take VLAN tag and FCS insertion from the descriptor at hand; VLE inserts the FCS too (3.3.3.1)."""
        self.tag = UNTAGGED
        self.with_fcs = command & TXD_CMD_IFCS != 0
        if command & TXD_CMD_VLE and self.insert_vlan:
            self.tag = (self.descriptor.upper >> 16) & 0xFFFF
            self.with_fcs = True

    def finish_legacy(self, command):
        """End of a packet of legacy descriptors: CSS and CSO came with the first, the commands with this one."""
        packet = self.packet
        self.qualify(command)
        if command & TXD_CMD_IC and self.checksum_start < packet.length and self.checksum_offset + 1 < packet.length:
            packet.insert_checksum(self.checksum_start, 0, self.checksum_offset, False)
        self.finish()

    def finish_data(self, command):
        """End of a packet of data descriptors that is not segmented."""
        self.qualify(command)
        self.insert_checksums(self.plain_context)
        self.finish()

    def insert_checksums(self, context):
        packet = self.packet
        if self.options & TXD_POPTS_IXSM:
            packet.insert_checksum(context.ipcss, context.ipcse, context.ipcso, False)
        if self.options & TXD_POPTS_TXSM:
            packet.insert_checksum(context.tucss, context.tucse, context.tucso, not context.tcp)

    def finish(self):
        if not self.broken:
            self.emit(False)
        self.forget_packet()

    # --- segmentation (3.5) ---

    def step_segments(self, command, length):
        """Gather towards a full segment or send one; True when the descriptor has no more to give."""
        context = self.segment_context
        packet = self.packet
        if self.broken or self.descriptor.address == 0:
            self.consumed = length
        if self.consumed < length:
            room = context.header_length + context.mss - packet.length
            if packet.header_length == 0:
                room = context.header_length - packet.length
            if room == 0:
                self.send_segment(False)
                return False
            piece = length - self.consumed
            if piece > room:
                piece = room
            if not packet.append(self.dma, (self.descriptor.address + self.consumed) & ADDRESS_MASK, piece):
                self.broken = True
                return False
            self.consumed += piece
            if packet.header_length == 0 and packet.length == context.header_length:
                packet.save_header(packet.length)
            if self.consumed < length:
                return False
        if command & TXD_CMD_EOP:
            self.finish_segments()
        return True

    def finish_segments(self):
        """End of a segmentation: the last segment, and a word in TSCTFC where it did not end as the context said."""
        context = self.segment_context
        if self.broken or self.packet.header_length == 0:
            self.stats.count(TSCTFC)
        else:
            self.send_segment(True)
            if self.sent != context.payload_length:
                self.stats.count(TSCTFC)
        self.forget_packet()

    def send_segment(self, last):
        context = self.segment_context
        packet = self.packet
        payload = packet.length - packet.header_length
        packet.segment_headers(context, self.segments, self.sent, last, self.options & TXD_POPTS_TXSM != 0)
        self.insert_checksums(context)
        self.emit(not last)
        self.segments += 1
        self.sent += payload
        packet.next_segment()

    # --- onto the wire ---

    def emit(self, more):
        """Send the packet: on the wire, or back to our receiver while a loopback is on.

        `more`: the next segment of the same segmentation follows.
        """
        packet = self.packet
        flags = FRAME_MORE if more else 0
        minimum = 0
        if self.with_fcs:
            if self.pad:
                minimum = FRAME_MIN - FCS_LENGTH
        elif not packet.detach_fcs():
            flags |= FRAME_BAD_FCS
        if packet.length == 0:
            return 0
        frame = packet.take(self.tag, self.vlan_type, minimum)
        length = len(frame)
        destination = packet.destination()
        multicast = destination & MULTICAST_BIT != 0
        self.stats.transmitted(length + FCS_LENGTH, multicast, destination == BROADCAST)
        if self.trace.on:
            self.trace.emit("nic_tx_frame", self.name, length)
        if self.loopback:
            self.receiver.receive(frame, flags & FRAME_BAD_FCS != 0)
            self.busy_until = self.clock.now + self.loopback_time(length)
        elif self.port.wire is not None:
            occupied = self.port.wire.send(self.port, frame, flags)
            if occupied > 0:
                self.busy_until = self.clock.now + occupied
        return 0

    def loopback_time(self, length):
        """How long a frame takes that never meets a wire: its time at the link's speed, so that none is free."""
        speed = (self.regs.get(STATUS) & STATUS_SPEED) >> STATUS_SPEED_SHIFT
        if length < FRAME_MINIMUM:
            length = FRAME_MINIMUM
        return (length + FRAME_OVERHEAD) * BYTE_NS[speed]

    # --- write-back (3.4) ---

    def complete(self):
        """The descriptor at the head is done: move on, write it back if it asks for that, raise causes."""
        descriptor = self.descriptor
        command = descriptor.lower >> 24
        causes = 0
        self.head += 1
        if self.head >= self.count:
            self.head = 0
        self.regs.put(TDH, self.head)
        if command & (TXD_CMD_RS | TXD_CMD_RPS):
            if self.write_back_threshold > 1:
                self.write_back_later(command)
            else:
                descriptor.write_done(self.dma, descriptor.at, descriptor.upper & 0xF0 | TXD_STAT_DD)
                if command & TXD_CMD_RS:
                    if command & TXD_CMD_IDE and self.timer.relative:
                        self.timer.packet()
                    else:
                        self.timer.stop()
                        causes |= ICR_TXDW
        pending = self.pending()
        if pending == self.low_threshold:
            causes |= ICR_TXD_LOW
        if pending == 0:
            causes |= ICR_TXQE
        if causes:
            self.interrupts.cause(causes)

    def write_back_later(self, command):
        """Descriptor bursting: write back when WTHRESH descriptors have gathered or the delay timer expires."""
        self.waiting.append(self.descriptor.at)
        if len(self.waiting) >= self.write_back_threshold:
            self.timer.stop()
            self.write_back_waiting()
            self.interrupts.cause(ICR_TXDW)
        elif command & TXD_CMD_IDE and self.timer.relative:
            self.timer.packet()

    def write_back_waiting(self):
        """Write back every descriptor that waits for it."""
        waiting = self.waiting
        self.waiting = []
        for at in waiting:
            self.descriptor.write_done(self.dma, at, TXD_STAT_DD)
