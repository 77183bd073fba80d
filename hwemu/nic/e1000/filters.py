# cython: boundscheck=False, wraparound=False
"""Which received frames the host wants: the address filter and the VLAN filter (3.2.1, 9.3, 13.4.22, 13.5)."""

from array import array

from hwemu.nic.e1000.bits import (
    BROADCAST,
    RAH_AS,
    RAH_AS_SOURCE,
    RAH_AV,
    RCTL_BAM,
    RCTL_CFI,
    RCTL_CFIEN,
    RCTL_MO_SHIFT,
    RCTL_MPE,
    RCTL_UPE,
    RCTL_VFE,
)
from hwemu.nic.e1000.registers import MTA, RA_ENTRIES, RAH, RAL, VFTA

REJECTED = 0
EXACT = 1
INEXACT = 2

NO_ADDRESS = 0xFFFFFFFFFFFFFFFF
MULTICAST_BIT = 0x01


class Filters:
    """`accept` judges a frame; `configure` follows RCTL, VET and the receive addresses.

    Addresses are 48-bit integers with the first byte lowest, as RAL and RAH hold them.
    """

    def __init__(self, regs):
        self.regs = regs
        self.rctl = 0
        self.vlan_type = 0
        self.hash_shift = 0
        self.destinations = array("Q", [NO_ADDRESS]) * RA_ENTRIES
        self.sources = array("Q", [NO_ADDRESS]) * RA_ENTRIES
        self.entries = 0
        self.by_source = False

    def configure(self, rctl, vlan_type):
        self.rctl = rctl
        self.vlan_type = vlan_type
        # 13.4.22, MO: which 12 of the last 16 address bits index the multicast table.
        offset = (rctl >> RCTL_MO_SHIFT) & 3
        self.hash_shift = 4 - offset if offset < 3 else 0

    def load_addresses(self):
        """Read the 16 receive addresses again; one counts only while its AV bit is set."""
        self.entries = 0
        self.by_source = False
        for i in range(RA_ENTRIES):
            high = self.regs.get(RAH + 8 * i)
            address = self.regs.address(RAL + 8 * i)
            self.destinations[i] = NO_ADDRESS
            self.sources[i] = NO_ADDRESS
            if not high & RAH_AV:
                continue
            self.entries = i + 1
            if high & RAH_AS == RAH_AS_SOURCE:
                self.sources[i] = address
                self.by_source = True
            elif high & RAH_AS == 0:
                self.destinations[i] = address

    def accept(self, frame):
        """REJECTED, EXACT, or INEXACT for a frame that only the multicast hash lets in."""
        verdict = self.address_verdict(frame)
        if verdict != REJECTED and self.rctl & RCTL_VFE and frame.be16(12) == self.vlan_type:
            if not self.vlan_wanted(frame.be16(14)):
                return REJECTED
        return verdict

    def address_verdict(self, frame):
        destination = frame.address(0)
        if self.is_own(destination):
            return EXACT
        if destination == BROADCAST and self.rctl & RCTL_BAM:
            return EXACT
        if destination & MULTICAST_BIT:
            if destination != BROADCAST and self.rctl & RCTL_MPE:
                return EXACT
            if self.hash_hit(destination):
                return INEXACT
        elif self.rctl & RCTL_UPE:
            return EXACT
        if self.by_source and self.is_source(frame.address(6)):
            return EXACT
        return REJECTED

    def is_own(self, destination):
        """True when a valid receive address matches exactly."""
        # any() would be a Python generator per frame; this loop is C.
        for i in range(self.entries):  # noqa: SIM110
            if self.destinations[i] == destination:
                return True
        return False

    def is_source(self, source):
        """True when a receive address that selects by source (RAH.AS = 01) matches."""
        # As in is_own.
        for i in range(self.entries):  # noqa: SIM110
            if self.sources[i] == source:
                return True
        return False

    def hash_hit(self, destination):
        """True when the multicast table has the bit that the last two address bytes select (13.5.1)."""
        index = ((destination >> 32) >> self.hash_shift) & 0xFFF
        return (self.regs.get(MTA + 4 * (index >> 5)) >> (index & 31)) & 1 != 0

    def vlan_wanted(self, tag):
        """True when the VLAN filter table has the tag's VID and CFI is as RCTL wants it (9.3)."""
        if self.rctl & RCTL_CFIEN and ((tag >> 12) & 1 != 0) != (self.rctl & RCTL_CFI != 0):
            return False
        vid = tag & 0xFFF
        return (self.regs.get(VFTA + 4 * (vid >> 5)) >> (vid & 31)) & 1 != 0
