"""TELNET as a client speaks it (RFC 854, 855): commands out of the stream, answers to option negotiation."""

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
ECHO = 1
SUPPRESS_GO_AHEAD = 3
TERMINAL_TYPE = 24
WINDOW_SIZE = 31
MAX_SUBNEGOTIATION = 256


class Decoder:
    """Feed it bytes of the server: it returns what is for the screen, and keeps the answers in `reply`.

    The server may do ECHO and SUPPRESS-GO-AHEAD; we do SUPPRESS-GO-AHEAD, TERMINAL-TYPE and NAWS when asked (RFC 1091,
    1073).  Everything else is refused once.
    """

    def __init__(self, terminal, window):
        self.terminal = terminal
        self.window = window
        self.reply = bytearray()
        self.theirs = {}
        self.ours = {}
        self.state = "data"
        self.command = 0
        self.parameters = bytearray()
        self.after_return = False

    def echoes(self):
        """Whether the server echoes what is typed: then the terminal must not."""
        return self.theirs.get(ECHO, False)

    def feed(self, data):
        """The bytes for the screen."""
        out = bytearray()
        for byte in data:
            if self.state == "data":
                if byte == IAC:
                    self.state = "iac"
                elif self.after_return and byte == 0:
                    self.after_return = False
                else:
                    self.after_return = byte == 13
                    out.append(byte)
            else:
                self.control(byte, out)
        return bytes(out)

    def control(self, byte, out):
        if self.state == "iac":
            if byte == IAC:
                out.append(IAC)
                self.state = "data"
            elif byte in (DO, DONT, WILL, WONT):
                self.command = byte
                self.state = "option"
            else:
                self.state = "sub" if byte == SB else "data"
                self.parameters.clear()
        elif self.state == "option":
            self.state = "data"
            self.negotiate(self.command, byte)
        elif self.state == "sub":
            if byte == IAC:
                self.state = "sub-iac"
            elif len(self.parameters) < MAX_SUBNEGOTIATION:
                self.parameters.append(byte)
        elif byte == SE:
            self.state = "data"
            self.subnegotiate(bytes(self.parameters))
        else:
            self.state = "sub"

    def negotiate(self, command, option):
        """Answer only what changes something (RFC 854: no loops)."""
        if command in (WILL, WONT):
            wanted = command == WILL and option in (ECHO, SUPPRESS_GO_AHEAD)
            if self.theirs.get(option, False) != wanted or (command == WILL and not wanted and option not in self.theirs):
                self.reply += bytes([IAC, DO if wanted else DONT, option])
            self.theirs[option] = wanted
            return
        wanted = command == DO and option in (SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE)
        if self.ours.get(option, False) != wanted or (command == DO and not wanted and option not in self.ours):
            self.reply += bytes([IAC, WILL if wanted else WONT, option])
        self.ours[option] = wanted
        if wanted and option == WINDOW_SIZE:
            rows, columns = self.window
            size = columns.to_bytes(2, "big") + rows.to_bytes(2, "big")
            self.reply += bytes([IAC, SB, WINDOW_SIZE]) + escape(size) + bytes([IAC, SE])

    def subnegotiate(self, parameters):
        if parameters[:2] == bytes([TERMINAL_TYPE, 1]) and self.ours.get(TERMINAL_TYPE, False):
            self.reply += bytes([IAC, SB, TERMINAL_TYPE, 0]) + self.terminal.encode("ascii", "replace") + bytes([IAC, SE])


def escape(data):
    """Bytes as they stand in the stream: a 255 is doubled."""
    return bytes(data).replace(b"\xff", b"\xff\xff")


def typed(data):
    """What is typed, as the network virtual terminal sends it: a line ends in CR LF, a lone CR is CR NUL."""
    return escape(data).replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")
