"""Wakeup: which frames wake a sleeping system, and the record of the one that did (6.4, 13.6).

This is the slow path: it looks only while the device sleeps (D3) or watches for magic packets on its own (APM).
"""

from hwemu.nic.e1000.bits import (
    BROADCAST,
    WUC_APME,
    WUFC_ARP,
    WUFC_BC,
    WUFC_EX,
    WUFC_FLX0,
    WUFC_IPV4,
    WUFC_LNKC,
    WUFC_MAG,
    WUFC_MC,
)
from hwemu.nic.e1000.registers import FFLT, FFMT, FFVT, IP4AT, IPAV, RAL, WUC, WUFC, WUPL, WUPM, WUPM_BYTES, WUS

TYPE_ARP = 0x0806
TYPE_IPV4 = 0x0800
MULTICAST_BIT = 0x01
SYNCHRONISATION = b"\xff" * 6
REPETITIONS = 16
FLEXIBLE_FILTERS = 4
LONGEST_RECORDED = 2047


def is_magic(data, mac):
    """True when six bytes FF and then 16 times `mac` stand anywhere in `data` (6.4.3.1.4)."""
    pattern = mac * REPETITIONS
    at = data.find(pattern)
    while at >= 0:
        if at >= len(SYNCHRONISATION) and data[at - len(SYNCHRONISATION) : at] == SYNCHRONISATION:
            return True
        at = data.find(pattern, at + 1)
    return False


class Wakeup:
    """`examine` looks at a frame, `link_changed` at the link; `wake()` is called when the system is to wake."""

    def __init__(self, regs, filters, wake):
        self.regs = regs
        self.filters = filters
        self.wake = wake

    def examine(self, frame, asleep):
        """Compare a good frame with the enabled filters; True when it woke the system.

        `asleep`: the device is in D3, so WUFC applies; APM looks for magic packets in every state (6.4.1).
        """
        matched = self.matches(frame) & self.regs.get(WUFC) if asleep else 0
        apm = self.regs.get(WUC) & WUC_APME != 0 and self.is_magic(frame)
        if not matched and not apm:
            return False
        if apm:
            matched |= WUFC_MAG
        if self.regs.get(WUS):
            return False
        self._record(matched, frame.frame)
        return True

    def link_changed(self, asleep):
        """A change of the link wakes if WUFC.LNKC says so."""
        if asleep and self.regs.get(WUFC) & WUFC_LNKC and not self.regs.get(WUS) & WUFC_LNKC:
            self.regs.put(WUS, self.regs.get(WUS) | WUFC_LNKC)
            self.wake()

    def _record(self, matched, data):
        """WUS, the packet's length and its first 128 bytes stay until software has read them."""
        self.regs.put(WUS, matched)
        self.regs.put(WUPL, min(len(data), LONGEST_RECORDED))
        start = data[:WUPM_BYTES].ljust(WUPM_BYTES, b"\0")
        for at in range(0, WUPM_BYTES, 4):
            self.regs.put(WUPM + at, int.from_bytes(start[at : at + 4], "little"))
        self.wake()

    # --- the filters ---

    def is_magic(self, frame):
        """A magic packet that the address filter lets in, or that is broadcast."""
        destination = frame.address(0)
        if destination != BROADCAST and not self.filters.address_verdict(frame):
            return False
        return is_magic(frame.frame, self.regs.address(RAL).to_bytes(6, "little"))

    def matches(self, frame):
        """The bits of WUFC whose filters the frame passes (6.4.3)."""
        filters = self.filters
        destination = frame.address(0)
        matched = 0
        if self.is_magic(frame):
            matched |= WUFC_MAG
        if filters.is_own(destination):
            matched |= WUFC_EX
        if destination == BROADCAST:
            matched |= WUFC_BC
        elif destination & MULTICAST_BIT and filters.hash_hit(destination):
            matched |= WUFC_MC
        for index in range(FLEXIBLE_FILTERS):
            if self._flexible(index, frame.frame):
                matched |= WUFC_FLX0 << index
        return matched | self._by_protocol(frame)

    def _by_protocol(self, frame):
        """ARP requests for, and IPv4 packets to, one of the addresses in IP4AT (6.4.3.1.5, 6.4.3.1.6)."""
        data = frame.frame
        at = 12
        if frame.be16(at) == self.filters.vlan_type:
            at += 4
        kind = frame.be16(at)
        at += 2
        if kind == TYPE_ARP and frame.address(0) == BROADCAST and frame.be16(at + 6) == 1:
            return WUFC_ARP if self._is_our_ipv4(data[at + 24 : at + 28]) else 0
        if kind == TYPE_IPV4 and len(data) > at and data[at] >> 4 == 4:
            return WUFC_IPV4 if self._is_our_ipv4(data[at + 16 : at + 20]) else 0
        return 0

    def _is_our_ipv4(self, address):
        valid = self.regs.get(IPAV)
        return any(
            valid >> i & 1 and self.regs.get(IP4AT + 8 * i).to_bytes(4, "little") == address for i in range(4)
        )

    def _flexible(self, index, data):
        """Flexible filter `index`: every byte that its mask names equals its value, up to its length (6.4.3.2)."""
        length = self.regs.get(FFLT + 8 * index)
        if length == 0 or len(data) < length:
            return False
        for at in range(min(length, 128)):
            if self.regs.get(FFMT + 8 * at) >> index & 1:
                if self.regs.get(FFVT + 8 * at) >> (8 * index) & 0xFF != data[at]:
                    return False
        return True
