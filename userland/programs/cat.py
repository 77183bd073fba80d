"""cat: copies files, or standard input, to standard output."""

from userland import libc

USAGE = "cat [FILE ...]"
BLOCK = 262144


def main(argv):
    try:
        options = libc.getopt(argv, "u", USAGE)
    except libc.UsageError as error:
        libc.eputs(f"cat: {error}")
        return 2
    status = 0
    for name in options.operands or ["-"]:
        fd = 0 if name == "-" else libc.open(name)
        if fd < 0 or not copy(fd):
            libc.perror(f"cat: {name}")
            status = 1
        if fd > 0:
            libc.close(fd)
    return status


def copy(fd):
    """All of `fd` to standard output; False with errno set on failure."""
    buffer = bytearray(BLOCK)
    view = memoryview(buffer)
    while True:
        count = libc.read(fd, buffer)
        if count <= 0:
            return count == 0
        if libc.write_all(libc.STDOUT_FILENO, view[:count]) < 0:
            return False
