"""The settings of a terminal, termios(3): what they are at first, and the three forms in which programs see them."""

from struct import Struct

from kernel.uapi.termios import (
    B38400,
    BOTHER,
    CBAUD,
    CREAD,
    CS8,
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    EXTPROC,
    HUPCL,
    IBSHIFT,
    ICANON,
    ICRNL,
    IEXTEN,
    ISIG,
    IXON,
    NCC,
    ONLCR,
    OPOST,
)

# iflag, oflag, cflag, lflag, line, cc; the second form with both speeds in bit/s; and the oldest, of 16-bit words.
TERMIOS = Struct("<IIIIB19s")
TERMIOS2 = Struct("<IIIIB19sII")
TERMIO = Struct("<HHHHB8sx")
# ^C ^\ DEL ^U ^D, time 0, minimum 1, -, ^Q ^S ^Z, -, ^R ^O ^W ^V: c_cc from VINTR on.
CONTROL_CHARACTERS = bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0))
COOKED = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN
# B0 to B38400, and B57600 (0o10001) to B4000000.
SPEEDS = (0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400)
FAST_SPEEDS = (
    57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
)  # fmt: skip


class ktermios:
    """struct ktermios; `transparent`: a line that changes no byte."""

    def __init__(self, cflag=B38400 | CS8 | CREAD | HUPCL, transparent=False):
        self.iflag = 0 if transparent else ICRNL | IXON
        self.oflag = 0 if transparent else OPOST | ONLCR
        self.cflag = cflag
        self.lflag = 0 if transparent else COOKED
        self.line = 0
        self.cc = bytearray(CONTROL_CHARACTERS)
        self.ispeed = self.ospeed = speed(cflag, 0)

    def canonical(self):
        """True when the discipline makes lines (with EXTPROC the other end does)."""
        return self.lflag & (ICANON | EXTPROC) == ICANON

    def copy(self):
        other = ktermios()
        other.unpack2(self.pack2())
        return other

    def take(self, other):
        """Be as `other`; the object stays, for who holds it."""
        self.unpack2(other.pack2())

    # --- the forms ---

    def pack(self):
        return TERMIOS.pack(self.iflag, self.oflag, self.cflag, self.lflag, self.line, bytes(self.cc))

    def unpack(self, raw):
        self.iflag, self.oflag, self.cflag, self.lflag, self.line, control = TERMIOS.unpack(raw)
        self.cc[:] = control
        self.set_speeds()

    def pack2(self):
        return self.pack() + self.ispeed.to_bytes(4, "little") + self.ospeed.to_bytes(4, "little")

    def unpack2(self, raw):
        *head, control, self.ispeed, self.ospeed = TERMIOS2.unpack(raw)
        self.iflag, self.oflag, self.cflag, self.lflag, self.line = head
        self.cc[:] = control
        self.set_speeds()

    def pack_termio(self):
        words = (self.iflag & 0xFFFF, self.oflag & 0xFFFF, self.cflag & 0xFFFF, self.lflag & 0xFFFF)
        return TERMIO.pack(*words, self.line, bytes(self.cc[:NCC]))

    def unpack_termio(self, raw):
        """The low halves of the flags and the first characters; the rest stays."""
        iflag, oflag, cflag, lflag, self.line, control = TERMIO.unpack(raw)
        self.iflag = self.iflag & ~0xFFFF | iflag
        self.oflag = self.oflag & ~0xFFFF | oflag
        self.cflag = self.cflag & ~0xFFFF | cflag
        self.lflag = self.lflag & ~0xFFFF | lflag
        self.cc[:NCC] = control
        self.set_speeds()

    def set_speeds(self):
        """The speeds that c_cflag names; BOTHER keeps the numbers."""
        self.ospeed = speed(self.cflag, self.ospeed)
        input_bits = self.cflag >> IBSHIFT & CBAUD
        self.ispeed = speed(input_bits, self.ispeed) if input_bits else self.ospeed


def speed(cflag, other):
    """The bit/s that the CBAUD bits stand for; `other` for BOTHER and numbers that there are not."""
    bits = cflag & CBAUD
    if bits & BOTHER:
        index = (bits & ~BOTHER) - 1
        return FAST_SPEEDS[index] if 0 <= index < len(FAST_SPEEDS) else other
    return SPEEDS[bits]


