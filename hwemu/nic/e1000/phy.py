"""The internal PHY: M88E1011 registers, auto-negotiation on the clock, loopback (8.4, 11, IEEE 802.3 clause 22).

Registers are 16 bits wide.  The link is up when there is carrier and negotiation has finished, or in PHY loopback.
"""

from hwemu.clock import Event
from hwemu.nic.e1000.bits import (
    MDIC_DATA,
    MDIC_ERROR,
    MDIC_OP,
    MDIC_OP_READ,
    MDIC_OP_WRITE,
    MDIC_PHY_SHIFT,
    MDIC_READY,
    MDIC_REG_SHIFT,
)

ADDRESS = 1
NEGOTIATION_NS = 10_000_000

BMCR = 0
BMSR = 1
ID1 = 2
ID2 = 3
ADVERTISE = 4
PARTNER = 5
EXPANSION = 6
NEXT_PAGE = 7
PARTNER_NEXT_PAGE = 8
GIGABIT_CONTROL = 9
GIGABIT_STATUS = 10
EXTENDED_STATUS = 15
PHY_CONTROL = 16
PHY_STATUS = 17
INTERRUPT_ENABLE = 18
INTERRUPT_STATUS = 19
EXTENDED_CONTROL = 20
RECEIVE_ERRORS = 21

BMCR_RESET = 0x8000
BMCR_LOOPBACK = 0x4000
BMCR_SPEED_100 = 0x2000
BMCR_NEGOTIATE = 0x1000
BMCR_POWER_DOWN = 0x0800
BMCR_RESTART = 0x0200
BMCR_DUPLEX = 0x0100
BMCR_SPEED_1000 = 0x0040
BMSR_NEGOTIATED = 0x0020
BMSR_LINK = 0x0004
EXPANSION_PAGE_RECEIVED = 0x0002
EXPANSION_PARTNER_ABLE = 0x0001
PARTNER_ABILITIES = 0x41E1
PARTNER_PAUSE = 0x0400
GIGABIT_RECEIVERS_OK = 0x7C00
PHY_STATUS_RESOLVED = 0x0800
PHY_STATUS_LINK = 0x0400
PHY_STATUS_DUPLEX = 0x2000
PHY_STATUS_SPEED_SHIFT = 14

# Speeds as STATUS.SPEED and the PHY status register encode them.
SPEED_10 = 0
SPEED_100 = 1
SPEED_1000 = 2

DEFAULTS = {
    BMCR: 0x1140,
    BMSR: 0x7949,
    ID1: 0x0141,
    ID2: 0x0C20,
    ADVERTISE: 0x0DE1,
    NEXT_PAGE: 0x2001,
    GIGABIT_CONTROL: 0x0E00,
    EXTENDED_STATUS: 0x3000,
    PHY_CONTROL: 0x0360,
    EXTENDED_CONTROL: 0x0D60,
}
READ_ONLY = (BMSR, ID1, ID2, PARTNER, EXPANSION, PARTNER_NEXT_PAGE, GIGABIT_STATUS, EXTENDED_STATUS, PHY_STATUS)
CLEARED_BY_READING = (INTERRUPT_STATUS, RECEIVE_ERRORS)


