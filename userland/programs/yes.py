"""yes: a line again and again, until nobody reads it."""

from userland import libc

USAGE = "yes [TEXT ...]"


def main(argv):
    if argv[1:2] == ["--help"]:
        libc.eputs(f"usage: {USAGE}")
        return 2
    line = (" ".join(argv[1:]) or "y").encode("utf-8", "surrogateescape") + b"\n"
    block = line * max(1, 8192 // len(line))
    while libc.write_all(1, block) == 0:
        pass
    return 1
