"""Descriptor rings as the card sees them: state, decoding, a picture.  Looking changes nothing.

8254x manual: 3.2.3 (receive descriptor), 3.3.3 (legacy transmit), 3.3.6 (context), 3.3.7 (data).
"""

from construct import BitsInteger, BitStruct, ByteSwapped, FlagsEnum, Int8ul, Int16ul, Int64ul, Struct

from hwemu.nic.e1000.bits import RCTL_BSEX, RCTL_BSIZE_SHIFT, RCTL_EN, RCTL_LPE, TCTL_EN
from hwemu.nic.e1000.registers import (
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

DESCRIPTOR_SIZE = 16
DONE = 1
FRAME_WITHOUT_LPE = 1522
AROUND = 3
# Bits of the second double word of transmit descriptors.
DEXT = 1 << 29
TYPE_SHIFT = 20

RxDescriptor = Struct(
    "address" / Int64ul,
    "length" / Int16ul,
    "checksum" / Int16ul,
    "status" / FlagsEnum(Int8ul, dd=1, eop=2, ixsm=4, vp=8, tcpcs=0x20, ipcs=0x40, pif=0x80),
    "errors" / FlagsEnum(Int8ul, ce=1, se=2, seq=4, cxe=0x10, tcpe=0x20, ipe=0x40, rxe=0x80),
    "special" / Int16ul,
)

Command = FlagsEnum(Int8ul, eop=1, ifcs=2, ic_or_tse=4, rs=8, rps=0x10, dext=0x20, vle=0x40, ide=0x80)

TxLegacy = Struct(
    "address" / Int64ul,
    "length" / Int16ul,
    "cso" / Int8ul,
    "command" / Command,
    "status" / FlagsEnum(Int8ul, dd=1, ec=2, lc=4),
    "css" / Int8ul,
    "special" / Int16ul,
)

TxData = Struct(
    "address" / Int64ul,
    "word" / ByteSwapped(BitStruct("command" / BitsInteger(8), "dtyp" / BitsInteger(4), "length" / BitsInteger(20))),
    "status" / FlagsEnum(Int8ul, dd=1, ec=2, lc=4),
    "popts" / FlagsEnum(Int8ul, ixsm=1, txsm=2),
    "special" / Int16ul,
)

TxContext = Struct(
    "ipcss" / Int8ul,
    "ipcso" / Int8ul,
    "ipcse" / Int16ul,
    "tucss" / Int8ul,
    "tucso" / Int8ul,
    "tucse" / Int16ul,
    "word" / ByteSwapped(BitStruct("command" / BitsInteger(8), "dtyp" / BitsInteger(4), "paylen" / BitsInteger(20))),
    "status" / FlagsEnum(Int8ul, dd=1),
    "hdrlen" / Int8ul,
    "mss" / Int16ul,
)


def flags(value):
    """The names of the set flags of a parsed FlagsEnum."""
    return " ".join(name for name, on in value.items() if on is True and name[0] != "_") or "-"


def is_context(raw):
    lower = int.from_bytes(raw[8:12], "little")
    return bool(lower & DEXT) and lower >> TYPE_SHIFT & 0xF == 0


def transmit_buffer(raw):
    """(bus address, length in bytes) of what a transmit descriptor sends; (0, 0) for a context."""
    lower = int.from_bytes(raw[8:12], "little")
    if lower & DEXT:
        if is_context(raw):
            return 0, 0
        return int.from_bytes(raw[:8], "little"), lower & 0xFFFFF
    return int.from_bytes(raw[:8], "little"), lower & 0xFFFF


def describe_transmit(raw):
    """One transmit descriptor in words."""
    lower = int.from_bytes(raw[8:12], "little")
    command = flags(Command.parse(raw[11:12]))
    done = " DD" if raw[12] & DONE else ""
    if is_context(raw):
        context = TxContext.parse(raw)
        return (
            f"context ip {context.ipcss}/{context.ipcso}/{context.ipcse} tu {context.tucss}/{context.tucso}"
            f"/{context.tucse} paylen {context.word.paylen} hdrlen {context.hdrlen} mss {context.mss} [{command}]{done}"
        )
    address, length = transmit_buffer(raw)
    return f"{'data' if lower & DEXT else 'legacy'} {address:#x} length {length} [{command}]{done}"


def describe_receive(raw):
    """One receive descriptor in words."""
    descriptor = RxDescriptor.parse(raw)
    text = f"buffer {descriptor.address:#x}"
    if raw[12] & DONE:
        text += f" length {descriptor.length} [{flags(descriptor.status)}] errors [{flags(descriptor.errors)}]"
    return text


class Ring:
    """One ring.  `name` is "TX" or "RX"; the registers are named by offset."""

    def __init__(self, nic, ram, name, registers, describe):
        self.nic = nic
        self.ram = ram
        self.name = name
        self.low, self.high, self.length, self.head_register, self.tail_register, self.control, self.enable = registers
        self.describe = describe

    @property
    def base(self):
        """Bus address of descriptor 0."""
        return self.nic.regs.get(self.high) << 32 | self.nic.regs.get(self.low)

    @property
    def count(self):
        """How many descriptors the card thinks there are; 0 before the ring is set up."""
        return self.nic.regs.get(self.length) // DESCRIPTOR_SIZE

    @property
    def head(self):
        return self.nic.regs.get(self.head_register)

    @property
    def tail(self):
        return self.nic.regs.get(self.tail_register)

    @property
    def enabled(self):
        return bool(self.nic.regs.get(self.control) & self.enable)

    def owned_by_card(self):
        """The indices from head to tail: what the card may use."""
        if not self.count or self.head >= self.count or self.tail >= self.count:
            return []
        return [(self.head + i) % self.count for i in range((self.tail - self.head) % self.count)]

    def slot(self, address):
        """The index of the descriptor that holds bus address `address`, or -1."""
        index = (address - self.base) // DESCRIPTOR_SIZE
        return index if 0 <= index < self.count else -1

    def raw(self, index):
        """The 16 bytes of descriptor `index`; zeros where the ring lies outside RAM."""
        at = self.base + index * DESCRIPTOR_SIZE
        return self.ram.read(at, DESCRIPTOR_SIZE) if self.ram.contains(at, DESCRIPTOR_SIZE) else bytes(DESCRIPTOR_SIZE)

    def done(self, index):
        """True when the card has written descriptor `index` back."""
        return bool(self.raw(index)[12] & DONE)

    def picture(self, index=None):
        """The ring in words: its registers, and the descriptors around head, tail and `index`."""
        state = "enabled" if self.enabled else "off"
        title = f"{self.name} ring at {self.base:#x}, {self.count} descriptors, head {self.head}, tail {self.tail}, {state}"
        if not self.count:
            return title
        lines = [title]
        shown = {
            (place + i) % self.count
            for place in (self.head, self.tail, self.head if index is None else index) for i in range(-AROUND, AROUND + 1)
        }  # fmt: skip
        card = self.owned_by_card()
        before = -1
        for i in sorted(shown):
            if i != before + 1:
                lines.append("  ...")
            before = i
            marks = ("H" if i == self.head else " ") + ("T" if i == self.tail else " ") + (">" if i == index else " ")
            lines.append(f" {marks}{i:4} {'card  ' if i in card else 'driver'} {self.describe(self.raw(i))}")
        return "\n".join(lines)

    # --- assertions ---

    def assert_idle(self):
        """The card has nothing to do: head has reached tail."""
        assert self.head == self.tail, "the card still has work\n" + self.picture()

    def assert_filled(self, at_least=1):
        """The card owns at least so many descriptors."""
        assert len(self.owned_by_card()) >= at_least, f"fewer than {at_least} descriptors are the card's\n" + self.picture()


class Rings:
    """`tx` and `rx` of a card."""

    def __init__(self, nic, ram):
        self.nic = nic
        self.tx = Ring(nic, ram, "TX", (TDBAL, TDBAH, TDLEN, TDH, TDT, TCTL, TCTL_EN), describe_transmit)
        self.rx = Ring(nic, ram, "RX", (RDBAL, RDBAH, RDLEN, RDH, RDT, RCTL, RCTL_EN), describe_receive)

    def receive_room(self):
        """The most that the card writes into one receive buffer as RCTL stands (13.4.22), in bytes."""
        rctl = self.nic.regs.get(RCTL)
        step = rctl >> RCTL_BSIZE_SHIFT & 3
        size = 2048 >> step
        if rctl & RCTL_BSEX and step:
            size *= 16
        return size if rctl & RCTL_LPE else min(size, FRAME_WITHOUT_LPE)

    def locate(self, address):
        """(ring, index) of the descriptor at bus address `address`, or (None, -1)."""
        for ring in (self.tx, self.rx):
            index = ring.slot(address)
            if index >= 0:
                return ring, index
        return None, -1
