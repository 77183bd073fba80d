"""The line discipline: what happens to bytes between the line and the program.

Canonical mode hands over whole lines, with erase, word erase, kill and end-of-file; otherwise bytes pass as they come.
ISIG turns the interrupt, quit and suspend characters into signals to the foreground process group.
"""

from collections import deque

from kernel.uapi.signal import SIGINT, SIGQUIT, SIGTSTP
from kernel.uapi.termios import (
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHONL,
    ICANON,
    ICRNL,
    IGNCR,
    INLCR,
    ISIG,
    NOFLSH,
    ONLCR,
    OPOST,
    VEOF,
    VERASE,
    VINTR,
    VKILL,
    VQUIT,
    VSUSP,
    VWERASE,
)

# Bytes that wait for a reader; what comes beyond them is lost, with a bell.
READ_LIMIT = 65536
LINE_LIMIT = 4095
NEWLINE = 10
RETURN = 13
BELL = b"\a"


class n_tty:
    """The state of one line: `chunks` is what a reader gets, one line or piece each; `line` is being edited."""

    def __init__(self, termios, write, signal):
        self.termios = termios
        self.write = write
        self.signal = signal
        self.chunks = deque()
        self.line = bytearray()
        self.waiting = 0

    def readable(self):
        return bool(self.chunks)

    def flush(self):
        """Throw away what waits."""
        self.chunks.clear()
        self.line.clear()
        self.waiting = 0

    def receive(self, data):
        """Bytes from the line; True when a reader may now find something."""
        before = len(self.chunks)
        if self.termios.lflag & (ICANON | ISIG | ECHO) or self.termios.iflag & (ICRNL | IGNCR | INLCR):
            for byte in data:
                self.receive_byte(byte)
        else:
            self.append(bytes(data))
        return len(self.chunks) != before

    def append(self, chunk):
        if self.waiting + len(chunk) > READ_LIMIT:
            self.write(BELL)
            return
        self.waiting += len(chunk)
        self.chunks.append(chunk)

    def receive_byte(self, byte):
        termios = self.termios
        if byte == RETURN:
            if termios.iflag & IGNCR:
                return
            if termios.iflag & ICRNL:
                byte = NEWLINE
        elif byte == NEWLINE and termios.iflag & INLCR:
            byte = RETURN
        if termios.lflag & ISIG and byte:
            sig = self.signal_of(byte)
            if sig:
                self.echo(byte)
                if not termios.lflag & NOFLSH:
                    self.flush()
                self.signal(sig)
                return
        if termios.lflag & ICANON:
            self.edit(byte)
        else:
            self.echo(byte)
            self.append(bytes((byte,)))

    def signal_of(self, byte):
        """The signal that a character stands for, or 0."""
        cc = self.termios.cc
        if byte == cc[VINTR]:
            return SIGINT
        if byte == cc[VQUIT]:
            return SIGQUIT
        return SIGTSTP if byte == cc[VSUSP] else 0

    def edit(self, byte):
        """One byte in canonical mode."""
        cc = self.termios.cc
        if byte and byte == cc[VERASE]:
            self.erase(1)
        elif byte and byte == cc[VWERASE]:
            kept = len(self.line.rstrip())
            while kept and not chr(self.line[kept - 1]).isspace():
                kept -= 1
            self.erase(len(self.line) - kept)
        elif byte and byte == cc[VKILL]:
            self.erase(len(self.line))
            if self.termios.lflag & ECHOK and not self.termios.lflag & ECHOE:
                self.write(b"\n")
        elif byte and byte == cc[VEOF]:
            self.append(bytes(self.line))
            self.line.clear()
        elif byte == NEWLINE:
            if self.termios.lflag & (ECHO | ECHONL):
                self.write(self.processed(b"\n"))
            self.append(bytes(self.line) + b"\n")
            self.line.clear()
        elif len(self.line) >= LINE_LIMIT:
            self.write(BELL)
        else:
            self.line.append(byte)
            self.echo(byte)

    def erase(self, count):
        """Take back the last `count` characters of the line (a UTF-8 sequence is one)."""
        while count > 0 and self.line:
            byte = self.line.pop()
            while byte & 0xC0 == 0x80 and self.line:
                byte = self.line.pop()
                count -= 1
            count -= 1
            if self.termios.lflag & ECHO and self.termios.lflag & ECHOE:
                width = 2 if byte < 32 and self.termios.lflag & ECHOCTL else 1
                self.write(b"\b \b" * width)

    def echo(self, byte):
        if not self.termios.lflag & ECHO:
            return
        if self.termios.lflag & ECHOCTL and (byte < 32 or byte == 127) and byte not in (9, NEWLINE, RETURN):
            self.write(bytes((94, byte ^ 0x40)))
        else:
            self.write(self.processed(bytes((byte,))))

    def take(self, limit):
        """What a reader with room for `limit` bytes gets (b"" is end-of-file), or None when nothing waits."""
        if not self.chunks:
            return None
        chunk = self.chunks.popleft()
        if not self.termios.lflag & ICANON:
            parts = [chunk]
            size = len(chunk)
            while self.chunks and size < limit:
                parts.append(self.chunks.popleft())
                size += len(parts[-1])
            chunk = b"".join(parts)
        if len(chunk) > limit:
            self.chunks.appendleft(chunk[limit:])
            chunk = chunk[:limit]
        self.waiting -= len(chunk)
        return chunk

    def processed(self, data):
        """Output as it goes on the line."""
        oflag = self.termios.oflag
        if oflag & OPOST and oflag & ONLCR and b"\n" in data:
            return data.replace(b"\n", b"\r\n")
        return data
