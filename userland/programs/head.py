"""head: the first lines, or bytes, of files."""

from userland import libc

USAGE = "head [-n LINES | -LINES | -c BYTES] [FILE ...]"
BLOCK = 65536


def main(argv):
    try:
        options = libc.getopt(with_count(argv), "n:c:", USAGE)
        lines = options.integer("n", 10, -(1 << 31))
        size = options.integer("c", -1) if options.has("c") else -1
    except libc.UsageError as error:
        libc.eputs(f"head: {error}")
        return 2
    names = options.operands or ["-"]
    status = 0
    for index, name in enumerate(names):
        fd = 0 if name == "-" else libc.open(name)
        if fd < 0:
            libc.perror(f"head: {name}")
            status = 1
            continue
        if len(names) > 1:
            libc.puts(("\n" if index else "") + f"==> {name} <==")
        if (head_bytes(fd, size) if size >= 0 else head_lines(fd, lines)) < 0:
            libc.perror(f"head: {name}")
            status = 1
        if fd > 0:
            libc.close(fd)
    return status


def with_count(argv):
    """The command line with `-5` as `-n 5`."""
    words = list(argv)
    if len(words) > 1 and words[1][:1] == "-" and words[1][1:].isdigit():
        words[1:2] = ["-n", words[1][1:]]
    return words


def head_bytes(fd, left):
    while left > 0:
        chunk = libc.read_bytes(fd, min(left, BLOCK))
        if chunk == -1:
            return -1
        if not chunk:
            break
        left -= len(chunk)
        if libc.write_all(1, chunk) < 0:
            return -1
    return 0


def all_but_last(fd, count):
    """`-n -COUNT`: what is left when the last lines are gone."""
    reader = libc.LineReader(fd, BLOCK, 1 << 24)
    kept = []
    while True:
        line = reader.line()
        if line == -1:
            return -1
        if not line:
            return 0
        kept.append(line)
        if len(kept) > count and libc.write_all(1, kept.pop(0)) < 0:
            return -1


def head_lines(fd, left):
    if left < 0:
        return all_but_last(fd, -left)
    while left > 0:
        chunk = libc.read_bytes(fd, BLOCK)
        if chunk == -1:
            return -1
        if not chunk:
            break
        end = 0
        while left > 0 and end < len(chunk):
            found = chunk.find(b"\n", end)
            if found < 0:
                end = len(chunk)
                break
            end = found + 1
            left -= 1
        if libc.write_all(1, memoryview(chunk)[:end]) < 0:
            return -1
    return 0