class Phy(Event):
    """`changed()` is called whenever `link`, `speed` or `duplex` has changed.

    `negotiation` is how long negotiation takes (ns), `partner_pause` whether the other end admits to PAUSE.
    The event is the end of negotiation.
    """

    def __init__(self, clock, changed):
        Event.__init__(self)
        self.clock = clock
        self.changed = changed
        self.negotiation = NEGOTIATION_NS
        self.partner_pause = False
        self.carrier = False
        self.link = False
        self.link_failed = False
        self.speed = SPEED_1000
        self.duplex = True
        self.registers = [DEFAULTS.get(register, 0) for register in range(32)]

    def in_loopback(self):
        """True while what the MAC sends comes back from the PHY (BMCR bit 14)."""
        return self.registers[BMCR] & (BMCR_LOOPBACK | BMCR_POWER_DOWN) == BMCR_LOOPBACK

    def reset(self):
        """Hardware or software reset of the PHY: defaults, and negotiation from the start."""
        self.registers = [DEFAULTS.get(register, 0) for register in range(32)]
        self.restart()

    def set_carrier(self, up):
        """The wire came up or went down."""
        if up != self.carrier:
            self.carrier = up
            self.restart()

    def restart(self):
        """Drop the link and bring it up again after the time that negotiation takes, if it can come up."""
        self.clock.cancel(self)
        if self.in_loopback():
            self._set_link(True)
            return
        self._set_link(False)
        if self.carrier and not self.registers[BMCR] & BMCR_POWER_DOWN:
            self.clock.call_after(self.negotiation, self)

    def fire(self):
        self._set_link(True)

    def _set_link(self, up):
        registers = self.registers
        if up:
            self._resolve()
        else:
            self.link_failed = True
            registers[BMSR] &= ~BMSR_NEGOTIATED
            registers[PHY_STATUS] = 0
            registers[PARTNER] = registers[EXPANSION] = registers[GIGABIT_STATUS] = 0
        if up or up != self.link:
            self.link = up
            self.changed()

    def _resolve(self):
        """Settle speed and duplex: forced by BMCR, or the best that we advertise, since the other end can do all."""
        registers = self.registers
        control = registers[BMCR]
        if control & BMCR_NEGOTIATE and not control & BMCR_LOOPBACK:
            gigabit, basic = registers[GIGABIT_CONTROL], registers[ADVERTISE]
            if gigabit & 0x0300:
                self.speed, self.duplex = SPEED_1000, gigabit & 0x0200 != 0
            elif basic & 0x0180:
                self.speed, self.duplex = SPEED_100, basic & 0x0100 != 0
            else:
                self.speed, self.duplex = SPEED_10, basic & 0x0040 != 0
            registers[BMSR] |= BMSR_NEGOTIATED
            registers[PARTNER] = PARTNER_ABILITIES | (PARTNER_PAUSE if self.partner_pause else 0)
            registers[EXPANSION] = EXPANSION_PARTNER_ABLE | EXPANSION_PAGE_RECEIVED
            registers[GIGABIT_STATUS] = GIGABIT_RECEIVERS_OK
        else:
            if control & BMCR_SPEED_1000:
                self.speed = SPEED_1000
            else:
                self.speed = SPEED_100 if control & BMCR_SPEED_100 else SPEED_10
            self.duplex = control & BMCR_DUPLEX != 0
        registers[PHY_STATUS] = (
            self.speed << PHY_STATUS_SPEED_SHIFT
            | (PHY_STATUS_DUPLEX if self.duplex else 0)
            | PHY_STATUS_RESOLVED
            | PHY_STATUS_LINK
        )

    # --- the management interface ---

    def access(self, command):
        """What MDIC holds after `command` was written to it; a wrong PHY address or opcode sets the error bit."""
        register = (command >> MDIC_REG_SHIFT) & 0x1F
        operation = command & MDIC_OP
        result = command & ~(MDIC_READY | MDIC_ERROR) & 0xFFFFFFFF
        if (command >> MDIC_PHY_SHIFT) & 0x1F != ADDRESS or operation not in (MDIC_OP_READ, MDIC_OP_WRITE):
            return result | MDIC_READY | MDIC_ERROR
        if operation == MDIC_OP_READ:
            result = result & ~MDIC_DATA | self.read(register)
        else:
            self.write(register, command & MDIC_DATA)
        return result | MDIC_READY

    def read(self, register):
        """A register's 16 bits.  BMSR's link bit latches low: a failure shows once, then the present state."""
        value = self.registers[register]
        if register == BMSR:
            if self.link and not self.link_failed:
                value |= BMSR_LINK
            self.link_failed = not self.link
        elif register in CLEARED_BY_READING:
            self.registers[register] = 0
        return value

    def write(self, register, value):
        if register == BMCR:
            self._control(value)
        elif register not in READ_ONLY:
            self.registers[register] = value

    def _control(self, value):
        """A write to BMCR: reset and restart clear themselves, the rest is kept."""
        before = self.registers[BMCR]
        if value & BMCR_RESET:
            # A software reset keeps what was written beside it (11.3): speed, duplex, negotiation.
            kept = self.registers[ADVERTISE], self.registers[GIGABIT_CONTROL], self.registers[PHY_CONTROL]
            self.registers = [DEFAULTS.get(number, 0) for number in range(32)]
            self.registers[ADVERTISE], self.registers[GIGABIT_CONTROL], self.registers[PHY_CONTROL] = kept
            self.registers[BMCR] = value & ~(BMCR_RESET | BMCR_RESTART)
            self.restart()
            return
        self.registers[BMCR] = value & ~BMCR_RESTART
        watched = BMCR_LOOPBACK | BMCR_NEGOTIATE | BMCR_POWER_DOWN | BMCR_SPEED_100 | BMCR_SPEED_1000 | BMCR_DUPLEX
        if value & BMCR_RESTART or (value ^ before) & watched:
            self.restart()
