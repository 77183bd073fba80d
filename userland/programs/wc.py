"""wc: counts lines, words and bytes."""

from userland import libc

USAGE = "wc [-lwc] [FILE ...]"
BLOCK = 262144
BLANKS = b" \t\n\r\v\f"


def main(argv):
    try:
        options = libc.getopt(argv, "lwc", USAGE)
    except libc.UsageError as error:
        libc.eputs(f"wc: {error}")
        return 2
    wanted = [options.has(letter) for letter in "lwc"]
    if not any(wanted):
        wanted = [True, True, True]
    names = options.operands
    total = [0, 0, 0]
    status = 0
    for name in names or ["-"]:
        fd = 0 if name == "-" else libc.open(name)
        counts = count(fd) if fd >= 0 else None
        if counts is None:
            libc.perror(f"wc: {name}")
            status = 1
            continue
        if fd > 0:
            libc.close(fd)
        total = [a + b for a, b in zip(total, counts, strict=True)]
        show(counts, wanted, name if names else "")
    if len(names) > 1:
        show(total, wanted, "total")
    return status


def show(counts, wanted, name):
    shown = [str(value) for value, want in zip(counts, wanted, strict=True) if want]
    line = shown[0] if len(shown) == 1 else " ".join(f"{value:>7}" for value in shown)
    libc.puts(f"{line} {name}".rstrip())


def count(fd):
    """[lines, words, bytes], or None when reading fails."""
    lines = words = size = 0
    inside = False
    while True:
        chunk = libc.read_bytes(fd, BLOCK)
        if chunk == -1:
            return None
        if not chunk:
            return [lines, words, size]
        size += len(chunk)
        lines += chunk.count(b"\n")
        words += len(chunk.split())
        if inside and chunk[0] not in BLANKS:
            words -= 1
        inside = chunk[-1] not in BLANKS
