"""The line discipline: what happens to bytes between the line and the program (termios(3)).

Canonical mode hands over whole lines that can be edited while they are typed; otherwise bytes pass as they come.  ISIG
turns the interrupt, quit and suspend characters into signals to the foreground process group, IXON the stop and start
characters into a stop and start of the output.  Every terminal has one: serial lines, and both sides of pseudo-terminals.
"""

from collections import deque

from kernel.tty.opost import TAB, TAB_WIDTH, is_continuation, is_control, opost
from kernel.uapi.signal import SIGINT, SIGQUIT, SIGTSTP
from kernel.uapi.termios import (
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ECHONL,
    ECHOPRT,
    EXTPROC,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNCR,
    INLCR,
    ISIG,
    ISTRIP,
    IUCLC,
    IXANY,
    IXON,
    NOFLSH,
    OPOST,
    PARMRK,
    TIOCPKT_FLUSHREAD,
    VEOF,
    VEOL,
    VEOL2,
    VERASE,
    VINTR,
    VKILL,
    VLNEXT,
    VMIN,
    VQUIT,
    VREPRINT,
    VSTART,
    VSTOP,
    VSUSP,
    VTIME,
    VWERASE,
)

# Bytes that wait for a reader; the last place is for the end of a line.
READ_LIMIT = 4095
# Echo that can not go out now, and so much of it is kept.
ECHO_LIMIT = 4096
NEWLINE = 10
RETURN = 13
MARK = 255
RUBOUT = b"\b \b"
SPECIAL_INPUT = ISTRIP | IUCLC | INLCR | IGNCR | ICRNL | IXON | PARMRK
SPECIAL_LOCAL = ICANON | ISIG | ECHO | ECHONL


