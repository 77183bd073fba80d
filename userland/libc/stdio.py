"""Terminal and text output: <stdio.h>, unbuffered, and a reader of lines.

Nothing is held back, so a program that dies has written what it printed; a program with much to say joins it
first and writes once.
"""

from userland.libc.crt import get_errno, strerror
from userland.libc.transfer import read
from userland.libc.unistd import write_all

STDIN_FILENO = 0
STDOUT_FILENO = 1
STDERR_FILENO = 2


def fputs(text, fd=STDOUT_FILENO):
    """int fputs(const char *s, FILE *stream): text (str or bytes) to a descriptor; 0, or -1."""
    return write_all(fd, text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))


def puts(text=""):
    """int puts(const char *s): the text and a newline to standard output."""
    return fputs(text + "\n")


def printf(form, *arguments):
    """int printf(const char *format, ...)"""
    return fputs(form % arguments if arguments else form)


def dprintf(fd, form, *arguments):
    """int dprintf(int fd, const char *format, ...)"""
    return fputs(form % arguments if arguments else form, fd)


def eputs(text):
    """The text and a newline to standard error."""
    return fputs(text + "\n", STDERR_FILENO)


def perror(text):
    """void perror(const char *s)"""
    eputs(f"{text}: {strerror(get_errno())}")


class LineReader:
    """getline(3) on a descriptor: `line()` is the next line with its newline, b'' at the end, -1 on failure.

    A line longer than `limit` bytes comes in pieces of `limit`.
    """

    def __init__(self, fd, size=4096, limit=65536):
        self.fd = fd
        self.block = bytearray(size)
        self.pending = bytearray()
        self.limit = limit

    def line(self):
        searched = 0
        while True:
            end = self.pending.find(b"\n", searched)
            if end >= 0:
                return self.take(end + 1)
            if len(self.pending) >= self.limit:
                return self.take(self.limit)
            searched = len(self.pending)
            count = read(self.fd, self.block)
            if count < 0:
                return -1
            if count == 0:
                return self.take(len(self.pending))
            self.pending += memoryview(self.block)[:count]

    def take(self, size):
        line = bytes(memoryview(self.pending)[:size])
        del self.pending[:size]
        return line
