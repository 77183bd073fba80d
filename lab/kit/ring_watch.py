"""Who owns which descriptor, followed from outside: the driver's tail writes give, the card's write-backs return.

A descriptor that the driver gives is remembered byte for byte.  When the card fetches it, it must still be the same:
one that is not was either changed while the card owned it, or written after the doorbell (a missing write barrier).
"""

from hwemu.nic.e1000.bits import CTRL_RST, RCTL_EN, TCTL_EN
from hwemu.nic.e1000.registers import (
    CTRL,
    LAYOUT,
    RCTL,
    RDBAH,
    RDBAL,
    RDH,
    RDLEN,
    RDT,
    TCTL,
    TDBAH,
    TDBAL,
    TDH,
    TDLEN,
    TDT,
)
from lab.kit.findings import driver_stack
from lab.kit.rings import DESCRIPTOR_SIZE, DONE, is_context, transmit_buffer
from lab.kit.seams import DmaMiddleware, RegisterMiddleware

STATUS_BYTE = 12
GEOMETRY = {RDBAL: "RX", RDBAH: "RX", RDLEN: "RX", RDH: "RX", TDBAL: "TX", TDBAH: "TX", TDLEN: "TX", TDH: "TX"}


class Side:
    """What is known of one ring: what the card owns (index to the bytes given), what it has fetched, what it left."""

    def __init__(self, ring):
        self.ring = ring
        self.transmit = ring.name == "TX"
        self.owned = {}
        self.fetched = {}
        self.seen = {}
        self.tail = 0
        self.given_by = ""

    def restart(self):
        self.owned, self.fetched, self.seen = {}, {}, {}
        self.tail = self.ring.tail


