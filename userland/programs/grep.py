"""grep: the lines that match a pattern (Python's regular expressions)."""

import re

from userland import libc

USAGE = "grep [-ivncqF] PATTERN [FILE ...]"
MATCHED, UNMATCHED, TROUBLE = 0, 1, 2


def main(argv):
    try:
        options = libc.getopt(argv, "ivncqFE", USAGE)
        if not options.operands:
            raise libc.UsageError(f"usage: {USAGE}")
        text = options.operands[0]
        flags = re.IGNORECASE if options.has("i") else 0
        pattern = re.compile((re.escape(text) if options.has("F") else text).encode("utf-8", "surrogateescape"), flags)
    except (libc.UsageError, re.error) as error:
        libc.eputs(f"grep: {error}")
        return TROUBLE
    names = options.operands[1:] or ["-"]
    status = UNMATCHED
    for name in names:
        fd = 0 if name == "-" else libc.open(name)
        if fd < 0:
            libc.perror(f"grep: {name}")
            status = TROUBLE
            continue
        prefix = f"{name}:" if len(names) > 1 else ""
        if search(fd, pattern, options, prefix) and status == UNMATCHED:
            status = MATCHED
        if fd > 0:
            libc.close(fd)
    return status


def search(fd, pattern, options, prefix):
    """Print the matching lines of one descriptor; how many there were."""
    reader = libc.LineReader(fd)
    wanted = not options.has("v")
    silent = options.has("q") or options.has("c")
    number = found = 0
    while True:
        line = reader.line()
        if line == -1 or not line:
            break
        number += 1
        if (pattern.search(line.rstrip(b"\n")) is not None) != wanted:
            continue
        found += 1
        if options.has("q"):
            break
        if not silent:
            head = prefix + (f"{number}:" if options.has("n") else "")
            libc.fputs(head.encode() + line.rstrip(b"\n") + b"\n")
    if options.has("c"):
        libc.puts(f"{prefix}{found}")
    return found