class n_tty:
    """The discipline of one terminal: `buffer` is what waits for a reader.

    Positions count from the first byte that ever came, `start` is that of buffer[0].  In canonical mode `ends` has the
    positions behind the complete lines (end-of-file ends a line without a byte), and the line being edited begins at `committed`.
    """

    def __init__(self, tty):
        self.tty = tty
        self.termios = tty.termios
        self.opost = opost(tty.termios)
        self.reset()

    def reset(self):
        """Forget what waits."""
        self.buffer = bytearray()
        self.start = 0
        self.ends = deque()
        self.committed = 0
        self.echoes = bytearray()
        self.literal = False
        self.erasing = False

    # --- for the reader ---

    def available(self, poll=False):
        """True when a reader finds something; `poll`: when it finds as much as VMIN asks for."""
        if self.termios.canonical():
            return bool(self.ends)
        cc = self.termios.cc
        return len(self.buffer) >= (cc[VMIN] if poll and cc[VMIN] and not cc[VTIME] else 1)

    def waiting(self):
        """How many bytes a reader could have (FIONREAD)."""
        return self.committed - self.start if self.termios.canonical() else len(self.buffer)

    def take(self, limit):
        """What a reader with room for `limit` bytes gets: of one line in canonical mode.  b"" is end-of-file; None: nothing."""
        if not self.available():
            return None
        count = min(limit, len(self.buffer))
        if self.termios.canonical():
            count = min(limit, self.ends[0] - self.start)
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        self.start += count
        if self.termios.canonical():
            if self.start == self.ends[0]:
                self.ends.popleft()
        else:
            self.committed = self.start
        return data

    def flush_buffer(self):
        """Throw away what waits for the reader."""
        self.reset()
        self.tty.packet_status(TIOCPKT_FLUSHREAD)

    def set_termios(self, old):
        """The settings have changed from `old`."""
        if (self.termios.lflag ^ old.lflag) & (ICANON | EXTPROC):
            self.ends.clear()
            self.committed = self.start
            self.literal = self.erasing = False
            if self.termios.canonical() and self.buffer:
                # What had come before is a line of its own.
                self.commit()
        if old.iflag & IXON and not self.termios.iflag & IXON and not self.tty.flow_stopped:
            self.tty.start()
        self.tty.write_wakeup()
        if self.available():
            self.tty.wake_reader()

    # --- from the line ---

    def receive_buf(self, data):
        """Bytes from the line; how many were taken: fewer when the reader lags behind."""
        termios = self.termios
        if not termios.lflag & SPECIAL_LOCAL and not termios.iflag & SPECIAL_INPUT:
            count = min(len(data), READ_LIMIT - len(self.buffer))
            self.buffer += data[:count]
        else:
            count = 0
            for byte in data:
                if self.full():
                    break
                self.receive_byte(byte)
                count += 1
            self.flush_echoes()
        if count and self.available():
            self.tty.wake_reader()
        return count

    def full(self):
        """True when nothing more is taken; a line without an end is always taken to its end."""
        return len(self.buffer) >= READ_LIMIT and not (self.termios.canonical() and not self.ends)

    def receive_byte(self, byte):
        termios = self.termios
        iflag = termios.iflag
        lflag = termios.lflag
        if iflag & ISTRIP:
            byte &= 0x7F
        if iflag & IUCLC and lflag & IEXTEN:
            byte = bytes((byte,)).lower()[0]
        if lflag & EXTPROC:
            self.buffer.append(byte)
        elif self.literal:
            self.literal = False
            self.ordinary(byte)
        elif not self.control_output(byte) and not self.send_signal(byte):
            self.received(byte)

    def received(self, byte):
        """A byte that neither stops the output nor sends a signal."""
        iflag = self.termios.iflag
        made_newline = False
        if byte == RETURN:
            if iflag & IGNCR:
                return
            if iflag & ICRNL:
                byte = NEWLINE
                made_newline = True
        elif byte == NEWLINE and iflag & INLCR:
            byte = RETURN
        if not self.termios.lflag & ICANON or not self.edit(byte):
            self.ordinary(byte, made_newline)

    def is_key(self, byte, *indexes):
        """True when the byte is one of these control characters; 0 stands for none."""
        cc = self.termios.cc
        return byte != 0 and any(cc[index] == byte for index in indexes)

    def control_output(self, byte):
        """IXON: True for a byte that stops or starts the output.  IXANY: any other starts it, too."""
        if not self.termios.iflag & IXON:
            return False
        if self.is_key(byte, VSTART):
            self.tty.start()
            return True
        if self.is_key(byte, VSTOP):
            self.tty.stop()
            return True
        if self.tty.stopped and not self.tty.flow_stopped and self.termios.iflag & IXANY:
            self.tty.start()
        return False

    def send_signal(self, byte):
        """ISIG: True for a byte that stands for a signal."""
        if not self.termios.lflag & ISIG or not self.is_key(byte, VINTR, VQUIT, VSUSP):
            return False
        cc = self.termios.cc
        sig = SIGINT if byte == cc[VINTR] else SIGQUIT if byte == cc[VQUIT] else SIGTSTP
        if not self.termios.lflag & NOFLSH:
            self.flush_buffer()
            self.tty.flush_output()
        self.tty.signal(sig)
        if self.termios.iflag & IXON:
            self.tty.start()
        if self.termios.lflag & ECHO:
            self.echo(byte)
        return True

    def ordinary(self, byte, plain=False):
        """A byte for the reader; `plain`: it is echoed as it is."""
        if self.termios.lflag & ECHO:
            self.finish_erasing()
            if self.committed == self.start + len(self.buffer):
                self.opost.canon_column = self.opost.column
            if plain:
                self.echo_raw(bytes((byte,)))
            else:
                self.echo(byte)
        self.put(byte)

    def put(self, byte):
        """Keep a byte for the reader, unless a line has become too long."""
        if len(self.buffer) < READ_LIMIT:
            self.buffer.append(byte)
            if byte == MARK and self.termios.iflag & PARMRK:
                self.buffer.append(byte)

    def commit(self):
        """The line is complete."""
        self.committed = self.start + len(self.buffer)
        self.ends.append(self.committed)

    # --- editing a line ---

    def edit(self, byte):
        """Canonical mode: True for a byte that edits or ends the line."""
        lflag = self.termios.lflag
        extended = lflag & IEXTEN
        if self.is_key(byte, VERASE):
            self.erase(VERASE)
        elif self.is_key(byte, VKILL):
            self.kill(byte)
        elif extended and self.is_key(byte, VWERASE):
            self.erase(VWERASE)
        elif extended and self.is_key(byte, VLNEXT):
            self.literal = True
            if lflag & ECHO:
                self.finish_erasing()
                if lflag & ECHOCTL:
                    self.echo_raw(b"^\b")
        elif extended and lflag & ECHO and self.is_key(byte, VREPRINT):
            self.reprint(byte)
        elif byte == NEWLINE:
            if lflag & (ECHO | ECHONL):
                self.echo_raw(b"\n")
            self.buffer.append(NEWLINE)
            self.commit()
        elif self.is_key(byte, VEOF):
            self.commit()
        elif self.is_key(byte, VEOL) or (extended and self.is_key(byte, VEOL2)):
            self.ordinary(byte)
            self.commit()
        else:
            return False
        return True

    def reprint(self, byte):
        self.finish_erasing()
        self.echo(byte)
        self.echo_raw(b"\n")
        for typed in self.buffer[self.committed - self.start :]:
            self.echo(typed)

    def kill(self, byte):
        """Take back the whole line, or say only that it is gone where the terminal can not rub out."""
        lflag = self.termios.lflag
        if self.committed == self.start + len(self.buffer):
            return
        if lflag & ECHO and lflag & ECHOK and lflag & ECHOKE and lflag & ECHOE:
            self.erase(VKILL)
            return
        del self.buffer[self.committed - self.start :]
        if lflag & ECHO:
            self.finish_erasing()
            self.echo(byte)
            if lflag & ECHOK:
                self.echo_raw(b"\n")

    def erase(self, kind):
        """Take back one character, a word (VWERASE) or all (VKILL)."""
        first = self.committed - self.start
        in_word = False
        while len(self.buffer) > first:
            head = len(self.buffer) - 1
            while head > first and is_continuation(self.buffer[head], self.termios):
                head -= 1
            byte = self.buffer[head]
            if is_continuation(byte, self.termios):
                break
            if kind == VWERASE:
                if is_word(byte):
                    in_word = True
                elif in_word:
                    break
            character = bytes(self.buffer[head:])
            del self.buffer[head:]
            if self.termios.lflag & ECHO:
                self.echo_erased(character, kind)
            if kind == VERASE:
                break
        if len(self.buffer) == first and self.termios.lflag & ECHO:
            self.finish_erasing()

    def echo_erased(self, character, kind):
        """Show that a character is gone."""
        lflag = self.termios.lflag
        byte = character[0]
        if lflag & ECHOPRT:
            if not self.erasing:
                self.erasing = True
                self.echo_raw(b"\\")
            self.echo(byte)
            self.echo_raw(character[1:])
        elif kind == VERASE and not lflag & ECHOE:
            self.echo(self.termios.cc[VERASE])
        elif byte == TAB:
            self.echo_raw(b"\b" * self.width_of_tab())
        elif not is_control(byte):
            self.echo_raw(RUBOUT)
        elif lflag & ECHOCTL:
            self.echo_raw(RUBOUT * 2)

    def width_of_tab(self):
        """How far a tab behind the bytes that are left of the line has moved the cursor."""
        line = self.buffer[self.committed - self.start :]
        _, tab, behind = line.rpartition(b"\t")
        columns = 0 if tab else self.opost.canon_column
        for byte in behind:
            if is_control(byte):
                columns += 2 if self.termios.lflag & ECHOCTL else 0
            elif not is_continuation(byte, self.termios):
                columns += 1
        return TAB_WIDTH - columns % TAB_WIDTH

    def finish_erasing(self):
        """ECHOPRT: what was erased stands between a backslash and a slash."""
        if self.erasing:
            self.erasing = False
            self.echo_raw(b"/")

    # --- echo and output ---

    def echo(self, byte):
        """Show a byte; a control character as ^X where ECHOCTL is on."""
        if is_control(byte) and byte != TAB and self.termios.lflag & ECHOCTL:
            self.echo_raw(bytes((94, byte ^ 0x40)))
        else:
            self.echo_raw(bytes((byte,)))

    def echo_raw(self, data):
        if self.termios.oflag & OPOST:
            data = self.opost.process(data, ECHO_LIMIT)[1]
        if len(self.echoes) + len(data) <= ECHO_LIMIT:
            self.echoes += data

    def flush_echoes(self):
        """Put on the line what was echoed, as far as there is room."""
        if self.echoes:
            count = self.tty.transmit(bytes(self.echoes))
            del self.echoes[:count]

    def write(self, data):
        """A program's output: how many bytes have gone."""
        self.flush_echoes()
        if self.echoes:
            return 0
        count, out = self.opost.process(data, self.tty.write_room())
        if out:
            self.tty.transmit(out)
        return count


def is_word(byte):
    """Letters, digits and the underscore, with those of Latin-1 as the kernel counts them."""
    return byte == 95 or bytes((byte,)).isalnum() or (byte >= 0xC0 and byte not in (0xD7, 0xF7))