class RingWatch(RegisterMiddleware, DmaMiddleware):
    """In the register chain and in the DMA chain of one card; writes into `findings`.

    `find(address, length, write)` is the mapping that lets the card at these bytes, or None.
    """

    def __init__(self, rings, findings, find):
        self.rings = rings
        self.findings = findings
        self.find = find
        self.tx = Side(rings.tx)
        self.rx = Side(rings.rx)

    # --- the driver's register writes ---

    def write(self, offset, width, value):
        word = LAYOUT.canonical[(offset & 0x1FFFF) >> 2]
        if word in (TDT, RDT) and width == 4:
            self.give(self.tx if word == TDT else self.rx, value & 0xFFFF)
        was_on = self.tx.ring.enabled, self.rx.ring.enabled
        self.inner.write(offset, width, value)
        if word == CTRL and value & CTRL_RST:
            self.tx.restart()
            self.rx.restart()
        elif word in GEOMETRY:
            (self.tx if GEOMETRY[word] == "TX" else self.rx).restart()
        elif word == TCTL:
            self.switched(self.tx, was_on[0], bool(value & TCTL_EN))
        elif word == RCTL:
            self.switched(self.rx, was_on[1], bool(value & RCTL_EN))

    def switched(self, side, before, now):
        """EN changed: an engine that is off owns nothing; one that goes on owns what lies between head and tail."""
        if before and not now:
            side.owned, side.fetched = {}, {}
        elif now and not before:
            for index in side.ring.owned_by_card():
                side.owned[index] = side.ring.raw(index)

    def give(self, side, tail):
        """The tail moves to `tail`: every descriptor before it must be ready."""
        ring, count = side.ring, side.ring.count
        stack = driver_stack()
        if count == 0:
            return
        if tail >= count:
            self.report("out-of-ring-index", f"{ring.name} tail {tail} of a ring of {count}", ring, None, stack)
            return
        index = side.tail
        for _ in range((tail - side.tail) % count):
            self.give_one(side, index, stack)
            index = (index + 1) % count
        side.tail = tail
        side.given_by = stack

    def give_one(self, side, index, stack):
        ring = side.ring
        raw = ring.raw(index)
        if index in side.owned:
            self.report(
                "given-twice", f"{ring.name} descriptor {index} is given while the card still owns it: the tail has"
                " overtaken the head", ring, index, stack,
            )  # fmt: skip
        rule, text = self.judge(side, raw)
        if rule:
            self.report(rule, f"{ring.name} descriptor {index} is given {text}", ring, index, stack)
        side.owned[index] = raw
        side.fetched.pop(index, None)

    def judge(self, side, raw):
        """(rule, why) when a descriptor is not fit to be given to the card, else ("", "")."""
        if raw[STATUS_BYTE] & DONE:
            return "stale-descriptor", "with DD set: it was not filled, or its status not cleared"
        context = side.transmit and is_context(raw)
        if side.transmit:
            address, length = transmit_buffer(raw)
        else:
            address, length = int.from_bytes(raw[:8], "little"), self.rings.receive_room()
        if not any(raw) or (address == 0 and not context):
            return "unfilled-descriptor", "before it was filled"
        if context or length == 0 or not (side.transmit or side.ring.enabled):
            return "", ""
        writes = not side.transmit
        if self.find(address, length, writes) is not None:
            return "", ""
        what = f"with {length} bytes at {address:#x} for the card to {'write' if writes else 'read'}, "
        if self.find(address, 1, writes) is not None:
            return "outside-mapping", what + "and not all of them are mapped"
        if self.find(address, 1, not writes) is not None:
            return "wrong-direction", what + "and they are mapped for the other direction"
        return "use-after-unmap", what + "and they are not mapped (any more)"

    def unmapped(self, address, size, mapped, unmapped):
        """The driver ends a mapping: no descriptor that the card owns may point into it."""
        for side in (self.tx, self.rx):
            if not side.ring.enabled:
                continue
            for index, raw in side.owned.items():
                at = transmit_buffer(raw)[0] if side.transmit else int.from_bytes(raw[:8], "little")
                if at and address <= at < address + size:
                    self.report(
                        "unmap-too-early", f"{side.ring.name} descriptor {index} is the card's and its buffer {at:#x} is"
                        " unmapped", side.ring, index, f"{unmapped}\n  mapped by {mapped}",
                    )  # fmt: skip
                    return

    # --- the card's transfers ---

    def allows(self, address, length, write):
        for side in (self.tx, self.rx):
            index = side.ring.slot(address)
            if index >= 0 and side.ring.enabled:
                if write:
                    self.written_back(side, index)
                elif length == DESCRIPTOR_SIZE:
                    self.fetches(side, index)
        return True

    def fetches(self, side, index):
        if index not in side.owned:
            return
        self.unchanged(side, index)
        if side.transmit:
            side.fetched[index] = side.owned.pop(index)
            side.seen[index] = side.fetched[index]

    def unchanged(self, side, index):
        now, given = side.ring.raw(index), side.owned[index]
        if now != given:
            self.report(
                "descriptor-changed", f"{side.ring.name} descriptor {index} was changed while the card owned it",
                side.ring, index, f"{side.given_by}\n  given: {side.ring.describe(given)}\n  now:   "
                f"{side.ring.describe(now)}",
            )  # fmt: skip
            side.owned[index] = now

    def written_back(self, side, index):
        if side.transmit:
            side.fetched.pop(index, None)
            return
        if side.owned.pop(index, None) is None:
            self.report(
                "device-writes-driver-descriptor", f"RX descriptor {index} is written back by the card, and it is the"
                " driver's", side.ring, index, side.given_by,
            )  # fmt: skip

    # --- looking at rest ---

    def check(self):
        """Nothing is going on: find what the driver filled and did not give, and what it changed after giving."""
        for side in (self.tx, self.rx):
            ring = side.ring
            if not ring.enabled or not ring.count:
                continue
            for index in list(side.owned):
                self.unchanged(side, index)
            # A driver may keep one filled receive descriptor back: then the tail stands on it, and none behind is filled.
            places = [ring.tail] if side.transmit else [ring.tail, (ring.tail + 1) % ring.count]
            if all(place not in side.owned and self.looks_new(side, place, ring.raw(place)) for place in places):
                self.report(
                    "missing-doorbell", f"{ring.name} descriptor {ring.tail} is filled and the tail was never moved past"
                    " it", ring, ring.tail, side.given_by or "(no tail write so far)",
                )  # fmt: skip

    def looks_new(self, side, index, raw):
        """True when the driver has filled descriptor `index` since the card last had it."""
        if not any(raw) or raw[STATUS_BYTE] & DONE:
            return False
        if not side.transmit:
            address = int.from_bytes(raw[:8], "little")
            return self.find(address, 1, True) is not None
        seen = side.seen.get(index)
        return seen is None or raw[:STATUS_BYTE] != seen[:STATUS_BYTE]

    def context(self, address):
        """What the rings say of a bus address: which descriptor points there, and who gave it."""
        for side in (self.rx, self.tx):
            for index, raw in [*side.owned.items(), *side.fetched.items()]:
                if side.transmit:
                    buffer, length = transmit_buffer(raw)
                else:
                    buffer, length = int.from_bytes(raw[:8], "little"), self.rings.receive_room()
                if buffer and buffer <= address < buffer + length:
                    return (
                        f"{side.ring.name} descriptor {index} points there, given by {side.given_by}\n"
                        f"{side.ring.picture(index)}"
                    )
        ring = self.rings.locate(address)[0]
        return (ring or self.rings.tx).picture()

    def report(self, check, text, ring, index, stack):
        picture = "\n".join("  " + line for line in ring.picture(index).splitlines())
        self.findings.add(check, text, f"  by {stack}\n{picture}")
