"""The files that a command line names, one after the other: `-`, or nothing, is standard input."""

from userland import libc

BLOCK = 65536


class Files:
    """Opens each name in turn; what can not be opened is told on standard error and makes `status` 1."""

    def __init__(self, program, names):
        self.program = program
        self.names = list(names) or ["-"]
        self.status = 0

    def complain(self, name):
        libc.eputs(f"{self.program}: {name}: {libc.strerror(libc.errno)}")
        self.status = 1

    def descriptors(self):
        """Yields (name, descriptor); the descriptor is closed behind the loop's body."""
        for name in self.names:
            fd = libc.STDIN_FILENO if name == "-" else libc.open(name)
            if fd < 0:
                self.complain(name)
                continue
            yield name, fd
            if fd != libc.STDIN_FILENO:
                libc.close(fd)

    def lines(self):
        """Yields the lines of all of them as bytes, each with its newline (the last may have none)."""
        for name, fd in self.descriptors():
            reader = libc.LineReader(fd, BLOCK, 1 << 24)
            while True:
                line = reader.line()
                if line == -1:
                    self.complain(name)
                    break
                if not line:
                    break
                yield line

    def blocks(self):
        """Yields the bytes of all of them in pieces."""
        for name, fd in self.descriptors():
            while True:
                chunk = libc.read_bytes(fd, BLOCK)
                if chunk == -1:
                    self.complain(name)
                    break
                if not chunk:
                    break
                yield chunk

    def whole(self):
        """All bytes of all of them."""
        return b"".join(self.blocks())


class Output:
    """Standard output, written in large pieces; False from `write` when nobody takes them."""

    def __init__(self, fd=libc.STDOUT_FILENO):
        self.fd = fd
        self.pending = []
        self.size = 0

    def write(self, data):
        self.pending.append(data)
        self.size += len(data)
        return self.flush() if self.size >= BLOCK else True

    def flush(self):
        data, self.pending, self.size = b"".join(self.pending), [], 0
        return not data or libc.write_all(self.fd, data) == 0


def options_of(program, argv, letters, usage, minimum=0, maximum=None, long_names=()):
    """The `Options` of a command line, or None with the one line that says what is wrong with it printed."""
    try:
        options = libc.getopt(argv, letters, usage, long_names)
        if len(options.operands) < minimum or (maximum is not None and len(options.operands) > maximum):
            raise libc.UsageError(f"usage: {usage}")
    except libc.UsageError as error:
        libc.eputs(f"{program}: {error}")
        return None
    return options
