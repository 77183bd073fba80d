"""The keyboard: a line editor with history, as a state machine that takes bytes and gives text to draw."""

LINE = "line"
INTERRUPT = "interrupt"
EOF = "eof"

MAX_LINE = 4096
HISTORY = 500

CTRL_A, CTRL_B, CTRL_C, CTRL_D, CTRL_E, CTRL_F = 1, 2, 3, 4, 5, 6
BACKSPACE, TAB, LINE_FEED, CTRL_K, CTRL_L, RETURN = 8, 9, 10, 11, 12, 13
CTRL_N, CTRL_P, CTRL_R, CTRL_U, CTRL_W, CTRL_G, ESCAPE, DELETE = 14, 16, 18, 21, 23, 7, 27, 127


class LineEditor:
    """One line at a time: `feed` a byte, draw what `take_output` returns, act on the event it returned.

    Events: (LINE, text), (INTERRUPT, ""), (EOF, "").  `complete(text before the cursor)` returns the candidates
    for its last word, which begins at `completed_from(text)`.
    """

    def __init__(self, complete=None, columns=80, completed_from=lambda text: text.rfind(" ") + 1):
        self.complete = complete
        self.completed_from = completed_from
        self.columns = columns
        self.history = []
        self.prompt = ""
        self.text = ""
        self.cursor = 0
        self.recalled = 0
        self.stash = ""
        self.escape = b""
        self.encoded = b""
        self.output = []
        # What Ctrl-R looks for (None: nothing), and the line of the history where it was found.
        self.sought = None
        self.found = 0

    def start(self, prompt):
        """Begin a new line."""
        self.prompt = prompt
        self.text = ""
        self.cursor = 0
        self.sought = None
        self.recalled = len(self.history)
        self.draw()

    def take_output(self):
        """What to write to the terminal since the last call."""
        text = "".join(self.output)
        self.output.clear()
        return text

    def draw(self):
        """The whole line again; a line wider than the terminal scrolls sideways."""
        prompt = self.prompt if self.sought is None else f"(reverse-i-search)`{self.sought}': "
        room = max(10, self.columns - len(prompt) - 1)
        first = max(0, self.cursor - room)
        shown = self.text[first : first + room]
        back = len(shown) - (self.cursor - first)
        self.output.append(f"\r{prompt}{shown}\x1b[K" + (f"\x1b[{back}D" if back else ""))

    def feed(self, byte):
        """One byte from the terminal: an event, or None."""
        if self.escape:
            self.escape_byte(byte)
            return None
        if self.sought is not None and self.search_byte(byte):
            return None
        if byte in (RETURN, LINE_FEED):
            return self.finish()
        if byte == CTRL_C:
            self.output.append("^C\r\n")
            return INTERRUPT, ""
        if byte == CTRL_D and not self.text:
            self.output.append("\r\n")
            return EOF, ""
        if byte == ESCAPE:
            self.escape = b"\x1b"
        elif byte >= 32 and byte != DELETE:
            self.insert_byte(byte)
        else:
            self.control(byte)
        return None

    def finish(self):
        line = self.text
        if line.strip() and (not self.history or self.history[-1] != line):
            self.history.append(line)
            del self.history[:-HISTORY]
        self.output.append("\r\n")
        return LINE, line

    def insert_byte(self, byte):
        """Gathers UTF-8; a byte that can not continue is dropped."""
        self.encoded += bytes([byte])
        try:
            text = self.encoded.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason != "unexpected end of data" or len(self.encoded) > 3:
                self.encoded = b""
            return
        self.encoded = b""
        self.insert(text)

    def insert(self, text):
        if len(self.text) + len(text) <= MAX_LINE:
            self.text = self.text[: self.cursor] + text + self.text[self.cursor :]
            self.cursor += len(text)
            self.draw()

    def control(self, byte):
        text, cursor = self.text, self.cursor
        if byte in (BACKSPACE, DELETE) and cursor:
            self.replace(text[: cursor - 1] + text[cursor:], cursor - 1)
        elif byte == CTRL_D:
            self.replace(text[:cursor] + text[cursor + 1 :], cursor)
        elif byte == CTRL_A:
            self.move(0)
        elif byte == CTRL_E:
            self.move(len(text))
        elif byte == CTRL_B:
            self.move(cursor - 1)
        elif byte == CTRL_F:
            self.move(cursor + 1)
        elif byte == CTRL_K:
            self.replace(text[:cursor], cursor)
        elif byte == CTRL_U:
            self.replace(text[cursor:], 0)
        elif byte == CTRL_W:
            start = self.word_start(text, cursor)
            self.replace(text[:start] + text[cursor:], start)
        elif byte == CTRL_L:
            self.output.append("\x1b[H\x1b[2J")
            self.draw()
        elif byte == CTRL_P:
            self.recall(-1)
        elif byte == CTRL_N:
            self.recall(1)
        elif byte == CTRL_R:
            self.stash = self.text
            self.sought = ""
            self.found = len(self.history)
            self.draw()
        elif byte == TAB and self.complete is not None:
            self.complete_word()

    def search_byte(self, byte):
        """A byte while Ctrl-R looks for something; False when it ends the search and counts for the line."""
        if byte == CTRL_G or byte == CTRL_C:
            self.sought = None
            self.replace(self.stash, len(self.stash))
        elif byte == CTRL_R:
            self.search(self.found - 1)
        elif byte in (BACKSPACE, DELETE):
            self.sought = self.sought[:-1]
            self.search(len(self.history) - 1)
        elif 32 <= byte < DELETE:
            self.sought += chr(byte)
            self.search(min(self.found, len(self.history) - 1))
        else:
            self.sought = None
            self.draw()
            return False
        return True

    def search(self, start):
        """Show the latest line up to `start` that holds what is sought."""
        for index in range(start, -1, -1):
            if self.sought in self.history[index]:
                self.found = self.recalled = index
                self.replace(self.history[index], self.history[index].find(self.sought))
                return
        self.output.append("\a")
        self.draw()

    def word_start(self, text, cursor):
        while cursor and text[cursor - 1] == " ":
            cursor -= 1
        while cursor and text[cursor - 1] != " ":
            cursor -= 1
        return cursor

    def replace(self, text, cursor):
        self.text = text
        self.cursor = cursor
        self.draw()

    def move(self, cursor):
        self.cursor = max(0, min(len(self.text), cursor))
        self.draw()

    def recall(self, step):
        """The previous or next line of the history; the line being typed waits behind the last one."""
        target = self.recalled + step
        if not 0 <= target <= len(self.history):
            return
        if self.recalled == len(self.history):
            self.stash = self.text
        self.recalled = target
        text = self.stash if target == len(self.history) else self.history[target]
        self.replace(text, len(text))

    def escape_byte(self, byte):
        """ESC [ A and its like; unknown sequences are swallowed whole."""
        self.escape += bytes([byte])
        if len(self.escape) == 2 and byte in (0x5B, 0x4F):
            return
        if len(self.escape) > 2 and not 0x40 <= byte <= 0x7E and len(self.escape) < 16:
            return
        sequence, self.escape = self.escape, b""
        self.sequence(sequence[2:])

    def sequence(self, name):
        if name == b"A":
            self.recall(-1)
        elif name == b"B":
            self.recall(1)
        elif name == b"C":
            self.move(self.cursor + 1)
        elif name == b"D":
            self.move(self.cursor - 1)
        elif name in (b"H", b"1~", b"7~"):
            self.move(0)
        elif name in (b"F", b"4~", b"8~"):
            self.move(len(self.text))
        elif name == b"3~":
            self.replace(self.text[: self.cursor] + self.text[self.cursor + 1 :], self.cursor)

    def complete_word(self):
        """Insert what all candidates share; when that is nothing, list them."""
        before = self.text[: self.cursor]
        candidates = self.complete(before)
        if not candidates:
            return
        word = before[self.completed_from(before) :]
        shared = candidates[0]
        for candidate in candidates[1:]:
            while not candidate.startswith(shared):
                shared = shared[:-1]
        addition = shared[len(word) :]
        if len(candidates) == 1 and not shared.endswith("/"):
            addition += " "
        if addition:
            self.insert(addition)
        elif len(candidates) > 1:
            self.output.append("\r\n" + "  ".join(candidates[:200]) + "\r\n")
            self.draw()
