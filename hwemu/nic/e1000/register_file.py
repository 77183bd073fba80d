# cython: boundscheck=False, wraparound=False
"""The device's register values: 32-bit words by byte offset, with the statistics counters among them."""

from array import array

from hwemu.nic.e1000.bits import ALL_ONES
from hwemu.nic.e1000.registers import KEPT_BY_RESET, LAYOUT


class RegisterFile:
    """`get` and `put` reach a value whatever its access; `store` honours the write mask as software does.

    Counters saturate at all ones and never wrap (13.7); 64-bit ones are pairs of words, the low one first.
    """

    def __init__(self):
        self.value = array("I", LAYOUT.reset)
        self.initial = LAYOUT.reset
        self.mask = LAYOUT.mask

    def reset(self):
        """Every register to its value after reset, except the record of a wakeup."""
        kept = [self.value[offset >> 2] for offset in KEPT_BY_RESET]
        self.value[:] = self.initial
        for offset, value in zip(KEPT_BY_RESET, kept, strict=True):
            self.value[offset >> 2] = value

    def get(self, offset):
        return self.value[offset >> 2]

    def put(self, offset, value):
        self.value[offset >> 2] = value

    def address(self, offset):
        """The MAC address in the words at `offset` and behind, its first byte lowest."""
        i = offset >> 2
        high = self.value[i + 1] & 0xFFFF
        return high << 32 | self.value[i]

    def store(self, offset, value):
        """What a write does to a plain register: bits outside the mask stay."""
        i = offset >> 2
        self.value[i] = (self.value[i] & ~self.mask[i] & ALL_ONES) | (value & self.mask[i])

    def count(self, offset):
        """Add one to a counter."""
        i = offset >> 2
        if self.value[i] != ALL_ONES:
            self.value[i] += 1

    def count64(self, low, amount):
        """Add `amount` to the 64-bit counter whose low word is at offset `low`."""
        i = low >> 2
        total = self.value[i] + amount
        if total > ALL_ONES:
            if self.value[i + 1] == ALL_ONES:
                total = ALL_ONES
            else:
                self.value[i + 1] += 1
        self.value[i] = total & ALL_ONES

    def take(self, offset):
        """Read a counter and clear it."""
        i = offset >> 2
        value = self.value[i]
        self.value[i] = 0
        return value

    def take_pair(self, high):
        """Read the high word of a 64-bit counter and clear both."""
        i = high >> 2
        value = self.value[i]
        self.value[i] = 0
        self.value[i - 1] = 0
        return value
