"""tail: the last lines of files."""

from userland import libc
from userland.programs.head import with_count

USAGE = "tail [-n [+]LINES | -LINES | -c BYTES] [FILE ...]"
BLOCK = 65536
# What is kept of a stream that is longer: enough for any sensible number of lines.
KEPT = 4 << 20


def main(argv):
    try:
        options = libc.getopt(with_count(argv), "n:c:", USAGE)
        from_start = options.get("n", "").startswith("+")
        lines = libc.integer(options.get("n", "10").removeprefix("+"), 0)
        size = options.integer("c", -1) if options.has("c") else -1
    except libc.UsageError as error:
        libc.eputs(f"tail: {error}")
        return 2
    names = options.operands or ["-"]
    status = 0
    for index, name in enumerate(names):
        fd = 0 if name == "-" else libc.open(name)
        data = read_end(fd) if fd >= 0 else None
        if data is None:
            libc.perror(f"tail: {name}")
            status = 1
            continue
        if fd > 0:
            libc.close(fd)
        if len(names) > 1:
            libc.puts(("\n" if index else "") + f"==> {name} <==")
        if size >= 0:
            libc.fputs(data[len(data) - min(size, len(data)) :])
        else:
            libc.fputs(lines_from(data, lines) if from_start else last_lines(data, lines))
    return status


def read_end(fd):
    """The end of what a descriptor holds, at most 4 MiB; None when reading fails."""
    data = bytearray()
    while True:
        chunk = libc.read_bytes(fd, BLOCK)
        if chunk == -1:
            return None
        if not chunk:
            return bytes(data)
        data += chunk
        if len(data) > 2 * KEPT:
            del data[:-KEPT]


def lines_from(data, number):
    """`-n +NUMBER`: everything from that line on."""
    return b"".join(data.splitlines(keepends=True)[max(0, number - 1) :])


def last_lines(data, count):
    """The last `count` lines of `data`."""
    if count == 0:
        return b""
    position = len(data) - 1 if data.endswith(b"\n") else len(data)
    for _ in range(count):
        position = data.rfind(b"\n", 0, max(position, 0))
        if position < 0:
            return data
    return data[position + 1 :]
