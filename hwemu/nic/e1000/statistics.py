"""What the statistics block counts for each frame (13.7).  Octets include the FCS; so do all lengths here."""

from hwemu.nic.e1000.registers import (
    BPRC,
    BPTC,
    GORCL,
    GOTCL,
    GPRC,
    GPTC,
    MPRC,
    MPTC,
    PRC64,
    PTC64,
    REGISTERS,
    TORL,
    TOTL,
    TPR,
    TPT,
    each_word,
)


class Statistics:
    """Counts into the register file; a read by software clears (`RegisterFile.take`)."""

    def __init__(self, regs):
        self.regs = regs

    def count(self, offset):
        self.regs.count(offset)

    def bucket(self, length):
        """Offset of the size counter for `length` from the counter for 64 bytes: 0, 4, 8 ... 20."""
        if length < 128:
            return 0 if length <= 64 else 4
        if length < 512:
            return 8 if length < 256 else 12
        return 16 if length < 1024 else 20

    def arrived(self, length):
        """Any frame that came in, wanted or not."""
        self.regs.count(TPR)
        self.regs.count64(TORL, length)

    def received(self, length, multicast, broadcast):
        """A good frame that passed the filters and was stored."""
        regs = self.regs
        regs.count(GPRC)
        regs.count64(GORCL, length)
        regs.count(PRC64 + self.bucket(length))
        if broadcast:
            regs.count(BPRC)
        elif multicast:
            regs.count(MPRC)

    def transmitted(self, length, multicast, broadcast):
        """A frame that went out."""
        regs = self.regs
        regs.count(TPT)
        regs.count64(TOTL, length)
        regs.count(GPTC)
        regs.count64(GOTCL, length)
        regs.count(PTC64 + self.bucket(length))
        if broadcast:
            regs.count(BPTC)
        elif multicast:
            regs.count(MPTC)

    def values(self):
        """{name: value} of every counter, without clearing; 64-bit pairs as their two words."""
        return {
            name: self.regs.get(offset)
            for row in REGISTERS
            if row.section.startswith("13.7.")
            for offset, name in each_word(row)
        }
