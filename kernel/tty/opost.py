"""Output processing: what a program writes becomes what goes on the line, and the column of the cursor (termios(3), c_oflag)."""

from kernel.uapi.termios import IUTF8, OCRNL, OLCUC, ONLCR, ONLRET, ONOCR, OPOST, TABDLY, XTABS

BACKSPACE, TAB, NEWLINE, RETURN, DELETE = 8, 9, 10, 13, 127
TAB_WIDTH = 8
# What makes every byte be looked at.
SLOW_FLAGS = OLCUC | OCRNL | ONOCR | ONLRET


def is_control(byte):
    return byte < 32 or byte == DELETE


def is_continuation(byte, termios):
    """True for the second and further bytes of a UTF-8 sequence, where the terminal speaks UTF-8."""
    return byte & 0xC0 == 0x80 and termios.iflag & IUTF8 != 0


class opost:
    """The output side of one terminal: `column` is where the cursor stands, `canon_column` where the line being edited began."""

    def __init__(self, termios):
        self.termios = termios
        self.column = 0
        self.canon_column = 0

    def process(self, data, room):
        """(how many bytes of `data` are done, what goes on the line for them: at most `room` bytes)."""
        oflag = self.termios.oflag
        if not oflag & OPOST:
            done = data[:room]
            return len(done), done
        if not oflag & SLOW_FLAGS and oflag & TABDLY != XTABS:
            done = data[:room]
            out = done.replace(b"\n", b"\r\n") if oflag & ONLCR else done
            if len(out) <= room:
                self.follow(done)
                return len(done), out
        out = bytearray()
        count = 0
        for byte in data:
            piece = self.output_byte(byte, room - len(out))
            if piece is None:
                break
            out += piece
            count += 1
        return count, bytes(out)

    def output_byte(self, byte, room):
        """What one byte becomes; None when that does not fit."""
        termios = self.termios
        oflag = termios.oflag
        column = self.column
        out = bytes((byte,))
        if byte == NEWLINE:
            if oflag & ONLCR:
                out = b"\r\n"
            if oflag & (ONLCR | ONLRET):
                column = 0
        elif byte == RETURN:
            if oflag & ONOCR and column == 0:
                return b""
            if oflag & OCRNL:
                out = b"\n"
            if not oflag & OCRNL or oflag & ONLRET:
                column = 0
        elif byte == TAB:
            width = TAB_WIDTH - column % TAB_WIDTH
            if oflag & TABDLY == XTABS:
                out = b" " * width
            column += width
        elif byte == BACKSPACE:
            column = max(0, column - 1)
        elif not is_control(byte):
            if oflag & OLCUC:
                out = out.upper()
            if not is_continuation(byte, termios):
                column += 1
        if len(out) > room:
            return None
        self.column = column
        if byte in (NEWLINE, RETURN):
            self.canon_column = column
        return out

    def follow(self, data):
        """Bytes that need no change went out: where is the cursor now?"""
        start = data.rfind(b"\r") + 1
        if self.termios.oflag & ONLCR:
            start = max(start, data.rfind(b"\n") + 1)
        if start:
            self.column = self.canon_column = 0
        rest = data[start:]
        if rest.isascii() and rest.decode("ascii").isprintable():
            self.column += len(rest)
            return
        for byte in rest:
            if byte == TAB:
                self.column += TAB_WIDTH - self.column % TAB_WIDTH
            elif byte == BACKSPACE:
                self.column = max(0, self.column - 1)
            elif not is_control(byte) and not is_continuation(byte, self.termios):
                self.column += 1
