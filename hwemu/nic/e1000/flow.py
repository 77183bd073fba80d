"""IEEE 802.3x flow control: obeying PAUSE frames and sending them as the receive FIFO fills (8.7, 13.4.23, 13.4.24)."""

from hwemu.clock import Event
from hwemu.nic.e1000.bits import (
    ALL_ONES,
    CTRL_RFCE,
    CTRL_TFCE,
    FCRTL_XONE,
    RCTL_DPF,
    RCTL_PMCF,
    STATUS_TXOFF,
)
from hwemu.nic.e1000.registers import (
    CTRL,
    FCAL,
    FCRTH,
    FCRTL,
    FCRUC,
    FCT,
    FCTTV,
    RAL,
    RCTL,
    STATUS,
    XOFFRXC,
    XOFFTXC,
    XONRXC,
    XONTXC,
)

# A pause is counted in slot times of 64 byte times at 1 Gb/s, whatever the speed (8.7.1).
SLOT_NS = 512
OPCODE_PAUSE = 1
FRAME_LENGTH = 60


def pause_frame(destination, source, kind, slots):
    """A PAUSE frame of 60 bytes (IEEE 802.3 annex 31B); addresses as `RegisterFile.address` gives them."""
    addresses = destination.to_bytes(6, "little") + source.to_bytes(6, "little")
    numbers = b"".join(number.to_bytes(2, "big") for number in (kind, OPCODE_PAUSE, slots))
    return (addresses + numbers).ljust(FRAME_LENGTH, b"\0")


class FlowControl(Event):
    """`paused` holds the transmit engine back; the event is the end of the pause.

    `engine` is the transmit engine's event, woken when the pause ends.
    """

    def __init__(self, clock, regs, port):
        Event.__init__(self)
        self.clock = clock
        self.regs = regs
        self.port = port
        self.engine = None
        self.paused = False
        self.obeys = False
        self.sends = False
        self.control_type = 0
        self.high = 0
        self.low = 0
        self.stopped_partner = False

    def reset(self):
        self.clock.cancel(self)
        self.paused = False
        self.stopped_partner = False
        self.configure()

    def configure(self):
        """Follow CTRL, FCT and the two thresholds."""
        ctrl = self.regs.get(CTRL)
        self.obeys = ctrl & CTRL_RFCE != 0
        self.sends = ctrl & CTRL_TFCE != 0
        self.control_type = self.regs.get(FCT)
        self.high = self.regs.get(FCRTH)
        self.low = self.regs.get(FCRTL)
        if self.paused and not self.obeys:
            self.resume()

    # --- receiving ---

    def is_control(self, frame):
        """True for a MAC control frame that `take_control` should see."""
        return self.obeys and frame.be16(12) == self.control_type

    def take_control(self, frame):
        """Obey a MAC control frame; True when it goes no further (8.7.4)."""
        destination = frame.address(0)
        station = self.regs.address(RAL)
        if destination != station and destination != self.regs.address(FCAL):
            return False
        if frame.length < FRAME_LENGTH:
            return False
        rctl = self.regs.get(RCTL)
        if frame.be16(14) != OPCODE_PAUSE:
            self.regs.count(FCRUC)
            return rctl & RCTL_PMCF == 0
        self.pause(frame.be16(16))
        return destination == station and rctl & RCTL_DPF != 0

    def pause(self, slots):
        """XOFF for `slots` slot times, or XON for 0."""
        if slots == 0:
            self.regs.count(XONRXC)
            self.resume()
            return
        self.regs.count(XOFFRXC)
        self.paused = True
        self.regs.put(STATUS, self.regs.get(STATUS) | STATUS_TXOFF)
        self.clock.call_after(slots * SLOT_NS, self)

    def resume(self):
        """Let the transmit engine go on."""
        self.clock.cancel(self)
        if self.paused:
            self.paused = False
            self.regs.put(STATUS, self.regs.get(STATUS) & ~STATUS_TXOFF & ALL_ONES)
            self.clock.call_after(0, self.engine)

    def fire(self):
        self.resume()

    # --- sending ---

    def holds_frames(self):
        """True while frames without a descriptor wait in the FIFO, because the other end can be told to stop."""
        return self.sends and self.high != 0

    def filled(self, level):
        """The receive FIFO now holds `level` bytes: XOFF at the high mark, XON at the low one."""
        if not self.stopped_partner:
            if self.holds_frames() and level >= self.high:
                self.stopped_partner = True
                self.send_pause(self.regs.get(FCTTV))
        elif level <= (self.low & ~FCRTL_XONE & ALL_ONES):
            self.stopped_partner = False
            if self.low & FCRTL_XONE and self.sends:
                self.send_pause(0)

    def overflowed(self):
        """A frame was lost although we sent XOFF: the first one may not have arrived (8.7.5)."""
        if self.stopped_partner and self.sends:
            self.send_pause(self.regs.get(FCTTV))

    def send_pause(self, slots):
        """Put a PAUSE frame on the wire, even while we are paused ourselves."""
        regs = self.regs
        regs.count(XOFFTXC if slots else XONTXC)
        if self.port.wire is None:
            return
        frame = pause_frame(regs.address(FCAL), regs.address(RAL), regs.get(FCT), slots)
        self.port.wire.send(self.port, frame, 0)
